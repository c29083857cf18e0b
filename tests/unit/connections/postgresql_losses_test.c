/* PostgreSQL where not everything was seen: the capture budget, late joins, lost records, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "protocols/postgresql/postgresql.h"
#include "support/postgresql_talk.h"
#include "support/record_feed.h"

#define UNANSWERED "cut-by-loss end-unseen response-unseen"
#define CUT_AT_THE_END "message end-inferred response-cut"

static struct postgresql_talk talk;

static void make(int direction, const char *lines)
{
	talk.length = 0;
	postgresql_talk_add(&talk, direction == FEED_RECEIVED, lines);
}

static void say(struct feed *feed, int direction, const char *lines)
{
	make(direction, lines);
	feed_bytes(feed, direction, talk.bytes, talk.length);
}

static void client(struct feed *feed, const char *lines)
{
	say(feed, FEED_RECEIVED, lines);
}

static void server(struct feed *feed, const char *lines)
{
	say(feed, FEED_SENT, lines);
}

/* Only the first `seen` bytes are captured. */
static void say_cut(struct feed *feed, int direction, const char *lines, size_t seen)
{
	make(direction, lines);
	feed_cut(feed, direction, talk.bytes, seen, talk.length);
}

/* No record tells of it. */
static void lose(struct feed *feed, int direction, const char *lines)
{
	make(direction, lines);
	feed_skip(feed, direction, talk.length);
}

static void begin(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	client(feed, "startup user u");
	server(feed, "R 0\nS a=b\nK\nZ I");
}

static int set_up(void **state)
{
	struct feed *feed = feed_create();

	memset(counters, 0, sizeof(counters));
	begin(feed);
	*state = feed;
	return 0;
}

static int tear_down(void **state)
{
	feed_destroy(*state);
	return 0;
}

static void expect_last(struct feed *feed, const char *line)
{
	const char *end = feed->log + feed->log_length, *start = end;

	while (start > feed->log && (start == end || start[-1] != '\n'))
		start--;
	assert_string_equal(start, line);
}

/* The connection is followed again: what is asked and answered now is reported in full. */
static void expect_followed(struct feed *feed)
{
	client(feed, "P - Z $1\nB - - 1\nE - 0\nS");
	server(feed, "1\n2\nD 1\nC SELECT 1\nZ I");
	client(feed, "Q next");
	server(feed, "T 1\nC SELECT 0\nZ I");
	client(feed, "X");
	expect_last(feed, "server postgresql 1 ok message namespace=u text=next rows=0\n");
	if (strstr(feed->log, "server postgresql 1 ok message namespace=u parameterised=Z $1") == NULL)
		fail_msg("not followed again:\n%s", feed->log);
}

static void replies_beyond_the_budget_end_with_the_clients_next_turn(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	client(feed, "Q A");
	say_cut(feed, FEED_SENT, "T 1\nD 1\nD 1\nD 1\nC SELECT 3\nZ I", 60);
	client(feed, "Q B");
	server(feed, "C SET\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok " CUT_AT_THE_END " namespace=u text=A [3,4]\n"
				       "server postgresql 1 ok message namespace=u text=B [5,6]\n");
}

static void a_tail_whose_time_is_not_known_says_so(void **state)
{
	struct feed *feed = *state;

	client(feed, "Q A");
	server(feed, "T 1\nD 1");
	feed_skip(feed, FEED_SENT, 500);
	client(feed, "Q B");
	server(feed, "C SET\nZ I");
	client(feed, "X");
	assert_string_equal(feed->log, "server postgresql 1 ok cut-by-loss end-unseen namespace=u text=A\n"
				       "server postgresql 1 ok message namespace=u text=B\n");
}

static void a_query_that_began_before_the_reply_that_was_lost_is_not_given_the_next_one(void **state)
{
	struct feed *feed = *state;

	make(FEED_RECEIVED, "Q A\nQ B, whose end is lost");
	feed_bytes(feed, FEED_RECEIVED, talk.bytes, talk.length - 9);
	say_cut(feed, FEED_SENT, "T 1\nD 1\nC SELECT 1\nZ I\nC DELETE 1\nZ I", 20);
	feed_skip(feed, FEED_RECEIVED, 9);
	client(feed, "Q C");
	server(feed, "C SET\nZ I");
	client(feed, "X");
	assert_string_equal(feed->log,
			    "server postgresql 1 ok cut-by-loss end-unseen namespace=u text=A\n"
			    "server postgresql 1 ok " UNANSWERED " request-cut namespace=u text=B, whose end\n"
			    "server postgresql 1 ok message namespace=u text=C\n");
}

