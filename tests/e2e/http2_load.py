"""h2load with 8 connections and 100 streams each, at the full speed of the server: every request, path and status."""
import collections

import http1_load
from harness import check, check_equal, fewer, lost, main, wait_for
from http2_peers import Http2Nginx, Nghttpd, h2load
from telemetry import CLIENT, SERVER, Telemetry

REQUESTS = fewer(4000, 32)


def path_of(span):
    """The path and query, of either side."""
    target = span.target
    return "/" + target.split("/", 3)[3] if "://" in target else target


def check_every_request(host, telemetry, pair, server, statuses, marker):
    """Load the server with the paths of {path: status} and compare each span."""
    asked = h2load(host, server.url, list(statuses), REQUESTS)
    expected = {(path, status): asked[path] for path, status in statuses.items()}

    def seen(kind):
        return [span for span in telemetry.matching(marker, kind)]
    try:
        wait_for("the spans", lambda: min(len(seen(SERVER)), len(seen(CLIENT))) >= REQUESTS, 20)
    finally:
        losses = lost(*(program.counters() for program in pair))
        counts = {kind: collections.Counter((path_of(span), span.attributes.get("http.response.status_code"))
                                            for span in seen(kind)) for kind in (SERVER, CLIENT)}
        print(f"    {marker}: {[sum(count.values()) for count in counts.values()]} spans, losses {losses or 'none'}")
        for count in counts.values():
            wrong = {key: n for key, n in count.items() if key[1] is not None and n > expected.get(key, 0)}
            check(not wrong, f"spans of what was not asked, or too many: {wrong}, expected {expected}")
            missing = REQUESTS - sum(count[key] for key in expected)
            check(missing <= sum(losses.values()), f"{missing} spans are missing and not counted: {count}, {losses}")
    for kind in (SERVER, CLIENT):
        check_equal(dict(counts[kind]), expected, "spans by path and status")
        for span in seen(kind):
            check_equal((span.attributes["network.protocol.version"], span.attributes["http.request.method"]),
                        ("2", "GET"), f"version and method of {span}")
    http1_load.check_span_ids(seen(SERVER) + seen(CLIENT))


def every_stream_of_eight_connections_becomes_a_server_span_and_a_client_span(host):
    nginx, nghttpd = Http2Nginx(host), Nghttpd(host)
    for size, name in enumerate(("small", "larger")):
        for server in (nginx, nghttpd):
            (server.files / name).write_bytes(b"x" * (1 + 3000 * size))
    pair = host.sensor(), host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    check_every_request(host, telemetry, pair, nginx, {
        "/files/small?nginx": 200, "/files/larger?nginx": 200, "/files/none?nginx": 404, "/error/?nginx": 500}, "nginx")
    check_every_request(host, telemetry, pair, nghttpd, {
        "/small?nghttpd": 200, "/larger?nghttpd": 200, "/none?nghttpd": 404, "/none/either?nghttpd": 404}, "nghttpd")
    check_equal([program.stop() for program in reversed(pair)], [0, 0], "exit codes after SIGTERM")
    http1_load.check_metrics(telemetry, pair[1].counters_at_exit())


main(every_stream_of_eight_connections_becomes_a_server_span_and_a_client_span)
