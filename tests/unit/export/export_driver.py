"""The test's side of export_driver: start it, tell it what to do, read what it counted."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

DRIVER, BACKEND = sys.argv[1], sys.argv[2]

if subprocess.run([DRIVER, "-b", BACKEND, "unix:///x"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 77:
    print("skipped: the kernel refuses", BACKEND)
    sys.exit(77)


class Driver:
    def __init__(self, endpoint, *options, user=None):
        self.errors = tempfile.TemporaryFile("w+")
        # Another user may not reach the build directory, below /root say.
        self.place = tempfile.TemporaryDirectory()
        os.chmod(self.place.name, 0o755)
        program = shutil.copy(DRIVER, self.place.name)
        self.process = subprocess.Popen(
            [program, "-b", BACKEND, *options, endpoint], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, user=user)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.answer()

    def answer(self):
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError("the driver has ended: %s\n%s" % (self.process.wait(), self.said()))
        return answer.strip()

    def submit(self, signal="traces", items=10, size=100):
        self.ask("submit %s %d %d" % (signal, items, size))

    def wait_idle(self):
        self.ask("idle")

    def counters(self, line=None):
        line = self.ask("counters") if line is None else line
        return {name: int(value) for name, value in (pair.split("=") for pair in line.split())}

    def quit(self):
        """The counters after the exporter was destroyed."""
        self.tell("quit")
        result = self.counters(self.answer())
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(30) != 0:
            raise AssertionError(self.said())
        return result

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            try:
                stream.close()
            except BrokenPipeError:
                pass


class ExporterTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="shmotel-export-")
        os.chmod(self.directory, 0o755)
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "otlp.sock")

    def driver(self, *options, endpoint=None, user=None):
        driver = Driver(endpoint or "unix://" + self.path, *options, user=user)
        self.addCleanup(driver.kill)
        return driver

    def assertCounted(self, counters, **expected):
        """Exactly these counters, so that nothing is counted twice or under a second name."""
        noise = {"EXPORT_RETRIES", "EXPORT_CONNECT_FAILED", "EXPORT_MAYBE_TWICE_SPANS", "EXPORT_MAYBE_TWICE_POINTS"} - set(expected)
        self.assertEqual({k: v for k, v in counters.items() if k not in noise}, expected)


def main():
    unittest.main(argv=[sys.argv[0], "-v"] + sys.argv[3:])
