"""Scripts of gRPC calls for the peers of grpc_peers/, and the comparison of their logs with the spans, call by call."""
import json
import os
import random

import grpc_peers
from harness import Failure, Skip, check, check_equal, free_port, lost, wait_for
from http1_load import check_metrics
from telemetry import CLIENT, ERROR, SERVER, Telemetry

SERVICE = "shmotel.test.Calls"
METHODS = ("Unary", "ClientStream", "ServerStream", "Bidi")
STATUSES = ("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
            "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
            "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED")
UNIMPLEMENTED = STATUSES.index("UNIMPLEMENTED")
RPC_METRICS = {"rpc.server.call.duration": (SERVER, "rpc.system.name"),
               "rpc.client.call.duration": (CLIENT, "rpc.system.name")}
SERVER_ERRORS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
MESSAGES = ("", "plain", "100% caf\u00e9 \u2603 \U0001f600", "line\nbreak\ttab", "%41%zz%", "x" * 300)
# Between the clocks of a log and of a span there is a process that has to be scheduled.
SLACK_US = 500_000


def call(number, method="Unary", send=1, send_bytes=10, gzip=False, metadata_bytes=0, deadline_ms=0, cancel_ms=0, **do):
    """A line of a script: what it does not say is the plainest."""
    asked = {"status": 0, "message": "", "early": False, "delay_ms": 0, "messages": 1, "bytes": 10, "gzip": gzip,
             "metadata_bytes": 0, **do}
    if "answer_metadata_bytes" in asked:
        asked["metadata_bytes"] = asked.pop("answer_metadata_bytes")
    trace = f"{random.getrandbits(128) or 1:032x}"
    return {"id": number, "method": method, "traceparent": f"00-{trace}-{number + 1:016x}-01",
            "send": send if method in ("ClientStream", "Bidi") else 1, "send_bytes": send_bytes, "gzip": gzip,
            "metadata_bytes": metadata_bytes, "deadline_ms": deadline_ms, "cancel_ms": cancel_ms, "do": json.dumps(asked)}


SPECIAL = (
    # of a hundred calls, what is special about them
    (4, lambda dice: {"deadline_ms": 300, "delay_ms": 2000, "status": 0}),
    (4, lambda dice: {"cancel_ms": 50, "delay_ms": 2000, "status": 0}),
    (2, lambda dice: {"metadata_bytes": 20000}),
    (2, lambda dice: {"answer_metadata_bytes": 20000}),
    (6, lambda dice: {"gzip": True}),
    (4, lambda dice: {"early": True}),
    (2, lambda dice: {"method": "Missing", "status": UNIMPLEMENTED}),
    (2, lambda dice: {"send_bytes": 200_000, "bytes": 200_000}),
    (6, lambda dice: {"delay_ms": dice.randint(1, 40)}),
)


def mixed_call(number, dice):
    """A call of any kind. The first hundred are regular: until the connection is there, a deadline may pass unsent."""
    asked = {"method": dice.choice(METHODS), "send": dice.randint(0, 5), "messages": dice.randint(0, 5),
             "send_bytes": dice.choice((0, 1, 100, 2000)), "bytes": dice.choice((0, 1, 100, 2000))}
    if dice.random() < 0.4:
        asked.update(status=dice.randint(1, 16), message=dice.choice(MESSAGES))
    if number >= 100:
        throw = dice.randrange(100)
        for share, special in SPECIAL:
            if 0 <= throw < share:
                asked.update(special(dice))
            throw -= share
    return call(number, **asked)


def peer(name):
    """The command and the environment of a peer, or Skip."""
    try:
        return grpc_peers.PEERS[name]()
    except grpc_peers.Unavailable as reason:
        raise Skip(f"no gRPC peer in {name}: {reason}") from None


def start_server(host, name):
    """Start a server and return its process and its address."""
    command, environment = peer(name)
    address = f"127.0.0.1:{free_port()}"
    server = host.start([*command, "server", address], log=f"{name}-server.log", env=environment)
    server.wait_output("listening")
    return server, address


class Client:
    """A client with its script, which is a pipe that lines are written to, and its log."""

    def __init__(self, host, name, address, parallel=100):
        command, environment = peer(name)
        self.name = name
        stem = host.directory / f"{len(host.processes):02}-{name}"
        self.script, self.log = stem.with_suffix(".script"), stem.with_suffix(".jsonl")
        os.mkfifo(self.script)
        self.process = host.start([*command, "client", address, self.script, self.log, parallel], env=environment)
        self.pipe = open(self.script, "w", encoding="utf-8")
        self.calls = []

    def write(self, calls):
        for line in calls:
            self.calls.append(line)
            self.pipe.write(json.dumps(line) + "\n")
        self.pipe.flush()

    def results(self):
        """What the log says of the calls that are done: {id: line}."""
        lines = self.log.read_text().splitlines(keepends=True) if self.log.exists() else []
        return {line["id"]: line for line in (json.loads(text) for text in lines if text.endswith("\n"))}

    def wait(self, seconds=60):
        """Wait until every call written so far is done, and return the results."""
        def complete():
            check(self.process.running() or len(self.results()) == len(self.calls),
                  f"the {self.name} client ended with {self.process.child.returncode}")
            return len(self.results()) == len(self.calls)
        wait_for(f"{len(self.calls)} calls of the {self.name} client", complete, seconds)
        return self.results()

    def close(self):
        self.pipe.close()
        check_equal(self.process.wait(), 0, f"exit code of the {self.name} client")


