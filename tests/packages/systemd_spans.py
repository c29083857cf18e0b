#!/usr/bin/env python3
"""Fail if the spans of the first requests in systemd_inside.sh, as the Collector wrote them, are not what they should be."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from telemetry import CLIENT, SERVER, Telemetry  # noqa: E402

SPAN = {"http.request.method": "GET", "http.response.status_code": 200, "network.protocol.version": "1.1",
        "server.address": "127.0.0.1", "server.port": 80}
SIDES = {
    SERVER: ({**SPAN, "url.path": "/", "url.query": "first1", "url.scheme": "http"},
             {"service.name": "unknown_service:nginx", "process.executable.path": "/usr/sbin/nginx"}),
    CLIENT: ({**SPAN, "url.full": "http://127.0.0.1/?first1"},
             {"service.name": "unknown_service:curl", "process.executable.path": "/usr/bin/curl"}),
}
telemetry = Telemetry(sys.argv[1])
troubles = []
for kind, (attributes, resource) in SIDES.items():
    found = telemetry.matching("?first1", kind)
    if len(found) != 1:
        troubles.append(f"{len(found)} spans of kind {kind}: {telemetry.spans}")
        continue
    span = found[0]
    print(f"{span}, {(span.end - span.start) / 1e6:.1f} ms, by {span.resource.get('process.executable.path')}")
    troubles += [f"{key} is {span.attributes.get(key)!r} and not {value!r}" for key, value in attributes.items()
                 if span.attributes.get(key) != value]
    troubles += [f"{key} is {span.resource.get(key)!r} and not {value!r}" for key, value in resource.items()
                 if span.resource.get(key) != value]
    if not 0 < span.end - span.start < 60e9 or span.name != "GET":
        troubles.append(f"a span cannot be so: {span.name}, {span.start} to {span.end}")
for trouble in troubles:
    print("FAILED", trouble)
sys.exit(1 if troubles else 0)
