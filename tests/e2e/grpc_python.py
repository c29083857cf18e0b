"""gRPC calls of every kind between grpcio (C core) and itself."""
import grpc_calls
from harness import main


def every_call_becomes_a_server_span_and_a_client_span(host):
    grpc_calls.calls_of_every_kind(host, [("python", "python")])


def calls_on_a_connection_older_than_the_sensor_are_seen(host):
    grpc_calls.calls_on_an_older_connection(host, "python")


main(every_call_becomes_a_server_span_and_a_client_span, calls_on_a_connection_older_than_the_sensor_are_seen)
