"""What is watched and what is not: ports, executables, cgroups, and never the pair and its Collector."""
import http.client

from harness import check, check_equal, main
from peers import Collector, Nginx, PythonServer, curl
from telemetry import CLIENT, SERVER, Telemetry, watch

LAST = "/the-last-one"


def spans_with(host, *options, ask):
    """Run `ask(nginx, python)` under a filter and return the telemetry once its last request is in it."""
    nginx, python = Nginx(host), PythonServer(host)
    telemetry = watch(host, *[option.format(nginx=nginx.port, python=python.port) for option in options])
    ask(nginx, python)
    telemetry.wait_spans(LAST, 1)
    return telemetry


def ask_both(host):
    def ask(nginx, python):
        for server in (python, nginx):
            curl(host, f"{server.url}/of-{server.process.name}")
        curl(host, f"{nginx.url}{LAST}")
    return ask


def only_an_included_port_is_watched(host):
    telemetry = spans_with(host, "--include-port", "{nginx}", ask=ask_both(host))
    check_equal(len(telemetry.matching("/of-nginx")), 2, "spans of the included port")
    check_equal(telemetry.matching("/of-python"), [], "spans of other ports")


def an_excluded_port_is_not_watched(host):
    telemetry = spans_with(host, "--exclude-port", "{python}", ask=ask_both(host))
    check_equal(len(telemetry.matching("/of-nginx")), 2, "spans of the other port")
    check_equal(telemetry.matching("/of-python"), [], "spans of the excluded port")


def only_an_included_executable_is_watched(host):
    telemetry = spans_with(host, "--include-executable", "*/nginx", ask=ask_both(host))
    check_equal([span.kind for span in telemetry.matching("/of-nginx")], [SERVER], "spans of nginx, not of curl")
    check_equal(telemetry.matching("/of-python"), [], "spans of Python")


def an_excluded_executable_is_not_watched(host):
    # By its name: the path of a curl that has ended before the sensor looked is not known.
    telemetry = spans_with(host, "--exclude-executable", "curl", ask=ask_both(host))
    check_equal([span.kind for span in telemetry.matching("/of-nginx")], [SERVER], "spans of nginx, not of curl")
    check_equal([span.kind for span in telemetry.matching("/of-python")], [SERVER], "spans of Python, not of curl")


def an_excluded_process_is_not_watched_on_connections_older_than_the_sensor(host):
    nginx = Nginx(host)
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port)

    def request(path):
        connection.request("GET", path)
        connection.getresponse().read()
    request("/before")
    host.sensor("--exclude-executable", "*/nginx")
    host.receiver()
    request("/on-the-old-connection")
    request(LAST)
    telemetry = Telemetry(host.out / "otlp.jsonl")
    telemetry.wait_span(LAST, CLIENT)
    check_equal([span.kind for span in telemetry.matching("/on-the-old-connection")], [CLIENT], "spans")


def the_pair_and_its_collector_are_never_watched(host):
    collector, nginx = Collector(host).start(), Nginx(host)
    sensor = host.sensor()
    receiver = host.receiver(collector.export, host.file_export())
    telemetry = Telemetry(collector.output)
    for n in range(3):
        curl(host, f"{nginx.url}/traffic-{n}")
        telemetry.wait_span(f"/traffic-{n}", SERVER)
    own = {sensor.pid, receiver.pid, collector.process.pid}
    seen = [span for span in telemetry.read().spans if span.resource.get("process.pid") in own]
    check(not seen, f"spans of the pair or its Collector: {seen}")
    unrecognised = {key: value for key, value in receiver.counters().items() if "state=unrecognised" in key[1]}
    print(f"    {unrecognised}")


main(only_an_included_port_is_watched, an_excluded_port_is_not_watched, only_an_included_executable_is_watched,
     an_excluded_executable_is_not_watched, an_excluded_process_is_not_watched_on_connections_older_than_the_sensor,
     the_pair_and_its_collector_are_never_watched)
