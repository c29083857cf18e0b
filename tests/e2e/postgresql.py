"""PostgreSQL as its own clients and a driver speak it: what is reported against what the server has counted."""
import re
import time

from harness import check, check_equal, lost, main, wait_for
from postgresql_server import PostgreSQL, driver
from telemetry import CLIENT, ERROR, SERVER, Telemetry

REPORT = ("--database-server-spans=true", "--database-returned-rows=true", "--query-text=raw")


class Watched:
    """A server, and the pair that watches it."""

    def __init__(self, host, server=None, sensor_options=(), report=REPORT):
        self.server = server or PostgreSQL(host)
        self.sensor = host.sensor(*sensor_options)
        self.receiver = host.receiver(options=report)
        self.telemetry = Telemetry(host.out / "otlp.jsonl")
        self.losses_before = self.losses()

    def losses(self):
        return lost(self.sensor.counters(), self.receiver.counters())

    def new_losses(self):
        """Without those before the receiver was attached."""
        found = {name: value - self.losses_before.get(name, 0) for name, value in self.losses().items()}
        return {name: value for name, value in found.items() if value > 0}

    def spans(self, kind=None, database="bench"):
        return [span for span in self.telemetry.read().spans
                if span.attributes.get("db.system.name") == "postgresql" and kind in (None, span.kind) and
                database in (None, span.attributes.get("db.namespace"))]

    def wait(self, count, kinds=(CLIENT, SERVER), database="bench", seconds=30):
        """Wait for `count` spans of each kind. What is missing must be in a counter; more is a failure."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(len(self.spans(kind, database)) < count for kind in kinds):
            time.sleep(0.2)
        time.sleep(0.5)  # for one too many
        losses = self.new_losses()
        for kind in kinds:
            seen = len(self.spans(kind, database))
            print(f"    {seen} {'client' if kind == CLIENT else 'server'} spans of {count}, "
                  f"counted losses {losses or 'none'}", flush=True)
            check(seen <= count, f"{seen} spans of kind {kind}, but {count} operations")
            check(count - seen <= sum(losses.values()), f"{count - seen} spans are missing and not counted: {losses}")


def outcome(span):
    """What a span says of an operation."""
    seen = span.attributes
    check_equal(span.status == ERROR, "error.type" in seen, f"error of {span}")
    check_equal(seen.get("error.type"), seen.get("db.response.status_code"), f"error.type of {span}")
    return (seen.get("db.query.text"), seen.get("db.response.status_code"), seen.get("db.response.returned_rows"))


def in_order(spans):
    return [outcome(span) for span in sorted(spans, key=lambda span: span.start)]


def statements_of_psql_are_reported_one_by_one(host):
    """Over TCP and over a Unix socket, at both ends."""
    watched = Watched(host)
    rows = host.directory / "rows"
    rows.write_text("".join(f"{n}\tname {n}\n" for n in range(20000)))
    script = [
        # statement, SQLSTATE, rows
        ("create table t (id int primary key, name text)", None, None),
        ("copy t from stdin", None, None),
        ("select count(*) from t", None, 1),
        ("select id from t order by id limit 1500", None, 1500),
        ("select name from t where id = -1", None, 0),
        ("insert into t values (-1, 'x') returning id", None, 1),
        ("insert into t values (-1, 'again')", "23505", None),
        ("selct", "42601", None),
        ("select * from missing", "42P01", None),
        ("select 1/0", "22012", None),
        ("do $$ begin raise warning 'no error'; end $$", None, None),
        ("create table copied as select * from t limit 7", None, None),
        ("copy t to stdout", None, None),
        ("drop table t, copied", None, None),
    ]
    for unix in (False, True):
        source = host.directory / f"script-{unix}.sql"
        source.write_text("".join(
            rf"\{statement.replace('stdin', repr(str(rows)))}" + "\n" if statement.startswith("copy t from")
            else r"\copy t to '/dev/null'" + "\n" if statement.startswith("copy t to") else statement + ";\n"
            for statement, _, _ in script))
        before = len(watched.spans(CLIENT)), len(watched.spans(SERVER))
        watched.server.psql("-f", source, unix=unix, fails=True)
        watched.wait(before[0] + len(script))
        for kind, skip in ((CLIENT, before[0]), (SERVER, before[1])):
            spans = sorted(watched.spans(kind), key=lambda span: span.start)[skip:]
            check_equal([span.attributes.get("db.response.status_code") for span in spans],
                        [code for _, code, _ in script], f"SQLSTATEs of kind {kind}, unix={unix}")
            for span, (statement, _, count) in zip(spans, script):
                text, _, rows_seen = outcome(span)
                wanted = statement.lower().replace("copy t", "copy  t")
                check(" ".join(text.lower().rstrip(";").split()) == " ".join(wanted.split()),
                      f"text {text!r} of {statement!r}")
                # a reply beyond the capture budget has no rows that could be counted
                check(rows_seen == count or (count == 1500 and rows_seen is None), f"{rows_seen} rows of {statement}")
                if unix:
                    check_equal(span.attributes.get("server.port"), None, "port of a Unix socket")
                else:
                    check_equal((span.attributes["server.address"], span.attributes["server.port"]),
                                ("127.0.0.1", watched.server.port), "server")


def a_driver_with_transactions_cursors_and_errors(host):
    psycopg2 = driver()
    watched = Watched(host)
    server = watched.server
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="bench", sslmode="prefer")
    cursor = connection.cursor()
    expected = []

    def execute(statement, values=None, code=None, rows=None):
        try:
            cursor.execute(statement, values)
        except psycopg2.Error as error:
            check_equal(error.pgcode, code, "SQLSTATE that the driver got")
        # the driver writes values into the text
        expected.append(((cursor.query or b"").decode(), code, rows))

    expected.append(("BEGIN", None, None))
    execute("create table t (id int, name text)")
    execute("insert into t values (%s, %s), (%s, %s)", (1, "it's", 2, None))
    execute("select * from t where name = %s", ("it's",), rows=1)
    execute("savepoint s")
    execute("select 1/0", code="22012")
    execute("select 1", code="25P02")
    execute("rollback to s")
    execute("declare c cursor for select * from t")
    execute("fetch all from c", rows=2)
    connection.commit()
    expected.append(("COMMIT", None, None))
    connection.close()
    watched.wait(len(expected))
    for kind in (CLIENT, SERVER):
        check_equal(in_order(watched.spans(kind)), expected, f"operations of kind {kind}")


def write_script(host, name, text):
    path = host.directory / name
    path.write_text(text)
    return path


TRANSACTION_CONTROL = ("begin", "commit", "end")


def statement_key(statement):
    """A statement without its values."""
    values = r"'[^']*'|\$\d+|:\w+|-?\b\d+\b|\btrue\b"
    return " ".join(re.sub(values, "?", statement.rstrip("; ").lower()).split())


def tally(pairs):
    sums = {}
    for key, count in pairs:
        sums[key] = sums.get(key, 0) + count
    return sums


def compare_with_server(watched, before):
    """What ran since the counts were forgotten, statement by statement: as many spans of each kind as the log has lines.
    PostgreSQL 15's statistics say the same, but that they count transaction control only once where it is prepared."""
    logged = tally((statement_key(statement), 1) for statement in watched.server.logged_statements())
    counted = tally((statement_key(statement), calls) for statement, calls in watched.server.statistics())
    for statement, calls in counted.items():
        if statement not in TRANSACTION_CONTROL:
            check_equal(calls, logged.get(statement), f"the server's two counts of {statement}")
    total = sum(logged.values())
    watched.wait(before + total)
    for kind in (CLIENT, SERVER):
        spans = sorted(watched.spans(kind), key=lambda span: span.start)[before:]
        check_equal({span.status for span in spans}, {0}, f"statuses of kind {kind}")
        if len(spans) == total:  # else what is missing was counted
            check_equal(tally((statement_key(span.attributes.get("db.query.text", "")), 1) for span in spans), logged,
                        f"statements of kind {kind}")
    return total


