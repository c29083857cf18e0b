"""MariaDB with its client, its benchmark, its C connector and PyMySQL: every operation is one span on either side."""
import concurrent.futures
import contextlib
import pathlib
import time

from harness import check, check_equal, lost, main, program, wait_for
from mysql_server import WORDS, MariaDb, pymysql
from telemetry import CLIENT, ERROR, SERVER, Telemetry

SOURCES = pathlib.Path(__file__).resolve().parent / "mysql_peers"
BENCHMARK = 20000


def watch(host, *options):
    host.sensor(*options)
    host.receiver(options=["--database-server-spans=true", "--database-returned-rows=true", "--query-text=raw"])
    return Telemetry(host.out / "otlp.jsonl")


def database_spans(telemetry, kind, text=""):
    return [span for span in telemetry.read().spans
            if span.kind == kind and span.attributes.get("db.system.name") in ("mysql", "mariadb")
            and text in span.attributes.get("db.query.text", "")]


def expect_spans(host, telemetry, text, server_count, client_count=None):
    """As many as operations on both sides, or a counter accounts for each one missing."""
    wanted = {SERVER: server_count, CLIENT: server_count if client_count is None else client_count}

    def counts():
        return {kind: len(database_spans(telemetry, kind, text)) for kind in wanted}

    deadline = time.monotonic() + 20
    while any(counts()[kind] < wanted[kind] for kind in wanted) and time.monotonic() < deadline:
        time.sleep(0.2)
    seen, losses = counts(), {}
    for process in host.processes:
        if hasattr(process, "counters"):
            losses.update(lost(process.counters()))
    message = f"{text!r}: server {seen[SERVER]} of {wanted[SERVER]}, client {seen[CLIENT]} of {wanted[CLIENT]}"
    print(f"    {message}, counted losses {losses or 'none'}", flush=True)
    check(all(seen[kind] <= wanted[kind] for kind in wanted), f"more spans than operations: {message}")
    missing = sum(wanted.values()) - sum(seen.values())
    check(missing <= sum(losses.values()), f"{missing} spans are missing and not counted: {message}, {losses}")


def one_span(telemetry, kind, text):
    wait_for(f"a span of {text!r}", lambda: database_spans(telemetry, kind, text))
    spans = [span for span in database_spans(telemetry, kind) if span.attributes.get("db.query.text") == text]
    check_equal(len(spans), 1, f"spans of {text!r}, kind {kind}")
    return spans[0]


def check_span(telemetry, text, schema="shop", code=None, rows=None):
    """Both sides say the same of one statement."""
    for kind in (SERVER, CLIENT):
        span = one_span(telemetry, kind, text)
        seen = span.attributes
        check_equal((seen.get("db.system.name"), seen.get("db.namespace")), ("mariadb", schema), f"{span}")
        check_equal((seen.get("db.response.status_code"), seen.get("error.type"), span.status),
                    (code, code, ERROR if code else 0), f"outcome of {span}")
        check_equal(seen.get("db.response.returned_rows"), rows, f"rows of {span}")


# ---- scenarios ----

