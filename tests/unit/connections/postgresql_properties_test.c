/* Generated PostgreSQL conversations with an exact oracle: any segmentation that respects causality gives the same
 * exchanges, and whatever is lost, no reply is ever given to the wrong operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "support/postgresql_talk.h"
#include "support/random.h"
#include "support/record_feed.h"

enum { UNITS = 12, STEPS_MAX = 400, SEEDS = 400, STATEMENTS = 4, EXPECTED_BYTES = 65536 };

/* What the client says step by step, and what the server may answer when it has heard a step. */
struct script {
	struct postgresql_talk talks[2]; /* client, server */
	size_t ends[2][STEPS_MAX];
	bool waits[STEPS_MAX]; /* the client does not begin this step before it has all answers */
	int steps;
	int prepared[STATEMENTS]; /* number in the text; 0: unknown */
	bool refused[STATEMENTS]; /* the last Parse was: known to be so after the batch */
	int number;
	size_t expected_length;
	char expected[EXPECTED_BYTES];
};

__attribute__((format(printf, 2, 3))) static void expect(struct script *s, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(s->expected + s->expected_length, EXPECTED_BYTES - s->expected_length, format, arguments);

	va_end(arguments);
	assert_in_range(n, 0, EXPECTED_BYTES - s->expected_length - 1);
	s->expected_length += (size_t)n;
}

static void step(struct script *s, const char *client, const char *server)
{
	assert_in_range(s->steps, 0, STEPS_MAX - 1);
	postgresql_talk_add(&s->talks[0], true, client);
	postgresql_talk_add(&s->talks[1], false, server);
	s->ends[0][s->steps] = s->talks[0].length;
	s->ends[1][s->steps] = s->talks[1].length;
	s->steps++;
}

static void add_query(struct script *s, struct random *r)
{
	char client[64], server[256] = "";
	uint32_t rows = random_below(r, 5), statements = 1 + random_below(r, 3);
	int number = ++s->number;
	bool fails = random_below(r, 4) == 0;

	snprintf(client, sizeof(client), "Q text %d", number);
	for (uint32_t i = 1; i < statements; i++)
		strcat(server, "C SET\n");
	strcat(server, random_below(r, 2) == 0 ? "N 01000\nT 1\n" : "T 1\n");
	for (uint32_t i = 0; i < rows; i++)
		strcat(server, "D 3\n");
	snprintf(server + strlen(server), 64, fails ? "E %05d\nZ E" : "C SELECT %d\nZ I", fails ? number : (int)rows);
	step(s, client, server);
	if (fails)
		expect(s, "server postgresql %u failed message code=%05d namespace=u text=text %d\n", statements, number,
		       number);
	else
		expect(s, "server postgresql %u ok message namespace=u text=text %d rows=%u\n", statements, number, rows);
}

static void add_copy(struct script *s, struct random *r)
{
	bool gives_up = random_below(r, 3) == 0;
	char client[64], server[64];
	int number = ++s->number;

	snprintf(client, sizeof(client), "Q copy %d", number);
	step(s, client, "G 2");
	snprintf(server, sizeof(server), gives_up ? "E %05d\nZ I" : "C COPY %d\nZ I", number);
	step(s, gives_up ? "d 1\t2\nf enough" : "d Q\nd Z I\nc", server);
	s->waits[s->steps - 1] = true;
	if (gives_up)
		expect(s, "server postgresql 1 failed message code=%05d namespace=u text=copy %d\n", number, number);
	else
		expect(s, "server postgresql 1 ok message namespace=u text=copy %d\n", number);
}

/* One Parse, Bind, Describe, Execute of a batch. `*failed`: nothing is answered any more. */
static void add_execute(struct script *s, struct random *r, bool *failed)
{
	uint32_t k = random_below(r, STATEMENTS), rows = random_below(r, 4), fails_at = random_below(r, 12);
	bool parses = random_below(r, 2) == 0, was_failed = *failed;
	int text = parses ? ++s->number : s->prepared[k];
	int number = parses ? text : ++s->number;
	char client[64], error[32], server[128] = "";
	const char *const answers[] = {"1", "2", "T 2"};

	snprintf(error, sizeof(error), "E %05d", number);
	for (uint32_t i = parses ? 0 : 1; i < 3; i++) {
		if (i == 2 && random_below(r, 2) == 0)
			continue;
		if (i == 0)
			snprintf(client, sizeof(client), "P s%u text %d", k, text);
		else if (i == 1)
			snprintf(client, sizeof(client), "B - s%u 2", k);
		else
			snprintf(client, sizeof(client), "D P -");
		bool fails = !*failed && fails_at == i;

		step(s, client, *failed ? "" : fails ? error : answers[i]);
		if (i == 0) {
			s->prepared[k] = text;
			s->refused[k] = fails || *failed;
		}
		*failed |= fails;
	}
	for (uint32_t i = 0; i < rows; i++)
		strcat(server, "D 2\n");
	strcat(server, "C SELECT 0");
	bool fails = !*failed && fails_at == 3;

	step(s, "E - 0", *failed ? "" : fails ? error : server);
	*failed |= fails;
	if (was_failed)
		expect(s, "server postgresql 1 failed reset-by-server namespace=u");
	else if (*failed)
		expect(s, "server postgresql 1 failed message code=%05d namespace=u", number);
	else
		expect(s, "server postgresql 1 ok message namespace=u");
	if (text != 0)
		expect(s, " parameterised=text %d", text);
	expect(s, *failed ? "\n" : " rows=%u\n", rows);
}

