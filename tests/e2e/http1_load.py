"""The load that is sent through each kind of OTLP endpoint, and what has to come out of it."""
import http.client
import pathlib
import time

from harness import check, check_equal, counter_sum, lost, wait_for
from peers import curl, wrk
from telemetry import CLIENT, CUMULATIVE, SERVER

DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
# metric: the spans that it measures, by kind and by an attribute that only they have
HTTP_METRICS = {"http.server.request.duration": (SERVER, "http.request.method"),
                "http.client.request.duration": (CLIENT, "http.request.method")}


def send_fresh_connections(host, server, marker, count):
    """One curl process, a connection for each request."""
    url = f"{server.url}/{marker}?n=[1-{count}]"
    statuses = curl(host, "-H", "Connection: close", "-o", "/dev/null", "-w", "%{http_code}\n", url).split()
    check_equal(statuses, ["200"] * count, "statuses that curl got")


def send_keep_alive(server, marker, count):
    """Python's http.client on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for _ in range(count):
        connection.request("GET", f"/{marker}")
        connection.getresponse().read()
    connection.close()


def expect_all(host, telemetry, pair, marker, server_count, client_least, client_most):
    """As many spans as requests on both sides, or a counter that accounts for each one missing."""
    def settled():
        return (len(telemetry.matching(marker, SERVER)) >= server_count and
                len(telemetry.matching(marker, CLIENT)) >= client_least)
    deadline = time.monotonic() + 30
    while not settled() and time.monotonic() < deadline:
        time.sleep(0.2)
    servers, clients = (len(telemetry.matching(marker, kind)) for kind in (SERVER, CLIENT))
    losses = lost(*(program.counters() for program in pair))
    message = f"{marker}: {servers} server spans of {server_count}, {clients} client spans of {client_least}"
    print(f"    {message}..{client_most}, counted losses {losses or 'none'}", flush=True)
    check(servers <= server_count and clients <= client_most, f"more spans than requests: {message}")
    missing = max(0, server_count - servers) + max(0, client_least - clients)
    check(missing <= sum(losses.values()), f"{missing} spans are missing and not counted: {message}, {losses}")


def check_span_ids(spans):
    check_equal(len({span.span_id for span in spans}), len(spans), "different span ids")
    check(all(len(span.trace_id) == 32 and len(span.span_id) == 16 for span in spans), "ids are not hexadecimal")
    check(all(0 < span.start <= span.end for span in spans), "a span ends before it starts")


def check_no_capability(receiver):
    status = pathlib.Path(f"/proc/{receiver.pid}/status").read_text()
    sets = {name: value for name, value in (line.split(":\t") for line in status.splitlines())
            if name.startswith("Cap") or name in ("NoNewPrivs", "Seccomp")}
    expected = dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)
    check_equal(sets, {**expected, "NoNewPrivs": "1", "Seccomp": "2"}, "privileges of the receiver")


def has_duration(span):
    """Whether both its ends were seen."""
    return (span.attributes.get("shmotel.end") not in ("unseen", "loss", "shutdown") and
            "shmotel.start" not in span.attributes)


def check_metrics(telemetry, report, metrics=HTTP_METRICS):
    """Every span whose duration is known is in a histogram too. Called when the receiver has drained and ended. The spans
    of other protocols, which may be those of others on this host, are counted only."""
    check_equal(len(telemetry.read().spans),
                counter_sum(report, "shmotel.receiver.spans") - counter_sum(report, "shmotel.exporter.span.lost"),
                "spans that arrived")
    for metric, (kind, attribute) in metrics.items():
        series = telemetry.series(metric)
        check(series, f"no {metric}")
        for one in series:
            check_equal((one.unit, one.temporality, one.bounds), ("s", CUMULATIVE, DURATION_BOUNDS), metric)
            check_equal(sum(one.buckets), one.count, f"the buckets of {metric}")
        measured = sum(one.count for one in series)
        expected = sum(span.kind == kind and attribute in span.attributes and has_duration(span)
                       for span in telemetry.spans)
        # A point that was lost may have been the last of a process that is gone, and a span that was lost is measured.
        if counter_sum(report, "shmotel.exporter.metric_data_point.lost") == 0:
            check(measured >= expected, f"{metric}: {measured} measured, of {expected} spans")
        if counter_sum(report, "shmotel.exporter.span.lost") == 0:
            check(measured <= expected, f"{metric}: {measured} measured, of {expected} spans")


def send_everything(host, nginx, others, telemetry, pair):
    """The load of the first milestone: 200 fresh connections, 20,000 requests on kept ones, and other servers."""
    send_fresh_connections(host, nginx, "fresh-curl", 200)
    expect_all(host, telemetry, pair, "fresh-curl", 200, 200, 200)

    send_keep_alive(nginx, "kept-python", 1000)
    expect_all(host, telemetry, pair, "kept-python", 1000, 1000, 1000)

    connections = 8
    completed = wrk(host, f"{nginx.url}/kept-wrk", 20000, connections)
    # What wrk had in flight when it ended was sent, and may or may not have been read.
    answered = len(wait_for("nginx to finish", lambda: nginx.requests("kept-wrk")))
    check(completed <= answered <= completed + connections, f"wrk counts {completed}, nginx {answered}")
    expect_all(host, telemetry, pair, "kept-wrk", answered, completed, completed + connections)

    for server in others:
        marker = f"small-{server.process.name}"
        send_fresh_connections(host, server, marker, 20)
        send_keep_alive(server, marker, 20)
        expect_all(host, telemetry, pair, marker, 40, 40, 40)