def statements_of_the_client(host):
    """Text protocol: results, errors, schemas, several statements, a file; over TCP and over a Unix socket."""
    server = MariaDb(host)
    server.fill()
    telemetry = watch(host)
    words = host.directory / "words.txt"
    words.write_text("".join(f"{n}\tloaded {n} {'x' * 40}\n" for n in range(1000, 3000)))
    for unix in (False, True):
        mark = f"/* {'unix' if unix else 'tcp'} */"
        script = [f"SELECT word FROM words WHERE id < 7 {mark}", f"SELECT * FROM nothing {mark}", f"SELEC 1 {mark}",
                  f"INSERT INTO words VALUES (1, 'again') {mark}", f"UPDATE words SET word = 'w' WHERE id = 3 {mark}",
                  f"LOAD DATA LOCAL INFILE '{words}' REPLACE INTO TABLE words {mark}", "USE mysql",
                  f"SELECT 1 {mark}", "USE shop", f"SELECT word FROM words WHERE id >= 1000 {mark}",
                  f"SELECT 'last' {mark}"]
        (host.directory / "script.sql").write_text(";\n".join(script) + ";\n")
        # It exits with 1 because some statements fail.
        host.run(["sh", "-c", '"$@" <script.sql || test $? = 1', "sh", program("mariadb"), *server.where(unix), "--force",
                  "--comments", "--local-infile=1", "--skip-auto-rehash", "--database=shop"], cwd=host.directory)
        check_span(telemetry, script[0], rows=7)
        check_span(telemetry, script[1], code="1146")
        check_span(telemetry, script[2], code="1064")
        check_span(telemetry, script[3], code="1062")
        check_span(telemetry, script[4])
        check_span(telemetry, script[5])
        check_span(telemetry, script[7], schema="mysql", rows=1)
        check_span(telemetry, script[9])  # beyond the capture budget: rows are not known
        check_span(telemetry, script[10], rows=1)
    span = one_span(telemetry, CLIENT, "SELECT 1 /* tcp */")
    check_equal((span.attributes.get("server.address"), span.attributes.get("server.port")), ("127.0.0.1", server.port),
                "server of the client's span")


def prepared_statements_of_the_c_connector(host):
    """Binary protocol: executions, cursors, long data, direct and bulk execution, several results."""
    binary = host.directory / "statements"
    flags = host.run([program("mariadb_config"), "--cflags", "--libs"]).split()
    host.run([program("cc"), "-o", binary, SOURCES / "statements.c", *flags])
    server = MariaDb(host)
    server.fill()
    telemetry = watch(host)
    rounds = 2000
    for unix in (False, True):
        said = dict(line.split() for line in
                    host.run([binary, "127.0.0.1", server.port, server.socket if unix else "-", rounds]).splitlines())
        check_equal((said["executed"], said["results"], said["cursor"]), (str(rounds), "3", str(WORDS)), "what was done")
        times = 2 if unix else 1
        select = "SELECT word FROM words WHERE id < ?"
        expect_spans(host, telemetry, select, rounds * times)
        for kind in (SERVER, CLIENT):
            rows = sum(span.attributes["db.response.returned_rows"] for span in database_spans(telemetry, kind, select))
            check_equal(rows, int(said["rows"]) * times, "rows returned")
        for text, per_run in (("SELECT word FROM words ORDER BY id", 1), ("INSERT INTO texts (text) VALUES (?)", 1),
                              ("SELECT word FROM words WHERE id = 1", 1), ("INSERT INTO numbers (n) VALUES (?)", 1),
                              ("FROM no_such_words", 1), ("SELECT 1; SELECT word FROM words; DO 1", 1)):
            expect_spans(host, telemetry, text, per_run * times)
    refused = database_spans(telemetry, CLIENT, "FROM no_such_words")[0]
    check_equal(refused.attributes.get("db.response.status_code"), said["refused"], "code of a refused statement")
    several = database_spans(telemetry, CLIENT, "DO 1")[0]
    check_equal(several.attributes.get("db.response.returned_rows"), 1 + WORDS, "rows of several results")


