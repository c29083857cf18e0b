/* The frame walker: what it shows of each kind of frame, however the bytes are cut, and what it takes for HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/frame_walk.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* S: shown. B: shown, the first of a header. '.': not shown. */
static void expect_marks(const uint8_t *marks, const char *expected)
{
	for (size_t i = 0; i < strlen(expected); i++) {
		char found = marks[i] & FRAME_WALK_BEGINS ? 'B' : marks[i] & FRAME_WALK_SHOWN ? 'S' : '.';
		if (found != expected[i])
			fail_msg("byte %zu is %c, expected %c of %s", i, found, expected[i], expected);
	}
}

struct vector {
	const char *name;
	const char *bytes;
	size_t length;
	const char *marks;
};

#define VECTOR(name, bytes, marks) {name, bytes, sizeof(bytes) - 1, marks}
#define HEADER                     "BSSSSSSSS"

static const struct vector frames[] = {
	VECTOR("DATA of no gRPC", "\0\0\4\0\0\0\0\0\1" "body", HEADER "...."),
	VECTOR("empty DATA", "\0\0\0\0\1\0\0\0\1", HEADER),
	VECTOR("DATA with one message", "\0\0\x8\0\1\0\0\0\1" "\0\0\0\0\3abc", HEADER "SSSSS..."),
	VECTOR("DATA with two messages", "\0\0\xd\0\1\0\0\0\1" "\0\0\0\0\3abc\1\0\0\0\0", HEADER "SSSSS...SSSSS"),
	VECTOR("padded DATA", "\0\0\xa\0\x8\0\0\0\1" "\2\0\0\0\0\2abxx", HEADER "SSSSSS...."),
	VECTOR("a message over padded frames",
	       "\0\0\xa\0\x8\0\0\0\1" "\2\0\0\0\0\3a\0xx" "\0\0\4\0\x8\0\0\0\1" "\1c\1x",
	       HEADER "SSSSSS...." HEADER "S.S."),
	VECTOR("DATA of padding", "\0\0\3\0\x8\0\0\0\1" "\2xx", HEADER "S.."),
	VECTOR("DATA with too much padding", "\0\0\3\0\x8\0\0\0\1" "\xff\0\0", HEADER "S.."),
	VECTOR("a message over two frames", "\0\0\6\0\0\0\0\0\1" "\0\0\0\0\3a" "\0\0\3\0\0\0\0\0\1" "bc\0",
	       HEADER "SSSSS." HEADER "..S"),
	VECTOR("a prefix over two frames", "\0\0\2\0\0\0\0\0\1" "\0\0" "\0\0\4\0\0\0\0\0\1" "\0\0\1a",
	       HEADER "SS" HEADER "SSS."),
	VECTOR("messages of two streams in turns",
	       "\0\0\6\0\0\0\0\0\1" "\0\0\0\0\3a" "\0\0\6\0\0\0\0\0\3" "\0\0\0\0\2x" "\0\0\2\0\0\0\0\0\1" "bc"
	       "\0\0\6\0\0\0\0\0\3" "y\0\0\0\0\0",
	       HEADER "SSSSS." HEADER "SSSSS." HEADER ".." HEADER ".SSSSS"),
	VECTOR("an empty frame between them",
	       "\0\0\6\0\0\0\0\0\1" "\0\0\0\0\3a" "\0\0\0\0\0\0\0\0\3" "\0\0\3\0\0\0\0\0\1" "bc\0",
	       HEADER "SSSSS." HEADER HEADER "..S"),
	VECTOR("HEADERS", "\0\0\3\1\4\0\0\0\1" "abc", HEADER "SSS"),
	VECTOR("padded HEADERS with priority", "\0\0\x9\1\x2c\0\0\0\1" "\2ppppphxx", HEADER "SSSSSSSSS"),
	VECTOR("PRIORITY", "\0\0\5\2\0\0\0\0\1" "ppppp", HEADER "SSSSS"),
	VECTOR("RST_STREAM", "\0\0\4\3\0\0\0\0\1" "eeee", HEADER "SSSS"),
	VECTOR("SETTINGS", "\0\0\6\4\0\0\0\0\0" "\0\3\0\0\0\x64", HEADER "SSSSSS"),
	VECTOR("acknowledged SETTINGS", "\0\0\0\4\1\0\0\0\0", HEADER),
	VECTOR("PUSH_PROMISE", "\0\0\5\5\4\0\0\0\1" "\0\0\0\2h", HEADER "SSSSS"),
	VECTOR("PING", "\0\0\x8\6\0\0\0\0\0" "pingpong", HEADER "SSSSSSSS"),
	VECTOR("GOAWAY", "\0\0\x8\7\0\0\0\0\0" "\0\0\0\1\0\0\0\0", HEADER "SSSSSSSS"),
	VECTOR("WINDOW_UPDATE", "\0\0\4\x8\0\0\0\0\0" "\0\0\0\1", HEADER "SSSS"),
	VECTOR("CONTINUATION", "\0\0\2\1\0\0\0\0\1" "ab" "\0\0\1\x9\4\0\0\0\1" "c", HEADER "SS" HEADER "S"),
	VECTOR("an unknown type", "\0\0\2\xa\xff\0\0\0\0" "ab", HEADER "SS"),
	VECTOR("a reserved bit", "\0\0\2\1\4\x80\0\0\1" "ab", HEADER "SS"),
};