static void a_hole_within_a_row_costs_nothing(void **state)
{
	struct feed *feed = *state;

	client(feed, "Q A");
	server(feed, "T 1");
	say_cut(feed, FEED_SENT, "D 90", 20);
	server(feed, "C SELECT 1\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok message namespace=u text=A rows=1\n");
	assert_int_equal(counters[COUNTER_PARSER_RESYNCS], 0);
}

static void replies_to_a_batch_beyond_the_budget_are_cut_and_the_next_batch_is_exact(void **state)
{
	struct feed *feed = *state;

	client(feed, "P a A\nB - a 0\nE - 0\nB - a 0\nE - 0\nB - a 0\nE - 0\nS");
	say_cut(feed, FEED_SENT, "1\n2\nC SET\n2\nD 1\nD 1\nC SELECT 2\n2\nC SET\nZ I", 45);
	client(feed, "B - a 0\nE - 0\nB - a 0\nE - 0\nS");
	server(feed, "2\nD 1\nC SELECT 1\n2\nE 22012\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok message namespace=u text=A\n"
				       "server postgresql 1 ok cut-by-loss end-unseen namespace=u text=A\n"
				       "server postgresql 1 ok " UNANSWERED " namespace=u text=A\n"
				       "server postgresql 1 ok message namespace=u text=A rows=1\n"
				       "server postgresql 1 failed message code=22012 namespace=u text=A\n");
}

static void a_text_beyond_the_budget_is_cut(void **state)
{
	struct feed *feed = *state;

	say_cut(feed, FEED_RECEIVED, "Q SELECT 'a very long text'", 20);
	server(feed, "T 1\nD 1\nC SELECT 1\nZ I");
	say_cut(feed, FEED_RECEIVED, "P s INSERT a very long text\nB - s 1\nE - 0\nS", 20);
	server(feed, "1\n2\nC INSERT 0 1\nZ I");
	client(feed, "B - s 1\nE - 0\nS");
	server(feed, "2\nC INSERT 0 1\nZ I");
	assert_string_equal(feed->log,
			    "server postgresql 1 ok message request-cut namespace=u text=SELECT 'a very  rows=1\n"
			    "server postgresql 1 ok message request-cut namespace=u text=INSERT a very\n"
			    "server postgresql 1 ok message request-cut namespace=u parameterised=INSERT a very\n");
	expect_followed(feed);
}

static void an_execute_behind_a_value_beyond_the_budget_is_known_by_its_reply(void **state)
{
	struct feed *feed = *state;

	client(feed, "P s INSERT $1\nS");
	server(feed, "1\nZ I");
	say_cut(feed, FEED_RECEIVED, "B - s 90\nD P -\nE - 0\nS", 40);
	server(feed, "2\nn\nC INSERT 0 1\nZ I");
	say_cut(feed, FEED_RECEIVED, "B - s 90\nE - 0\nS", 40);
	server(feed, "2\nE 23505\nZ I");
	say_cut(feed, FEED_RECEIVED, "B - s 90\nE - 0\nB - s 1\nE - 0\nS", 40);
	server(feed, "2\nC INSERT 0 2\n2\nC INSERT 0 3\nZ I");
	assert_string_equal(feed->log,
			    "server postgresql 1 ok message namespace=u parameterised=INSERT $1\n"
			    "server postgresql 1 failed message code=23505 namespace=u parameterised=INSERT $1\n"
			    "server postgresql 1 ok message namespace=u parameterised=INSERT $1\n");
	assert_int_equal(counters[COUNTER_PARSER_HOLES], 3);
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
	expect_followed(feed);
}

