"""Memcached with memcslap, pymemcache and bare sockets, text and binary, over TCP and Unix sockets: counts as in stats."""
import struct
import threading
import time
from collections import Counter

from command_counts import watch
from harness import Skip, check, check_equal, main, program
from memcached_server import Memcached, say
from telemetry import CLIENT, ERROR, SERVER

GET, SET, NOOP, STAT, GETKQ, SETQ, INCREMENT = 0x00, 0x01, 0x0a, 0x10, 0x0d, 0x11, 0x05


def message(opcode, key=b"", value=b"", extras=b"", opaque=0):
    body = extras + key + value
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, len(body), opaque, 0) + body


def every_kind_of_text_command_is_one_exchange(host):
    server = Memcached(host)
    commands = watch(host, "memcached")
    wire = server.connect()
    say(wire, b"set k 0 0 5\r\nSTATS\r\nget k nothing\r\nadd k 0 0 1\r\nx\r\n", rb"NOT_STORED\r\n")
    say(wire, b"incr k 1\r\n", rb"CLIENT_ERROR[^\n]*\n")
    say(wire, b"set k 0 0 1 noreply\r\n7\r\nincr k 3\r\n", rb"10\r\n")
    say(wire, b"delete k\r\ndelete k\r\ntouch k 5\r\n", rb"DELETED\r\nNOT_FOUND\r\nNOT_FOUND\r\n")
    say(wire, b"unheard of\r\n", rb"ERROR\r\n")
    say(wire, b"ms m 2\r\nhi\r\nmg m v\r\nmg x q v\r\nmg m q v\r\nms m 1 q\r\nx\r\nmd y q\r\nmd m q\r\nmn\r\n", rb"MN\r\n")
    say(wire, b"version\r\nstats settings\r\n", rb"END\r\n")
    big = b"x" * 500000
    say(wire, b"set big 0 0 500000\r\n" + big + b"\r\n", rb"STORED\r\n")
    say(wire, b"get big\r\n", rb"END\r\n")
    wire.sendall(b"quit\r\n")
    wire.close()
    commands.expect_sequence(
        [("set", None), ("get", None), ("add", None), ("incr", "CLIENT_ERROR"), ("set", None), ("incr", None),
         ("delete", None), ("delete", None), ("touch", None), (None, "ERROR"), ("ms", None), ("mg", None),
         ("mg", None), ("mg", None), ("ms", None), ("md", None), ("md", None), ("mn", None), ("version", None),
         ("stats", None), ("set", None), ("get", None), ("quit", None)])
    for kind in (CLIENT, SERVER):
        failed = [span for span in commands.spans(kind) if span.status == ERROR]
        check_equal(Counter(span.attributes.get("error.type") for span in failed), {"CLIENT_ERROR": 1, "ERROR": 1}, "errors")
        check(not any("shmotel.end" in span.attributes for span in commands.spans(kind)), "an end was not seen")


def every_kind_of_binary_command_is_one_exchange(host):
    server = Memcached(host)
    commands = watch(host, "memcached")
    wire = server.connect()
    say(wire, message(SET, b"k", b"hello", bytes(8)) + message(GET, b"k"), rb"hello")
    say(wire, message(INCREMENT, b"k", b"", bytes(20)), rb"\x81\x05.{4}\x00\x06.*Non-numeric")
    say(wire, message(GETKQ, b"k", opaque=1) + message(GETKQ, b"x", opaque=2) + message(SETQ, b"y", b"1", bytes(8), 3) +
        message(NOOP, opaque=4), rb"\x81\x0a.{22}")
    say(wire, message(STAT), rb"\x81\x10\x00\x00.{20}$")
    wire.close()
    commands.expect_sequence([("set", None), ("get", None), ("increment", "6"), ("getkq", None), ("getkq", None),
                              ("setq", None), ("noop", None), ("stat", None)])


def load(server, threads, count):
    """pymemcache on a connection per thread: {operation: how many}."""
    try:
        from pymemcache.client.base import Client
    except ImportError:
        raise Skip("python3-pymemcache is not installed") from None

    def run(number):
        client = Client(str(server.socket) if server.socket else ("127.0.0.1", server.port), default_noreply=False)
        for n in range(count):
            client.set(f"key{number}-{n}", b"v" * (n % 3000))
            client.get(f"key{number}-{n}")
            client.get_many([f"key{number}-{i}" for i in range(n % 20)] or ["none"])
            client.delete(f"key{number}-{n}", noreply=n % 2 == 0)
        client.close()
    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    started = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    total = threads * count
    print(f"    {4 * total / (time.monotonic() - started):.0f} commands/s", flush=True)
    return {"set": total, "get": 2 * total, "delete": total}


def python_clients_are_counted(host):
    for unix in (False, True):
        server = Memcached(host, unix)
        if not unix:
            commands = watch(host, "memcached")
        before = server.stats()
        commands.settle()
        expected = load(server, 8, 250)
        check_equal(server.stats()["cmd_set"] - before["cmd_set"], expected["set"], "cmd_set")
        commands.expect(expected, "pymemcache, " + ("Unix" if unix else "TCP"))


def counted_as(operation):
    """stats counts all ways of getting as cmd_get, and all of storing as cmd_set."""
    return {"getk": "get", "getkq": "get", "getq": "get", "setq": "set"}.get(operation, operation)


def benchmarks_are_counted_as_the_server_counts_them(host):
    server = Memcached(host)
    commands = watch(host, "memcached")
    slap = program("memcslap")
    for protocol in ((), ("--binary",)):
        for test in ("set", "get"):
            before = server.stats()
            commands.settle()
            started = time.monotonic()
            host.run([slap, f"--servers=127.0.0.1:{server.port}", "--concurrency=8", "--execute-number=1000",
                      "--initial-load=1000", f"--test={test}", *protocol], seconds=60)
            seconds = time.monotonic() - started
            after = server.stats()
            grown = {name: after[f"cmd_{name}"] - before[f"cmd_{name}"] for name in ("get", "set")}
            expected = {name: count for name, count in grown.items() if count > 0}
            commands.expect(expected, f"memcslap {test} {' '.join(protocol)}, "
                            f"{sum(expected.values()) / seconds:.0f} commands/s", normal=counted_as)


if __name__ == "__main__":
    main(every_kind_of_text_command_is_one_exchange, every_kind_of_binary_command_is_one_exchange,
         python_clients_are_counted, benchmarks_are_counted_as_the_server_counts_them)