static void add_batch(struct script *s, struct random *r)
{
	bool failed = false;

	for (int k = 0; k < STATEMENTS; k++) {
		if (s->refused[k])
			s->prepared[k] = 0;
		s->waits[s->steps] |= s->refused[k];
		s->refused[k] = false;
	}
	for (uint32_t n = 1 + random_below(r, 4); n > 0; n--)
		add_execute(s, r, &failed);
	step(s, random_below(r, 3) == 0 ? "H\nS" : "S", failed ? "Z E" : "Z I");
}

static void generate(struct script *s, struct random *r)
{
	memset(s, 0, offsetof(struct script, expected) + 1);
	step(s, "startup user u", "R 5");
	step(s, "p secret", "R 0\nS a=b\nK\nZ I");
	s->waits[1] = true;
	for (unsigned i = 0; i < UNITS; i++) {
		switch (random_below(r, 4)) {
		case 0:
			add_query(s, r);
			break;
		case 1:
			add_copy(s, r);
			break;
		default:
			add_batch(s, r);
			break;
		}
		s->waits[s->steps - 1] |= random_below(r, 2) == 0;
	}
}

/* How far a sender may have spoken when the other has spoken so far. */
static size_t limit_of(const struct script *s, bool server, const size_t at[2])
{
	size_t limit = 0;

	for (int i = 0; i < s->steps; i++) {
		bool heard = at[0] >= s->ends[0][i];
		bool answered = i == 0 || at[1] >= s->ends[1][i - 1];

		if (server ? !heard : s->waits[i] && !answered)
			break;
		limit = s->ends[server][i];
	}
	return limit;
}

static void play_in_any_segments(struct feed *feed, const struct script *s, struct random *r)
{
	size_t at[2] = {0, 0};
	uint32_t step_max = 1 + random_below(r, 300);

	while (at[0] < s->talks[0].length || at[1] < s->talks[1].length) {
		bool server = random_below(r, 2) == 0;
		size_t limit = limit_of(s, server, at);
		size_t n = 1 + random_below(r, step_max);

		if (at[server] >= limit)
			continue;
		if (n > limit - at[server])
			n = limit - at[server];
		feed_bytes(feed, server ? FEED_SENT : FEED_RECEIVED, s->talks[server].bytes + at[server], n);
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

		generate(&script, &r);
		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_UNKNOWN, 0);
		play_in_any_segments(feed, &script, &r);
		if (strcmp(feed->log, script.expected) != 0) 
			fail_msg("seed %llu:\n got:\n%s expected:\n%s", (unsigned long long)seed, feed->log,
				 script.expected);
		feed_close(feed, SHM_CLOSE_NORMAL);
	}
	feed_destroy(feed);
}

/* ---- losses: operation i carries i in its text and its reply in its SQLSTATE or in its number of rows ---- */

enum { TURNS = 60 };

struct outcome {
	bool asked[TURNS], answered[TURNS];
};

static void say(struct feed *feed, bool server, const char *lines, bool seen)
{
	static struct postgresql_talk talk;
	int direction = server ? FEED_SENT : FEED_RECEIVED;

	talk.length = 0;
	postgresql_talk_add(&talk, !server, lines);
	if (seen)
		feed_bytes(feed, direction, talk.bytes, talk.length);
	else
		feed_skip(feed, direction, talk.length);
}

static void play_turns(struct feed *feed, struct outcome *o, struct random *r, uint32_t loss_percent, bool bursts)
{
	bool losing = false;

	for (int i = 0; i < 2 * TURNS; i++) {
		bool extended = (i / 2) % 3 == 0, server = i % 2 == 1;
		bool calm = i / 2 < 2 || i / 2 >= TURNS - 4;
		char lines[256];

		if (!bursts || random_below(r, 6) == 0)
			losing = random_below(r, 100) < loss_percent;
		if (!server)
			snprintf(lines, sizeof(lines), extended ? "P - %d\nB - - 0\nE - 0\nS" : "Q %d", i / 2);
		else
			snprintf(lines, sizeof(lines), extended ? "1\n2\nE %05d\nZ I" : "T 1\nE %05d\nZ I", i / 2);
		(server ? o->answered : o->asked)[i / 2] = calm || !losing;
		say(feed, server, lines, calm || !losing);
	}
}

