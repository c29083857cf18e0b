"""HTTP/2 connections older than the sensor, or than the receiver: what cannot be known is absent, never wrong."""
from harness import check, check_equal, main
from http2_peers import Http2Client, Http2Nginx, Http2Server, Nghttpd
from telemetry import CLIENT, SERVER, Telemetry

ROUNDS = 12


def statuses_and_paths(n, label):
    """A request whose path the header tables cannot know beforehand, and the status that it gets."""
    return (f"/status/404?{label}-{n}-end", 404) if n % 3 == 0 else (f"/{label}-{n}-end", 200)


def check_later_streams(host, telemetry, client, label):
    """Every later stream of an open connection has a span on both sides; a path is a literal and known, and so is the
    status if it was not in the server's table before. What is there is right."""
    for n in range(ROUNDS):
        path, status = statuses_and_paths(n, label)
        check_equal(client.get(path), status, f"status of {path}")
    for kind in (SERVER, CLIENT):
        known = 0
        for n in range(ROUNDS):
            path, status = statuses_and_paths(n, label)
            span = telemetry.wait_span(f"{label}-{n}-end", kind)
            seen = span.attributes
            check(span.target.endswith(path), f"path of {span}, expected {path}")
            check(seen.get("http.request.method") in ("GET", "_OTHER"), f"method of {span}")
            check(seen.get("http.response.status_code") in (status, None), f"status of {span}, expected {status}")
            check(seen.get("network.protocol.version") == "2", f"version of {span}")
            known += seen.get("http.response.status_code") is not None
        print(f"    {label}, {'client' if kind == CLIENT else 'server'}: {known} of {ROUNDS} statuses known")


def connections_older_than_the_sensor_give_spans_for_their_later_streams(host):
    servers = {"python": Http2Server(host).port, "nghttpd": Nghttpd(host).port, "nginx": Http2Nginx(host).http2_port}
    clients = {name: Http2Client(port) for name, port in servers.items()}
    for client in clients.values():
        for n in range(3):
            client.get(f"/before-the-sensor-{n}")
    sensor = host.sensor()
    host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    if "capture by fentry" in sensor.output():
        # The Python server waits in a receive, which fentry does not see return: docs/support-matrix.md.
        clients["python"].get("/ends-the-wait")
    for name, client in clients.items():
        if name != "python":
            # No status but 404 comes from nghttpd's empty folder and 200 from nginx: see that the spans are there.
            check_some_streams(telemetry, client, f"old-{name}")
        else:
            check_later_streams(host, telemetry, client, "old-python")
    check_equal(telemetry.matching("before-the-sensor"), [], "spans of requests before the sensor")
    for client in clients.values():
        client.close()


def check_some_streams(telemetry, client, label):
    statuses = [client.get(f"/{label}-{n}-end") for n in range(ROUNDS)]
    for kind in (SERVER, CLIENT):
        for n, status in enumerate(statuses):
            span = telemetry.wait_span(f"{label}-{n}-end", kind)
            check(span.attributes.get("http.response.status_code") in (status, None), f"{span}, expected {status}")


def a_connection_older_than_the_receiver_gives_spans_for_its_later_streams(host):
    server = Http2Server(host)
    host.sensor()
    receiver = host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    client = Http2Client(server.port)
    for n in range(3):
        client.get(f"/before-the-receiver-{n}")
    telemetry.wait_spans("before-the-receiver", 6)
    check_equal(receiver.stop(), 0, "exit code of the first receiver")
    client.get("/without-a-receiver")
    host.receiver()
    check_later_streams(host, telemetry, client, "second-receiver")
    client.close()


main(connections_older_than_the_sensor_give_spans_for_their_later_streams,
     a_connection_older_than_the_receiver_gives_spans_for_its_later_streams)
