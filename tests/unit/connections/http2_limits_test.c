/* HTTP/2: floods, limits, frames that must not be sent, what comes in an unusual order, and how it is recognised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "protocols/http2/http2.h"
#include "support/http2_script.h"

#define GET ":method=GET|:scheme=http|:authority=h|:path="
#define CALL ":method=POST|:scheme=http|:authority=h|content-type=application/grpc|:path="

struct bench {
	struct feed *feed;
	struct http2_script *script;
	uint8_t role;
	uint64_t counted[COUNTER_COUNT]; /* before the test */
};

static void begin(struct bench *b, uint8_t role, uint16_t flags)
{
	b->role = role;
	feed_clear_log(b->feed);
	http2_script_reset(b->script);
	feed_connection(b->feed, role, flags);
}

/* Say, and feed as one record but for holes. */
static void say(struct bench *b, const char *step)
{
	struct http2_speech *s = step[0] == '>' ? &b->script->client : &b->script->server;

	s->length = 0; /* the script only has to remember tables */
	http2_script_say(b->script, step);
	http2_script_feed(b->feed, (step[0] == '>') == (b->role == SHM_ROLE_SERVER) ? FEED_RECEIVED : FEED_SENT, s, 0,
			  s->length, false);
}

__attribute__((format(printf, 2, 3))) static void sayf(struct bench *b, const char *format, ...)
{
	char step[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(step, sizeof(step), format, arguments);
	va_end(arguments);
	say(b, step);
}

static void open_connection(struct bench *b, uint8_t role)
{
	begin(b, role, 0);
	say(b, ">preface");
	say(b, ">settings");
	say(b, "<settings");
}

static uint64_t counted(const struct bench *b, enum receiver_counter counter)
{
	return counters[counter] - b->counted[counter];
}

static size_t buffer_bytes(const struct bench *b)
{
	return connections_usage(b->feed->connections).buffer_bytes;
}

static int set_up(void **state)
{
	struct bench *b = test_calloc(1, sizeof(*b));

	b->feed = feed_create();
	b->script = http2_script_create();
	memcpy(b->counted, counters, sizeof(counters));
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	connections_shutdown(b->feed->connections);
	assert_int_equal(buffer_bytes(b), 0);
	feed_destroy(b->feed);
	http2_script_destroy(b->script);
	test_free(b);
	return 0;
}

/* ---- floods ---- */

static void rapid_resets_hold_no_memory(void **state)
{
	struct bench *b = *state;
	size_t before = 0;

	open_connection(b, SHM_ROLE_SERVER);
	for (unsigned i = 0; i < 20000; i++) {
		sayf(b, ">headers %u end " GET "/", 2 * i + 1);
		sayf(b, ">reset %u 8", 2 * i + 1);
		if (i == 0)
			before = buffer_bytes(b);
		if (i % 1000 == 999)
			feed_clear_log(b->feed);
	}
	assert_int_equal(buffer_bytes(b), before);
	assert_int_equal(counted(b, COUNTER_EXCHANGES_INCOMPLETE), 20000);
}

static void streams_beyond_the_limit_give_up_the_longest_silent_one(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_SERVER);
	for (unsigned i = 0; i < HTTP2_STREAMS_MAX; i++)
		sayf(b, ">headers %u " GET "/%u", 2 * i + 1, i);
	assert_string_equal(b->feed->log, "");
	say(b, ">data 1 bytes=1");
	sayf(b, ">headers %u end " GET "/last", 2 * HTTP2_STREAMS_MAX + 1);
	assert_string_equal(
		b->feed->log,
		"server GET /1 2.0 0 -1 -1 cut-by-shutdown end-unseen response-unseen scheme=http host=h\n");
	assert_int_equal(counted(b, COUNTER_PIPELINE_FULL), 1);
	feed_clear_log(b->feed);
	say(b, ">data 1 end bytes=1");
	say(b, "<headers 1 end :status=200");
	assert_string_equal(b->feed->log, "server GET /0 2.0 200 2 0 message scheme=http host=h\n");
}

static void a_flood_of_continuation_frames_is_counted_and_costs_that_head_only(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_SERVER);
	say(b, ">raw 000004"
	       "01"
	       "01"
	       "00000001"
	       "82868400"); /* END_STREAM without END_HEADERS */
	for (unsigned i = 0; i < 2000; i++)
		say(b, ">raw 000020"
		       "09"
		       "00"
		       "00000001"
		       "0001610161000161016100016101610001610161000161016100016101610000");
	assert_int_equal(counted(b, COUNTER_HEADS_TOO_LONG), 0);
	for (unsigned i = 0; i < 2000; i++)
		say(b, ">raw 000020"
		       "09"
		       "00"
		       "00000001"
		       "0001610161000161016100016101610001610161000161016100016101610000");
	assert_int_equal(counted(b, COUNTER_HEADS_TOO_LONG), 1);
	assert_in_range(buffer_bytes(b), 0, 16384);
	say(b, ">raw 000000"
	       "09"
	       "04"
	       "00000001");
	say(b, ">headers 3 end " GET "/next");
	say(b, "<headers 1 end :status=431");
	say(b, "<headers 3 end :status=200");
	assert_string_equal(b->feed->log, "server   2.0 431 0 0 message request-cut head-uncertain\n"
					  "server GET /next 2.0 200 0 0 message scheme=http host=h\n");
}