static void each_frame_is_shown_but_for_the_payload_of_data(void **state)
{
	uint8_t marks[256];

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		const struct vector *v = &frames[i];
		struct frame_walk *walk = frame_walk_new(FRAME_WALK_FRAMES);
		assert_int_equal(strlen(v->marks), v->length);
		assert_true(frame_walk_piece(walk, (const uint8_t *)v->bytes, v->length, marks));
		expect_marks(marks, v->marks);
		frame_walk_expect((const uint8_t *)v->bytes, v->length, false, marks); /* the other walker agrees */
		expect_marks(marks, v->marks);
		frame_walk_free(walk);
	}
	(void)state;
}

static void walk_in_two(const struct vector *v, size_t first)
{
	uint8_t marks[256];
	struct frame_walk *walk = frame_walk_new(FRAME_WALK_FRAMES);

	assert_true(frame_walk_piece(walk, (const uint8_t *)v->bytes, first, marks));
	assert_true(frame_walk_piece(walk, (const uint8_t *)v->bytes + first, v->length - first, marks + first));
	expect_marks(marks, v->marks);
	frame_walk_free(walk);
}

static void a_cut_anywhere_changes_nothing(void **state)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		for (size_t first = 0; first <= frames[i].length; first++)
			walk_in_two(&frames[i], first);
	}
	(void)state;
}

static void bytes_one_by_one_change_nothing(void **state)
{
	uint8_t marks[256];

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct frame_walk *walk = frame_walk_new(FRAME_WALK_FRAMES);
		for (size_t at = 0; at < frames[i].length; at++)
			assert_true(frame_walk_piece(walk, (const uint8_t *)frames[i].bytes + at, 1, marks + at));
		expect_marks(marks, frames[i].marks);
		frame_walk_free(walk);
	}
	(void)state;
}

static void the_preface_begins_a_walk_whole_or_in_pieces(void **state)
{
	static const uint8_t bytes[] = PREFACE "\0\0\0\4\0\0\0\0\0";
	uint8_t marks[64];

	for (size_t first = 0; first <= 33; first++) {
		struct frame_walk *walk = frame_walk_new(FRAME_WALK_CLIENT);
		assert_true(frame_walk_piece(walk, bytes, first, marks));
		assert_true(frame_walk_piece(walk, bytes + first, 33 - first, marks + first));
		expect_marks(marks, first > 0 && first < 24 ? "SSSSSSSSSSSSSSSSSSSSSSSS" HEADER
							    : "BSSSSSSSSSSSSSSSSSSSSSSS" HEADER);
		frame_walk_free(walk);
	}
	(void)state;
}

static void frames_follow_an_answer_101_in_any_pieces(void **state)
{
	static const char bytes[] =
		"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64";
	size_t length = sizeof(bytes) - 1, head = length - 15;
	uint8_t marks[128];

	for (size_t first = 13; first <= length; first++) {
		struct frame_walk *walk = frame_walk_new(FRAME_WALK_ANSWER);
		assert_true(frame_walk_piece(walk, (const uint8_t *)bytes, first, marks));
		assert_true(frame_walk_piece(walk, (const uint8_t *)bytes + first, length - first, marks + first));
		for (size_t i = 0; i < length; i++)
			assert_int_equal(marks[i] & FRAME_WALK_SHOWN, FRAME_WALK_SHOWN);
		/* A header that is cut is not known for one in time. */
		assert_int_equal(marks[head] & FRAME_WALK_BEGINS,
				 first > head && first < head + 9 ? 0 : FRAME_WALK_BEGINS);
		frame_walk_free(walk);
	}
	(void)state;
}

static void an_answer_101_of_another_protocol_is_let_go(void **state)
{
	static const char bytes[] = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x81\5hello....";
	uint8_t marks[128];
	struct frame_walk *walk = frame_walk_new(FRAME_WALK_ANSWER);

	assert_false(frame_walk_piece(walk, (const uint8_t *)bytes, sizeof(bytes) - 1, marks));
	frame_walk_free(walk);
	(void)state;
}

