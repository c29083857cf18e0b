/* Generated PostgreSQL conversations with an exact oracle: any segmentation that respects causality gives the same
 * exchanges, and whatever is lost, no reply is ever given to the wrong operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/generated.h"
#include "support/postgresql_talk.h"

enum { UNITS = 12, SEEDS = 400, STATEMENTS = 4 };

/* What is remembered of the conversation that is generated. */
static struct {
	int prepared[STATEMENTS]; /* number in the text; 0: unknown */
	bool refused[STATEMENTS]; /* the last Parse was: known to be so after the batch */
	int number;
} session;

static void add_lines(struct text *said, bool client, const char *lines)
{
	static struct postgresql_talk talk;

	talk.length = 0;
	postgresql_talk_add(&talk, client, lines);
	text_add_bytes(said, talk.bytes, talk.length);
}

static void step(struct generated *g, const char *client, const char *server)
{
	add_lines(&g->said[0], true, client);
	add_lines(&g->said[1], false, server);
	generated_step(g);
}

static void add_query(struct generated *g, struct random *r)
{
	char client[64], server[256] = "";
	uint32_t rows = random_below(r, 5), statements = 1 + random_below(r, 3);
	int number = ++session.number;
	bool fails = random_below(r, 4) == 0;

	snprintf(client, sizeof(client), "Q text %d", number);
	for (uint32_t i = 1; i < statements; i++)
		strcat(server, "C SET\n");
	strcat(server, random_below(r, 2) == 0 ? "N 01000\nT 1\n" : "T 1\n");
	for (uint32_t i = 0; i < rows; i++)
		strcat(server, "D 3\n");
	snprintf(server + strlen(server), 64, fails ? "E %05d\nZ E" : "C SELECT %d\nZ I", fails ? number : (int)rows);
	step(g, client, server);
	if (fails)
		text_add(&g->expected, "server postgresql %u failed message code=%05d namespace=u text=text %d\n",
			 statements, number, number);
	else
		text_add(&g->expected, "server postgresql %u ok message namespace=u text=text %d rows=%u\n", statements,
			 number, rows);
}

static void add_copy(struct generated *g, struct random *r)
{
	bool gives_up = random_below(r, 3) == 0;
	char client[64], server[64];
	int number = ++session.number;

	snprintf(client, sizeof(client), "Q copy %d", number);
	step(g, client, "G 2");
	snprintf(server, sizeof(server), gives_up ? "E %05d\nZ I" : "C COPY %d\nZ I", number);
	step(g, gives_up ? "d 1\t2\nf enough" : "d Q\nd Z I\nc", server);
	g->waits[g->steps - 1] = true;
	if (gives_up)
		text_add(&g->expected, "server postgresql 1 failed message code=%05d namespace=u text=copy %d\n",
			 number, number);
	else
		text_add(&g->expected, "server postgresql 1 ok message namespace=u text=copy %d\n", number);
}

/* One Parse, Bind, Describe, Execute of a batch. `*failed`: nothing is answered any more. */
static void add_execute(struct generated *g, struct random *r, bool *failed)
{
	uint32_t k = random_below(r, STATEMENTS), rows = random_below(r, 4), fails_at = random_below(r, 12);
	bool parses = random_below(r, 2) == 0, was_failed = *failed;
	int text = parses ? ++session.number : session.prepared[k];
	int number = parses ? text : ++session.number;
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

		step(g, client, *failed ? "" : fails ? error : answers[i]);
		if (i == 0) {
			session.prepared[k] = text;
			session.refused[k] = fails || *failed;
		}
		*failed |= fails;
	}
	for (uint32_t i = 0; i < rows; i++)
		strcat(server, "D 2\n");
	strcat(server, "C SELECT 0");
	bool fails = !*failed && fails_at == 3;

	step(g, "E - 0", *failed ? "" : fails ? error : server);
	*failed |= fails;
	if (was_failed)
		text_add(&g->expected, "server postgresql 1 failed reset-by-server namespace=u");
	else if (*failed)
		text_add(&g->expected, "server postgresql 1 failed message code=%05d namespace=u", number);
	else
		text_add(&g->expected, "server postgresql 1 ok message namespace=u");
	if (text != 0)
		text_add(&g->expected, " parameterised=text %d", text);
	text_add(&g->expected, *failed ? "\n" : " rows=%u\n", rows);
}