static void empty_continuation_frames_are_passed_over(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_SERVER);
	say(b, ">raw 000000"
	       "01"
	       "01"
	       "00000001");
	for (unsigned i = 0; i < 5000; i++)
		say(b, ">raw 000000"
		       "09"
		       "00"
		       "00000001");
	say(b, ">raw 000003"
	       "09"
	       "04"
	       "00000001"
	       "828684");
	say(b, "<headers 1 end :status=200");
	assert_string_equal(b->feed->log, "server GET / 2.0 200 0 0 message scheme=http\n");
}

static void a_frame_with_a_block_longer_than_is_read_costs_that_head_only(void **state)
{
	static char zeros[4096];
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_SERVER);
	say(b, ">raw 020000"
	       "01"
	       "05"
	       "00000001");
	for (unsigned i = 0; i < 0x20000 / sizeof(zeros); i++)
		feed_frames(b->feed, FEED_RECEIVED, zeros, sizeof(zeros), sizeof(zeros), false);
	assert_int_equal(counted(b, COUNTER_HEADS_TOO_LONG), 1);
	say(b, ">headers 3 end " GET "/next");
	say(b, "<headers 1 end :status=431");
	say(b, "<headers 3 end :status=200");
	assert_string_equal(b->feed->log, "server   2.0 431 0 0 message request-cut head-uncertain\n"
					  "server GET /next 2.0 200 0 0 message scheme=http host=h\n");
}

/* ---- what must not be sent ---- */

/* What is behind the fields that are kept may be the status. */
static void a_status_behind_a_message_that_fills_the_head_is_not_known(void **state)
{
	static const char head[] = "<headers 1 end grpc-message=", tail[] = "|grpc-status=0";
	static char step[sizeof(head) + HTTP2_KEPT_BYTES_MAX + sizeof(tail)];
	struct bench *b = *state;
	size_t length = sizeof(head) - 1;

	open_connection(b, SHM_ROLE_SERVER);
	say(b, ">headers 1 end " CALL "/s.S/m");
	say(b, "<headers 1 :status=200|content-type=application/grpc");
	memcpy(step, head, length);
	memset(step + length, 'x', HTTP2_KEPT_BYTES_MAX);
	memcpy(step + length + HTTP2_KEPT_BYTES_MAX, tail, sizeof(tail));
	say(b, step);
	assert_string_equal(b->feed->log,
			    "server rpc /s.S/m -1 200 0 0 message head-uncertain scheme=http authority=h\n");
}

static void frames_that_must_not_be_sent_are_counted_and_the_place_is_found_again(void **state)
{
	static const char *const frames[] = {
		">raw 0000040100"
		"00000000"
		"82868441", /* HEADERS on no stream */
		">raw 0000050300"
		"00000001"
		"0000000000", /* RST_STREAM of five bytes */
		">raw 0000070400"
		"00000000"
		"00000000000000", /* SETTINGS of seven */
		">raw 0000060600"
		"00000000"
		"000000000000", /* PING of six */
		">raw 0000040700"
		"00000000"
		"00000000", /* GOAWAY of four */
		">raw 0000010904"
		"00000001"
		"82", /* CONTINUATION of nothing */
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		uint64_t before = counted(b, COUNTER_PARSER_MALFORMED);

		open_connection(b, SHM_ROLE_SERVER);
		say(b, frames[i]);
		assert_int_equal(counted(b, COUNTER_PARSER_MALFORMED), before + 1);
		say(b, ">headers 1 end " GET "/after");
		say(b, "<headers 1 end :status=200");
		assert_string_equal(b->feed->log, "server GET /after 2.0 200 0 0 message scheme=http host=h\n");
	}
}

static void a_block_that_is_interrupted_is_malformed(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_SERVER);
	say(b, ">raw 000003"
	       "01"
	       "01"
	       "00000001"
	       "828684");
	say(b, ">ping");
	say(b, ">headers 3 end " GET "/after");
	say(b, "<headers 3 end :status=200");
	assert_string_equal(b->feed->log, "server GET /after 2.0 200 0 0 message scheme=http host=h\n");
	assert_int_equal(counted(b, COUNTER_PARSER_MALFORMED), 1);
}

