"""The load of http1_through_collector.py into a gRPC server of another implementation, and how its refusals are met."""
import http1_load
from harness import check, check_equal, counter_sum, main, wait_for
from peers import GrpcServer, Nginx, PythonServer, curl
from telemetry import Telemetry


def every_request_becomes_a_server_span_and_a_client_span(host):
    endpoint = GrpcServer(host).start()
    nginx, python = Nginx(host), PythonServer(host)
    pair = host.sensor(), host.receiver(endpoint.export)
    telemetry = Telemetry(endpoint.output)

    http1_load.send_everything(host, nginx, [python], telemetry, pair)
    http1_load.check_no_capability(pair[1])

    check_equal([program.stop() for program in reversed(pair)], [0, 0], "exit codes after SIGTERM")
    http1_load.check_span_ids(telemetry.read().spans)
    http1_load.check_metrics(telemetry, pair[1].counters_at_exit())


def what_may_be_retried_is_and_what_may_not_is_counted(host):
    endpoint = GrpcServer(host).start("UNAVAILABLE", "UNAVAILABLE")
    nginx = Nginx(host)
    host.sensor()
    receiver = host.receiver(endpoint.export)
    telemetry = Telemetry(endpoint.output)
    curl(host, f"{nginx.url}/after-a-retry")
    telemetry.wait_pair("/after-a-retry", seconds=40)
    report = receiver.counters()
    check(counter_sum(report, "shmotel.exporter.retries") >= 2, f"two retries are counted: {report}")
    check_equal(counter_sum(report, "shmotel.exporter.span.lost", "reason=refused"), 0, "refused for good")

    endpoint.process.stop()
    endpoint.start(*["INVALID_ARGUMENT"] * 1000)
    curl(host, f"{nginx.url}/refused")
    wait_for("the refusal to be counted", lambda: counter_sum(
        receiver.counters(), "shmotel.exporter.span.lost", "reason=refused") >= 2)
    check_equal(telemetry.matching("/refused"), [], "refused spans")


def what_a_partial_success_rejects_is_counted(host):
    endpoint = GrpcServer(host).start(*["partial:1"] * 1000)
    nginx = Nginx(host)
    host.sensor()
    receiver = host.receiver(endpoint.export)
    curl(host, f"{nginx.url}/partly")
    wait_for("the rejection to be counted", lambda: counter_sum(
        receiver.counters(), "shmotel.exporter.span.lost", "reason=partial_success") >= 1)


main(every_request_becomes_a_server_span_and_a_client_span, what_may_be_retried_is_and_what_may_not_is_counted,
     what_a_partial_success_rejects_is_counted)
