/* Speak HTTP/2 over real sockets in every kind of pieces: everything but the payload of DATA must be shown, every byte
 * covered, and frames marked where they begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "event_log.h"
#include "socket_pair.h"
#include "support/frame_walk.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { STREAM_BYTES_MAX = 17 << 20, GAP_BYTES_MAX = 64, CAPTURE_BYTES = 4096 };

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8, CONTINUATION = 9 };
enum { END_STREAM = 1, END_HEADERS = 4 };

static struct event_log captured;

/* What one direction carries, and what must be said about each byte. */
struct stream {
	uint8_t bytes[STREAM_BYTES_MAX];
	uint8_t marks[STREAM_BYTES_MAX];
	size_t length;
};

static struct stream stream;

static void stream_begin(const char *text)
{
	stream.length = strlen(text);
	memcpy(stream.bytes, text, stream.length);
}

static void put_bytes(const void *bytes, size_t length)
{
	assert_true(length <= sizeof(stream.bytes) - stream.length);
	memcpy(stream.bytes + stream.length, bytes, length);
	stream.length += length;
}

/* A frame whose payload is made of one letter. */
static void put_frame(uint8_t type, uint8_t flags, uint32_t id, size_t length, int letter)
{
	const uint8_t header[9] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length, type, flags,
				   (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

	put_bytes(header, sizeof(header));
	assert_true(length <= sizeof(stream.bytes) - stream.length);
	memset(stream.bytes + stream.length, letter, length);
	stream.length += length;
}

static void put_frame_of(uint8_t type, uint8_t flags, uint32_t id, const char *payload, size_t length)
{
	put_frame(type, flags, id, length, 0);
	memcpy(stream.bytes + stream.length - length, payload, length);
}

static void put_settings(void)
{
	put_frame_of(SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
}

/* A gRPC call as a client sends it, its message cut over two frames. */
static void put_call(uint32_t id)
{
	put_frame(HEADERS, END_HEADERS, id, 120, 'h');
	put_frame_of(DATA, 0, id, "\0\0\0\1", 4);
	put_frame(DATA, END_STREAM, id, 257, 'm');
	stream.bytes[stream.length - 257] = 0; /* the message has 256 bytes */
}

static uint64_t id_of(uint16_t local, uint16_t remote)
{
	const struct shm_record_connection *event = event_log_connection(&captured, local, remote);

	assert_non_null(event);
	return event->connection_id;
}

static uint64_t client_id(const struct socket_pair *pair)
{
	return id_of(pair->client_port, pair->server_port);
}

static uint64_t server_id(const struct socket_pair *pair)
{
	return id_of(pair->server_port, pair->client_port);
}

static const struct shm_record_data *data_event(size_t i, uint64_t id, bool sent)
{
	const struct shm_record_data *event = (const void *)captured.events[i];
	bool matches = event->header.type == SHM_RECORD_DATA && event->connection_id == id &&
		       !!(event->header.flags & SHM_DATA_SENT) == sent;

	return matches ? event : NULL;
}

static void expect_captured(const struct shm_record_data *event, uint8_t *seen)
{
	size_t gap = 0;

	assert_true(event->offset + event->byte_count <= stream.length);
	assert_memory_equal(event + 1, stream.bytes + event->offset, event->captured_bytes);
	for (size_t i = 0; i < event->captured_bytes; i++) {
		size_t at = event->offset + i;
		gap = stream.marks[at] ? 0 : gap + 1;
		seen[at] = 1;
		assert_true(gap < GAP_BYTES_MAX);
	}
	assert_int_equal(gap, 0); /* it ends with a byte that must be shown */
	if (event->header.flags & SHM_DATA_HTTP2_FRAME)
		assert_true(stream.marks[event->offset] & FRAME_WALK_BEGINS || event->offset == 0);
	else if (event->captured_bytes && event->offset)
		assert_false(stream.marks[event->offset] & FRAME_WALK_BEGINS);
}

/* Every byte is covered in order, all that the other walker marks has been captured, frames are flagged. Returns the
 * number of events. `preface`: the stream begins with one. */
static size_t expect_walked(uint64_t id, bool sent, bool preface)
{
	uint8_t *seen = calloc(stream.length, 1);
	uint64_t position = 0;
	size_t events = 0;

	assert_non_null(seen);
	frame_walk_expect(stream.bytes, stream.length, preface, stream.marks);
	event_log_drain(&captured);
	for (size_t i = 0; i < captured.count; i++) {
		const struct shm_record_data *event = data_event(i, id, sent);
		if (!event)
			continue;
		assert_int_equal(event->offset, position);
		position += event->byte_count;
		expect_captured(event, seen);
		events++;
	}
	assert_int_equal(position, stream.length);
	for (size_t i = 0; i < stream.length; i++) {
		if (stream.marks[i] && !seen[i])
			fail_msg("byte %zu of %zu is not shown", i, stream.length);
	}
	free(seen);
	return events;
}

static bool any_frame_flag(uint64_t id, bool sent)
{
	event_log_drain(&captured);
	for (size_t i = 0; i < captured.count; i++) {
		const struct shm_record_data *event = data_event(i, id, sent);
		if (event && event->header.flags & SHM_DATA_HTTP2_FRAME)
			return true;
	}
	return false;
}

static uint64_t places_lost(void)
{
	uint64_t counters[SENSOR_COUNTER_COUNT] = {0};

	capture_counters(captured.capture, counters);
	return counters[SENSOR_COUNTER_HTTP2_PLACE_LOST];
}

static void send_all(int socket, const uint8_t *bytes, size_t length, size_t piece)
{
	for (size_t at = 0; at < length; at += piece) {
		size_t n = length - at < piece ? length - at : piece;
		assert_int_equal(send(socket, bytes + at, n, 0), n);
	}
}

static void receive_all(int socket, size_t length, size_t piece)
{
	static uint8_t buffer[1 << 20];

	while (length) {
		ssize_t got = recv(socket, buffer, length < piece ? length : piece, MSG_WAITALL);
		assert_true(got > 0);
		length -= (size_t)got;
	}
}

/* Pass the stream from the client to the server, in pieces of these sizes. */
static void pass(const struct socket_pair *pair, size_t sent, size_t received)
{
	size_t window = 65536;

	for (size_t at = 0; at < stream.length; at += window) {
		size_t n = stream.length - at < window ? stream.length - at : window;
		send_all(pair->client, stream.bytes + at, n, sent);
		receive_all(pair->server, n, received);
	}
}

static void put_conversation(void)
{
	stream_begin(PREFACE);
	put_settings();
	put_frame_of(WINDOW_UPDATE, 0, 0, "\0\1\0\0", 4);
	put_call(1);
	put_frame(PING, 0, 0, 8, 'p');
	put_frame(HEADERS, END_HEADERS, 3, 50, 'h');
	put_frame(DATA, 0, 3, 1000, 'b');
	put_frame(DATA, END_STREAM, 3, 20, 'b');
}

static void frames_are_walked_whatever_the_pieces(void **unused)
{
	static const size_t pieces[] = {1, 2, 3, 7, 9, 10, 23, 24, 33, 100, 1000, 65536};

	(void)unused;
	put_conversation();
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
		pass(&pair, pieces[i], pieces[sizeof(pieces) / sizeof(pieces[0]) - 1 - i]);
		expect_walked(client_id(&pair), true, true);
		expect_walked(server_id(&pair), false, true);
		socket_pair_close(&pair);
	}
	assert_int_equal(places_lost(), 0);
}

static void frames_over_unix_sockets_are_walked_too(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_unix("/tmp/shmotel-test-http2");
	put_conversation();
	pass(&pair, 11, 13);
	const struct shm_record_connection *event =
		event_log_unix(&captured, "/tmp/shmotel-test-http2", SHM_ROLE_SERVER);
	assert_non_null(event);
	expect_walked(event->connection_id, false, true);
	socket_pair_close(&pair);
	unlink("/tmp/shmotel-test-http2");
}

static void budgets_and_turns_mean_nothing_to_frames(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin(PREFACE);
	put_settings();
	for (uint32_t id = 1; id < 400; id += 2)
		put_frame(HEADERS, END_HEADERS | END_STREAM, id, 200, 'h');
	pass(&pair, 209, 65536);
	expect_walked(client_id(&pair), true, true);
	assert_true(expect_walked(server_id(&pair), false, true) < 12); /* many frames in an event */
	socket_pair_close(&pair);
}

static void header_blocks_of_any_length_are_shown_whole(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin(PREFACE);
	put_settings();
	put_frame(HEADERS, END_STREAM, 1, 16384, 'h');
	put_frame(CONTINUATION, 0, 1, 16384, 'c');
	put_frame(CONTINUATION, END_HEADERS, 1, 12000, 'c');
	pass(&pair, 65536, 5000);
	expect_walked(client_id(&pair), true, true);
	expect_walked(server_id(&pair), false, true);
	socket_pair_close(&pair);
}

/* The last event of a direction. */
static const struct shm_record_data *last_event(uint64_t id, bool sent)
{
	event_log_drain(&captured);
	for (size_t i = captured.count; i-- > 0;) {
		const struct shm_record_data *event = data_event(i, id, sent);
		if (event)
			return event;
	}
	fail_msg("no event");
	return NULL;
}

static void large_data_costs_a_few_events_and_its_end_is_reported_at_once(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin(PREFACE);
	put_settings();
	put_frame(HEADERS, END_HEADERS, 1, 60, 'h');
	put_frame(DATA, 0, 1, 8 << 20, 'd');
	put_frame(DATA, END_STREAM, 1, 8 << 20, 'd');
	pass(&pair, 65536, 65536);
	assert_true(expect_walked(client_id(&pair), true, true) < 10);
	const struct shm_record_data *last = last_event(server_id(&pair), false);
	assert_int_equal(last->offset + last->byte_count, stream.length);
	assert_true(expect_walked(server_id(&pair), false, true) < 10);
	socket_pair_close(&pair);
}

static void messages_of_interleaved_streams_are_shown(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin(PREFACE);
	put_settings();
	for (uint32_t id = 1; id < 100; id += 2)
		put_frame_of(DATA, 0, id, "\0\0\0\0\x64" "first part", 15);
	for (uint32_t id = 1; id < 100; id += 2) {
		put_frame(DATA, END_STREAM, id, 90 + 5 + 300, 'm');
		memcpy(stream.bytes + stream.length - 305, "\1\0\0\1\x2c", 5);
	}
	pass(&pair, 77, 4000);
	expect_walked(client_id(&pair), true, true);
	expect_walked(server_id(&pair), false, true);
	socket_pair_close(&pair);
}

static void vectors_of_a_thousand_elements_are_walked(void **unused)
{
	enum { ELEMENTS = 1000 };
	static struct iovec vector[ELEMENTS];

	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	put_conversation();
	for (uint32_t id = 5; stream.length < 20000; id += 2)
		put_call(id);
	size_t piece = stream.length / ELEMENTS;
	for (size_t i = 0; i < ELEMENTS; i++)
		vector[i] =
			(struct iovec){stream.bytes + i * piece, i + 1 < ELEMENTS ? piece : stream.length - i * piece};
	assert_int_equal(writev(pair.client, vector, ELEMENTS), stream.length);
	expect_walked(client_id(&pair), true, true);

	uint8_t *buffer = malloc(stream.length);
	assert_non_null(buffer);
	for (size_t i = 0; i < ELEMENTS; i++)
		vector[i].iov_base = buffer + ((uint8_t *)vector[i].iov_base - stream.bytes);
	struct msghdr message = {.msg_iov = vector, .msg_iovlen = ELEMENTS};
	assert_int_equal(recvmsg(pair.server, &message, MSG_WAITALL), stream.length);
	expect_walked(server_id(&pair), false, true);
	free(buffer);
	socket_pair_close(&pair);
}

static void more_frames_in_one_call_than_an_event_holds_are_all_shown(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin(PREFACE);
	put_settings();
	while (stream.length < 60000)
		put_frame_of(WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4);
	pass(&pair, 65536, 65536);
	expect_walked(client_id(&pair), true, true);
	expect_walked(server_id(&pair), false, true);
	socket_pair_close(&pair);
}

static void peeked_bytes_are_not_walked_twice(void **unused)
{
	char buffer[64];

	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	put_conversation();
	send_all(pair.client, stream.bytes, stream.length, stream.length);
	assert_int_equal(recv(pair.server, buffer, 24, MSG_PEEK), 24);
	receive_all(pair.server, 30, 30);
	assert_int_equal(recv(pair.server, buffer, 64, MSG_PEEK), 64);
	receive_all(pair.server, stream.length - 30, 65536);
	expect_walked(server_id(&pair), false, true);
	socket_pair_close(&pair);
}

static void files_sent_as_data_keep_the_place(void **unused)
{
	enum { BYTES = 100000 };
	int file = memfd_create("body", 0);

	(void)unused;
	assert_int_equal(ftruncate(file, BYTES), 0);
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin(PREFACE);
	put_settings();
	put_frame(DATA, END_STREAM, 1, BYTES, 0);
	size_t head = stream.length - BYTES;
	/* Not a byte of the file can be seen: the other walker is told the same. */
	memset(stream.bytes + head, 'x', BYTES);
	send_all(pair.client, stream.bytes, head, head);
	for (off_t at = 0; at < BYTES;) {
		assert_true(sendfile(pair.client, file, &at, (size_t)(BYTES - at)) > 0);
		receive_all(pair.server, (size_t)at - (stream.length - head - BYTES), 65536);
		stream.length = head + BYTES + (size_t)at; /* so far */
	}
	stream.length = head + BYTES;
	size_t at = stream.length;
	put_frame(HEADERS, END_HEADERS, 3, 40, 'h');
	send_all(pair.client, stream.bytes + at, stream.length - at, stream.length);
	expect_walked(client_id(&pair), true, true);
	close(file);
	socket_pair_close(&pair);
}

static void a_server_that_speaks_first_is_walked(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin("");
	put_settings();
	send_all(pair.server, stream.bytes, stream.length, stream.length);
	receive_all(pair.client, stream.length, stream.length);
	put_conversation();
	pass(&pair, 65536, 65536);
	expect_walked(server_id(&pair), false, true);
	stream_begin("");
	put_settings();
	size_t at = stream.length;
	put_frame(HEADERS, END_HEADERS, 1, 5000, 'h');
	put_frame(DATA, END_STREAM, 1, 5000, 'd');
	send_all(pair.server, stream.bytes + at, stream.length - at, 1000);
	receive_all(pair.client, stream.length - at, 3000);
	expect_walked(server_id(&pair), true, false);
	expect_walked(client_id(&pair), false, false);
	socket_pair_close(&pair);
}

/* Of the events from position `from` on, the first that is flagged, and it begins there; all from there on are
 * shown. */
static void expect_flag_at(uint64_t id, bool sent, uint64_t offset)
{
	event_log_drain(&captured);
	for (size_t i = 0; i < captured.count; i++) {
		const struct shm_record_data *event = data_event(i, id, sent);
		if (event && event->header.flags & SHM_DATA_HTTP2_FRAME) {
			assert_int_equal(event->offset, offset);
			return;
		}
	}
	fail_msg("no frame is marked");
}

static void after_an_upgrade_both_directions_are_walked(void **unused)
{
	static const char request[] = "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n";
	static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n";
	size_t request_bytes = sizeof(request) - 1, answer_bytes = sizeof(answer) - 1;

	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	send_all(pair.client, (const uint8_t *)request, request_bytes, request_bytes);
	receive_all(pair.server, request_bytes, request_bytes);
	stream_begin(answer);
	put_settings();
	put_frame(HEADERS, END_HEADERS, 1, 6000, 'h');
	send_all(pair.server, stream.bytes, stream.length, stream.length);
	receive_all(pair.client, stream.length, 65536);
	expect_flag_at(server_id(&pair), true, answer_bytes);
	expect_flag_at(client_id(&pair), false, answer_bytes);
	assert_int_equal(last_event(server_id(&pair), true)->captured_bytes, 15 + 6009);

	stream_begin(PREFACE);
	put_settings();
	put_frame(HEADERS, END_HEADERS, 3, 6000, 'h');
	send_all(pair.client, stream.bytes, stream.length, stream.length);
	receive_all(pair.server, stream.length, 65536);
	expect_flag_at(server_id(&pair), false, request_bytes);
	expect_flag_at(client_id(&pair), true, request_bytes);
	assert_int_equal(last_event(server_id(&pair), false)->captured_bytes, stream.length);
	socket_pair_close(&pair);
}

static void a_lost_place_is_counted_and_found_again(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	uint64_t before = places_lost();
	put_conversation();
	pass(&pair, 65536, 65536);
	stream_begin("this is no frame, whatever it is meant to be");
	pass(&pair, 65536, 65536);
	assert_int_equal(places_lost(), before + 2); /* at both ends */
	stream_begin("");
	put_frame(HEADERS, END_HEADERS, 9, 9000, 'h');
	pass(&pair, 65536, 65536);
	const struct shm_record_data *last = last_event(server_id(&pair), false);
	assert_int_equal(last->offset + last->byte_count,
			 last_event(client_id(&pair), true)->offset + last->byte_count);
	assert_int_equal(last->captured_bytes, 9009 - 4105); /* the second event of the frame */
	socket_pair_close(&pair);
}

static const struct {
	const char *bytes;
	size_t length;
} others[] = {
#define OTHER(bytes) {bytes, sizeof(bytes) - 1}
	OTHER("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	OTHER("\x16\3\1\0\x05\1\0\0\1\3"),
	OTHER("\x17\3\3\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	OTHER("\0\0\0\x08\4\xd2\x16\x2f"),
	OTHER("\0\0\0\x10\0\3\0\0user\0me\0\0"),
	OTHER("Q\0\0\0\x0dselect 1\0"),
	OTHER("\1\0\0\1\1\x17\0\0\2\3def\0\0\0\3"),
	OTHER("*1\r\n$4\r\nPING\r\n"),
	OTHER("P"),
	OTHER("\0"),
	OTHER("PRI"),
};

static void pass_others(const struct socket_pair *pair)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		stream_begin("");
		put_bytes(others[i].bytes, others[i].length);
		pass(pair, 65536, 65536);
	}
}

static void other_protocols_are_left_to_turns_and_budgets(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
		stream_begin("");
		put_bytes(others[i].bytes, others[i].length);
		pass(&pair, 65536, 65536);
		memset(stream.bytes, 'x', stream.length = 10000);
		pass(&pair, 65536, 65536);
		assert_false(any_frame_flag(client_id(&pair), true));
		assert_false(any_frame_flag(server_id(&pair), false));
		const struct shm_record_data *last = last_event(server_id(&pair), false);
		assert_int_equal(last->offset, others[i].length);
		assert_int_equal(last->byte_count, 10000);
		assert_in_range(last->captured_bytes, CAPTURE_BYTES - others[i].length, CAPTURE_BYTES);
		socket_pair_close(&pair);
	}
}

