"""One HTML page of all measurements, which needs nothing else: page(rows) of the JSON lines that the others write."""
import html

STYLE = """
:root { --ink: #1c2430; --soft: #6b7684; --line: #dfe4ea; --a: #2f6fb2; --b: #d9822b; --c: #8a9aab; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
table { border-collapse: collapse; font-size: 13px; } td, th { padding: .2rem .7rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr { border-bottom: 1px solid var(--line); } th { color: var(--soft); }
svg { display: block; margin: 1rem 0; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
p.note { color: var(--soft); } .scroll { overflow-x: auto; margin: 1rem 0; }
"""
COLOURS = {"off": "var(--c)", "empty": "var(--b)", "on": "var(--a)", "sensor": "var(--a)", "receiver": "var(--b)"}
LABEL_WIDTH, PLOT_WIDTH, VALUE_WIDTH, STEP = 260, 480, 150, 24
LINE_HEIGHT = 220
# One round that the machine spoilt shall not make all others too small to see.
SPREAD_SHOWN = 2.5


# --- the page's parts -------------------------------------------------------------------------------------------------

def text(value):
    if isinstance(value, float):
        value = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    elif isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:,}"
    return html.escape(str(value))


def table(head, body):
    cells = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return (f'<div class="scroll"><table><thead><tr>{"".join(f"<th>{text(one)}</th>" for one in head)}</tr></thead>'
            f"<tbody>{cells}</tbody></table></div>") if body else ""


def svg(title, width, height, shapes):
    return (f'<svg role="img" aria-label="{html.escape(title)}" width="{width}" height="{height}">'
            f'<text x="0" y="14" font-weight="bold">{html.escape(title)}</text>{"".join(shapes)}</svg>')


def bars(title, rows, unit="", line=None):
    """Horizontal bars of (label, colour, median, least, most): the bar is the median, the whisker the spread. `line`: a value
    to compare with."""
    if not rows:
        return ""
    top = max([row[4] for row in rows] + [line or 0])
    top = min(top, SPREAD_SHOWN * max([row[2] for row in rows] + [line or 0])) or 1

    def x(value):
        return LABEL_WIDTH + PLOT_WIDTH * min(1.0, max(0.0, value / top))
    shapes = []
    for number, (label, colour, median, least, most) in enumerate(rows):
        y = 24 + number * STEP
        shapes.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + 14}" text-anchor="end">{html.escape(label)}</text>'
                      f'<rect x="{LABEL_WIDTH}" y="{y + 3}" width="{x(median) - LABEL_WIDTH:.1f}" height="14" fill="{colour}"/>'
                      f'<path d="M{x(least):.1f} {y + 10}H{x(most):.1f}" stroke="var(--ink)"/>'
                      f'<text x="{LABEL_WIDTH + PLOT_WIDTH + 6}" y="{y + 14}">{text(float(median))} {html.escape(unit)}</text>')
    if line is not None:
        shapes.append(f'<path d="M{x(line):.1f} 20V{len(rows) * STEP + 26}" stroke="var(--ink)" stroke-dasharray="3 3"/>')
    return svg(title, LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH, len(rows) * STEP + 34, shapes)


def curve(title, values, unit):
    """Values one after the other, from zero up."""
    if len(values) < 2:
        return ""
    top, left, width = max(values) or 1, 70, LABEL_WIDTH + PLOT_WIDTH
    points = " ".join(f"{left + width * number / (len(values) - 1):.1f},{24 + LINE_HEIGHT * (1 - value / top):.1f}"
                      for number, value in enumerate(values))
    return svg(title, left + width + 20, LINE_HEIGHT + 50, [
        f'<polyline points="{points}" fill="none" stroke="var(--a)" stroke-width="2"/>',
        f'<path d="M{left} 24V{24 + LINE_HEIGHT}H{left + width}" fill="none" stroke="var(--soft)"/>',
        f'<text x="{left - 6}" y="34" text-anchor="end">{text(float(top))} {html.escape(unit)}</text>',
        f'<text x="{left - 6}" y="{24 + LINE_HEIGHT}" text-anchor="end">0</text>',
        f'<text x="{left}" y="{LINE_HEIGHT + 42}">1</text>',
        f'<text x="{left + width}" y="{LINE_HEIGHT + 42}" text-anchor="end">{len(values)}</text>'])


def spread_of(row):
    return row["median"], row["least"], row["most"]


def counters(losses):
    return ", ".join(f"{name.replace('shmotel.', '')} {count:,}" for name, count in losses.items()) or "none"


def one(value):
    """A bar without a spread."""
    return value, value, value


# --- sections: each takes all rows and returns HTML, or nothing where there are no rows of its kind --------------------

