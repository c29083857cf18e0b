"""There is a Collector, built now if need be, and it listens on a Unix socket with the configuration of the tests."""
import collector
from harness import Skip, check, main
from peers import Collector


def a_collector_listens_on_a_unix_socket(host):
    try:
        collector.find_or_build()
    except collector.Unavailable as reason:
        raise Skip(str(reason)) from None
    started = Collector(host).start()
    check(started.process.running(), "the Collector has ended")


main(a_collector_listens_on_a_unix_socket)
