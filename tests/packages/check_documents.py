#!/usr/bin/env python3
"""Fail if docs/troubleshooting.md quotes what no program says, or the Grafana dashboard shows what is not reported."""
import json
import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
QUOTED = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
FORMAT = re.compile(r"%[-+ #0-9.*]*(?:hh|h|ll|l|z|j|t)?[a-zA-Z]")


def sentences():
    """Each string of the sources, its parts joined, with a NUL where something is filled in."""
    for directory in ("sensor", "shm-protocol", "collector-receiver"):
        for source in (TREE / directory).rglob("*.[ch]"):
            text = re.sub(r'"\s*PRI[a-zA-Z0-9]+\s*"', "u", source.read_text(encoding="utf-8"))
            for literal in re.finditer(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', text):
                joined = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', literal.group()))
                yield FORMAT.sub("\0", joined)


def troubles_with_sentences():
    known = list(sentences())
    quotes = QUOTED.findall((TREE / "docs/troubleshooting.md").read_text(encoding="utf-8"))
    if len(quotes) < 20:
        yield f"only {len(quotes)} sentences were found: is the table still one?"
    for quote in quotes:
        pattern = re.compile(".*".join(re.escape(part) for part in quote.split("...")), re.DOTALL)
        if not any(pattern.search(sentence) for sentence in known):
            yield f"no program says: {quote}"


def prometheus_names(name, unit, histogram):
    """As the Collector's Prometheus exporter writes a metric."""
    base = name.replace(".", "_") + {"s": "_seconds", "By": "_bytes"}.get(unit, "")
    return {base + end for end in ("_bucket", "_count", "_sum")} if histogram else {base + "_total"}


def reported():
    names = set()
    for header in ("collector-receiver/counters.h", "shm-protocol/include/shm_protocol/sensor_counters.h"):
        text = (TREE / header).read_text(encoding="utf-8").replace("\\\n", " ")
        for name, unit in re.findall(r'\(\w+,\s*"(shmotel\.[a-z0-9_.]+)",\s*"([^"]+)"', text):
            names |= prometheus_names(name, unit, False)
    for name in re.findall(r'"([a-z.]+\.duration)"', (TREE / "collector-receiver/otlp/instruments.c").read_text(encoding="utf-8")):
        names |= prometheus_names(name, "s", True)
    return names


def troubles_with_dashboard():
    dashboard = json.loads((TREE / "docs/deploy/grafana/shmotel-dashboard.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    queries += [str(variable.get("query", "")) for variable in dashboard["templating"]["list"]]
    without_labels = re.sub(r"by \([^)]*\)|\{[^}]*\}", "", " ".join(queries))
    used = set(re.findall(r"\b(?:http|rpc|db|shmotel)_[a-z0-9_]+", without_labels))
    if len(used) < 10:
        yield f"only {len(used)} metrics were found in the dashboard"
    for name in sorted(used - reported()):
        yield f"the dashboard shows {name}, which is not reported"


troubles = [*troubles_with_sentences(), *troubles_with_dashboard()]
for trouble in troubles:
    print(trouble)
sys.exit(1 if troubles else 0)