def of_kind(rows, kind, **wanted):
    return [row for row in rows if row.get("kind") == kind and all(row.get(key) == value for key, value in wanted.items())]


def section_overhead(rows):
    out = ""
    ratio = of_kind(rows, "overhead", unit="ratio to off")
    for figure, title in (("requests_per_s", "Throughput, as a ratio to the same round without the pair"),
                          ("p50_us", "Median latency, ratio"), ("p90_us", "90th percentile of latency, ratio"),
                          ("p99_us", "99th percentile of latency, ratio"),
                          ("server_cpu_ns_per_request", "CPU time of the server per request, ratio")):
        out += bars(title, [(f"{row['workload']}, {row['mode']}", COLOURS[row["mode"]], *spread_of(row))
                            for row in ratio if row["figure"] == figure], line=1.0)
    out += table(("workload", "mode", "CPU added to the server, ns a request", "least", "most", "rounds"),
                 [(row["workload"], row["mode"], *spread_of(row), row["rounds"])
                  for row in of_kind(rows, "overhead", figure="server_cpu_added_ns_per_request")])
    out += table(("workload", "requests of all rounds, on", "counted losses"),
                 [(row["workload"], row["requests"], counters(row["losses"])) for row in of_kind(rows, "overhead-losses")])
    return out and f"<p class=note>Bars: medians. Lines: least to most of all rounds.</p>{out}"


def section_kernel(rows):
    found = of_kind(rows, "in-kernel")
    return bars(
        "All programs less an empty one's time, ns per request and end",
        [(row["workload"], "var(--a)", *spread_of(row)) for row in found if row["program"] == "all"], "ns", line=500) + table(
        ("workload", "program", "ns per request and end", "least", "most", "runs per request and end"),
        [(row["workload"], row["program"], *spread_of(row), row.get("runs_per_request_and_end", "")) for row in found])


def section_pair(rows):
    found = [row for row in of_kind(rows, "overhead", mode="on") if row["figure"].startswith(("sensor_", "receiver_"))]
    out = ""
    for figure, title, unit in (
            ("cpu_ns_per_request", "CPU time per request", "ns"), ("wakeups_per_s", "Wakeups per second", ""),
            ("preempted_per_s", "Interrupted by others, per second", "")):
        out += bars(title, [(f"{row['workload']}, {name}", COLOURS[name], *spread_of(row)) for row in found
                            for name in ("sensor", "receiver") if row["figure"] == f"{name}_{figure}"], unit)
    switches = [row for row in of_kind(rows, "overhead")
                if row["figure"] in ("server_wakeups_per_s", "server_preempted_per_s")]
    out += table(("the server's switches", "mode", "per second", "median", "least", "most"),
                 [(row["workload"], row["mode"], row["figure"].split("_")[1], *spread_of(row)) for row in switches])
    return out


def section_untraced(rows):
    return bars("ns per system call", [(f"{row['call']}, {row['mode']}", COLOURS[row["mode"]], *spread_of(row))
                                       for row in of_kind(rows, "untraced")], "ns")


def section_footprint(rows):
    found = of_kind(rows, "footprint")
    stages = [row for row in found if not row["stage"].startswith("churn")]
    churn = [row["pss_kib"] / 1024 for row in found if row["stage"].startswith("churn")]
    out = bars("PSS of both programs together, MiB", [(row["stage"], "var(--a)", *one(row["pss_kib"] / 1024))
                                                      for row in stages], "MiB")
    out += bars("Kernel memory of maps and programs, MiB", [(row["stage"], "var(--b)", *one(row["kernel_kib"] / 1024))
                                                            for row in stages], "MiB")
    out += bars("Time until ready, s", [(f"{row['stage']}, {name}", COLOURS[name], *one(row[f"{name}_start_seconds"]))
                                        for row in stages if "sensor_start_seconds" in row
                                        for name in ("sensor", "receiver")], "s")
    out += curve("PSS of both over the rounds of churn", churn, "MiB")
    out += "".join(f"<p>Growth from round {row['first']} to round {row['rounds']} of churn: PSS {text(row['pss_kib'])} "
                   f"KiB, kernel {text(row['kernel_kib'])} KiB.</p>" for row in of_kind(rows, "growth"))
    out += table(("stage", "PSS", "sensor RSS", "receiver RSS", "sensor dirty", "receiver dirty", "peaks together", "kernel"),
                 [(row["stage"], *(f"{row[key] / 1024:.1f}" for key in (
                     "pss_kib", "sensor_rss_kib", "receiver_rss_kib", "sensor_private_dirty_kib", "receiver_private_dirty_kib",
                     "peak_kib", "kernel_kib"))) for row in stages])
    out += table(("under load", "requests/s", "connections", *(f"{name}, % of a core" for name in (
        "sensor", "receiver", "server", "generator"))), [
        (row["stage"], row["requests_per_s"], row["connections"], *(row.get(f"{name}_percent_of_a_core", "") for name in (
            "sensor", "receiver", "server", "generator"))) for row in stages if "requests_per_s" in row])
    return out and f"{out}<p class=note>MiB. Kernel: what BPF maps and programs are charged with.</p>"