def spans_of_calls(telemetry):
    """{(trace id, kind): [span]}"""
    found = {}
    for span in telemetry.read().spans:
        found.setdefault((span.trace_id, span.kind), []).append(span)
    return found


def given_up(line):
    """Whether the client means to give the call up. A server that knows the deadline may end it first."""
    return bool(line["deadline_ms"] or line["cancel_ms"])


def answers(line, status):
    """How many messages the server sends. The log of grpc-js has fewer when it drops compressed ones before an error."""
    if line["method"] in ("ServerStream", "Bidi"):
        return json.loads(line["do"])["messages"]
    return 1 if status == "OK" else 0


def shown(message):
    """As the exporters show text that strangers wrote: without control characters."""
    return message.replace("\t", " ").replace("\n", "\ufffd")


def expected_error(status, kind):
    failed = status != "OK" if kind == CLIENT else status in SERVER_ERRORS
    return status if failed else None


class Comparison:
    """What the spans say, beside what the clients' logs say. `wrong` is never allowed, `absent` only after losses."""

    def __init__(self, telemetry):
        self.spans = spans_of_calls(telemetry)
        self.wrong, self.absent = [], []
        self.unsent = 0

    def add(self, name, line, result):
        """Compare both spans of one call of the client `name`."""
        trace = line["traceparent"].split("-")[1]
        found = {kind: self.spans.get((trace, kind), []) for kind in (SERVER, CLIENT)}
        if given_up(line) and not any(found.values()):
            self.unsent += 1
            return
        for kind, spans in found.items():
            where = f"{name} call {line['id']} {line['method']}, {'client' if kind == CLIENT else 'server'} span"
            if len(spans) > 1:
                self.wrong.append(f"{where} is there {len(spans)} times")
            elif not spans:
                self.absent.append(f"{where} of {result}")
            else:
                self.add_span(where, line, result, spans[0])

    def equal(self, where, seen, expected, what):
        if seen is None and expected is not None:
            self.absent.append(f"{where}: no {what}, expected {expected!r}")
        elif seen != expected:
            self.wrong.append(f"{where}: {what} {seen!r}, expected {expected!r}")

    def add_span(self, where, line, result, span):
        seen, do = span.attributes, json.loads(line["do"])
        method = f"{SERVICE}/{line['method']}"
        status = STATUSES[result["status"]]
        self.equal(where, seen.get("rpc.system.name"), "grpc", "rpc.system.name")
        unknown = span.kind == SERVER and seen.get("rpc.response.status_code") == "UNIMPLEMENTED"
        self.equal(where, span.name if "rpc.method" in seen else None, "grpc" if unknown else method, "name")
        self.equal(where, seen.get("rpc.method_original", seen.get("rpc.method")), method, "rpc.method")
        self.add_times(where, line, do, result, span)
        if given_up(line):
            self.add_given_up(where, line, status, span)
            return
        self.equal(where, seen.get("rpc.response.status_code"), status, "status")
        if "rpc.response.status_code" in seen:
            self.add_error(where, line, do, result, status, span)
        self.equal(where, seen.get("shmotel.rpc.response.messages"), answers(line, status), "response messages")
        self.add_request_messages(where, line, do, result, seen)

    def add_error(self, where, line, do, result, status, span):
        error = expected_error(status, span.kind)
        self.equal(where, (span.attributes.get("error.type"), span.status), (error, ERROR if error else 0), "error")
        if error and result["status"] == do["status"] and line["method"] != "Missing":
            self.equal(where, span.message, shown(do["message"]), "status message")

    def add_given_up(self, where, line, status, span):
        """The server may have ended the call in its own way before it heard of the client."""
        seen = span.attributes.get("rpc.response.status_code")
        if span.kind == CLIENT:
            # A client that is held up between its clock's start and its request shows less than the whole deadline.
            if line["deadline_ms"] and (span.end - span.start) / 1e6 < line["deadline_ms"] * 0.875:
                status = seen
            self.equal(where, (seen, span.attributes.get("error.type")), (status, status), "status")
        if seen not in ("CANCELLED", "DEADLINE_EXCEEDED"):
            self.wrong.append(f"{where}: status {seen}, where the client gave up with {status}")

    def add_request_messages(self, where, line, do, result, seen):
        request = seen.get("shmotel.rpc.request.messages")
        if do["early"] or line["method"] == "Missing":
            if request is not None and request > line["send"]:
                self.wrong.append(f"{where}: {request} request messages, of {line['send']} at most")
        else:
            self.equal(where, request, result["sent"], "request messages")

    def add_times(self, where, line, do, result, span):
        start, end = span.start // 1000, span.end // 1000
        if start < result["start"] - SLACK_US or end > result["end"] + SLACK_US:
            self.wrong.append(f"{where}: {start}..{end}, the log says {result['start']}..{result['end']}")
        if not given_up(line) and line["method"] != "Missing" and end - start < do["delay_ms"] * 1000:
            self.wrong.append(f"{where}: {end - start} us, the server waited {do['delay_ms']} ms")

    def report(self, losses):
        text = f"{len(self.wrong)} wrong, {len(self.absent)} absent, {self.unsent} given up unsent, losses {losses or 'none'}"
        print(f"    {text}", flush=True)
        shown = "".join("\n      " + line for line in (self.wrong + self.absent)[:12])
        check(not self.wrong and (losses or not self.absent), text + shown)


