"""The Collector comes late, dies, and comes back: spans wait for it, and those that cannot are counted."""
import signal

from harness import check, check_equal, counter_sum, main, wait_for
from peers import Collector, Nginx, curl
from telemetry import Telemetry


def spans_wait_for_a_collector_that_comes_later(host):
    collector, nginx = Collector(host), Nginx(host)
    host.sensor()
    receiver = host.receiver(collector.export)
    curl(host, f"{nginx.url}/before-the-collector")
    wait_for("a failed connection to be counted",
             lambda: counter_sum(receiver.counters(), "shmotel.exporter.connect_failures") > 0)
    collector.start()
    Telemetry(collector.output).wait_pair("/before-the-collector", 40)
    check_equal(counter_sum(receiver.counters(), "shmotel.exporter.span.lost"), 0, "nothing was lost")


def a_collector_that_was_killed_is_found_again(host):
    collector, nginx = Collector(host).start(), Nginx(host)
    telemetry = Telemetry(collector.output)
    host.sensor()
    receiver = host.receiver(collector.export)
    curl(host, f"{nginx.url}/before-the-kill")
    telemetry.wait_pair("/before-the-kill", 40)
    collector.process.stop(signal.SIGKILL)
    curl(host, f"{nginx.url}/while-it-is-dead")
    # The killed one may have left half a line in its file.
    collector.output = host.directory / "collector-2.jsonl"
    telemetry = Telemetry(collector.output)
    collector.start()
    curl(host, f"{nginx.url}/after-the-kill")
    telemetry.wait_pair("/while-it-is-dead", 40)
    telemetry.wait_pair("/after-the-kill", 40)
    check_equal(receiver.stop(), 0, "exit code")
    lost = counter_sum(receiver.counters_at_exit(), "shmotel.exporter.span.lost")
    check_equal(lost, 0, "lost spans")


def a_receiver_that_cannot_deliver_ends_in_time_and_counts_what_it_held(host):
    collector, nginx = Collector(host), Nginx(host)
    host.sensor()
    receiver = host.receiver(collector.export)
    curl(host, f"{nginx.url}/never-delivered")
    wait_for("the spans to be made", lambda: counter_sum(receiver.counters(), "shmotel.receiver.spans") >= 2)
    check_equal(receiver.stop(seconds=30), 0, "exit code")
    report = receiver.counters_at_exit()
    lost = counter_sum(report, "shmotel.exporter.span.lost")
    check_equal(lost, counter_sum(report, "shmotel.receiver.spans"), f"spans counted as lost: {report}")


def two_exporters_get_the_same_spans(host):
    collector, nginx = Collector(host).start(), Nginx(host)
    host.sensor()
    host.receiver(collector.export, host.file_export(), "console")
    curl(host, f"{nginx.url}/to-all-exporters")
    for output in (collector.output, host.out / "otlp.jsonl"):
        Telemetry(output).wait_pair("/to-all-exporters", 40)
    console = host.processes[-1]
    wait_for("the console exporter's line", lambda: "/to-all-exporters" in console.output())


def a_collector_that_does_not_answer_does_not_grow_the_receiver(host):
    collector, nginx = Collector(host).start(), Nginx(host)
    host.sensor()
    receiver = host.receiver(collector.export)
    curl(host, f"{nginx.url}/first")
    Telemetry(collector.output).wait_pair("/first", 40)
    collector.process.child.send_signal(signal.SIGSTOP)
    try:
        for _ in range(3):
            curl(host, "-o", "/dev/null", f"{nginx.url}/queued?[1-500]")
        check(receiver.running(), "the receiver lives on")
    finally:
        collector.process.child.send_signal(signal.SIGCONT)
    check_equal(receiver.stop(seconds=30), 0, "exit code")


main(spans_wait_for_a_collector_that_comes_later, a_collector_that_was_killed_is_found_again,
     a_receiver_that_cannot_deliver_ends_in_time_and_counts_what_it_held, two_exporters_get_the_same_spans,
     a_collector_that_does_not_answer_does_not_grow_the_receiver)
