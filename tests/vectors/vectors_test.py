#!/usr/bin/env python3
"""Pass every vector of ring.vectors through the reader in Python."""
import fcntl
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "python_reader"))

import shm_reader  # noqa: E402


def vectors():
    """(name, lines) of each."""
    with open(os.path.join(HERE, "ring.vectors")) as file:
        for block in file.read().split("\nvector ")[1:]:
            name, *lines = block.split("\nend\n")[0].split("\n")
            yield name, [line.split(" ", 1) for line in lines]


def image(lines):
    """The two memfds."""
    data, control = (os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) for name in ("data", "control"))
    os.ftruncate(control, shm_reader.CONTROL_BYTES)
    for key, value in lines:
        if key == "data_bytes":
            os.ftruncate(data, int(value))
        elif key == "data":
            offset, content = value.split()
            os.pwrite(data, bytes.fromhex(content), int(offset))
    for fd, seals in zip((data, control), dict(lines)["seals"].split()):
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, int(seals))
    return data, control


def read_all(ring):
    while True:
        try:
            record = ring.next()
        except shm_reader.Violation:
            yield "violation"
            return
        if record is None:
            return
        try:
            yield shm_reader.record_text(shm_reader.record_decode(record))
        except shm_reader.Refused as why:
            yield "refused %s" % why


class Vectors(unittest.TestCase):
    def run_vector(self, lines):
        keys = dict(lines)
        data, control = image(lines)
        try:
            ring = shm_reader.Ring(data, control, int(keys["ring_bytes"]))
        except shm_reader.Refused as why:
            self.assertEqual(keys["attach"], str(why))
            return
        finally:
            os.close(data)
            os.close(control)
        self.assertEqual(keys["attach"], "ok")
        ring.head = ring.released = ring.tail_seen = int(keys["head"])
        self.assertEqual([value for key, value in lines if key == "read"], list(read_all(ring)))


for _name, _lines in vectors():
    setattr(Vectors, "test_" + _name, lambda self, lines=_lines: self.run_vector(lines))

if __name__ == "__main__":
    unittest.main()
