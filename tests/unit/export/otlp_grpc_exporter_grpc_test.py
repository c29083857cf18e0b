"""The otlp-grpc exporter against gRPC C-core (python3-grpcio)."""
import os
import re
import signal
import socket
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

RETRYABLE = ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
FINAL = ["UNKNOWN", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
         "FAILED_PRECONDITION", "UNIMPLEMENTED", "INTERNAL", "UNAUTHENTICATED"]
FAST = ("-i", "10")  # first retry after 10 ms


def content(size):
    return bytes((i * 31 + i // 251) & 0xFF for i in range(size))


def items(server, method):
    """The numbers of the items that export_driver put into its requests, in the order of their arrival."""
    return [int(number) for call in server.calls if call.method == method
            for number in re.findall(rb"item-(\d+) ", call.request)]


class Delivery(ExporterTest):
    def server(self, script=(), **options):
        server = grpc_server.GrpcServer("unix:" + self.path, script, **options)
        self.addCleanup(server.stop)
        return server

    def test_traces_and_metrics_go_to_their_own_methods_unchanged(self):
        server = self.server()
        driver = self.driver()
        driver.submit("traces", 7, 1000)
        driver.submit("metrics", 3, 50)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=7, EXPORT_SENT_POINTS=3)
        self.assertEqual([(c.method, c.request) for c in server.calls],
                         [(grpc_server.TRACES, content(1000)), (grpc_server.METRICS, content(50))])

    def test_the_user_agent_and_added_headers_arrive(self):
        server = self.server()
        driver = self.driver("-h", "X-Scope-OrgID=tenant-1", "-h", "authorization=Bearer a=b")
        driver.submit()
        driver.wait_idle()
        driver.quit()
        metadata = server.calls[0].metadata
        self.assertEqual(metadata["x-scope-orgid"], "tenant-1")
        self.assertEqual(metadata["authorization"], "Bearer a=b")
        self.assertRegex(metadata["user-agent"], r"^shmotel-receiver/\S+ OTel-OTLP-Exporter-C/\S+$")

    def test_a_request_of_three_megabytes_passes_flow_control(self):
        server = self.server()
        driver = self.driver()
        driver.submit("traces", 1, 3 << 20)
        driver.submit("traces", 1, 3 << 20)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=2)
        self.assertEqual([c.request for c in server.calls], [content(3 << 20)] * 2)

    def test_gzip_is_understood_by_the_server(self):
        server = self.server()
        driver = self.driver("-g")
        driver.submit("traces", 1, 100000)
        driver.submit("traces", 1, 0)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=2)
        self.assertEqual([c.request for c in server.calls], [content(100000), b""])

    def test_five_hundred_requests_arrive_in_order_on_one_connection(self):
        server = self.server()
        driver = self.driver()
        for i in range(500):
            driver.submit("traces", 1, i)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=500)
        self.assertEqual([len(c.request) for c in server.calls], list(range(500)))

    def test_a_retryable_status_is_retried_and_the_same_bytes_are_sent(self):
        for status in RETRYABLE:
            with self.subTest(status):
                server = self.server([{"status": status, "text": "not now"}])
                driver = self.driver(*FAST)
                driver.submit("traces", 5, 300)
                driver.wait_idle()
                self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=5, EXPORT_RETRIES=1)
                self.assertEqual([c.request for c in server.calls], [content(300)] * 2)
                self.assertIn("5 spans have to be sent again: %s, \"not now\"" % status, driver.said())
                self.assertIn("Delivering again, after 1 failed attempts", driver.said())
                server.stop()

    def test_a_final_status_is_counted_and_the_next_request_is_sent(self):
        for status in FINAL:
            with self.subTest(status):
                server = self.server([{"status": status, "text": "no"}])
                driver = self.driver(*FAST)
                driver.submit("traces", 5)
                driver.submit("metrics", 2)
                driver.wait_idle()
                self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=5, EXPORT_SENT_POINTS=2)
                self.assertEqual(len(server.calls), 2)
                self.assertIn("5 spans were refused and are lost: %s, \"no\"" % status, driver.said())
                server.stop()

    def test_resource_exhausted_with_retry_info_is_retried(self):
        server = self.server([{"status": "RESOURCE_EXHAUSTED", "retry": 0.05}])
        driver = self.driver(*FAST)
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10, EXPORT_RETRIES=1)
        self.assertEqual(len(server.calls), 2)

    def test_the_servers_delay_is_longer_than_max_elapsed_time_so_the_request_expires_at_once(self):
        server = self.server([{"status": "UNAVAILABLE", "retry": 3600}])
        driver = self.driver(*FAST, "-e", "60000")
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)
        self.assertEqual(len(server.calls), 1)

    def test_max_elapsed_time_ends_the_retries(self):
        server = self.server([{"status": "UNAVAILABLE"}] * 1000)
        driver = self.driver(*FAST, "-e", "100")
        driver.submit("metrics", 4)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_POINTS=4)
        self.assertIn("4 data points were given up after", driver.said())
        self.assertGreater(len(server.calls), 1)

    def test_without_retry_the_first_failure_is_the_last(self):
        server = self.server([{"status": "UNAVAILABLE"}])
        driver = self.driver("-r")
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)
        self.assertEqual(len(server.calls), 1)

    def test_a_message_from_the_server_cannot_forge_a_log_line(self):
        self.server([{"status": "INTERNAL", "text": "a\nready: b\x1b[31m \u00e9"}])
        driver = self.driver()
        driver.submit()
        driver.wait_idle()
        driver.quit()
        self.assertIn("\"a?ready: b?[31m \u00e9\"", driver.said())
        self.assertEqual(driver.said().count("\n"), 1)

    def test_partial_success_is_counted_and_not_sent_again(self):
        server = self.server([{"body": grpc_server.partial_success(4, "too old")}])
        driver = self.driver()
        driver.submit("traces", 10)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=6, EXPORT_PARTIAL_SPANS=4)
        self.assertEqual(len(server.calls), 1)
        self.assertIn("The endpoint rejected 4 of 10 spans: \"too old\".", driver.said())

    def test_a_warning_without_rejections_is_said_and_nothing_is_lost(self):
        self.server([{"body": grpc_server.partial_success(0, "deprecated")}])
        driver = self.driver()
        driver.submit("metrics", 10)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_POINTS=10)
        self.assertIn("rejected 0 of 10 data points: \"deprecated\"", driver.said())

    def test_a_partial_success_cannot_reject_more_than_was_sent(self):
        bodies = [(grpc_server.partial_success(1 << 40), dict(EXPORT_PARTIAL_SPANS=10)),
                  (grpc_server.partial_success(-1), dict(EXPORT_SENT_SPANS=10))]
        for body, expected in bodies:
            with self.subTest(expected):
                server = self.server([{"body": body}])
                driver = self.driver()
                driver.submit("traces", 10)
                driver.wait_idle()
                self.assertCounted(driver.quit(), **expected)
                server.stop()

    def test_a_success_that_is_not_an_otlp_response_is_not_counted_as_sent(self):
        self.server([{"body": b"\xff\xff\xff"}])
        driver = self.driver()
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=10)

    def test_an_answer_over_four_megabytes_is_refused(self):
        self.server([{"body": b"\x12" + b"\x80\x80\x80\x03" + bytes(6 << 20)}])
        driver = self.driver()
        driver.submit()
        driver.submit("metrics", 1)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=10, EXPORT_SENT_POINTS=1)
        self.assertIn("larger than this client accepts", driver.said())

    def test_a_request_over_the_servers_limit_is_refused_and_the_connection_goes_on(self):
        self.server(max_message=1000)
        driver = self.driver()
        for _ in range(3):
            driver.submit("traces", 5, 500000)
            driver.submit("traces", 1, 500)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=15, EXPORT_SENT_SPANS=3)
        self.assertIn("RESOURCE_EXHAUSTED", driver.said())

    def test_a_request_over_the_servers_limit_arrives_in_parts(self):
        server = self.server(max_message=3000)
        driver = self.driver()
        driver.ask("spans 100 200")
        driver.ask("spans 100 200")
        driver.ask("points 64 200")
        driver.wait_idle()
        counters = driver.quit()
        self.assertEqual((counters["EXPORT_SENT_SPANS"], counters["EXPORT_SENT_POINTS"]), (200, 64))
        self.assertGreaterEqual(counters["EXPORT_SPLITS"], 3 * 7)  # each into eight
        self.assertNotIn("EXPORT_RETRIES", counters)
        self.assertIn("Requests are sent in halves", driver.said())
        self.assertEqual(items(server, grpc_server.TRACES), list(range(100)) * 2)
        self.assertEqual(items(server, grpc_server.METRICS), list(range(64)))

    def test_a_single_item_over_the_servers_limit_is_refused_and_the_others_arrive(self):
        self.server(max_message=3000)
        driver = self.driver()
        driver.ask("spans 1 5000")
        driver.ask("spans 4 100")
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=1, EXPORT_SENT_SPANS=4)
        self.assertIn("too large for the endpoint, and cannot be split", driver.said())

    def test_a_request_over_max_request_bytes_is_split_before_it_is_sent(self):
        server = self.server()
        driver = self.driver("-m", "3000")
        driver.ask("spans 100 200")
        driver.wait_idle()
        self.assertEqual(driver.quit()["EXPORT_SENT_SPANS"], 100)
        self.assertTrue(all(len(call.request) <= 3000 for call in server.calls))
        self.assertGreater(len(server.calls), 6)

    def test_a_request_over_max_request_bytes_is_not_sent(self):
        server = self.server()
        driver = self.driver("-m", "1000")
        driver.submit("traces", 5, 1001)
        driver.submit("traces", 1, 1000)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=5, EXPORT_SENT_SPANS=1)
        self.assertEqual(len(server.calls), 1)
        self.assertIn("1001 bytes are too large for max_request_bytes", driver.said())

    def test_a_service_that_is_not_there_is_unimplemented(self):
        server = self.server()
        server.service = lambda details: None
        driver = self.driver()
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=10)
        self.assertIn("UNIMPLEMENTED", driver.said())

    def test_no_answer_within_the_timeout_is_retried_on_a_new_connection(self):
        event = threading.Event()
        self.addCleanup(event.set)
        server = self.server([{"wait": event}])
        driver = self.driver(*FAST, "-t", "200")
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10, EXPORT_RETRIES=1)
        self.assertEqual(len(server.calls), 2)
        self.assertIn("DEADLINE_EXCEEDED", driver.said())

    def test_over_tcp(self):
        server = grpc_server.GrpcServer("127.0.0.1:0")
        self.addCleanup(server.stop)
        driver = self.driver(endpoint="http://127.0.0.1:%d" % server.port)
        driver.submit("traces", 5, 200000)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=5)

    def test_a_host_name_is_tried_on_each_of_its_addresses(self):
        server = grpc_server.GrpcServer("127.0.0.1:0")
        self.addCleanup(server.stop)
        driver = self.driver(*FAST, endpoint="http://localhost:%d" % server.port)
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10)

    def test_over_an_abstract_socket(self):
        name = "shmotel-test-%d" % os.getpid()
        server = grpc_server.GrpcServer("unix-abstract:" + name)
        self.addCleanup(server.stop)
        driver = self.driver(endpoint="unix-abstract:" + name)
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10)


