"""Either program is killed or stopped at random under full load, for SHMOTEL_SOAK_SECONDS (8): it is found again within a
second, and a request made afterwards is seen from both ends."""
import os
import random
import signal
import time

from harness import check, check_equal, counter_sum, main, wait_for
from peers import Nginx, program, wait_until_followed
from telemetry import Telemetry

SECONDS = int(os.environ.get("SHMOTEL_SOAK_SECONDS", "8"))
SEED = int(os.environ.get("SHMOTEL_SOAK_SEED", str(time.time_ns() % 100000)))


class Pair:
    """Both programs, and a new one in the place of each that is killed."""

    def __init__(self, host):
        self.host, self.kills = host, {"sensor": 0, "receiver": 0, "stop": 0}
        self.output = 0
        self.sensor = host.sensor()
        self.receiver = self.new_receiver()

    def new_receiver(self):
        # One file each: the end of a killed one's may be half a line.
        self.output += 1
        return self.host.receiver(f"file:{self.path()}")

    def path(self):
        return self.host.out / f"{self.output}.jsonl"

    def attaches(self):
        return sum(line.startswith("attached") for line in self.receiver.output().splitlines())

    def kill_sensor(self):
        before = self.attaches()
        self.sensor.stop(signal.SIGKILL)
        self.sensor = self.host.sensor()
        started = time.monotonic()
        wait_for("the receiver to attach again", lambda: self.attaches() > before, seconds=10)
        return time.monotonic() - started

    def kill_receiver(self):
        self.receiver.stop(signal.SIGKILL)
        started = time.monotonic()
        self.receiver = self.new_receiver()
        self.receiver.wait_output("attached")
        return time.monotonic() - started

    def stop_receiver(self, chance):
        self.receiver.child.send_signal(signal.SIGSTOP)
        time.sleep(chance.random())
        self.receiver.child.send_signal(signal.SIGCONT)
        return 0


def killed_at_random_under_full_load(host):
    chance = random.Random(SEED)
    print(f"seed {SEED}, {SECONDS} s")
    nginx = Nginx(host)
    pair = Pair(host)
    load = host.start([program("wrk"), "-t1", "-c8", f"-d{SECONDS + 60}s", f"{nginx.url}/load"])
    end = time.monotonic() + SECONDS
    slowest = 0
    while time.monotonic() < end:
        what = chance.choice(("sensor", "receiver", "stop"))
        time.sleep(chance.random() * 0.5)
        slowest = max(slowest, {"sensor": pair.kill_sensor, "receiver": pair.kill_receiver,
                                "stop": lambda: pair.stop_receiver(chance)}[what]())
        pair.kills[what] += 1
        check(pair.sensor.running() and pair.receiver.running() and load.running(), f"all live after {what}")
    load.kill()
    print(f"{pair.kills}, slowest way back {slowest:.2f} s")
    pair.kill_receiver()  # for a file without the load's spans
    telemetry = Telemetry(pair.path())
    wait_until_followed(host, nginx, telemetry, "afterwards")
    check_equal(pair.receiver.stop(), 0, "exit code of the receiver")
    check_equal(pair.sensor.stop(), 0, "exit code of the sensor")
    for program_report in (pair.sensor, pair.receiver):
        report = program_report.counters_at_exit()
        check_equal(counter_sum(report, "shmotel.sensor.reader_violations"), 0, "impossible heads")
        check_equal(counter_sum(report, "shmotel.receiver.ring.violations"), 0, "rings given up")
        check_equal(counter_sum(report, "shmotel.receiver.record.lost", "reason=malformed"), 0, "torn records")


main(killed_at_random_under_full_load)
