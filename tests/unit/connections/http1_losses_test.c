/* HTTP/1.x where not everything was seen: holes, late joins, records that changed places, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "protocols/http1/http1.h"
#include "support/record_feed.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n\r\n"

static int set_up(void **state)
{
	struct feed *feed = feed_create();

	memset(counters, 0, sizeof(counters));
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	*state = feed;
	return 0;
}

static int tear_down(void **state)
{
	feed_destroy(*state);
	return 0;
}

static void request(struct feed *feed, const char *text)
{
	feed_text(feed, FEED_RECEIVED, text);
}

static void response(struct feed *feed, const char *text)
{
	feed_text(feed, FEED_SENT, text);
}

static void a_hole_in_a_body_of_known_length_costs_nothing(void **state)
{
	struct feed *feed = *state;
	const char *upload = "POST /u HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc";
	const char *download = "HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\nabc";

	feed_cut(feed, FEED_RECEIVED, upload, strlen(upload), strlen(upload) + 99997);
	feed_cut(feed, FEED_SENT, download, strlen(download), strlen(download) + 1000);
	feed_cut(feed, FEED_SENT, "", 0, 2000000000);
	feed_cut(feed, FEED_SENT, "", 0, 2999998997);
	request(feed, GET("/next"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server POST /u 1.1 200 100000 5000000000 message\n"
				       "server GET /next 1.1 200 0 0 message\n");
	assert_int_equal(counters[COUNTER_PARSER_RESYNCS], 0);
}

static void a_body_whose_tail_no_record_tells_of_ends_at_a_time_that_was_not_seen(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	request(feed, GET("/1"));
	response(feed, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789");
	feed_skip(feed, FEED_SENT, 990);
	request(feed, GET("/2"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 1000 message end-unseen [1,2]\n"
				       "server GET /2 1.1 200 0 0 message [3,4]\n");
}

static void a_record_that_only_counts_bytes_tells_when_the_body_ended(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	request(feed, GET("/1"));
	response(feed, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789");
	feed_cut(feed, FEED_SENT, "", 0, 990);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 1000 message [1,3]\n");
}

static void a_tail_that_only_the_close_tells_of_completes_the_body(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1"));
	response(feed, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789");
	feed_skip(feed, FEED_SENT, 990);
	feed_close(feed, SHM_CLOSE_NORMAL);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 1000 message end-unseen\n");
}

static void a_request_head_beyond_the_budget_is_reported_with_what_was_seen(void **state)
{
	struct feed *feed = *state;
	const char *head = "GET /big HTTP/1.1\r\nHost: a\r\nCookie: xxxxxx";

	feed_cut(feed, FEED_RECEIVED, head, strlen(head), strlen(head) + 9000);
	response(feed, OK_EMPTY);
	request(feed, GET("/next"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /big 1.1 200 -1 0 message request-cut host=a\n"
				       "server GET /next 1.1 200 0 0 message\n");
}

static void the_answer_cuts_a_head_whose_rest_no_record_tells_of(void **state)
{
	struct feed *feed = *state;

	request(feed, "GET /big HTTP/1.1\r\nHost: a\r\nCookie: xxxxxx");
	feed_skip(feed, FEED_RECEIVED, 9000);
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /big 1.1 200 -1 0 message request-cut host=a\n");
	request(feed, GET("/next"));
	response(feed, OK_EMPTY);
	assert_non_null(strstr(feed->log, "server GET /next 1.1 200 0 0 message\n"));
}

static void a_target_beyond_the_budget_is_reported_as_far_as_it_goes(void **state)
{
	struct feed *feed = *state;

	feed_cut(feed, FEED_RECEIVED, "GET /a/very/long", 16, 6000);
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /a/very/long 1.1 200 -1 0 message request-cut\n");
}

static void a_response_head_beyond_the_budget_keeps_its_status(void **state)
{
	struct feed *feed = *state;
	const char *head = "HTTP/1.1 503 No\r\nSet-Cookie: xxxx";

	request(feed, GET("/1"));
	feed_cut(feed, FEED_SENT, head, strlen(head), strlen(head) + 7000);
	request(feed, GET("/2"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /1 1.1 503 0 -1 message end-inferred response-cut\n"
				       "server GET /2 1.1 200 0 0 message\n");
}

static void a_hole_within_a_chunk_costs_nothing(void **state)
{
	struct feed *feed = *state;
	const char *text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n0123";

	request(feed, GET("/1"));
	feed_cut(feed, FEED_SENT, text, strlen(text), strlen(text) + 251);
	response(feed, "\r\n0\r\n\r\n");
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 255 message\n");
}

static void a_chunked_body_whose_framing_was_lost_ends_with_the_next_request(void **state)
{
	struct feed *feed = *state;
	const char *text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n0123";

	feed->times = true;
	request(feed, GET("/1"));
	feed_cut(feed, FEED_SENT, text, strlen(text), strlen(text) + 100000);
	response(feed, "some more of the body");
	request(feed, GET("/2"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 -1 message end-inferred [1,3]\n"
				       "server GET /2 1.1 200 0 0 message [4,5]\n");
	assert_int_equal(counters[COUNTER_PARSER_RESYNCS], 1);
}

static void a_chunked_body_whose_framing_was_lost_ends_with_a_clean_close_only(void **state)
{
	struct feed *feed = *state;
	const char *text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n0123";

	for (uint8_t reason = SHM_CLOSE_NORMAL; reason <= SHM_CLOSE_EVICTED; reason++) {
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		request(feed, GET("/1"));
		feed_cut(feed, FEED_SENT, text, strlen(text), strlen(text) + 100000);
		feed_close(feed, reason);
	}
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 -1 message end-inferred\n"
				       "server GET /1 1.1 200 0 -1 cut-by-loss end-unseen\n"
				       "server GET /1 1.1 200 0 -1 cut-by-shutdown end-unseen\n");
}

static void a_chunked_body_that_was_lost_in_the_middle_of_a_pipelined_turn_is_cut(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1") GET("/2") GET("/3"));
	feed_cut(feed, FEED_SENT, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47, 200);
	response(feed, OK_EMPTY);
	request(feed, GET("/4"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 -1 cut-by-loss end-unseen\n"
				       "server GET /2 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n"
				       "server GET /3 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n");
}

static void a_chunked_request_whose_framing_was_lost_still_gets_its_response(void **state)
{
	struct feed *feed = *state;
	const char *text = "POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n0123";

	feed_cut(feed, FEED_RECEIVED, text, strlen(text), strlen(text) + 100000);
	response(feed, OK_EMPTY);
	request(feed, GET("/2"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server POST /1 1.1 200 -1 0 message\nserver GET /2 1.1 200 0 0 message\n");
}

static void responses_beyond_the_budget_of_a_pipelined_turn_are_not_guessed(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1") GET("/2") GET("/3"));
	response(feed, OK_EMPTY);
	feed_cut(feed, FEED_SENT, "", 0, 2 * strlen(OK_EMPTY));
	request(feed, GET("/4"));
	response(feed, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	request(feed, GET("/5"));
	assert_string_equal(feed->log,
			    "server GET /1 1.1 200 0 0 message\n"
			    "server GET /2 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n"
			    "server GET /3 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n"
			    "server GET /4 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n");
}

/* One that was seen to send several requests at once, but not to wait for their responses. */
static void after_a_loss_a_client_that_pipelines_must_be_seen_to_wait_three_times(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1") GET("/2"));
	response(feed, OK_EMPTY);
	feed_cut(feed, FEED_SENT, "", 0, strlen(OK_EMPTY));
	for (int i = 3; i <= 6; i++) {
		char text[64];

		snprintf(text, sizeof(text), GET("/%d"), i);
		request(feed, text);
		response(feed, OK_EMPTY);
	}
	request(feed, GET("/7"));
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 0 message\n"
				       "server GET /2 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n"
				       "server GET /3 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n"
				       "server GET /4 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n"
				       "server GET /5 1.1 200 0 0 message\n"
				       "server GET /6 1.1 200 0 0 message\n");
}

