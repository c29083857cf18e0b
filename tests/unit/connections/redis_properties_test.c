/* Generated Redis conversations with an exact oracle: any segmentation that respects causality gives the same
 * exchanges, and whatever is lost, no reply is given to another's command. Limits of memory and of waiting commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "protocols/commands/commands.h"
#include "support/generated.h"

enum { COMMANDS = 40, SEEDS = 300, BUDGET_BYTES = 4096 };

/* ---- generated conversations ---- */

/* Values that look like commands and replies must not matter. */
static void add_value(struct text *text, struct random *r, uint32_t length_max)
{
	static const char pattern[] = "*1\r\n$4\r\nPING\r\n+OK\r\n-ERR x\r\n$5\r\n";
	uint32_t n = random_below(r, length_max), from = random_below(r, sizeof(pattern) - 1);

	text_add(text, "$%u\r\n", n);
	for (uint32_t i = 0; i < n; i++)
		text_add(text, "%c", pattern[(from + i) % (sizeof(pattern) - 1)]);
	text_add(text, "\r\n");
}

static void add_reply(struct text *text, struct random *r, unsigned depth)
{
	switch (random_below(r, depth < 4 ? 8 : 6)) {
	case 0:
		text_add(text, "+OK\r\n");
		break;
	case 1:
		text_add(text, ":%u\r\n", random_below(r, 1000));
		break;
	case 2:
		text_add(text, "$-1\r\n");
		break;
	case 3:
		text_add(text, "(12345678901234567890\r\n");
		break;
	case 4:
	case 5:
		add_value(text, r, 300);
		break;
	case 6:
		text_add(text, "*3\r\n");
		for (int i = 0; i < 3; i++)
			add_reply(text, r, depth + 1);
		break;
	default:
		text_add(text, "%%2\r\n");
		for (int i = 0; i < 4; i++)
			add_reply(text, r, depth + 1);
	}
}

static void generate(struct generated *g, struct random *r)
{
	struct text *client = &g->said[0], *server = &g->said[1];

	for (unsigned i = 0; i < COMMANDS; i++) {
		bool failed = random_below(r, 4) == 0;

		if (i > 0 && random_below(r, 10) == 0)
			text_add(client, "get inline%02u\r\n", i);
		else
			text_add(client, "*2\r\n$3\r\nget\r\n$8\r\ninline%02u\r\n", i);
		if (random_below(r, 3) == 0)
			text_add(server, ">2\r\n+invalidate\r\n*1\r\n$1\r\nx\r\n");
		if (random_below(r, 6) == 0)
			text_add(server, "|1\r\n+ttl\r\n:%u\r\n", i);
		if (failed)
			text_add(server, "-E%c%c something\r\n", 'A' + i / 26, 'A' + i % 26);
		else
			add_reply(server, r, 0);
		generated_step(g);
		text_add(&g->expected, "server redis 1 %s message ", failed ? "failed" : "ok");
		if (failed)
			text_add(&g->expected, "code=E%c%c ", 'A' + i / 26, 'A' + i % 26);
		text_add(&g->expected, "namespace=0 operation=get arguments=1 text=get inline%02u\n", i);
	}
}

static void open_connection(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_SERVER, 0);
}

static const struct generator generator = {400, generate, open_connection};

/* ---- losses: the error code of a reply names its command ---- */

enum { TURNS = 40, BATCH_MAX = 20 };

struct tally {
	uint32_t seen, reported, complete, wrong;
};

static void code_of(unsigned id, char code[4])
{
	snprintf(code, 4, "%c%c%c", 'A' + id / 676, 'A' + id / 26 % 26, 'A' + id % 26);
}

static size_t write_turn(char *bytes, int turn, bool server)
{
	char code[4];

	code_of((unsigned)turn, code);
	return (size_t)(server ? sprintf(bytes, "-%s is its name\r\n", code)
			       : sprintf(bytes, "*2\r\n$3\r\nGET\r\n$4\r\n%04d\r\n", turn));
}

/* False if the exchange has no reply. */
static bool code_is_right(const char *line, int *id, bool *right)
{
	const char *text = strstr(line, "text=GET "), *code = strstr(line, "code=");
	char expected[4];

	assert_non_null(text);
	assert_int_equal(sscanf(text, "text=GET %d", id), 1);
	if (code == NULL || code > text)
		return false;
	code_of((unsigned)*id, expected);
	*right = strncmp(code + 5, expected, 3) == 0;
	return true;
}

static bool read_turn(const char *line, int *turn)
{
	bool right = true, has_reply = code_is_right(line, turn, &right);

	assert_true(right);
	return has_reply;
}

static const struct turns turns = {open_connection, write_turn, read_turn, .one_at_a_time = false};

