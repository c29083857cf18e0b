/* MySQL where not everything was seen: capture budgets, lost records, late joins, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "protocols/mysql/mysql.h"
#include "support/record_feed.h"
#include "unit/connections/mysql_packets.h"

#define ROWS "1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~011\n5 ~012\n6 " EOF_IS
#define SHORT_COLUMNS "1 ~01\n2 " COLUMN "\n3 " EOF_IS

static struct mysql_turn turn;

static void say(struct feed *feed, int direction, const char *packets)
{
	mysql_turn_write(&turn, packets);
	feed_bytes(feed, direction, turn.bytes, turn.length);
}

static void command(struct feed *feed, const char *packets)
{
	say(feed, FEED_RECEIVED, packets);
}

static void answer(struct feed *feed, const char *packets)
{
	say(feed, FEED_SENT, packets);
}

/* Show the first `captured` bytes of packets that are `hole` bytes longer. */
static void say_cut(struct feed *feed, int direction, const char *packets, size_t hole)
{
	mysql_turn_write(&turn, packets);
	feed_cut(feed, direction, turn.bytes, turn.length, turn.length + hole);
}

/* The header of a packet and the first bytes of its payload; the rest passes unseen. */
static void say_begun(struct feed *feed, int direction, unsigned sequence, const char *shown, size_t length)
{
	turn.length = 0;
	mysql_turn_add(&turn, sequence, shown, strlen(shown));
	turn.bytes[0] = (char)length;
	turn.bytes[1] = (char)(length >> 8);
	turn.bytes[2] = (char)(length >> 16);
	feed_cut(feed, direction, turn.bytes, turn.length, 4 + length);
}

static void log_in(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	answer(feed, GREETING_MYSQL);
	command(feed, LOGIN);
	answer(feed, "2 " OK_IS);
	feed_clear_log(feed);
}

static int set_up(void **state)
{
	struct feed *feed = feed_create();

	memset(counters, 0, sizeof(counters));
	log_in(feed);
	*state = feed;
	return 0;
}

static int tear_down(void **state)
{
	feed_destroy(*state);
	return 0;
}

static void works_on_after(struct feed *feed, const char *what, size_t at, size_t length)
{
	feed_clear_log(feed);
	command(feed, "0 ~03DO 1");
	answer(feed, "1 " OK_IS);
	command(feed, "0 ~03DO 2");
	answer(feed, "1 " NO_TABLE);
	if (strstr(feed->log, "server mysql 1 ok message namespace=shop text=DO 1\n"
			      "server mysql 1 failed message code=1146 namespace=shop text=DO 2\n") == NULL)
		fail_msg("after %s, %zu bytes at %zu:\n%s", what, length, at, feed->log);
}

static void works_on(struct feed *feed)
{
	works_on_after(feed, "this", 0, 0);
}

/* ---- what the capture budget leaves out ---- */

static void rows_beyond_the_budget_end_when_the_client_goes_on(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	feed->now_ns = 0;
	command(feed, "0 ~03SELECT a FROM t");
	say_cut(feed, FEED_SENT, SHORT_COLUMNS "\n4 ~011", 100000);
	feed_cut(feed, FEED_SENT, "", 0, 50000);
	command(feed, "0 ~03DO 1");
	answer(feed, "1 " OK_IS);
	assert_string_equal(
		feed->log,
		"server mysql 1 ok message end-inferred response-cut namespace=shop text=SELECT a FROM t [1,3]\n"
		"server mysql 1 ok message namespace=shop text=DO 1 [4,5]\n");
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 0);
}

static void a_hole_within_a_row_costs_nothing(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~03SELECT a FROM t");
	answer(feed, SHORT_COLUMNS);
	say_begun(feed, FEED_SENT, 4, "\xfd", 70000);
	answer(feed, "5 ~012\n6 " EOF_IS);
	assert_string_equal(feed->log, "server mysql 1 ok message namespace=shop text=SELECT a FROM t rows=2\n");
	assert_int_equal(counters[COUNTER_PARSER_RESYNCS], 0);
}

