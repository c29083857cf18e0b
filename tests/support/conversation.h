/* Play conversations from a table, cut into records in every way, and compare the exchanges that come out. */
#ifndef SUPPORT_CONVERSATION_H
#define SUPPORT_CONVERSATION_H

#include "support/record_feed.h"

enum { CONVERSATION_TURNS_MAX = 12 };

struct turn {
	const char *bytes; /* '>' begins what the client says, '<' what the server says, '.' is the close */
	size_t length;     /* with the first character */
};

#define TURN(text) {(text), sizeof(text) - 1}

struct conversation {
	const char *name;
	struct turn turns[CONVERSATION_TURNS_MAX];
	const char *exchanges; /* as record_feed.h notes them, without the role */
};

/* Say one turn: all of it in records of `step` bytes, the first one of `first` bytes if that is not 0. */
void conversation_say(struct feed *feed, const struct turn *turn, uint8_t role, size_t step, size_t first);

/* Whole, in records of 1 to 7 bytes, and each turn cut in two at every place: the exchanges must be those of the table.
 * `role` is that of the process whose connection it is (SHM_ROLE_*). */
void conversation_check(const struct conversation *conversation, uint8_t role);

/* Every turn cut off at every place, the rest being a hole that the record tells of, or that only later offsets tell of.
 * `probe` are two turns that are said three times afterwards: the last time must give `probe_exchange`. Whatever is
 * reported as complete must be in the table. */
void conversation_check_holes(const struct conversation *conversation, uint8_t role, const struct turn probe[2],
			      const char *probe_exchange);

#endif
