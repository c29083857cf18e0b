#!/usr/bin/env python3
"""A gRPC-Web server over HTTP/1.1, hand-made: grpc_web_server.py PORT.

The path of a request is /SERVICE/METHOD; its header x-do holds a JSON object: `status`, `message` (percent-encoded),
`messages` and `bytes` of the answer, `chunked`, and `headers_only` for a status that is sent without a body.
"""
import base64
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        do = json.loads(self.headers["x-do"])
        status = [("grpc-status", str(do["status"]))]
        if do["message"]:
            status.append(("grpc-message", do["message"]))
        self.send_response(200)
        self.send_header("Content-Type", self.headers["Content-Type"])
        if do["headers_only"]:
            for name, value in status:
                self.send_header(name, value)
            self.answer(b"", do)
            return
        frames = [(0, b"p" * do["bytes"])] * do["messages"]
        frames.append((0x80, "".join(f"{name}:{value}\r\n" for name, value in status).encode()))
        self.answer(b"".join(bytes([kind]) + len(data).to_bytes(4, "big") + data for kind, data in frames), do)

    def answer(self, body, do):
        if "text" in self.headers["Content-Type"]:
            body = base64.b64encode(body)
        if not do["chunked"]:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), 700):
            part = body[at:at + 700]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print("listening", flush=True)
    server.serve_forever()
