#!/usr/bin/env python3
"""Read a shmotel ring: a second implementation of a reader, made from shm-protocol/SPEC.md alone.

As a command it attaches to a sensor and prints each record as one line of JSON, until the sensor goes:

    shm_reader.py [--socket /run/shmotel/sensor.sock] [--text] [--records N]

Numbers in brackets are sections of SPEC.md.
"""
import argparse
import ctypes
import fcntl
import json
import mmap
import os
import platform
import select
import socket
import stat
import struct
import sys

MAGIC = 0x4C45544F4D485301
MAJOR = 1
ENDIAN_TAG = 0x01020304
PAGE_BYTES = 65536
CONTROL_BYTES = 4096
RING_BYTES_MIN, RING_BYTES_MAX = 65536, 1 << 30
ALIGN = 8
RECORD_BYTES_MAX = 32768
CAPTURE_BYTES_MAX = 16384

F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE = 1, 2, 4, 16
CONTROL_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL
DATA_SEALS = CONTROL_SEALS | F_SEAL_FUTURE_WRITE

# [5] type: name, bytes of the fixed part, fields "offset name code" with the codes of struct (16s: an address)
TYPES = {
    1: ("process", 64, "8 process_id Q, 16 start_time_unix_ns Q, 24 pid I, 28 parent_pid I, 32 uid I,"
                       "36 namespace_pid I, 40 pid_namespace I, 44 net_namespace I"),
    2: ("process_exit", 24, "8 process_id Q, 16 time_ns Q"),
    3: ("connection", 80, "8 connection_id Q, 16 process_id Q, 24 time_ns Q, 32 family B, 33 role B,"
                          "34 local_port H, 36 remote_port H, 40 net_namespace I, 48 local_address 16s,"
                          "64 remote_address 16s"),
    4: ("data", 40, "8 connection_id Q, 16 time_ns Q, 24 offset Q, 32 byte_count I"),
    5: ("connection_close", 48, "8 connection_id Q, 16 time_ns Q, 24 sent_bytes Q, 32 received_bytes Q,"
                                "40 retransmits I, 44 reason B"),
    6: ("loss", 40, "8 time_ns Q, 16 records Q, 24 bytes Q, 32 stage I"),
    7: ("clock", 32, "8 monotonic_ns Q, 16 unix_ns Q, 24 boot_ns Q"),
    8: ("counters", 24, "8 time_ns Q"),
    9: ("snapshot_end", 24, "8 time_ns Q, 16 processes I, 20 connections I"),
}

# [5, 6] type: counted bytes that follow the fixed part, in order: (offset of the u16 length, name, limit)
COUNTED = {
    1: ((48, "command", 16), (50, "executable", 1024), (52, "command_line", 4096), (54, "cgroup", 1024),
        (56, "container_id", 128), (58, "pod_uid", 64), (60, "service_name", 256),
        (62, "resource_attributes", 4096)),
    3: ((38, "unix_path", 108),),
    4: ((36, "captured", CAPTURE_BYTES_MAX),),
}

# [5] the values that are listed
LISTED = {
    "connection": {"family": (1, 2, 3), "role": (0, 1, 2)},
    "connection_close": {"reason": (0, 1, 2)},
    "loss": {"stage": (1, 2, 3)},
}


class Refused(Exception):
    """A record or a ring that is not acceptable; the argument says why, in one word."""


class Violation(Exception):
    """The writer broke the protocol: the session is over."""


def full_fence():
    """What precedes happens before what follows. Python has no fence of its own; membarrier(2) is one."""
    numbers = {"x86_64": 324, "aarch64": 283}
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(numbers[platform.machine()], 1, 0, 0) != 0:  # MEMBARRIER_CMD_GLOBAL
        raise OSError(ctypes.get_errno(), "membarrier")


def order_fence():
    """Acquire and release. A processor that keeps loads and stores in order needs nothing."""
    if platform.machine() != "x86_64":
        full_fence()


