#!/usr/bin/env python3
"""Find or build the gRPC test peers of grpc_peers/, and say which there are.

They are kept in the user's cache under a name that changes with their sources. Run as a test, this prepares both; a peer
that cannot be had is named with the reason, and the exit code is 77 if any is missing.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCES = pathlib.Path(__file__).resolve().parent / "grpc_peers"
PYTHON = "/usr/bin/python3"  # Debian's python3-grpcio is this one's


class Unavailable(Exception):
    """There is no such peer here; the text says why."""


def cached(name, *sources):
    """Where what is made of the sources is kept."""
    digest = hashlib.sha256(b"".join((SOURCES / source).read_bytes() for source in sources)).hexdigest()[:12]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "shmotel" / f"grpc-peer-{name}-{digest}"


def run_step(command, directory):
    done = subprocess.run(command, cwd=directory, env=dict(os.environ, CGO_ENABLED="0"), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        last = "; ".join(done.stdout.strip().splitlines()[-3:])
        raise Unavailable(f"{' '.join(command[:2])} failed: {last}")


def make(place, tool, sources, command, product):
    """Run the command on a copy of the sources and keep its product at `place`, unless it is there already."""
    if place.exists():
        return
    if not shutil.which(tool):
        raise Unavailable(f"{tool} is not installed")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        for source in sources:
            shutil.copy(SOURCES / source, scratch)
        run_step(command, scratch)
        os.rename(pathlib.Path(scratch) / product, place)


def python():
    if subprocess.run([PYTHON, "-c", "import grpc.aio"], stderr=subprocess.DEVNULL).returncode:
        raise Unavailable(f"{PYTHON} has no grpcio")
    return [PYTHON, SOURCES / "peer.py"], {}


def go():
    sources = ("go.mod", "go.sum", "peer.go")
    place = cached("go", *sources)
    make(place, "go", sources, ["go", "build", "-trimpath", "-o", "peer", "."], "peer")
    return [place], {}


def node():
    sources = ("package.json", "package-lock.json")
    place = cached("node", *sources)
    make(place, "npm", sources, ["npm", "ci", "--ignore-scripts"], "node_modules")
    if not shutil.which("node"):
        raise Unavailable("node is not installed")
    return ["node", SOURCES / "peer.js"], {"NODE_PATH": str(place)}


PEERS = {"python": python, "go": go, "node": node}


def main():
    missing = 0
    for name, find in PEERS.items():
        try:
            command, _ = find()
            print(f"{name}: {' '.join(map(str, command))}")
        except Unavailable as reason:
            missing += 1
            print(f"skipped: no gRPC peer in {name}: {reason}")
    return 77 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
