"""The real programs that scenarios put around the pair: servers, clients, and the Collector."""
import grp
import http.client
import itertools
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import collector
from harness import RECEIVER_USER, Skip, check, free_port, port_is_open, program, wait_for

HERE = pathlib.Path(__file__).resolve().parent

NGINX = """
daemon off;
user {user} {group};
worker_processes {workers};
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
    log_format requests '$request_method $request_uri $status';
    access_log {directory}/access.log requests;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_max_body_size 0;
    keepalive_requests 1000000;
    sendfile on;
    tcp_nopush on;
    server {{
        listen 127.0.0.1:{port} reuseport;
        listen [::1]:{port};
        listen unix:{directory}/nginx.sock;
        location / {{ return 200 "ok\\n"; }}
        location /files/ {{ root {directory}; }}
        location /dav/ {{ root {directory}; dav_methods PUT DELETE MKCOL; create_full_put_path on; }}
        location /error/ {{ return 500; }}
        {extra}
    }}
}}
"""


class Nginx:
    """nginx with a static folder, a WebDAV folder and an access log, on TCP over both IP versions and a Unix socket."""

    def __init__(self, host, workers=2, extra="", env=None, connections=1024):
        nginx = program("nginx")
        self.directory = host.directory / f"nginx-{len(host.processes)}"
        for name in ("files", "dav"):
            (self.directory / name).mkdir(parents=True)
        shutil.chown(self.directory / "dav", RECEIVER_USER)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket = self.directory / "nginx.sock"
        configuration = self.directory / "nginx.conf"
        group = grp.getgrgid(pwd.getpwnam(RECEIVER_USER).pw_gid).gr_name
        configuration.write_text(NGINX.format(user=RECEIVER_USER, group=group, workers=workers, port=self.port,
                                              directory=self.directory, extra=extra,
                                              connections=connections))
        self.process = host.start([nginx, "-p", self.directory, "-c", configuration], env=env)
        wait_for("nginx to listen", lambda: port_is_open(self.port))

    def requests(self, marker):
        """The lines of the access log that contain the marker: nginx writes each when its answer has been sent."""
        log = self.directory / "access.log"
        return [line for line in log.read_text().splitlines() if marker in line]

    def worker_pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}


class PythonServer:
    def __init__(self, host, address="127.0.0.1", env=None):
        self.port = free_port(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.url = f"http://[{address}]:{self.port}" if ":" in address else f"http://{address}:{self.port}"
        self.process = host.start([sys.executable, HERE / "http_server.py", address, self.port], env=env)
        wait_for("the Python server to listen", lambda: port_is_open(self.port, address))


class NodeServer:
    def __init__(self, host, env=None):
        node = program("node")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = host.start([node, HERE / "http_server.js", self.port], env=env)
        wait_for("the Node server to listen", lambda: port_is_open(self.port))


def curl(host, *arguments, fails=False):
    """Run curl and return what it printed; with fails=True any exit code will do."""
    command = [program("curl"), "--silent", "--show-error", "--max-time", "30", *map(str, arguments)]
    if fails:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              errors="replace").stdout
    return host.run(command)


# wrk ends by time. With this its threads end when enough responses have come, and say so.
WRK_SCRIPT = """
local wanted = {requests}
local seen = 0
function response()
    seen = seen + 1
    if seen == wanted then
        io.stdout:write("enough\\n")
        io.stdout:flush()
        wrk.thread:stop()
    end
end
"""


