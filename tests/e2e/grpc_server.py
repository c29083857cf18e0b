#!/usr/bin/env python3
"""An OTLP/gRPC server on a Unix socket by another implementation (grpcio): writes each request as a line of OTLP/JSON.

grpc_server.py SOCKET OUTPUT PROTO_DIRECTORY [ANSWER...]

An ANSWER is what the next calls get before all others succeed: the name of a gRPC status, or partial:N, which rejects N
items. The request is written only if it is accepted. Prints "listening" when ready; asks for grpcio and protoc.
"""
import base64
import concurrent.futures
import json
import subprocess
import sys
import tempfile

import grpc
from google.protobuf import json_format

SIGNALS = {"trace": "Trace", "metrics": "Metrics"}


def load_messages(proto_directory):
    """Compile the .proto files and return {method path: (request class, response class)}."""
    with tempfile.TemporaryDirectory() as generated:
        files = [f"opentelemetry/proto/{name}.proto" for name in (
            "common/v1/common", "resource/v1/resource", "trace/v1/trace", "metrics/v1/metrics",
            "collector/trace/v1/trace_service", "collector/metrics/v1/metrics_service")]
        subprocess.run(["protoc", f"--proto_path={proto_directory}", f"--python_out={generated}", *files], check=True)
        sys.path.insert(0, generated)
        found = {}
        for folder, name in SIGNALS.items():
            package = f"opentelemetry.proto.collector.{folder}.v1"
            module = __import__(f"{package}.{folder}_service_pb2", fromlist=["*"])
            found[f"/{package}.{name}Service/Export"] = (getattr(module, f"Export{name}ServiceRequest"),
                                                         getattr(module, f"Export{name}ServiceResponse"))
        sys.path.remove(generated)
        return found


def to_otlp_json(message):
    """OTLP/JSON differs from protobuf's JSON in one thing: ids are hexadecimal."""
    def walk(node):
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {key: base64.b64decode(value).hex() if key in ("traceId", "spanId", "parentSpanId") else walk(value)
                for key, value in node.items()}
    return walk(json_format.MessageToDict(message, use_integers_for_enums=True))


class Service(grpc.GenericRpcHandler):
    def __init__(self, messages, output, answers):
        self.messages, self.output, self.answers = messages, output, answers

    def service(self, call):
        if call.method not in self.messages:
            return None
        request_class, response_class = self.messages[call.method]

        def export(request, context):
            answer = self.answers.pop(0) if self.answers else "OK"
            if not answer.startswith(("OK", "partial:")):
                context.abort(grpc.StatusCode[answer], "as the test asked")
            self.output.write(json.dumps(to_otlp_json(request)) + "\n")
            self.output.flush()
            response = response_class()
            if answer.startswith("partial:"):
                field = "rejected_spans" if "Trace" in call.method else "rejected_data_points"
                setattr(response.partial_success, field, int(answer.split(":")[1]))
            return response
        return grpc.unary_unary_rpc_method_handler(export, request_class.FromString, response_class.SerializeToString)


def main(path, output, proto_directory, *answers):
    messages = load_messages(proto_directory)
    with open(output, "a", encoding="utf-8") as lines:
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
        server.add_generic_rpc_handlers([Service(messages, lines, list(answers))])
        server.add_insecure_port(f"unix:{path}")
        server.start()
        print("listening", flush=True)
        server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
