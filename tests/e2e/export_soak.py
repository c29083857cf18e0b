"""Two thousand requests a second while the Collector is killed, stopped, restarted and refuses by turns: every span arrives
or is counted, with a spool and without. Ten minutes of each:

    /usr/bin/python3 tests/e2e/export_soak.py --bin build/dev/bin --seconds 600
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

from harness import check, check_equal, counter_sum, main, wait_for
from peers import Collector, Nginx

RATE = 2000  # requests a second
MEMORY_MIB = 96  # the receiver's; its queue may take 16
TURN_SECONDS = 2
SPAN_ID = re.compile(rb'"spanId":"([0-9a-f]{16})"')


class Load:
    """Requests at a steady rate, one after the other, on a keep-alive connection for as long as the server keeps it."""

    def __init__(self, port):
        self.port, self.sent, self.stopping = port, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def run(self):
        self.started = time.monotonic()
        while not self.stopping.is_set():
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.use(connection)

    def use(self, connection):
        while not self.stopping.is_set():
            due = int((time.monotonic() - self.started) * RATE)
            while self.sent < due and not self.stopping.is_set():
                connection.sendall(b"GET /soak HTTP/1.1\r\nHost: soak\r\n\r\n")
                answer = connection.recv(4096)
                self.sent += answer != b""
                if answer == b"" or b"Connection: close" in answer:
                    return
            time.sleep(0.005)


class SpanIds:
    """The span ids in files of OTLP/JSON that grow: every whole line is read once, and what was read is given back to
    the disk."""

    def __init__(self):
        self.places = {}
        self.seen = {}

    def read(self, path):
        offset = self.places.get(path, 0)
        try:
            with open(path, "rb") as lines:
                lines.seek(offset)
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    offset += len(line)
                    if line.startswith(b'{"resourceSpans"'):
                        for span in SPAN_ID.findall(line):
                            self.seen[span] = self.seen.get(span, 0) + 1
        except FileNotFoundError:
            return
        if offset >> 24 > self.places.get(path, 0) >> 24:
            subprocess.run(["fallocate", "--punch-hole", "--offset", "0", "--length", str(offset), path], check=False)
        self.places[path] = offset


class Trouble:
    """What happens to the Collector, turn after turn. Each life of it writes a file of its own."""

    def __init__(self, host):
        self.host, self.lives, self.collector = host, 0, None
        self.start()

    def start(self, **how):
        self.collector = Collector(self.host, **how)
        self.collector.output = self.host.directory / f"collector-{self.lives}.jsonl"
        self.lives += 1
        self.collector.start()

    def outputs(self):
        return [self.host.directory / f"collector-{life}.jsonl" for life in range(self.lives)]

    def killed(self):
        self.collector.process.stop(signal.SIGKILL)
        time.sleep(TURN_SECONDS / 2)
        self.start()

    def stopped(self):
        self.collector.process.child.send_signal(signal.SIGSTOP)
        time.sleep(TURN_SECONDS)
        self.collector.process.child.send_signal(signal.SIGCONT)

    def restarted(self):
        self.collector.process.stop()
        self.start()

    def refuses(self):
        self.collector.process.stop()
        self.start(memory_mib=2)  # less than it needs by itself
        time.sleep(TURN_SECONDS)
        self.restarted()


def rss_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) // 1024


def soak(host, *options):
    nginx, trouble = Nginx(host, workers=1), Trouble(host)
    sensor = host.sensor("--include-port", str(nginx.port))
    receiver = host.receiver(trouble.collector.export, host.file_export(),
                             options=["--timeout", "1s", "--retry-max-elapsed-time", "0", *options])
    made, arrived, memory = SpanIds(), SpanIds(), 0
    load = Load(nginx.port)
    end = time.monotonic() + host.seconds
    turns = [trouble.killed, trouble.stopped, trouble.restarted, trouble.refuses]
    number = 0
    while time.monotonic() < end:
        turns[number % len(turns)]()
        number += 1
        time.sleep(TURN_SECONDS / 2)
        memory = max(memory, rss_mib(receiver.pid))
        made.read(host.out / "otlp.jsonl")
        for output in trouble.outputs():
            arrived.read(output)
    load.stop()
    wait_for("everything to be delivered", lambda: re.search(r"otlp-grpc \S+: idle; 0 requests", host.status()[1]), 60)
    check_equal(receiver.stop(), 0, "exit code")
    trouble.collector.process.stop()
    made.read(host.out / "otlp.jsonl")
    for output in trouble.outputs():
        arrived.read(output)
    report = receiver.counters_at_exit()
    lost = counter_sum(report, "shmotel.exporter.span.lost")
    missing = sum(span not in arrived.seen for span in made.seen)
    twice = sum(arrived.seen.values()) - len(arrived.seen)
    maybe_twice = counter_sum(report, "shmotel.exporter.span.possible_duplicate")
    print(f"    {load.sent} requests, {number} turns: {len(made.seen)} spans made, {missing} missing, {lost} counted as lost, "
          f"{twice} twice, {maybe_twice} counted as possible; {memory} MiB at most", flush=True)
    check(sensor.running(), "the sensor lives")
    check_equal(len(made.seen), counter_sum(report, "shmotel.receiver.spans"), "spans in the file")
    check(not set(arrived.seen) - set(made.seen), "nothing arrived that was not made")
    check_equal(missing, lost, f"missing spans against counted ones: {report}")
    check(twice <= maybe_twice, f"{twice} spans arrived twice, {maybe_twice} are counted")
    check(memory <= MEMORY_MIB, f"{memory} MiB of memory")
    check(load.sent >= RATE * host.seconds * 9 // 10, f"only {load.sent} requests: the machine is too slow for this")
    return lost


def without_a_spool_what_is_missing_is_counted_and_memory_stays_bounded(host):
    lost = soak(host, "--queue-size", "4")
    check(lost > 0, "the queue of four requests was never full: nothing was tried")


def with_a_spool_nothing_is_missing(host):
    spool = host.out / "spool"
    spool.mkdir()
    os.chown(spool, 65534, 65534)
    lost = soak(host, "--storage-directory", spool, "--storage-size", "256MiB")
    check_equal(lost, 0, "lost spans")


main(without_a_spool_what_is_missing_is_counted_and_memory_stays_bounded, with_a_spool_nothing_is_missing)
