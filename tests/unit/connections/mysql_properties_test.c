/* Generated MySQL conversations with an exact oracle: any segmentation that respects causality gives the same
 * exchanges, and whatever is lost, no answer is ever given to the wrong command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "support/generated.h"
#include "unit/connections/mysql_packets.h"

enum { COMMANDS = 24, SEEDS = 400, TURNS = 60 };

/* What is remembered of the conversation that is generated. */
static struct {
	bool deprecate_eof;
	bool parameterised; /* the statement prepared last */
	char prepared[32];
	const char *schema;
	unsigned sequence; /* of the server's next packet */
} session;

__attribute__((format(printf, 2, 3))) static void line(struct text *said, const char *format, ...)
{
	static struct mysql_turn packets;
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(text, sizeof(text), format, arguments);

	va_end(arguments);
	assert_in_range(n, 0, sizeof(text) - 1);
	mysql_turn_write(&packets, text);
	text_add_bytes(said, packets.bytes, packets.length);
}

static void says(struct generated *g, const char *payload)
{
	line(&g->said[1], "%u %s", session.sequence++ & 0xff, payload);
}

static void eof(struct generated *g)
{
	if (!session.deprecate_eof)
		says(g, EOF_IS);
}

/* Rows whose text looks like packets; returns how many there are. */
static uint32_t result_set(struct generated *g, struct random *r, bool more)
{
	static const char *const rows[] = {"~fb", "~021a",	    "~05~00~00~01~00~00", "~09~07~00~00~01~ff~7a~04#4",
					   "~00", "~04~00~00~00~03"};
	uint32_t columns = 1 + random_below(r, 3), count = random_below(r, 6);
	char payload[8];

	snprintf(payload, sizeof(payload), "~%02x", columns);
	says(g, payload);
	for (uint32_t i = 0; i < columns; i++)
		says(g, COLUMN);
	eof(g);
	for (uint32_t i = 0; i < count; i++)
		says(g, rows[random_below(r, 6)]);
	if (session.deprecate_eof)
		says(g, more ? END_OK_MORE : END_OK);
	else
		says(g, more ? EOF_MORE : EOF_IS);
	return count;
}

/* An answer to an operation: what the exchange says behind its text, or before the namespace. */
static void answer_operation(struct generated *g, struct random *r, unsigned i, const char *text, bool parameterised)
{
	uint32_t results = random_below(r, 4), rows = 0;
	char error[64], said[64] = "";

	if (results == 0) {
		says(g, OK_IS);
	} else if (results == 1) {
		snprintf(error, sizeof(error), "~ff~%02x~03#42000wrong", i);
		says(g, error);
	} else {
		for (uint32_t k = results - 1; k > 0; k--)
			rows += result_set(g, r, k > 1);
		snprintf(said, sizeof(said), " rows=%u", rows);
	}
	text_add(&g->expected, "server mysql 1 %s message", results == 1 ? "failed" : "ok");
	if (results == 1)
		text_add(&g->expected, " code=%u", 0x300 + i);
	text_add(&g->expected, " namespace=%s %s=%s%s\n", session.schema, parameterised ? "parameterised" : "text",
		 text, said);
}

static void prepare(struct generated *g, struct random *r, unsigned i)
{
	uint32_t parameters = random_below(r, 3), columns = random_below(r, 3);
	char payload[64];

	snprintf(session.prepared, sizeof(session.prepared), "SELECT p%u", i);
	line(&g->said[0], "0 ~16%s", session.prepared);
	session.parameterised = parameters > 0;
	snprintf(payload, sizeof(payload), "~00~%02x~00~00~00~%02x~00~%02x~00~00~00~00", i + 1, columns, parameters);
	says(g, payload);
	for (uint32_t k = 0; k < parameters; k++)
		says(g, COLUMN);
	if (parameters > 0)
		eof(g);
	for (uint32_t k = 0; k < columns; k++)
		says(g, COLUMN);
	if (columns > 0)
		eof(g);
}

static void generate_one(struct generated *g, struct random *r, unsigned i)
{
	static const char *const schemas[] = {"shop", "crm", "the store"};
	char text[64];

	switch (random_below(r, 8)) {
	case 0:
		prepare(g, r, i);
		break;
	case 1:
		if (session.prepared[0] == '\0') {
			line(&g->said[0], "0 ~0e");
			says(g, OK_IS);
			break;
		}
		line(&g->said[0], "0 ~18~ff~ff~ff~ff~00~00long data");
		line(&g->said[0], "0 ~17~ff~ff~ff~ff~00~01~00~00~00~00");
		answer_operation(g, r, i, session.prepared, session.parameterised);
		break;
	case 2:
		line(&g->said[0], "0 ~19~fe~00~00~00");
		line(&g->said[0], "0 ~0e");
		says(g, OK_IS);
		break;
	case 3:
		session.schema = schemas[random_below(r, 3)];
		line(&g->said[0], "0 ~02%s", session.schema);
		says(g, OK_IS);
		break;
	default:
		snprintf(text, sizeof(text), "SELECT %u", i);
		line(&g->said[0], "0 ~03%s", text);
		answer_operation(g, r, i, text, false);
		break;
	}
}

static void generate(struct generated *g, struct random *r)
{
	session.prepared[0] = '\0';
	session.schema = "shop";
	session.deprecate_eof = random_below(r, 2);
	for (unsigned i = 0; i < COMMANDS; i++) {
		session.sequence = 1;
		generate_one(g, r, i);
		generated_step(g);
	}
}

