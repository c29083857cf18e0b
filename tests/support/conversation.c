/* Play conversations. */
#include "support/conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static int direction_of(char from, uint8_t role)
{
	return (from == '>') == (role == SHM_ROLE_SERVER) ? FEED_RECEIVED : FEED_SENT;
}

void conversation_say(struct feed *feed, const struct turn *turn, uint8_t role, size_t step, size_t first)
{
	const char *bytes = turn->bytes + 1;
	size_t length = turn->length - 1;

	if (turn->bytes[0] == '.') {
		feed_close(feed, SHM_CLOSE_NORMAL);
		return;
	}
	for (size_t at = 0, n; at < length; at += n) {
		n = length - at < step ? length - at : step;
		if (first > 0 && at == 0)
			n = first;
		feed_bytes(feed, direction_of(turn->bytes[0], role), bytes + at, n);
	}
}

static void play(struct feed *feed, const struct conversation *c, uint8_t role, size_t step, int split_turn,
		 size_t split_at)
{
	feed_clear_log(feed);
	feed_connection(feed, role, 0);
	for (int turn = 0; turn < CONVERSATION_TURNS_MAX && c->turns[turn].bytes != NULL; turn++)
		conversation_say(feed, &c->turns[turn], role, step, turn == split_turn ? split_at : 0);
	const char *line = c->exchanges, *got = feed->log;
	const char *side = role == SHM_ROLE_SERVER ? "server " : "client ";

	for (; *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t n = (size_t)(strchr(line, '\n') - line) + 1;

		if (strncmp(got, side, 7) != 0 || strncmp(got + 7, line, n) != 0)
			break;
		got += 7 + n;
	}
	if (*line != '\0' || *got != '\0')
		fail_msg("%s (step %zu, turn %d cut at %zu):\n got:\n%s expected:\n%s", c->name, step, split_turn, split_at,
			 feed->log, c->exchanges);
}

void conversation_check(const struct conversation *c, uint8_t role)
{
	struct feed *feed = feed_create();

	play(feed, c, role, SIZE_MAX, -1, 0);
	for (size_t step = 1; step <= 7; step++)
		play(feed, c, role, step, -1, 0);
	for (int turn = 0; turn < CONVERSATION_TURNS_MAX && c->turns[turn].bytes != NULL; turn++) {
		for (size_t at = 1; at + 1 < c->turns[turn].length; at++)
			play(feed, c, role, SIZE_MAX, turn, at);
	}
	feed_destroy(feed);
}

/* ---- holes ---- */

static void cut(struct feed *feed, const struct turn *turn, uint8_t role, size_t shown, bool told)
{
	int direction = direction_of(turn->bytes[0], role);
	size_t length = turn->length - 1;

	if (told) {
		feed_cut(feed, direction, turn->bytes + 1, shown, length);
		return;
	}
	if (shown > 0)
		feed_bytes(feed, direction, turn->bytes + 1, shown);
	feed_skip(feed, direction, length - shown);
}

/* What is said about an exchange may be less than in the table where a part of it was not seen: the line says so. */
static bool is_complete(const char *line, size_t n)
{
	static const char *const marks[] = {"unseen", "-cut", "cut-by", "inferred"};
	char text[4096];

	snprintf(text, sizeof(text), "%.*s", (int)n, line);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (strstr(text, marks[i]) != NULL)
			return false;
	}
	return true;
}

/* Without its namespace, which may not be known any more. */
static void copy_without_namespace(char *to, size_t capacity, const char *line, size_t n)
{
	snprintf(to, capacity, "%.*s", (int)n, line);
	char *from = strstr(to, " namespace="), *rest = from == NULL ? NULL : strchr(from + 1, ' ');

	if (rest != NULL)
		memmove(from, rest, strlen(rest) + 1);
}

static bool is_in_table(const struct conversation *c, const char *line, size_t n)
{
	char wanted[4096], known[4096], known_less[4096];

	snprintf(wanted, sizeof(wanted), "%.*s", (int)n, line);
	for (const char *at = c->exchanges, *end; *at != '\0'; at = end + 1) {
		end = strchr(at, '\n');
		snprintf(known, sizeof(known), "%.*s", (int)(end - at), at);
		copy_without_namespace(known_less, sizeof(known_less), at, (size_t)(end - at));
		if (strcmp(wanted, known) == 0 || strcmp(wanted, known_less) == 0)
			return true;
	}
	return false;
}

static void play_with_hole(struct feed *feed, const struct conversation *c, uint8_t role, int cut_turn, size_t shown,
			   bool told, const struct turn probe[2], const char *probe_exchange)
{
	feed_clear_log(feed);
	feed_connection(feed, role, 0);
	for (int turn = 0; turn < CONVERSATION_TURNS_MAX && c->turns[turn].bytes != NULL; turn++) {
		if (c->turns[turn].bytes[0] == '.')
			break;
		if (turn == cut_turn)
			cut(feed, &c->turns[turn], role, shown, told);
		else
			conversation_say(feed, &c->turns[turn], role, SIZE_MAX, 0);
	}
	for (const char *line = feed->log, *end; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		if (is_complete(line, (size_t)(end - line)) && !is_in_table(c, line + 7, (size_t)(end - line) - 7))
			fail_msg("%s: turn %d cut at %zu (told %d) gives what was not said:\n%s", c->name, cut_turn, shown,
				 told, feed->log);
	}
	size_t before = 0;

	for (int i = 0; i < 6; i++) {
		before = feed->log_length;
		conversation_say(feed, &probe[0], role, SIZE_MAX, 0);
		conversation_say(feed, &probe[1], role, SIZE_MAX, 0);
	}
	/* the last command may have to wait for proof: then that is the one before it */
	if (feed->log_length == before || strstr(feed->log + before, probe_exchange) == NULL)
		fail_msg("%s: turn %d cut at %zu (told %d): not followed again:\n%s", c->name, cut_turn, shown, told,
			 feed->log);
	feed_close(feed, SHM_CLOSE_NORMAL);
}

void conversation_check_holes(const struct conversation *c, uint8_t role, const struct turn probe[2],
			      const char *probe_exchange)
{
	struct feed *feed = feed_create();

	for (int turn = 0; turn < CONVERSATION_TURNS_MAX && c->turns[turn].bytes != NULL; turn++) {
		if (c->turns[turn].bytes[0] == '.')
			break;
		for (size_t shown = turn == 0 ? c->turns[0].length - 1 : 0; shown < c->turns[turn].length - 1; shown++) {
			play_with_hole(feed, c, role, turn, shown, true, probe, probe_exchange);
			play_with_hole(feed, c, role, turn, shown, false, probe, probe_exchange);
		}
	}
	feed_destroy(feed);
}
