/* Generated Redis conversations with an exact oracle: any segmentation that respects causality gives the same exchanges,
 * and whatever is lost, no reply is given to another's command. Limits of memory and of waiting commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "protocols/commands/commands.h"
#include "support/random.h"
#include "support/record_feed.h"

enum { COMMANDS = 40, TEXT_BYTES = 64 * 1024, SEEDS = 300, BUDGET_BYTES = 4096 };

struct text {
	size_t length;
	char bytes[TEXT_BYTES];
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(text->bytes + text->length, TEXT_BYTES - text->length, format, arguments);

	va_end(arguments);
	assert_in_range(n, 0, TEXT_BYTES - text->length - 1);
	text->length += (size_t)n;
}

/* ---- segmentation ---- */

struct script {
	struct text client, server, expected;
	size_t command_end[COMMANDS], reply_end[COMMANDS];
};

/* Values that look like commands and replies must not matter. */
static void add_value(struct text *text, struct random *r, uint32_t length_max)
{
	static const char pattern[] = "*1\r\n$4\r\nPING\r\n+OK\r\n-ERR x\r\n$5\r\n";
	uint32_t n = random_below(r, length_max), from = random_below(r, sizeof(pattern) - 1);

	add(text, "$%u\r\n", n);
	for (uint32_t i = 0; i < n; i++)
		add(text, "%c", pattern[(from + i) % (sizeof(pattern) - 1)]);
	add(text, "\r\n");
}

static void add_reply(struct text *text, struct random *r, unsigned depth)
{
	switch (random_below(r, depth < 4 ? 8 : 6)) {
	case 0:
		add(text, "+OK\r\n");
		break;
	case 1:
		add(text, ":%u\r\n", random_below(r, 1000));
		break;
	case 2:
		add(text, "$-1\r\n");
		break;
	case 3:
		add(text, "(12345678901234567890\r\n");
		break;
	case 4:
	case 5:
		add_value(text, r, 300);
		break;
	case 6:
		add(text, "*3\r\n");
		for (int i = 0; i < 3; i++)
			add_reply(text, r, depth + 1);
		break;
	default:
		add(text, "%%2\r\n");
		for (int i = 0; i < 4; i++)
			add_reply(text, r, depth + 1);
	}
}

static void generate(struct script *s, struct random *r)
{
	s->client.length = s->server.length = s->expected.length = 0;
	for (unsigned i = 0; i < COMMANDS; i++) {
		bool failed = random_below(r, 4) == 0;

		if (random_below(r, 10) == 0)
			add(&s->client, "get inline%02u\r\n", i);
		else
			add(&s->client, "*2\r\n$3\r\nget\r\n$8\r\ninline%02u\r\n", i);
		if (random_below(r, 3) == 0)
			add(&s->server, ">2\r\n+invalidate\r\n*1\r\n$1\r\nx\r\n");
		if (random_below(r, 6) == 0)
			add(&s->server, "|1\r\n+ttl\r\n:%u\r\n", i);
		if (failed)
			add(&s->server, "-E%c%c something\r\n", 'A' + i / 26, 'A' + i % 26);
		else
			add_reply(&s->server, r, 0);
		s->command_end[i] = s->client.length;
		s->reply_end[i] = s->server.length;
		add(&s->expected, "server redis 1 %s message ", failed ? "failed" : "ok");
		if (failed)
			add(&s->expected, "code=E%c%c ", 'A' + i / 26, 'A' + i % 26);
		add(&s->expected, "namespace=0 operation=get arguments=1 text=get inline%02u\n", i);
	}
}

static size_t answered(const struct script *s, size_t client_at)
{
	size_t limit = 0;

	for (unsigned i = 0; i < COMMANDS && s->command_end[i] <= client_at; i++)
		limit = s->reply_end[i];
	return limit;
}

static void play_in_any_segments(struct feed *feed, const struct script *s, struct random *r)
{
	size_t at[2] = {0, 0};
	uint32_t step_max = 1 + random_below(r, 400);

	while (at[0] < s->client.length || at[1] < s->server.length) {
		bool server = random_below(r, 2) == 0;
		const struct text *text = server ? &s->server : &s->client;
		size_t limit = server ? answered(s, at[0]) : s->client.length;
		size_t n = 1 + random_below(r, step_max);

		if (at[server] >= limit)
			continue;
		n = n > limit - at[server] ? limit - at[server] : n;
		feed_bytes(feed, server ? FEED_SENT : FEED_RECEIVED, text->bytes + at[server], n);
		at[server] += n;
	}
}

static void any_segmentation_that_respects_causality_gives_the_same_exchanges(void **state)
{
	static struct script script;
	struct feed *feed = feed_create();

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};

		do
			generate(&script, &r);
		while (script.client.bytes[0] != '*');
		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		play_in_any_segments(feed, &script, &r);
		if (strcmp(feed->log, script.expected.bytes) != 0)
			fail_msg("seed %llu:\n got:\n%s expected:\n%s", (unsigned long long)seed, feed->log,
				 script.expected.bytes);
		feed_close(feed, SHM_CLOSE_NORMAL);
	}
	feed_destroy(feed);
}

/* ---- losses: the error code of a reply names its command ---- */

enum { TURNS = 40, BATCH_MAX = 20 };