static void a_row_of_16_mib_is_one_row(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~03SELECT a FROM t");
	answer(feed, SHORT_COLUMNS);
	say_begun(feed, FEED_SENT, 4, "\xfe", MYSQL_PAYLOAD_BYTES_MAX);
	say_begun(feed, FEED_SENT, 5, "\xfe", MYSQL_PAYLOAD_BYTES_MAX);
	answer(feed, "6 \n7 ~012\n8 " EOF_IS);
	assert_string_equal(feed->log, "server mysql 1 ok message namespace=shop text=SELECT a FROM t rows=2\n");
}

static void a_statement_beyond_the_budget_is_reported_with_what_was_seen(void **state)
{
	struct feed *feed = *state;

	say_begun(feed, FEED_RECEIVED, 0, "\x03INSERT INTO t VALUES (1", 9000);
	answer(feed, "1 " OK_IS);
	assert_string_equal(feed->log,
			    "server mysql 1 ok message request-cut namespace=shop text=INSERT INTO t VALUES (1\n");
	works_on(feed);
	assert_int_equal(counters[COUNTER_PARSER_RESYNCS], 0);
}

static void a_statement_of_more_than_16_mib_is_one_command(void **state)
{
	struct feed *feed = *state;

	say_begun(feed, FEED_RECEIVED, 0, "\x03INSERT INTO t VALUES (1", MYSQL_PAYLOAD_BYTES_MAX);
	say_begun(feed, FEED_RECEIVED, 1, "", 5000);
	answer(feed, "2 " OK_IS);
	assert_string_equal(feed->log,
			    "server mysql 1 ok message request-cut namespace=shop text=INSERT INTO t VALUES (1\n");
	works_on(feed);
}

static void a_statement_longer_than_what_is_kept_is_cut_there(void **state)
{
	static char text[MYSQL_COMMAND_BYTES_MAX + 1000];
	struct feed *feed = *state;

	memset(text, 'x', sizeof(text));
	memcpy(text, "\x03SELECT ", 8);
	turn.length = 0;
	mysql_turn_add(&turn, 0, text, sizeof(text));
	feed_bytes(feed, FEED_RECEIVED, turn.bytes, turn.length);
	answer(feed, "1 " OK_IS);
	assert_int_equal(feed->exchanges, 1);
	assert_non_null(strstr(feed->log, "server mysql 1 ok message request-cut namespace=shop text=SELECT xxx"));
	assert_int_equal(counters[COUNTER_HEADS_TOO_LONG], 1);
	works_on(feed);
}

