#!/usr/bin/env python3
"""A small HTTP/2 server (prior knowledge) by another implementation, hyper-h2, that does what peers rarely do.

http2_server.py ADDRESS PORT. /status/NNN answers NNN; /silent never; /trailers with a body and trailers; /reset/CODE resets
without an answer, /cut/CODE after a part of it; /goaway/NNN answers NNN, announces the end and lets nothing follow;
anything else gets 200 with the length of the body.
"""
import socketserver
import sys

import h2.config
import h2.connection
import h2.events


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.bodies, self.paths = {}, {}
        self.send()
        while data := self.request.recv(65536):
            for event in self.connection.receive_data(data):
                self.on_event(event)
            self.send()

    def send(self):
        self.request.sendall(self.connection.data_to_send())

    def on_event(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.paths[event.stream_id] = dict(event.headers)[":path"]
            self.bodies[event.stream_id] = 0
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += len(event.data)
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.answer(event.stream_id)

    def answer(self, stream):
        _, first, *rest = self.paths[stream].split("?")[0].split("/")
        if first == "silent":
            return
        if first == "reset":
            self.connection.reset_stream(stream, int(rest[0]))
            return
        status = rest[0] if first in ("status", "goaway") else "200"
        body = b"%d\n" % self.bodies[stream]
        self.connection.send_headers(stream, [(":status", status), ("content-type", "text/plain")])
        self.connection.send_data(stream, body, end_stream=first not in ("trailers", "cut"))
        if first == "trailers":
            self.connection.send_headers(stream, [("x-checksum", "7")], end_stream=True)
        elif first == "cut":
            self.connection.reset_stream(stream, int(rest[0]))
        elif first == "goaway":
            self.connection.close_connection(last_stream_id=stream)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server((sys.argv[1], int(sys.argv[2])), Handler) as server:
        print("listening", flush=True)
        server.serve_forever()
