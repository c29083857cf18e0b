"""docs/deploy/alloy/config.alloy in a real Grafana Alloy, with a Collector in the backend's place.

Alloy is none of Debian's packages, so this runs where SHMOTEL_TEST_ALLOY names one, `alloy` is on PATH, or one was put into
~/.cache/shmotel/alloy-1.18.0. Its `run`, its runtime and the three components of the configuration are all that is needed."""
import os
import pathlib
import shutil

from harness import Skip, check, main, wait_for
from peers import Collector, PythonServer, curl
from telemetry import SERVER, Telemetry

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "docs/deploy/alloy/config.alloy"


def replaced(text, before, after):
    check(text.count(before) == 1, f"config.alloy has {before!r} {text.count(before)} times")
    return text.replace(before, after)


def spans_arrive_behind_alloy(host):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    kept = pathlib.Path(cache, "shmotel/alloy-1.18.0/alloy")
    alloy = os.environ.get("SHMOTEL_TEST_ALLOY") or shutil.which("alloy") or (kept.exists() and kept)
    if not alloy:
        raise Skip(f"no alloy on PATH nor in {kept.parent}, and SHMOTEL_TEST_ALLOY names none")
    backend, server = Collector(host).start(), PythonServer(host)
    socket, config = host.directory / "alloy.sock", host.directory / "config.alloy"
    text = CONFIG.read_text(encoding="utf-8")
    text = replaced(text, '"/run/otelcol/otlp.sock"', f'"{socket}"')
    text = replaced(text, '"backend.example:4317"', f'"unix://{backend.socket}"\n    tls {{ insecure = true }}')
    config.write_text(text)
    # The mask: 0007 of the drop-in, and the receiver is not in Alloy's group here.
    host.start([alloy, "run", config, f"--storage.path={host.directory}/alloy", "--server.http.listen-addr=127.0.0.1:0",
                "--disable-reporting"], umask=0)
    wait_for("Alloy to listen", socket.exists, 60)
    host.sensor()
    host.receiver(f"otlp-grpc:unix://{socket}", host.file_export())
    curl(host, f"{server.url}/by-alloy")
    span = Telemetry(backend.output).wait_span("/by-alloy", SERVER)
    own = Telemetry(host.out / "otlp.jsonl").wait_span("/by-alloy", SERVER)
    check(span.attributes == own.attributes and span.resource == own.resource, f"Alloy changed {own} to {span}")


main(spans_arrive_behind_alloy)
