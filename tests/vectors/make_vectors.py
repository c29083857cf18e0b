#!/usr/bin/env python3
"""Write ring.vectors: ring images, and what every reader of them must find. Run it after a change of SPEC.md.

Records are packed here field by field as SPEC.md lists them, and what is expected is said beside them by hand: neither
of the readers under test has a part in it. README.md describes the form.
"""
import os
import struct

RING = 65536
PAGE = 65536


def padded(record):
    return record + bytes(-len(record) % 8)


def header(number, flags, rest, length=None):
    body = padded(bytes(8) + rest)
    return struct.pack("<IHH", len(body) if length is None else length, number, flags) + body[8:]


def process(command=b"", executable=b"", command_line=b"", cgroup=b"", container=b"", pod=b"", service=b"",
            attributes=b"", lengths=None):
    strings = (command, executable, command_line, cgroup, container, pod, service, attributes)
    return header(1, 0, struct.pack("<QQIIIIII8H", 7, 1700000000000000000, 4242, 1, 33, 12, 4026531836, 4026531840,
                                    *(lengths or map(len, strings))) + b"".join(strings))


def connection(family=1, role=1, path=b"", flags=0, local=b"\x7f\0\0\1", remote=b"\x0a\0\0\2", path_bytes=None):
    return header(3, flags, struct.pack("<QQQBBHHHII16s16s", 9, 7, 123456789, family, role, 8080, 54321,
                                        len(path) if path_bytes is None else path_bytes, 4026531840, 0, local,
                                        remote) + path)


def data(captured=b"", byte_count=None, offset=0, flags=0, captured_bytes=None):
    return header(4, flags, struct.pack("<QQQIHH", 9, 5, offset, len(captured) if byte_count is None else byte_count,
                                        len(captured) if captured_bytes is None else captured_bytes, 0) + captured)


def close(reason=0):
    return header(5, 0, struct.pack("<QQQQIB3x", 9, 6, 4096, 100, 3, reason))


def loss(stage=2):
    return header(6, 0, struct.pack("<QQQII", 8, 21, 4200, stage, 0))


def counters(values, count=None):
    return header(8, 0, struct.pack("<QII", 11, len(values) if count is None else count, 0) +
                  struct.pack("<%dQ" % len(values), *values))


CLOCK = header(7, 0, struct.pack("<QQQ", 1000, 1700000000000000000, 2000))
CLOCK_TEXT = "clock flags=0 monotonic_ns=1000 unix_ns=1700000000000000000 boot_ns=2000"
EXIT = header(2, 0, struct.pack("<QQ", 7, 99))
EXIT_TEXT = "process_exit flags=0 process_id=7 time_ns=99"
SNAPSHOT_END = header(9, 0, struct.pack("<QII", 12, 3, 4))
PROCESS_TEXT = ("process flags=0 process_id=7 start_time_unix_ns=1700000000000000000 pid=4242 parent_pid=1 uid=33 "
                "namespace_pid=12 pid_namespace=4026531836 net_namespace=4026531840 ")
CONNECTION_TEXT = "flags=%d connection_id=9 process_id=7 time_ns=123456789 family=%d role=%d local_port=8080 " \
                  "remote_port=54321 net_namespace=4026531840 "
NO_STRINGS = ('command="" executable="" command_line="" cgroup="" container_id="" pod_uid="" service_name="" '
              'resource_attributes=""')
DATA_TEXT = "data flags=%d connection_id=9 time_ns=5 offset=%d byte_count=%d captured=%s"


def connection_text(flags, family, role, local, remote, path=""):
    return ("connection " + CONNECTION_TEXT % (flags, family, role) +
            'local_address=%s remote_address=%s unix_path="%s"' % (local, remote, path))


IPV4 = ("7f000001" + "00" * 12, "0a000002" + "00" * 12)

