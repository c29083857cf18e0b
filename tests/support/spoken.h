/* A conversation as bytes: written once, said to a feed whole or in parts; and what may be told of it. */
#ifndef SUPPORT_SPOKEN_H
#define SUPPORT_SPOKEN_H

#include "support/conversation.h"
#include "support/record_feed.h"

/* Turns, and the probes behind them. */
enum { SPOKEN_TURNS_MAX = CONVERSATION_TURNS_MAX + 2 * CONVERSATION_PROBES };

struct spoken {
	const struct conversations *of;
	const struct conversation *conversation;
	bool joined, closes, turns_away, remembers; /* what the first or last turn says: + . ! ? */
	int turns; /* without probes */
	char from[SPOKEN_TURNS_MAX];
	size_t begin[SPOKEN_TURNS_MAX + 1]; /* of each turn, and the end of the last */
	char bytes[CONVERSATION_BYTES_MAX];
	unsigned char marks[CONVERSATION_BYTES_MAX];
};

/* Write one of the conversations and the probes. To be freed. */
struct spoken *spoken_write(const struct conversations *of, const struct conversation *conversation);

size_t spoken_length(const struct spoken *s, int turn);

/* A new connection of the feed, to which nothing has been said; the log is cleared. SHM_ROLE_*. */
void spoken_begin(const struct spoken *s, struct feed *feed, uint8_t role);

/* The bytes [from, to) of a turn. */
void spoken_say(const struct spoken *s, struct feed *feed, uint8_t role, int turn, size_t from, size_t to, bool shown);

/* All of the turns [first, last). */
void spoken_say_turns(const struct spoken *s, struct feed *feed, uint8_t role, int first, int last);

/* The first bytes of a turn, the rest passing unseen. `told`: the record says so. */
void spoken_cut(const struct spoken *s, struct feed *feed, uint8_t role, int turn, size_t shown, bool told);

/* The log is what the table says. */
bool spoken_is_told(const struct spoken *s, const struct feed *feed, uint8_t role);

/* No line of the log says more than one of the table, unless it says what is not certain. `closed`: nor where a close
 * has ended it. */
bool spoken_is_invented(const struct spoken *s, const struct feed *feed, bool closed);

/* The probes are understood. Appends to the log. */
bool spoken_is_followed(const struct spoken *s, struct feed *feed, uint8_t role);

#endif