static void a_batch_beyond_the_budget_is_reported_as_far_as_it_was_seen(void **state)
{
	struct feed *feed = *state;

	client(feed, "P s A $1\nS");
	server(feed, "1\nZ I");
	make(FEED_RECEIVED, "B - s 1\nE - 0");
	size_t seen = 2 * talk.length;

	say_cut(feed, FEED_RECEIVED, "B - s 1\nE - 0\nB - s 1\nE - 0\nB - s 1\nE - 0\nS", seen);
	server(feed, "2\nC INSERT 0 1\n2\nD 1\nC SELECT 1\n2\nC INSERT 0 1\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok message namespace=u parameterised=A $1\n"
				       "server postgresql 1 ok message namespace=u parameterised=A $1 rows=1\n");
	expect_followed(feed);
}

static void data_that_is_copied_in_beyond_the_budget_costs_nothing(void **state)
{
	struct feed *feed = *state;

	client(feed, "Q COPY a");
	server(feed, "G 1");
	say_cut(feed, FEED_RECEIVED, "d 1\nd 2\nd Q\nd X\nc", 9);
	server(feed, "C COPY 4\nZ I");
	client(feed, "P - COPY b\nB - - 0\nE - 0\nS");
	server(feed, "1\n2\nG 1");
	say_cut(feed, FEED_RECEIVED, "d 1\nd 2\nd Q\nd X\nc\nS", 9);
	server(feed, "C COPY 4\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok message namespace=u text=COPY a\n"
				       "server postgresql 1 ok message namespace=u text=COPY b\n");
	expect_followed(feed);
	assert_int_equal(counters[COUNTER_PARSER_HOLES], 0);
}

static void a_connection_joined_in_its_middle_has_no_namespace_and_learns_its_statements(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_SERVER, SHM_CONNECTION_JOINED);
	server(feed, "D 1\nC SELECT 1\nZ I");
	client(feed, "B - s 1\nE - 0\nS");
	server(feed, "2\nC INSERT 0 1\nZ I");
	client(feed, "P s A $1\nB - s 1\nE - 0\nS");
	server(feed, "1\n2\nC INSERT 0 1\nZ I");
	client(feed, "B - s 1\nE - 0\nS");
	server(feed, "2\nC INSERT 0 1\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok message\n"
				       "server postgresql 1 ok message parameterised=A $1\n"
				       "server postgresql 1 ok message parameterised=A $1\n");
}

static void an_operation_whose_reply_was_lost_is_never_given_the_next_ones(void **state)
{
	struct feed *feed = *state;

	client(feed, "Q A");
	lose(feed, FEED_SENT, "C SET\nZ I");
	client(feed, "Q B");
	server(feed, "E 42601\nZ I");
	client(feed, "X");
	assert_string_equal(feed->log, "server postgresql 1 ok " UNANSWERED " namespace=u text=A\n"
				       "server postgresql 1 failed message code=42601 namespace=u text=B\n");
}

static void a_reply_and_the_next_operation_lost_together_are_no_pair(void **state)
{
	struct feed *feed = *state;

	client(feed, "Q A");
	lose(feed, FEED_SENT, "C SET\nZ I");
	lose(feed, FEED_RECEIVED, "Q B");
	server(feed, "E 42601\nZ I");
	client(feed, "Q C");
	server(feed, "C SET\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok " UNANSWERED " namespace=u text=A\n"
				       "server postgresql 1 ok message namespace=u text=C\n");
	assert_int_equal(counters[COUNTER_PARSER_HOLES], 1);
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
}

static void the_close_proves_the_last_pair_if_no_byte_is_missing(void **state)
{
	struct feed *feed = *state;

	for (int missing = 0; missing < 2; missing++) {
		feed_clear_log(feed);
		begin(feed);
		client(feed, "Q A");
		lose(feed, FEED_SENT, "C SET\nZ I");
		client(feed, "Q B");
		server(feed, "C SET\nZ I");
		if (missing)
			lose(feed, FEED_RECEIVED, "Q C");
		feed_close(feed, SHM_CLOSE_NORMAL);
		expect_last(feed, missing ? "server postgresql 1 ok " UNANSWERED " namespace=u text=B\n"
					  : "server postgresql 1 ok message namespace=u text=B\n");
	}
}

