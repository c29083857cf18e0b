"""The otlp-http exporter against servers that do exactly what a test says: on Unix sockets and TCP, with TLS and without."""
import email.utils
import gzip
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from certificates import Certificates  # noqa: E402
from export_driver import ExporterTest, main  # noqa: E402

FAST = ("-i", "10")
EXPIRES = ("-i", "10", "-e", "60")
PROTOBUF = "Content-Type: application/x-protobuf\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


def response(status, body=b"", fields=PROTOBUF):
    return b"HTTP/1.1 %d Whatever\r\n%sContent-Length: %d\r\n\r\n%s" % (status, fields.encode(), len(body), body)


def rpc_status(text):
    return b"\x08\x08\x12" + bytes([len(text)]) + text


class Connection:
    def __init__(self, sock, server):
        self.sock, self.server, self.buffer = sock, server, b""

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def request(self):
        """Read one; (line, {field: value}, body)."""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        line, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, value in (each.split(":", 1) for each in lines)}
        while len(self.buffer) < int(fields["content-length"]):
            self.more()
        body, self.buffer = self.buffer[:int(fields["content-length"])], self.buffer[int(fields["content-length"]):]
        self.server.requests.append((line, fields, body))
        return self.server.requests[-1]


class Server:
    """Runs one function per connection, in order; the last one again for all further ones."""

    def __init__(self, test, *scripts, tcp=False, context=None):
        self.requests, self.connections, self.scripts, self.context = [], 0, scripts, context
        self.listener = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        self.listener.bind(("127.0.0.1", 0) if tcp else test.path)
        self.listener.listen()
        self.port = self.listener.getsockname()[1] if tcp else None
        test.addCleanup(self.listener.close)
        test.addCleanup(self.stop)
        threading.Thread(target=self.run, daemon=True).start()

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock, script), daemon=True).start()

    def serve(self, sock, script):
        with sock:
            try:
                if self.context:
                    sock = self.context.wrap_socket(sock, server_side=True)
                script(Connection(sock, self))
                if self.context:
                    sock.unwrap()
            except (OSError, EOFError):
                pass


def good(connection):
    while True:
        connection.request()
        connection.send(EMPTY)


def answers(*each):
    """Each of them to one request, then a good server's."""
    def script(connection):
        for data in each:
            connection.request()
            connection.send(data)
        good(connection)
    return script


def closes(data):
    """Answer one request, and close."""
    def script(connection):
        connection.request()
        connection.send(data)
    return script


