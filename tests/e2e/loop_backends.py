"""The receiver's loop works on io_uring and on epoll, and falls back by itself where io_uring is forbidden."""
import pathlib

from harness import Skip, check, main
from peers import Collector, Nginx, curl, wrk
from telemetry import CLIENT, SERVER, Telemetry


def send_and_see(host, *options):
    collector, nginx = Collector(host).start(), Nginx(host)
    host.sensor()
    receiver = host.receiver(collector.export, options=options)
    telemetry = Telemetry(collector.output)
    answered = wrk(host, f"{nginx.url}/load", 2000)
    telemetry.wait_spans("/load", answered, SERVER)
    curl(host, f"{nginx.url}/one")
    telemetry.wait_span("/one", CLIENT)
    return receiver


def uses_io_uring(process):
    links = pathlib.Path(f"/proc/{process.pid}/fd").iterdir()
    return any("io_uring" in str(link.readlink()) for link in links)


def io_uring_may_be_used():
    setting = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
    return not setting.exists() or setting.read_text().strip() == "0"


def the_loop_runs_on_io_uring(host):
    if not io_uring_may_be_used():
        raise Skip("io_uring is disabled by kernel.io_uring_disabled")
    check(uses_io_uring(send_and_see(host, "--loop", "io_uring")), "the receiver holds an io_uring")


def the_loop_runs_on_epoll(host):
    check(not uses_io_uring(send_and_see(host, "--loop", "epoll")), "the receiver holds no io_uring")


main(the_loop_runs_on_io_uring, the_loop_runs_on_epoll)
