/* Play conversations. */
#include "support/conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "counters.h"
#include "support/failing_alloc.h"
#include "support/spoken.h"

static const uint8_t roles[] = {SHM_ROLE_SERVER, SHM_ROLE_CLIENT};

/* ---- segmentation ---- */

struct cutting {
	size_t step; /* bytes of a record */
	int split_turn;
	size_t split_at; /* the first record of that turn */
	bool shown;
};

static void play(const struct spoken *s, struct feed *feed, uint8_t role, const struct cutting *cutting)
{
	spoken_begin(s, feed, role);
	for (int turn = 0; turn < s->turns; turn++) {
		size_t n = turn == cutting->split_turn ? cutting->split_at : cutting->step;

		if (turn == 0 && s->joined && n < s->of->joined_bytes_min)
			n = s->of->joined_bytes_min;
		for (size_t at = 0, length = spoken_length(s, turn); at < length; at += n, n = cutting->step) {
			n = n < length - at ? n : length - at;
			spoken_say(s, feed, role, turn, at, at + n, cutting->shown);
		}
	}
	if (s->closes)
		feed_close(feed, SHM_CLOSE_NORMAL);
	if (!spoken_is_told(s, feed, role))
		fail_msg("%s (step %zu, turn %d cut at %zu):\n got:\n%s expected:\n%s", s->conversation->name,
			 cutting->step, cutting->split_turn, cutting->split_at, feed->log, s->conversation->exchanges);
}

static void play_in_all_records(const struct spoken *s, struct feed *feed, uint8_t role)
{
	struct cutting cutting = {.step = SIZE_MAX, .split_turn = -1};

	for (int shown = 0; shown < 2; shown++) {
		cutting.shown = shown;
		cutting.step = SIZE_MAX;
		play(s, feed, role, &cutting);
		for (cutting.step = 1; cutting.step <= 11; cutting.step++)
			play(s, feed, role, &cutting);
	}
	cutting.step = SIZE_MAX;
	for (cutting.split_turn = 0; cutting.split_turn < s->turns; cutting.split_turn++) {
		size_t length = spoken_length(s, cutting.split_turn);

		for (cutting.split_at = 1; cutting.split_at < length; cutting.split_at++)
			play(s, feed, role, &cutting);
	}
}

static void check_all_records(const struct conversations *all, uint8_t role)
{
	struct feed *feed = feed_create();

	for (size_t i = 0; i < all->count; i++) {
		struct spoken *s = spoken_write(all, &all->rows[i]);

		play_in_all_records(s, feed, role);
		free(s);
	}
	feed_destroy(feed);
}

void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_server(void **state)
{
	check_all_records(*state, SHM_ROLE_SERVER);
}

void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_client(void **state)
{
	check_all_records(*state, SHM_ROLE_CLIENT);
}

/* ---- prefixes, holes, want of memory: each checks one conversation in one role ---- */

static void check_each(const struct conversations *all, void (*check)(const struct spoken *s, uint8_t role))
{
	for (size_t i = 0; i < all->count; i++) {
		struct spoken *s = spoken_write(all, &all->rows[i]);

		for (size_t role = 0; role < sizeof(roles); role++)
			check(s, roles[role]);
		free(s);
	}
}

enum ending { BY_CLOSE, BY_RESET, BY_SHUTDOWN, ENDINGS };

static void play_prefix(const struct spoken *s, struct feed *feed, uint8_t role, int turn, size_t length,
			enum ending by)
{
	spoken_begin(s, feed, role);
	spoken_say_turns(s, feed, role, 0, turn);
	spoken_say(s, feed, role, turn, 0, length, false);
	if (by == BY_SHUTDOWN)
		connections_shutdown(feed->connections);
	else
		feed_close(feed, by == BY_CLOSE ? SHM_CLOSE_NORMAL : SHM_CLOSE_RESET);
	if (spoken_is_invented(s, feed, true))
		fail_msg("%s: ended (%d) in turn %d at %zu, gives what was not said:\n%s", s->conversation->name, by,
			 turn, length, feed->log);
	assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
}

