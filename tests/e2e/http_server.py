#!/usr/bin/env python3
"""Python's own HTTP/1.1 server with the handlers that the scenarios ask for."""
import http.server
import os
import select
import socket
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "e2e"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(parts)

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Transfer-Encoding" for name, _ in headers) and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            # Without this curl takes the connection for reusable, and sends a request into its end now and then.
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def any_method(self):
        """/status/NNN answers NNN; /chunked answers in chunks; /while/FILE when the file is gone; anything else with the
        length of the body it got."""
        body = self.body()
        _, first, *rest = self.path.split("?")[0].split("/")
        if first == "status":
            self.answer(int(rest[0]))
        elif first == "chunked":
            chunks = b"".join(b"%x\r\n%s\r\n" % (size, b"x" * size) for size in (1, 4096, 70000))
            self.answer(200, chunks + b"0\r\nx-trailer: yes\r\n\r\n", [("Transfer-Encoding", "chunked")])
        elif first == "slow":
            time.sleep(0.3)
            self.answer(200, b"slow")
        elif first == "while":
            while os.path.exists("/" + "/".join(rest)):
                time.sleep(0.01)
            self.answer(200, b"gone")
        elif first == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.close_connection = True
        elif first == "silent":
            self.close_connection = True
        elif first == "upgrade":
            self.upgrade()
        else:
            self.answer(200, b"%d\n" % len(body))

    def upgrade(self):
        """101, then send back what comes, whatever it looks like."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "echo")
        self.end_headers()
        while data := self.connection.recv(65536):
            self.connection.sendall(data)
        self.close_connection = True

    def do_CONNECT(self):
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            self.relay(far)
        self.close_connection = True

    def relay(self, far):
        other = {self.connection: far, far: self.connection}
        while True:
            for side in select.select(list(other), [], [])[0]:
                data = side.recv(65536)
                if not data:
                    return
                other[side].sendall(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_PROPFIND = do_BREW = any_method


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