def lost_on_the_way(pair):
    """What was lost between the kernel and the parsers. What passed before the receiver was attached is no loss here."""
    return {name: count for name, count in lost(*(program.counters() for program in pair)).items()
            if "stage=capture" in name or "stage=drain" in name or "stage=shared_ring" in name
            if "reason=no_reader" not in name and "reason=compat" not in name}


def compare(telemetry, clients, pair):
    """Wait for the spans of every call of the clients, then compare each with the logs. What was given up may never have
    been sent; most of it was."""
    def complete():
        found = spans_of_calls(telemetry)
        return all((line["traceparent"].split("-")[1], kind) in found for client in clients for line in client.calls
                   for kind in (SERVER, CLIENT))
    try:
        wait_for("the spans", complete, 10)
    except Failure:
        pass  # the comparison says which are missing
    comparison = Comparison(telemetry)
    for client in clients:
        results = client.results()
        for line in client.calls:
            comparison.add(client.name, line, results[line["id"]])
    meant = sum(given_up(line) for client in clients for line in client.calls)
    check(comparison.unsent <= meant / 2, f"{comparison.unsent} of {meant} calls that were given up have no span")
    comparison.report(lost_on_the_way(pair))


def calls_of_every_kind(host, pairs, count=450):
    """`count` calls for each pair of (server, client), up to 100 at a time on one connection."""
    addresses = {name: start_server(host, name)[1] for name in dict.fromkeys(server for server, _ in pairs)}
    pair = host.sensor(), host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    dice, clients = random.Random(20), []
    for server, name in pairs:
        client = Client(host, name, addresses[server])
        client.name = f"{name} to {server}"
        client.write(mixed_call(number, dice) for number in range(count))
        client.wait()
        client.close()
        clients.append(client)
    compare(telemetry, clients, pair)
    check_equal([program.stop() for program in reversed(pair)], [0, 0], "exit codes after SIGTERM")
    check_metrics(telemetry, pair[1].counters_at_exit(), RPC_METRICS)


def calls_on_an_older_connection(host, name, count=12):
    """Calls one after the other on a connection that is older than the sensor: each has a span on both sides, and what the
    header tables from before leave known is right. Where they hide the content-type, the span is one of HTTP."""
    server, address = start_server(host, name)
    client = Client(host, name, address, parallel=1)
    client.write(call(number) for number in range(3))
    client.wait()
    pair = host.sensor(), host.receiver()
    telemetry = Telemetry(host.out / "otlp.jsonl")
    before = len(client.calls)
    client.write(call(before + n, METHODS[n % 4], send=n % 3, messages=n % 4, status=n % 5) for n in range(count))
    results = client.wait()
    client.close()
    for kind, pid in ((SERVER, server.pid), (CLIENT, client.process.pid)):
        def found():
            return sorted((span for span in telemetry.read().spans if span.resource.get("process.pid") == pid),
                          key=lambda span: span.start)
        spans = wait_for(f"{count} spans of kind {kind}", lambda: found() if len(found()) >= count else None)
        check_equal(len(spans), count, "spans of the later calls")
        comparison = Comparison(telemetry)
        for line, span in zip(client.calls[before:], spans):
            where = f"{name} call {line['id']} {line['method']} {span}"
            comparison.add_span(where, line, results[line["id"]], span)
            if SERVICE in span.target:
                comparison.equal(where, span.target[span.target.index(SERVICE):], f"{SERVICE}/{line['method']}", "path")
        check(all(span.attributes.get("shmotel.head") == "uncertain" for span in spans
                  if "rpc.response.status_code" not in span.attributes), "what is uncertain is not marked")
        known = sum(SERVICE in span.name + span.target for span in spans)
        print(f"    {name}, kind {kind}: {known} of {count} methods or paths known")
        comparison.report({"joined": True})
    check_equal([program.stop() for program in reversed(pair)], [0, 0], "exit codes after SIGTERM")