struct tally {
	uint32_t seen, reported, complete, wrong;
	uint32_t calm_missing; /* seen, like all around it, and yet not complete */
};

static void code_of(unsigned id, char code[4])
{
	snprintf(code, 4, "%c%c%c", 'A' + id / 676, 'A' + id / 26 % 26, 'A' + id % 26);
}

static void say(struct feed *feed, int direction, const char *text, bool seen)
{
	if (seen)
		feed_text(feed, direction, text);
	else
		feed_skip(feed, direction, strlen(text));
}

/* Turns of up to `batch_max` commands; one record for each command and reply. None is lost in the first and last ones. */
static unsigned play_turns(struct feed *feed, struct random *r, uint32_t loss_percent, uint32_t batch_max,
			   struct tally *tally)
{
	unsigned first = 0;

	for (int turn = 0; turn < TURNS; turn++) {
		unsigned last = first + 1 + random_below(r, batch_max);
		bool calm = turn < 2 || turn >= TURNS - 4;
		char text[64], code[4];

		for (unsigned i = first; i < last; i++) {
			bool shown = calm || random_below(r, 100) >= loss_percent;

			snprintf(text, sizeof(text), "*2\r\n$3\r\nGET\r\n$4\r\n%04u\r\n", i);
			say(feed, FEED_RECEIVED, text, shown);
			tally->seen += shown;
		}
		for (unsigned i = first; i < last; i++) {
			code_of(i, code);
			snprintf(text, sizeof(text), "-%s is its name\r\n", code);
			say(feed, FEED_SENT, text, calm || random_below(r, 100) >= loss_percent);
		}
		first = last;
	}
	return first;
}

static void read_log(const struct feed *feed, struct tally *tally, unsigned last)
{
	bool last_complete = false;

	for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *text = strstr(line, "text=GET "), *code = strstr(line, "code=");
		char expected[4];
		unsigned id;

		assert_int_equal(sscanf(text, "text=GET %u", &id), 1);
		code_of(id, expected);
		if (code == NULL || code > text)
			continue;
		tally->complete++;
		tally->wrong += strncmp(code + 5, expected, 3) != 0;
		last_complete |= id == last - 1;
	}
	tally->calm_missing += !last_complete;
}

static struct tally play_losses(uint32_t loss_percent, uint32_t batch_max)
{
	struct feed *feed = feed_create();
	struct tally tally = {0};

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};

		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		unsigned last = play_turns(feed, &r, loss_percent, batch_max, &tally);

		feed_close(feed, SHM_CLOSE_NORMAL);
		tally.reported += feed->exchanges;
		read_log(feed, &tally, last);
	}
	feed_destroy(feed);
	assert_int_equal(tally.reported, tally.seen);
	assert_int_equal(tally.calm_missing, 0);
	return tally;
}

static void lost_records_never_give_a_command_another_ones_reply(void **state)
{
	static const uint32_t percents[] = {3, 15, 50};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(play_losses(percents[i], 1).wrong, 0);
}

/* Losses that hit as many commands as replies around one turn look like commands that were never sent: wrong pairs are
 * not impossible, but must stay rare. */
static void lost_records_of_pipelined_batches_hardly_ever_give_a_wrong_pair(void **state)
{
	struct tally tally = play_losses(2, BATCH_MAX);

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
		add(&client, "*2\r\n$4\r\nINCR\r\n$4\r\nk%03d\r\n", i);
		add(&server, ":%d\r\n", i);
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
	add(&server, "*600\r\n");
	for (int i = 0; i < 600; i++)
		add(&server, "$8\r\nelement%d\r\n", i % 10);
	for (int turn = 0; turn < 2; turn++) {
		feed_text(feed, FEED_RECEIVED, "*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n");
		cut_turn(feed, FEED_SENT, &server);
	}
	feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nPING\r\n");
	feed_text(feed, FEED_SENT, "+PONG\r\n");
	assert_string_equal(feed->log, "server redis 1 ok message end-inferred namespace=0 operation=KEYS arguments=1 text=KEYS *\n"
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
	assert_string_equal(feed->log, "server redis 1 ok message end-inferred namespace=0 operation=KEYS arguments=1 text=KEYS *\n"
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
		struct feed *feed = feed_create_limited(
			&(struct connections_limits){.connections_max = 4, .processes_max = 4, .buffer_bytes_max = bytes});

		memset(counters, 0, sizeof(counters));
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		for (unsigned i = 0; i < 100; i++)
			feed_text(feed, FEED_RECEIVED, "*2\r\n$3\r\nGET\r\n$100\r\n0123456789012345678901234567890123456789012345678901"
						       "234567890123456789012345678901234567890123456789\r\n");
		for (unsigned i = 0; i < 100; i++)
			feed_text(feed, FEED_SENT, i % 2 == 0 ? "+OK\r\n" : "-ERR x\r\n");
		assert_int_equal(feed->exchanges + counters[COUNTER_STREAM_BUFFERS_FULL] + counters[COUNTER_PIPELINE_FULL], 100);
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
		cmocka_unit_test(any_segmentation_that_respects_causality_gives_the_same_exchanges),
		cmocka_unit_test(lost_records_never_give_a_command_another_ones_reply),
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