/* Turns of up to BATCH_MAX commands; one record for each command and reply. None is lost in the first and last ones. */
static void play_batches(struct feed *feed, struct random *r, uint32_t loss_percent, struct tally *tally)
{
	unsigned first = 0;

	for (int turn = 0; turn < TURNS; turn++) {
		unsigned count = 1 + random_below(r, BATCH_MAX);
		bool calm = turn < 2 || turn >= TURNS - 4;

		for (unsigned i = 0; i < 2 * count; i++) {
			bool server = i >= count, shown = calm || random_below(r, 100) >= loss_percent;
			char bytes[64];
			size_t length = write_turn(bytes, (int)(first + i % count), server);

			feed_unless_lost(feed, server ? FEED_SENT : FEED_RECEIVED, bytes, length, shown);
			tally->seen += !server && shown;
		}
		first += count;
	}
}

static struct tally play_losses_of_batches(uint32_t loss_percent)
{
	struct feed *feed = feed_create();
	struct tally tally = {0};

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};

		feed_clear_log(feed);
		open_connection(feed);
		play_batches(feed, &r, loss_percent, &tally);
		feed_close(feed, SHM_CLOSE_NORMAL);
		tally.reported += feed->exchanges;
		for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
			bool right = true;
			int id;

			tally.complete += code_is_right(line, &id, &right);
			tally.wrong += !right;
		}
	}
	feed_destroy(feed);
	assert_int_equal(tally.reported, tally.seen);
	return tally;
}

/* Losses that hit as many commands as replies around one turn look like commands that were never sent: wrong pairs are
 * not impossible, but must stay rare. */
static void lost_records_of_pipelined_batches_hardly_ever_give_a_wrong_pair(void **state)
{
	struct tally tally = play_losses_of_batches(2);

	(void)state;
	assert_in_range(tally.wrong, 0, tally.complete / 1000);
	assert_in_range(tally.complete, tally.seen / 2, tally.seen);
}

/* ---- limits ---- */

static void cut_turn(struct feed *feed, int direction, const struct text *text)
{
	size_t shown = text->length < BUDGET_BYTES ? text->length : BUDGET_BYTES;

	feed_cut(feed, direction, text->bytes, shown, text->length);
}

/* How many of `commands` in one turn are shown, one of them cut. */
static uint32_t play_batch(struct feed *feed, int commands)
{
	static struct text client, server;
	uint32_t shown = 0;

	client.length = server.length = 0;
	for (int i = 0; i < commands; i++) {
		shown += client.length < BUDGET_BYTES;
		text_add(&client, "*2\r\n$4\r\nINCR\r\n$4\r\nk%03d\r\n", i);
		text_add(&server, ":%d\r\n", i);
	}
	cut_turn(feed, FEED_RECEIVED, &client);
	cut_turn(feed, FEED_SENT, &server);
	return shown;
}

static void pipelines_beyond_the_capture_budget_are_reported_as_far_as_they_were_shown(void **state)
{
	struct feed *feed = feed_create();
	uint32_t shown = 0;

	(void)state;
	memset(counters, 0, sizeof(counters));
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	for (int turn = 0; turn < 4; turn++)
		shown += play_batch(feed, 5); /* here it can be seen that the client waits */
	for (int turn = 0; turn < 5; turn++)
		shown += play_batch(feed, 300);
	assert_int_equal(feed->exchanges, shown);
	assert_null(strstr(feed->log, "unseen"));
	assert_int_equal(counters[COUNTER_RESPONSES_UNMATCHED], 4 * 5 + 5 * 300 - shown);
	feed_destroy(feed);
}

/* Replies that cannot be those to commands of the turn before: it is not known whether the client waits for them. */
static void pipelines_beyond_the_capture_budget_from_the_first_turn_on_get_no_replies_but_there(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	uint32_t first = play_batch(feed, 300);

	assert_null(strstr(feed->log, "unseen"));
	assert_int_equal(feed->exchanges, first);
	feed_clear_log(feed);
	play_batch(feed, 300);
	feed_close(feed, SHM_CLOSE_NORMAL);
	assert_int_equal(feed->exchanges, first);
	assert_null(strstr(feed->log, "ok message namespace"));
	feed_destroy(feed);
}

static void a_long_reply_that_is_cut_ends_when_the_client_goes_on(void **state)
{
	static struct text server;
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	server.length = 0;
	text_add(&server, "*600\r\n");
	for (int i = 0; i < 600; i++)
		text_add(&server, "$8\r\nelement%d\r\n", i % 10);
	for (int turn = 0; turn < 2; turn++) {
		feed_text(feed, FEED_RECEIVED, "*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n");
		cut_turn(feed, FEED_SENT, &server);
	}
	feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nPING\r\n");
	feed_text(feed, FEED_SENT, "+PONG\r\n");
	assert_string_equal(
		feed->log, "server redis 1 ok message end-inferred namespace=0 operation=KEYS arguments=1 text=KEYS *\n"
			   "server redis 1 ok message end-inferred namespace=0 operation=KEYS arguments=1 text=KEYS *\n"
			   "server redis 1 ok message namespace=0 operation=PING arguments=0 text=PING\n");
	feed_destroy(feed);
}

