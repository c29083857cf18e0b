"""What the measurements share: the two programs as they run in production, a Collector that costs little, what a process has
used, rounds in alternating order, and ratios with their spread."""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from harness import Daemon, Failure, Host, Skip, check, free_port, port_is_open, program, require_root, wait_for  # noqa: E402

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
GATHER_SECONDS = 1.0
# As in production, where the scenarios of e2e are in a hurry.
ENVIRONMENT = {"OTEL_METRIC_EXPORT_INTERVAL": "60000"}


# --- the pair and its Collector ---------------------------------------------------------------------------------------

class Sink:
    """An OTLP/gRPC server that says yes: nghttpd with the answer in a file. Its name is one that the sensor leaves out."""

    def __init__(self, host):
        self.port = free_port()
        directory = host.directory / "sink"
        for service in ("trace.v1.Trace", "metrics.v1.Metrics"):
            folder = directory / f"opentelemetry.proto.collector.{service}Service"
            folder.mkdir(parents=True)
            (folder / "Export").write_bytes(bytes(5))
        named = host.directory / "otelcol-sink"
        shutil.copy(program("nghttpd"), named)
        self.process = host.start([named, "--no-tls", "--address", "127.0.0.1", "--htdocs", directory,
                                   "--trailer", "grpc-status: 0", self.port])
        wait_for("the sink to listen", lambda: port_is_open(self.port))
        self.export = f"otlp-grpc:http://127.0.0.1:{self.port}"


class Pair:
    """Sensor and receiver with their defaults. Only connections with `port` are watched, so that what others do on the host
    does not count, and only those of the named programs, if any is named."""

    def __init__(self, host, sink, port, programs=(), receiver_options=(), exports=None):
        include = [word for name in programs for word in ("--include-executable", executable(name))]
        started = time.monotonic()
        self.sensor = host.sensor("--include-port", str(port), "--unix-sockets=false", *include)
        self.sensor_start_seconds = time.monotonic() - started
        started = time.monotonic()
        self.receiver = host.receiver(*(exports or [sink.export]), options=["--compression", "none", *receiver_options],
                                      env=ENVIRONMENT)
        self.receiver.wait_output("attached")
        self.receiver_start_seconds = time.monotonic() - started
        self.programs = {"sensor": self.sensor, "receiver": self.receiver}

    def stop(self):
        """Drain, end, and return all counters of both. What the kernel side gathers is fetched twice a second."""
        time.sleep(GATHER_SECONDS)
        for process in (self.receiver, self.sensor):
            process.stop()
        return {**self.sensor.counters_at_exit(), **self.receiver.counters_at_exit()}


def executable(name):
    """What /proc says it is called: Debian's redis-server is a link to redis-check-rdb."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or name
    return os.path.basename(os.path.realpath(path))


@contextlib.contextmanager
def directory_for(bin_directory):
    """A Host of the scenarios. What was started is ended in any case."""
    host = Host(bin_directory)
    host.directory.chmod(0o755)
    try:
        yield host
    except (Failure, subprocess.SubprocessError):
        host.report_failure()
        raise
    finally:
        host.close()


# --- what a process has used ------------------------------------------------------------------------------------------

def threads(pid):
    return list(pathlib.Path(f"/proc/{pid}/task").iterdir())


def cpu_ns(*pids):
    """CPU time of the processes, and of their children that have ended (those in ticks of 10 ms)."""
    total = 0
    for pid in pids:
        total += sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads(pid))
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[13]) + int(fields[14])) * TICK_NS
    return total


def switches(pid):
    """How often it went to sleep, which is how often it was woken, and how often it was interrupted by others."""
    found = [re.findall(r"ctxt_switches:\s+(\d+)", (thread / "status").read_text()) for thread in threads(pid)]
    return sum(int(one[0]) for one in found), sum(int(one[1]) for one in found)


class Usage:
    """What named processes use between its creation and done(). A name may stand for several."""

    def __init__(self, **pids):
        self.pids = {name: one if isinstance(one, (list, tuple, set)) else [one] for name, one in pids.items()}
        self.started, self.before = time.monotonic(), self.look()

    def look(self):
        return {name: (cpu_ns(*pids), *(sum(column) for column in zip(*(switches(pid) for pid in pids))))
                for name, pids in self.pids.items()}

    def done(self):
        """{name_cpu_ns, name_wakeups_per_s, name_preempted_per_s}"""
        seconds, after, found = time.monotonic() - self.started, self.look(), {}
        for name, (cpu, slept, preempted) in after.items():
            found[f"{name}_cpu_ns"] = cpu - self.before[name][0]
            found[f"{name}_wakeups_per_s"] = (slept - self.before[name][1]) / seconds
            found[f"{name}_preempted_per_s"] = (preempted - self.before[name][2]) / seconds
        return found


def pin(cpu, *pids):
    """All threads of the processes on one processor."""
    for pid in pids:
        for thread in threads(pid):
            os.sched_setaffinity(int(thread.name), {cpu})


def two_processors():
    """One for the server, one for the load; the same one twice where there is no other."""
    found = sorted(os.sched_getaffinity(0))
    return found[0], found[1 % len(found)]


# --- rounds and what comes of them ------------------------------------------------------------------------------------

def alternate(modes, count):
    """Every mode once a round, the other way round every second time: what the machine does beside meets all of them."""
    for turn in range(count):
        for mode in modes if turn % 2 == 0 else reversed(modes):
            yield turn, mode


def spread(values):
    """Median, least and most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "rounds": len(values)}


