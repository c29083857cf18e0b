"""HTTP/1.x as real programs speak it when it gets difficult, on one pair with the file exporter."""
import http.client
import socket
import time

from harness import Failure, check, check_equal, counter_sum, main, wait_for
from peers import Nginx, PythonServer, curl
from telemetry import CLIENT, ERROR, SERVER, Telemetry, watch

MEGABYTE = 1 << 20
KNOWN_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}


def check_exchange(telemetry, marker, method, status, kinds=(SERVER, CLIENT)):
    """One server span and one client span, with the method, the status and what follows from them."""
    for kind in kinds:
        span = telemetry.wait_span(marker, kind)
        seen = span.attributes
        known = method if method in KNOWN_METHODS else "_OTHER"
        check_equal((seen.get("http.request.method"), seen.get("http.request.method_original")),
                    (known, None if known == method else method), f"method of {span}")
        check_equal(span.name, "HTTP" if known == "_OTHER" else method, f"name of {span}")
        check_equal(seen.get("http.response.status_code"), status, f"status of {span}")
        error = status >= 500 or (status >= 400 and kind == CLIENT)
        check_equal((seen.get("error.type"), span.status), (str(status), ERROR) if error else (None, 0),
                    f"error of {span}")


def ask(port, text, until=b"", address="127.0.0.1"):
    """Send bytes as they are, read until the answer holds `until`, and return the open socket and the answer."""
    connection = socket.create_connection((address, port), timeout=20)
    connection.sendall(text)
    answer = b""
    while until not in answer:
        data = connection.recv(65536)
        check(data, f"the server closed after {answer[-200:]!r}")
        answer += data
    return connection, answer


def request(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]).encode()