static void a_client_that_was_seen_to_wait_is_followed_from_its_next_turn_on(void **state)
{
	struct feed *feed = *state;

	for (int i = 0; i <= HTTP1_WAITED_ENOUGH; i++) {
		request(feed, GET("/1") GET("/2"));
		response(feed, OK_EMPTY OK_EMPTY);
	}
	feed_clear_log(feed);
	request(feed, GET("/3") GET("/4"));
	response(feed, OK_EMPTY);
	feed_cut(feed, FEED_SENT, "", 0, strlen(OK_EMPTY));
	request(feed, GET("/5"));
	response(feed, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(feed->log, "server GET /3 1.1 200 0 0 message\n"
				       "server GET /4 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n"
				       "server GET /5 1.1 404 0 0 message\n");
}

static void a_lost_request_leaves_its_response_unmatched(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1"));
	response(feed, OK_EMPTY);
	feed_skip(feed, FEED_RECEIVED, strlen(GET("/2")));
	response(feed, OK_EMPTY);
	request(feed, GET("/3"));
	response(feed, OK_EMPTY);
	feed_close(feed, SHM_CLOSE_NORMAL);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 0 message\nserver GET /3 1.1 200 0 0 message\n");
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
	assert_int_equal(counters[COUNTER_PARSER_HOLES], 1);
}

static void a_connection_joined_in_a_response_is_followed_from_its_next_request(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_UNKNOWN, SHM_CONNECTION_JOINED);
	feed_skip(feed, FEED_SENT, 123456);
	response(feed, "the rest of some body");
	feed_skip(feed, FEED_RECEIVED, 777);
	request(feed, GET("/1"));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 0 message\n");
	assert_int_equal(counters[COUNTER_BYTES_HOLES], 0);
}