static void what_a_peer_would_refuse_loses_the_place(void **state)
{
	static const char *const refused[] = {
		"\0\0\4\0\0\0\0\0\0",	 "\0\0\4\1\4\0\0\0\0",	  "\0\0\4\2\0\0\0\0\0",	   "\0\0\5\3\0\0\0\0\1",
		"\0\0\7\4\0\0\0\0\0",	 "\0\0\6\4\0\0\0\0\1",	  "\0\0\3\5\0\0\0\0\1",	   "\0\0\7\6\0\0\0\0\0",
		"\0\0\7\7\0\0\0\0\0",	 "\0\0\5\x8\0\0\0\0\0",	  "\0\0\4\x9\0\0\0\0\0",   "\0\x40\1\xaa\0\0\0\0\0",
		"\x10\0\1\1\4\0\0\0\1",
	};
	uint8_t marks[16];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct frame_walk *walk = frame_walk_new(FRAME_WALK_FRAMES);
		assert_false(frame_walk_piece(walk, (const uint8_t *)refused[i], 9, marks));
		frame_walk_free(walk);
	}
	(void)state;
}

static void zeros_in_data_are_not_taken_for_messages_without_end(void **state)
{
	enum { LENGTH = 16384 };
	static uint8_t frame[9 + LENGTH] = {LENGTH >> 16, (LENGTH >> 8) & 0xff, LENGTH & 0xff, 0, 0, 0, 0, 0, 1},
				 marks[9 + LENGTH];
	struct frame_walk *walk = frame_walk_new(FRAME_WALK_FRAMES);
	size_t shown = 0;

	assert_true(frame_walk_piece(walk, frame, sizeof(frame), marks));
	for (size_t i = 9; i < sizeof(frame); i++)
		shown += marks[i] != 0;
	assert_int_equal(shown, 64 * 5);
	frame_walk_free(walk);
	(void)state;
}

static void the_end_of_a_stream_by_data_is_told_once(void **state)
{
	uint8_t marks[16];
	struct frame_walk *walk = frame_walk_new(FRAME_WALK_FRAMES);

	assert_true(frame_walk_piece(walk, (const uint8_t *)"\0\0\4\0\1\0\0\0\1bo", 11, marks));
	assert_false(frame_walk_ended(walk));
	assert_true(frame_walk_piece(walk, (const uint8_t *)"dy", 2, marks));
	assert_true(frame_walk_ended(walk));
	assert_false(frame_walk_ended(walk));
	frame_walk_free(walk);
	(void)state;
}

static void unseen_bytes_keep_the_place_within_a_payload_only(void **state)
{
	uint8_t marks[16];
	struct frame_walk *walk = frame_walk_new(FRAME_WALK_FRAMES);

	assert_true(frame_walk_piece(walk, (const uint8_t *)"\0\0\x8\0\1\0\0\0\1", 9, marks));
	assert_true(frame_walk_blind(walk, 8)); /* sendfile */
	assert_true(frame_walk_ended(walk));
	assert_true(frame_walk_piece(walk, (const uint8_t *)"\0\0\4\0\0\0\0\0\3", 9, marks));
	expect_marks(marks, HEADER);
	assert_false(frame_walk_blind(walk, 5));
	frame_walk_free(walk);
	(void)state;
}

struct probe {
	const char *name;
	const char *bytes;
	size_t length;
	bool believed;
};

#define BELIEVED(name, bytes) {name, bytes, sizeof(bytes) - 1, true}
#define REFUSED(name, bytes)  {name, bytes, sizeof(bytes) - 1, false}