def ratios(rounds, mode, key, base="off"):
    """The ratio of a figure to that of the same round without the pair, over all rounds that have both."""
    return [turn[mode][key] / turn[base][key] for turn in rounds
            if turn.get(mode, {}).get(key) is not None and turn.get(base, {}).get(key)]


def differences(rounds, mode, key, base="off"):
    return [turn[mode][key] - turn[base][key] for turn in rounds if key in turn.get(mode, {}) and key in turn.get(base, {})]


def shown(figure, digits=3):
    """A spread for people: median (least to most)."""
    return f"{figure['median']:.{digits}f} ({figure['least']:.{digits}f} to {figure['most']:.{digits}f})"


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return value


class Output:
    """Measurements as JSON lines into a file, and sentences for people on stdout; with --json the lines are on stdout."""

    def __init__(self, arguments):
        self.json = arguments.json
        self.file = open(arguments.output, "a", encoding="utf-8") if arguments.output else None

    def row(self, **values):
        line = json.dumps(rounded(values))
        if self.json:
            print(line, flush=True)
        if self.file:
            print(line, file=self.file, flush=True)

    def say(self, text):
        print(text, file=sys.stderr if self.json else sys.stdout, flush=True)


def version_of(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
        return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""
    except (OSError, subprocess.SubprocessError):
        return "not installed"


def machine(bin_directory):
    """What the figures belong to."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "kind": "machine", "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": cpu.group(1) if cpu else platform.machine(), "processors": len(os.sched_getaffinity(0)),
        "memory_mib": int(memory.group(1)) // 1024, "kernel": platform.release(),
        "load_average": list(os.getloadavg()),
        "commit": version_of("git", "-C", str(HERE), "describe", "--always", "--dirty"),
        "shmotel": version_of(str(pathlib.Path(bin_directory) / "shmotel-sensor"), "--version"),
        "programs": {name: version_of(*command) for name, command in {
            "nginx": ("/usr/sbin/nginx", "-v"), "wrk": ("wrk", "-v"), "h2load": ("h2load", "--version"),
            "redis": ("redis-server", "--version"), "pgbench": ("pgbench", "--version"),
            "bpftool": ("/usr/sbin/bpftool", "version"), "python": (sys.executable, "--version")}.items()}}


def run(description, add_arguments, work):
    """main() of every script: work(arguments, output) with exit status 77 and the reason where it cannot run."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="directory of the built programs (build/release/bin)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per measurement")
    parser.add_argument("--output", help="add the JSON objects to this file as well")
    add_arguments(parser)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    output = Output(arguments)
    try:
        require_root()
        check((pathlib.Path(arguments.bin) / "shmotel-bench").exists(),
              f"no shmotel-bench in {arguments.bin}: build the release preset, or say where with --bin")
        output.row(**machine(arguments.bin))
        work(arguments, output)
    except Skip as reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    except Failure as failure:
        sys.exit(f"failed: {failure}")
