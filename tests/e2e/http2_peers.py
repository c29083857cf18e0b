"""The HTTP/2 servers and clients that scenarios put around the pair: nghttp2's, nginx, and hyper-h2 in Python."""
import collections
import pathlib
import re
import socket
import sys

from harness import Skip, check, check_equal, free_port, port_is_open, program, wait_for
from peers import Nginx

try:
    import h2.config
    import h2.connection
    import h2.events
except ImportError:
    h2 = None

HERE = pathlib.Path(__file__).resolve().parent


class Http2Nginx(Nginx):
    """nginx with a port of its own for HTTP/2 with prior knowledge: it does not speak HTTP/1 there."""

    def __init__(self, host, extra="", **how):
        self.http2_port = free_port()
        super().__init__(host, extra=f"listen 127.0.0.1:{self.http2_port} http2 reuseport; " + extra, **how)
        self.url = f"http://127.0.0.1:{self.http2_port}"
        self.files = self.directory / "files"


class Nghttpd:
    """nghttp2's server with a folder of files."""

    def __init__(self, host, *options):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.files = host.directory / f"nghttpd-{len(host.processes)}"
        self.files.mkdir()
        self.process = host.start([program("nghttpd"), "--no-tls", "--address", "127.0.0.1", "--htdocs", self.files,
                                   *options, self.port])
        wait_for("nghttpd to listen", lambda: port_is_open(self.port))


class Nghttpx:
    """nghttp2's proxy before an HTTP/1.1 server: what upgrades from HTTP/1.1 to h2c."""

    def __init__(self, host, backend_port):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = host.start([program("nghttpx"), "--conf=/dev/null", f"--frontend=127.0.0.1,{self.port};no-tls",
                                   f"--backend=127.0.0.1,{backend_port}", "--workers=1", "--errorlog-file=/dev/stderr",
                                   "--single-process", "--no-ocsp"])
        wait_for("nghttpx to listen", lambda: port_is_open(self.port))


class Http2Server:
    """http2_server.py: resets, trailers, GOAWAY."""

    def __init__(self, host):
        need_h2()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = host.start([sys.executable, HERE / "http2_server.py", "127.0.0.1", self.port])
        self.process.wait_output("listening")


def need_h2():
    if h2 is None:
        raise Skip(f"{sys.executable} has no h2")


class Http2Client:
    """One connection of this process with prior knowledge, kept open; answers are waited for one at a time."""

    def __init__(self, port):
        need_h2()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.authority = f"127.0.0.1:{port}"
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.statuses, self.ended, self.closed = {}, set(), False
        self.flush()

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())

    def send(self, path, method="GET", headers=(), body=None, end=True):
        """Send a request and return its stream."""
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, [(":method", method), (":path", path), (":scheme", "http"),
                                              (":authority", self.authority), *headers], end_stream=end and body is None)
        if body is not None:
            self.connection.send_data(stream, body, end_stream=end)
        self.flush()
        return stream

    def reset(self, stream, code=8):
        self.connection.reset_stream(stream, code)
        self.flush()

    def wait(self, *streams):
        """Read until these streams have ended, and return their statuses; None: reset without one."""
        while not self.ended.issuperset(streams):
            data = self.socket.recv(65536)
            check(data, f"the server closed before {streams} had ended")
            for event in self.connection.receive_data(data):
                self.on_event(event)
            self.flush()
        return [self.statuses.get(stream) for stream in streams]

    def on_event(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.statuses[event.stream_id] = int(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.DataReceived):
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
            self.ended.add(event.stream_id)

    def get(self, path, **how):
        return self.wait(self.send(path, **how))[0]

    def close(self):
        self.socket.close()


def h2load(host, url, paths, requests, connections=8, streams=100):
    """Send the requests, `streams` at a time on each connection; each connection goes round the paths from the first on.
    Returns {path: how often it was asked for}."""
    check_equal(requests % (connections * len(paths)), 0, "the paths are asked for equally often")
    uris = host.directory / "uris"
    uris.write_text("".join(f"{url}{path}\n" for path in paths))
    report = host.run([program("h2load"), f"-n{requests}", f"-c{connections}", f"-m{streams}", "-t1", f"--input-file={uris}"],
                      seconds=120)
    match = re.search(r"(\d+) total, (\d+) started, (\d+) done", report)
    check(match and set(match.groups()) == {str(requests)}, f"h2load did not finish: {report}")
    print("    " + report[report.index("finished in"):].splitlines()[0])
    return collections.Counter({path: requests // len(paths) for path in paths})