class Http(ExporterTest):
    def http(self, *options, endpoint=None):
        return self.driver(*options, endpoint="otlp-http:" + (endpoint or "unix://" + self.path))

    def outcome(self, script, *options):
        server = Server(self, script)
        driver = self.http(*(options or EXPIRES))
        driver.submit("traces", 10, 300)
        driver.wait_idle()
        counters = driver.quit()
        self.said = driver.said()
        os.unlink(self.path)
        return counters, server

    def test_a_request_is_a_post_with_the_fields_of_otlp(self):
        server = Server(self, good)
        driver = self.http("-h", "X-Scope-OrgID=tenant 1")
        driver.submit("traces", 7, 1000)
        driver.submit("metrics", 3, 50)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=7, EXPORT_SENT_POINTS=3)
        (line, fields, body), (other, _, _) = server.requests
        self.assertEqual((line, other), ("POST /v1/traces HTTP/1.1", "POST /v1/metrics HTTP/1.1"))
        self.assertEqual((len(body), fields["content-type"]), (1000, "application/x-protobuf"))
        self.assertEqual((fields["host"], fields["x-scope-orgid"]), ("localhost", "tenant 1"))
        self.assertRegex(fields["user-agent"], r"^shmotel-receiver/\S+ OTel-OTLP-Exporter-C/\S+$")
        self.assertNotIn("content-encoding", fields)
        self.assertEqual(server.connections, 1)

    def test_the_path_of_the_url_is_kept(self):
        for endpoint, path in (("otlp-http:http://127.0.0.1:%d/otlp/", "/otlp/v1/traces"),
                               ("traces/otlp-http:http://127.0.0.1:%d/else/where", "/else/where"),
                               ("traces/otlp-http:http://127.0.0.1:%d/", "/")):
            with self.subTest(endpoint):
                server = Server(self, good, tcp=True)
                driver = self.driver(endpoint=endpoint % server.port)
                driver.submit()
                driver.wait_idle()
                self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10)
                self.assertEqual(server.requests[0][0], "POST %s HTTP/1.1" % path)
                self.assertEqual(server.requests[0][1]["host"], "127.0.0.1:%d" % server.port)

    def test_gzip_is_named_and_decodes(self):
        server = Server(self, good)
        driver = self.http("-g")
        driver.submit("traces", 1, 100000)
        driver.wait_idle()
        driver.quit()
        _, fields, body = server.requests[0]
        self.assertEqual(fields["content-encoding"], "gzip")
        self.assertEqual(len(gzip.decompress(body)), 100000)

    def test_five_hundred_requests_of_all_sizes_use_one_connection(self):
        server = Server(self, good)
        driver = self.http()
        for i in range(500):
            driver.submit("traces", 1, i * i)
            if i % 100 == 99:
                driver.wait_idle()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=500)
        self.assertEqual([len(body) for _, _, body in server.requests], [i * i for i in range(500)])
        self.assertEqual(server.connections, 1)

    def test_429_502_503_and_504_are_sent_again_and_nothing_else_is(self):
        for status in (429, 502, 503, 504):
            with self.subTest(status):
                counters, server = self.outcome(answers(response(status, rpc_status(b"not now"))), *FAST)
                self.assertCounted(counters, EXPORT_SENT_SPANS=10, EXPORT_RETRIES=1)
                self.assertEqual(server.requests[0][2], server.requests[1][2])
                self.assertIn("have to be sent again: HTTP %d, \"not now\"" % status, self.said)
        for status in (300, 301, 307, 400, 401, 403, 404, 405, 408, 415, 431, 500, 501, 505, 599):
            with self.subTest(status):
                counters, server = self.outcome(answers(response(status, b"no\n", "")), *FAST)
                self.assertCounted(counters, EXPORT_REFUSED_SPANS=10)
                self.assertIn("refused and are lost: HTTP %d, \"no\"" % status, self.said)

    def test_a_gateway_that_did_not_get_an_answer_makes_a_possible_duplicate(self):
        for status, expected in ((502, 10), (504, 10), (503, 0), (429, 0)):
            with self.subTest(status):
                counters, _ = self.outcome(answers(response(status)), *FAST)
                self.assertEqual(counters.get("EXPORT_MAYBE_TWICE_SPANS", 0), expected)

    def test_any_2xx_is_a_success_and_only_protobuf_is_looked_into(self):
        for data in (EMPTY, response(202), response(200, b"{}", "Content-Type: application/json\r\n"),
                     response(200, b"\xff\xff", "Content-Type: text/plain\r\n"), b"HTTP/1.1 204 No Content\r\n\r\n"):
            with self.subTest(data):
                self.assertCounted(self.outcome(answers(data))[0], EXPORT_SENT_SPANS=10)
        self.assertCounted(self.outcome(answers(response(200, b"\xff\xff")))[0], EXPORT_REFUSED_SPANS=10)

    def test_partial_success_is_counted_and_not_sent_again(self):
        counters, server = self.outcome(answers(response(200, b"\x0a\x09\x08\x04\x12\x05stale")))
        self.assertCounted(counters, EXPORT_SENT_SPANS=6, EXPORT_PARTIAL_SPANS=4)
        self.assertIn("The endpoint rejected 4 of 10 spans: \"stale\".", self.said)
        self.assertEqual(len(server.requests), 1)

    def test_retry_after_is_waited_for_in_seconds_and_as_a_date(self):
        date = email.utils.formatdate(time.time() + 3600, usegmt=True)
        now = email.utils.formatdate(1e9, usegmt=True)  # a server whose clock is late
        later = email.utils.formatdate(1e9 + 3600, usegmt=True)
        for field in ("Retry-After: 3600", "retry-after:3600 ", "Retry-After: " + date,
                      "Date: %s\r\nRetry-After: %s" % (now, later), "Retry-After: 99999999999999"):
            with self.subTest(field):
                # Longer than max_elapsed_time: given up at once.
                counters, server = self.outcome(answers(response(503, b"", field + "\r\n")), *FAST, "-e", "60000")
                self.assertCounted(counters, EXPORT_EXPIRED_SPANS=10)
                self.assertEqual(len(server.requests), 1)
        past = email.utils.formatdate(time.time() - 3600, usegmt=True)
        for field in ("Retry-After: 0", "Retry-After: soon", "Retry-After: " + past, "Retry-After: -1", "Retry-After:"):
            with self.subTest(field):
                counters, _ = self.outcome(answers(response(503, b"", field + "\r\n")), *FAST, "-e", "60000")
                self.assertCounted(counters, EXPORT_SENT_SPANS=10)

    def test_answers_in_chunks_or_up_to_the_end_or_after_continue_are_understood(self):
        partial = b"\x0a\x02\x08\x04"
        head = b"HTTP/1.1 200 OK\r\n" + PROTOBUF.encode()
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        for data in (chunked + b"4\r\n" + partial + b"\r\n0\r\n\r\n",
                     chunked + b"1;a=b\r\n\x0a\r\n003\r\n\x02\x08\x04\r\n0\r\nTrailer: x\r\n\r\n",
                     head + b"\r\n" + partial, b"HTTP/1.0 200 OK\r\n" + PROTOBUF.encode() + b"\r\n" + partial,
                     b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + response(200, partial),
                     response(200, partial).replace(b"\r\n", b"\n"), response(200, partial, PROTOBUF + "X: " + "y" * 5000 + "\r\n")):
            with self.subTest(data):
                counters, _ = self.outcome(closes(data))
                self.assertCounted(counters, EXPORT_SENT_SPANS=6, EXPORT_PARTIAL_SPANS=4)

                def bytewise(connection, data=data):
                    connection.request()
                    for byte in data:
                        connection.send(bytes([byte]))
                counters, _ = self.outcome(bytewise)
                self.assertCounted(counters, EXPORT_SENT_SPANS=6, EXPORT_PARTIAL_SPANS=4)

    def test_an_answer_cut_after_any_byte_never_counts_as_delivered(self):
        for whole in (response(200, b"\x0a\x02\x08\x00"),
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\x0a\x02\x08\x00\r\n0\r\n\r\n"):
            for cut in range(len(whole)):
                with self.subTest(cut):
                    Server(self, closes(whole[:cut]), good)
                    driver = self.http(*FAST)
                    driver.submit("traces", 10)
                    driver.wait_idle()
                    counters = driver.quit()
                    self.assertCounted(counters, EXPORT_SENT_SPANS=10, EXPORT_RETRIES=1)
                    self.assertEqual(counters["EXPORT_MAYBE_TWICE_SPANS"], 10)
                    os.unlink(self.path)

    def test_what_is_not_http_is_tried_again_until_it_expires(self):
        for data in (b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 100, os.urandom(3000) + b"\n", b"HTTP/2 200 OK\r\n\r\n", b"\r\n\r\n",
                     b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200OK\r\n\r\n",
                     b"HTTP/1.1 099 X\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.1 200 OK\r\nnocolon\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length\t: 0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: " + b" " * 2000 + b"0\r\n\r\n"):
            with self.subTest(data[:60]):
                counters, _ = self.outcome(closes(data), *EXPIRES, "-t", "500")
                self.assertCounted(counters, EXPORT_EXPIRED_SPANS=10)

    def test_fields_and_bodies_without_end_stop_at_the_limit(self):
        def fields(connection):
            connection.request()
            connection.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.send(b"X: " + b"y" * 1000 + b"\r\n")

        def continues(connection):
            connection.request()
            while True:
                connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

        def body(connection):
            connection.request()
            connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.send(b"x" * 65536)

        def chunks(connection):
            connection.request()
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                connection.send(b"1\r\nx\r\n" * 1000)

        def trailers(connection):
            connection.request()
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
            while True:
                connection.send(b"X: y\r\n" * 1000)
        for script in (fields, continues, body, chunks, trailers):
            with self.subTest(script.__name__):
                counters, _ = self.outcome(script, "-t", "30000")
                self.assertCounted(counters, EXPORT_REFUSED_SPANS=10)
                self.assertIn("larger than this client accepts", self.said)

    def test_no_answer_within_the_timeout_is_tried_again_on_a_new_connection(self):
        event = threading.Event()
        self.addCleanup(event.set)
        for slow in (lambda connection: event.wait(30), lambda connection: (connection.request(), event.wait(30))):
            server = Server(self, slow, good)
            driver = self.http(*FAST, "-t", "1000")
            driver.submit("traces", 10, 1 << 20)
            driver.wait_idle()
            self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10)
            self.assertGreaterEqual(server.connections, 2)
            self.assertIn("no answer within the timeout", driver.said())
            os.unlink(self.path)

    def test_an_answer_during_the_upload_counts_and_the_connection_is_not_used_again(self):
        def early(connection):
            connection.more()
            connection.send(response(401, b"who?", ""))
            connection.sock.recv(1 << 20)
        server = Server(self, early, good)
        driver = self.http(*EXPIRES)
        driver.submit("traces", 10, 3 << 20)
        driver.submit("traces", 1)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=10, EXPORT_SENT_SPANS=1)
        self.assertIn("HTTP 401, \"who?\"", driver.said())
        self.assertEqual(server.connections, 2)

    def test_a_server_that_closes_between_requests_costs_nothing(self):
        for data in (EMPTY, EMPTY.replace(b"200 OK\r\n", b"200 OK\r\nConnection: close\r\n"),
                     EMPTY.replace(b"HTTP/1.1", b"HTTP/1.0"),
                     EMPTY + b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"):
            with self.subTest(data):
                server = Server(self, closes(data))
                driver = self.http("-i", "3600000", "-e", "0")  # a back-off would take an hour
                for _ in range(5):
                    driver.submit()
                    driver.wait_idle()
                self.assertEqual(driver.quit()["EXPORT_SENT_SPANS"], 50)
                self.assertEqual(server.connections, 5)
                os.unlink(self.path)

    def test_a_reused_connection_that_dies_unanswered_is_replaced_at_once(self):
        def script(connection):
            connection.request()
            connection.send(EMPTY)
            connection.request()
        Server(self, script, good)
        driver = self.http("-i", "3600000", "-e", "0")
        driver.submit()
        driver.wait_idle()
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=20, EXPORT_RETRIES=1)

    def test_what_a_server_says_before_it_was_asked_is_no_answer(self):
        spoken = threading.Event()

        def script(connection):
            connection.request()
            connection.send(EMPTY)
            self.assertTrue(idle.wait(30))
            connection.send(response(408, b"too slow", "Connection: close\r\n"))
            spoken.set()
        for _ in range(20):
            spoken.clear()
            idle = threading.Event()
            server = Server(self, script, good)
            driver = self.http("-i", "3600000", "-e", "0")
            driver.submit()
            driver.wait_idle()
            # The call begins before the loop hears of the 408: it is stopped when both come.
            driver.process.send_signal(signal.SIGSTOP)
            driver.tell("submit traces 10 100")
            idle.set()
            self.assertTrue(spoken.wait(30))
            driver.process.send_signal(signal.SIGCONT)
            driver.answer()
            driver.wait_idle()
            self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=20)
            server.stop()
            os.unlink(self.path)

    def test_a_request_that_is_too_large_arrives_in_parts(self):
        def limited(too_large):
            def script(connection):
                while True:
                    _, _, body = connection.request()
                    connection.send(too_large if len(body) > 3000 else EMPTY)
            return script
        for too_large in (response(413, b"", ""), response(400, rpc_status(b"http: request body too large"))):
            with self.subTest(too_large):
                server = Server(self, limited(too_large))
                driver = self.http()
                driver.ask("spans 100 200")
                driver.wait_idle()
                self.assertEqual(driver.quit()["EXPORT_SENT_SPANS"], 100)
                self.assertGreater(len(server.requests), 8)
                os.unlink(self.path)

    def test_what_the_server_says_cannot_forge_a_log_line(self):
        self.outcome(answers(response(400, b"a\nready: b\x1b[31m", "")))
        self.assertIn("\"a?ready: b?[31m\"", self.said)
        self.assertEqual(self.said.count("\n"), 1)


