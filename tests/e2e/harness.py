"""Run end-to-end scenarios: private directories and ports, conditions instead of sleeps, nothing left running.

A scenario file defines functions that take a Host and calls main() with them. Each function gets a fresh Host, and all
that it started is ended when it returns. Exit code 0: passed. 77: all were skipped, with their reasons. 1: a failure.
"""
import argparse
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

RECEIVER_USER = "nobody"
READY_SECONDS = 20
STOP_SECONDS = 15
# On a machine that is only emulated everything takes longer.
PATIENCE = float(os.environ.get("SHMOTEL_TEST_PATIENCE", "1"))


def fewer(count, multiple=1):
    """As many requests as a scenario sends, in proportion fewer where everything takes longer; a multiple of `multiple`."""
    return max(1, int(count / PATIENCE) // multiple) * multiple


class Skip(Exception):
    """The scenario cannot run here; the text says why."""


class Failure(Exception):
    """Something is not as it should be; the text says what."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def check_equal(seen, expected, what):
    check(seen == expected, f"{what}: {seen!r}, expected {expected!r}")


def wait_for(what, condition, seconds=15):
    """Poll until condition() is true and return what it returned; Failure names `what` after the deadline."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)


def free_port(family=socket.AF_INET):
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket(family) as probe:
        probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return probe.getsockname()[1]


def port_is_open(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


def program(name):
    """The path of a program that the scenario needs, or Skip."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Skip(f"{name} is not installed")
    return path


class Process:
    """A child with its output in a file."""

    def __init__(self, argv, log, user=None, umask=-1, env=None, cwd=None):
        self.argv = [str(word) for word in argv]
        self.name = os.path.basename(self.argv[0])
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=user, umask=umask, cwd=cwd,
                env={**os.environ, **(env or {})})
        self.pid = self.child.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.child.poll() is None

    def wait_output(self, text, seconds=READY_SECONDS):
        """Wait for a line that starts with `text`; a process that ends before is a Failure with its output."""
        def seen():
            lines = self.output().splitlines()
            if any(line.startswith(text) for line in lines):
                return True
            check(self.running(), f"{self.name} ended before it said {text!r}: " + "\n".join(lines[-15:]))
            return False
        wait_for(f"{self.name} to say {text!r}", seen, seconds)

    def wait(self, seconds=STOP_SECONDS):
        """Wait for the end and return the exit code."""
        try:
            return self.child.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} has not ended after {seconds} s") from None

    def stop(self, how=signal.SIGTERM, seconds=STOP_SECONDS):
        if self.running():
            self.child.send_signal(how)
        return self.wait(seconds)

    def kill(self):
        if self.running():
            self.child.kill()
        self.child.wait()


class Daemon(Process):
    """One of the two programs: it says `ready:` and prints its counters."""

    COUNTER = re.compile(r"^counter: +(\d+)  (\S+?)\{(\S*)\}", re.MULTILINE)

    def counters_at_exit(self):
        """The report that an ended program printed last: {(metric, attributes): value}."""
        return self.parse_report(self.output())

    def counters(self):
        """The report that SIGUSR1 asks for. Counters that are zero are not in it, so it has no first line to expect:
        something has to have been counted."""
        before = len(self.output())
        self.child.send_signal(signal.SIGUSR1)
        wait_for(f"the counters of {self.name}", lambda: self.COUNTER.search(self.output()[before:]))
        length = 0
        while length != len(self.output()):
            length = len(self.output())
            time.sleep(0.1)
        return self.parse_report(self.output()[before:])

    def parse_report(self, text):
        """Later lines win, so that the last report in the text counts."""
        return {(metric, attributes): int(value) for value, metric, attributes in self.COUNTER.findall(text)}


def counter_sum(report, metric, attributes=""):
    """The sum of a metric over the rows whose attributes contain the given text."""
    return sum(value for (name, row), value in report.items() if name == metric and attributes in row)


def lost(*reports):
    """Everything that the reports count as lost, for messages and for accounting."""
    return {f"{name}{{{row}}}": value for report in reports for (name, row), value in report.items()
            if name.endswith((".lost", ".evicted", ".incomplete"))}


class Host:
    """The place where one scenario runs."""

    def __init__(self, bin_directory, keep=False, seconds=20):
        self.seconds = seconds  # of load, for scenarios that may last
        self.bin = pathlib.Path(bin_directory)
        self.keep = keep
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="shmotel-e2e-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.out = self.directory / "out"
        self.out.mkdir()
        shutil.chown(self.out, RECEIVER_USER)
        self.processes = []

    def start(self, argv, log=None, kind=Process, **how):
        log = log or f"{len(self.processes):02}-{os.path.basename(str(argv[0]))}.log"
        process = kind(argv, self.directory / log, **how)
        self.processes.append(process)
        return process

    def run(self, argv, seconds=60, **how):
        """Run to the end and return what it printed on stdout; a failing command is a Failure."""
        done = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=seconds * PATIENCE, stdin=subprocess.DEVNULL, **how)
        check(done.returncode == 0, f"{argv} exited with {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}")
        return done.stdout

    @property
    def socket(self):
        return self.directory / "sensor.sock"

    def sensor(self, *options, **how):
        argv = [self.bin / "shmotel-sensor", "--socket", self.socket, "--allow-uid", RECEIVER_USER, *options]
        sensor = self.start(argv, kind=Daemon, **how)
        sensor.wait_output("ready:")
        return sensor

    def receiver(self, *exports, **how):
        receiver = self.start_receiver(*exports, **how)
        receiver.wait_output("ready:")
        return receiver

    def start_receiver(self, *exports, options=(), env=None, **how):
        """Without waiting until it is ready."""
        argv = [self.bin / "shmotel-receiver", "--socket", self.socket, "--user", RECEIVER_USER, *options]
        for export in exports or (self.file_export(),):
            argv += ["--export", export]
        # Short delays: what is waited for is that something arrives, not when.
        hurry = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "500",
                 "SHMOTEL_RETRY_INITIAL_INTERVAL": "200ms", "SHMOTEL_RETRY_MAX_INTERVAL": "1s",
                 "SHMOTEL_STATUS_SOCKET": str(self.status_socket)}
        return self.start(argv, kind=Daemon, env={**hurry, **(env or {})}, **how)

    @property
    def status_socket(self):
        return self.out / "status.sock"

    def status(self, flag="--status"):
        """(exit code, text) of asking the receiver how it is."""
        done = subprocess.run([self.bin / "shmotel-receiver", flag, "--status-socket", self.status_socket],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def file_export(self):
        return f"file:{self.out}/otlp.jsonl"

    def close(self):
        for process in reversed(self.processes):
            try:
                process.stop(seconds=5)
            except Failure:
                process.kill()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def report_failure(self):
        """The last lines that every process printed."""
        for process in self.processes:
            print(f"--- {process.name} {' '.join(process.argv[1:])[:200]}", file=sys.stderr)
            for line in process.output().splitlines()[-25:]:
                print("    " + line[:240], file=sys.stderr)


def require_root():
    if os.geteuid() != 0:
        raise Skip("needs root: the sensor loads BPF programs")
    try:
        pwd.getpwnam(RECEIVER_USER)
    except KeyError:
        raise Skip(f"needs a user {RECEIVER_USER} for the receiver") from None


def run_one(scenario, arguments):
    """Run one function and return "passed", "skipped" or "FAILED"."""
    started = time.monotonic()
    host, outcome, text = None, "FAILED", ""
    try:
        require_root()
        host = Host(arguments.bin, arguments.keep, arguments.seconds)
        scenario(host)
        outcome = "passed"
    except Skip as reason:
        outcome, text = "skipped", f": {reason}"
    except Failure as failure:
        text = f": {failure}"
    except Exception:
        text = ":\n" + traceback.format_exc()
    finally:
        if host:
            if outcome == "FAILED":
                host.report_failure()
            host.close()
        print(f"{outcome:8} {scenario.__name__} ({time.monotonic() - started:.1f} s){text}", flush=True)
    return outcome


def main(*scenarios):
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="directory of the built programs")
    parser.add_argument("--keep", action="store_true", help="leave the directories for a look")
    parser.add_argument("--seconds", type=int, default=20, help="length of a soak")
    parser.add_argument("only", nargs="*", help="names of scenarios to run")
    arguments = parser.parse_args()
    # ctest ends a test that takes too long with SIGTERM: clean up then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    outcomes = [run_one(scenario, arguments) for scenario in scenarios
                if not arguments.only or scenario.__name__ in arguments.only]
    if "FAILED" in outcomes:
        sys.exit(1)
    sys.exit(77 if outcomes and all(outcome == "skipped" for outcome in outcomes) else 0)
