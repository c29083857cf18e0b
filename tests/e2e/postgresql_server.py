"""A private PostgreSQL server, what it has counted, and the programs that ask it."""
import os
import pathlib
import pwd
import re
import subprocess

from harness import Skip, check, free_port, port_is_open, program, wait_for

SERVER_USER = "postgres"


def find_binaries():
    """The directory of the newest version's programs: Debian keeps initdb and postgres off PATH."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise Skip("PostgreSQL's server is not installed")
    return found[-1].parent


class PostgreSQL:
    """Listens on a port of loopback and on a Unix socket; database `bench` is for the load, `postgres` for questions about
    it. Statements are counted by pg_stat_statements and by the log, errors by their SQLSTATE in the log."""

    def __init__(self, host):
        try:
            account = pwd.getpwnam(SERVER_USER)
        except KeyError:
            raise Skip(f"needs the user {SERVER_USER}, as the server refuses to be root's") from None
        self.host = host
        self.binaries = find_binaries()
        self.directory = host.directory / "postgresql"
        self.directory.mkdir()
        os.chown(self.directory, account.pw_uid, account.pw_gid)
        self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.port = free_port()
        data = self.directory / "data"
        host.run([self.binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
                  "--no-locale"], cwd=self.directory, **self.account)
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.directory,
                    "fsync": "off", "shared_preload_libraries": "pg_stat_statements", "autovacuum": "off",
                    "log_line_prefix": "%e %d ", "log_min_messages": "error", "log_statement": "all"}
        self.process = host.start(
            [program("setpriv"), "--reuid", account.pw_uid, "--regid", account.pw_gid, "--clear-groups",
             self.binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            cwd=self.directory)
        wait_for("PostgreSQL to listen", lambda: port_is_open(self.port) and (self.directory / f".s.PGSQL.{self.port}")
                 .exists(), seconds=30)
        wait_for("PostgreSQL to answer", lambda: subprocess.run(
            [self.binaries / "pg_isready", "-q", "-U", "postgres", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0, seconds=30)
        self.ask("create extension pg_stat_statements")
        self.ask("create database bench")

    def address(self, unix):
        return self.directory if unix else "127.0.0.1"

    def environment(self, unix=False, database="bench"):
        """For programs of libpq: no encryption, which would hide everything."""
        return {**os.environ, "PGHOST": str(self.address(unix)), "PGPORT": str(self.port), "PGUSER": "postgres",
                "PGDATABASE": database, "PGSSLMODE": "disable", "PGGSSENCMODE": "disable"}

    def psql(self, *arguments, unix=False, fails=False, database="bench", **how):
        command = [program("psql"), "-X", "-A", "-t", "-q", *map(str, arguments)]
        if fails:
            return subprocess.run(command, env=self.environment(unix, database), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, **how).stdout
        return self.host.run(command, env=self.environment(unix, database), **how)

    def ask(self, statement):
        """A question about the server, apart from the load."""
        return self.psql("-c", statement, database="postgres").strip()

    def make_bench_tables(self):
        self.host.run([program("pgbench"), "-i", "-s", "1", "-q"], env=self.environment())

    def pgbench(self, *arguments, unix=False, clients=1, seconds=120):
        """Run pgbench; return how many transactions it says it made."""
        output = self.host.run([program("pgbench"), "-n", "-c", clients, "-j", min(clients, 2), *arguments],
                               env=self.environment(unix), seconds=seconds, cwd=self.host.directory)
        check("aborted" not in output, f"pgbench gave up: {output}")
        return int(re.search(r"transactions actually processed: (\d+)", output).group(1))

    def forget_counts(self):
        self.ask("select pg_stat_statements_reset()")
        self.log_start = len(self.process.output())

    def statistics(self):
        """{statement as the server normalises it: calls} of database bench since forget_counts()."""
        rows = self.ask("select calls || ' ' || replace(query, E'\\n', ' ') from pg_stat_statements s "
                        "join pg_database d on d.oid = s.dbid where datname = 'bench'")
        return [(statement, int(calls)) for calls, statement in (row.split(" ", 1) for row in rows.splitlines())]

    def logged_statements(self):
        """The statements that the log says were executed in database bench since forget_counts()."""
        log = self.process.output()[self.log_start:].replace("\n\t", " ")
        return re.findall(r"^00000 bench LOG:  (?:statement|execute [^:]*): (.*)$", log, re.MULTILINE)

    def errors(self):
        """{SQLSTATE: how often} in the log for database bench."""
        found = {}
        for code in re.findall(r"^([0-9A-Z]{5}) bench (?:ERROR|FATAL):", self.process.output(), re.MULTILINE):
            found[code] = found.get(code, 0) + 1
        return found


def driver():
    """psycopg2, or Skip."""
    try:
        import psycopg2
    except ImportError:
        raise Skip("python3-psycopg2 is not installed") from None
    return psycopg2
