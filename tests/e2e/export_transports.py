"""The real Collector over every transport: HTTP and gRPC, Unix sockets and TLS with and without a client's certificate."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from certificates import Certificates  # noqa: E402
from harness import check, check_equal, counter_sum, main, program, wait_for  # noqa: E402
from peers import Collector, Nginx, curl  # noqa: E402
from telemetry import SERVER, Telemetry  # noqa: E402


def check_delivers(host, collector, *options, env=None):
    nginx = Nginx(host)
    host.sensor()
    receiver = host.receiver(collector.export, options=options, env=env)
    for i in range(3):
        curl(host, f"{nginx.url}/request-{i}")
    telemetry = Telemetry(collector.output)
    for i in range(3):
        telemetry.wait_pair(f"/request-{i}", seconds=40)
    check_equal(receiver.stop(), 0, "exit code")
    report = receiver.counters_at_exit()
    check(counter_sum(report, "shmotel.exporter.metric_data_point.sent") > 0, "metrics arrive")
    check_equal(counter_sum(report, "shmotel.exporter.span.lost"), 0, f"nothing was lost: {report}")
    check_equal(counter_sum(report, "shmotel.exporter.retries"), 0, "nothing was sent twice")


def http_over_a_unix_socket(host):
    check_delivers(host, Collector(host, "http").start())


def http_over_a_unix_socket_with_gzip(host):
    check_delivers(host, Collector(host, "http").start(), "--compression", "gzip")


def with_tls(host, protocol, clients=False):
    program("openssl")
    certificates = Certificates()
    try:
        authority = certificates.authority if clients else None
        collector = Collector(host, protocol, tls=(*certificates.pair("localhost"), authority)).start()
        options = ["--tls-ca-file", certificates.authority]
        if clients:
            certificate, key = certificates.pair("client")
            options += ["--tls-cert-file", certificate, "--tls-key-file", key]
        check_delivers(host, collector, *options)
    finally:
        certificates.close()


def http_over_tls(host):
    with_tls(host, "http")


def grpc_over_tls(host):
    with_tls(host, "grpc")


def http_over_tls_with_a_clients_certificate(host):
    with_tls(host, "http", clients=True)


def grpc_over_tls_with_a_clients_certificate(host):
    with_tls(host, "grpc", clients=True)


def a_collector_whose_certificate_is_not_trusted_gets_nothing_and_the_sentence_says_why(host):
    program("openssl")
    certificates = Certificates()
    try:
        collector = Collector(host, "grpc", tls=(*certificates.pair("localhost"), None)).start()
        nginx = Nginx(host)
        host.sensor()
        receiver = host.receiver(collector.export)
        curl(host, f"{nginx.url}/secret")
        wait_for("the sentence", lambda: "name that authority with tls.ca_file" in receiver.output())
        wait_for("the status", lambda: host.status()[1].startswith("not ready: otlp-grpc localhost"))
        check("tls.ca_file" in host.status()[1], "the status says why")
        check(not collector.output.exists() or not collector.output.stat().st_size, "nothing was sent")
    finally:
        certificates.close()


def a_signal_goes_where_its_own_variables_say(host):
    traces, metrics = Collector(host), Collector(host, "http")
    metrics.socket, metrics.output = host.directory / "metrics.sock", host.directory / "metrics.jsonl"
    for each in (traces, metrics):
        each.start()
    nginx = Nginx(host)
    host.sensor()
    argv = [host.bin / "shmotel-receiver", "--socket", host.socket, "--user", "nobody", "--config", "/dev/null"]
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"unix://{traces.socket}",
                   "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"unix://{metrics.socket}",
                   "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf", "OTEL_METRIC_EXPORT_INTERVAL": "500",
                   "SHMOTEL_STATUS_SOCKET": str(host.status_socket)}
    host.start(argv, env=environment).wait_output("ready:")
    curl(host, f"{nginx.url}/divided")
    Telemetry(traces.output).wait_span("/divided", SERVER)
    wait_for("metrics", lambda: metrics.output.exists() and "resourceMetrics" in metrics.output.read_text())
    check("resourceSpans" not in metrics.output.read_text(), "no traces where metrics go")
    check("resourceMetrics" not in traces.output.read_text(), "no metrics where traces go")


main(http_over_a_unix_socket, http_over_a_unix_socket_with_gzip, http_over_tls, grpc_over_tls,
     http_over_tls_with_a_clients_certificate, grpc_over_tls_with_a_clients_certificate,
     a_collector_whose_certificate_is_not_trusted_gets_nothing_and_the_sentence_says_why,
     a_signal_goes_where_its_own_variables_say)