def pgbench_counts_match_the_servers(host):
    """TPC-B by each protocol and over both kinds of socket, eight clients at full speed; every statement is counted."""
    server = PostgreSQL(host)
    server.make_bench_tables()
    watched = Watched(host, server)
    for mode in ("simple", "extended", "prepared"):
        for unix in (False, True):
            before = len(watched.spans(CLIENT))
            check_equal(len(watched.spans(SERVER)), before, "server spans before")
            server.forget_counts()
            started = time.monotonic()
            transactions = server.pgbench("-M", mode, "-t", "300", unix=unix, clients=8)
            took = time.monotonic() - started
            total = compare_with_server(watched, before)
            check(total >= transactions * 7, f"{total} statements in {transactions} transactions")
            print(f"    {mode}, {'Unix' if unix else 'TCP'}: {total} statements in {took:.1f} s", flush=True)
    before = len(watched.spans(CLIENT))
    server.forget_counts()
    transactions = server.pgbench("-M", "extended", "-S", "-C", "-t", "50", clients=8)
    check(compare_with_server(watched, before) >= transactions, "a connection for each statement")


PIPELINE = r"""
\set a random(1, 1000)
\startpipeline
begin;
insert into p values (:a, 'x');
select n from p where n = :a limit 3;
update p set t = 'y' where n = :a;
commit;
select 1;
\endpipeline
"""


