"""The account of an exporter: what it was given, and what it found in its spool, is sent, lost for a reason, or waiting; at
every moment, and whatever the endpoint does."""
import glob
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
try:
    import grpc_server
except ImportError as error:
    print("skipped: this test needs Debian's python3-grpcio (%s)" % error)
    sys.exit(77)
from export_driver import ExporterTest, main  # noqa: E402

ENDED = ("SENT", "REFUSED", "PARTIAL", "EXPIRED", "QUEUE_FULL", "WRITE_FAILED", "SPOOL_FULL", "CORRUPT", "SHUTDOWN")


class Account(ExporterTest):
    def setUp(self):
        super().setUp()
        self.spool = os.path.join(self.directory, "spool")
        os.mkdir(self.spool)
        self.given = {"SPANS": 0, "POINTS": 0}

    def server(self, *script, **options):
        server = grpc_server.GrpcServer("unix:" + self.path, list(script), **options)
        self.addCleanup(server.stop)
        return server

    def spooling(self, *options, size=16 << 20):
        return self.driver("-S", self.spool, "-z", str(size), *options)

    def give(self, driver, signal_name, items, size=100):
        driver.ask("%s %d %d" % (signal_name, items, size))
        self.given["SPANS" if signal_name == "spans" else "POINTS"] += items
        self.balance(driver)

    def balance(self, driver, counters=None):
        counters = driver.counters(driver.ask("waiting")) if counters is None else counters
        for kind, given in self.given.items():
            ended = sum(counters.get("EXPORT_%s_%s" % (how, kind), 0) for how in ENDED)
            self.assertEqual(ended + counters.get("waiting_" + kind, 0),
                             given + counters.get("EXPORT_RECOVERED_" + kind, 0), "%s: %s" % (kind, counters))
        return counters

    def end(self, driver):
        """What was left in memory is lost by then, what was left in a spool is in nobody's account."""
        return self.balance(driver, driver.quit())

    def load(self, driver, rounds=20):
        for i in range(rounds):
            self.give(driver, "spans", i + 1)
            self.give(driver, "points", 2 * i + 1)

    def each_place(self):
        """Where requests wait: in memory, and then in a spool that is empty."""
        for place in (self.driver, self.spooling):
            self.given = {"SPANS": 0, "POINTS": 0}
            for left in glob.glob(self.spool + "/*"):
                os.unlink(left)
            yield place

    def test_with_a_good_server(self):
        server = self.server()
        for place in self.each_place():
            driver = place()
            self.load(driver)
            driver.wait_idle()
            counters = self.end(driver)
            self.assertEqual((counters["EXPORT_SENT_SPANS"], counters["EXPORT_SENT_POINTS"]), (210, 400))
        server.stop()

    def test_with_requests_in_parts_of_which_some_are_refused(self):
        for place in self.each_place():
            server = self.server({}, {"status": "INVALID_ARGUMENT"}, {"status": "UNAVAILABLE"}, {}, {"status": "INVALID_ARGUMENT"}, max_message=900)
            driver = place("-i", "10")
            self.load(driver)
            driver.wait_idle()
            counters = self.end(driver)
            self.assertGreater(counters["EXPORT_SPLITS"], 5)
            self.assertGreater(counters.get("EXPORT_REFUSED_SPANS", 0) + counters.get("EXPORT_REFUSED_POINTS", 0), 0)
            server.stop()

    def test_while_one_half_is_delivered_and_the_other_waits(self):
        for place in self.each_place():
            event = threading.Event()
            self.addCleanup(event.set)
            server = self.server({}, {"wait": event})
            driver = place("-m", "65536")
            self.give(driver, "spans", 100, 1000)
            server.wait_for_calls(2)
            self.give(driver, "points", 7)
            counters = self.balance(driver)
            self.assertGreater(counters["EXPORT_SENT_SPANS"], 0)
            self.assertGreater(counters["waiting_SPANS"], 0)
            event.set()
            driver.wait_idle()
            self.assertEqual(self.end(driver)["EXPORT_SENT_SPANS"], 100)
            server.stop()

    def test_with_partial_success(self):
        # ExportTraceServiceResponse{partial_success{rejected_spans: 4}}, and more than there are
        for rejected in (b"\x0a\x02\x08\x04", b"\x0a\x02\x08\x7f"):
            for place in self.each_place():
                server = self.server(*[{"body": rejected}] * 5)
                driver = place()
                self.load(driver, 10)
                driver.wait_idle()
                self.assertGreater(self.end(driver)["EXPORT_PARTIAL_SPANS"], 0)
                server.stop()

    def test_with_retries_that_are_exhausted(self):
        for place in self.each_place():
            driver = place("-i", "5", "-e", "20", "-a", "20")
            self.load(driver, 6)
            driver.wait_idle()
            counters = self.end(driver)
            self.assertEqual((counters["EXPORT_EXPIRED_SPANS"], counters["EXPORT_EXPIRED_POINTS"]), (21, 36))

    def test_with_a_full_queue(self):
        driver = self.driver("-q", "3", "-i", "3600000", "-e", "0")
        self.load(driver)
        self.assertGreater(self.balance(driver)["EXPORT_QUEUE_FULL_SPANS"], 0)
        self.assertGreater(self.end(driver)["EXPORT_SHUTDOWN_SPANS"], 0)

    def test_with_a_full_spool(self):
        driver = self.spooling("-m", "100000", "-Q", "100000", "-i", "3600000", size=2 << 20)
        for _ in range(30):
            self.give(driver, "spans", 3, 33000)
        self.assertGreater(self.balance(driver)["EXPORT_SPOOL_FULL_SPANS"], 0)

    def test_with_a_shutdown_whose_deadline_passes(self):
        for place in self.each_place():
            event = threading.Event()
            self.addCleanup(event.set)
            server = self.server({"wait": event})
            driver = place("-t", "60000")
            self.load(driver, 5)
            server.wait_for_calls(1)
            driver.tell("drain 50")
            driver.answer()
            self.balance(driver)
            self.give(driver, "spans", 3)  # too late
            event.set()
            server.stop()

    def test_with_crashes_and_damage(self):
        driver = self.spooling("-i", "3600000")
        self.load(driver, 10)
        for damage in (0, 1, 2):
            driver.process.send_signal(signal.SIGKILL)
            driver.process.wait()
            if damage:
                name, = glob.glob(self.spool + "/*")
                with open(name, "rb") as file:
                    whole = bytearray(file.read())
                places = [i for i in range(4096, len(whole), 64) if whole[i:i + 4] == b"SPOL"]
                whole[places[2] + 70] ^= damage  # a request
                whole[places[5] + 20] ^= damage  # a head
                with open(name, "r+b") as out:
                    out.write(whole)
            self.given = {"SPANS": 0, "POINTS": 0}
            driver = self.spooling("-i", "3600000")
            self.balance(driver)
            self.load(driver, 3)
        driver.kill()
        server = self.server()
        self.given = {"SPANS": 0, "POINTS": 0}
        driver = self.spooling("-i", "10")
        driver.wait_idle()
        self.assertGreater(self.end(driver)["EXPORT_CORRUPT_SPANS"], 0)
        server.stop()


if __name__ == "__main__":
    main()
