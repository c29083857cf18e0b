"""The images, run as the manifests and README.md of docs/deploy say: the same users, capabilities, seccomp profiles, read-only
roots and limits of memory, under podman. Not the kubelet, and no network but that of the Pod: the Collector is on a Unix socket."""
import json
import pathlib
import re
import shutil

from harness import check, check_equal, main, program, wait_for
from peers import Collector, PythonServer, curl
from podman import KUBERNETES, TOP, Manifest, Podman
from telemetry import CLIENT, SERVER, Telemetry

SYS_PTRACE, DAC_READ_SEARCH = 19, 2


def status_field(pid, name):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(line for line in text.splitlines() if line.startswith(name + ":")).split()[1:]


def check_confinement(podman, sensor, receiver):
    """What is left of privilege when both run: each in its own seccomp filter and the runtime's."""
    for name, user, kept in ((sensor, "10002", 1 << SYS_PTRACE | 1 << DAC_READ_SEARCH), (receiver, "10001", 0)):
        pid = podman.pid(name)
        check_equal(status_field(pid, "Uid"), [user] * 4, f"user of the {name}")
        for which in ("CapEff", "CapPrm"):
            check_equal(int(status_field(pid, which)[0], 16), kept, f"{which} of the {name}")
        check_equal(status_field(pid, "NoNewPrivs"), ["1"], f"NoNewPrivs of the {name}")
        check(int(status_field(pid, "Seccomp_filters")[0]) >= 2, f"seccomp filters of the {name}: fewer than the two")


def check_probes(podman, manifest):
    for kind, command in manifest.probes("receiver").items():
        wait_for(f"the {kind}", lambda: podman.exec("receiver", *command)[0] == 0)


def check_memory(podman, manifest):
    for name in ("sensor", "receiver"):
        now, *most = podman.memory(name)
        request, limit = manifest.memory(name, "requests"), manifest.memory(name, "limits")
        peak = f"{most[0] >> 10}" if most else "?"
        print(f"    {name}: {now >> 10} KiB charged, {peak} at most; request {request >> 10}, limit {limit >> 10}")
        check(now <= request, f"the {name} takes more than it requests: {now} bytes of {request}")


def start_pair(host, podman, manifest, collector, where):
    """Both containers of a manifest, whose export is a Unix socket in place of the node's port."""
    shared = ["--volume", f"{collector.socket.parent}:{collector.socket.parent}:ro"]
    sensor = podman.start("sensor", podman.images["shmotel-sensor"], [*where, *manifest.options("sensor")])
    sensor.wait_output("ready:")
    receiver = podman.start("receiver", podman.images["shmotel-receiver"], [*where, *shared, *manifest.options("receiver")],
                            ["--export", collector.export])
    receiver.wait_output("ready:")
    return sensor, receiver


def the_daemonset_reports_the_processes_of_the_host(host):
    manifest = Manifest("daemonset.yaml", host)
    check(manifest.pod["hostPID"], "the DaemonSet is not in the host's pid namespace")
    collector, server = Collector(host).start(), PythonServer(host, env={"OTEL_SERVICE_NAME": "of-the-host"})
    with Podman(host) as podman:
        start_pair(host, podman, manifest, collector, ["--pid", "host", "--network", "none"])
        telemetry = Telemetry(collector.output)
        curl(host, f"{server.url}/seen")
        spans = telemetry.wait_spans("/seen", 2)
        by_kind = {span.kind: span.resource for span in spans}
        check_equal((by_kind[SERVER]["service.name"], by_kind[SERVER]["process.pid"]), ("of-the-host", server.process.pid),
                    "the server")
        check_confinement(podman, "sensor", "receiver")
        check_probes(podman, manifest)
        check_memory(podman, manifest)


