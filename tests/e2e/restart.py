"""Either program is killed under load: nothing hangs, what is left works again, what was missed is counted."""
import json
import pathlib
import re
import signal
import time

from harness import check, check_equal, counter_sum, main, wait_for
from peers import Load, Nginx, curl, program, wait_until_followed
from telemetry import Telemetry

ATTACHES = "shmotel.receiver.attaches"
SENSOR_LOST = "shmotel.sensor.record.lost"
WRK_REQUESTS = re.compile(r"(\d+) requests in")


def check_still_seen(host, nginx, telemetry, marker):
    curl(host, f"{nginx.url}/{marker}")
    for span in telemetry.wait_pair(marker):
        check_equal(span.attributes.get("http.response.status_code"), 200, marker)


def a_killed_receiver_is_replaced_and_gets_a_snapshot(host):
    nginx = Nginx(host)
    sensor = host.sensor()
    receiver = host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    with Load(nginx.port, "/load") as load:
        telemetry.wait_spans("/load", 100)
        receiver.stop(signal.SIGKILL)
        before, sent = len(telemetry.matching("/load")), load.sent
        wait_for("load without a receiver", lambda: load.sent > sent + 50)
        host.receiver()
        # The connection and the processes are older than this receiver: the snapshot names them.
        later = telemetry.wait_spans("/load", before + 100)[before:]
    services = {span.resource.get("service.name") for span in later}
    check_equal(len(services), 2, f"services after the restart: {services}")
    check("unknown_service:nginx" in services, f"nginx is among {services}")
    check_still_seen(host, nginx, telemetry, "after-the-receiver-was-killed")
    check(counter_sum(sensor.counters(), "shmotel.sensor.record.lost", "reason=no_reader") > 0,
          "what passed while no receiver was attached is counted")


def a_killed_sensor_is_found_again_within_a_second(host):
    nginx = Nginx(host)
    sensor = host.sensor()
    receiver = host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    with Load(nginx.port, "/load"):
        telemetry.wait_spans("/load", 100)
        sensor.stop(signal.SIGKILL)
        host.sensor()
        wait_for("the receiver to attach again", lambda: counter_sum(receiver.counters(), ATTACHES) == 2, seconds=3)
        before = len(telemetry.matching("/load"))
        telemetry.wait_spans("/load", before + 100)
    check_still_seen(host, nginx, telemetry, "after-the-sensor-was-killed")
    check_equal(receiver.stop(), 0, "exit code of the receiver")


def a_receiver_may_start_before_the_sensor(host):
    nginx = Nginx(host)
    receiver = host.start_receiver()
    time.sleep(0.5)
    check(receiver.running(), "the receiver waits for the sensor")
    host.sensor()
    receiver.wait_output("attached")
    check_still_seen(host, nginx, Telemetry(host.out / "otlp.jsonl"), "receiver-first")


def a_second_receiver_waits_until_the_first_is_gone(host):
    nginx = Nginx(host)
    host.sensor()
    first = host.receiver()
    second = host.start_receiver(f"file:{host.out}/second.jsonl",
                                 env={"SHMOTEL_STATUS_SOCKET": str(host.out / "second.sock")})
    check_still_seen(host, nginx, Telemetry(host.out / "otlp.jsonl"), "to-the-first")
    check_equal(first.stop(), 0, "exit code of the first receiver")
    second.wait_output("attached")
    check_still_seen(host, nginx, Telemetry(host.out / "second.jsonl"), "to-the-second")


def a_stopped_receiver_costs_nothing_but_counted_drops(host):
    nginx = Nginx(host)
    sensor = host.sensor("--ring-bytes", 1 << 20)
    receiver = host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    check_still_seen(host, nginx, telemetry, "before")

    def dropped_under_load():
        text = host.run([program("wrk"), "-t1", "-c4", "-d2s", f"{nginx.url}/load"])
        check(int(WRK_REQUESTS.search(text)[1]) > 0, "the server answers while the receiver is stopped")
        return counter_sum(sensor.counters(), SENSOR_LOST, "reason=full")
    receiver.child.send_signal(signal.SIGSTOP)
    try:
        full = wait_for("counted drops", dropped_under_load)
        check(dropped_under_load() > full, "the sensor goes on dropping")
    finally:
        receiver.child.send_signal(signal.SIGCONT)
    wait_until_followed(host, nginx, telemetry, "after-it-went-on")
    # The sum of the ring: what was written was read, as nothing else ended either side.
    check_equal(sensor.stop(), 0, "exit code of the sensor")
    check_equal(receiver.stop(), 0, "exit code of the receiver")
    written, read = sensor.counters_at_exit(), receiver.counters_at_exit()
    check_equal(counter_sum(read, "shmotel.receiver.records"),
                counter_sum(written, "shmotel.sensor.records", "stage=shared_ring"), "records read and records written")
    check_equal(counter_sum(read, ATTACHES), 1, "attaches: the session outlived the stop")


def programs_held(pid):
    """The programs whose descriptors a process has; other descriptors of it may come and go meanwhile."""
    held = set()
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            text = info.read_text()
        except FileNotFoundError:
            continue
        held |= {int(line.split()[1]) for line in text.splitlines() if line.startswith("prog_id:")}
    return held


def nothing_of_the_sensor_stays_in_the_kernel(host):
    sensor = host.sensor()
    held = programs_held(sensor.pid)
    check(held, "the running sensor holds programs")
    sensor.stop(signal.SIGKILL)

    def left():
        return held & {loaded["id"] for loaded in json.loads(host.run([program("bpftool"), "--json", "prog", "show"]))}
    wait_for("the programs to go", lambda: not left())


main(a_killed_receiver_is_replaced_and_gets_a_snapshot, a_killed_sensor_is_found_again_within_a_second,
     a_receiver_may_start_before_the_sensor, a_second_receiver_waits_until_the_first_is_gone,
     a_stopped_receiver_costs_nothing_but_counted_drops,
     nothing_of_the_sensor_stays_in_the_kernel)