static void a_flagged_record_is_believed_where_it_contradicts(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_SERVER);
	say(b, ">raw 001000"
	       "00"
	       "00"
	       "00000001"
	       "0000"); /* 4096 bytes are to come */
	say(b, ">headers 1 end " GET "/after");
	say(b, "<headers 1 end :status=200");
	assert_string_equal(b->feed->log, "server GET /after 2.0 200 0 0 message scheme=http host=h\n");
}

static void a_request_without_method_is_malformed(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_SERVER);
	say(b, ">headers 1 end :path=/");
	assert_int_equal(counted(b, COUNTER_PARSER_MALFORMED), 1);
	say(b, "<headers 1 end :status=400");
	assert_string_equal(b->feed->log, "");
}

/* ---- order ---- */

static void a_response_recorded_before_its_request_waits_for_it(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_CLIENT);
	say(b, "<headers 1 :status=200");
	say(b, "<data 1 end bytes=7");
	say(b, "<headers 3 end :status=200|content-type=application/grpc|grpc-status=5|grpc-message=no");
	say(b, "<headers 5 :status=206");
	assert_string_equal(b->feed->log, "");
	say(b, ">headers 1 end " GET "/1");
	say(b, ">headers 3 end " CALL "/p.S/M");
	say(b, ">headers 5 end " GET "/5");
	say(b, "<data 5 end bytes=1");
	assert_string_equal(b->feed->log, "client GET /1 2.0 200 0 7 message scheme=http host=h\n"
					  "client rpc /p.S/M 5 200 0 0 message message=no scheme=http authority=h\n"
					  "client GET /5 2.0 206 0 1 message scheme=http host=h\n");
	assert_int_equal(counted(b, COUNTER_RESPONSES_UNMATCHED), 0);
}

static void a_response_whose_request_never_comes_is_counted(void **state)
{
	struct bench *b = *state;

	open_connection(b, SHM_ROLE_CLIENT);
	say(b, "<headers 1 end :status=200");
	say(b, ">headers 3 end " GET "/3");
	assert_int_equal(counted(b, COUNTER_RESPONSES_UNMATCHED), 1);
	say(b, "<headers 5 end :status=200");
	feed_close(b->feed, SHM_CLOSE_NORMAL);
	assert_int_equal(counted(b, COUNTER_RESPONSES_UNMATCHED), 2);
	assert_string_equal(b->feed->log,
			    "client GET /3 2.0 0 0 -1 cut-by-close end-unseen response-unseen scheme=http host=h\n");
}

/* ---- times ---- */

static void an_exchange_lasts_from_the_first_byte_of_its_head_to_its_end(void **state)
{
	struct bench *b = *state;

	b->feed->times = true;
	b->feed->now_ns = 0;
	begin(b, SHM_ROLE_SERVER, 0);
	say(b, ">preface");		    /* 1 */
	say(b, ">headers 1 " GET "/1");	    /* 2 */
	say(b, ">headers 3 end " GET "/3"); /* 3 */
	say(b, "<headers 1 :status=200");   /* 4 */
	say(b, ">data 1 end");		    /* 5 */
	say(b, ">reset 3 8");		    /* 6 */
	say(b, "<data 1 end bytes=5");	    /* 7 */
	assert_string_equal(b->feed->log,
			    "server GET /3 2.0 0 0 -1 reset-by-client response-unseen scheme=http host=h [3,6]\n"
			    "server GET /1 2.0 200 0 5 message scheme=http host=h [2,7]\n");
}

static void a_response_recorded_first_begins_the_exchange(void **state)
{
	struct bench *b = *state;

	b->feed->times = true;
	b->feed->now_ns = 0;
	begin(b, SHM_ROLE_CLIENT, 0);
	say(b, ">preface");		      /* 1 */
	say(b, "<headers 1 end :status=200"); /* 2 */
	say(b, ">headers 1 end " GET "/1");   /* 3 */
	assert_string_equal(b->feed->log, "client GET /1 2.0 200 0 0 message scheme=http host=h [2,2]\n");
}

static void an_end_that_nobody_saw_is_said_to_be_unseen(void **state)
{
	struct bench *b = *state;

	b->feed->times = true;
	b->feed->now_ns = 0;
	begin(b, SHM_ROLE_SERVER, 0);
	say(b, ">preface");		    /* 1 */
	say(b, ">headers 1 end " GET "/1"); /* 2 */
	say(b, "<headers 1 :status=200");   /* 3 */
	say(b, "<raw 000100"
	       "00"
	       "01"
	       "00000001"); /* 4: DATA of 256 bytes that ends the stream */
	feed_skip(b->feed, FEED_SENT, 256);
	say(b, ">headers 3 end " GET "/3");   /* 5 */
	say(b, "<headers 3 end :status=200"); /* 6 */
	assert_string_equal(b->feed->log, "server GET /1 2.0 200 0 256 message end-unseen scheme=http host=h [2,4]\n"
					  "server GET /3 2.0 200 0 0 message scheme=http host=h [5,6]\n");
}

