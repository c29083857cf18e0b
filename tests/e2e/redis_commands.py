"""Redis with its own clients, Python's and bare sockets, over TCP and Unix sockets: counts as in INFO commandstats."""
import re
import socket
import time

from command_counts import watch
from harness import Skip, check, check_equal, fewer, free_port, main, program, wait_for
from telemetry import CLIENT, ERROR, SERVER


class Redis:
    def __init__(self, host, *options):
        self.host = host
        self.port = free_port()
        self.socket = host.directory / "redis.sock"
        host.start([program("redis-server"), "--port", self.port, "--unixsocket", self.socket, "--save", "",
                    "--dir", host.directory, *options])
        wait_for("redis to listen", self.socket.exists)

    def cli(self, *words, **how):
        return self.host.run([program("redis-cli"), "-s", self.socket, *words], **how)

    def stats(self):
        """{command: calls}, without what asks for them."""
        calls = {name: int(count) for name, count in
                 re.findall(r"^cmdstat_(\S+?):calls=(\d+)", self.cli("INFO", "commandstats"), re.MULTILINE)}
        calls.pop("info", None)
        return calls


def normal(operation):
    """As commandstats writes it."""
    return operation.lower().replace(" ", "|")


def difference(after, before):
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}


def benchmark(host, redis, commands, what, *options, pipelined=1):
    before = redis.stats()
    commands.settle()
    started = time.monotonic()
    host.run([program("redis-benchmark"), "-q", *options], seconds=100)
    seconds = time.monotonic() - started
    expected = difference(redis.stats(), before)
    total = sum(expected.values())
    commands.expect(expected, f"{what}, {total / seconds:.0f} commands/s", normal=normal, pipelined=pipelined)


def benchmarks_are_counted_as_the_server_counts_them(host):
    redis = Redis(host)
    commands = watch(host, "redis")
    tcp, unix = ["-p", redis.port], ["-s", redis.socket]
    tests = "ping_inline,ping_mbulk,set,get,incr,lpush,rpop,sadd,hset,mset"
    benchmark(host, redis, commands, "TCP, 8 clients", *tcp, "-c", "8", "-n", fewer(2000), "-t", tests)
    pipeline = ["-n", fewer(20000), "-P", "16", "-t", "set,get"]
    benchmark(host, redis, commands, "TCP, 8 clients, -P 16", *tcp, "-c", "8", *pipeline, pipelined=16)
    benchmark(host, redis, commands, "Unix, 50 clients, -P 16", *unix, "-c", "50", *pipeline, pipelined=16)
    benchmark(host, redis, commands, "TCP, values of 10 kB", *tcp, "-c", "4", "-n", fewer(1000), "-d", "10000", "-t",
              "set,get")
    benchmark(host, redis, commands, "TCP, long replies", *tcp, "-c", "4", "-n", fewer(500), "-t", "lrange_600")


class Wire:
    """A connection that sends commands as they are and reads what it is told to expect."""

    def __init__(self, redis, unix=False):
        if unix:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(str(redis.socket))
        else:
            self.socket = socket.create_connection(("127.0.0.1", redis.port))
        self.socket.settimeout(20)

    def say(self, text, until):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())
        answer = b""
        while not re.search(until, answer, re.DOTALL):
            data = self.socket.recv(65536)
            check(data, f"closed after {answer!r}")
            answer += data
        return answer


def resp(*words):
    return f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)


