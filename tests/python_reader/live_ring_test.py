#!/usr/bin/env python3
"""Attach the Python reader to a live ring that C code writes, and compare every record that crosses."""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

FEED = sys.argv.pop(1)
READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shm_reader.py")
TYPES = {"process", "process_exit", "connection", "data", "connection_close", "loss", "clock", "counters",
         "snapshot_end"}


class LiveRing(unittest.TestCase):
    def both(self, *options):
        """What was written, what was read."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "sensor.sock")
            feed = subprocess.Popen([FEED, path], stdout=subprocess.PIPE, text=True)
            try:
                deadline = time.monotonic() + 20
                while not os.path.exists(path) and feed.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.01)
                # To a file: a pipe that nobody empties would hold the writer.
                with open(os.path.join(directory, "read"), "w+") as read:
                    reader = subprocess.Popen([READER, "--socket", path, *options], stdout=read)
                    written = feed.communicate(timeout=60)[0].splitlines()
                    self.assertEqual(reader.wait(timeout=60), 0)
                    self.assertEqual(feed.returncode, 0)
                    read.seek(0)
                    return written, read.read().splitlines()
            finally:
                feed.kill()
                feed.wait()

    def test_every_record_of_every_type_is_read_as_it_was_written(self):
        written, read = self.both("--text")
        self.assertEqual(written, read)
        self.assertEqual({line.split(" ", 1)[0] for line in written}, TYPES)

    def test_records_are_printed_as_lines_of_json(self):
        written, read = self.both()
        records = [json.loads(line) for line in read]
        self.assertEqual([line.split(" ", 1)[0] for line in written], [record["type"] for record in records])
        process = next(record for record in records if record["type"] == "process")
        self.assertEqual(process["executable"], "/usr/sbin/nginx")
        unix = next(record for record in records if record.get("family") == 3)
        self.assertEqual(unix["unix_path"].encode("utf-8", "surrogateescape"), b"@a\xff path")


if __name__ == "__main__":
    unittest.main()