class Absence(ExporterTest):
    def server(self):
        server = grpc_server.GrpcServer("unix:" + self.path)
        self.addCleanup(server.stop)
        return server

    def said(self, driver, text):
        """Wait until it is said."""
        for _ in range(3000):
            if text in driver.said():
                return
            driver.ask("counters")
            threading.Event().wait(0.01)
        self.fail("never said %r, but %r" % (text, driver.said()))

    def test_a_collector_that_starts_later_gets_everything(self):
        driver = self.driver(*FAST)
        for _ in range(3):
            driver.submit("traces", 10)
        self.said(driver, "There is no socket at " + self.path)
        self.server()
        driver.wait_idle()
        counters = driver.quit()
        self.assertCounted(counters, EXPORT_SENT_SPANS=30)
        self.assertGreater(counters["EXPORT_CONNECT_FAILED"], 0)
        self.assertEqual(driver.said().count("There is no socket"), 1)

    def test_a_stale_socket_is_named_as_such(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen()
        listener.close()
        driver = self.driver(*FAST)
        driver.submit()
        self.said(driver, "Nobody listens on the socket " + self.path)
        os.unlink(self.path)
        self.server()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10)

    def test_a_full_backlog_is_named_as_such(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen(0)
        taken = []
        try:
            for _ in range(10):
                taken.append(socket.socket(socket.AF_UNIX))
                taken[-1].setblocking(False)
                taken[-1].connect(self.path)
        except BlockingIOError:
            pass
        driver = self.driver(*FAST, "-e", "50")
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)
        self.assertIn("has no room for another connection", driver.said())
        for each in taken:
            each.close()

    def test_missing_permission_is_named_with_its_remedy(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to become another user")
        self.server()
        os.chmod(self.path, 0o755)
        driver = self.driver(*FAST, user=65534)
        driver.submit()
        self.said(driver, "may not be used: connecting needs write permission")
        self.assertIn("UMask=0007", driver.said())
        os.chmod(self.path, 0o777)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10)

    def start(self):
        process = subprocess.Popen([sys.executable, grpc_server.__file__, "unix:" + self.path], stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.stdout.close()
        return process

    def test_a_killed_collector_that_comes_back_under_the_same_path_gets_the_rest(self):
        first = self.start()
        driver = self.driver(*FAST)
        driver.submit()
        driver.wait_idle()
        first.send_signal(signal.SIGKILL)
        first.wait()
        driver.submit()
        self.said(driver, "Nobody listens on the socket")
        os.unlink(self.path)
        self.start()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=20)

    def test_a_collector_killed_in_the_middle_of_a_call_leaves_the_request_to_the_next(self):
        first = self.start()
        driver = self.driver(*FAST)
        first.send_signal(signal.SIGSTOP)
        driver.submit("traces", 10, 3 << 20)
        driver.ask("counters")
        first.send_signal(signal.SIGKILL)
        first.wait()
        os.unlink(self.path)
        self.start()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10)

    def test_a_full_queue_keeps_the_old_and_counts_the_new(self):
        driver = self.driver("-q", "2")
        driver.submit("traces", 1)  # in delivery
        self.said(driver, "There is no socket")
        for items in (10, 100, 1000, 10000):
            driver.submit("traces", items)
        self.assertCounted(driver.counters(), EXPORT_QUEUE_FULL_SPANS=11000)
        self.assertIn("the queue is full with 2 requests of 200 bytes", driver.said())
        self.assertCounted(driver.quit(), EXPORT_QUEUE_FULL_SPANS=11000, EXPORT_SHUTDOWN_SPANS=111)

    def test_the_queue_is_bounded_in_bytes_too(self):
        driver = self.driver("-m", "1000", "-Q", "1500")
        driver.submit("metrics", 1, 1000)
        self.said(driver, "There is no socket")
        driver.submit("metrics", 10, 1000)
        driver.submit("metrics", 100, 600)
        driver.submit("metrics", 1000, 500)
        self.assertCounted(driver.quit(), EXPORT_QUEUE_FULL_POINTS=100, EXPORT_SHUTDOWN_POINTS=1011)

    def test_drain_delivers_what_waits_in_a_back_off(self):
        driver = self.driver("-i", "3600000", "-e", "0")
        driver.submit("traces", 1)
        self.said(driver, "There is no socket")
        driver.submit("traces", 10)
        self.server()
        driver.ask("drain 30000")
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=11)

    def test_drain_without_a_collector_gives_up_at_once_and_counts(self):
        driver = self.driver("-i", "3600000", "-e", "0")
        driver.submit("traces", 1)
        driver.submit("metrics", 10)
        driver.ask("drain 3600000")
        self.assertCounted(driver.quit(), EXPORT_SHUTDOWN_SPANS=1, EXPORT_SHUTDOWN_POINTS=10)

    def test_drain_ends_at_its_deadline_and_what_comes_later_is_counted(self):
        event = threading.Event()
        self.addCleanup(event.set)
        server = self.server()
        server.script = [{"wait": event}]
        driver = self.driver("-t", "3600000")
        driver.submit("traces", 1, 100000)
        driver.submit("traces", 10)
        server.wait_for_calls(1)
        driver.ask("drain 50")
        driver.submit("traces", 100)
        self.assertCounted(driver.quit(), EXPORT_SHUTDOWN_SPANS=111)
        self.assertIn("11 spans and 0 data points were not delivered before the deadline", driver.said())

    def test_drain_of_an_idle_exporter_is_done_at_once(self):
        driver = self.driver()
        driver.ask("drain 3600000")
        self.assertCounted(driver.quit())


if __name__ == "__main__":
    main()
