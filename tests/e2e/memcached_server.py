"""A private Memcached, and what it has counted."""
import re
import socket

from harness import RECEIVER_USER, check, free_port, program, wait_for


class Memcached:
    def __init__(self, host, unix=False, threads=4):
        self.port = free_port()
        self.socket = host.directory / "memcached.sock" if unix else None
        where = ["-s", self.socket, "-a", "777"] if unix else ["-p", self.port, "-U", "0", "-l", "127.0.0.1"]
        host.start([program("memcached"), "-u", RECEIVER_USER, "-t", threads, *where])
        if unix:
            self.socket.parent.chmod(0o777)
        wait_for("memcached to listen", self.listens)

    def listens(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self):
        if self.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(self.socket))
        else:
            connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(20)
        return connection

    def stats(self):
        with self.connect() as connection:
            text = say(connection, b"stats\r\n", rb"END\r\n")
        return {name: int(value) for name, value in re.findall(r"STAT (cmd_\w+) (\d+)", text.decode())}


def say(connection, text, until):
    connection.sendall(text)
    answer = b""
    while not re.search(until, answer, re.DOTALL):
        data = connection.recv(65536)
        check(data, f"closed after {answer!r}")
        answer += data
    return answer