def section_completeness(rows):
    found = of_kind(rows, "completeness")
    return bars("Requests with a span at each end, %", [
        (f"{row['generator']}, {side}", COLOURS[colour], *one(100 * row[f"{side}_spans"] / max(1, row["requests"])))
        for row in found for side, colour in (("server", "on"), ("client", "empty"))], "%", line=100) + table(
        ("generator", "requests", "per s", "server spans", "client spans", "missing", "surplus", "accounted for", "counters"),
        [(row["generator"], row["requests"], row["per_s"], row["server_spans"], row["client_spans"],
          row["server_missing"] + row["client_missing"], row["surplus"], "yes" if row["accounted"] else "NO",
          counters(row["losses"]))
         for row in found])


def section_encode(rows):
    found = [row for row in rows if row.get("bench") == "encode"]
    return bars("ns per span; grey: the floors", [
        (row["case"], "var(--c)" if row["case"].startswith("floor") else "var(--a)", *one(row["ns_per_span"]))
        for row in found], "ns") + table(
        ("case", "ns per span", "bytes per span", "times floor_hand_written, where the bytes are the same"),
        [(row["case"], row["ns_per_span"], row["bytes_per_span"], row.get("ratio_to_floor", "")) for row in found])


def section_parse(rows):
    found = [row for row in rows if row.get("bench") == "parse"]
    return bars("ns per exchange; grey: a memchr pass over the same bytes", [
        bar for row in found for bar in (
            (f"{row['protocol']}, {row['connections']:,} connections", "var(--a)", *one(row["ns_per_exchange"])),
            ("memchr", "var(--c)", *one(row["floor_memchr_ns"])))], "ns") + table(
        ("protocol", "connections", "ns per exchange", "memchr", "ratio", "bytes of ring"),
        [(row["protocol"], row["connections"], row["ns_per_exchange"], row["floor_memchr_ns"],
          row["ns_per_exchange"] / row["floor_memchr_ns"], row["record_bytes_per_exchange"]) for row in found])


def section_ring(rows):
    found = [row for row in rows if row.get("bench") == "ring"]
    passes = [row for row in found if row["case"] == "throughput"]
    quiet = [row for row in passes if row["rounds"] and row["floor_rounds"]]
    out = bars("Ring, times the bare loop; rows that had undisturbed rounds", [
        (f"{row['record_bytes']} bytes, {row['batch']} at a time", "var(--a)",
         *one(row["ns_per_record"] / row["floor_ns_per_record"])) for row in quiet], line=1.3)
    for case in dict.fromkeys(row["case"] for row in found):
        rows_of_case = [row for row in found if row["case"] == case]
        keys = [key for key in rows_of_case[0] if key not in ("bench", "case")]
        out += table([f"{case}: {keys[0]}".replace("_", " "), *(key.replace("_", " ") for key in keys[1:])],
                     [[row[key] for key in keys] for row in rows_of_case])
    return out


SECTIONS = (("What being watched costs", section_overhead), ("In the kernel", section_kernel),
            ("Sensor and receiver", section_pair), ("A process that is not watched", section_untraced),
            ("Memory", section_footprint), ("Completeness", section_completeness), ("Encoding", section_encode),
            ("Parsing", section_parse), ("The ring", section_ring))


def machine(rows):
    found = of_kind(rows, "machine")
    if not found:
        return ""
    first, loads = found[0], [row["load_average"][0] for row in found]
    return table(("the machine", ""), [
        ("measured", f"{first['time']} to {found[-1]['time']}"),
        ("processor", f"{first['processors']} of {first['processor']}"), ("memory", f"{first['memory_mib']:,} MiB"),
        ("kernel", first["kernel"]), ("load average before each part", f"{min(loads):.1f} to {max(loads):.1f}"),
        ("shmotel", f"{first['shmotel']}, commit {first['commit']}"), *first["programs"].items()])


def page(rows):
    body = ""
    for title, section in SECTIONS:
        content = section(rows)
        body += f"<h2>{title}</h2>{content}" if content else ""
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>shmotel: measurements</title><style>{STYLE}'
            f"</style></head><body><h1>shmotel: measurements</h1><p>Absolute times belong to this machine and its moment; "
            f"compare what stands in one figure.</p>{machine(rows)}{body}</body></html>\n")