# name, record, what a reader makes of it
RECORDS = [
    ("process_with_every_string",
     process(b"nginx", b"/usr/sbin/nginx", b"nginx\0-g\0daemon off;", b"/system.slice/nginx.service", b"ab" * 32,
             b"7d9c1c1e-0000-4000-8000-000000000001", b"shop", b"deployment.environment=test"),
     PROCESS_TEXT + 'command="nginx" executable="/usr/sbin/nginx" command_line="nginx\\x00-g\\x00daemon off;" '
     'cgroup="/system.slice/nginx.service" container_id="' + "ab" * 32 +
     '" pod_uid="7d9c1c1e-0000-4000-8000-000000000001" service_name="shop" '
     'resource_attributes="deployment.environment=test"'),
    ("process_without_strings", process(), PROCESS_TEXT + NO_STRINGS),
    ("process_with_strings_of_any_byte", process(command=b'\xff"\\\n\xc3\xa9'),
     PROCESS_TEXT + NO_STRINGS.replace('command=""', 'command="\\xff\\x22\\x5c\\x0a\\xc3\\xa9"')),
    ("process_with_the_longest_command", process(command=b"c" * 16),
     PROCESS_TEXT + NO_STRINGS.replace('command=""', 'command="%s"' % ("c" * 16))),
    ("process_with_a_command_past_its_limit", process(command=b"c" * 17), "refused counts"),
    ("process_with_an_executable_past_its_limit", process(executable=b"e" * 1025), "refused counts"),
    ("process_with_a_command_line_past_its_limit", process(command_line=b"l" * 4097), "refused counts"),
    ("process_with_a_cgroup_past_its_limit", process(cgroup=b"g" * 1025), "refused counts"),
    ("process_with_a_container_id_past_its_limit", process(container=b"i" * 129), "refused counts"),
    ("process_with_a_pod_uid_past_its_limit", process(pod=b"u" * 65), "refused counts"),
    ("process_with_a_service_name_past_its_limit", process(service=b"s" * 257), "refused counts"),
    ("process_with_attributes_past_their_limit", process(attributes=b"a" * 4097), "refused counts"),
    ("process_whose_counts_pass_its_length", process(lengths=(0, 0, 0, 0, 0, 0, 0, 8)), "refused counts"),
    ("process_whose_counts_each_fit_but_not_together", process(command=b"12345678", lengths=(8, 0, 0, 0, 0, 0, 8, 0)),
     "refused counts"),
    ("process_shorter_than_its_fixed_part", header(1, 0, bytes(48)), "refused short"),
    ("process_exit", EXIT, EXIT_TEXT),
    ("process_exit_with_bytes_behind_what_is_known", header(2, 0, struct.pack("<QQ", 7, 99) + b"\xee" * 8), EXIT_TEXT),
    ("process_exit_shorter_than_its_fixed_part", header(2, 0, bytes(8)), "refused short"),
    ("connection_ipv4", connection(), connection_text(0, 1, 1, *IPV4)),
    ("connection_ipv6", connection(family=2, role=2, local=bytes(15) + b"\1", remote=bytes(range(16))),
     connection_text(0, 2, 2, "00" * 15 + "01", bytes(range(16)).hex())),
    ("connection_unix", connection(family=3, role=0, path=b"@shop", local=b"", remote=b""),
     connection_text(0, 3, 0, "00" * 16, "00" * 16, "@shop")),
    ("connection_with_the_longest_path", connection(family=3, role=2, path=b"p" * 108, local=b"", remote=b""),
     connection_text(0, 3, 2, "00" * 16, "00" * 16, "p" * 108)),
    ("connection_with_flags_known_and_unknown", connection(flags=0x8007), connection_text(0x8007, 1, 1, *IPV4)),
    ("connection_with_a_path_past_its_limit", connection(family=3, path=b"p" * 109), "refused counts"),
    ("connection_whose_path_passes_its_length", connection(family=3, path_bytes=1), "refused counts"),
    ("connection_of_family_0", connection(family=0), "refused value"),
    ("connection_of_family_4", connection(family=4), "refused value"),
    ("connection_of_role_3", connection(role=3), "refused value"),
    ("connection_shorter_than_its_fixed_part", header(3, 0, bytes(64)), "refused short"),
    ("data_received", data(b"GET / HTTP/1.1\r\n\r\n"), DATA_TEXT % (0, 0, 18, '"GET / HTTP/1.1\\x0d\\x0a\\x0d\\x0a"')),
    ("data_sent_with_a_hole", data(b"abc", byte_count=1000000, offset=1 << 40, flags=1),
     DATA_TEXT % (1, 1 << 40, 1000000, '"abc"')),
    ("data_end_of_stream", data(flags=3, offset=77), DATA_TEXT % (3, 77, 0, '""')),
    ("data_with_the_most_captured", data(b"x" * 16384), DATA_TEXT % (0, 0, 16384, '"%s"' % ("x" * 16384))),
    ("data_with_more_captured_than_may_be", data(b"x" * 16385), "refused counts"),
    ("data_with_more_captured_than_there_are", data(captured_bytes=8, byte_count=8), "refused counts"),
    ("data_with_more_captured_than_counted", data(b"12345678", byte_count=7), "refused counts"),
    ("data_that_ends_at_the_last_position", data(byte_count=15, offset=(1 << 64) - 16),
     DATA_TEXT % (0, (1 << 64) - 16, 15, '""')),
    ("data_that_passes_the_last_position", data(byte_count=16, offset=(1 << 64) - 16), "refused value"),
    ("data_shorter_than_its_fixed_part", header(4, 0, bytes(24)), "refused short"),
    ("connection_close", close(), "connection_close flags=0 connection_id=9 time_ns=6 sent_bytes=4096 "
     "received_bytes=100 retransmits=3 reason=0"),
    ("connection_close_for_reason_3", close(3), "refused value"),
    ("connection_close_shorter_than_its_fixed_part", header(5, 0, bytes(32)), "refused short"),
    ("loss", loss(), "loss flags=0 time_ns=8 records=21 bytes=4200 stage=2"),
    ("loss_at_stage_0", loss(0), "refused value"),
    ("loss_at_stage_4", loss(4), "refused value"),
    ("loss_shorter_than_its_fixed_part", header(6, 0, bytes(24)), "refused short"),
    ("clock", CLOCK, CLOCK_TEXT),
    ("clock_shorter_than_its_fixed_part", header(7, 0, bytes(16)), "refused short"),
    ("counters", counters((1, 2, (1 << 64) - 1)), "counters flags=0 time_ns=11 values=1,2,18446744073709551615"),
    ("counters_none", counters(()), "counters flags=0 time_ns=11 values="),
    ("counters_whose_count_passes_the_length", counters((1, 2), count=3), "refused counts"),
    ("counters_whose_count_times_8_wraps_32_bits", counters((1, 2), count=0x20000001), "refused counts"),
    ("counters_shorter_than_its_fixed_part", header(8, 0, bytes(8)), "refused short"),
    ("snapshot_end", SNAPSHOT_END, "snapshot_end flags=0 time_ns=12 processes=3 connections=4"),
    ("snapshot_end_shorter_than_its_fixed_part", header(9, 0, bytes(8)), "refused short"),
    ("type_0", header(0, 0, b""), "refused unknown_type"),
    ("type_10", header(10, 0, bytes(24)), "refused unknown_type"),
    ("type_65535", header(65535, 0, bytes(8)), "refused unknown_type"),
]

