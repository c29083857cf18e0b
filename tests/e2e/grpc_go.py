"""gRPC calls of every kind between grpc-go and itself, and grpcio both ways."""
import grpc_calls
from harness import main


def every_call_becomes_a_server_span_and_a_client_span(host):
    grpc_calls.calls_of_every_kind(host, [("go", "go"), ("go", "python"), ("python", "go")])


def calls_on_a_connection_older_than_the_sensor_are_seen(host):
    grpc_calls.calls_on_an_older_connection(host, "go")


main(every_call_becomes_a_server_span_and_a_client_span, calls_on_a_connection_older_than_the_sensor_are_seen)
