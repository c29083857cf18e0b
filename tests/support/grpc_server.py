"""A gRPC server that answers OTLP export calls by script: another implementation (gRPC C-core) to test the exporter against.

Handlers take and give raw bytes, so no generated code is needed. An answer is a dict:
  status   name of a gRPC status code, default OK
  text     grpc-message
  retry    seconds of a google.rpc.RetryInfo in grpc-status-details-bin
  body     bytes of the response message, default empty (full success)
  wait     a threading.Event to wait for before answering
When the script is used up, further calls get OK.
"""
import collections
import os
import threading

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
import grpc  # noqa: E402
from concurrent import futures  # noqa: E402

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

Call = collections.namedtuple("Call", "method metadata request")


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field_bytes(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def field_varint(number, value):
    return varint(number << 3) + varint(value)


def partial_success(rejected, text=""):
    """ExportTraceServiceResponse or ExportMetricsServiceResponse."""
    inner = (field_varint(1, rejected) if rejected else b"") + (field_bytes(2, text.encode()) if text else b"")
    return field_bytes(1, inner)


def status_details(code, seconds):
    """google.rpc.Status with a RetryInfo."""
    whole = int(seconds)
    duration = field_varint(1, whole) + field_varint(2, int(round((seconds - whole) * 1e9)))
    any_value = field_bytes(1, b"type.googleapis.com/google.rpc.RetryInfo") + field_bytes(2, field_bytes(1, duration))
    return field_varint(1, code) + field_bytes(3, any_value)


class GrpcServer(grpc.GenericRpcHandler):
    def __init__(self, address, script=(), max_message=None):
        self.calls = []
        self.script = list(script)
        self.changed = threading.Condition()
        options = [] if max_message is None else [("grpc.max_receive_message_length", max_message)]
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=(self,), options=options)
        self.port = self.server.add_insecure_port(address)
        if self.port == 0:
            raise OSError("cannot listen on " + address)
        self.server.start()

    def service(self, details):
        if details.method not in (TRACES, METRICS):
            return None
        metadata = dict(details.invocation_metadata)
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self.answer(details.method, metadata, request, context))

    def answer(self, method, metadata, request, context):
        with self.changed:
            self.calls.append(Call(method, metadata, request))
            step = self.script.pop(0) if self.script else {}
            self.changed.notify_all()
        if "wait" in step:
            step["wait"].wait(30)
        code = grpc.StatusCode[step.get("status", "OK")]
        if "retry" in step:
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status_details(code.value[0], step["retry"])),))
        if code is not grpc.StatusCode.OK:
            context.set_code(code)
            context.set_details(step.get("text", ""))
        return step.get("body", b"")

    def wait_for_calls(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.calls) >= count, 30):
                raise AssertionError("%d calls came, %d were expected" % (len(self.calls), count))
        return self.calls

    def stop(self):
        self.server.stop(None).wait(30)


if __name__ == "__main__":
    import sys

    server = GrpcServer(sys.argv[1])
    print("ready", flush=True)
    server.server.wait_for_termination()