# name, where the reader stands, tail, what stands in the ring from there on, what a reader makes of it
RINGS = [
    ("empty", 0, 0, b"", []),
    ("records_in_a_row", 0, 80, CLOCK + EXIT + SNAPSHOT_END,
     [CLOCK_TEXT, EXIT_TEXT, "snapshot_end flags=0 time_ns=12 processes=3 connections=4"]),
    ("a_refused_record_does_not_end_the_session", 0, 96, loss(0) + CLOCK + EXIT,
     ["refused value", CLOCK_TEXT, EXIT_TEXT]),
    ("what_is_behind_the_tail_is_not_there", 0, 32, CLOCK + EXIT, [CLOCK_TEXT]),
    ("a_record_that_ends_with_the_ring", RING - 32, RING + 24, CLOCK + EXIT, [CLOCK_TEXT, EXIT_TEXT]),
    ("a_record_across_the_end", RING - 8, RING + 48, CLOCK + EXIT, [CLOCK_TEXT, EXIT_TEXT]),
    ("a_record_across_the_end_of_the_third_lap", 3 * RING - 16, 3 * RING + 16, CLOCK, [CLOCK_TEXT]),
    ("the_longest_record", 0, 32768, header(2, 0, struct.pack("<QQ", 7, 99) + bytes(32768 - 24)), [EXIT_TEXT]),
    ("a_full_ring", 24, RING + 24, header(2, 0, struct.pack("<QQ", 7, 99) + bytes(32768 - 24)) * 2,
     [EXIT_TEXT, EXIT_TEXT]),
    ("a_tail_beyond_the_capacity", 0, RING + 8, CLOCK, ["violation"]),
    ("a_tail_behind_the_head", 64, 56, CLOCK, ["violation"]),
    ("a_tail_that_is_no_multiple_of_8", 0, 36, CLOCK, ["violation"]),
    ("a_tail_of_all_ones", 0, (1 << 64) - 8, CLOCK, ["violation"]),
    ("a_length_of_0", 0, 32, bytes(32), ["violation"]),
    ("a_length_below_a_header", 0, 32, header(7, 0, bytes(24), length=4), ["violation"]),
    ("a_length_that_is_no_multiple_of_8", 0, 32, header(7, 0, bytes(24), length=28), ["violation"]),
    ("a_length_that_passes_the_tail", 0, 56, CLOCK + header(2, 0, bytes(16), length=32), [CLOCK_TEXT, "violation"]),
    ("a_length_past_the_longest", 0, 40000, header(2, 0, bytes(16), length=32776), ["violation"]),
    ("a_length_of_all_ones", 0, 32, header(7, 0, bytes(24), length=0xFFFFFFF8), ["violation"]),
]