static void a_statement_whose_text_was_cut_says_so_when_it_is_executed(void **state)
{
	struct feed *feed = *state;

	say_begun(feed, FEED_RECEIVED, 0, "\x16INSERT INTO t VALUES (?", 9000);
	answer(feed, "1 ~00~07~00~00~00~00~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS);
	command(feed, "0 ~17~07~00~00~00~00~01~00~00~00");
	answer(feed, "1 " OK_IS);
	assert_string_equal(
		feed->log,
		"server mysql 1 ok message request-cut namespace=shop parameterised=INSERT INTO t VALUES (?\n");
}

static void an_error_whose_text_passes_unseen_keeps_its_number(void **state)
{
	struct feed *feed = *state;

	feed->times = true;
	feed->now_ns = 0;
	command(feed, "0 ~03SELECT a FROM t");
	say_begun(feed, FEED_SENT, 1, "\xff\x7a\x04#42S02Tab", 300);
	assert_string_equal(feed->log,
			    "server mysql 1 failed message code=1146 namespace=shop text=SELECT a FROM t [1,2]\n");
	feed->times = false;
	works_on(feed);
}

static void a_file_beyond_the_budget_is_passed_over(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~03LOAD DATA LOCAL INFILE 'x' INTO TABLE t");
	answer(feed, "1 ~fbx");
	say_cut(feed, FEED_RECEIVED, "2 first line", 100000);
	answer(feed, "9 " OK_IS);
	assert_string_equal(feed->log,
			    "server mysql 1 ok message namespace=shop text=LOAD DATA LOCAL INFILE 'x' INTO TABLE t\n");
	works_on(feed);
}

static void an_execution_behind_long_data_beyond_the_budget_is_counted_and_costs_nothing_else(void **state)
{
	struct feed *feed = *state;

	say_begun(feed, FEED_RECEIVED, 0, "\x18\1", 5000);
	feed_cut(feed, FEED_RECEIVED, "", 0, 14);
	answer(feed, "1 " OK_IS);
	command(feed, "0 ~16DO ?\n0 ~17~ff~ff~ff~ff~00~01~00~00~00");
	answer(feed, "1 ~00~08~00~00~00~00~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS "\n1 " OK_IS);
	assert_string_equal(feed->log, "server mysql 1 ok message namespace=shop parameterised=DO ?\n");
	assert_int_equal(counters[COUNTER_PARSER_HOLES], 1);
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
}

static void pipelined_answers_beyond_the_budget_are_said_to_be_unseen(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~03SELECT 1\n0 ~03SELECT 2\n0 ~03SELECT 3");
	say_cut(feed, FEED_SENT, ROWS "\n" SHORT_COLUMNS, 5000);
	command(feed, "0 ~03DO 1");
	answer(feed, "1 " OK_IS);
	assert_string_equal(feed->log,
			    "server mysql 1 ok message namespace=shop text=SELECT 1 rows=2\n"
			    "server mysql 1 ok cut-by-loss end-unseen namespace=shop text=SELECT 2\n"
			    "server mysql 1 ok cut-by-loss end-unseen response-unseen namespace=shop text=SELECT 3\n"
			    "server mysql 1 ok message namespace=shop text=DO 1\n");
}

/* ---- lost records ---- */

static void an_answer_that_was_lost_is_not_made_up(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~03SELECT 1");
	feed_skip(feed, FEED_SENT, 120);
	command(feed, "0 ~03DO 2");
	answer(feed, "1 " NO_TABLE);
	command(feed, "0 ~03DO 3");
	assert_string_equal(feed->log,
			    "server mysql 1 ok cut-by-loss end-unseen response-unseen namespace=shop text=SELECT 1\n"
			    "server mysql 1 failed message code=1146 namespace=shop text=DO 2\n");
}

static void rows_that_were_lost_are_not_counted(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~03SELECT 1");
	answer(feed, SHORT_COLUMNS);
	feed_skip(feed, FEED_SENT, 120);
	answer(feed, "9 ~012\n10 " EOF_IS);
	command(feed, "0 ~03DO 2");
	answer(feed, "1 " OK_IS);
	assert_string_equal(feed->log, "server mysql 1 ok cut-by-loss end-unseen namespace=shop text=SELECT 1\n"
				       "server mysql 1 ok message namespace=shop text=DO 2\n");
}

static void a_command_that_was_lost_leaves_its_answer_unmatched(void **state)
{
	struct feed *feed = *state;

	feed_skip(feed, FEED_RECEIVED, 20);
	answer(feed, "1 " OK_IS);
	works_on(feed);
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 1);
	assert_int_equal(counters[COUNTER_PARSER_HOLES], 1);
}

static void a_change_of_schema_may_be_among_what_was_lost_if_the_client_makes_such(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~02crm");
	answer(feed, "1 " OK_IS);
	feed_skip(feed, FEED_RECEIVED, 9);
	answer(feed, "1 " OK_IS);
	command(feed, "0 ~03DO 1");
	answer(feed, "1 " OK_IS);
	command(feed, "0 ~02shop");
	assert_string_equal(feed->log, "server mysql 1 ok message text=DO 1\n");
}

static void an_answer_to_init_db_that_was_lost_leaves_the_schema_unknown(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~02crm");
	feed_skip(feed, FEED_SENT, 11);
	command(feed, "0 ~03DO 1");
	answer(feed, "1 " OK_IS);
	command(feed, "0 ~0e");
	assert_string_equal(feed->log, "server mysql 1 ok message text=DO 1\n");
}

static void a_change_of_schema_whose_answer_was_not_seen_whole_leaves_it_unknown(void **state)
{
	struct feed *feed = *state;

	command(feed, "0 ~02crm");
	say_begun(feed, FEED_SENT, 1, "\xff", 40);
	command(feed, "0 ~03DO 1");
	answer(feed, "1 " OK_IS);
	command(feed, "0 ~0e");
	assert_string_equal(feed->log, "server mysql 1 ok message text=DO 1\n");
	assert_int_equal(counters[COUNTER_PARSER_MALFORMED], 0);
}

#define CONVERSATION_TURNS 8

static const char *const commands[CONVERSATION_TURNS] = {
	"0 ~03SELECT a0 FROM t", "0 ~16SELECT a1 FROM t WHERE b = ?", "0 ~17~07~00~00~00~00~01~00~00~00", "0 ~0e",
	"0 ~03SELECT a4 FROM t", "0 ~19~07~00~00~00\n0 ~03INSERT INTO a5 VALUES (1)", "0 ~03SELECT a6 FROM t",
	"0 ~03DO 7"};
static const char *const answers[CONVERSATION_TURNS] = {
	ROWS, "1 ~00~07~00~00~00~01~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS "\n4 " COLUMN "\n5 " EOF_IS, ROWS,
	"1 " OK_IS,
	"1 ~ff~04~04#42S02a4", "1 " OK_IS, "1 ~ff~06~04#42S02a6", "1 " OK_IS};

/* Say the bytes but for those from `hole` on; returns how many are still to be left out. */
static void say_with_hole(struct feed *feed, int direction, const char *packets, size_t *before, size_t *hole,
			  bool known)
{
	mysql_turn_write(&turn, packets);
	size_t shown = *before < turn.length ? *before : turn.length;
	size_t left_out = *hole < turn.length - shown ? *hole : turn.length - shown;

	if (*before > turn.length)
		left_out = 0;
	if (known) {
		feed_cut(feed, direction, turn.bytes, shown, shown + left_out);
	} else {
		if (shown > 0)
			feed_bytes(feed, direction, turn.bytes, shown);
		feed_skip(feed, direction, left_out);
	}
	if (shown + left_out < turn.length)
		feed_bytes(feed, direction, turn.bytes + shown + left_out, turn.length - shown - left_out);
	*before -= shown;
	*hole -= left_out;
}

/* No exchange says of a statement what is true of another one; the last ones are right. */
static void check_no_lie(const struct feed *feed, int direction, size_t at, size_t length)
{
	for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
		char text[512];
		size_t n = (size_t)(strchr(line, '\n') - line);

		assert_in_range(n, 1, sizeof(text) - 1);
		memcpy(text, line, n);
		text[n] = '\0';
		bool failed = strstr(text, " failed ") != NULL;
		bool a4 = strstr(text, "SELECT a4"), a6 = strstr(text, "SELECT a6");

		if (strstr(text, " message") == NULL || strstr(text, " request-cut") != NULL ||
		    strstr(text, " response-cut") != NULL)
			continue;
		if (failed != (a4 || a6) || (a4 && !strstr(text, "code=1028")) || (a6 && !strstr(text, "code=1030")) ||
		    (strstr(text, "rows=") != NULL && strstr(text, "rows=2") == NULL))
			fail_msg("direction %d, hole at %zu of %zu bytes:\n%s", direction, at, length, feed->log);
	}
}