def every_kind_of_command_is_one_exchange(host):
    redis = Redis(host)
    commands = watch(host, "redis")
    for unix in (False, True):
        commands.settle()
        wire = Wire(redis, unix)
        wire.say(resp("HELLO", "3"), rb"modules.*\r\n")
        wire.say(resp("SELECT", "3") + resp("SET", "k", "v") + resp("LPUSH", "k", "x"), rb"-WRONGTYPE[^\n]*\n")
        wire.say(resp("MULTI") + resp("INCR", "k") + resp("GET", "k") + resp("EXEC"), rb"not an integer[^\n]*\n.*\n")
        wire.say(resp("EVAL", "return redis.error_reply('MINE oops')", "0"), rb"MINE[^\n]*\n")
        wire.say(resp("EVALSHA", "0" * 40, "0"), rb"NOSCRIPT[^\n]*\n")
        wire.say(resp("SUBSCRIBE", "a", "b"), rb"\$1\r\nb\r\n:2\r\n")
        redis.cli("PUBLISH", "a", "hello")
        wire.say(resp("CLIENT", "GETNAME"), rb"hello\r\n.*_\r\n")
        wire.say(resp("CLIENT", "REPLY", "SKIP") + resp("SET", "k", "w") + resp("DBSIZE"), rb":1\r\n")
        wire.say(resp("NONSENSE", "x"), rb"-ERR unknown[^\n]*\n")
        started = time.monotonic()
        wire.say(resp("BLPOP", "nothing", "0.3"), rb"_\r\n")
        blocked = time.monotonic() - started
        wire.say("get k\r\nQUIT\r\n", rb"\+OK\r\n")
        wire.socket.close()
        expected = [("HELLO", None), ("SELECT", None), ("SET", None), ("LPUSH", "WRONGTYPE"), ("MULTI", None),
                    ("INCR", None), ("GET", None), ("EXEC", "ERR"), ("EVAL", "MINE"), ("EVALSHA", "NOSCRIPT"),
                    ("SUBSCRIBE", None), ("CLIENT GETNAME", None), ("CLIENT REPLY", None), ("SET", None),
                    ("DBSIZE", None), ("NONSENSE", "ERR"), ("BLPOP", None), ("get", None), ("QUIT", None),
                    ("PUBLISH", None)]
        commands.expect_sequence(expected)
        for kind in (CLIENT, SERVER):
            check_details(commands.spans(kind), blocked)


def check_details(spans, blocked):
    named = {span.attributes["db.operation.name"]: span for span in spans}
    check_equal(named["LPUSH"].attributes.get("db.query.text"), "LPUSH ? ?", "text of LPUSH")
    check_equal((named["LPUSH"].status, named["LPUSH"].attributes.get("error.type")), (ERROR, "WRONGTYPE"), "error of LPUSH")
    check_equal(named["SELECT"].attributes.get("db.namespace"), "0", "database of SELECT")
    check_equal(named["LPUSH"].attributes.get("db.namespace"), "3", "database of LPUSH")
    check_equal(named["EVALSHA"].attributes.get("db.stored_procedure.name"), "0" * 40, "script of EVALSHA")
    seconds = (named["BLPOP"].end - named["BLPOP"].start) / 1e9
    check(0.25 <= seconds <= blocked + 0.1, f"BLPOP took {seconds} s, its client saw {blocked}")
    check(not any("hello" in str(span.attributes) or " v" in str(span.attributes.get("db.query.text")) for span in spans),
          "a value left the host")


def python_client_is_counted(host):
    try:
        import redis as client
    except ImportError:
        raise Skip("python3-redis is not installed") from None
    redis = Redis(host)
    commands = watch(host, "redis")
    before = redis.stats()
    commands.settle()
    connection = client.Redis(port=redis.port, db=1)
    with connection.pipeline(transaction=True) as pipeline:
        for n in range(20):
            pipeline.set(f"key{n}", n)
        pipeline.execute()
    for n in range(50):
        connection.get(f"key{n}")
    connection.config_get("maxmemory")
    connection.close()
    commands.expect(difference(redis.stats(), before), "python3-redis", normal=normal)


def a_pipeline_beyond_the_budget_heals(host):
    """What passes unseen is counted, and the commands behind it have the right outcomes."""
    redis = Redis(host)
    commands = watch(host, "redis")
    wire = Wire(redis)
    wire.say(resp("PING"), rb"PONG\r\n")
    wire.say(resp("INCR", "counter") * 5000, rb":5000\r\n")
    for _ in range(20):
        wire.say(resp("GET", "counter"), rb"5000\r\n")
        wire.say(resp("LPUSH", "counter", "x"), rb"-WRONGTYPE[^\n]*\n")
    for kind in (CLIENT, SERVER):
        wait_for("the commands behind it", lambda: min(commands.counts(kind)[name] for name in ("GET", "LPUSH")) >= 18)
        for span in commands.spans(kind):
            code = span.attributes.get("db.response.status_code")
            operation = span.attributes["db.operation.name"]
            if "shmotel.end" not in span.attributes:
                check_equal(code, "WRONGTYPE" if operation == "LPUSH" else None, f"outcome of {span}")
        counts = commands.counts(kind)
        print(f"    {dict(counts)}", flush=True)
        check(0 < counts["INCR"] <= 5000, f"{counts}")


if __name__ == "__main__":
    main(every_kind_of_command_is_one_exchange, python_client_is_counted, a_pipeline_beyond_the_budget_heals,
         benchmarks_are_counted_as_the_server_counts_them)