static void log_in(struct feed *feed, bool deprecate_eof)
{
	static struct mysql_turn turn;

	feed_clear_log(feed);
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	mysql_turn_write(&turn, GREETING_MYSQL);
	feed_bytes(feed, FEED_SENT, turn.bytes, turn.length);
	mysql_turn_write(&turn, deprecate_eof ? LOGIN_DEPRECATE_EOF : LOGIN);
	feed_bytes(feed, FEED_RECEIVED, turn.bytes, turn.length);
	mysql_turn_write(&turn, "2 " OK_IS);
	feed_bytes(feed, FEED_SENT, turn.bytes, turn.length);
}

static void log_in_as_generated(struct feed *feed)
{
	log_in(feed, session.deprecate_eof);
}

static const struct generator generator = {300, generate, log_in_as_generated};

/* ---- losses: command and answer i carry i in text and error number, one record each ---- */

static void say(struct feed *feed, int direction, const char *packets, bool seen)
{
	static struct mysql_turn turn;

	mysql_turn_write(&turn, packets);
	feed_unless_lost(feed, direction, turn.bytes, turn.length, seen);
}

static void open_connection(struct feed *feed)
{
	log_in(feed, false);
}

static size_t write_turn(char *bytes, int turn, bool server)
{
	static struct mysql_turn packets;
	char text[512];

	if (!server)
		snprintf(text, sizeof(text), "0 ~03SELECT %d", turn);
	else if (turn % 3 == 0)
		snprintf(text, sizeof(text),
			 "1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~04~00~00~00~01\n5 ~ff~%02x~03#42000wrong", turn);
	else
		snprintf(text, sizeof(text), "1 ~ff~%02x~03#42000wrong", turn);
	mysql_turn_write(&packets, text);
	memcpy(bytes, packets.bytes, packets.length);
	return packets.length;
}

static bool read_turn(const char *at, int *turn)
{
	const char *text = strstr(at, "text=SELECT "), *code = strstr(at, "code="), *end = strchr(at, '\n');
	bool failed = code != NULL && code < end;

	assert_true(text != NULL && text < end);
	*turn = atoi(text + strlen("text=SELECT "));
	if (failed)
		assert_int_equal(atoi(code + strlen("code=")), 0x300 + *turn);
	return failed;
}

static const struct turns turns = {open_connection, write_turn, read_turn, .one_at_a_time = true};

static void say_in_pieces(struct feed *feed, int direction, const struct text *said, size_t from, size_t to,
			  struct random *r)
{
	uint32_t step_max = random_below(r, 2) ? 40 : 4000;

	while (from < to) {
		size_t n = 1 + random_below(r, step_max);

		n = n > to - from ? to - from : n;
		feed_unless_lost(feed, direction, said->bytes + from, n, random_below(r, 100) >= 15);
		from += n;
	}
}

/* Both peers keep to the protocol: what does not fit is due to the loss. */
static void what_was_lost_is_not_counted_as_malformed(void **state)
{
	static struct generated g;
	struct feed *feed = feed_create();

	(void)state;
	memset(counters, 0, sizeof(counters));
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};

		memset(&g, 0, sizeof(g));
		generate(&g, &r);
		log_in_as_generated(feed);
		for (int i = 0; i < g.steps; i++) {
			for (int server = 0; server < 2; server++)
				say_in_pieces(feed, server ? FEED_SENT : FEED_RECEIVED, &g.said[server],
					      i == 0 ? 0 : g.ends[server][i - 1], g.ends[server][i], &r);
		}
		feed_close(feed, SHM_CLOSE_NORMAL);
	}
	assert_int_equal(counters[COUNTER_PARSER_MALFORMED], 0);
	assert_in_range(counters[COUNTER_PARSER_RESYNCS], 1, UINT32_MAX);
	feed_destroy(feed);
}

/* Answers longer than the capture budget, and lost records among them. */
static void losses_between_answers_beyond_the_budget_give_no_wrong_pair(void **state)
{
	static struct mysql_turn turn;
	struct feed *feed = feed_create();
	uint32_t commands = 0, complete = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		bool seen[TURNS];

		log_in(feed, false);
		for (int i = 0; i < TURNS; i++) {
			char text[256];
			bool big = random_below(&r, 2);

			snprintf(text, sizeof(text), "0 ~03SELECT %d", i);
			seen[i] = random_below(&r, 100) >= 10;
			commands += seen[i];
			say(feed, FEED_RECEIVED, text, seen[i]);
			snprintf(text, sizeof(text),
				 big ? "1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~04%04d" : "1 ~ff~%02x~03#42000wrong", i);
			mysql_turn_write(&turn, text);
			if (random_below(&r, 100) < 10)
				feed_skip(feed, FEED_SENT, turn.length + (big ? 9000 : 0));
			else
				feed_cut(feed, FEED_SENT, turn.bytes, turn.length, turn.length + (big ? 9000 : 0));
		}
		feed_close(feed, SHM_CLOSE_NORMAL);
		for (const char *at = feed->log; *at != '\0'; at = strchr(at, '\n') + 1) {
			int i;

			complete += read_turn(at, &i);
		}
	}
	assert_in_range(complete, commands / 4, commands);
	feed_destroy(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GENERATED_TESTS(&generator, &turns),
		cmocka_unit_test(what_was_lost_is_not_counted_as_malformed),
		cmocka_unit_test(losses_between_answers_beyond_the_budget_give_no_wrong_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
