"""The sensor as its users start it: as root, as root with a user to become, and by a service manager that gives it
another user and four capabilities. Each time it attaches, sees a request, and keeps no more than it needs."""
import os
import pathlib
import pwd
import re
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import RECEIVER_USER, Daemon, check, check_equal, main, program  # noqa: E402
from peers import Nginx, curl  # noqa: E402
from telemetry import SERVER, Telemetry  # noqa: E402

SENSOR_UID = 65533
START = ["bpf", "perfmon", "sys_ptrace", "dac_read_search"]
# The bits of CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.
KEPT = 1 << 19 | 1 << 2


def status(process):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\t(.*)$", text, re.MULTILINE))


def as_service(capabilities, groups=None):
    """The words before a command that start it as a service manager does with User= and AmbientCapabilities=."""
    raised = ",".join(["-all"] + [f"+{name}" for name in capabilities])
    return [program("setpriv"), "--reuid", SENSOR_UID, "--regid", SENSOR_UID,
            *(["--groups", groups] if groups else ["--clear-groups"]),
            "--inh-caps", raised, "--ambient-caps", raised, "--bounding-set", raised]


def start(host, before, *options):
    """A sensor, once it has said that it is ready, with a socket directory that its user owns."""
    host.directory.chmod(0o755)
    run = host.directory / "run"
    run.mkdir(exist_ok=True)
    os.chown(run, SENSOR_UID, SENSOR_UID)
    return host.start([*before, host.bin / "shmotel-sensor", "--socket", run / "sensor.sock", "--allow-uid",
                       RECEIVER_USER, *options], kind=Daemon, log="sensor.log")


def check_sees(host, sensor):
    sensor.wait_output("ready:")
    host.receiver(options=["--socket", host.directory / "run" / "sensor.sock"])
    nginx = Nginx(host)
    curl(host, f"{nginx.url}/seen")
    span = Telemetry(host.out / "otlp.jsonl").wait_span("seen", SERVER)
    check_equal(span.attributes.get("http.response.status_code"), 200, "status")
    check("nginx" in span.resource.get("process.executable.path", ""), f"the executable is known: {span.resource}")


def check_caged(sensor, uid):
    seen = status(sensor)
    check_equal(seen["Uid"].split(), [str(uid)] * 4, "uids")
    for name in ("CapPrm", "CapEff"):
        check_equal(int(seen[name], 16), KEPT, name)
    for name in ("CapInh", "CapAmb"):
        check_equal(int(seen[name], 16), 0, name)
    check_equal(seen["NoNewPrivs"], "1", "no_new_privs")
    if "NO CAGE" not in sensor.output():
        check_equal(seen["Seccomp"], "2", "a seccomp filter")


def started_as_root_it_becomes_the_user_that_is_named(host):
    sensor = start(host, [], "--user", SENSOR_UID)
    check_sees(host, sensor)
    check_caged(sensor, SENSOR_UID)
    check_equal(int(status(sensor)["CapBnd"], 16), 0, "the bounding set")
    check_equal(status(sensor)["Groups"].strip(), "", "groups")


def started_as_root_without_a_user_it_says_what_root_still_owns(host):
    sensor = start(host, [], "--user", "root")
    check_sees(host, sensor)
    check_caged(sensor, 0)
    check("owns root's files" in sensor.output(), "the ready line says so")


def four_capabilities_are_enough_for_another_user(host):
    group = pwd.getpwnam(RECEIVER_USER).pw_gid
    sensor = start(host, as_service(START, group))
    check_sees(host, sensor)
    check_caged(sensor, SENSOR_UID)
    socket = os.stat(host.directory / "run" / "sensor.sock")
    check_equal((socket.st_gid, stat.S_IMODE(socket.st_mode)), (group, 0o660), "group and mode of the socket")


def it_cannot_start_without_the_two_that_attach(host):
    for missing, word in (("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON")):
        sensor = start(host, as_service([name for name in START if name != missing]))
        check_equal(sensor.wait(), 1, f"exit status without {missing}")
        check(word in sensor.output(), f"it says that {word} is missing: {sensor.output()}")


def it_starts_without_the_two_that_read_and_says_what_is_unseen(host):
    sensor = start(host, as_service(["bpf", "perfmon"]), "--allow-uid", SENSOR_UID)
    sensor.wait_output("ready:")
    check("no CAP_SYS_PTRACE (unseen: " in sensor.output(), sensor.output())
    check("no CAP_DAC_READ_SEARCH (unseen: " in sensor.output(), sensor.output())
    check_equal(int(status(sensor)["CapPrm"], 16), 0, "capabilities")


def nothing_is_inherited(host):
    # Another descriptor than the standard ones, and one of those missing.
    shell = [program("bash"), "-c", 'exec 50</etc/passwd <&-; exec "$@"', "bash"]
    sensor = host.start([*shell, host.bin / "shmotel-sensor", "--socket", host.socket, "--allow-uid", RECEIVER_USER],
                        kind=Daemon)
    receiver = host.start([*shell, host.bin / "shmotel-receiver", "--socket", host.socket, "--user", RECEIVER_USER,
                           "--export", host.file_export()], kind=Daemon)
    for process in (sensor, receiver):
        process.wait_output("ready:")
        check(not os.path.lexists(f"/proc/{process.pid}/fd/50"), "the descriptor of the parent is closed")
        check_equal(os.readlink(f"/proc/{process.pid}/fd/0"), "/dev/null", "what stands for the missing one")


if __name__ == "__main__":
    main(started_as_root_it_becomes_the_user_that_is_named,
         started_as_root_without_a_user_it_says_what_root_still_owns, four_capabilities_are_enough_for_another_user,
         it_cannot_start_without_the_two_that_attach, it_starts_without_the_two_that_read_and_says_what_is_unseen,
         nothing_is_inherited)
