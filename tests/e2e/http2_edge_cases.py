"""HTTP/2 as real programs speak it when it gets difficult, on one pair with the file exporter."""
import signal
import socket

from harness import Failure, check, check_equal, main, program, wait_for
from http2_peers import Http2Client, Http2Nginx, Http2Server, Nghttpd, Nghttpx
from peers import PythonServer, curl
from telemetry import CLIENT, ERROR, SERVER, watch

MEGABYTE = 1 << 20
PRIOR = "--http2-prior-knowledge"


def check_exchange(telemetry, marker, method, status, version="2"):
    """One server span and one client span, with the method, the status and what follows from them."""
    for kind in (SERVER, CLIENT):
        span = telemetry.wait_span(marker, kind)
        seen = span.attributes
        check_equal((span.name, seen.get("http.request.method"), seen.get("http.response.status_code"),
                     seen.get("network.protocol.version")), (method, method, status, version), f"{span}")
        error = status >= 500 or (status >= 400 and kind == CLIENT)
        check_equal((seen.get("error.type"), span.status), (str(status), ERROR) if error else (None, 0),
                    f"error of {span}")
        check("shmotel.end" not in seen, f"the end of {span} was seen")


def check_all(telemetry, cases):
    """check_exchange for (marker, method, status...), with every failure reported."""
    failures = []
    for case in cases:
        try:
            check_exchange(telemetry, *case)
        except Failure as failure:
            failures.append(f"{case[0]}: {failure}")
    check(not failures, "\n    ".join(["", *failures]))


