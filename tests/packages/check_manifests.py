#!/usr/bin/env python3
"""Fail if a Kubernetes manifest has a field that Kubernetes does not know, or a container has more than it is documented to.

The fields are checked by the types of Kubernetes itself, in Go (strict/): built once, kept in ~/.cache/shmotel."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

try:
    import yaml
except ImportError:
    print("skipped: python3-yaml is not installed")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
KUBERNETES = HERE.parents[1] / "docs/deploy/kubernetes"
PAIR = ["sensor", "receiver"]
CAPABILITIES = {"sensor": ["BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH", "SETUID", "SETGID"], "receiver": []}
troubles = []


def expect(condition, what):
    if not condition:
        troubles.append(what)


def check_container(pod, container, where):
    security = container.get("securityContext", {})
    name = container["name"]
    given = security.get("capabilities", {})
    expect(not security.get("privileged"), f"{where} is privileged")
    expect(given.get("drop") == ["ALL"], f"{where} does not drop all capabilities")
    expect(given.get("add", []) == CAPABILITIES[name], f"{where} has other capabilities than {CAPABILITIES[name]}")
    expect(security.get("readOnlyRootFilesystem") is True, f"{where} can write its root file system")
    expect(security.get("allowPrivilegeEscalation") is False, f"{where} allows escalation")
    expect("seccompProfile" in security, f"{where} has no seccomp profile")
    expect({"requests", "limits"} <= container.get("resources", {}).keys(), f"{where} has no requests or limits")
    writable = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    if name == "receiver":
        expect(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) != 0, f"{where} may run as root")
        expect("pair" not in writable, f"{where} could put another socket in place of the sensor's")
        expect("livenessProbe" in container, f"{where} has no probe")
    for mount in container["volumeMounts"]:
        expect(mount["name"] in [volume["name"] for volume in pod["volumes"]], f"{where} mounts {mount['name']}, which is none")
    profile = security.get("seccompProfile", {}).get("localhostProfile")
    if profile:
        rules = json.loads((KUBERNETES / "seccomp" / pathlib.Path(profile).name).read_text(encoding="ascii"))
        expect(rules["defaultAction"] == "SCMP_ACT_ERRNO", f"{profile} allows what it does not name")


def check_policy(path):
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if document["kind"] not in ("DaemonSet", "Pod"):
            continue
        sidecar = document["kind"] == "Pod"
        pod = document["spec"] if sidecar else document["spec"]["template"]["spec"]
        expect(pod.get("hostPID", False) != pod.get("shareProcessNamespace", False),
               f"{path.name}: the sensor has to share the pid namespace of the host or of the Pod")
        expect(pod.get("hostPID", False) != sidecar, f"{path.name}: a sidecar sees more than its Pod, or a DaemonSet less than its node")
        expect(pod.get("automountServiceAccountToken") is False, f"{path.name}: a token of the cluster is mounted")
        expect(not pod.get("hostNetwork") and not pod.get("hostIPC"), f"{path.name}: shares more than the pid namespace")
        expect(not any("hostPath" in volume for volume in pod["volumes"]), f"{path.name}: mounts a path of the host")
        names = [container["name"] for container in pod["containers"]]
        expect(names == ["application"] * sidecar + PAIR, f"{path.name}: other containers")
        for container in pod["containers"]:
            if container["name"] in PAIR:
                check_container(pod, container, f"{path.name}: {container['name']}")
        # To take an application out of service because a Collector is away would be worse than to miss its spans.
        expect("readinessProbe" not in pod["containers"][-1] if sidecar else "readinessProbe" in pod["containers"][-1],
               f"{path.name}: the receiver's readiness is that of the Pod")


def strict():
    """The path of the checker; None with a sentence if it cannot be had."""
    sources = [HERE / "strict" / name for name in ("go.mod", "go.sum", "main.go")]
    key = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "shmotel"
    checker = cache / f"kubernetes-strict-{key}"
    if checker.exists():
        return checker
    if not shutil.which("go"):
        print("the fields are not checked: Go is not installed")
        return None
    cache.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["go", "build", "-o", str(checker), "."], cwd=HERE / "strict", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, CGO_ENABLED="0"))
    if done.returncode != 0:
        print("the fields are not checked: Go could not build the checker:", done.stdout.strip().splitlines()[-1])
        return None
    return checker


manifests = sorted(KUBERNETES.glob("*.yaml"))
for manifest in manifests:
    check_policy(manifest)
checker = strict()
if checker:
    done = subprocess.run([checker, *manifests], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout, end="")
    expect(done.returncode == 0, "Kubernetes does not know all fields")
for trouble in troubles:
    print(trouble)
sys.exit(1 if troubles else 0)
