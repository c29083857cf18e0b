"""gRPC calls of every kind between @grpc/grpc-js and itself, and grpcio and grpc-go both ways."""
import grpc_calls
from harness import main


def every_call_becomes_a_server_span_and_a_client_span(host):
    grpc_calls.calls_of_every_kind(host, [("node", "node"), ("node", "python"), ("python", "node")])


def calls_between_node_and_go_become_spans_too(host):
    grpc_calls.calls_of_every_kind(host, [("node", "go"), ("go", "node")])


def calls_on_a_connection_older_than_the_sensor_are_seen(host):
    grpc_calls.calls_on_an_older_connection(host, "node")


main(every_call_becomes_a_server_span_and_a_client_span, calls_between_node_and_go_become_spans_too,
     calls_on_a_connection_older_than_the_sensor_are_seen)