static size_t conversation_bytes(const char *const packets[CONVERSATION_TURNS])
{
	size_t bytes = 0;

	for (int i = 0; i < CONVERSATION_TURNS; i++) {
		mysql_turn_write(&turn, packets[i]);
		bytes += turn.length;
	}
	return bytes;
}

static void play_with_hole(struct feed *feed, int direction, size_t at, size_t length, bool known)
{
	size_t before[2] = {SIZE_MAX / 2, SIZE_MAX / 2}, hole[2] = {0, 0};

	before[direction] = at;
	hole[direction] = length;
	for (int i = 0; i < CONVERSATION_TURNS; i++) {
		say_with_hole(feed, FEED_RECEIVED, commands[i], &before[FEED_RECEIVED], &hole[FEED_RECEIVED], known);
		say_with_hole(feed, FEED_SENT, answers[i], &before[FEED_SENT], &hole[FEED_SENT], known);
	}
}

static void a_hole_at_any_place_makes_up_nothing_and_the_connection_is_followed_again(void **state)
{
	static const size_t lengths[] = {1, 3, 4, 5, 11, 40, 200};
	struct feed *feed = *state;

	for (int direction = 0; direction < 2; direction++) {
		size_t bytes = conversation_bytes(direction == FEED_RECEIVED ? commands : answers);

		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			for (size_t at = 0; at + lengths[i] < bytes; at++) {
				for (int known = 0; known < 2; known++) {
					log_in(feed);
					play_with_hole(feed, direction, at, lengths[i], known);
					check_no_lie(feed, direction, at, lengths[i]);
					works_on_after(feed, direction == FEED_RECEIVED ? "a hole in commands"
											 : "a hole in answers",
						       at, lengths[i]);
				}
			}
		}
	}
}