def pymysql_on_many_connections(host):
    """What the driver's own log says: statements, codes and times, on connections that are busy at once."""
    server = MariaDb(host, f"--general-log=1", f"--general-log-file={host.directory}/mariadb/general.log")
    server.fill()
    telemetry = watch(host)
    per_thread, threads = 200, 8

    def work(thread):
        log = []
        with server.connect(unix=thread % 2 == 1, database="shop") as connection, connection.cursor() as cursor:
            for n in range(per_thread):
                table = "missing" if n % 10 == 0 else "words"
                text = f"SELECT word, SLEEP({0.02 if n % 50 == 1 else 0}) FROM {table} WHERE id = {n % WORDS} /* {thread}:{n} */"
                started, code = time.monotonic_ns(), None
                try:
                    cursor.execute(text)
                except pymysql().MySQLError as error:
                    code = str(error.args[0])
                log.append((text, code, time.monotonic_ns() - started))
        return log

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        log = [entry for entries in pool.map(work, range(threads)) for entry in entries]
    expect_spans(host, telemetry, " /* ", per_thread * threads)
    logged = server.log.read_text(errors="replace").count("SELECT word, SLEEP(")
    check_equal(logged, per_thread * threads, "statements in the general log")
    spans = {(span.kind, span.attributes["db.query.text"]): span
             for kind in (SERVER, CLIENT) for span in database_spans(telemetry, kind, " /* ")}
    check_equal(len(spans), 2 * len(log), "different statements")
    for text, code, elapsed in log:
        for kind in (SERVER, CLIENT):
            span = spans[kind, text]
            check_equal(span.attributes.get("db.response.status_code"), code, f"code of {span}")
            check_equal(span.attributes.get("db.namespace"), "shop", f"schema of {span}")
            duration = span.end - span.start
            slept = 20_000_000 if "SLEEP(0.02)" in text and code is None else 0
            check(slept <= duration <= elapsed, f"{duration} ns, but the client measured {elapsed} ns: {span}")


def a_connection_that_is_older_than_the_sensor(host):
    server = MariaDb(host)
    server.fill()
    with server.connect(database="shop") as old, old.cursor() as cursor:
        cursor.execute("SELECT 'before anybody watched'")
        telemetry = watch(host)
        cursor.execute("SELECT word FROM words WHERE id < 5")
        cursor.execute("SELECT word FROM words WHERE id < 6")
        with contextlib.suppress(pymysql().MySQLError):
            cursor.execute("SELECT * FROM nothing")
        for kind in (SERVER, CLIENT):
            span = one_span(telemetry, kind, "SELECT word FROM words WHERE id < 5")
            check_equal(span.attributes.get("db.response.returned_rows"), 5, f"rows of {span}")
            span = one_span(telemetry, kind, "SELECT word FROM words WHERE id < 6")
            check_equal(span.attributes.get("db.response.returned_rows"), 6, f"rows of {span}")
            span = one_span(telemetry, kind, "SELECT * FROM nothing")
            check_equal(span.attributes.get("db.response.status_code"), "1146", f"code of {span}")
            check("db.namespace" not in span.attributes, f"a schema that nobody could know: {span}")


def the_benchmark_and_the_servers_own_count(host):
    """mariadb-slap at full speed: as many spans as the server counts of SELECT."""
    server = MariaDb(host)
    server.fill()
    # Large enough that nothing is lost where the server, its clients and both programs share two processors.
    telemetry = watch(host, "--kernel-ring-bytes", "32MiB", "--ring-bytes", "128MiB")
    with server.connect() as connection:
        selects = server.status(connection, "Com_select")
        for unix in (False, True):
            query = f"SELECT word FROM shop.words WHERE id = 7 /* {'unix' if unix else 'tcp'} */"
            started = time.monotonic()
            host.run([program("mariadb-slap"), *server.where(unix), "--concurrency=8", f"--number-of-queries={BENCHMARK}",
                      f"--query={query}", "--create-schema=shop", "--no-drop", "--silent"])
            print(f"    {BENCHMARK / (time.monotonic() - started):.0f} queries a second", flush=True)
            expect_spans(host, telemetry, query, BENCHMARK)
        selects = server.status(connection, "Com_select") - selects
    print(f"    {selects} by the server's count", flush=True)
    expect_spans(host, telemetry, "SELECT", selects)


main(statements_of_the_client, prepared_statements_of_the_c_connector, pymysql_on_many_connections,
     a_connection_that_is_older_than_the_sensor, the_benchmark_and_the_servers_own_count)
