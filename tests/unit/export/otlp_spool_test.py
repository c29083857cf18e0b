"""The spool: killed receivers, full and damaged files, old requests, what is delivered twice and what is not."""
import fcntl
import glob
import os
import re
import resource
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
try:
    import grpc_server
except ImportError as error:
    print("skipped: this test needs Debian's python3-grpcio (%s)" % error)
    sys.exit(77)
from export_driver import ExporterTest, main  # noqa: E402

SIZE = 16 << 20
PATIENT = ("-i", "20", "-e", "1")  # max_elapsed_time of 1 ms: with a spool it does not count


class Spool(ExporterTest):
    def setUp(self):
        super().setUp()
        self.spool = os.path.join(self.directory, "spool")
        os.mkdir(self.spool)

    def server(self, script=(), **options):
        server = grpc_server.GrpcServer("unix:" + self.path, script, **options)
        self.addCleanup(server.stop)
        return server

    def spooling(self, *options, size=SIZE):
        return self.driver(*PATIENT, "-S", self.spool, "-z", str(size), *options)

    def file(self):
        found, = glob.glob(self.spool + "/*.spool")
        return found

    def kill(self, driver):
        driver.process.send_signal(signal.SIGKILL)
        driver.process.wait()

    def items(self, server):
        return [int(n) for call in server.calls for n in re.findall(rb"item-(\d+) ", call.request)]

    def fill(self, requests, *options, size=SIZE):
        """A driver without a server takes requests of 1, 2, 3... spans, and is killed."""
        driver = self.spooling(*options, size=size)
        for i in range(requests):
            driver.ask("spans %d 1000" % (i + 1))
        self.kill(driver)

    def test_what_waits_survives_the_death_of_the_receiver_in_order(self):
        self.fill(20)
        server = self.server()
        driver = self.spooling()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=210, EXPORT_RECOVERED_SPANS=210, EXPORT_MAYBE_TWICE_SPANS=1)
        self.assertEqual([len(re.findall(rb"item-", call.request)) for call in server.calls], list(range(1, 21)))
        driver = self.spooling()
        self.assertCounted(driver.quit())

    def test_requests_are_delivered_as_without_a_spool(self):
        server = self.server()
        driver = self.spooling("-g")
        for i in range(300):
            driver.submit("traces" if i % 2 else "metrics", i + 1, 50000)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=sum(range(2, 301, 2)), EXPORT_SENT_POINTS=sum(range(1, 300, 2)))
        self.assertEqual(len(server.calls), 300)

    def test_killed_at_any_moment_every_span_arrives_and_twice_only_as_counted(self):
        server = self.server()
        sent, twice = 0, 0
        for round_number in range(15):
            driver = self.spooling()
            counters = driver.counters()
            twice += counters.get("EXPORT_MAYBE_TWICE_SPANS", 0)
            for _ in range(1 + round_number):
                driver.tell("spans 10 %d" % (1000 * round_number))
                sent += 10
            for _ in range(1 + round_number):
                driver.answer()
            self.kill(driver)
        driver = self.spooling()
        driver.wait_idle()
        twice += driver.quit().get("EXPORT_MAYBE_TWICE_SPANS", 0)
        arrived = len(self.items(server))
        self.assertGreaterEqual(arrived, sent)
        self.assertLessEqual(arrived - sent, twice + 15 * 10)  # a killed driver's last count was never read

    def test_a_request_that_was_being_sent_when_the_receiver_died_is_a_possible_duplicate(self):
        event = threading.Event()
        self.addCleanup(event.set)
        server = self.server([{"wait": event}])
        driver = self.spooling()
        driver.ask("spans 7 10")
        driver.ask("spans 5 10")
        server.wait_for_calls(1)
        self.kill(driver)
        event.set()
        driver = self.spooling()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=12, EXPORT_RECOVERED_SPANS=12, EXPORT_MAYBE_TWICE_SPANS=7)
        self.assertEqual(len(self.items(server)), 7 + 7 + 5)

    def test_a_full_spool_keeps_the_old_and_counts_the_new(self):
        driver = self.spooling("-m", "100000", "-Q", "100000", size=2 << 20)
        for _ in range(30):
            driver.submit("traces", 10, 100000)
        counters = driver.counters()
        self.assertEqual(counters["EXPORT_SPOOL_FULL_SPANS"], 100)
        self.assertIn("the spool is full", driver.said())
        self.server()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SPOOL_FULL_SPANS=100, EXPORT_SENT_SPANS=200)
        self.assertEqual(os.path.getsize(self.file()), 2 << 20)

    def test_it_goes_round_many_times(self):
        server = self.server()
        driver = self.spooling("-m", "100000", "-Q", "100000", size=2 << 20)
        for i in range(500):
            driver.submit("traces", 1, 997 * (i % 97))
            if i % 7 == 0:
                driver.wait_idle()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=500)
        self.assertEqual([len(call.request) for call in server.calls], [997 * (i % 97) for i in range(500)])

    def test_what_is_not_delivered_at_the_end_is_not_lost(self):
        driver = self.spooling()
        driver.submit("traces", 3)
        driver.submit("metrics", 4)
        driver.ask("drain 60000")
        self.assertCounted(driver.quit())
        self.assertIn("3 spans and 4 data points stay in the spool", driver.said())
        self.server()
        driver = self.spooling()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=3, EXPORT_SENT_POINTS=4, EXPORT_RECOVERED_SPANS=3,
                           EXPORT_RECOVERED_POINTS=4)

    def test_old_requests_expire(self):
        self.fill(3)
        server = self.server()
        driver = self.spooling("-a", "1")
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=6, EXPORT_RECOVERED_SPANS=6)
        self.assertEqual(server.calls, [])
        os.unlink(self.path)
        driver = self.spooling("-a", "100")
        driver.submit("traces", 5)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=5)

    def test_any_damaged_byte_is_noticed_and_the_rest_arrives(self):
        self.fill(6)
        whole = open(self.file(), "rb").read()
        server = self.server()
        record_starts = [m.start() for m in re.finditer(b"SPOL", whole)][1:]
        self.assertEqual(len(record_starts), 6)
        places = [(start + offset, i) for i, start in enumerate(record_starts) for offset in (0, 9, 17, 45, 49, 55, 60, 64, 1000)]
        for place, i in places:
            with self.subTest(place):
                damaged = bytearray(whole)
                damaged[place] ^= 0x10
                with open(self.file(), "r+b") as out:
                    out.write(damaged)
                server.calls.clear()
                driver = self.spooling()
                driver.wait_idle()
                counters = driver.quit()
                arrived = [len(re.findall(rb"item-", call.request)) for call in server.calls]
                self.assertEqual(arrived, [n for n in range(1, 7) if n != i + 1])
                if i < 5:
                    self.assertEqual(counters["EXPORT_CORRUPT_SPANS"], i + 1)
                # The head of the last record is all that tells of it.
                self.assertEqual(counters["EXPORT_SENT_SPANS"], 21 - (i + 1))

    def test_garbage_is_never_delivered(self):
        self.fill(4)
        name = self.file()
        size = os.path.getsize(name)
        server = self.server()
        for round_number in range(30):
            with open(name, "r+b") as out:
                for _ in range(200):
                    out.seek(os.urandom(1)[0] * 64 + 4096 * (round_number % 2))
                    out.write(os.urandom(64))
            driver = self.spooling()
            driver.ask("spans 2 100")
            driver.wait_idle()
            self.assertGreaterEqual(driver.quit()["EXPORT_SENT_SPANS"], 2)
            self.assertEqual(os.path.getsize(name), size)
        for call in server.calls:
            self.assertRegex(call.request, rb"resource-1 .*item-0 ")

    def test_a_file_that_is_not_the_receivers_own_is_refused(self):
        self.fill(1)
        name, aside = self.file(), os.path.join(self.directory, "aside")

        def fifo():
            os.unlink(name)
            os.mkfifo(name, 0o600)

        def symbolic_link():
            os.rename(name, aside)
            os.symlink(aside, name)

        def hard_link():
            os.unlink(name)
            os.link(aside, name)

        def stranger():
            os.unlink(name)
            os.rename(aside, name)
            os.chown(name, 65534, 65534)
        for damage in (symbolic_link, hard_link, *([stranger] if os.getuid() == 0 else []), fifo):
            with self.subTest(damage.__name__):
                damage()
                driver = self.spooling()
                self.assertEqual(driver.process.wait(30), 2)
                self.assertIn("is not a file that belongs to the receiver's user alone", driver.said())

    def test_nobody_else_can_read_what_waits(self):
        self.fill(1)
        os.chmod(self.file(), 0o666)
        self.spooling().quit()
        self.assertEqual(os.stat(self.file()).st_mode & 0o777, 0o600)

    def test_a_file_of_another_version_is_said_to_be_one(self):
        self.fill(1)
        with open(self.file(), "r+b") as out:
            out.seek(4)
            out.write(b"\x02")
        driver = self.spooling()
        self.assertCounted(driver.quit())
        self.assertIn("was written by another version of the receiver and is made anew", driver.said())

    def test_an_unreadable_file_is_made_anew_and_said_so(self):
        for content in (b"x", b"\0" * 5000, os.urandom(20000)):
            self.fill(1)
            with open(self.file(), "wb") as out:
                out.write(content)
            server = self.server()
            driver = self.spooling()
            driver.ask("spans 2 100")
            driver.wait_idle()
            self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=2)
            self.assertIn("cannot be read and is made anew", driver.said())
            server.stop()

    def test_each_half_of_a_split_request_is_delivered_before_the_spool_forgets_it(self):
        server = self.server(max_message=3000)
        driver = self.spooling()
        driver.ask("spans 100 200")
        driver.ask("spans 10 20")
        driver.wait_idle()
        self.assertEqual(driver.quit()["EXPORT_SENT_SPANS"], 110)
        self.assertEqual(self.items(server), list(range(100)) + list(range(10)))
        self.assertCounted(self.spooling().quit())

    def test_two_receivers_do_not_share_a_spool(self):
        self.spooling().counters()
        second = self.spooling()
        self.assertEqual(second.process.wait(30), 2)
        self.assertIn("in use by another receiver", second.said())

    def test_a_spool_that_no_exporter_has_is_named_and_left_alone(self):
        self.fill(4)
        before = os.stat(self.file())
        name = self.file()
        other = self.driver("-S", self.spool, "-z", str(SIZE), endpoint="unix:///elsewhere.sock")
        self.assertCounted(other.counters())
        self.assertIn("the spool %s belongs to no exporter that is configured: its 10 spans and 0 data points wait" % name,
                      other.said())
        after = os.stat(name)
        self.assertEqual((before.st_size, before.st_mtime_ns), (after.st_size, after.st_mtime_ns))
        # In use is not left behind, whoever uses it.
        first = self.spooling()
        first.counters()
        second = self.driver("-S", self.spool, "-z", str(SIZE), endpoint="unix:///third.sock")
        second.counters()
        self.assertNotIn("belongs to no exporter", first.said() + second.said())
        other.quit()

    def test_a_receiver_that_only_looks_keeps_no_other_from_starting(self):
        self.fill(1)
        with open(self.file(), "rb") as looking:
            fcntl.flock(looking, fcntl.LOCK_SH)
            threading.Timer(0.03, fcntl.flock, (looking, fcntl.LOCK_UN)).start()
            self.spooling().quit()

    def test_a_directory_that_is_not_there_is_said_at_start(self):
        os.rmdir(self.spool)
        driver = self.spooling()
        self.assertEqual(driver.process.wait(30), 2)
        self.assertIn("Its directory has to exist", driver.said())

    def test_a_disk_without_room_leaves_the_queue_in_memory(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to mount a small file system")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", self.spool], capture_output=True).returncode:
            self.skipTest("cannot mount here")
        self.addCleanup(subprocess.run, ["umount", self.spool])
        self.server()
        driver = self.spooling()
        driver.submit("traces", 5)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=5)
        self.assertIn("The disk has no room for the spool", driver.said())

    def test_with_fsync_it_works_the_same(self):
        self.fill(5, "-f")
        self.server()
        driver = self.spooling("-f")
        driver.wait_idle()
        self.assertEqual(driver.quit()["EXPORT_SENT_SPANS"], 15)

    def test_memory_does_not_grow_with_what_waits(self):
        driver = self.spooling(size=200 << 20)
        driver.counters()  # it has started
        with open("/proc/%d/maps" % driver.process.pid, encoding="ascii") as maps:
            if "libasan" in maps.read():
                self.skipTest("AddressSanitizer keeps what was freed")
        with open("/proc/%d/status" % driver.process.pid, encoding="ascii") as status:
            before = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
        for _ in range(100):
            driver.submit("traces", 1, 1 << 20)
        with open("/proc/%d/status" % driver.process.pid, encoding="ascii") as status:
            after = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
        self.assertLess(after - before, 10 * 1024)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