static int joined_setup(void **unused)
{
	(void)unused;
	event_log_close(&captured);
	return 0;
}

static void reopen(void)
{
	struct capture_options options = event_log_options();

	options.capture_bytes = CAPTURE_BYTES;
	event_log_open(&captured, &options);
	assert_int_equal(capture_walk(captured.capture), 0);
}

static void connections_joined_in_the_middle_are_found_by_a_run_of_frames(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	put_conversation();
	pass(&pair, 65536, 65536);
	reopen();
	/* The middle of a frame, then a call. */
	stream_begin("the rest of some body");
	pass(&pair, 65536, 65536);
	size_t joined = stream.length;
	stream_begin("");
	put_frame(HEADERS, END_HEADERS, 9, 5000, 'h');
	put_frame(DATA, END_STREAM, 9, 5000, 'd');
	pass(&pair, 65536, 65536);
	expect_flag_at(client_id(&pair), true, joined);
	expect_flag_at(server_id(&pair), false, joined);
	stream_begin("");
	put_frame(HEADERS, END_HEADERS, 11, 7000, 'h');
	pass(&pair, 3, 65536);
	assert_int_equal(last_event(server_id(&pair), false)->captured_bytes, 7009);
	assert_int_equal(places_lost(), 0);
	socket_pair_close(&pair);
}