/* ---- recognition of connections that are joined ---- */

static void a_frame_in_records_of_one_byte_is_recognised_and_found_again(void **state)
{
	static const char request[] = "\0\0\3\1\5\0\0\0\1\x82\x86\x84", later[] = "\0\0\3\1\5\0\0\0\3\x82\x86\x84";
	struct bench *b = *state;

	begin(b, SHM_ROLE_SERVER, SHM_CONNECTION_JOINED);
	for (size_t i = 0; i < sizeof(request) - 1; i++)
		feed_frames(b->feed, FEED_RECEIVED, request + i, 1, 1, i == 0);
	say(b, "<headers 1 end :status=200");
	feed_skip(b->feed, FEED_RECEIVED, 7);
	for (size_t i = 0; i < sizeof(later) - 1; i++)
		feed_frames(b->feed, FEED_RECEIVED, later + i, 1, 1, i == 0);
	say(b, "<headers 3 end :status=204");
	assert_string_equal(b->feed->log, "server GET / 2.0 200 0 0 message scheme=http\n"
					  "server GET / 2.0 204 0 0 message scheme=http\n");
}

static void what_the_first_frame_says_decides_over_an_unknown_role(void **state)
{
	struct bench *b = *state;

	begin(b, SHM_ROLE_UNKNOWN, SHM_CONNECTION_JOINED);
	b->role = SHM_ROLE_CLIENT;
	say(b, "<window 0"); /* whoever sends it */
	say(b, "<headers 7 end :status=200");
	say(b, ">headers 9 end " GET "/9");
	say(b, "<headers 9 end :status=204");
	assert_string_equal(b->feed->log, "client GET /9 2.0 204 0 0 message scheme=http host=h\n");
}

static void without_the_flag_frames_are_only_bytes(void **state)
{
	struct bench *b = *state;

	begin(b, SHM_ROLE_SERVER, SHM_CONNECTION_JOINED);
	feed_frames(b->feed, FEED_RECEIVED, "\0\0\3\1\5\0\0\0\1\x82\x86\x84", 12, 12, false);
	feed_frames(b->feed, FEED_SENT, "\0\0\1\1\5\0\0\0\1\x88", 10, 10, false);
	assert_string_equal(b->feed->log, "");
	assert_int_equal(counted(b, COUNTER_BYTES_UNRECOGNISED), 22);
}

static void a_flag_without_a_plausible_frame_is_not_enough(void **state)
{
	struct bench *b = *state;

	begin(b, SHM_ROLE_SERVER, SHM_CONNECTION_JOINED);
	feed_frames(b->feed, FEED_RECEIVED, "\0\0\3\x7f\5\0\0\0\1\x82\x86\x84", 12, 12, true);
	feed_frames(b->feed, FEED_RECEIVED, "\0\0\3\6\0\0\0\0\0\1\2\3", 12, 12, true);
	assert_int_equal(counted(b, COUNTER_BYTES_UNRECOGNISED), 24);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(rapid_resets_hold_no_memory),
		TEST(streams_beyond_the_limit_give_up_the_longest_silent_one),
		TEST(a_flood_of_continuation_frames_is_counted_and_costs_that_head_only),
		TEST(a_status_behind_a_message_that_fills_the_head_is_not_known),
		TEST(empty_continuation_frames_are_passed_over),
		TEST(a_frame_with_a_block_longer_than_is_read_costs_that_head_only),
		TEST(frames_that_must_not_be_sent_are_counted_and_the_place_is_found_again),
		TEST(a_block_that_is_interrupted_is_malformed),
		TEST(a_flagged_record_is_believed_where_it_contradicts),
		TEST(a_request_without_method_is_malformed),
		TEST(a_response_recorded_before_its_request_waits_for_it),
		TEST(a_response_whose_request_never_comes_is_counted),
		TEST(an_exchange_lasts_from_the_first_byte_of_its_head_to_its_end),
		TEST(a_response_recorded_first_begins_the_exchange),
		TEST(an_end_that_nobody_saw_is_said_to_be_unseen),
		TEST(a_frame_in_records_of_one_byte_is_recognised_and_found_again),
		TEST(what_the_first_frame_says_decides_over_an_unknown_role),
		TEST(without_the_flag_frames_are_only_bytes),
		TEST(a_flag_without_a_plausible_frame_is_not_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