static void records_lost_behind_a_reply_that_was_cut_give_no_wrong_pair(void **state)
{
	static const char list[] = "*600\r\n$1\r\na\r\n";
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, "*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n");
	feed_cut(feed, FEED_SENT, list, strlen(list), 9000);
	feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nTIME\r\n");
	feed_skip(feed, FEED_SENT, 40);
	feed_skip(feed, FEED_RECEIVED, 14);
	feed_text(feed, FEED_SENT, "-ERR of the command that was lost\r\n");
	feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nPING\r\n");
	assert_string_equal(
		feed->log, "server redis 1 ok message end-inferred namespace=0 operation=KEYS arguments=1 text=KEYS *\n"
			   "server redis 1 ok cut-by-loss end-unseen response-unseen operation=TIME arguments=0 "
			   "text=TIME\n");
	feed_destroy(feed);
}

static void too_many_waiting_commands_are_given_up_and_pairing_stays_right(void **state)
{
	struct feed *feed = feed_create();
	const unsigned count = COMMANDS_WAITING_MAX + 500;

	(void)state;
	memset(counters, 0, sizeof(counters));
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	for (unsigned i = 0; i < count; i++)
		feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nPING\r\n");
	for (unsigned i = 0; i < count; i++)
		feed_text(feed, FEED_SENT, "+PONG\r\n");
	assert_int_equal(feed->exchanges, COMMANDS_WAITING_MAX);
	assert_int_equal(counters[COUNTER_PIPELINE_FULL], 500);
	feed_clear_log(feed);
	feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nTIME\r\n");
	feed_text(feed, FEED_SENT, "-ERR x\r\n");
	/* which database is selected is not known: one of those that were given up may have changed it */
	assert_string_equal(feed->log, "server redis 1 failed message code=ERR operation=TIME arguments=0 text=TIME\n");
	feed_destroy(feed);
}

static void without_memory_commands_are_given_up_and_pairing_stays_right(void **state)
{
	(void)state;
	for (size_t bytes = 1024; bytes <= 8192; bytes += 128) {
		struct feed *feed = feed_create_limited(&(struct connections_limits){
			.connections_max = 4, .processes_max = 4, .buffer_bytes_max = bytes});

		memset(counters, 0, sizeof(counters));
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		for (unsigned i = 0; i < 100; i++)
			feed_text(feed, FEED_RECEIVED,
				  "*2\r\n$3\r\nGET\r\n$100\r\n0123456789012345678901234567890123456789012345678901"
				  "234567890123456789012345678901234567890123456789\r\n");
		for (unsigned i = 0; i < 100; i++)
			feed_text(feed, FEED_SENT, i % 2 == 0 ? "+OK\r\n" : "-ERR x\r\n");
		assert_int_equal(feed->exchanges + counters[COUNTER_STREAM_BUFFERS_FULL] +
				 counters[COUNTER_PIPELINE_FULL], 100);
		feed_close(feed, SHM_CLOSE_NORMAL);
		assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
		feed_destroy(feed);
	}
}

static void a_long_argument_costs_its_text_only(void **state)
{
	struct feed *feed = feed_create();
	char head[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nxxxxxxxxxx";

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_cut(feed, FEED_RECEIVED, head, strlen(head), strlen(head) + 1000000 - 10 + 2);
	feed_text(feed, FEED_SENT, "+OK\r\n");
	feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nPING\r\n");
	feed_text(feed, FEED_SENT, "+PONG\r\n");
	assert_string_equal(feed->log, "server redis 1 ok message request-cut namespace=0 operation=SET arguments=2 "
				       "text=SET k xxxxxxxxxx\n"
				       "server redis 1 ok message namespace=0 operation=PING arguments=0 text=PING\n");
	feed_destroy(feed);
}

static void a_connection_joined_in_its_middle_has_no_database_and_proves_its_first_pairs(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, SHM_CONNECTION_SNAPSHOT);
	for (int i = 0; i < 3; i++) {
		feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nPING\r\n");
		feed_text(feed, FEED_SENT, "+PONG\r\n");
	}
	assert_string_equal(feed->log, "server redis 1 ok message operation=PING arguments=0 text=PING\n"
				       "server redis 1 ok message operation=PING arguments=0 text=PING\n"
				       "server redis 1 ok message operation=PING arguments=0 text=PING\n");
	feed_destroy(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GENERATED_TESTS(&generator, &turns),
		cmocka_unit_test(lost_records_of_pipelined_batches_hardly_ever_give_a_wrong_pair),
		cmocka_unit_test(pipelines_beyond_the_capture_budget_are_reported_as_far_as_they_were_shown),
		cmocka_unit_test(pipelines_beyond_the_capture_budget_from_the_first_turn_on_get_no_replies_but_there),
		cmocka_unit_test(a_long_reply_that_is_cut_ends_when_the_client_goes_on),
		cmocka_unit_test(records_lost_behind_a_reply_that_was_cut_give_no_wrong_pair),
		cmocka_unit_test(too_many_waiting_commands_are_given_up_and_pairing_stays_right),
		cmocka_unit_test(without_memory_commands_are_given_up_and_pairing_stays_right),
		cmocka_unit_test(a_long_argument_costs_its_text_only),
		cmocka_unit_test(a_connection_joined_in_its_middle_has_no_database_and_proves_its_first_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
