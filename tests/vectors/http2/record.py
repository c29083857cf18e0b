#!/usr/bin/env python3
"""Record what real HTTP/2 peers say to each other, and what an independent decoder (hpack) makes of it.

record.py [NAME...] writes NAME.vector beside this file, all of them without a name. README.md says what is in one. It asks
for the servers and clients of the end-to-end tests, Debian's python3-h2 among them.
"""
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import urllib.parse

import hpack

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "e2e"))

import grpc_calls
import harness
import http2_peers
import peers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, PUSH_PROMISE, CONTINUATION = 0, 1, 3, 5, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 4, 8, 32


class Recorder:
    """A proxy before a port that keeps what passes on its first connection."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.upstream = self.listener.getsockname()[1], port
        self.url = f"http://127.0.0.1:{self.port}"
        self.chunks, self.lock, self.pumps = [], threading.Lock(), []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.upstream))
        self.pumps = [threading.Thread(target=self.pump, args=way, daemon=True)
                      for way in ((">", client, server), ("<", server, client))]
        for pump in self.pumps:
            pump.start()

    def pump(self, mark, source, sink):
        try:
            while data := source.recv(1 << 20):
                with self.lock:
                    self.chunks.append((mark, data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def finish(self):
        """Wait until both sides have closed, and return the chunks."""
        self.listener.close()
        for pump in self.pumps:
            pump.join(10)
        return self.chunks


class Stream:
    def __init__(self):
        self.fields = {">": [], "<": []}
        self.body = {">": b"", "<": b""}
        self.ended = set()


class Conversation:
    """Frames, header lists and exchanges of the chunks."""

    def __init__(self, chunks):
        self.decoders = {mark: hpack.Decoder(max_header_list_size=1 << 20) for mark in "<>"}
        self.rest = {mark: b"" for mark in "<>"}
        self.started = {">": False, "<": False}
        self.blocks = {mark: b"" for mark in "<>"}
        self.streams, self.done, self.lines = {}, [], []
        for mark, data in chunks:
            self.lines.append(f"{mark} {hexadecimal(data)}")
            self.take(mark, data)

    def take(self, mark, data):
        self.rest[mark] += data
        if not self.started[mark]:
            self.start(mark)
        while self.started[mark] and len(self.rest[mark]) >= 9:
            header, rest = self.rest[mark][:9], self.rest[mark][9:]
            length = int.from_bytes(header[:3], "big")
            if len(rest) < length:
                return
            self.rest[mark] = rest[length:]
            self.frame(mark, header[3], header[4], int.from_bytes(header[5:], "big"), rest[:length])

    def start(self, mark):
        """Pass over the preface, and over an HTTP/1.1 request and its 101 before it."""
        if mark == ">" and self.rest[mark].startswith(b"GET "):
            head, found, rest = self.rest[mark].partition(b"\r\n\r\n")
            if found:
                self.upgrade(head.decode())
                self.rest[mark] = rest
        if mark == "<" and self.rest[mark].startswith(b"HTTP/1.1 101"):
            _, found, rest = self.rest[mark].partition(b"\r\n\r\n")
            self.rest[mark] = rest if found else self.rest[mark]
            self.started[mark] = bool(found)
        elif mark == "<":
            self.started[mark] = not self.rest[mark].startswith(b"HTTP/")
        elif self.rest[mark].startswith(PREFACE):
            self.rest[mark] = self.rest[mark][len(PREFACE):]
            self.started[mark] = True

    def upgrade(self, head):
        """The request of HTTP/1.1 is answered as stream 1, and the exchange is one of HTTP/2."""
        first, *fields = head.split("\r\n")
        method, path, _ = first.split(" ")
        named = dict(field.split(": ", 1) for field in fields)
        stream = self.streams[1] = Stream()
        stream.fields[">"] = [(":method", method), (":path", path), (":authority", named["Host"]),
                              ("user-agent", named["User-Agent"])]
        stream.ended.add(">")

    def frame(self, mark, kind, flags, number, payload):
        if flags & PADDED and kind in (DATA, HEADERS, PUSH_PROMISE):
            payload = payload[1:len(payload) - payload[0]]
        if kind == HEADERS and flags & PRIORITY:
            payload = payload[5:]
        if kind == PUSH_PROMISE:
            payload = payload[4:]
        if kind in (HEADERS, PUSH_PROMISE, CONTINUATION):
            self.block(mark, kind, flags, number, payload)
        stream = self.streams.setdefault(number, Stream())
        if kind == DATA:
            stream.body[mark] += payload
        if kind == RST_STREAM and len(stream.ended) < 2:
            raise SystemExit(f"stream {number} was reset: record calls that come to their end")
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            stream.ended.add(mark)
            if len(stream.ended) == 2 and number % 2:
                self.done.append(stream)

    def block(self, mark, kind, flags, number, payload):
        if kind != CONTINUATION:
            self.blocks[mark], self.block_kind = b"", kind
        self.blocks[mark] += payload
        if not flags & END_HEADERS:
            return
        fields = self.decoders[mark].decode(self.blocks[mark])
        listed = ", ".join(f"{name}={shortened(value)}" for name, value in fields)
        if kind == PUSH_PROMISE:
            self.lines.append(f"# {mark} stream {number} promises {listed}")
            return
        self.lines.append(f"# {mark} stream {number} {listed}")
        fresh = self.streams.setdefault(number, Stream()).fields[mark]
        fresh += fields

    def exchanges(self):
        return sorted(exchange(stream) for stream in self.done)


def shortened(value):
    return re.sub(r"(.)\1{99,}", lambda run: f"{run[1]}*{len(run[0])}", value)


def hexadecimal(data):
    """Pairs of digits; a long run of one byte as PAIR*COUNT between blanks."""
    runs = re.sub(rb"(?s)(.)\1{39,}", lambda run: b"\0RUN%d,%d\0" % (run[1][0], len(run[0])), data)
    if runs == data:
        return data.hex()
    words, at = [], 0
    for run in re.finditer(rb"(?s)(.)\1{39,}", data):
        words += [data[at:run.start()].hex(), f"{run[1].hex()}*{len(run[0])}"]
        at = run.end()
    return " ".join(word for word in [*words, data[at:].hex()] if word)


def messages(body):
    count = 0
    while body:
        body = body[5 + int.from_bytes(body[1:5], "big"):]
        count += 1
    return count


def exchange(stream):
    """As tests/support/record_feed.c writes it down, without the role."""
    request, response = dict(stream.fields[">"]), dict(stream.fields["<"])
    named = [("user-agent", request.get("user-agent")), ("traceparent", request.get("traceparent"))]
    scheme = ("scheme", request.get(":scheme"))
    if request.get("content-type", "").startswith("application/grpc"):
        line = (f"rpc {request[':path']} {response['grpc-status']} {response[':status']} {messages(stream.body['>'])} "
                f"{messages(stream.body['<'])} message")
        named = [("message", urllib.parse.unquote(response.get("grpc-message", "")) or None), scheme,
                 ("authority", request[":authority"]), *named]
    else:
        line = (f"{request[':method']} {request[':path']} 2.0 {response[':status']} "
                f"{len(stream.body['>'])} {len(stream.body['<'])} message")
        named = [scheme, ("host", request[":authority"]), *named]
    return line + "".join(f" {name}={value}" for name, value in named if value is not None)


def version(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return re.search(r"\d+\.\d+[.\d]*", done.stdout)[0]


def nghttp2_files(host, *options):
    server = http2_peers.Nghttpd(host, *options)
    for name in ("page", "style"):
        (server.files / name).write_text(name * 10)
    return server


def h2load_nghttpd(host):
    recorder = Recorder(nghttp2_files(host).port)
    http2_peers.h2load(host, recorder.url, ["/page?x=1", "/none", "/style"], 9, connections=1, streams=4)
    return recorder


def h2load_nginx(host):
    recorder = Recorder(http2_peers.Http2Nginx(host).http2_port)
    http2_peers.h2load(host, recorder.url, ["/ok", "/files/none", "/error/x?y=z"], 9, connections=1, streams=4)
    return recorder


def nghttp_nghttpd(host):
    recorder = Recorder(nghttp2_files(host, "--push=/page=/style", "--trailer=x-sum: 1").port)
    host.run([harness.program("nghttp"), "--null-out", "-H", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
              f"{recorder.url}/page", f"{recorder.url}/none"])
    return recorder


def curl_nginx(host):
    recorder = Recorder(http2_peers.Http2Nginx(host).http2_port)
    peers.curl(host, "--http2-prior-knowledge", "-X", "PUT", "--data", "a=1", f"{recorder.url}/dav/up?load")
    return recorder


def curl_nghttpx(host):
    recorder = Recorder(http2_peers.Nghttpx(host, peers.PythonServer(host).port).port)
    peers.curl(host, "--http2", f"{recorder.url}/status/404?upgraded", f"{recorder.url}/second")
    return recorder


def grpc(host, name):
    _, address = grpc_calls.start_server(host, name)
    recorder = Recorder(int(address.split(":")[1]))
    client = grpc_calls.Client(host, name, f"127.0.0.1:{recorder.port}", parallel=3)
    client.write([
        grpc_calls.call(0),
        grpc_calls.call(1, status=5, message="100% caf\u00e9"),
        grpc_calls.call(2, "ClientStream", send=3),
        grpc_calls.call(3, "ServerStream", messages=3, status=15, message="after three"),
        grpc_calls.call(4, "Bidi", send=2, messages=4),
        grpc_calls.call(5, "Missing"),
        grpc_calls.call(6, metadata_bytes=17000, answer_metadata_bytes=17000),
        grpc_calls.call(7, "Bidi", send=0, messages=0, status=16),
        grpc_calls.call(8, "ClientStream", send=0, status=9, message="nothing, at all"),
    ])
    client.wait()
    client.close()
    return recorder


RECORDINGS = {
    "h2load-nghttpd": (h2load_nghttpd, lambda: "nghttp2 " + version("h2load", "--version")),
    "h2load-nginx": (h2load_nginx, lambda: f"h2load {version('h2load', '--version')}, nginx {version('/usr/sbin/nginx', '-v')}"),
    "nghttp-nghttpd": (nghttp_nghttpd, lambda: "nghttp2 " + version("nghttp", "--version")),
    "curl-nginx": (curl_nginx, lambda: f"curl {version('curl', '--version')}, nginx {version('/usr/sbin/nginx', '-v')}"),
    "curl-nghttpx": (curl_nghttpx,
                     lambda: f"curl {version('curl', '--version')}, nghttpx {version('nghttpx', '--version')}"),
    "grpcio": (lambda host: grpc(host, "python"),
               lambda: "grpcio " + version("/usr/bin/python3", "-c", "import grpc; print(grpc.__version__)")),
    "grpc-go": (lambda host: grpc(host, "go"),
                lambda: "grpc-go " + re.search(r"grpc v([\d.]+)", (grpc_calls.grpc_peers.SOURCES / "go.mod").read_text())[1]),
    "grpc-js": (lambda host: grpc(host, "node"), lambda: "@grpc/grpc-js " + json.loads(
        (grpc_calls.grpc_peers.SOURCES / "package.json").read_text())["dependencies"]["@grpc/grpc-js"]),
}


def main(*names):
    for name in names or RECORDINGS:
        record, versions = RECORDINGS[name]
        host = harness.Host(".")
        try:
            recorder = record(host)
            conversation = Conversation(recorder.finish())
        finally:
            host.close()
        text = [f"# {versions()}", *conversation.lines, *(f"= {line}" for line in conversation.exchanges())]
        (HERE / f"{name}.vector").write_text("\n".join(text) + "\n")
        print(f"{name}: {len(conversation.done)} exchanges")


if __name__ == "__main__":
    main(*sys.argv[1:])
