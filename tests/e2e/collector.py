#!/usr/bin/env python3
"""Find or build the OpenTelemetry Collector that the tests use, and print its path.

In this order: otelcol or otelcol-contrib on PATH; the build kept in the user's cache; a new build with Go, once, unless
--find is given. Exit code 77 and a reason when there is none.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VERSION = "0.159.0"
BUILDER = "go.opentelemetry.io/collector/cmd/builder@v" + VERSION
MANIFEST = pathlib.Path(__file__).resolve().parent.parent / "collector" / "builder.yaml"


class Unavailable(Exception):
    """There is no Collector here; the text says why."""


def cached():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "shmotel" / ("collector-" + VERSION) / "otelcol-test"


def find():
    for name in ("otelcol", "otelcol-contrib"):
        path = shutil.which(name)
        if path and has_file_exporter(path):
            return path
    if cached().exists():
        return str(cached())
    raise Unavailable("no otelcol with a file exporter on PATH, and none built in " + str(cached().parent))


def has_file_exporter(path):
    listing = subprocess.run([path, "components"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return "fileexporter" in listing.stdout


def find_or_build():
    try:
        return find()
    except Unavailable as nowhere:
        if not shutil.which("go"):
            raise Unavailable(f"{nowhere}; Go, which could build it, is not installed") from None
    build()
    return str(cached())


def build():
    place = cached().parent
    place.parent.mkdir(parents=True, exist_ok=True)
    print(f"building Collector {VERSION} into {place}, once: about two minutes", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        run_step(["go", "install", BUILDER], scratch)
        shutil.copy(MANIFEST, scratch)
        run_step(["./builder", "--config", MANIFEST.name], scratch)
        place.mkdir(exist_ok=True)
        os.replace(pathlib.Path(scratch) / "build" / cached().name, cached())


def run_step(command, directory):
    environment = dict(os.environ, GOBIN=directory, CGO_ENABLED="0")
    done = subprocess.run(command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        last = "; ".join(done.stdout.strip().splitlines()[-3:])
        raise Unavailable(f"{command[0]} could not build the Collector: {last}")


if __name__ == "__main__":
    try:
        print(find() if "--find" in sys.argv[1:] else find_or_build())
    except Unavailable as reason:
        print("skipped:", reason)
        sys.exit(77)
