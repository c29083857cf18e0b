"""HTTP/1.1 of real servers and clients, out of a real Collector: every request, every attribute, every count."""
import time

import http1_load
from harness import Skip, check, check_equal, main
from peers import Collector, Nginx, NodeServer, PythonServer, curl
from telemetry import CLIENT, SERVER, Telemetry

TRACE_ID, CALLER_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def other_servers(host):
    servers = [PythonServer(host)]
    try:
        servers.append(NodeServer(host))
    except Skip as reason:
        print(f"    without Node: {reason}")
    return servers


def every_request_becomes_a_server_span_and_a_client_span(host):
    collector = Collector(host).start()
    nginx, others = Nginx(host), other_servers(host)
    pair = host.sensor(), host.receiver(collector.export)
    telemetry = Telemetry(collector.output)

    http1_load.send_everything(host, nginx, others, telemetry, pair)
    http1_load.check_span_ids(telemetry.spans)
    http1_load.check_no_capability(pair[1])

    check_equal([program.stop() for program in reversed(pair)], [0, 0], "exit codes after SIGTERM")
    collector.process.stop()
    http1_load.check_metrics(telemetry.read(), pair[1].counters_at_exit())


def a_request_has_the_attributes_of_the_conventions(host):
    collector = Collector(host).start()
    nginx = Nginx(host)
    host.sensor()
    host.receiver(collector.export)
    telemetry = Telemetry(collector.output)

    began = time.time_ns()
    written = curl(host, "-A", "e2e/1", "-H", f"traceparent: 00-{TRACE_ID}-{CALLER_ID}-01",
                   "-w", "%{local_port}", f"{nginx.url}/known/request?color=green&sig=secret")
    client_port = int(written.split()[-1])
    server = telemetry.wait_span("/known/request", SERVER)
    client = telemetry.wait_span("/known/request", CLIENT)
    ended = time.time_ns()

    check_equal(server.name, "GET", "name of the server span")
    check_equal(server.attributes, {
        "http.request.method": "GET",
        "url.path": "/known/request",
        "url.query": "color=green&sig=REDACTED",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": nginx.port,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": client_port,
        "network.protocol.version": "1.1",
        "user_agent.original": "e2e/1",
    }, "attributes of the server span")
    check_equal((server.trace_id, server.parent_span_id), (TRACE_ID, CALLER_ID), "trace and parent of the server span")
    check_equal(server.schema_url, "https://opentelemetry.io/schemas/1.44.0", "schema of the server span")

    check_equal(client.name, "GET", "name of the client span")
    check_equal(client.attributes, {
        "http.request.method": "GET",
        "url.full": f"{nginx.url}/known/request?color=green&sig=REDACTED",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": nginx.port,
        "network.peer.address": "127.0.0.1",
        "network.peer.port": nginx.port,
        "network.protocol.version": "1.1",
    }, "attributes of the client span")
    for span in (server, client):
        check_equal(span.status, 0, "status of a span without an error")
        check(began <= span.start <= span.end <= ended, f"times of {span}: {began} {span.start} {span.end} {ended}")
    check(client.start <= server.start and server.end <= client.end, "the server's span lies within the client's")

    check(server.resource.get("process.pid") in nginx.worker_pids(), f"process of the server span: {server.resource}")
    check_equal(server.resource.get("service.name"), "unknown_service:nginx", "service of the server span")
    check_equal(client.resource.get("service.name"), "unknown_service:curl", "service of the client span")
    for key in ("process.executable.name", "process.executable.path", "host.name", "telemetry.sdk.name",
                "telemetry.sdk.language", "telemetry.sdk.version"):
        check(server.resource.get(key), f"the resource of the server span has no {key}: {server.resource}")


main(every_request_becomes_a_server_span_and_a_client_span, a_request_has_the_attributes_of_the_conventions)