static void check_prefixes(const struct spoken *s, uint8_t role)
{
	struct feed *feed = feed_create();

	for (int turn = 0; turn < s->turns; turn++) {
		for (size_t length = 0; length < spoken_length(s, turn); length++) {
			for (int by = 0; by < ENDINGS; by++)
				play_prefix(s, feed, role, turn, length, (enum ending)by);
		}
	}
	feed_destroy(feed);
}

void conversations_that_end_after_any_byte_invent_nothing_and_keep_nothing(void **state)
{
	check_each(*state, check_prefixes);
}

/* Something was not seen, or could not be kept. Nothing is told of it that the table does not say; the probes are
 * understood. */
static void check_aftermath(const struct spoken *s, struct feed *feed, uint8_t role, const char *of)
{
	if (s->turns_away)
		return;
	if (!s->remembers && spoken_is_invented(s, feed, false))
		fail_msg("%s: %s: gives what was not said:\n%s", s->conversation->name, of, feed->log);
	if (!s->closes && !spoken_is_followed(s, feed, role))
		fail_msg("%s: %s: not followed again:\n%s", s->conversation->name, of, feed->log);
}

static void play_hole(const struct spoken *s, struct feed *feed, uint8_t role, int turn, size_t shown, bool told)
{
	char of[64];

	snprintf(of, sizeof(of), "turn %d cut at %zu (told %d)", turn, shown, told);
	spoken_begin(s, feed, role);
	spoken_say_turns(s, feed, role, 0, turn);
	spoken_cut(s, feed, role, turn, shown, told);
	spoken_say_turns(s, feed, role, turn + 1, s->turns);
	check_aftermath(s, feed, role, of);
	feed_close(feed, SHM_CLOSE_NORMAL);
	assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
}

static void check_holes(const struct spoken *s, uint8_t role)
{
	struct feed *feed = feed_create();

	/* nobody can miss what comes before the first offset that is known, or recognise half a greeting */
	int first = s->joined ? 2 : s->from[0] == '<' ? 1 : 0;

	for (int turn = first; turn < s->turns; turn++) {
		for (size_t shown = 0; shown < spoken_length(s, turn); shown++) {
			play_hole(s, feed, role, turn, shown, true);
			play_hole(s, feed, role, turn, shown, false);
		}
	}
	feed_destroy(feed);
}

void a_hole_at_any_place_invents_nothing_and_the_connection_is_followed_again(void **state)
{
	check_each(*state, check_holes);
}

/* From this turn on. False if there are not so many allocations. */
static bool play_without_memory(const struct spoken *s, uint8_t role, int turn, uint64_t successes, bool for_good)
{
	struct feed *feed = feed_create();
	char of[64];

	snprintf(of, sizeof(of), "turn %d, allocation %d fails", turn, (int)successes);
	memset(counters, 0, sizeof(counters));
	spoken_begin(s, feed, role);
	spoken_say_turns(s, feed, role, 0, turn);
	failing_alloc_arm(successes, for_good);
	spoken_say_turns(s, feed, role, turn, s->turns);
	bool fired = failing_alloc_fired();

	failing_alloc_disarm();
	if (fired && counters[COUNTER_STREAM_BUFFERS_FULL] == 0)
		fail_msg("%s: %s and is not counted", s->conversation->name, of);
	if (turn > 0)
		check_aftermath(s, feed, role, of);
	connections_shutdown(feed->connections);
	assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
	feed_destroy(feed);
	return fired;
}

static void check_allocations(const struct spoken *s, uint8_t role)
{
	for (int turn = 0; turn < 2; turn++) {
		for (int for_good = 0; for_good < 2; for_good++) {
			for (uint64_t n = 0; play_without_memory(s, role, turn, n, for_good);)
				n++;
		}
	}
}

void any_allocation_may_fail_and_the_connection_is_followed_again(void **state)
{
	check_each(*state, check_allocations);
}