/* The turns whose exchange is reported complete; fails if any is reported with another turn's reply. */
static void read_complete(const struct feed *feed, bool complete[TURNS])
{
	memset(complete, 0, TURNS * sizeof(bool));
	for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *text = strstr(line, "text="), *code = strstr(line, "code="), *end = strchr(line, '\n');
		int turn, replied;

		assert_true(text != NULL && text < end);
		assert_int_equal(sscanf(text, "text=%d", &turn), 1);
		assert_in_range(turn, 0, TURNS - 1);
		if (code == NULL || code > end)
			continue;
		assert_int_equal(sscanf(code, "code=%d", &replied), 1);
		if (replied != turn)
			fail_msg("turn %d is given the reply to %d:\n%s", turn, replied, feed->log);
		complete[turn] = true;
	}
}

static void check_losses(uint32_t loss_percent, bool bursts)
{
	struct feed *feed = feed_create();

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		struct outcome o;
		bool complete[TURNS];
		uint32_t asked = 0;

		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		say(feed, false, "startup user u", true);
		say(feed, true, "R 0\nZ I", true);
		play_turns(feed, &o, &r, loss_percent, bursts);
		feed_close(feed, SHM_CLOSE_NORMAL);
		read_complete(feed, complete);
		for (int i = 0; i < TURNS; i++) {
			asked += o.asked[i];
			bool seen = o.asked[i] && o.answered[i];

			if (seen && (i == TURNS - 1 || o.asked[i + 1]) && !complete[i])
				fail_msg("seed %llu: turn %d was seen whole and is not reported so:\n%s",
					 (unsigned long long)seed, i, feed->log);
		}
		if (feed->exchanges != asked)
			fail_msg("seed %llu: %u operations seen, %u reported", (unsigned long long)seed, asked,
				 feed->exchanges);
	}
	feed_destroy(feed);
}

static void lost_records_never_give_an_operation_another_ones_reply_and_cost_no_later_turn(void **state)
{
	(void)state;
	check_losses(3, false);
	check_losses(15, false);
	check_losses(50, false);
}

static void bursts_of_lost_records_cost_no_later_turn(void **state)
{
	(void)state;
	check_losses(20, true);
	check_losses(60, true);
}

/* Batches of Executes in one turn, each Execute and its replies a record of its own that may be lost. */
static void lost_records_of_batches_never_give_a_wrong_pair(void **state)
{
	struct feed *feed = feed_create();
	uint32_t complete = 0, asked = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		int id = 0;

		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		say(feed, false, "startup user u", true);
		say(feed, true, "R 0\nZ I", true);
		for (int batch = 0; batch < 20; batch++) {
			int last = id + (batch == 0 ? 1 : (int)random_below(&r, 4));

			for (int server = 0; server < 2; server++) {
				for (int i = id; i <= last; i++) {
					bool lost = batch > 1 && random_below(&r, 100) < 5;
					char lines[64 + 6 * 100] = "";

					if (server)
						strcat(lines, "1\n2\n");
					else
						snprintf(lines, sizeof(lines), "P - %d\nB - - 0\nE - 0\n", i);
					for (int row = 0; server && row < i; row++)
						strcat(lines, "D 0\n");
					strcat(lines, server ? "C SELECT 0\n" : "");
					strcat(lines, i < last ? "" : server ? "Z I" : "S");
					say(feed, server, lines, !lost);
					asked += !server && !lost;
				}
			}
			id = last + 1;
		}
		feed_close(feed, SHM_CLOSE_NORMAL);
		for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
			const char *rows = strstr(line, "rows="), *end = strchr(line, '\n');
			int text, n;

			assert_int_equal(sscanf(strstr(line, "text="), "text=%d", &text), 1);
			if (rows == NULL || rows > end)
				continue;
			assert_int_equal(sscanf(rows, "rows=%d", &n), 1);
			complete++;
			if (n != text)
				fail_msg("seed %llu: %d is given the reply to %d", (unsigned long long)seed, text, n);
		}
	}
	feed_destroy(feed);
	assert_in_range(complete, asked / 2, asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_segmentation_that_respects_causality_gives_the_same_exchanges),
		cmocka_unit_test(lost_records_never_give_an_operation_another_ones_reply_and_cost_no_later_turn),
		cmocka_unit_test(bursts_of_lost_records_cost_no_later_turn),
		cmocka_unit_test(lost_records_of_batches_never_give_a_wrong_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