/* ---- joining late ---- */

static void a_connection_joined_within_an_answer_is_followed_from_the_next_command(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_UNKNOWN, SHM_CONNECTION_JOINED);
	answer(feed, "7 ~012\n8 " EOF_IS);
	command(feed, "0 ~03SELECT a FROM t");
	answer(feed, ROWS);
	assert_string_equal(feed->log, "server mysql 1 ok message text=SELECT a FROM t rows=2\n");
}

static void a_login_whose_greeting_was_not_seen_tells_the_capabilities(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_SERVER, SHM_CONNECTION_JOINED);
	command(feed, LOGIN_ATTRIBUTES);
	answer(feed, "2 " OK_IS);
	command(feed, "0 ~03~00~01DO 1");
	answer(feed, "1 " OK_IS);
	assert_string_equal(feed->log, "server mysql 1 ok message namespace=shop text=DO 1\n");
}

static void an_ok_that_was_cut_off_ends_the_login(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_SERVER, 0);
	answer(feed, GREETING_MYSQL);
	command(feed, LOGIN);
	feed_cut(feed, FEED_SENT, "\7\0\0\2\0", 5, 11);
	command(feed, "0 ~03DO 1");
	answer(feed, "1 " OK_IS);
	assert_string_equal(feed->log, "server mysql 1 ok message namespace=shop text=DO 1\n");
}

static void a_statement_that_fills_the_budget_is_enough_to_recognise(void **state)
{
	static char text[4096];
	struct feed *feed = *state;

	memset(text, ' ', sizeof(text));
	memcpy(text, "\0\x20\0\0\x03INSERT INTO t VALUES (1", 28);
	text[1] = 0x40;
	feed_connection(feed, SHM_ROLE_SERVER, SHM_CONNECTION_JOINED);
	feed_cut(feed, FEED_RECEIVED, text, sizeof(text), 4 + 0x4000);
	answer(feed, "1 " OK_IS);
	assert_int_equal(feed->exchanges, 1);
	assert_non_null(strstr(feed->log, "server mysql 1 ok message request-cut text=INSERT INTO t VALUES (1"));
}

/* ---- limits ---- */

static void more_commands_than_are_kept_are_counted(void **state)
{
	struct feed *feed = *state;
	uint32_t sent = MYSQL_OUTSTANDING_MAX + 44;

	for (uint32_t i = 0; i < sent; i++)
		command(feed, "0 ~03DO 1");
	for (uint32_t i = 0; i < sent; i++)
		answer(feed, "1 " OK_IS);
	assert_int_equal(feed->exchanges, MYSQL_OUTSTANDING_MAX);
	assert_int_equal(counters[COUNTER_PIPELINE_FULL], 44);
	works_on(feed);
}

static void prepare(struct feed *feed, uint32_t id)
{
	char packets[128];

	snprintf(packets, sizeof(packets), "0 ~16SELECT ?, %u", id);
	command(feed, packets);
	snprintf(packets, sizeof(packets), "1 ~00~%02x~%02x~00~00~00~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS,
		 id & 0xff, id >> 8);
	answer(feed, packets);
}