static void add_batch(struct generated *g, struct random *r)
{
	bool failed = false;

	for (int k = 0; k < STATEMENTS; k++) {
		if (session.refused[k])
			session.prepared[k] = 0;
		g->waits[g->steps] |= session.refused[k];
		session.refused[k] = false;
	}
	for (uint32_t n = 1 + random_below(r, 4); n > 0; n--)
		add_execute(g, r, &failed);
	step(g, random_below(r, 3) == 0 ? "H\nS" : "S", failed ? "Z E" : "Z I");
}

static void generate(struct generated *g, struct random *r)
{
	memset(&session, 0, sizeof(session));
	step(g, "startup user u", "R 5");
	step(g, "p secret", "R 0\nS a=b\nK\nZ I");
	g->waits[1] = true;
	for (unsigned i = 0; i < UNITS; i++) {
		switch (random_below(r, 4)) {
		case 0:
			add_query(g, r);
			break;
		case 1:
			add_copy(g, r);
			break;
		default:
			add_batch(g, r);
			break;
		}
		g->waits[g->steps - 1] |= random_below(r, 2) == 0;
	}
}

static void open_unknown(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_UNKNOWN, 0);
}

static const struct generator generator = {300, generate, open_unknown};

/* ---- losses: operation i carries i in its text and its reply in its SQLSTATE or in its number of rows ---- */

static void say(struct feed *feed, bool server, const char *lines, bool seen)
{
	static struct postgresql_talk talk;
	int direction = server ? FEED_SENT : FEED_RECEIVED;

	talk.length = 0;
	postgresql_talk_add(&talk, !server, lines);
	feed_unless_lost(feed, direction, talk.bytes, talk.length, seen);
}

static void open_session(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	say(feed, false, "startup user u", true);
	say(feed, true, "R 0\nZ I", true);
}

static size_t write_turn(char *bytes, int turn, bool server)
{
	static struct postgresql_talk talk;
	bool extended = turn % 3 == 0;
	char lines[256];

	if (!server)
		snprintf(lines, sizeof(lines), extended ? "P - %d\nB - - 0\nE - 0\nS" : "Q %d", turn);
	else
		snprintf(lines, sizeof(lines), extended ? "1\n2\nE %05d\nZ I" : "T 1\nE %05d\nZ I", turn);
	talk.length = 0;
	postgresql_talk_add(&talk, !server, lines);
	memcpy(bytes, talk.bytes, talk.length);
	return talk.length;
}

static bool read_turn(const char *line, int *turn)
{
	const char *text = strstr(line, "text="), *code = strstr(line, "code="), *end = strchr(line, '\n');
	int replied;

	assert_true(text != NULL && text < end);
	assert_int_equal(sscanf(text, "text=%d", turn), 1);
	if (code == NULL || code > end)
		return false;
	assert_int_equal(sscanf(code, "code=%d", &replied), 1);
	assert_int_equal(replied, *turn);
	return true;
}

static const struct turns turns = {open_session, write_turn, read_turn, .one_at_a_time = true};

/* Batches of Executes in one turn, each Execute and its replies a record of its own that may be lost. */
static void lost_records_of_batches_never_give_a_wrong_pair(void **state)
{
	struct feed *feed = feed_create();
	uint32_t complete = 0, asked = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		int id = 0;

		open_session(feed);
		feed_clear_log(feed);
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
		GENERATED_TESTS(&generator, &turns),
		cmocka_unit_test(lost_records_of_batches_never_give_a_wrong_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