# name, offset and bytes to change in the page, seals of data and control, bytes in the data memfd, the outcome
ATTACHES = [
    ("another_minor_version", (10, struct.pack("<H", 99)), 0x17, 7, 0, "ok"),
    ("fields_in_reserved_space", (40, b"\xff" * 8), 0x17, 7, 0, "ok"),
    ("a_smaller_longest_record", (24, struct.pack("<I", 4096)), 0x17, 7, 0, "ok"),
    ("no_magic_yet", (0, bytes(8)), 0x17, 7, 0, "magic"),
    ("another_magic", (0, b"\2"), 0x17, 7, 0, "magic"),
    ("another_major_version", (8, struct.pack("<H", 2)), 0x17, 7, 0, "version"),
    ("another_byte_order", (12, b"\1\2\3\4"), 0x17, 7, 0, "version"),
    ("another_alignment", (28, struct.pack("<I", 16)), 0x17, 7, 0, "version"),
    ("longer_records_than_a_reader_holds", (24, struct.pack("<I", 32776)), 0x17, 7, 0, "version"),
    ("another_size_in_the_page", (16, struct.pack("<Q", 2 * RING)), 0x17, 7, 0, "size"),
    ("a_data_file_that_is_too_short", None, 0x17, 7, -4096, "size"),
    ("a_data_file_that_is_too_long", None, 0x17, 7, 4096, "size"),
    ("data_that_can_shrink", None, 0x15, 7, 0, "seals"),
    ("data_that_can_grow", None, 0x13, 7, 0, "seals"),
    ("data_that_can_be_mapped_for_writing", None, 0x07, 7, 0, "seals"),
    ("data_whose_seals_can_change", None, 0x16, 7, 0, "seals"),
    ("control_that_can_shrink", None, 0x17, 5, 0, "seals"),
    ("control_that_can_grow", None, 0x17, 3, 0, "seals"),
    ("control_whose_seals_can_change", None, 0x17, 6, 0, "seals"),
]


def page(tail, change=None):
    made = bytearray(384)
    struct.pack_into("<QHHIQIIQ", made, 0, 0x4C45544F4D485301, 1, 0, 0x01020304, RING, 32768, 8, 0x1122334455667788)
    struct.pack_into("<Q", made, 128, tail)
    if change is not None:
        made[change[0]:change[0] + len(change[1])] = change[1]
    return made


def put(out, offset, content):
    """The parts that are not zero, 64 bytes a line."""
    for at in range(0, len(content), 64):
        if any(content[at:at + 64]):
            out.append("data %d %s" % (offset + at, bytes(content[at:at + 64]).hex()))


def vector(name, head=0, tail=0, content=b"", change=None, seals=(0x17, 7), more_bytes=0, attach="ok", found=()):
    out = ["vector " + name, "ring_bytes %d" % RING, "data_bytes %d" % (PAGE + RING + more_bytes),
           "seals %d %d" % seals, "head %d" % head]
    put(out, 0, page(tail, change))
    at = head % RING
    put(out, PAGE + at, content[:RING - at])
    put(out, PAGE, content[RING - at:])
    out.append("attach " + attach)
    out += ["read " + line for line in found]
    return "\n".join(out + ["end", ""])


def main():
    text = ["# Written by make_vectors.py; README.md describes the form.\n"]
    text += [vector(name, tail=len(record), content=record, found=[found]) for name, record, found in RECORDS]
    text += [vector(name, head, tail, content, found=found) for name, head, tail, content, found in RINGS]
    text += [vector("attach_" + name, change=change, seals=(data_seals, control_seals), more_bytes=more, attach=outcome)
             for name, change, data_seals, control_seals, more, outcome in ATTACHES]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ring.vectors"), "w") as file:
        file.write("\n".join(text))


if __name__ == "__main__":
    main()
