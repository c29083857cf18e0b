"""--status and --alive against whatever listens there: the receiver is not trusted by whoever asks."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

RECEIVER = sys.argv[1]
READY, NOT_READY, NO_ANSWER = 0, 1, 3
PAGE = 32 * 1024


class StatusAsk(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="shmotel-status-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "status.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(self.path)
        self.listener.listen()

    def ask(self, how, script):
        def serve():
            connection, _ = self.listener.accept()
            with connection:
                try:
                    script(connection)
                except OSError:
                    pass
        threading.Thread(target=serve, daemon=True).start()
        done = subprocess.run([RECEIVER, how, "--status-socket", self.path], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=60)
        self.assertGreaterEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done.returncode, done.stdout

    def says(self, how, text):
        return self.ask(how, lambda connection: connection.sendall(text))

    def test_a_page_is_printed_and_its_first_line_decides(self):
        for text, code in ((b"ready\nmore\n", READY), (b"not ready: x\nready\n", NOT_READY), (b"readyish\n", NOT_READY),
                           (b"ready", NOT_READY), (b"\n", NOT_READY)):
            with self.subTest(text):
                self.assertEqual(self.says("--status", text), (code, text))
                self.assertEqual(self.says("--alive", text), (0, text.split(b"\n")[0] + (b"\n" if b"\n" in text else b"")))

    def test_a_page_of_any_length_stays_within_bounds(self):
        for length in (1, PAGE - 1, PAGE, PAGE + 1, 10 * PAGE):
            with self.subTest(length):
                for how in ("--status", "--alive"):
                    code, text = self.says(how, b"x" * length)
                    self.assertEqual((code, text), (NOT_READY if how == "--status" else 0, b"x" * min(length, PAGE)))

    def test_nothing_that_steers_a_terminal_is_printed(self):
        said = b"ready\n\x1b]0;title\x07 \x1b[2J \r\x00\x7f\xc2\x9b ok \xc3\xa9 \t\n"
        self.assertEqual(self.says("--status", said), (READY, b"ready\n?]0;title? ?[2J ???\xc2? ok \xc3\xa9 ?\n"))

    def test_silence_and_a_byte_now_and_then_are_no_answer_after_five_seconds(self):
        def drip(connection):
            for _ in range(1000):
                connection.send(b"x")
                time.sleep(0.5)
        over = threading.Event()
        self.addCleanup(over.set)
        for script in (drip, lambda connection: over.wait(60), lambda connection: None):
            self.assertEqual(self.ask("--status", script), (NO_ANSWER, b""))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