def the_sidecar_reports_the_processes_of_its_pod_and_no_others(host):
    manifest = Manifest("sidecar.yaml", host)
    check(manifest.pod["shareProcessNamespace"] and not manifest.pod.get("hostPID"), "the Pod does not share its pid namespace")
    collector, stranger = Collector(host).start(), PythonServer(host)
    box = host.directory / "root-application"
    (box / "bin").mkdir(parents=True)
    shutil.copy(program("busybox"), box / "bin/busybox")
    with Podman(host) as podman:
        image = podman.image("application", box)
        podman.start("pod", image, ["--network", "none", "--read-only"], ["/bin/busybox", "sh", "-c", "echo ready:; sleep 1000000"]
                     ).wait_output("ready:")
        where = ["--pid", "container:pod", "--network", "container:pod"]
        podman.start("application", image, [*where, *manifest.options("application")],
                     ["/bin/busybox", "sh", "-c", "echo ready:; exec busybox httpd -f -p 8080 -h /bin"]).wait_output("ready:")
        sensor, _ = start_pair(host, podman, manifest, collector, where)
        check("watching the processes of pid namespace" in sensor.output(), "the sensor does not say what it watches")
        telemetry = Telemetry(collector.output)
        curl(host, f"{stranger.url}/of-the-host")
        podman.exec("application", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/of-the-pod")
        spans = telemetry.wait_spans("/of-the-pod", 2)
        check_equal({span.kind for span in spans}, {SERVER, CLIENT}, "both ends in the pod")
        check_equal({span.resource["service.name"] for span in spans}, {"application"}, "by the manifest's OTEL_SERVICE_NAME")
        check(all(span.resource["process.pid"] < 1000 for span in spans), f"numbers of the pod's namespace: {spans}")
        check_equal(telemetry.matching("/of-the-host"), [], "spans of the host")
        check_confinement(podman, "sensor", "receiver")
        check_probes(podman, manifest)
        check_memory(podman, manifest)


def the_commands_of_the_readme_work(host):
    """Run as they stand there, but for the place of the Collector's socket and what podman needs here."""
    text = (TOP / "docs/deploy/README.md").read_text(encoding="utf-8").partition("## Containers\n")[2]
    commands = re.search(r"```\n(docker volume.*?)```", text, re.DOTALL)[1]
    collector, server = Collector(host).start(), PythonServer(host)
    with Podman(host) as podman:
        podman.names += ["receiver", "sensor"]
        for name, image in podman.images.items():
            podman.run("tag", image, f"localhost/{name}:latest")
        script = host.directory / "commands"
        quoted = " ".join(f"'{word}'" for word in podman.command)
        limits = " ".join(podman.limits())
        script.write_text(f"""set -eu
docker() {{
	case $1 in
	run) shift; {quoted} run --network none --log-driver k8s-file {limits} "$@" ;;
	*) {quoted} "$@" ;;
	esac
}}
{commands.replace("/run/otelcol:/run/otelcol", f"{collector.socket.parent}:/run/otelcol")}
""")
        podman.volumes.append("shmotel")
        host.run(["sh", script], cwd=TOP)
        for name in ("sensor", "receiver"):
            host.start([*podman.command, "logs", "--follow", name], log=f"{name}.log")
        telemetry = Telemetry(collector.output)

        def seen():
            curl(host, f"{server.url}/by-docker")
            return telemetry.matching("/by-docker", SERVER)
        wait_for("a span", seen, 30)
        check_confinement(podman, "sensor", "receiver")
        wait_for("--status", lambda: podman.exec("receiver", "/usr/bin/shmotel-receiver", "--status")[0] == 0)
        podman.run("healthcheck", "run", "receiver")


def the_seccomp_profile_refuses_nothing_that_the_sensor_calls(host):
    """A system call that is refused may go unnoticed; one that ends the process does not."""
    profile = json.loads((KUBERNETES / "seccomp/sensor.json").read_text(encoding="ascii"))
    profile["defaultAction"] = "SCMP_ACT_KILL_PROCESS"
    fatal = host.directory / "sensor.json"
    fatal.write_text(json.dumps(profile))
    manifest = Manifest("daemonset.yaml", host)
    with Podman(host) as podman:
        shipped = str(KUBERNETES / "seccomp/sensor.json")
        options = [str(option).replace(shipped, str(fatal)) for option in manifest.options("sensor")]
        sensor = podman.start("sensor", podman.images["shmotel-sensor"], ["--pid", "host", "--network", "none", *options])
        sensor.wait_output("ready:")
        sensor.stop()
        check_equal(sensor.child.returncode, 0, "exit code of the sensor")


main(the_daemonset_reports_the_processes_of_the_host,
     the_sidecar_reports_the_processes_of_its_pod_and_no_others,
     the_commands_of_the_readme_work,
     the_seccomp_profile_refuses_nothing_that_the_sensor_calls)
