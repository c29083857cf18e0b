/* Generate, say, compare. */
#include "support/generated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SEEDS = 400, TURNS = 60, CALM_FIRST = 2, CALM_LAST = 6 };

void text_add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(text->bytes + text->length, TEXT_BYTES - text->length, format, arguments);

	va_end(arguments);
	assert_in_range(n, 0, TEXT_BYTES - text->length - 1);
	text->length += (size_t)n;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	assert_in_range(length, 0, TEXT_BYTES - text->length);
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

/* ---- any segments ---- */

void generated_step(struct generated *g)
{
	assert_in_range(g->steps, 0, GENERATED_STEPS_MAX - 1);
	for (int server = 0; server < 2; server++)
		g->ends[server][g->steps] = g->said[server].length;
	g->steps++;
}

/* How far a sender may have spoken when the other has spoken so far. */
static size_t limit_of(const struct generated *g, bool server, const size_t at[2])
{
	size_t limit = 0;

	for (int i = 0; i < g->steps; i++) {
		bool heard = at[0] >= g->ends[0][i];
		bool answered = i == 0 || at[1] >= g->ends[1][i - 1];

		if (server ? !heard : g->waits[i] && !answered)
			break;
		limit = g->ends[server][i];
	}
	return limit;
}

static void play_in_any_segments(struct feed *feed, const struct generated *g, struct random *r, uint32_t bytes_max)
{
	size_t at[2] = {0, 0};
	uint32_t step_max = 1 + random_below(r, bytes_max);

	while (at[0] < g->said[0].length || at[1] < g->said[1].length) {
		bool server = random_below(r, 2) == 0;
		size_t limit = limit_of(g, server, at);
		size_t n = 1 + random_below(r, step_max);

		if (at[server] >= limit)
			continue;
		if (n > limit - at[server])
			n = limit - at[server];
		feed_bytes(feed, server ? FEED_SENT : FEED_RECEIVED, g->said[server].bytes + at[server], n);
		at[server] += n;
	}
}

void any_segmentation_that_respects_causality_gives_the_same_exchanges(void **state)
{
	static struct generated g;
	const struct generator *generator = *state;
	struct feed *feed = feed_create();

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};

		memset(&g, 0, sizeof(g));
		generator->generate(&g, &r);
		generator->open(feed);
		feed_clear_log(feed);
		play_in_any_segments(feed, &g, &r, generator->segment_bytes_max);
		if (strcmp(feed->log, g.expected.bytes) != 0)
			fail_msg("seed %llu:\n got:\n%s expected:\n%s", (unsigned long long)seed, feed->log,
				 g.expected.bytes);
		feed_close(feed, SHM_CLOSE_NORMAL);
	}
	feed_destroy(feed);
}

/* ---- lost records ---- */

struct seen {
	bool said[2][TURNS]; /* request, reply */
};

static void play_turns(struct feed *feed, const struct turns *turns, struct seen *seen, struct random *r,
		       uint32_t loss_percent, bool bursts)
{
	bool losing = false;

	for (int i = 0; i < 2 * TURNS; i++) {
		int turn = i / 2, server = i % 2;
		bool calm = turn < CALM_FIRST || turn >= TURNS - CALM_LAST;
		char bytes[TURN_BYTES_MAX];
		size_t length = turns->write(bytes, turn, server);

		if (!bursts || random_below(r, 6) == 0)
			losing = random_below(r, 100) < loss_percent;
		seen->said[server][turn] = calm || !losing;
		feed_unless_lost(feed, server ? FEED_SENT : FEED_RECEIVED, bytes, length, calm || !losing);
	}
}

static void check_log(const struct feed *feed, const struct turns *turns, const struct seen *seen, uint64_t seed)
{
	bool complete[TURNS] = {false};
	uint32_t requests = 0;

	for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
		int turn = -1;
		bool has_reply = turns->read(line, &turn);

		assert_in_range(turn, 0, TURNS - 1);
		complete[turn] = has_reply;
	}
	for (int i = 0; i < TURNS; i++) {
		bool certain = i == TURNS - 1 || (turns->one_at_a_time && seen->said[0][i + 1]);

		requests += seen->said[0][i];
		if (seen->said[0][i] && seen->said[1][i] && certain && !complete[i])
			fail_msg("seed %llu: turn %d was seen whole and is not reported so:\n%s",
				 (unsigned long long)seed, i, feed->log);
	}
	if (feed->exchanges != requests)
		fail_msg("seed %llu: %u requests seen, %u reported:\n%s", (unsigned long long)seed, requests,
			 feed->exchanges, feed->log);
}

static void check_losses(const struct turns *turns, uint32_t loss_percent, bool bursts)
{
	struct feed *feed = feed_create();

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		struct seen seen;

		turns->open(feed);
		feed_clear_log(feed);
		play_turns(feed, turns, &seen, &r, loss_percent, bursts);
		feed_close(feed, SHM_CLOSE_NORMAL);
		check_log(feed, turns, &seen, seed);
	}
	feed_destroy(feed);
}

void lost_records_never_give_a_request_another_ones_reply(void **state)
{
	static const uint32_t percents[] = {3, 15, 50};

	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
		check_losses(*state, percents[i], false);
}

void bursts_of_lost_records_never_give_a_request_another_ones_reply(void **state)
{
	check_losses(*state, 20, true);
	check_losses(*state, 60, true);
}