static void a_login_whose_end_was_lost_does_not_swallow_the_first_reply(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_SERVER, 0);
	client(feed, "startup user u");
	server(feed, "R 0");
	lose(feed, FEED_SENT, "K\nZ I");
	client(feed, "Q A");
	server(feed, "C SET\nZ I");
	expect_followed(feed);
	assert_memory_equal(feed->log, "server postgresql 1 ok message namespace=u text=A\n", 50);
}

static void replies_that_cannot_be_to_what_waits_give_it_up(void **state)
{
	struct feed *feed = *state;

	client(feed, "Q A");
	server(feed, "1\n2\nC SET\nZ I");
	assert_string_equal(feed->log, "server postgresql 1 ok cut-by-loss end-unseen namespace=u text=A\n");
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
	expect_followed(feed);
}

static void bytes_that_are_no_messages_are_counted_and_left_behind(void **state)
{
	struct feed *feed = *state;

	client(feed, "Q A");
	feed_text(feed, FEED_SENT, "HTTP/1.1 200 OK\r\n\r\n");
	feed_text(feed, FEED_RECEIVED, "\x7f\x7f\x7f\x7f\x7f\x7f");
	assert_int_equal(counters[COUNTER_PARSER_MALFORMED], 2);
	expect_followed(feed);
}

/* One of the messages of a few turns is replaced by a hole, entirely or from some byte on, told of or not. */
static const struct {
	int direction;
	const char *lines;
} turns[] = {
	{FEED_RECEIVED, "Q A"},
	{FEED_SENT, "T 1\nD 1\nC SELECT 1\nZ I"},
	{FEED_RECEIVED, "P s B $1\nB - s 3\nD P -\nE - 0\nS"},
	{FEED_SENT, "1\n2\nT 1\nD 1\nC SELECT 1\nZ I"},
	{FEED_RECEIVED, "B - s 1\nE - 0\nB - s 1\nE - 0\nS"},
	{FEED_SENT, "2\nC INSERT 0 1\n2\nE 23505\nZ I"},
};

enum { TURNS = sizeof(turns) / sizeof(turns[0]) };

static void play_with_a_hole(struct feed *feed, int holed, size_t from, size_t to, bool told)
{
	feed_clear_log(feed);
	begin(feed);
	for (int i = 0; i < TURNS; i++) {
		int direction = turns[i].direction;

		make(direction, turns[i].lines);
		size_t length = talk.length;

		if (i != holed || from >= length) {
			feed_bytes(feed, direction, talk.bytes, length);
			continue;
		}
		if (to > length)
			to = length;
		if (told || from > 0)
			feed_cut(feed, direction, talk.bytes, from, told ? to : from);
		if (!told)
			feed_skip(feed, direction, to - from);
		if (to < length)
			feed_bytes(feed, direction, talk.bytes + to, length - to);
	}
}

/* No line may claim more than the truth: each is one of those that the conversation gives when all is seen, or says
 * that something was not. */
static void check_log(const struct feed *feed, const char *truth, int turn, size_t from, size_t to)
{
	char line[512];

	for (const char *at = feed->log; *at != '\0'; at = strchr(at, '\n') + 1) {
		size_t length = (size_t)(strchr(at, '\n') - at) + 1;

		memcpy(line, at, length);
		line[length] = '\0';
		if (strstr(truth, line) == NULL && strstr(line, "unseen") == NULL && strstr(line, "-cut") == NULL &&
		    strstr(line, "rows=") == NULL && strstr(line, "code=23505") == NULL &&
		    strstr(line, "ok message namespace=u") == NULL)
			fail_msg("turn %d, hole %zu to %zu: invented: %s", turn, from, to, line);
		if (strstr(line, "text=A") != NULL && strstr(line, "failed") != NULL)
			fail_msg("turn %d, hole %zu to %zu: %s", turn, from, to, line);
	}
}

