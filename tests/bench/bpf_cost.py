#!/usr/bin/python3
"""In-kernel time of the capture programs per HTTP/1.1 request and response at one end, by BPF statistics.

    bpf_cost.py [--rounds N] [--seconds S] SENSOR [SENSOR...]

nginx and wrk over loopback, both ends watched; the sensors take turns, so that what the machine does meanwhile meets
all of them, and in alternating order. An empty program on the same tracepoint runs along, and its time per run is taken
off every run. One JSON line per program and one per sensor and round; the lines with "median" come last. Needs root,
nginx, wrk, bpftool.
"""
import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

STATISTICS = "/proc/sys/kernel/bpf_stats_enabled"
PORT = 18099
PROG_TYPE_TRACING, ATTACH_RAW_TP = 26, 23


class LoadOptions(ctypes.Structure):
    """struct bpf_prog_load_opts, as far as it is used."""
    _fields_ = [("sz", ctypes.c_size_t), ("attempts", ctypes.c_int), ("expected_attach_type", ctypes.c_int),
                ("prog_btf_fd", ctypes.c_uint32), ("prog_flags", ctypes.c_uint32), ("prog_ifindex", ctypes.c_uint32),
                ("kern_version", ctypes.c_uint32), ("attach_btf_id", ctypes.c_uint32),
                ("attach_prog_fd", ctypes.c_uint32), ("attach_btf_obj_fd", ctypes.c_uint32)]


@contextlib.contextmanager
def empty_program(hook=b"sys_exit"):
    """Attach `return 0` to a tracepoint; yields its descriptor."""
    libbpf = ctypes.CDLL("libbpf.so.1")
    options = LoadOptions(sz=ctypes.sizeof(LoadOptions), expected_attach_type=ATTACH_RAW_TP,
                          attach_btf_id=libbpf.libbpf_find_vmlinux_btf_id(hook, ATTACH_RAW_TP))
    code = b"\xb7" + bytes(7) + b"\x95" + bytes(7)  # r0 = 0; exit
    program = libbpf.bpf_prog_load(PROG_TYPE_TRACING, b"empty", b"GPL", code, ctypes.c_size_t(2),
                                   ctypes.byref(options))
    link = libbpf.bpf_raw_tracepoint_open(None, program)
    if link < 0:
        sys.exit("the empty program cannot be attached: root only, and a kernel with BTF")
    try:
        yield program
    finally:
        os.close(link)
        os.close(program)


@contextlib.contextmanager
def statistics_on():
    with open(STATISTICS) as file:
        before = file.read()
    with open(STATISTICS, "w") as file:
        file.write("1")
    try:
        yield
    finally:
        with open(STATISTICS, "w") as file:
            file.write(before)


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def nginx(directory):
    with open(f"{directory}/nginx.conf", "w") as file:
        file.write(f"""daemon off; worker_processes 1; error_log {directory}/error; pid {directory}/pid; user root;
events {{}}
http {{ access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{PORT}; location / {{ return 200 "hello, world\\n"; }} }} }}""")
    with running(["taskset", "-c", "0", "nginx", "-c", f"{directory}/nginx.conf"]) as process:
        yield process


@contextlib.contextmanager
def sensor(path, directory):
    command = [path, "--socket", f"{directory}/sensor.sock", "--allow-uid", "0", "--capture", "tracepoint"]
    with open(f"{directory}/log", "w+") as log, running(command, stderr=log) as process:
        for _ in range(100):
            log.seek(0)
            if "ready" in log.read():
                break
            time.sleep(0.1)
        else:
            sys.exit(f"{path} did not start: see its own words: {open(log.name).read()}")
        yield process


def descriptor_fields(pid, fd):
    with open(f"/proc/{pid}/fdinfo/{fd}") as file:
        return dict(re.findall(r"(\w+):\s+(\S+)", file.read()))


def runs_of(pid, fd):
    """(runs, ns) of the program behind a descriptor."""
    fields = descriptor_fields(pid, fd)
    return int(fields["run_cnt"]), int(fields["run_time_ns"])


def programs_of(pid):
    """id -> (runs, ns) of the programs that the process holds."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        fields = descriptor_fields(pid, fd)
        if "run_cnt" in fields:
            found[int(fields["prog_id"])] = (int(fields["run_cnt"]), int(fields["run_time_ns"]))
    return found


def program_name(identity):
    output = subprocess.run(["bpftool", "--json", "prog", "show", "id", str(identity)], capture_output=True, text=True)
    return json.loads(output.stdout).get("name", str(identity))


def load(seconds):
    """Returns the number of requests that were answered."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c16", f"-d{seconds}", f"http://127.0.0.1:{PORT}/"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(re.search(r"(\d+) requests in", output).group(1))


def emit(**values):
    print(json.dumps({key: round(value, 1) if isinstance(value, float) else value for key, value in values.items()}),
          flush=True)


def measure(path, seconds, directory):
    """Returns ns per request at one end, all programs."""
    total = 0.0
    with empty_program() as empty, sensor(path, directory) as process:
        load(1)
        before, empty_before = programs_of(process.pid), descriptor_fields("self", empty)
        requests = load(seconds)
        after, empty_after = programs_of(process.pid), descriptor_fields("self", empty)
        empty_ns = (int(empty_after["run_time_ns"]) - int(empty_before["run_time_ns"])) / \
                   (int(empty_after["run_cnt"]) - int(empty_before["run_cnt"]))
        for identity, (runs, ns) in after.items():
            runs -= before[identity][0]
            ns -= before[identity][1]
            if runs == 0:
                continue
            share = (ns - runs * empty_ns) / (2 * requests)
            total += share
            emit(sensor=path, program=program_name(identity), runs=runs, ns_per_run=ns / runs - empty_ns,
                 empty_ns=empty_ns, runs_per_request_and_end=runs / (2 * requests), ns_per_request_and_end=share)
    emit(sensor=path, requests_per_s=requests / seconds, empty_ns=empty_ns, ns_per_request_and_end=total)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("sensors", nargs="+", metavar="SENSOR")
    arguments = parser.parse_args()
    for tool in ("nginx", "wrk", "bpftool"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            print(f"skipped: {tool} is not installed")
            sys.exit(77)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    results = {path: [] for path in arguments.sensors}
    with tempfile.TemporaryDirectory() as directory, statistics_on(), nginx(directory):
        for turn in range(arguments.rounds):
            for path in arguments.sensors if turn % 2 == 0 else reversed(arguments.sensors):
                results[path].append(measure(path, arguments.seconds, directory))
    for path, values in results.items():
        emit(sensor=path, rounds=len(values), median=statistics.median(values), least=min(values), most=max(values))


if __name__ == "__main__":
    main()
