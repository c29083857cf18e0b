"""Run the containers of the images in podman, as a manifest of Kubernetes or a command of docker asks for.

Kept in ~/.cache/shmotel/containers: a store of images of its own, apart from the user's."""
import json
import os
import pathlib
import shutil
import subprocess

import yaml

from harness import Daemon, Failure, Skip, check, program, wait_for

TOP = pathlib.Path(__file__).resolve().parents[2]
KUBERNETES = TOP / "docs/deploy/kubernetes"
MAKE_ROOT = TOP / "docs/deploy/container/make-root"
STORE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "shmotel/containers"
RUN = pathlib.Path("/run/shmotel-test-containers")
STORAGE = ["--root", STORE, "--runroot", RUN / "storage", "--storage-driver", "overlay"]
UNITS = {"Mi": 1 << 20, "Ki": 1 << 10, "Gi": 1 << 30}


def quantity_bytes(text):
    """Memory as Kubernetes writes it."""
    return int(text[:-2]) * UNITS[text[-2:]]


class Podman:
    """Use as a context: containers end with it."""

    def __init__(self, host):
        self.host, self.names, self.volumes = host, [], []
        # crun of Debian 12 refuses a machine that has both versions of cgroups, as some of CI have.
        runtime = shutil.which("runc") or program("crun")
        self.command = [program("podman"), *STORAGE, "--tmpdir", RUN / "libpod", "--cgroup-manager", "cgroupfs",
                        "--events-backend", "none", "--runtime", runtime]

    def __enter__(self):
        if os.environ.get("SHMOTEL_TEST_IMAGES") == "built":  # by tests/packages/dockerfiles_test.sh
            self.images = {name: f"localhost/{name}:built" for name in ("shmotel-sensor", "shmotel-receiver")}
        else:
            self.images = {name: self.image(name, self.root(name)) for name in ("shmotel-sensor", "shmotel-receiver")}
        return self

    def __exit__(self, *_):
        ends = [["rm", "--force", "--time", "0", name] for name in reversed(self.names)]
        ends += [["volume", "rm", "--force", name] for name in self.volumes]
        ends += [["image", "prune", "--force", "--filter", "label=shmotel=test"]]
        for end in ends:
            subprocess.run([*self.command, *end], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def root(self, name):
        """What the Dockerfiles put into an image, of the programs under test."""
        root = self.host.directory / f"root-{name}"
        self.host.run([MAKE_ROOT, self.host.bin / name, root])
        return root

    def image(self, name, root):
        """An image of a directory, with the last lines of its Dockerfile."""
        dockerfile = self.host.directory / f"{name}.Dockerfile"
        own = TOP / "docs/deploy/container" / f"{name.removeprefix('shmotel-')}.Dockerfile"
        last = own.read_text().partition("FROM scratch\n")[2] if own.exists() else ""
        copy = "" if last else "COPY . /\n"
        dockerfile.write_text("FROM scratch\n" + last.replace("COPY --from=build /image /", "COPY . /") + copy)
        tag = f"localhost/{name}:test"
        done = subprocess.run([program("buildah"), *STORAGE, "bud", "--isolation", "chroot", "--format", "docker",
                               "--label", "shmotel=test", "-f", dockerfile, "-t", tag, root],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise Skip(f"buildah cannot build an image here: {done.stdout.strip().splitlines()[-1]}")
        return tag

    def limits(self):
        """Modest ones: podman's own are more than a process without CAP_SYS_RESOURCE may give."""
        return ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]

    def start(self, name, image, options, arguments=()):
        """A container in the foreground: what it says is in the log, SIGTERM reaches it."""
        self.names.append(name)
        return self.host.start([*self.command, "run", "--name", name, "--pull", "never", "--log-driver", "none",
                                *self.limits(), *options, image, *arguments], log=f"{name}.log", kind=Container)

    def run(self, *arguments):
        return self.host.run([*self.command, *arguments])

    def exec(self, name, *command):
        """(exit code, output)"""
        done = subprocess.run([*self.command, "exec", name, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        return done.returncode, done.stdout

    def pid(self, name):
        return int(self.run("inspect", "--format", "{{.State.Pid}}", name))

    def memory(self, name):
        """(bytes that the container is charged for now, the most it ever was), by its memory cgroup."""
        for line in pathlib.Path(f"/proc/{self.pid(name)}/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            places = {"memory": ("/sys/fs/cgroup/memory", "memory.usage_in_bytes", "memory.max_usage_in_bytes"),
                      "": ("/sys/fs/cgroup", "memory.current", "memory.peak")}
            if controllers in places:
                top, now, most = places[controllers]
                group = pathlib.Path(top + path)
                if (group / now).exists():
                    return tuple(int((group / file).read_text()) for file in (now, most) if (group / file).exists())
        raise Failure(f"no memory cgroup of {name}")


class Container(Daemon):
    """podman in the foreground. A runtime that cannot make containers here is a reason to skip, not a failure."""

    def wait_output(self, text, seconds=40):
        def ended_early():
            return not self.running() and ("OCI runtime" in self.output() or self.output().startswith("Error: "))
        wait_for(f"{self.argv[-1]} to say {text!r}",
                 lambda: ended_early() or any(line.startswith(text) for line in self.output().splitlines()) or not self.running(),
                 seconds)
        if ended_early():
            raise Skip(f"podman cannot run a container here: {self.output().strip().splitlines()[-1]}")
        check(any(line.startswith(text) for line in self.output().splitlines()),
              f"a container ended before it said {text!r}: {self.output()[-1500:]}")


class Manifest:
    """A Pod or the template of a DaemonSet, with its ConfigMaps: what it asks of a container, as options of podman."""

    def __init__(self, name, host):
        documents = list(yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8")))
        self.host = host
        self.configuration = {document["metadata"]["name"]: document["data"] for document in documents
                              if document["kind"] == "ConfigMap"}
        self.pod = next(document["spec"]["template"]["spec"] if document["kind"] == "DaemonSet" else document["spec"]
                        for document in documents if document["kind"] in ("DaemonSet", "Pod"))
        self.containers = {container["name"]: container for container in self.pod["containers"]}
        self.volumes = {volume["name"]: self.volume(volume) for volume in self.pod["volumes"]}

    def volume(self, volume):
        place = self.host.directory / f"volume-{volume['name']}"
        place.mkdir()
        if "configMap" in volume:
            for name, text in self.configuration[volume["configMap"]["name"]].items():
                (place / name).write_text(text)
        else:
            check("emptyDir" in volume, f"a volume of a kind that is not known here: {volume}")
            place.chmod(0o777)  # as the kubelet makes it
        return place

    def options(self, name):
        container = self.containers[name]
        security = container.get("securityContext", {})
        profile = security.get("seccompProfile", {"type": "RuntimeDefault"})
        options = []
        if security.get("readOnlyRootFilesystem"):
            options += ["--read-only", "--read-only-tmpfs=false"]
        if "runAsUser" in security:
            options += ["--user", f"{security['runAsUser']}:{security['runAsGroup']}"]
        if not security.get("allowPrivilegeEscalation", True):
            options += ["--security-opt", "no-new-privileges"]
        for capability in security.get("capabilities", {}).get("drop", []):
            options += ["--cap-drop", capability]
        for capability in security.get("capabilities", {}).get("add", []):
            options += ["--cap-add", capability]
        if profile["type"] == "Localhost":
            options += ["--security-opt", f"seccomp={KUBERNETES}/seccomp/{pathlib.Path(profile['localhostProfile']).name}"]
        for group in self.pod["securityContext"]["supplementalGroups"]:
            options += ["--group-add", group]
        if "resources" in container:
            options += ["--memory", quantity_bytes(container["resources"]["limits"]["memory"])]
        for mount in container.get("volumeMounts", []):
            options += ["--volume", f"{self.volumes[mount['name']]}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}"]
        for variable in container.get("env", []):
            options += ["--env", f"{variable['name']}={variable.get('value', '127.0.0.1')}"]
        return options

    def probes(self, name):
        return {kind: self.containers[name][kind]["exec"]["command"] for kind in ("livenessProbe", "readinessProbe")
                if kind in self.containers[name]}

    def memory(self, name, what):
        return quantity_bytes(self.containers[name]["resources"][what]["memory"])