static void after_a_hole_at_any_place_the_connection_is_followed_again(void **state)
{
	static char truth[FEED_LOG_BYTES];
	struct feed *feed = *state;

	play_with_a_hole(feed, -1, 0, 0, false);
	memcpy(truth, feed->log, feed->log_length + 1);
	for (int turn = 0; turn < TURNS; turn++) {
		make(turns[turn].direction, turns[turn].lines);
		size_t length = talk.length;

		for (size_t from = 0; from < length; from++) {
			for (size_t to = from + 1; to <= length; to += to + 1 < length && to > from + 7 ? 7 : 1) {
				for (int told = 0; told < 2; told++) {
					play_with_a_hole(feed, turn, from, to, told);
					/* a gap at the end of a batch may also have been at the beginning of the
					 * next */
					if (turn == TURNS - 2 && !told && to == length) {
						client(feed, "B - s 1\nE - 0\nS");
						server(feed, "2\nC INSERT 0 1\nZ I");
					}
					expect_followed(feed);
					check_log(feed, truth, turn, from, to);
					feed_close(feed, SHM_CLOSE_NORMAL);
				}
			}
		}
	}
}

static void a_connection_that_keeps_too_many_waiting_counts_them(void **state)
{
	struct feed *feed = *state;

	client(feed, "P s A $1\nS");
	server(feed, "1\nZ I");
	for (int i = 0; i < POSTGRESQL_WAITING_MAX + 5; i++)
		client(feed, "B - s 1\nE - 0");
	client(feed, "S");
	assert_int_equal(counters[COUNTER_PIPELINE_FULL], 5 * 2 + 1);
	for (int i = 0; i < POSTGRESQL_WAITING_MAX + 5; i++)
		server(feed, "2\nC INSERT 0 1");
	server(feed, "Z I");
	assert_int_equal(feed->exchanges, POSTGRESQL_WAITING_MAX);
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 5);
	expect_followed(feed);
}

static void statements_beyond_the_limit_are_forgotten_the_longest_unused_first(void **state)
{
	struct feed *feed = *state;
	char line[64];

	for (int i = 0; i < POSTGRESQL_NAMES_MAX + 1; i++) {
		if (i == POSTGRESQL_NAMES_MAX) {
			client(feed, "B - s0 1\nE - 0\nS"); /* its portal is a name too, and takes the place of s1 */
			server(feed, "2\nC SET\nZ I");
			expect_last(feed, "server postgresql 1 ok message namespace=u parameterised=A0\n");
		}
		snprintf(line, sizeof(line), "P s%d A%d\nS", i, i);
		client(feed, line);
		server(feed, "1\nZ I");
	}
	assert_int_equal(counters[COUNTER_STATEMENTS_EVICTED], 2);
	client(feed, "B - s0 1\nE - 0\nS");
	server(feed, "2\nC SET\nZ I");
	expect_last(feed, "server postgresql 1 ok message namespace=u parameterised=A0\n");
	client(feed, "B - s1 1\nE - 0\nS");
	server(feed, "2\nC SET\nZ I");
	expect_last(feed, "server postgresql 1 ok message namespace=u\n");
}

/* One connection does not take the memory of all. */
static void long_statements_make_room_for_each_other(void **state)
{
	static char line[POSTGRESQL_UNIT_BYTES_MAX];
	struct feed *feed = *state;
	size_t before = connections_usage(feed->connections).buffer_bytes;

	for (int i = 0; i < POSTGRESQL_NAMES_MAX; i++) {
		int head = snprintf(line, sizeof(line), "P s%d ", i);

		memset(line + head, 'A', 16000);
		snprintf(line + head + 16000, sizeof(line) - (size_t)head - 16000, "\nS");
		client(feed, line);
		server(feed, "1\nZ I");
	}
	assert_in_range(connections_usage(feed->connections).buffer_bytes - before, POSTGRESQL_NAMED_BYTES_MAX / 2,
			3 * POSTGRESQL_NAMED_BYTES_MAX);
	assert_in_range(counters[COUNTER_STATEMENTS_EVICTED], POSTGRESQL_NAMES_MAX - 20, POSTGRESQL_NAMES_MAX);
	expect_followed(feed);
}