def every_kind_of_message_is_one_exchange(host):
    nginx, nghttpd, python = Http2Nginx(host), Nghttpd(host, "--trailer", "x-sum: 1", "--echo-upload"), Http2Server(host)
    big = host.directory / "big"
    big.write_bytes(bytes(range(256)) * (20 * MEGABYTE // 256))
    for server in (nginx, nghttpd):
        (server.files / "page").write_text("page\n")
        (server.files / "big").hardlink_to(big)
    headers = [word for n in range(8) for word in ("-H", f"x-long-{n}: {'v~' * 1500}")]
    cases = [
        # marker, URL, method, status, arguments of curl
        ("case-get", f"{nginx.url}/ok", "GET", 200, []),
        ("case-file", f"{nghttpd.url}/page", "GET", 200, []),
        ("case-missing", f"{nginx.url}/files/missing", "GET", 404, []),
        ("case-failing", f"{nginx.url}/error/failing", "GET", 500, []),
        ("case-head", f"{nginx.url}/files/big", "HEAD", 200, ["--head"]),
        ("case-same", f"{nginx.url}/files/page", "GET", 304, ["-H", "If-None-Match: *"]),
        ("case-post", f"{python.url}/post", "POST", 200, ["--data", "x=1"]),
        ("case-up-nginx", f"{nginx.url}/dav/up", "PUT", 201, ["-T", big]),
        ("case-up-nghttpd", f"{nghttpd.url}/up", "PUT", 200, ["-T", big]),
        ("case-down-nginx", f"{nginx.url}/files/big", "GET", 200, []),
        ("case-down-nghttpd", f"{nghttpd.url}/big", "GET", 200, []),
        ("case-trailers", f"{nghttpd.url}/page", "GET", 200, []),
        ("case-both", f"{python.url}/trailers", "GET", 200, []),
        ("case-continued", f"{python.url}/continued", "GET", 200, headers),
    ]
    telemetry = watch(host)
    for marker, url, _, _, arguments in cases:
        curl(host, PRIOR, "-o", "/dev/null", *arguments, f"{url}?{marker}-end")
    check_all(telemetry, [(f"{marker}-end", method, status) for marker, _, method, status, _ in cases])


def large_messages_pass_beside_small_ones_on_one_connection(host):
    nginx = Http2Nginx(host)
    (nginx.files / "big").write_bytes(b"\0\0\x05\1\5\0\0\0\1:path" * (20 * MEGABYTE // 14))
    (nginx.files / "page").write_text("page\n")
    telemetry = watch(host)
    names = [f"{'big' if n % 10 == 0 else 'page' if n % 2 else 'none'}?beside-{n}-end" for n in range(40)]
    host.run([program("nghttp"), "--null-out", "--max-concurrent-streams=100",
              *(f"{nginx.url}/files/{name}" for name in names)])
    check_all(telemetry, [(name, "GET", 404 if name.startswith("none") else 200) for name in names])


def a_connection_upgraded_from_http1_gives_spans_for_both_versions(host):
    proxy = Nghttpx(host, PythonServer(host).port)
    telemetry = watch(host)
    curl(host, "--http2", f"{proxy.url}/status/404?upgrade-first", f"{proxy.url}/upgrade-second")
    # The first request is HTTP/1.1 and its answer HTTP/2; behind the proxy all is HTTP/1.1.
    for marker, status in (("upgrade-first", 404), ("upgrade-second", 200)):
        wait_for("the spans of both connections", lambda: len(telemetry.matching(marker)) >= 4)
        for span in telemetry.matching(marker):
            check_equal(span.attributes.get("http.response.status_code"), status, f"status of {span}")
    versions = sorted(span.attributes["network.protocol.version"] for span in telemetry.matching("upgrade-second"))
    check_equal(versions, ["1.1", "1.1", "2", "2"], "versions after the upgrade")


def pushed_responses_leave_what_was_asked_for_whole(host):
    nghttpd = Nghttpd(host, "--push=/page=/style,/script")
    for name in ("page", "style", "script", "after"):
        (nghttpd.files / name).write_text(name)
    telemetry = watch(host)
    host.run([program("nghttp"), "--null-out", f"{nghttpd.url}/page?with-push", f"{nghttpd.url}/none?with-push-too"])
    check_all(telemetry, [("with-push-too", "GET", 404)])
    for kind in (SERVER, CLIENT):
        span, = [span for span in telemetry.matching("with-push", kind) if "too" not in span.target]
        check_equal(span.attributes["http.response.status_code"], 200, f"status of {span}")


def check_unanswered(telemetry, marker, status=None):
    """A span on both sides with the status that was sent, or none, and an error that says why there is no more."""
    for span in telemetry.wait_pair(marker):
        check_equal(span.attributes.get("http.response.status_code"), status, f"status of {span}")
        check(span.attributes.get("error.type") or span.attributes.get("shmotel.end"), f"nothing says the end: {span}")


def resets_are_no_answers(host):
    server = Http2Server(host)
    telemetry = watch(host)
    client = Http2Client(server.port)
    cancelled = client.send("/silent/reset-by-client")
    client.get("/between-resets")
    client.reset(cancelled)
    check_equal(client.get("/reset/2?reset-by-server"), None, "status of a reset stream")
    check_equal(client.get("/cut/2?reset-behind-head"), 200, "status of a stream that breaks off")
    check_equal(client.get("/after-resets"), 200, "status")
    check_all(telemetry, [(marker, "GET", 200) for marker in ("between-resets", "after-resets")])
    check_unanswered(telemetry, "reset-by-client")
    check_unanswered(telemetry, "reset-by-server")
    check_unanswered(telemetry, "reset-behind-head", 200)
    client.close()


def a_goaway_and_a_stopped_server_leave_no_invented_status(host):
    server = Http2Server(host)
    telemetry = watch(host)
    leaving = Http2Client(server.port)
    check_equal(leaving.get("/goaway/201?before-goaway"), 201, "status")
    leaving.close()
    client = Http2Client(server.port)
    for n in range(5):
        client.send(f"/silent/open-{n}-end")
    client.get("/answered-before-the-end")
    server.process.stop(signal.SIGKILL)
    check_all(telemetry, [("before-goaway", "GET", 201), ("answered-before-the-end", "GET", 200)])
    client.close()
    for n in range(5):
        check_unanswered(telemetry, f"open-{n}-end")


def a_header_block_that_arrives_byte_by_byte_is_one_request(host):
    server = Http2Server(host)
    telemetry = watch(host)
    client = Http2Client(server.port)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    whole = client.flush

    def bytewise():
        for byte in client.connection.data_to_send():
            client.socket.send(bytes([byte]))
    client.flush = bytewise
    check_equal(client.get("/byte-by-byte", method="POST", body=b"x" * 300), 200, "status")
    client.flush = whole
    check_equal(client.get("/after-the-bytes"), 200, "status")
    check_all(telemetry, [("byte-by-byte", "POST", 200), ("after-the-bytes", "GET", 200)])
    client.close()


main(every_kind_of_message_is_one_exchange, large_messages_pass_beside_small_ones_on_one_connection,
     a_connection_upgraded_from_http1_gives_spans_for_both_versions, pushed_responses_leave_what_was_asked_for_whole,
     resets_are_no_answers, a_goaway_and_a_stopped_server_leave_no_invented_status,
     a_header_block_that_arrives_byte_by_byte_is_one_request)
