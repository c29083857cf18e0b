"""A wrong option gets one sentence and a non-zero exit; --check-config says what is in force."""
import os
import pwd
import shutil
import subprocess

from harness import RECEIVER_USER, check, check_equal, main, wait_for


def run(program, *arguments, config=None, user=None, env=None):
    if config:
        arguments = ("--config", config, *arguments)
    return subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20,
                          stdin=subprocess.DEVNULL, user=user, env={**os.environ, **(env or {})})


def copies(host):
    """The two programs where the unprivileged user can reach them, whatever the build directory allows."""
    return [shutil.copy(host.bin / name, host.out) for name in ("shmotel-sensor", "shmotel-receiver")]


def check_refused(name, done, *words):
    check(done.returncode not in (0, 77) and done.returncode > 0, f"{name}: exit code {done.returncode}")
    lines = done.stderr.strip().splitlines()
    check_equal(len(lines), 1, f"{name}: lines on stderr {lines}")
    missing = [word for word in words if word not in lines[0]]
    check(not missing, f"{name}: {lines[0]!r} does not mention {missing}")


def a_wrong_option_is_answered_with_one_sentence(host):
    sensor, receiver = host.bin / "shmotel-sensor", host.bin / "shmotel-receiver"
    file = host.directory / "shmotel.yaml"
    elsewhere = str(host.directory / "nowhere" / "deeper" / "sensor.sock")
    cases = [
        # name, program, text of the configuration file, arguments, words of the answer
        ("unknown flag", sensor, None, ["--no-such-flag"], ["--no-such-flag"]),
        ("unknown flag", receiver, None, ["--no-such-flag"], ["--no-such-flag"]),
        ("capture mode", sensor, None, ["--capture", "magic"], ["magic", "tracepoint"]),
        ("user", sensor, None, ["--allow-uid", "no-such-user"], ["no-such-user"]),
        ("user", receiver, None, ["--user", "no-such-user"], ["no-such-user"]),
        ("socket path", sensor, None, ["--socket", "/" + "x" * 200], ["107"]),
        ("socket directory", sensor, None, ["--socket", elsewhere], ["nowhere"]),
        ("exporter", receiver, None, ["--export", "carrier-pigeon:coop"], ["carrier-pigeon"]),
        ("key", sensor, "sensor:\n  sokcet: /run/x.sock\n", [], ["sokcet"]),
        ("key", receiver, "receiver:\n  exprot: [console]\n", [], ["exprot"]),
        ("type", sensor, "sensor:\n  connections_max: many\n", [], ["connections_max", "many"]),
        ("file", sensor, None, ["--config", "/nowhere/shmotel.yaml"], ["/nowhere/shmotel.yaml"]),
    ]
    for name, program, text, arguments, words in cases:
        if text:
            file.write_text(text)
        done = run(program, *arguments, config=file if text else None)
        check_refused(f"{program.name}: {name}", done, *words)


def a_sensor_without_privilege_says_what_it_needs(host):
    done = run(copies(host)[0], "--socket", str(host.out / "s.sock"), user=RECEIVER_USER)
    check_refused("unprivileged sensor", done)


def a_receiver_of_the_wrong_user_is_told_what_to_do_and_gets_nothing(host):
    sensor = host.start([host.bin / "shmotel-sensor", "--socket", host.socket, "--allow-uid", "1"])
    sensor.wait_output("ready:")
    receiver = host.start_receiver()
    uid = pwd.getpwnam(RECEIVER_USER).pw_uid
    wait_for("the sentence", lambda: f"--allow-uid {uid}" in receiver.output())
    check("attached" not in receiver.output() + sensor.output(), "nobody is attached")


def check_config_reads_everything_and_starts_nothing(host):
    file = host.directory / "shmotel.yaml"
    file.write_text(f"sensor:\n  socket: {host.socket}\n  capture_bytes: 2KiB\n"
                    f"receiver:\n  socket: {host.socket}\n  export: [console]\n")
    for name in copies(host):
        done = run(name, "--check-config", config=file, user=RECEIVER_USER)
        check_equal(done.returncode, 0, f"exit code of {name} --check-config: {done.stderr}")
        check(str(host.socket) in done.stdout, f"{name} --check-config shows the socket: {done.stdout}")
    check(not host.socket.exists(), "no socket was made")


def flags_win_over_the_environment_and_that_over_the_file(host):
    file = host.directory / "shmotel.yaml"
    file.write_text("sensor:\n  socket: /from/file.sock\n")
    program = host.bin / "shmotel-sensor"
    environment = {"SHMOTEL_SOCKET": "/from/environment.sock"}
    for winner, how in (("/from/file.sock", {}), ("/from/environment.sock", {"env": environment})):
        check(winner in run(program, "--check-config", config=file, **how).stdout, f"{winner} is in force")
    done = run(program, "--check-config", "--socket", "/from/flag.sock", config=file, env=environment)
    check("/from/flag.sock" in done.stdout, "/from/flag.sock is in force")


def help_and_version_need_nothing(host):
    for name in copies(host):
        for flag in ("--help", "--version"):
            done = run(name, flag, user=RECEIVER_USER)
            check_equal((done.returncode, done.stderr), (0, ""), f"{name} {flag}")
            check(os.path.basename(name) in done.stdout, f"{name} {flag} names itself: {done.stdout[:200]}")


main(a_wrong_option_is_answered_with_one_sentence, a_sensor_without_privilege_says_what_it_needs,
     a_receiver_of_the_wrong_user_is_told_what_to_do_and_gets_nothing,
     check_config_reads_everything_and_starts_nothing,
     flags_win_over_the_environment_and_that_over_the_file, help_and_version_need_nothing)