static void a_connection_joined_before_a_response_counts_it_as_unmatched(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_CLIENT, SHM_CONNECTION_SNAPSHOT);
	feed_text(feed, FEED_RECEIVED, OK_EMPTY);
	feed_text(feed, FEED_SENT, GET("/1"));
	feed_text(feed, FEED_RECEIVED, OK_EMPTY);
	assert_string_equal(feed->log, "client GET /1 1.1 200 0 0 message\n");
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
}

static void whoever_sends_the_first_request_is_the_client(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_SENT, GET("/1"));
	feed_text(feed, FEED_RECEIVED, OK_EMPTY);
	assert_string_equal(feed->log, "client GET /1 1.1 200 0 0 message\n");
}

static void a_response_recorded_before_its_request_waits_for_it(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	feed_connection(feed, SHM_ROLE_CLIENT, 0);
	for (int i = 0; i < 3; i++) {
		feed_text(feed, FEED_RECEIVED, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na");
		feed_text(feed, FEED_RECEIVED, "bc");
		feed_text(feed, FEED_SENT, GET("/1"));
	}
	assert_string_equal(feed->log, "client GET /1 1.1 200 0 3 message [1,2]\n"
				       "client GET /1 1.1 200 0 3 message [4,5]\n"
				       "client GET /1 1.1 200 0 3 message [7,8]\n");
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 0);
}

static void a_response_nobody_asked_for_does_not_wait_for_long(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_CLIENT, 0);
	feed_text(feed, FEED_SENT, GET("/1"));
	feed_text(feed, FEED_RECEIVED, OK_EMPTY);
	feed_text(feed, FEED_RECEIVED, "HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 0);
	connections_tick(feed->connections, feed->now_ns + UINT64_C(1000000000));
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
	feed->now_ns += UINT64_C(1000000000);
	feed_text(feed, FEED_SENT, GET("/2"));
	feed_text(feed, FEED_RECEIVED, OK_EMPTY);
	assert_string_equal(feed->log, "client GET /1 1.1 200 0 0 message\nclient GET /2 1.1 200 0 0 message\n");
}

static void neighbours_that_changed_places_are_put_right(void **state)
{
	struct feed *feed = *state;
	const char *text = "GET /order HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n";
	size_t length = strlen(text);

	feed_at(feed, FEED_RECEIVED, 0, text, 5);
	feed_at(feed, FEED_RECEIVED, 20, text + 20, 10);
	feed_at(feed, FEED_RECEIVED, 30, text + 30, length - 30);
	feed_at(feed, FEED_RECEIVED, 5, text + 5, 15);
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server GET /order 1.1 200 0 0 message host=x user-agent=y\n");
	assert_int_equal(counters[COUNTER_BYTES_HOLES], 0);
}

static void bytes_told_twice_are_used_once(void **state)
{
	struct feed *feed = *state;
	const char *text = "POST /twice HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd";

	for (size_t at = 0; at + 3 < strlen(text); at += 3)
		feed_at(feed, FEED_RECEIVED, at < 6 ? 0 : at - 6, text + (at < 6 ? 0 : at - 6), at < 6 ? at + 1 : 9);
	feed_at(feed, FEED_RECEIVED, 20, text + 20, strlen(text) - 20);
	feed_at(feed, FEED_RECEIVED, 0, text, strlen(text));
	response(feed, OK_EMPTY);
	assert_string_equal(feed->log, "server POST /twice 1.1 200 4 0 message\n");
	assert_int_equal(counters[COUNTER_BYTES_SEEN], strlen(text) + strlen(OK_EMPTY));
}