def every_kind_of_message_is_one_exchange(host):
    nginx, python = Nginx(host), PythonServer(host)
    (nginx.directory / "files" / "page").write_text("page\n")
    big = nginx.directory / "files" / "big"
    big.write_bytes(b"HTTP/1.1 200 OK\r\n\r\n" * (50 * MEGABYTE // 19))
    body = host.directory / "body"
    body.write_bytes(b"GET /not-a-request HTTP/1.1\r\n\r\n" * 70000)
    headers = [word for n in range(8) for word in ("-H", f"x-long-{n}: {'v' * 1000}")]
    chunked = ["-H", "Transfer-Encoding: chunked"]
    cases = [
        # marker, server, path, method, status, arguments of curl
        ("get", nginx, "/get", "GET", 200, []),
        ("file", nginx, "/files/page?file", "GET", 200, []),
        ("missing", nginx, "/files/missing", "GET", 404, []),
        ("failing", nginx, "/error/failing", "GET", 500, []),
        ("head", nginx, "/files/big?head", "HEAD", 200, ["--head"]),
        ("same", nginx, "/files/page?same", "GET", 304, ["-H", "If-None-Match: *"]),
        ("empty", python, "/status/204?empty", "GET", 204, []),
        ("post", python, "/post", "POST", 200, ["--data", "x=1"]),
        ("expect", nginx, "/dav/expect", "PUT", 201, ["-T", body, "-H", "Expect: 100-continue"]),
        ("upload", python, "/upload", "PUT", 200, ["-T", big, "-H", "Expect:"]),
        ("sendfile", nginx, "/files/big?sendfile", "GET", 200, []),
        ("chunks-up", python, "/chunks-up", "POST", 200, ["--data-binary", f"@{body}", *chunked]),
        ("chunks-down", python, "/chunked/chunks-down", "GET", 200, []),
        ("old", nginx, "/old", "GET", 200, ["--http1.0"]),
        ("long", nginx, "/long", "GET", 200, headers),
        ("webdav", nginx, "/dav/folder/?make", "MKCOL", 201, ["-X", "MKCOL"]),
        ("delete", nginx, "/dav/folder/?delete", "DELETE", 204, ["-X", "DELETE"]),
        ("unheard-of", python, "/unheard-of", "BREW", 200, ["-X", "BREW"]),
        ("absolute", nginx, "/absolute", "GET", 200, ["-x", nginx.url]),
    ]
    telemetry = watch(host)
    for marker, server, path, method, status, arguments in cases:
        # A second request on the same connection shows that the parsers are still in step.
        after = ["--next", "-s", "-o", "/dev/null", f"{server.url}/after-{marker}-end"]
        curl(host, "-o", "/dev/null", *arguments, server.url + path, *after)
    failures = []
    for marker, _, path, method, status, _ in cases:
        try:
            check_exchange(telemetry, path, method, status)
            check_exchange(telemetry, f"after-{marker}-end", "GET", 200)
        except Failure as failure:
            failures.append(f"{marker}: {failure}")
    check(not failures, "\n    ".join(["", *failures]))
    check(not telemetry.matching("not-a-request"), "a body was taken for a request")
    old = telemetry.matching("/old", SERVER)[0]
    check_equal(old.attributes["network.protocol.version"], "1.0", "version of HTTP/1.0")


def ip6_mapped_and_unix_addresses_are_seen(host):
    nginx, dual = Nginx(host), PythonServer(host, "::")
    telemetry = watch(host)
    curl(host, f"http://[::1]:{nginx.port}/over-ip6")
    curl(host, f"http://127.0.0.1:{dual.port}/over-mapped")
    curl(host, "--unix-socket", nginx.socket, "http://socket.test/over-unix")
    for marker, address in (("over-ip6", "::1"), ("over-mapped", "127.0.0.1")):
        check_exchange(telemetry, marker, "GET", 200)
        for span in telemetry.matching(marker):
            check_equal(span.attributes["network.peer.address"], address, f"peer of {span}")
    check_exchange(telemetry, "over-unix", "GET", 200)
    for span in telemetry.matching("over-unix"):
        check_equal(span.attributes["server.address"], "socket.test", f"server of {span}")
        check_equal(span.attributes.get("network.transport"), "unix", f"transport of {span}")


def pipeline(nginx, paths):
    """Send all requests in one segment and read all answers."""
    connection, _ = ask(nginx.port, b"".join(map(request, paths[:-1])) + request(paths[-1], "Connection: close"))
    with connection:
        while connection.recv(1 << 20):
            pass


def pipelined_requests_are_paired_in_order(host):
    nginx = Nginx(host)
    telemetry = watch(host)
    paths = [f"/{'' if n % 2 else 'files/'}pipelined-{n}-end" for n in range(8)]
    pipeline(nginx, paths)
    for n, path in enumerate(paths):
        check_exchange(telemetry, path, "GET", 200 if n % 2 else 404)


def pipelined_answers_beyond_the_capture_budget_get_no_wrong_status(host):
    nginx = Nginx(host)
    (nginx.directory / "files" / "page").write_bytes(b"x" * 10000)
    telemetry = watch(host)
    paths = [f"/files/{'page' if n % 2 else 'none'}?beyond-{n}-end" for n in range(40)]
    pipeline(nginx, paths)
    for kind in (SERVER, CLIENT):
        check_equal(len(telemetry.wait_spans("beyond-", 40, kind)), 40, "spans")
        seen = 0
        for n, path in enumerate(paths):
            attributes = telemetry.wait_span(path, kind).attributes
            status = attributes.get("http.response.status_code")
            check(status in (200 if n % 2 else 404, None), f"{path} got {status}")
            check(status or attributes.get("shmotel.end"), f"nothing says why there is no status: {attributes}")
            seen += status is not None
        print(f"    kind {kind}: {seen} of 40 statuses seen")


def a_head_that_arrives_byte_by_byte_is_one_request(host):
    nginx = Nginx(host)
    telemetry = watch(host)
    connection = socket.create_connection(("127.0.0.1", nginx.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        for byte in request("/byte-by-byte"):
            connection.send(bytes([byte]))
        connection.recv(65536)
    check_exchange(telemetry, "byte-by-byte", "GET", 200)


def an_upgraded_connection_is_opaque(host):
    python = PythonServer(host)
    telemetry = watch(host)
    upgrade = request("/upgrade", "Connection: Upgrade", "Upgrade: echo")
    connection, _ = ask(python.port, upgrade, until=b"\r\n\r\n")
    with connection:
        connection.sendall(request("/inside-the-upgrade"))
        check(connection.recv(65536), "no echo")
    check_exchange(telemetry, "/upgrade", "GET", 101)
    curl(host, f"{python.url}/afterwards")
    check_exchange(telemetry, "/afterwards", "GET", 200)
    check_equal(telemetry.matching("inside-the-upgrade"), [], "spans of what passed through an upgraded connection")


def a_connect_tunnel_is_one_request_and_its_inside_is_opaque(host):
    proxy, nginx = PythonServer(host), Nginx(host)
    telemetry = watch(host)
    curl(host, "--proxytunnel", "--proxy", proxy.url, f"{nginx.url}/through-the-tunnel")
    # The proxy's own connection to nginx is plain HTTP: one span at each end of it, none at the ends of the tunnel.
    check_exchange(telemetry, "through-the-tunnel", "GET", 200)

    def connects():
        return {span.kind: span for span in telemetry.read().spans
                if span.attributes["http.request.method"] == "CONNECT"}
    wait_for("both spans of the CONNECT", lambda: len(connects()) == 2)
    for span in connects().values():
        check_equal(span.attributes.get("http.response.status_code"), 200, f"status of {span}")


def a_response_that_was_not_seen_gets_no_status(host):
    python = PythonServer(host)
    telemetry = watch(host)
    curl(host, f"{python.url}/silent/one", fails=True)
    for span in telemetry.wait_pair("/silent/one"):
        check("http.response.status_code" not in span.attributes, f"a status was invented: {span}")
        check(span.attributes.get("error.type"), f"nothing says that the end is missing: {span}")


def a_response_that_breaks_off_keeps_its_status_and_says_so(host):
    python = PythonServer(host)
    telemetry = watch(host)
    curl(host, f"{python.url}/cut/one", fails=True)
    for span in telemetry.wait_pair("/cut/one"):
        check_equal(span.attributes.get("http.response.status_code"), 200, f"status of {span}")
        check(span.attributes.get("error.type"), f"nothing says that the end is missing: {span}")


def a_client_that_leaves_early_loses_no_server_span(host):
    python = PythonServer(host)
    telemetry = watch(host)
    connection, _ = ask(python.port, request("/slow/abandoned"))
    connection.close()
    # Over loopback the reset comes back within the server's first send, so its status may go unseen.
    server = telemetry.wait_span("/slow/abandoned", SERVER).attributes
    check(server.get("http.response.status_code", 200) == 200, f"status that the server sent: {server}")
    check(server.get("shmotel.end"), f"nothing says that the end is missing: {server}")
    client = telemetry.wait_span("/slow/abandoned", CLIENT).attributes
    check("http.response.status_code" not in client, f"the client never saw a status: {client}")


def connections_older_than_the_sensor_are_seen(host):
    nginx, python = Nginx(host), PythonServer(host)
    old = [http.client.HTTPConnection("127.0.0.1", server.port) for server in (nginx, python, python)]
    for connection in old:
        connection.request("GET", "/before-the-sensor")
        connection.getresponse().read()
    held = host.directory / "held"
    held.touch()
    old[-1].request("GET", f"/while{held}")
    sensor, receiver = host.sensor(), host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    # A receive that waits in the kernel when fentry comes returns past it: docs/support-matrix.md.
    past = [(1, 0)] if "capture by fentry" in sensor.output() else []
    held.unlink()
    old[-1].getresponse().read()
    for n, connection in enumerate(old):
        for m in range(3):
            connection.request("GET", f"/on-an-old-connection-{n}-{m}")
            connection.getresponse().read()
            check_exchange(telemetry, f"on-an-old-connection-{n}-{m}", "GET", 200,
                           (CLIENT,) if (n, m) in past else (SERVER, CLIENT))
    check_equal(telemetry.matching("before-the-sensor"), [], "spans of requests before the sensor")
    unmatched = counter_sum(receiver.counters(), "shmotel.receiver.exchange.lost", "reason=unmatched")
    check(unmatched >= len(past), f"{unmatched} responses were counted as unmatched, expected {past}")


def a_new_process_is_seen_within_a_second(host):
    telemetry = watch(host)
    nginx = Nginx(host)
    started = time.time_ns()
    curl(host, f"{nginx.url}/first-of-all")
    check_exchange(telemetry, "first-of-all", "GET", 200)
    check(telemetry.matching("first-of-all", SERVER)[0].start >= started, "the span is older than the request")


main(every_kind_of_message_is_one_exchange, ip6_mapped_and_unix_addresses_are_seen,
     pipelined_requests_are_paired_in_order, pipelined_answers_beyond_the_capture_budget_get_no_wrong_status,
     a_head_that_arrives_byte_by_byte_is_one_request, an_upgraded_connection_is_opaque,
     a_connect_tunnel_is_one_request_and_its_inside_is_opaque, a_response_that_was_not_seen_gets_no_status,
     a_response_that_breaks_off_keeps_its_status_and_says_so, a_client_that_leaves_early_loses_no_server_span,
     connections_older_than_the_sensor_are_seen, a_new_process_is_seen_within_a_second)