static void execute(struct feed *feed, uint32_t id)
{
	char packets[128];

	snprintf(packets, sizeof(packets), "0 ~17~%02x~%02x~00~00~00~01~00~00~00", id & 0xff, id >> 8);
	command(feed, packets);
	answer(feed, "1 " OK_IS);
}

static void the_statement_used_least_recently_is_forgotten_first(void **state)
{
	struct feed *feed = *state;

	for (uint32_t id = 1; id <= MYSQL_STATEMENTS_MAX; id++)
		prepare(feed, id);
	execute(feed, 1);
	prepare(feed, MYSQL_STATEMENTS_MAX + 1);
	feed_clear_log(feed);
	execute(feed, 1);
	execute(feed, 2);
	execute(feed, MYSQL_STATEMENTS_MAX + 1);
	assert_string_equal(feed->log, "server mysql 1 ok message namespace=shop parameterised=SELECT ?, 1\n"
				       "server mysql 1 ok message namespace=shop\n"
				       "server mysql 1 ok message namespace=shop parameterised=SELECT ?, 257\n");
	assert_int_equal(counters[COUNTER_STATEMENTS_EVICTED], 1);
}

static void without_memory_commands_are_counted_and_the_connection_is_followed_again(void **state)
{
	static const size_t limits[] = {4096, 6000, 8192, 12000};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct connections_limits limit = {
			.connections_max = 4, .processes_max = 4, .buffer_bytes_max = limits[i]};
		struct feed *feed = feed_create_limited(&limit);

		memset(counters, 0, sizeof(counters));
		log_in(feed);
		for (uint32_t id = 1; id < 100; id++)
			prepare(feed, id);
		for (uint32_t j = 0; j < 60; j++)
			command(feed, "0 ~03DO 1");
		for (uint32_t j = 0; j < 60; j++)
			answer(feed, "1 " OK_IS);
		assert_true(counters[COUNTER_STREAM_BUFFERS_FULL] > 0);
		feed_close(feed, SHM_CLOSE_NORMAL);
		assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
		feed_destroy(feed);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_beyond_the_budget_end_when_the_client_goes_on),
		TEST(a_hole_within_a_row_costs_nothing),
		TEST(a_row_of_16_mib_is_one_row),
		TEST(a_statement_beyond_the_budget_is_reported_with_what_was_seen),
		TEST(a_statement_of_more_than_16_mib_is_one_command),
		TEST(a_statement_longer_than_what_is_kept_is_cut_there),
		TEST(a_statement_whose_text_was_cut_says_so_when_it_is_executed),
		TEST(an_error_whose_text_passes_unseen_keeps_its_number),
		TEST(a_file_beyond_the_budget_is_passed_over),
		TEST(an_execution_behind_long_data_beyond_the_budget_is_counted_and_costs_nothing_else),
		TEST(pipelined_answers_beyond_the_budget_are_said_to_be_unseen),
		TEST(an_answer_that_was_lost_is_not_made_up),
		TEST(rows_that_were_lost_are_not_counted),
		TEST(a_command_that_was_lost_leaves_its_answer_unmatched),
		TEST(a_change_of_schema_may_be_among_what_was_lost_if_the_client_makes_such),
		TEST(an_answer_to_init_db_that_was_lost_leaves_the_schema_unknown),
		TEST(a_change_of_schema_whose_answer_was_not_seen_whole_leaves_it_unknown),
		TEST(a_hole_at_any_place_makes_up_nothing_and_the_connection_is_followed_again),
		TEST(a_connection_joined_within_an_answer_is_followed_from_the_next_command),
		TEST(a_login_whose_greeting_was_not_seen_tells_the_capabilities),
		TEST(an_ok_that_was_cut_off_ends_the_login),
		TEST(a_statement_that_fills_the_budget_is_enough_to_recognise),
		TEST(more_commands_than_are_kept_are_counted),
		TEST(the_statement_used_least_recently_is_forgotten_first),
		TEST(without_memory_commands_are_counted_and_the_connection_is_followed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