static void a_reset_cuts_what_only_the_close_would_have_ended(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1"));
	response(feed, "HTTP/1.1 200 OK\r\n\r\nabc");
	feed_close(feed, SHM_CLOSE_RESET);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 -1 cut-by-close end-unseen\n");
}

static void the_end_of_a_direction_ends_a_response_before_the_close(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	request(feed, GET("/1"));
	response(feed, "HTTP/1.1 200 OK\r\n\r\nabc");
	feed_end(feed, FEED_SENT);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 3 close [1,2]\n");
}

static void the_wait_for_an_answer_that_never_came_ends_with_the_close(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	request(feed, GET("/1"));
	feed->now_ns += 100 * FEED_TIME_STEP_NS;
	feed_close(feed, SHM_CLOSE_NORMAL);
	assert_string_equal(feed->log, "server GET /1 1.1 0 0 -1 cut-by-close end-unseen response-unseen [1,102]\n");
}

static void a_new_generation_cuts_everything_that_is_unfinished(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1"));
	response(feed, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	request(feed, GET("/2"));
	connections_reset(feed->connections);
	assert_string_equal(feed->log, "server GET /1 1.1 200 0 -1 cut-by-loss end-unseen\n"
				       "server GET /2 1.1 0 0 -1 cut-by-loss end-unseen response-unseen\n");
	struct connections_usage usage = connections_usage(feed->connections);

	assert_int_equal(usage.connections, 0);
	assert_int_equal(usage.buffer_bytes, 0);
	request(feed, GET("/3"));
	assert_int_equal(counters[COUNTER_CONNECTION_UNKNOWN], 1);
}

static void shutdown_reports_what_is_unfinished(void **state)
{
	struct feed *feed = *state;

	request(feed, GET("/1"));
	connections_shutdown(feed->connections);
	assert_string_equal(feed->log, "server GET /1 1.1 0 0 -1 cut-by-shutdown end-unseen response-unseen\n");
}

static void requests_beyond_the_limit_are_counted_and_the_pairing_stays_right(void **state)
{
	struct feed *feed = *state;
	enum { BEYOND = 5 };

	for (int i = 0; i < HTTP1_OUTSTANDING_MAX + BEYOND; i++) {
		char text[64];

		snprintf(text, sizeof(text), GET("/%d"), i);
		request(feed, text);
	}
	for (int i = 0; i < HTTP1_OUTSTANDING_MAX + BEYOND; i++) {
		char text[512];

		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%*s", i, i, "");
		response(feed, text);
	}
	assert_int_equal(counters[COUNTER_PIPELINE_FULL], BEYOND);
	assert_int_equal(feed->exchanges, HTTP1_OUTSTANDING_MAX);
	request(feed, GET("/after"));
	response(feed, OK_EMPTY);
	assert_non_null(strstr(feed->log, "server GET /255 1.1 200 0 255 message\n"
					  "server GET /after 1.1 200 0 0 message\n"));
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 0);
}