def record_decode(record):
    """The fields of one record, copied out of the ring; Refused if it is not one [5]."""
    length, number, flags = struct.unpack_from("=IHH", record)
    if number not in TYPES:
        raise Refused("unknown_type")
    name, fixed_bytes, fields = TYPES[number]
    if length != len(record) or length < fixed_bytes:
        raise Refused("short")
    decoded = {"type": name, "flags": flags}
    for field in fields.split(","):
        offset, key, code = field.split()
        decoded[key] = struct.unpack_from("=" + code, record, int(offset))[0]
    at = fixed_bytes
    for offset, key, limit in COUNTED.get(number, ()):
        count = struct.unpack_from("=H", record, offset)[0]
        if count > limit or count > length - at:
            raise Refused("counts")
        decoded[key] = bytes(record[at:at + count])
        at += count
    if name == "counters":
        count = struct.unpack_from("=I", record, 16)[0]
        if count > (length - at) // 8:
            raise Refused("counts")
        decoded["values"] = list(struct.unpack_from("=%dQ" % count, record, at))
    if name == "data":
        if len(decoded["captured"]) > decoded["byte_count"]:
            raise Refused("counts")
        if decoded["offset"] + decoded["byte_count"] >= 1 << 64:
            raise Refused("value")
    for key, values in LISTED.get(name, {}).items():
        if decoded[key] not in values:
            raise Refused("value")
    return decoded


def record_text(decoded):
    """One line for comparing readers: numbers in decimal, addresses in hex, bytes quoted with \\xNN where needed."""
    def text(key, value):
        if key.endswith("_address"):
            return value.hex()
        if isinstance(value, bytes):
            return '"%s"' % "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else "\\x%02x" % b for b in value)
        if isinstance(value, list):
            return ",".join(map(str, value))
        return str(value)

    return " ".join([decoded["type"]] + ["%s=%s" % (key, text(key, value)) for key, value in decoded.items()
                                         if key != "type"])


def record_json(decoded):
    """One line of JSON. Bytes captured from a stream are hex, strings are UTF-8 as far as they go."""
    def plain(key, value):
        if key in ("captured", "local_address", "remote_address"):
            return value.hex()
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value

    return json.dumps({key: plain(key, value) for key, value in decoded.items()})


