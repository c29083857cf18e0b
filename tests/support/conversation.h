/* Play conversations from a table in every way in which a connection can be seen, and compare the exchanges that come
 * out. Each protocol's test has a table, says how its turns are written, and runs CONVERSATION_TESTS. */
#ifndef SUPPORT_CONVERSATION_H
#define SUPPORT_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>

enum { CONVERSATION_TURNS_MAX = 24, CONVERSATION_PROBES = 6 };

/* A turn is '>' and what the client says, or '<' and what the server says. The first may be "+": the connection began
 * before anybody watched. The last may be ".", the close; "!": the connection turns to something else, so that a loss
 * may make anything of what follows; or "?": what is told of a turn depends on turns before it, and may be wrong
 * without them. */
struct conversation {
	const char *name;
	const char *turns[CONVERSATION_TURNS_MAX];
	const char *exchanges; /* as record_feed.h notes them, without the role */
};

struct conversations {
	const struct conversation *rows;
	size_t count;

	/* Write the bytes of a turn and, where there is something to say of one, its enum feed_mark. Returns their
	 * number, at most CONVERSATION_BYTES_MAX for a whole conversation. NULL: they are what follows the first
	 * character. */
	size_t (*write)(const char *turn, char *bytes, unsigned char *marks);
	void (*begin)(void); /* another conversation is written from here on; may be NULL */

	/* What of the first turn of a connection that is joined always comes in one piece. */
	size_t joined_bytes_min;

	/* Requests and their replies, said one after the other behind a loss: the last must give an exchange of which
	 * this is a part, or the one before it if the protocol has to wait for proof. */
	const char *probes[2 * CONVERSATION_PROBES];
	const char *probe_exchange;
};

enum { CONVERSATION_BYTES_MAX = 1 << 16 };

/* Whole, in records of 1 to 11 bytes, and each turn cut in two at every place, every record at the end of a page that
 * is followed by one that must not be touched: the exchanges are those of the table. `*state`: struct conversations. */
void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_server(void **state);
void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_client(void **state);

/* Every prefix, ended by a close, a reset and a shutdown. Nothing is told that the table does not say, but for what a
 * close ends; no memory is kept. */
void conversations_that_end_after_any_byte_invent_nothing_and_keep_nothing(void **state);

/* Every turn cut off at every place as by the capture budget, the rest being a hole that the record tells of, or that
 * only later offsets tell of. Nothing is told that the table does not say; the probes are understood; no memory is
 * kept. */
void a_hole_at_any_place_invents_nothing_and_the_connection_is_followed_again(void **state);

/* Every allocation fails, or all from it on, from the first turn on or from the second. It is counted; no memory is
 * kept. From the second on nothing is told that the table does not say, and the probes, for which there is memory
 * again, are understood. */
void any_allocation_may_fail_and_the_connection_is_followed_again(void **state);

#define CONVERSATION(name, table) cmocka_unit_test_prestate(name, (void *)(table))
#define CONVERSATION_TESTS(table)                                                                                      \
	CONVERSATION(conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_server, table),    \
	CONVERSATION(conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_client, table),    \
	CONVERSATION(conversations_that_end_after_any_byte_invent_nothing_and_keep_nothing, table),                    \
	CONVERSATION(a_hole_at_any_place_invents_nothing_and_the_connection_is_followed_again, table),                 \
	CONVERSATION(any_allocation_may_fail_and_the_connection_is_followed_again, table)

#endif
