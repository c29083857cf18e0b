"""A private MariaDB server, and what it knows of itself."""
import contextlib
import shutil

from harness import Skip, check, free_port, program, wait_for

USER = "mysql"
WORDS = 50


class MariaDb:
    """A server of its own: directory, port and Unix socket are private."""

    def __init__(self, host, *options):
        self.host, self.port = host, free_port()
        self.directory = host.directory / "mariadb"
        self.directory.mkdir()
        shutil.chown(self.directory, USER)
        self.socket = self.directory / "server.sock"
        self.log = self.directory / "general.log"
        place = [f"--datadir={self.directory}/data", f"--tmpdir={self.directory}", f"--user={USER}"]
        host.run([program("mariadb-install-db"), "--no-defaults", *place, "--skip-test-db",
                  "--auth-root-authentication-method=normal"])
        self.process = host.start(
            [program("mariadbd"), "--no-defaults", *place, f"--socket={self.socket}", f"--port={self.port}",
             "--bind-address=127.0.0.1", f"--pid-file={self.directory}/pid", "--local-infile=1",
             "--innodb-buffer-pool-size=16M", "--performance-schema=off", "--skip-name-resolve", *options])
        wait_for("MariaDB to answer", lambda: self.answers(), 30)

    def answers(self):
        check(self.process.running(), "mariadbd has ended")
        with contextlib.suppress(pymysql().MySQLError):
            self.connect().close()
            return True
        return False

    def connect(self, unix=False, **how):
        where = {"unix_socket": str(self.socket)} if unix else {"host": "127.0.0.1", "port": self.port}
        return pymysql().connect(user="root", **where, **{"autocommit": True, **how})

    def fill(self):
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop")
            cursor.execute("USE shop")
            cursor.execute("CREATE TABLE words (id INT PRIMARY KEY, word VARCHAR(64))")
            cursor.execute("CREATE TABLE texts (text LONGTEXT)")
            cursor.execute("CREATE TABLE numbers (n INT)")
            cursor.executemany("INSERT INTO words VALUES (%s, %s)", [(n, f"word {n}") for n in range(WORDS)])

    def where(self, unix):
        """The arguments of MariaDB's programs."""
        place = [f"--socket={self.socket}"] if unix else ["--host=127.0.0.1", f"--port={self.port}", "--protocol=tcp"]
        return ["--no-defaults", "--user=root", *place]

    def status(self, connection, name):
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")
            return int(cursor.fetchall()[0][1])


def pymysql():
    try:
        import pymysql as module
    except ImportError:
        raise Skip("python3-pymysql is not installed") from None
    return module
