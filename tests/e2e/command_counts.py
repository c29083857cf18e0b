"""Compare the spans of Redis and Memcached commands with what the server itself has counted."""
import time
from collections import Counter

from harness import PATIENCE, check, check_equal, lost
from telemetry import CLIENT, SERVER, SIDES, Telemetry


class Commands:
    """The spans of one database system, as they come in. Only those that came after the last settle() count."""

    def __init__(self, telemetry, system, pair):
        self.telemetry = telemetry
        self.system = system
        self.pair = pair
        self.begun = 0
        self.lost_before = Counter()

    def lost(self):
        return Counter(lost(*(program.counters() for program in self.pair)))

    def settle(self):
        """Forget what was seen so far, when nothing more comes in."""
        seen = -1
        while seen != len(self.telemetry.read().spans):
            seen = len(self.telemetry.spans)
            time.sleep(0.7)
        self.begun = seen
        self.lost_before = self.lost()

    def spans(self, kind):
        return [span for span in self.telemetry.read().spans[self.begun:]
                if span.kind == kind and span.attributes.get("db.system.name") == self.system]

    def counts(self, kind):
        return Counter(span.attributes.get("db.operation.name", "") for span in self.spans(kind))

    def expect(self, expected, what, kinds=(CLIENT, SERVER), normal=lambda operation: operation, pipelined=1):
        """As many spans of every operation as the server counted, or counters that account for each one missing. A lost
        record is that of a turn: it held as many commands or replies as are pipelined, and at most that."""
        for kind in kinds:
            counts = Counter()
            for operation, count in self.wait_total(sum(expected.values()), kind).items():
                counts[normal(operation)] += count
            seen = {operation: counts[operation] for operation in expected}
            losses = dict(self.lost() - self.lost_before) if seen != expected else {}
            print(f"    {what}: {sum(seen.values())} {SIDES[kind]}spans of {sum(expected.values())}, "
                  f"counted losses {losses or 'none'}", flush=True)
            check(all(seen[operation] <= expected[operation] for operation in expected),
                  f"{what}: more {SIDES[kind]}spans than commands: {seen}, expected {expected}")
            missing = sum(expected.values()) - sum(seen.values())
            check(missing <= pipelined * sum(losses.values()), f"{what}: {missing} {SIDES[kind]}spans are missing and not counted: "
                  f"{seen}, expected {expected}, {losses}")

    def wait_total(self, total, kind, seconds=20):
        deadline = time.monotonic() + seconds * PATIENCE
        while sum(self.counts(kind).values()) < total and time.monotonic() < deadline:
            time.sleep(0.2)
        return self.counts(kind)

    def expect_sequence(self, expected, kinds=(CLIENT, SERVER)):
        """(operation, status code or None) of every command of one connection, in order."""
        for kind in kinds:
            self.wait_total(len(expected), kind)
            spans = sorted(self.spans(kind), key=lambda span: span.start)
            seen = Counter((span.attributes.get("db.operation.name"), span.attributes.get("db.response.status_code"))
                           for span in spans)
            check_equal(seen, Counter(expected), f"the {SIDES[kind]}commands of {self.system}")


def watch(host, system):
    """Both ends of every command on two cores, with the load beside them: the rings hold what piles up."""
    rings = ["--kernel-ring-bytes", "64MiB", "--ring-bytes", "64MiB"]
    pair = host.sensor(*rings), host.receiver(options=["--database-server-spans"])
    return Commands(Telemetry(host.out / "otlp.jsonl"), system, pair)