static void a_head_longer_than_the_limit_is_cut_there(void **state)
{
	struct feed *feed = *state;
	static char field[1024];

	memset(field, 'x', sizeof(field) - 3);
	memcpy(field, "X: ", 3);
	memcpy(field + sizeof(field) - 3, "\r\n", 3);
	request(feed, "GET /long HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 70; i++)
		request(feed, field);
	request(feed, "\r\n");
	response(feed, "HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(feed->log, "server GET /long 1.1 431 -1 0 message request-cut host=x\n");
	assert_int_equal(counters[COUNTER_HEADS_TOO_LONG], 1);
}

static void what_is_no_http_is_counted_and_costs_no_memory(void **state)
{
	struct feed *feed = *state;
	size_t idle = connections_usage(feed->connections).buffer_bytes;

	for (int i = 0; i < 20; i++) {
		request(feed, "\x10\x0ehello");
		response(feed, "\x20\x02");
	}
	assert_int_equal(connections_usage(feed->connections).buffer_bytes, idle);
	assert_int_equal(counters[COUNTER_BYTES_UNRECOGNISED], counters[COUNTER_BYTES_SEEN]);
	assert_int_equal(feed->exchanges, 0);
}

static void after_a_hole_anywhere_the_connection_is_followed_again(void **state)
{
	struct feed *feed = *state;
	static const char *const turns[] = {
		"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: x\r\n\r\n",
		"PUT /2 HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789", "HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 202 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 500"};
	static const int directions[] = {FEED_RECEIVED, FEED_SENT, FEED_RECEIVED, FEED_SENT, FEED_SENT};

	for (size_t turn = 0; turn < 5; turn++) {
		size_t length = strlen(turns[turn]);

		for (size_t at = 0; at < length; at++) {
			for (size_t hole = 1; at + hole <= length; hole++) {
				feed_clear_log(feed);
				feed_connection(feed, SHM_ROLE_SERVER, 0);
				for (size_t i = 0; i < 5; i++) {
					if (i != turn) {
						feed_text(feed, directions[i], turns[i]);
						continue;
					}
					if (at > 0)
						feed_bytes(feed, directions[i], turns[i], at);
					feed_skip(feed, directions[i], hole);
					if (at + hole < length)
						feed_text(feed, directions[i], turns[i] + at + hole);
				}
				request(feed, GET("/3"));
				response(feed, OK_EMPTY);
				request(feed, GET("/4"));
				response(feed, OK_EMPTY);
				feed_close(feed, SHM_CLOSE_NORMAL);
				if (strstr(feed->log, "server GET /4 1.1 200 0 0 message\n") == NULL)
					fail_msg("turn %zu, hole of %zu at %zu:\n%s", turn, hole, at, feed->log);
				if (strstr(feed->log, " 500 ") != NULL || feed->exchanges > 4)
					fail_msg("turn %zu, hole of %zu at %zu invents:\n%s", turn, hole, at,
						 feed->log);
			}
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hole_in_a_body_of_known_length_costs_nothing),
		TEST(a_body_whose_tail_no_record_tells_of_ends_at_a_time_that_was_not_seen),
		TEST(a_record_that_only_counts_bytes_tells_when_the_body_ended),
		TEST(a_tail_that_only_the_close_tells_of_completes_the_body),
		TEST(a_request_head_beyond_the_budget_is_reported_with_what_was_seen),
		TEST(the_answer_cuts_a_head_whose_rest_no_record_tells_of),
		TEST(a_target_beyond_the_budget_is_reported_as_far_as_it_goes),
		TEST(a_response_head_beyond_the_budget_keeps_its_status),
		TEST(a_hole_within_a_chunk_costs_nothing),
		TEST(a_chunked_body_whose_framing_was_lost_ends_with_the_next_request),
		TEST(a_chunked_body_whose_framing_was_lost_ends_with_a_clean_close_only),
		TEST(a_chunked_body_that_was_lost_in_the_middle_of_a_pipelined_turn_is_cut),
		TEST(a_chunked_request_whose_framing_was_lost_still_gets_its_response),
		TEST(responses_beyond_the_budget_of_a_pipelined_turn_are_not_guessed),
		TEST(after_a_loss_a_client_that_pipelines_must_be_seen_to_wait_three_times),
		TEST(a_client_that_was_seen_to_wait_is_followed_from_its_next_turn_on),
		TEST(a_lost_request_leaves_its_response_unmatched),
		TEST(a_connection_joined_in_a_response_is_followed_from_its_next_request),
		TEST(a_connection_joined_before_a_response_counts_it_as_unmatched),
		TEST(whoever_sends_the_first_request_is_the_client),
		TEST(a_response_recorded_before_its_request_waits_for_it),
		TEST(a_response_nobody_asked_for_does_not_wait_for_long),
		TEST(neighbours_that_changed_places_are_put_right),
		TEST(bytes_told_twice_are_used_once),
		TEST(a_reset_cuts_what_only_the_close_would_have_ended),
		TEST(the_end_of_a_direction_ends_a_response_before_the_close),
		TEST(the_wait_for_an_answer_that_never_came_ends_with_the_close),
		TEST(a_new_generation_cuts_everything_that_is_unfinished),
		TEST(shutdown_reports_what_is_unfinished),
		TEST(requests_beyond_the_limit_are_counted_and_the_pairing_stays_right),
		TEST(a_head_longer_than_the_limit_is_cut_there),
		TEST(what_is_no_http_is_counted_and_costs_no_memory),
		TEST(after_a_hole_anywhere_the_connection_is_followed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