def pipelined_batches_are_counted_one_by_one(host):
    server = PostgreSQL(host)
    server.psql("-c", "create table p (n int, t text)", "-c", "create index on p (n)")
    script = write_script(host, "pipeline.sql", PIPELINE)
    watched = Watched(host, server)
    for mode in ("extended", "prepared"):
        before = len(watched.spans(CLIENT))
        server.forget_counts()
        transactions = server.pgbench("-M", mode, "-t", "300", "-f", script, clients=8)
        total = compare_with_server(watched, before)
        check(total >= transactions * 6, f"{total} statements in {transactions} pipelines")


def what_passes_the_capture_budget_is_followed_or_counted(host):
    """Values and rows of a megabyte cost nothing; of a batch that the client sends beyond the budget the rest is counted,
    and the connection is followed again."""
    psycopg2 = driver()
    server = PostgreSQL(host)
    script = write_script(host, "long.sql", "\\startpipeline\n" + "select 12345 as long_enough;\n" * 150 + "\\endpipeline\n"
                          "select 'afterwards';\n")
    server.psql("-c", "create table b (n int, t text)")
    watched = Watched(host, server)
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="bench", sslmode="disable")
    connection.autocommit = True
    cursor = connection.cursor()
    for round_number in range(20):
        cursor.execute("insert into b values (%s, %s)", (round_number, "x" * 1000000))
        cursor.execute("select t from b where n = %s", (round_number,))
        cursor.execute("select generate_series(1, 5000)")
        cursor.execute("select %s", (round_number,))
    connection.close()
    watched.wait(80)
    before = len(watched.spans(CLIENT)), len(watched.spans(SERVER))
    transactions = server.pgbench("-M", "extended", "-t", "50", "-f", script, clients=4)
    time.sleep(2)
    losses = watched.new_losses()
    for kind, first in ((CLIENT, before[0]), (SERVER, before[1])):
        spans = sorted(watched.spans(kind), key=lambda span: span.start)[first:]
        texts = tally((span.attributes.get("db.query.text"), 1) for span in spans)
        batched = texts.get("select 12345 as long_enough;", 0)
        print(f"    kind {kind}: {batched} of {transactions * 150} in batches, {losses}", flush=True)
        check_equal(texts.get("select 'afterwards';"), transactions, "statements after the batches")
        check(0 < batched <= transactions * 150, f"{batched} spans of {transactions * 150} in batches")
    check(sum(losses.values()) > 0, "nothing was counted as lost")


def texts_leave_without_their_literals(host):
    psycopg2 = driver()
    watched = Watched(host, report=())
    connection = psycopg2.connect(host="127.0.0.1", port=watched.server.port, user="postgres", dbname="bench",
                                  sslmode="disable")
    connection.autocommit = True
    cursor = connection.cursor()
    statements = [
        ("create table people (name text, age int)", "create table people (name text, age int)", "create table people"),
        ("insert into people values ('hush-hush', 47110815)", "insert into people values (?, ?)", "insert people"),
        ("select name from people where age = 47110815", "select name from people where age = ?", "select people"),
        ("prepare p as select * from people where name = $1", None, None),
        ("execute p('hush-hush')", None, None),
    ]
    for statement, _, _ in statements:
        cursor.execute(statement)
    connection.close()
    watched.wait(len(statements), (CLIENT,))
    spans = sorted(watched.spans(CLIENT), key=lambda span: span.start)
    for span, (_, text, summary) in zip(spans, statements):
        if text:
            check_equal((span.attributes.get("db.query.text"), span.attributes.get("db.query.summary"), span.name),
                        (text, summary, summary), "text, summary and name")
    exported = (host.out / "otlp.jsonl").read_text()
    for literal in ("hush-hush", "47110815"):
        check(literal not in exported, f"{literal} has left the host")


