"""--status and --alive: what they say, and what they exit with."""
import os
import re
import signal
import socket
import stat

from harness import check, check_equal, main, wait_for
from peers import Collector, Nginx, curl

READY, NOT_READY, NO_ANSWER = 0, 1, 3


def wait_status(host, code, text):
    wait_for(f"exit code {code} and {text!r}",
             lambda: (lambda seen: seen[0] == code and text in seen[1])(host.status()))
    return host.status()[1]


def a_ready_receiver_says_so(host):
    collector, nginx = Collector(host).start(), Nginx(host)
    sensor = host.sensor()
    receiver = host.receiver(collector.export)
    curl(host, f"{nginx.url}/x")
    text = wait_status(host, READY, f"sensor      pid {sensor.pid}, attached for ")
    check_equal(text.splitlines()[0], "ready", "first line")
    check(f"pid {receiver.pid}, up " in text, text)
    check(re.search(r"exporter    otlp-grpc \S+: (idle|delivering); 0 requests of 0 bytes wait", text), text)
    wait_for("delivered spans", lambda: re.search(r"[1-9]\d* delivered, 0 lost", host.status()[1]))
    check_equal(host.status("--alive"), (0, "ready\n"), "alive")


def without_a_sensor_it_is_alive_and_not_ready(host):
    host.receiver()
    text = wait_status(host, NOT_READY, "not ready: no sensor to read from")
    check("sensor      not attached: " in text and str(host.socket) in text, text)
    check_equal(host.status("--alive"), (0, "not ready: no sensor to read from\n"), "alive")


def without_a_collector_it_is_not_ready_and_says_why(host):
    collector, nginx = Collector(host), Nginx(host)
    host.sensor()
    host.receiver(collector.export)
    curl(host, f"{nginx.url}/x")
    text = wait_status(host, NOT_READY, "not ready: otlp-grpc")
    check(re.search(r"failing, \d+ attempts in a row", text), text)
    check(f"There is no socket at {collector.socket}" in text, text)
    collector.start()
    wait_status(host, READY, "ready")


def losses_of_both_programs_are_listed(host):
    nginx = Nginx(host)
    host.sensor("--connections-max", "64")
    receiver = host.receiver(f"otlp-grpc:unix://{host.directory}/nowhere.sock", options=["--queue-size", "1"])
    # The sensor has written a record before anybody read it.
    for _ in range(5):
        curl(host, *[f"{nginx.url}/{i}" for i in range(20)], "-o", "/dev/null")
    text = wait_for("losses", lambda: (lambda t: t if "reason=queue_full" in t else None)(host.status()[1]))
    check(re.search(r"lost +\d+  shmotel.exporter.\S+.lost\{reason=queue_full\}", text), text)
    check(receiver.running(), "it runs on")


def nobody_who_does_not_answer_is_taken_for_alive(host):
    code, text = host.status()
    check_equal(code, NO_ANSWER, "exit code without a receiver")
    check("no receiver answers at" in text, text)
    receiver = host.receiver()
    receiver.child.send_signal(signal.SIGSTOP)
    try:
        check_equal(host.status("--alive")[0], NO_ANSWER, "exit code with a stopped receiver")
    finally:
        receiver.child.send_signal(signal.SIGCONT)
    check_equal(host.status("--alive")[0], 0, "exit code with a receiver that goes on")
    receiver.stop(signal.SIGKILL)
    check_equal(host.status("--alive")[0], NO_ANSWER, "exit code with a dead receiver's socket")


def the_socket_is_the_users_own_and_a_stale_one_is_replaced(host):
    host.receiver().stop(signal.SIGKILL)
    mode = os.stat(host.status_socket)
    check_equal(stat.S_IMODE(mode.st_mode), 0o660, "mode")
    check_equal(mode.st_uid, 65534, "owner")
    host.receiver()
    check_equal(host.status("--alive")[0], 0, "a new receiver answers at the same place")


def a_second_receiver_with_the_same_socket_is_told_so(host):
    host.receiver()
    second = host.start_receiver()
    check_equal(second.wait(), 1, "exit code")
    check("another receiver listens there" in second.output(), second.output())


def many_visitors_who_never_read_hold_nothing_up(host):
    host.sensor()
    receiver = host.receiver()
    wait_status(host, READY, "ready")
    visitors = []
    for _ in range(300):
        visitor = socket.socket(socket.AF_UNIX)
        visitor.connect(str(host.status_socket))
        visitors.append(visitor)
    wait_status(host, READY, "ready")
    for visitor in visitors:
        check_equal(visitor.recv(5), b"ready", "each is answered")
        visitor.close()
    fds = len(os.listdir(f"/proc/{receiver.pid}/fd"))
    check(fds < 40, f"{fds} descriptors are open")


def a_second_sigterm_ends_the_drain(host):
    collector, nginx = Collector(host).start(), Nginx(host)
    host.sensor()
    receiver = host.receiver(collector.export, options=["--shutdown-timeout", "10m", "--timeout", "10m"])
    curl(host, f"{nginx.url}/x")
    wait_for("a delivered span", lambda: re.search(r"[1-9]\d* delivered", host.status()[1]))
    collector.process.child.send_signal(signal.SIGSTOP)
    try:
        curl(host, f"{nginx.url}/y")
        wait_for("something in delivery", lambda: ": delivering" in host.status()[1])
        receiver.child.send_signal(signal.SIGTERM)
        wait_for("the drain", lambda: host.status("--alive")[0] == NO_ANSWER)
        check(receiver.running(), "it waits for the Collector")
        check_equal(receiver.stop(), 0, "exit code after the second")
        check("asked again to end" in receiver.output(), receiver.output())
    finally:
        collector.process.child.send_signal(signal.SIGCONT)


main(a_ready_receiver_says_so, without_a_sensor_it_is_alive_and_not_ready, without_a_collector_it_is_not_ready_and_says_why,
     losses_of_both_programs_are_listed, nobody_who_does_not_answer_is_taken_for_alive,
     the_socket_is_the_users_own_and_a_stale_one_is_replaced, a_second_receiver_with_the_same_socket_is_told_so,
     many_visitors_who_never_read_hold_nothing_up, a_second_sigterm_ends_the_drain)