class Tls(ExporterTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()

    @classmethod
    def tearDownClass(cls):
        cls.certificates.close()

    def context(self, name="localhost", ask=False, **limits):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificates.pair(name))
        context.set_alpn_protocols(["http/1.1"])
        if ask:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.certificates.authority)
        for limit, value in limits.items():
            setattr(context, limit, value)
        return context

    def https(self, context, *options, host="localhost", script=good):
        server = Server(self, script, tcp=True, context=context)
        trust = () if "-k" in options else ("-A", self.certificates.authority)
        return server, self.driver(*trust, *options, endpoint="otlp-http:https://%s:%d" % (host, server.port))

    def delivers(self, *arguments, **how):
        server, driver = self.https(*arguments, **how)
        driver.submit("traces", 10, 3 << 20)
        driver.submit("metrics", 5)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10, EXPORT_SENT_POINTS=5)
        self.assertEqual([len(body) for _, _, body in server.requests], [3 << 20, 100])
        return server

    def refused(self, sentence, *arguments, **how):
        _, driver = self.https(arguments[0], *EXPIRES, *arguments[1:], **how)
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)
        self.assertIn(sentence, driver.said())

    def test_a_trusted_server_of_the_right_name_gets_everything(self):
        self.assertEqual(self.delivers(self.context(), *FAST).connections, 1)

    def test_both_versions_of_tls_work(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.delivers(self.context(minimum_version=version, maximum_version=version), *FAST)

    def test_a_server_without_alpn_speaks_http(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificates.pair("localhost"))
        self.delivers(context, *FAST)

    def test_an_address_is_compared_with_the_addresses_of_the_certificate(self):
        self.delivers(self.context("127.0.0.1"), host="127.0.0.1")
        self.refused("is not for 127.0.0.1: correct the endpoint", self.context("localhost"), host="127.0.0.1")

    def test_an_authority_that_is_not_known_is_named_with_its_remedy(self):
        self.refused("comes from an authority that is not trusted here: name that authority with tls.ca_file",
                     self.context("stranger"))

    def test_an_expired_certificate_is_said_to_be_expired(self):
        self.refused("The certificate of localhost has expired", self.context("expired"))

    def test_a_common_name_or_half_a_name_is_no_name(self):
        for name in ("common-name", "nul"):
            self.refused("certificate is not for localhost: correct the endpoint", self.context(name))

    def test_a_certificate_that_vouches_for_itself_is_refused(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificates.self_signed("itself"))
        self.refused("comes from an authority that is not trusted here", context)

    def test_no_older_version_than_1_2_is_spoken(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.subTest(version), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                context = self.context(minimum_version=version, maximum_version=version)
                context.set_ciphers("ALL:@SECLEVEL=0")
                self.refused("TLS with localhost failed", context)

    def test_a_server_cannot_have_the_handshake_again(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        certificate, key = self.certificates.pair("localhost")
        server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-tls1_2", "-cert", certificate,
                                   "-key", key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stdin.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        for line in server.stdout:
            if b"ACCEPT" in line:
                break
        driver = self.driver("-i", "3600000", "-t", "30000", "-A", self.certificates.authority,
                             endpoint="otlp-http:https://localhost:%d" % port)
        driver.submit()
        for line in server.stdout:
            if b"POST /v1/traces" in line:
                break
        server.stdin.write(b"R\n")
        server.stdin.flush()
        # The server gives up what is refused. What is not refused would never end.
        deadline = threading.Timer(10, server.kill)
        deadline.start()
        self.assertTrue(any(b"no renegotiation" in line for line in server.stdout))
        deadline.cancel()

    def test_a_certificate_for_another_name_is_refused_and_the_override_helps(self):
        self.refused("certificate is not for localhost: correct the endpoint", self.context("elsewhere"))
        self.delivers(self.context("elsewhere"), *FAST, "-N", "elsewhere")

    def test_without_verification_anything_is_believed(self):
        for name in ("stranger", "expired", "elsewhere"):
            self.delivers(self.context(name), *FAST, "-k")

    def test_the_systems_authorities_do_not_trust_the_tests(self):
        server = Server(self, good, tcp=True, context=self.context())
        driver = self.driver(*EXPIRES, endpoint="otlp-http:https://localhost:%d" % server.port)
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)
        self.assertIn("authority that is not trusted", driver.said())

    def test_a_server_that_asks_for_a_certificate_gets_it_or_is_understood(self):
        certificate, key = self.certificates.pair("client")
        self.delivers(self.context(ask=True), *FAST, "-C", certificate, "-K", key)
        for version, sentence in ((ssl.TLSVersion.TLSv1_2, "refuses the handshake: it may ask for a certificate"),
                                  (ssl.TLSVersion.TLSv1_3, "does not accept this side's certificate")):
            self.refused(sentence,
                         self.context(ask=True, minimum_version=version, maximum_version=version))

    def test_an_old_version_is_refused_by_min_version(self):
        self.refused("TLS with localhost failed", self.context(maximum_version=ssl.TLSVersion.TLSv1_2), "-3")

    def test_a_server_without_tls_is_named_as_such(self):
        server = Server(self, lambda connection: (connection.more(), connection.send(response(400))), tcp=True)
        driver = self.driver(*EXPIRES, "-k", endpoint="otlp-http:https://localhost:%d" % server.port)
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)
        self.assertIn("does not speak TLS on this port", driver.said())

    def test_a_handshake_that_never_ends_is_timed_out_and_one_that_is_cut_is_tried_again(self):
        event = threading.Event()
        self.addCleanup(event.set)
        for script in (lambda connection: event.wait(30), lambda connection: connection.more(),
                       lambda connection: connection.send(os.urandom(500))):
            server = Server(self, script, tcp=True)
            driver = self.driver(*EXPIRES, "-k", "-t", "100", endpoint="otlp-http:https://localhost:%d" % server.port)
            driver.submit()
            driver.wait_idle()
            self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)

    def test_a_connection_that_ends_without_good_bye_has_not_answered(self):
        def cut(connection):
            connection.request()
            connection.send(b"HTTP/1.1 200 OK\r\n\r\nbody")
            connection.sock.shutdown(socket.SHUT_RDWR)
        self.refused("the connection was closed before the answer", self.context(), script=cut)

    def test_grpc_needs_http2_and_says_so(self):
        server = Server(self, good, tcp=True, context=self.context())
        driver = self.driver(*EXPIRES, "-A", self.certificates.authority, endpoint="https://localhost:%d" % server.port)
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_EXPIRED_SPANS=10)
        self.assertIn("does not offer h2 on this port", driver.said())

    def test_files_that_cannot_be_used_are_named_at_start(self):
        certificate, key = self.certificates.pair("client")
        _, other = self.certificates.pair("localhost")
        for options, sentence in ((("-A", "/nonexistent"), "tls.ca_file: \"/nonexistent\" cannot be used: No such file"),
                                  (("-A", "/etc/hostname"), "tls.ca_file"), (("-k", "-C", certificate), "go together"),
                                  (("-k", "-C", "/nonexistent", "-K", key), "tls.cert_file"),
                                  (("-k", "-C", certificate, "-K", other), "tls.key_file")):
            with self.subTest(sentence):
                driver = self.driver(*options, endpoint="otlp-http:https://localhost:1")
                self.assertEqual(driver.process.wait(30), 2)
                self.assertIn(sentence, driver.said())


if __name__ == "__main__":
    main()
