"""Who a process is: the names that its environment gives, else its executable."""
from harness import check_equal, main
from peers import Nginx, PythonServer, curl
from telemetry import CLIENT, SERVER, watch


def the_environment_of_a_process_names_its_service(host):
    named = PythonServer(host, env={"OTEL_SERVICE_NAME": "checkout"})
    described = PythonServer(host, env={
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=billing,service.version=1.2.3,deployment.environment.name=a%20b"})
    both = PythonServer(host, env={"OTEL_SERVICE_NAME": "wins", "OTEL_RESOURCE_ATTRIBUTES": "service.name=loses"})
    unnamed = Nginx(host)
    telemetry = watch(host)

    def resource(server, marker):
        curl(host, f"{server.url}/{marker}")
        return telemetry.wait_span(marker, SERVER).resource
    check_equal(resource(named, "to-named")["service.name"], "checkout", "OTEL_SERVICE_NAME")
    billing = resource(described, "to-described")
    check_equal([billing.get(key) for key in ("service.name", "service.version", "deployment.environment.name")],
                ["billing", "1.2.3", "a b"], "OTEL_RESOURCE_ATTRIBUTES")
    check_equal(resource(both, "to-both")["service.name"], "wins", "OTEL_SERVICE_NAME over OTEL_RESOURCE_ATTRIBUTES")
    check_equal(resource(unnamed, "to-unnamed")["service.name"], "unknown_service:nginx", "without a name")


def a_process_younger_than_the_sensor_is_named_too(host):
    telemetry = watch(host)
    late = PythonServer(host, env={"OTEL_SERVICE_NAME": "latecomer"})
    curl(host, f"{late.url}/to-latecomer")
    span = telemetry.wait_span("to-latecomer", SERVER)
    check_equal((span.resource["service.name"], span.resource["process.pid"]), ("latecomer", late.process.pid),
                "service and process")
    check_equal(telemetry.wait_span("to-latecomer", CLIENT).resource["service.name"], "unknown_service:curl",
                "the client, which has ended before anybody could look")


main(the_environment_of_a_process_names_its_service, a_process_younger_than_the_sensor_is_named_too)