class Ring:
    """One generation: both memfds, checked [2.2] and mapped."""

    def __init__(self, data_fd, control_fd, ring_bytes):
        if not all((fcntl.fcntl(fd, fcntl.F_GET_SEALS) & seals) == seals
                   for fd, seals in ((data_fd, DATA_SEALS), (control_fd, CONTROL_SEALS))):
            raise Refused("seals")
        valid = RING_BYTES_MIN <= ring_bytes <= RING_BYTES_MAX and ring_bytes & (ring_bytes - 1) == 0
        for fd, wanted in ((data_fd, PAGE_BYTES + ring_bytes), (control_fd, CONTROL_BYTES)):
            status = os.fstat(fd)
            if not valid or not stat.S_ISREG(status.st_mode) or status.st_size != wanted:
                raise Refused("size")
        data = memoryview(mmap.mmap(data_fd, PAGE_BYTES + ring_bytes, mmap.MAP_SHARED, mmap.PROT_READ))
        control = memoryview(mmap.mmap(control_fd, CONTROL_BYTES, mmap.MAP_SHARED))
        # Each item of such a view is read and written by one machine access.
        self.words = data[:PAGE_BYTES].cast("Q")
        self.lengths = data[PAGE_BYTES:].cast("I")
        self.bytes = data[PAGE_BYTES:]
        self.head_word = control[:8].cast("Q")
        self.asleep_word = control[128:132].cast("I")
        self.ring_bytes = ring_bytes
        self.head = self.released = self.tail_seen = 0
        self.page_check(bytes(data[:384]))

    def page_check(self, page):
        magic, major, _minor, endian, ring_bytes, record_bytes_max, align, self.generation = struct.unpack_from(
            "=QHHIQIIQ", page)
        if magic != MAGIC:
            raise Refused("magic")
        if major != MAJOR or endian != ENDIAN_TAG or align != ALIGN or record_bytes_max > RECORD_BYTES_MAX:
            raise Refused("version")
        if ring_bytes != self.ring_bytes:
            raise Refused("size")

    def tail(self):
        value = self.words[128 // 8]
        order_fence()
        return value

    def next(self):
        """The next record, copied out; None if there is none [3.2]."""
        if self.head == self.tail_seen:
            tail = self.tail()
            if tail % ALIGN != 0 or not 0 <= tail - self.head <= self.ring_bytes:
                raise Violation("tail")
            self.tail_seen = tail
            if tail == self.head:
                return None
        at = self.head % self.ring_bytes
        length = self.lengths[at // 4]
        if length % ALIGN != 0 or not 8 <= length <= RECORD_BYTES_MAX or length > self.tail_seen - self.head:
            raise Violation("length")
        record = bytes(self.bytes[at:at + length])
        record += bytes(self.bytes[:length - len(record)])
        self.head += length
        if self.head - self.released >= self.ring_bytes // 8:
            self.release()
        return struct.pack("=I", length) + record[4:]

    def release(self):
        order_fence()
        self.head_word[0] = self.released = self.head

    def sleep(self):
        """True: nothing is left to read, and the bell will be rung [3.3]."""
        self.release()
        self.asleep_word[0] = 1
        full_fence()
        if self.tail() == self.head:
            return True
        self.wake()
        return False

    def wake(self):
        self.asleep_word[0] = 0


def attach(path):
    """Ask the sensor at `path` for its ring [2]: (connection, ring, doorbell)."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    message, fds, flags, _ = socket.recv_fds(connection, 49, 4, socket.MSG_CMSG_CLOEXEC)
    try:
        if len(message) != 48 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise Refused("message")
        magic, major, _minor, status, generation, ring_bytes, _pid, _uid, other_pid, _ = struct.unpack(
            "=QHHIQQIIII", message)
        if magic != MAGIC or major != MAJOR:
            raise Refused("version")
        if status != 0:
            raise Refused({1: "busy: pid %d reads" % other_pid, 2: "refused", 3: "failed"}.get(status, "status"))
        if len(fds) != 3:
            raise Refused("descriptors")
        ring = Ring(fds[0], fds[1], ring_bytes)
        if ring.generation != generation:
            raise Refused("generation")
        return connection, ring, select.epoll.fromfd(os.dup(fds[2]))
    finally:
        for fd in fds:
            os.close(fd)


def records(path):
    """Every record of one generation, as bytes, to its end."""
    connection, ring, doorbell = attach(path)
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(doorbell, select.POLLIN)
    ended = False
    while True:
        record = ring.next()
        if record is not None:
            yield record
            continue
        ring.release()
        if ended:
            return
        if not ring.sleep():
            continue
        ready = dict(poll.poll())
        ring.wake()
        if doorbell.fileno() in ready:
            doorbell.poll(0)  # silences it [3.4]
        # What had been published before the end may still be read [2.3].
        ended = connection.fileno() in ready


def main():
    parser = argparse.ArgumentParser(description="Print the records of a shmotel-sensor, one line of JSON each.")
    parser.add_argument("--socket", default="/run/shmotel/sensor.sock")
    parser.add_argument("--text", action="store_true", help="the form of tests/vectors instead of JSON")
    parser.add_argument("--records", type=int, default=0, help="stop after this many")
    options = parser.parse_args()
    form = record_text if options.text else record_json
    try:
        for number, record in enumerate(records(options.socket), 1):
            try:
                print(form(record_decode(record)), flush=True)
            except Refused as why:
                print("refused %s" % why, file=sys.stderr)
            if number == options.records:
                break
    except (OSError, Refused, Violation) as problem:
        sys.exit("shm_reader.py: %s: %s" % (options.socket, problem or type(problem).__name__))


if __name__ == "__main__":
    main()