def errors_under_load_match_the_servers_log(host):
    psycopg2 = driver()
    watched = Watched(host)
    server = watched.server
    statements = {"22012": "select 1/0", "42P01": "select * from missing", "42601": "selct", "23505": "insert into u values (1)"}
    server.psql("-c", "create table u (id int primary key)", "-c", "insert into u values (1)")
    connections = [psycopg2.connect(host=host_name, port=server.port, user="postgres", dbname="bench", sslmode="disable")
                   for host_name in ("127.0.0.1", str(server.directory)) for _ in range(4)]
    for connection in connections:
        connection.autocommit = True
    before = len(watched.spans(CLIENT))
    for round_number in range(100):
        for connection in connections:
            cursor = connection.cursor()
            statement = statements[list(statements)[round_number % 4]]
            try:
                cursor.execute(statement)
            except psycopg2.Error:
                pass
            cursor.execute("select 1")
    for connection in connections:
        connection.close()
    watched.wait(len(connections) * 200 + 2)
    for kind in (CLIENT, SERVER):
        seen = {}
        for span in watched.spans(kind):
            code = span.attributes.get("db.response.status_code")
            if code:
                seen[code] = seen.get(code, 0) + 1
        check_equal(seen, server.errors(), f"SQLSTATEs of kind {kind}")


def durations_lie_within_those_of_the_client(host):
    """pgbench logs each transaction; with one statement in it, that is the operation with pgbench's own work around it. The
    statement's own time is at least what it sleeps."""
    watched = Watched(host)
    server = watched.server
    script = write_script(host, "sleep.sql", r"\set ms random(1, 20)" "\nselect pg_sleep(:ms / 1000.0);\n")
    for mode in ("simple", "extended", "prepared"):
        prefix = host.directory / f"log-{mode}"
        before = len(watched.spans(CLIENT))
        count = server.pgbench("-M", mode, "-t", "150", "-f", script, "-l", f"--log-prefix={prefix}")
        watched.wait(before + count, (CLIENT,))
        lines = [line for log in host.directory.glob(f"log-{mode}.*") for line in log.read_text().splitlines()]
        latencies = [int(line.split()[2]) for line in sorted(lines, key=lambda line: int(line.split()[1]))]
        spans = sorted(watched.spans(CLIENT), key=lambda span: span.start)[before:]
        check_equal(len(spans), len(latencies), "transactions in pgbench's log")
        for span, latency_us in zip(spans, latencies):
            duration_us = (span.end - span.start) / 1000
            check(duration_us <= latency_us + 1, f"{duration_us} us of {latency_us} us: {span}")
            slept = re.search(r"pg_sleep\((\d+)", span.attributes.get("db.query.text", ""))
            if slept:
                check(duration_us >= int(slept.group(1)) * 1000, f"{duration_us} us, slept {slept.group(1)} ms")
        share = sum(span.end - span.start for span in spans) / 1000 / sum(latencies)
        print(f"    {mode}: {len(spans)} operations, {share:.1%} of the time that pgbench measured", flush=True)
        check(share > 0.5, f"the operations are {share:.1%} of what pgbench measured")


def a_connection_older_than_the_pair_is_followed(host):
    psycopg2 = driver()
    server = PostgreSQL(host)
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="bench", sslmode="disable")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("prepare known as select 1")
    watched = Watched(host, server)
    statements = ["select 1", "execute known", "select 2"]
    for statement in statements:
        cursor.execute(statement)
    watched.wait(len(statements), database=None)
    for kind in (CLIENT, SERVER):
        check_equal([text for text, _, _ in in_order(watched.spans(kind, None))], statements, f"texts of kind {kind}")


def without_server_spans_only_clients_are_reported(host):
    """The default; and filters can leave out the server's processes altogether."""
    server = PostgreSQL(host)
    for options, report in (((), ()), (("--exclude-executable", "*/postgres"), REPORT)):
        watched = Watched(host, server, options, report)
        before = len(watched.spans())
        server.psql("-c", "select 1")
        wait_for("the span", lambda: len(watched.spans(CLIENT)) > before or None)
        time.sleep(1)
        check_equal(len(watched.spans()), before + 1, f"spans with {options}")
        check_equal(len(watched.spans(SERVER)), 0, f"server spans with {options}")
        watched.receiver.stop()
        watched.sensor.stop()


if __name__ == "__main__":
    main(statements_of_psql_are_reported_one_by_one, a_driver_with_transactions_cursors_and_errors,
         pgbench_counts_match_the_servers, pipelined_batches_are_counted_one_by_one,
         what_passes_the_capture_budget_is_followed_or_counted, texts_leave_without_their_literals,
         errors_under_load_match_the_servers_log, durations_lie_within_those_of_the_client,
         a_connection_older_than_the_pair_is_followed, without_server_spans_only_clients_are_reported)
