"""gRPC-Web over HTTP/1.1: curl as the client, a hand-made server."""
import json
import pathlib
import sys
import urllib.parse

from grpc_calls import STATUSES, expected_error
from harness import Failure, check, check_equal, free_port, main, wait_for
from peers import curl
from telemetry import CLIENT, ERROR, SERVER, watch

HERE = pathlib.Path(__file__).resolve().parent
SERVICE = "shmotel.test.Web"
BINARY = "application/grpc-web+proto"


def answer(**do):
    return {"status": 0, "message": "", "messages": 1, "bytes": 10, "chunked": False, "headers_only": False, **do}


CASES = {
    # method: content type, answer
    "Plain": (BINARY, answer()),
    "Refused": (BINARY, answer(status=7, messages=0, message="not %e2%98%83 you")),
    "Stream": (BINARY, answer(messages=5, bytes=400, chunked=True)),
    "Broken": (BINARY, answer(messages=3, status=13, message="broken", chunked=True)),
    "HeadersOnly": (BINARY, answer(status=16, headers_only=True, message="who")),
}


def compare(telemetry, method, do):
    """Both spans of the call beside what was asked for."""
    status, marker = STATUSES[do["status"]], f"{SERVICE}/{method}"

    def spans(kind):
        return [span for span in telemetry.read().spans if span.kind == kind and
                marker in (span.attributes.get("rpc.method"), span.attributes.get("rpc.method_original"))]
    for kind in (SERVER, CLIENT):
        span, = wait_for(f"the span of {method}", lambda: spans(kind), 5)
        seen, error = span.attributes, expected_error(status, kind)
        check_equal((span.name, seen.get("rpc.system.name"), seen.get("rpc.response.status_code")), (marker, "grpc", status),
                    f"{span}")
        check_equal((seen.get("error.type"), span.status), (error, ERROR if error else 0), f"error of {span}")
        if error:
            check_equal(span.message, urllib.parse.unquote(do["message"]), f"message of {span}")
        messages = 0 if do["headers_only"] else do["messages"]
        check_equal([seen.get(f"shmotel.rpc.{way}.messages") for way in ("request", "response")], [1, messages],
                    f"messages of {span}")


def calls_become_spans_with_the_status_of_their_trailers(host):
    port = free_port()
    server = host.start([sys.executable, HERE / "grpc_web_server.py", port])
    server.wait_output("listening")
    telemetry = watch(host)
    message = host.directory / "message"
    message.write_bytes(b"\0" + (20).to_bytes(4, "big") + b"\x0a\x12" + b"p" * 18)
    for method, (content_type, do) in CASES.items():
        curl(host, "-o", "/dev/null", "-H", f"Content-Type: {content_type}", "-H", f"x-do: {json.dumps(do)}",
             "--data-binary", f"@{message}", f"http://127.0.0.1:{port}/{SERVICE}/{method}")
    failures = []
    for method, (_, do) in CASES.items():
        try:
            compare(telemetry, method, do)
        except Failure as failure:
            failures.append(f"{method}: {failure}")
    check(not failures, "\n    ".join(["", *failures]))


main(calls_become_spans_with_the_status_of_their_trailers)
