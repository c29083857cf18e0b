"""In a pid namespace of its own, as in a sidecar, the sensor knows the processes in it by the numbers that they have there,
and sees nothing of those outside."""
import http.client
import os
import pathlib
import signal
import subprocess
import sys

from harness import Host, Process, check, check_equal, main, program, wait_for
from peers import Collector, Nginx, PythonServer, curl
from telemetry import CLIENT, SERVER, Telemetry

ASK_TWICE = """
import http.client, os, socket, sys, time
connection = http.client.HTTPConnection("inherited")
connection.sock = socket.socket(fileno=int(sys.argv[1]))
def ask(path):
    connection.request("GET", path)
    connection.getresponse().read()
ask("/shared-first")
open("first", "w").close()
while not os.path.exists("go-on"):
    time.sleep(0.02)
ask("/shared-second")
"""


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Holder(Process):
    """unshare(1) ignores SIGTERM; when it is killed, so is what it has started."""

    def stop(self, how=signal.SIGKILL, **limits):
        return super().stop(signal.SIGKILL, **limits)


class Inside(Host):
    """The host's other half: what it starts is in one pid namespace, with a /proc of that, and ends with the host."""

    def __init__(self, host):
        self.__dict__.update(host.__dict__)
        self.bin = host.bin.resolve()  # nsenter goes to the root directory
        self.prefix = []
        holder = self.start([program("unshare"), "--pid", "--fork", "--mount-proc", "--kill-child", "sleep", "infinity"],
                            kind=Holder)
        first = wait_for("the namespace", lambda: children(holder.pid))[0]
        wait_for("its first process", lambda: pathlib.Path(f"/proc/{first}/comm").read_text() == "sleep\n")
        self.inode = os.stat(f"/proc/{first}/ns/pid").st_ino
        self.prefix = [program("nsenter"), "--target", first, "--pid", "--mount"]

    def start(self, argv, *rest, **how):
        return super().start([*self.prefix, *argv], *rest, **how)

    def run(self, argv, *rest, **how):
        return super().run([*self.prefix, *argv], *rest, **how)

    def number(self, process):
        """The pid that a started process has inside."""
        child = wait_for("the process inside", lambda: children(process.pid))[0]
        status = pathlib.Path(f"/proc/{child}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1])


def identity(span):
    return tuple(span.resource.get(key) for key in ("service.name", "process.pid", "process.executable.path"))


def processes_inside_have_their_own_numbers_and_processes_outside_are_not_seen(host):
    inside = Inside(host)
    old_out = PythonServer(host, env={"OTEL_SERVICE_NAME": "stranger"})
    old_in = PythonServer(inside, env={"OTEL_SERVICE_NAME": "old"})
    web = Nginx(host)
    sensor = inside.sensor()
    check(f"watching the processes of pid namespace {inside.inode} only" in sensor.output(), "what it watches is not said")
    inside.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    new_out, new_in = PythonServer(host), PythonServer(inside, env={"OTEL_SERVICE_NAME": "new"})
    curl(host, f"{old_out.url}/outside-only")
    curl(host, f"{new_out.url}/outside-only")
    curl(host, "--unix-socket", web.socket, "http://localhost/outside-only")
    curl(host, f"{old_in.url}/to-old")
    curl(host, f"{new_in.url}/to-new")
    curl(inside, f"{new_out.url}/from-inside")
    curl(inside, f"{new_in.url}/the-last-one")
    telemetry.wait_spans("/the-last-one", 2)
    executable = os.path.realpath(sys.executable)
    for marker, name, server in (("/to-old", "old", old_in), ("/to-new", "new", new_in)):
        spans = telemetry.matching(marker)
        check_equal([(span.kind, identity(span)) for span in spans],
                    [(SERVER, (name, inside.number(server.process), executable))], f"spans of {marker}")
    check_equal([span.kind for span in telemetry.matching("/from-inside")], [CLIENT], "spans of a request to the outside")
    check_equal(telemetry.matching("/outside-only"), [], "spans of what passed between processes outside")
    strangers = [line for line in (host.out / "otlp.jsonl").read_text().splitlines() if "stranger" in line]
    check_equal(strangers, [], "records of a process outside")


def of_a_socket_on_both_sides_only_the_use_inside_is_seen(host):
    inside = Inside(host)
    server = PythonServer(host)
    inside.sensor()
    inside.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    shared = http.client.HTTPConnection("127.0.0.1", server.port)
    shared.connect()
    argv = [*inside.prefix, f"--wd={host.directory}", sys.executable, "-c", ASK_TWICE, shared.sock.fileno()]
    with subprocess.Popen([str(word) for word in argv], pass_fds=[shared.sock.fileno()]) as owner:
        wait_for("the first request", (host.directory / "first").exists)
        shared.request("GET", "/shared-outside")
        shared.getresponse().read()
        (host.directory / "go-on").touch()
        check_equal(owner.wait(), 0, "exit code inside")
    for path in ("/shared-first", "/shared-second"):
        telemetry.wait_span(path, CLIENT)
    check_equal(telemetry.matching("/shared-outside"), [], "spans of the use outside")


def inside_the_pair_and_its_collector_are_known_by_their_numbers(host):
    inside = Inside(host)
    collector, nginx = Collector(inside).start(), Nginx(inside)
    # Not by their names.
    inside.sensor("--watch-collectors")
    inside.receiver(collector.export, host.file_export())
    telemetry = Telemetry(collector.output)
    for n in range(3):
        curl(inside, f"{nginx.url}/traffic-{n}")
        telemetry.wait_span(f"/traffic-{n}", SERVER)
    names = {span.resource["process.executable.name"] for span in telemetry.read().spans}
    check_equal(names, {"nginx", "curl"}, "executables with spans")


def a_proc_of_another_namespace_is_refused(host):
    argv = [program("unshare"), "--pid", "--fork", "--kill-child", host.bin / "shmotel-sensor", "--socket", host.socket]
    sensor = host.start(argv)
    check_equal(sensor.wait(), 1, "exit code")
    check("/proc does not show this process by its number" in sensor.output(), sensor.output())


main(processes_inside_have_their_own_numbers_and_processes_outside_are_not_seen,
     of_a_socket_on_both_sides_only_the_use_inside_is_seen,
     inside_the_pair_and_its_collector_are_known_by_their_numbers,
     a_proc_of_another_namespace_is_refused)