static void a_run_of_frames_in_the_elements_of_a_vector_is_found(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	put_conversation();
	pass(&pair, 65536, 65536);
	reopen();
	stream_begin("");
	put_frame(HEADERS, END_HEADERS, 9, 48, 'h');
	struct iovec vector[] = {{stream.bytes, 9}, {stream.bytes + 9, 48}}; /* as nginx does */
	assert_int_equal(writev(pair.client, vector, 2), 57);
	receive_all(pair.server, 57, 57);
	expect_flag_at(client_id(&pair), true, 0);
	expect_flag_at(server_id(&pair), false, 0);
	expect_walked(client_id(&pair), true, false);
	socket_pair_close(&pair);
}

static void other_protocols_joined_in_the_middle_are_not_taken_for_frames(void **unused)
{
	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	stream_begin("something before");
	pass(&pair, 65536, 65536);
	reopen();
	pass_others(&pair);
	assert_false(any_frame_flag(client_id(&pair), true));
	assert_false(any_frame_flag(server_id(&pair), false));
	socket_pair_close(&pair);
}

static int open_log(void **unused)
{
	(void)unused;
	reopen();
	return 0;
}

static int close_log(void **unused)
{
	(void)unused;
	event_log_close(&captured);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_walked_whatever_the_pieces),
		cmocka_unit_test(frames_over_unix_sockets_are_walked_too),
		cmocka_unit_test(budgets_and_turns_mean_nothing_to_frames),
		cmocka_unit_test(header_blocks_of_any_length_are_shown_whole),
		cmocka_unit_test(large_data_costs_a_few_events_and_its_end_is_reported_at_once),
		cmocka_unit_test(messages_of_interleaved_streams_are_shown),
		cmocka_unit_test(vectors_of_a_thousand_elements_are_walked),
		cmocka_unit_test(more_frames_in_one_call_than_an_event_holds_are_all_shown),
		cmocka_unit_test(peeked_bytes_are_not_walked_twice),
		cmocka_unit_test(files_sent_as_data_keep_the_place),
		cmocka_unit_test(a_server_that_speaks_first_is_walked),
		cmocka_unit_test(after_an_upgrade_both_directions_are_walked),
		cmocka_unit_test(a_lost_place_is_counted_and_found_again),
		cmocka_unit_test(other_protocols_are_left_to_turns_and_budgets),
		cmocka_unit_test_setup(connections_joined_in_the_middle_are_found_by_a_run_of_frames, joined_setup),
		cmocka_unit_test_setup(a_run_of_frames_in_the_elements_of_a_vector_is_found, joined_setup),
		cmocka_unit_test_setup(other_protocols_joined_in_the_middle_are_not_taken_for_frames, joined_setup),
	};

	return cmocka_run_group_tests(tests, open_log, close_log);
}