def wrk(host, url, requests, connections=8, threads=2):
    """Send about `requests` requests on keep-alive connections; return how many responses wrk counted."""
    script = host.directory / "stop.lua"
    script.write_text(WRK_SCRIPT.format(requests=-(-requests // threads)))
    process = host.start([program("wrk"), "-t", threads, "-c", connections, "-d", 300, "-s", script, url])
    wait_for("wrk's threads to end", lambda: process.output().count("enough") == threads, seconds=120)
    process.stop(signal.SIGINT)
    report = process.output()
    check("Non-2xx" not in report and "Socket errors" not in report, f"wrk saw errors: {report}")
    return int(re.search(r"(\d+) requests in", report).group(1))


def wait_until_followed(host, server, telemetry, marker):
    """Send requests until one is seen from both ends. What comes while a ring is still full is dropped like the rest."""
    tries = itertools.count()

    def is_followed():
        path = f"{marker}-{next(tries)}-"
        curl(host, f"{server.url}/{path}")
        time.sleep(0.5)
        return len(telemetry.matching(path)) == 2
    wait_for(f"a request {marker!r} to be seen from both ends", is_followed)


class Load:
    """Requests on one keep-alive connection by this process, some hundred a second, until it is stopped."""

    def __init__(self, port, path):
        self.port, self.path, self.sent = port, path, 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.send)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def send(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        while not self.stopping.wait(0.002):
            connection.request("GET", self.path)
            connection.getresponse().read()
            self.sent += 1


# With rotation the file exporter writes without a buffer of its own: what was answered with a success is in the file,
# even if the Collector is killed the next moment.
COLLECTOR = """
receivers:
  otlp:
    protocols:
      {protocol}:
        {listen}
        {limit}
processors:
  memory_limiter: {{check_interval: 100ms, limit_mib: {memory_mib}, spike_limit_mib: 1}}
exporters:
  file: {{path: {output}, rotation: {{max_megabytes: 4096}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter], exporters: [file]}}
    metrics: {{receivers: [otlp], processors: [memory_limiter], exporters: [file]}}
"""


class Collector:
    """A real OpenTelemetry Collector that takes OTLP/gRPC on a Unix socket and writes it to a file."""

    def __init__(self, host, protocol="grpc", tls=None, memory_mib=512, max_mib=None):
        """`tls` is (certificate, key, authority of clients or None): then it listens on a TCP port. `max_mib` limits
        the size of a request."""
        try:
            self.path = collector.find()
        except collector.Unavailable as reason:
            raise Skip(str(reason)) from None
        self.host, self.protocol, self.memory_mib, self.max_mib, self.tls = host, protocol, memory_mib, max_mib, tls
        self.socket = host.directory / "otlp.sock"
        self.output = host.directory / "collector.jsonl"
        self.port = free_port() if tls else None
        self.export = f"otlp-{protocol}:" + (f"https://localhost:{self.port}" if tls else f"unix://{self.socket}")
        self.process = None

    def settings(self):
        if self.tls:
            certificate, key, authority = self.tls
            client = f", client_ca_file: {authority}" if authority else ""
            listen = (f"endpoint: localhost:{self.port}\n        "
                      f"tls: {{cert_file: {certificate}, key_file: {key}{client}}}")
        else:
            listen = f"transport: unix\n        endpoint: {self.socket}"
        limit = ""
        if self.max_mib:
            limit = (f"max_recv_msg_size_mib: {self.max_mib}" if self.protocol == "grpc" else
                     f"max_request_body_size: {self.max_mib << 20}")
        return COLLECTOR.format(protocol=self.protocol, listen=listen, limit=limit, memory_mib=self.memory_mib,
                                output=self.output)

    def start(self):
        configuration = self.host.directory / "collector.yaml"
        configuration.write_text(self.settings())
        # A Collector that was killed leaves its socket behind and cannot listen on it again.
        self.socket.unlink(missing_ok=True)
        # No umask: the receiver's user must be able to connect.
        self.process = self.host.start([self.path, "--config", f"file:{configuration}"], umask=0)
        wait_for("the Collector to listen",
                 lambda: port_is_open(self.port, "localhost") if self.tls else self.socket.exists())
        return self


class GrpcServer:
    """A gRPC server of another implementation in the Collector's place; `answers` is what its first calls get."""

    def __init__(self, host):
        system_python = "/usr/bin/python3"
        if subprocess.run([system_python, "-c", "import grpc, google.protobuf"], stderr=subprocess.DEVNULL).returncode:
            raise Skip(f"{system_python} has no grpcio and protobuf")
        program("protoc")
        self.host = host
        self.command = [system_python, HERE / "grpc_server.py"]
        self.socket = host.directory / "otlp.sock"
        self.output = host.directory / "grpc_server.jsonl"
        self.export = f"otlp-grpc:unix://{self.socket}"
        self.process = None

    def start(self, *answers):
        self.socket.unlink(missing_ok=True)
        protocol = HERE.parent.parent / "collector-receiver" / "otlp" / "proto"
        self.process = self.host.start([*self.command, self.socket, self.output, protocol, *answers], umask=0)
        self.process.wait_output("listening")
        return self
