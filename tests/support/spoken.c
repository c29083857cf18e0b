/* Write, say and compare. */
#include "support/spoken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t write_as_it_is(const char *turn, char *bytes, unsigned char *marks)
{
	size_t length = strlen(turn + 1);

	(void)marks;
	memcpy(bytes, turn + 1, length);
	return length;
}

static void add_turn(struct spoken *s, int at, const char *turn)
{
	size_t (*write)(const char *, char *, unsigned char *) = s->of->write == NULL ? write_as_it_is : s->of->write;
	size_t begin = s->begin[at];

	s->from[at] = turn[0];
	s->begin[at + 1] = begin + write(turn, s->bytes + begin, s->marks + begin);
	if (s->begin[at + 1] > CONVERSATION_BYTES_MAX)
		abort();
}

struct spoken *spoken_write(const struct conversations *of, const struct conversation *c)
{
	struct spoken *s = calloc(1, sizeof(*s));
	int i = 0;

	if (s == NULL)
		abort();
	s->of = of;
	s->conversation = c;
	if (of->begin != NULL)
		of->begin();
	if (c->turns[0][0] == '+')
		s->joined = c->turns[i++];
	for (; i < CONVERSATION_TURNS_MAX && c->turns[i] != NULL; i++) {
		char what = c->turns[i][0];

		s->closes |= what == '.';
		s->turns_away |= what == '!';
		s->remembers |= what == '?';
		if (what == '>' || what == '<')
			add_turn(s, s->turns++, c->turns[i]);
	}
	for (i = 0; i < 2 * CONVERSATION_PROBES; i++)
		add_turn(s, s->turns + i, of->probes[i]);
	return s;
}

size_t spoken_length(const struct spoken *s, int turn)
{
	return s->begin[turn + 1] - s->begin[turn];
}

void spoken_begin(const struct spoken *s, struct feed *feed, uint8_t role)
{
	feed_clear_log(feed);
	feed_connection(feed, role, s->joined ? SHM_CONNECTION_JOINED : 0);
}

static int direction_of(const struct spoken *s, int turn, uint8_t role)
{
	return (s->from[turn] == '>') == (role == SHM_ROLE_SERVER) ? FEED_RECEIVED : FEED_SENT;
}

void spoken_say(const struct spoken *s, struct feed *feed, uint8_t role, int turn, size_t from, size_t to, bool shown)
{
	size_t begin = s->begin[turn] + from;

	feed_marked(feed, direction_of(s, turn, role), s->bytes + begin, s->marks + begin, to - from, shown);
}

void spoken_say_turns(const struct spoken *s, struct feed *feed, uint8_t role, int first, int last)
{
	for (int turn = first; turn < last; turn++)
		spoken_say(s, feed, role, turn, 0, spoken_length(s, turn), false);
}

void spoken_cut(const struct spoken *s, struct feed *feed, uint8_t role, int turn, size_t shown, bool told)
{
	int direction = direction_of(s, turn, role);
	size_t begin = s->begin[turn], length = spoken_length(s, turn);

	if (told) {
		feed_frames(feed, direction, s->bytes + begin, shown, length, (s->marks[begin] & FEED_MARK_FRAME) != 0);
		return;
	}
	spoken_say(s, feed, role, turn, 0, shown, true);
	feed_skip(feed, direction, length - shown);
}

bool spoken_is_told(const struct spoken *s, const struct feed *feed, uint8_t role)
{
	const char *line = s->conversation->exchanges, *got = feed->log;
	const char *side = role == SHM_ROLE_SERVER ? "server " : "client ";

	for (; *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t n = (size_t)(strchr(line, '\n') - line) + 1;

		if (strncmp(got, side, 7) != 0 || strncmp(got + 7, line, n) != 0)
			return false;
		got += 7 + n;
	}
	return *got == '\0';
}

/* ---- less than the table says ---- */

static size_t word_length(const char *at)
{
	return strcspn(at, " \n");
}

static bool begins_with_name(const char *at)
{
	return at[strspn(at, "abcdefghijklmnopqrstuvwxyz-")] == '=';
}

/* A word, or a name with its value: all words up to the next name. */
static size_t item_length(const char *at)
{
	size_t n = word_length(at);

	while (begins_with_name(at) && at[n] == ' ' && !begins_with_name(at + n + 1))
		n += 1 + word_length(at + n + 1);
	return n;
}

static const char *next_item(const char *at)
{
	at += item_length(at);
	return *at == ' ' ? at + 1 : at;
}

/* "-1" is a number that is not known; a text that is not known to be parameterised is a text. */
static bool says_no_more_than_item(const char *item, const char *known)
{
	static const char text[] = "text=", parameterised[] = "parameterised=";
	size_t n = item_length(item), m = item_length(known);

	if (n == 2 && strncmp(item, "-1", 2) == 0)
		return true;
	if (strncmp(item, text, strlen(text)) == 0 && strncmp(known, parameterised, strlen(parameterised)) == 0) {
		n -= strlen(text);
		m -= strlen(parameterised);
		item += strlen(text);
		known += strlen(parameterised);
	}
	return n == m && strncmp(item, known, n) == 0;
}

/* The items of a line are among those of the other, in the same order. */
static bool says_no_more_than(const char *line, const char *known)
{
	for (; *line != '\n'; line = next_item(line), known = next_item(known)) {
		while (*known != '\n' && !says_no_more_than_item(line, known))
			known = next_item(known);
		if (*known == '\n')
			return false;
	}
	return true;
}

static bool is_uncertain(const char *line, bool closed)
{
	static const char *const marks[] = {" close", "unseen", "-cut", "cut-by", "inferred", "uncertain"};
	char text[4096];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	for (size_t i = closed ? 0 : 1; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (strstr(text, marks[i]) != NULL)
			return true;
	}
	return false;
}

bool spoken_is_invented(const struct spoken *s, const struct feed *feed, bool closed)
{
	for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *known = s->conversation->exchanges;

		while (*known != '\0' && !says_no_more_than(line + strlen("server "), known))
			known = strchr(known, '\n') + 1;
		if (*known == '\0' && !is_uncertain(line, closed))
			return true;
	}
	return false;
}

bool spoken_is_followed(const struct spoken *s, struct feed *feed, uint8_t role)
{
	int last = s->turns + 2 * (CONVERSATION_PROBES - 1);

	spoken_say_turns(s, feed, role, s->turns, last);
	size_t before = feed->log_length;

	spoken_say_turns(s, feed, role, last, last + 2);
	return strstr(feed->log + before, s->of->probe_exchange) != NULL;
}
