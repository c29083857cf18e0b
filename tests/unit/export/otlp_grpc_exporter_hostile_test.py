"""The otlp-grpc exporter against servers that break HTTP/2, gRPC, or the connection: raw bytes on a socket."""
import gzip
import os
import socket
import struct
import threading

from export_driver import ExporterTest, main

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 7, 8, 11
EXPIRES = ("-i", "10", "-e", "60")  # retries for 60 ms, then gives up
PATIENT = ("-i", "10")


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, prefix_bits, first=0):
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytes([first | limit])
    value -= limit
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def fields(*pairs):
    """HPACK, literals only."""
    out = b""
    for name, value in pairs:
        name, value = name.encode(), value if isinstance(value, bytes) else value.encode()
        out += b"\x00" + integer(len(name), 7) + name + integer(len(value), 7) + value
    return out


HEAD = fields((":status", "200"), ("content-type", "application/grpc"))
OK = fields(("grpc-status", "0"))
MESSAGE = b"\0\0\0\0\0"  # an empty response: full success


def success(stream=1):
    return (frame(HEADERS, END_HEADERS, stream, HEAD) + frame(DATA, 0, stream, MESSAGE) +
            frame(HEADERS, END_HEADERS | END_STREAM, stream, OK))


def trailers_only(*pairs):
    return frame(HEADERS, END_HEADERS | END_STREAM, 1, fields((":status", "200"), *pairs))