static void portals_end_with_their_transaction_and_take_no_statements_place(void **state)
{
	struct feed *feed = *state;
	char line[128];

	client(feed, "P s A $1\nS");
	server(feed, "1\nZ I");
	for (int i = 0; i < POSTGRESQL_NAMES_MAX + 10; i++) {
		snprintf(line, sizeof(line), "B p%d s 1\nE p%d 5\nS", i, i);
		client(feed, line);
		server(feed, "2\ns\nZ I");
	}
	assert_int_equal(counters[COUNTER_STATEMENTS_EVICTED], 0);
	expect_last(feed, "server postgresql 1 ok message namespace=u parameterised=A $1\n");
	client(feed, "B p s 1\nE p 5\nS");
	server(feed, "2\ns\nZ T");
	client(feed, "E p 5\nS");
	server(feed, "D 1\nC SELECT 1\nZ I");
	expect_last(feed, "server postgresql 1 ok message namespace=u parameterised=A $1 rows=1\n");
}

static void a_text_longer_than_is_kept_is_cut_and_counted(void **state)
{
	struct feed *feed = *state;
	static char line[POSTGRESQL_UNIT_BYTES_MAX + 1000];

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "Q ", 2);
	client(feed, line);
	server(feed, "C SET\nZ I");
	assert_int_equal(counters[COUNTER_HEADS_TOO_LONG], 1);
	assert_memory_equal(feed->log, "server postgresql 1 ok message request-cut namespace=u text=xxx", 60);
	expect_followed(feed);
}

static void without_memory_operations_are_counted_and_nothing_is_kept(void **state)
{
	static const size_t limits[] = {256, 1024, 1536, 2048, 3072, 4096, 6144, 8192};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct feed *feed = feed_create_limited(&(struct connections_limits){
			.connections_max = 8, .processes_max = 2, .buffer_bytes_max = limits[i]});

		for (int n = 0; n < 4; n++) {
			begin(feed);
			for (int t = 0; t < TURNS; t++)
				say(feed, turns[t].direction, turns[t].lines);
			client(feed, "P a A\nP b B\nP c C\nP d D\nP e E\nP f F\nB p a 1\nB q b 1\nE p 1\nE q 1\nS");
			if (n % 2 == 0)
				feed_close(feed, SHM_CLOSE_NORMAL);
		}
		if (i < 4)
			assert_true(counters[COUNTER_STREAM_BUFFERS_FULL] > 0);
		connections_shutdown(feed->connections);
		assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
		feed_destroy(feed);
	}
}

int main(void)
{
#define LOSS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LOSS_TEST(replies_beyond_the_budget_end_with_the_clients_next_turn),
		LOSS_TEST(a_tail_whose_time_is_not_known_says_so),
		LOSS_TEST(a_query_that_began_before_the_reply_that_was_lost_is_not_given_the_next_one),
		LOSS_TEST(a_hole_within_a_row_costs_nothing),
		LOSS_TEST(replies_to_a_batch_beyond_the_budget_are_cut_and_the_next_batch_is_exact),
		LOSS_TEST(a_text_beyond_the_budget_is_cut),
		LOSS_TEST(an_execute_behind_a_value_beyond_the_budget_is_known_by_its_reply),
		LOSS_TEST(a_batch_beyond_the_budget_is_reported_as_far_as_it_was_seen),
		LOSS_TEST(data_that_is_copied_in_beyond_the_budget_costs_nothing),
		LOSS_TEST(a_connection_joined_in_its_middle_has_no_namespace_and_learns_its_statements),
		LOSS_TEST(an_operation_whose_reply_was_lost_is_never_given_the_next_ones),
		LOSS_TEST(a_reply_and_the_next_operation_lost_together_are_no_pair),
		LOSS_TEST(the_close_proves_the_last_pair_if_no_byte_is_missing),
		LOSS_TEST(a_login_whose_end_was_lost_does_not_swallow_the_first_reply),
		LOSS_TEST(replies_that_cannot_be_to_what_waits_give_it_up),
		LOSS_TEST(bytes_that_are_no_messages_are_counted_and_left_behind),
		LOSS_TEST(after_a_hole_at_any_place_the_connection_is_followed_again),
		LOSS_TEST(a_connection_that_keeps_too_many_waiting_counts_them),
		LOSS_TEST(statements_beyond_the_limit_are_forgotten_the_longest_unused_first),
		LOSS_TEST(long_statements_make_room_for_each_other),
		LOSS_TEST(portals_end_with_their_transaction_and_take_no_statements_place),
		LOSS_TEST(a_text_longer_than_is_kept_is_cut_and_counted),
		LOSS_TEST(without_memory_operations_are_counted_and_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
