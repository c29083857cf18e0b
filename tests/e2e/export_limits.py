"""A Collector that takes only small requests, one that refuses for memory, and receivers that are killed with a spool."""
import os
import re
import signal

from harness import check, check_equal, counter_sum, main, wait_for
from peers import Collector, Load, Nginx, curl
from telemetry import SERVER, Telemetry

PADDING = "x" * 3000


def long_requests(host, nginx, count):
    curl(host, "-o", "/dev/null", f"{nginx.url}/large?[1-{count}]&{PADDING}")


def arrives_in_parts(host, protocol):
    collector, nginx = Collector(host, protocol, max_mib=1).start(), Nginx(host)
    host.sensor("--capture-bytes", "8KiB")
    receiver = host.receiver(collector.export, options=["--batch-spans", "2000"],
                             env={"OTEL_BSP_SCHEDULE_DELAY": "5000"})
    long_requests(host, nginx, 600)
    wait_for("the spans to arrive",
             lambda: counter_sum(receiver.counters(), "shmotel.exporter.span.sent") >= 1200, seconds=60)
    check_equal(receiver.stop(), 0, "exit code")
    report = receiver.counters_at_exit()
    check_equal(counter_sum(report, "shmotel.exporter.span.lost"), 0, f"nothing was lost: {report}")
    check(counter_sum(report, "shmotel.exporter.splits") > 0, f"it was split: {report}")
    check("are too large for the endpoint" in receiver.output(), receiver.output())


def a_grpc_request_over_the_collectors_limit_arrives_in_parts(host):
    arrives_in_parts(host, "grpc")


def an_http_request_over_the_collectors_limit_arrives_in_parts(host):
    arrives_in_parts(host, "http")


def refused_for_memory(host, protocol, said):
    collector, nginx = Collector(host, protocol, memory_mib=2).start(), Nginx(host)
    host.sensor()
    receiver = host.receiver(collector.export)
    curl(host, f"{nginx.url}/patient")
    wait_for("a refusal", lambda: said in receiver.output())
    collector.process.stop()
    collector.memory_mib = 512
    collector.start()
    Telemetry(collector.output).wait_span("/patient", SERVER, seconds=40)
    check_equal(counter_sum(receiver.counters(), "shmotel.exporter.span.lost"), 0, "nothing was lost")


def what_the_memory_limiter_refuses_over_grpc_is_sent_again(host):
    refused_for_memory(host, "grpc", "have to be sent again: UNAVAILABLE, \"data refused due to high memory usage")


def what_the_memory_limiter_refuses_over_http_is_sent_again(host):
    refused_for_memory(host, "http", "have to be sent again: HTTP 503, \"data refused due to high memory usage")


def span_ids(path):
    found = []
    for line in path.read_text().splitlines():
        if line.startswith('{"resourceSpans"') and line.endswith("}"):
            found += re.findall(r'"spanId":"([0-9a-f]{16})"', line)
    return found


def with_a_spool_a_killed_receivers_spans_arrive(host):
    collector, nginx = Collector(host), Nginx(host)
    spool = host.out / "spool"
    spool.mkdir()
    os.chown(spool, 65534, 65534)
    host.sensor()
    options = ["--storage-directory", spool, "--storage-size", "32MiB"]
    for life in range(4):
        if life == 2:
            collector.start()
        receiver = host.receiver(collector.export, host.file_export(), options=options)
        wait_for("a sensor", lambda: "attached to sensor" in receiver.output())
        with Load(nginx.port, f"/life-{life}") as load:
            wait_for("some requests", lambda: load.sent >= 300)
            wait_for("spans in the file", lambda: f"/life-{life}" in (host.out / "otlp.jsonl").read_text())
            receiver.stop(signal.SIGKILL)
    receiver = host.receiver(collector.export, options=options)
    wait_for("an empty spool", lambda: re.search(r"idle; 0 requests", host.status()[1]), seconds=40)
    receiver.stop()
    arrived, made = span_ids(collector.output), span_ids(host.out / "otlp.jsonl")
    check(len(made) >= 1200, f"{len(made)} spans")
    check_equal(set(made) - set(arrived), set(), "missing spans")


main(a_grpc_request_over_the_collectors_limit_arrives_in_parts, an_http_request_over_the_collectors_limit_arrives_in_parts,
     what_the_memory_limiter_refuses_over_grpc_is_sent_again, what_the_memory_limiter_refuses_over_http_is_sent_again,
     with_a_spool_a_killed_receivers_spans_arrive)