class Connection:
    """A client's connection, seen from the server."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data)

    def exactly(self, n):
        while len(self.buffer) < n:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def hello(self):
        assert self.exactly(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        self.send(frame(SETTINGS))

    def frame(self):
        head = self.exactly(9)
        length, = struct.unpack(">I", b"\0" + head[:3])
        stream, = struct.unpack(">I", head[5:])
        return head[3], head[4], stream, self.exactly(length)

    def request(self):
        """Read to the end of the next request; its stream."""
        while True:
            kind, flags, stream, _ = self.frame()
            if kind == DATA and flags & END_STREAM:
                return stream


class Server:
    """Runs one function per connection, in order; the last one again for all further ones."""

    def __init__(self, test, *scripts):
        self.connections = 0
        self.scripts = scripts
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(test.path)
        self.listener.listen()
        test.addCleanup(self.listener.close)
        test.addCleanup(self.listener.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock, script), daemon=True).start()

    @staticmethod
    def serve(sock, script):
        with sock:
            try:
                script(Connection(sock))
            except (OSError, EOFError):
                pass


def good(connection):
    connection.hello()
    while True:
        connection.send(success(connection.request()))


def answer(data, then_close=False):
    """Take one request and send data. A second request finds the connection closed."""
    def script(connection):
        connection.hello()
        connection.request()
        connection.send(data)
        if not then_close:
            connection.request()
    return script


def greet(data):
    """Send data at once, read nothing, and stay."""
    def script(connection):
        connection.send(data)
        while connection.sock.recv(65536):
            pass
    return script


def fragmented_header_block(total, final=True):
    block = b"".join(fields(("x-%d" % i, "v" * 1000)) for i in range(total // 1000))
    parts = [block[i:i + 16000] for i in range(0, len(block), 16000)]
    out = frame(HEADERS, 0, 1, HEAD)
    for i, part in enumerate(parts):
        out += frame(CONTINUATION, END_HEADERS if final and i == len(parts) - 1 else 0, 1, part)
    return out


class Hostile(ExporterTest):
    def outcome(self, script, *options, size=100):
        Server(self, script)
        driver = self.driver(*(options or EXPIRES))
        driver.submit("traces", 10, size)
        driver.wait_idle()
        counters = driver.quit()
        self.said = driver.said()
        return counters

    def test_what_is_not_http2_is_tried_again_until_it_expires(self):
        for data in (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", b"\0" * 100, b"\xff" * 100,
                     os.urandom(5000), b"SSH-2.0-OpenSSH_9.2\r\n", frame(PING, 0, 0, b"12345678"),
                     frame(SETTINGS, 0, 1), frame(SETTINGS, 0, 0, b"12345"), frame(DATA, 0, 1, b"x"),
                     frame(SETTINGS) + frame(HEADERS, END_HEADERS, 2, HEAD),
                     frame(SETTINGS) + frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
                     frame(SETTINGS) + frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
                     frame(SETTINGS) + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + HEAD),
                     frame(SETTINGS) + b"\xff\xff\xff\0\0\0\0\0\0" + b"x" * 100):
            with self.subTest(data[:30]):
                self.assertCounted(self.outcome(greet(data), *EXPIRES, "-t", "500"), EXPORT_EXPIRED_SPANS=10)
                os.unlink(self.path)

    def test_an_answer_cut_after_any_byte_never_counts_as_delivered(self):
        whole = success()
        for cut in range(len(whole)):
            with self.subTest(cut):
                Server(self, answer(whole[:cut], then_close=True), good)
                driver = self.driver(*PATIENT)
                driver.submit("traces", 10)
                driver.wait_idle()
                self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10, EXPORT_RETRIES=1)
                os.unlink(self.path)

    def test_an_answer_in_single_bytes_is_understood(self):
        def script(connection):
            connection.hello()
            connection.request()
            for byte in success():
                connection.send(bytes([byte]))
            connection.frame()
            connection.request()
        self.assertCounted(self.outcome(script), EXPORT_SENT_SPANS=10)

    def test_resets_are_judged_by_their_code(self):
        for error, expected in ((REFUSED_STREAM, "EXPORT_EXPIRED_SPANS"), (CANCEL, "EXPORT_EXPIRED_SPANS"),
                                (ENHANCE_YOUR_CALM, "EXPORT_REFUSED_SPANS"), (INTERNAL_ERROR, "EXPORT_REFUSED_SPANS"),
                                (PROTOCOL_ERROR, "EXPORT_REFUSED_SPANS"), (NO_ERROR, "EXPORT_REFUSED_SPANS")):
            with self.subTest(error):
                counters = self.outcome(answer(frame(RST_STREAM, 0, 1, struct.pack(">I", error))))
                self.assertCounted(counters, **{expected: 10})
                os.unlink(self.path)

    def test_http_statuses_without_grpc_status_are_mapped(self):
        for status, name in (("400", "INTERNAL"), ("401", "UNAUTHENTICATED"), ("403", "PERMISSION_DENIED"),
                             ("404", "UNIMPLEMENTED"), ("200", "UNKNOWN"), ("500", "UNKNOWN")):
            with self.subTest(status):
                data = frame(HEADERS, END_HEADERS | END_STREAM, 1, fields((":status", status)))
                self.assertCounted(self.outcome(answer(data)), EXPORT_REFUSED_SPANS=10)
                self.assertIn(name + ", \"the answer is not gRPC's; its HTTP status is " + status, self.said)
                os.unlink(self.path)
        for status in ("429", "502", "503", "504"):
            with self.subTest(status):
                data = frame(HEADERS, END_HEADERS | END_STREAM, 1, fields((":status", status)))
                self.assertCounted(self.outcome(answer(data)), EXPORT_EXPIRED_SPANS=10)
                os.unlink(self.path)

    def test_a_success_without_exactly_one_message_is_not_a_success(self):
        head = frame(HEADERS, END_HEADERS, 1, HEAD)
        end = frame(HEADERS, END_HEADERS | END_STREAM, 1, OK)
        for data in (trailers_only(("grpc-status", "0")), head + end, head + frame(DATA, 0, 1, b"\0\0\0") + end,
                     head + frame(DATA, 0, 1, MESSAGE + b"x") + end, head + frame(DATA, 0, 1, MESSAGE + MESSAGE) + end,
                     head + frame(DATA, 0, 1, b"\1\0\0\0\0") + end,
                     head + frame(DATA, 0, 1, b"\0\xff\xff\xff\xff") + end,
                     head + frame(DATA, END_STREAM, 1, MESSAGE),
                     frame(HEADERS, END_HEADERS | END_STREAM, 1, fields((":status", "500"), ("grpc-status", "0")))):
            with self.subTest(data):
                self.assertCounted(self.outcome(answer(data)), EXPORT_REFUSED_SPANS=10)
                os.unlink(self.path)

    def test_a_compressed_answer_is_decompressed_or_refused(self):
        def compressed(data, encoding="gzip"):
            return (frame(HEADERS, END_HEADERS, 1, HEAD + fields(("grpc-encoding", encoding))) +
                    frame(DATA, 0, 1, b"\1" + struct.pack(">I", len(data)) + data) +
                    frame(HEADERS, END_HEADERS | END_STREAM, 1, OK))
        partial = gzip.compress(b"\x0a\x02\x08\x04")
        self.assertCounted(self.outcome(answer(compressed(gzip.compress(b"")))), EXPORT_SENT_SPANS=10)
        os.unlink(self.path)
        self.assertCounted(self.outcome(answer(compressed(partial))), EXPORT_SENT_SPANS=6, EXPORT_PARTIAL_SPANS=4)
        os.unlink(self.path)
        bomb = gzip.compress(bytes(5 << 20))
        for data in (compressed(partial, "deflate"), compressed(partial[:-1]), compressed(partial + b"x"), compressed(b""),
                     compressed(b"garbage"), compressed(bomb)):
            with self.subTest(data[:80]):
                self.assertCounted(self.outcome(answer(data)), EXPORT_REFUSED_SPANS=10)
                os.unlink(self.path)

    def test_odd_grpc_statuses_are_unknown(self):
        for status in ("17", "99", "-1", "00000", "", "0x0", "1e0", "4294967296"):
            with self.subTest(status):
                self.assertCounted(self.outcome(answer(trailers_only(("grpc-status", status)))),
                                   EXPORT_REFUSED_SPANS=10)
                self.assertIn("UNKNOWN", self.said)
                os.unlink(self.path)

    def test_broken_status_details_are_as_good_as_none(self):
        for details in ("", "!!!!", "A", "A" * 9000, "GoGAgIAQ", "////////", b"\xff\xfe"):
            with self.subTest(details):
                data = trailers_only(("grpc-status", "8"), ("grpc-status-details-bin", details))
                self.assertCounted(self.outcome(answer(data)), EXPORT_REFUSED_SPANS=10)
                os.unlink(self.path)

    def test_headers_over_the_limit_are_refused(self):
        data = frame(HEADERS, END_HEADERS, 1, HEAD) + b"".join(
            frame(HEADERS, END_HEADERS | END_STREAM, 1, fields(*[("x-%d" % i, "v" * 120) for i in range(100)]))
            for _ in range(1))
        self.assertCounted(self.outcome(answer(data)), EXPORT_REFUSED_SPANS=10)  # no status, but within the limit
        self.assertIn("UNKNOWN", self.said)
        os.unlink(self.path)
        counters = self.outcome(answer(fragmented_header_block(80000)))
        self.assertIn(counters, ({"EXPORT_REFUSED_SPANS": 10},))
        self.assertIn("larger than this client accepts", self.said)

    def test_continuations_without_end_do_not_hold_the_exporter(self):
        def script(connection):
            connection.hello()
            connection.request()
            connection.send(frame(HEADERS, 0, 1, HEAD))
            while True:
                connection.send(frame(CONTINUATION, 0, 1, b""))
        counters = self.outcome(script, "-t", "500", "-r")
        self.assertEqual(sum(counters.values()), 10)
        self.assertNotIn("EXPORT_SENT_SPANS", counters)

    def test_a_body_without_end_stops_at_the_limit(self):
        def script(connection):
            connection.hello()
            connection.request()
            connection.send(frame(HEADERS, END_HEADERS, 1, HEAD))
            window = 65535
            for _ in range(1000):
                while window < 16384:
                    kind, _, stream, payload = connection.frame()
                    if kind == RST_STREAM:
                        return
                    if kind == WINDOW_UPDATE and stream == 1:
                        window += struct.unpack(">I", payload)[0]
                connection.send(frame(DATA, 0, 1, b"\0" * 16384))
                window -= 16384
        self.assertCounted(self.outcome(script, "-t", "30000"), EXPORT_REFUSED_SPANS=10)
        self.assertIn("larger than this client accepts", self.said)

    def test_a_server_that_never_reads_ends_in_the_timeout(self):
        event = threading.Event()
        self.addCleanup(event.set)
        counters = self.outcome(lambda connection: event.wait(30), "-t", "100", "-r", size=3 << 20)
        self.assertCounted(counters, EXPORT_EXPIRED_SPANS=10)
        self.assertIn("no answer within the timeout", self.said)

    def test_an_answer_during_the_upload_ends_the_upload(self):
        def script(connection):
            connection.hello()
            while connection.frame()[0] != DATA:
                pass
            connection.send(trailers_only(("grpc-status", "8"), ("grpc-message", "too%20big%21")))
            connection.send(frame(RST_STREAM, 0, 1, struct.pack(">I", NO_ERROR)))
            connection.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 20)))  # what was uploaded in vain
            while True:
                connection.send(success(connection.request()))
        Server(self, script)
        driver = self.driver(*EXPIRES)
        driver.submit("traces", 10, 3 << 20)
        driver.submit("traces", 1, 10)
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_REFUSED_SPANS=10, EXPORT_SENT_SPANS=1)
        self.assertIn("RESOURCE_EXHAUSTED, \"too big!\"", driver.said())

    def test_an_answer_during_the_upload_and_a_closed_connection_are_still_the_answer(self):
        def script(connection):
            connection.hello()
            while connection.frame()[0] != DATA:
                pass
            connection.send(trailers_only(("grpc-status", "3")))
        for _ in range(20):
            counters = self.outcome(script, *EXPIRES, size=3 << 20)
            self.assertCounted(counters, EXPORT_REFUSED_SPANS=10)
            os.unlink(self.path)

    def test_goaway_at_once_leads_to_another_connection(self):
        for error in (NO_ERROR, ENHANCE_YOUR_CALM):
            with self.subTest(error):
                Server(self, greet(frame(SETTINGS) + frame(GOAWAY, 0, 0, struct.pack(">II", 0, error))), good)
                driver = self.driver(*PATIENT)
                driver.submit()
                driver.wait_idle()
                self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=10, EXPORT_RETRIES=1)
                os.unlink(self.path)

    def test_a_graceful_goaway_lets_the_call_end_and_the_next_one_uses_a_new_connection(self):
        def script(connection):
            connection.hello()
            stream = connection.request()
            connection.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0x7fffffff, NO_ERROR)))
            connection.send(frame(PING, 0, 0, b"drained?"))
            while connection.frame()[:2] != (PING, ACK):
                pass
            connection.send(frame(GOAWAY, 0, 0, struct.pack(">II", stream, NO_ERROR)))
            connection.send(success(stream))
        server = Server(self, script, good)
        driver = self.driver(*PATIENT)
        driver.submit()
        driver.submit()
        driver.wait_idle()
        counters = driver.quit()
        self.assertEqual(counters, {"EXPORT_SENT_SPANS": 20})
        self.assertEqual(server.connections, 2)

    def test_a_reused_connection_that_dies_unanswered_is_replaced_at_once(self):
        def script(connection):
            connection.hello()
            connection.send(success(connection.request()))
            connection.request()
        Server(self, script, good)
        driver = self.driver("-i", "3600000", "-e", "0")  # a back-off would take an hour
        driver.submit()
        driver.wait_idle()
        driver.submit()
        driver.wait_idle()
        self.assertCounted(driver.quit(), EXPORT_SENT_SPANS=20, EXPORT_RETRIES=1)

    def test_an_idle_connection_that_is_closed_costs_the_next_request_nothing(self):
        closed = threading.Event()

        def script(connection):
            connection.hello()
            connection.send(success(connection.request()))
            connection.sock.close()
            closed.set()
        Server(self, script, good)
        driver = self.driver("-i", "3600000", "-e", "0")
        driver.submit()
        driver.wait_idle()
        self.assertTrue(closed.wait(30))
        driver.submit()
        driver.wait_idle()
        self.assertEqual(driver.quit()["EXPORT_SENT_SPANS"], 20)

    def test_pings_are_answered(self):
        def script(connection):
            connection.hello()
            stream = connection.request()
            connection.send(frame(PING, 0, 0, b"are you?"))
            while True:
                kind, flags, _, payload = connection.frame()
                if kind == PING:
                    break
            assert flags == ACK and payload == b"are you?"
            connection.send(success(stream))
            connection.frame()
            connection.request()
        self.assertCounted(self.outcome(script), EXPORT_SENT_SPANS=10)

    def test_max_concurrent_streams_of_zero_ends_in_the_timeout_and_not_in_a_crash(self):
        def script(connection):
            connection.exactly(24)
            connection.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 0)))
            while True:
                connection.frame()
        counters = self.outcome(script, "-t", "100", "-r")
        self.assertEqual(sum(counters.values()), 10)
        self.assertNotIn("EXPORT_SENT_SPANS", counters)

    def test_a_flood_of_settings_is_not_acknowledged_without_end(self):
        def script(connection):
            connection.exactly(24)
            for _ in range(200000):
                connection.send(frame(SETTINGS))
        counters = self.outcome(script, "-t", "2000", "-r")
        self.assertEqual(sum(counters.values()), 10)
        self.assertNotIn("EXPORT_SENT_SPANS", counters)

    def test_giving_up_in_the_middle_of_an_upload_is_clean(self):
        event = threading.Event()
        self.addCleanup(event.set)
        Server(self, lambda connection: event.wait(30))
        driver = self.driver("-t", "3600000")
        driver.submit("traces", 10, 3 << 20)
        driver.submit("metrics", 5)
        driver.ask("drain 50")
        self.assertCounted(driver.quit(), EXPORT_SHUTDOWN_SPANS=10, EXPORT_SHUTDOWN_POINTS=5)


if __name__ == "__main__":
    main()