static const struct probe probes[] = {
	BELIEVED("a request", "\0\0\2\1\5\0\0\0\x0b" "\x82\x84"),
	BELIEVED("a call", "\0\0\2\1\4\0\0\0\x0b" "\x83\x84" "\0\0\5\0\1\0\0\0\x0b" "\0\0\0\0\0"),
	BELIEVED("two requests, the second cut", "\0\0\2\1\5\0\0\0\x0b" "\x82\x84" "\0\0\2\1\5\0\0\0\x0d"),
	BELIEVED("a window update", "\0\0\4\x8\0\0\0\0\0" "\0\0\1\0"),
	BELIEVED("an acknowledgement", "\0\0\0\4\1\0\0\0\0"),
	BELIEVED("a ping and more", "\0\0\x8\6\0\0\0\0\0" "pingpong" "\0\0\x40\0\0\0\0\0\1" "a"),
	REFUSED("a request that is cut", "\0\0\3\1\5\0\0\0\x0b" "\x82\x84"),
	REFUSED("DATA alone", "\0\0\2\0\1\0\0\0\1" "ab"),
	REFUSED("a pushed stream", "\0\0\2\1\5\0\0\0\x0c" "\x82\x84"),
	REFUSED("zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	REFUSED("HTTP/1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	REFUSED("TLS handshake", "\x16\3\1\0\x05\1\0\0\1\3"),
	REFUSED("TLS data", "\x17\3\3\0\x05\1\0\0\1\3"),
	REFUSED("PostgreSQL start", "\0\0\0\x08\4\xd2\x16\x2f"),
	REFUSED("PostgreSQL start-up", "\0\0\0\x10\0\3\0\0user\0me\0\0"),
	REFUSED("PostgreSQL query", "Q\0\0\0\x0dselect 1\0"),
	REFUSED("PostgreSQL ready", "Z\0\0\0\5I"),
	REFUSED("MySQL query", "\x09\0\0\0\3select 1"),
	REFUSED("MySQL result", "\1\0\0\1\1\x17\0\0\2\3def"),
	REFUSED("MySQL, 256 bytes", "\0\1\0\0\3select 1"),
	REFUSED("Redis", "*1\r\n$4\r\nPING\r\n"),
	REFUSED("memcached", "get key\r\n"),
	REFUSED("memcached, binary", "\x80\0\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0key"),
	REFUSED("Kafka request", "\0\0\0\x18\0\3\0\x09\0\0\0\1\0\4name\0\1\0\0\0\0\0\0"),
	REFUSED("Kafka answer", "\0\0\1\4\0\0\0\7\0\0\0\0\0\0\0\1"),
	REFUSED("ZooKeeper ping", "\0\0\0\x08\xff\xff\xff\xfe\0\0\0\x0b"),
	REFUSED("MongoDB", "\0\1\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0"),
	REFUSED("AMQP heartbeat", "\x08\0\0\0\0\0\0\xce"),
	REFUSED("DNS", "\0\x1c\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"),
};

static void a_run_of_frames_is_believed_and_other_protocols_are_not(void **state)
{
	uint8_t marks[256];

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct frame_walk *walk = frame_walk_new(FRAME_WALK_PROBE);
		bool whole = frame_walk_piece(walk, (const uint8_t *)probes[i].bytes, probes[i].length, marks);
		if ((whole && frame_walk_convinces(walk, true)) != probes[i].believed)
			fail_msg("%s", probes[i].name);
		frame_walk_free(walk);
	}
	(void)state;
}

static void first_bytes_open_a_walk_or_do_not(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool seen, opens;
	} firsts[] = {
		{PREFACE, 24, false, true},
		{"P", 1, false, true},
		{"PRI * HTTP/1.1", 14, false, false},
		{"POST / HTTP/1.1", 15, false, false},
		{"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64", 15, false, true},
		{"\0\0\6\4\0\0\0\0\0\xfe\3\0\0\0\1", 15, false, true},
		{"\0\0\0\4\0\0\0\0\0", 9, false, true},
		{"\0\0", 2, false, true},
		{"\0\0\6\4\0\0\0\0\0\0\0\0\0\0\x64", 15, false, false}, /* Kafka could */
		{"\0\0\6\4\0\0\0\0\0\x0a\x0a\0\0\0\x64", 15, true, true},
		{"\0\0\7\4\0\0\0\0\0", 9, true, false},
		{"\0\0\0\4\1\0\0\0\0", 9, true, false}, /* nothing to acknowledge yet */
		{"\0\0\0\x08\4\xd2\x16\x2f", 8, false, false},
	};

	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
		assert_int_equal(frame_walk_opens((const uint8_t *)firsts[i].bytes, firsts[i].length, firsts[i].seen),
				 firsts[i].opens);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_is_shown_but_for_the_payload_of_data),
		cmocka_unit_test(a_cut_anywhere_changes_nothing),
		cmocka_unit_test(bytes_one_by_one_change_nothing),
		cmocka_unit_test(the_preface_begins_a_walk_whole_or_in_pieces),
		cmocka_unit_test(frames_follow_an_answer_101_in_any_pieces),
		cmocka_unit_test(an_answer_101_of_another_protocol_is_let_go),
		cmocka_unit_test(what_a_peer_would_refuse_loses_the_place),
		cmocka_unit_test(zeros_in_data_are_not_taken_for_messages_without_end),
		cmocka_unit_test(the_end_of_a_stream_by_data_is_told_once),
		cmocka_unit_test(unseen_bytes_keep_the_place_within_a_payload_only),
		cmocka_unit_test(a_run_of_frames_is_believed_and_other_protocols_are_not),
		cmocka_unit_test(first_bytes_open_a_walk_or_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
