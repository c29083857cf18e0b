/* Conversations made up by chance, with what must come of them, in any segments; and turns of which records are
 * lost. */
#ifndef SUPPORT_GENERATED_H
#define SUPPORT_GENERATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/random.h"
#include "support/record_feed.h"

enum { TEXT_BYTES = 65536, GENERATED_STEPS_MAX = 400, TURN_BYTES_MAX = 1024 };

struct text {
	size_t length;
	char bytes[TEXT_BYTES];
};

/* Append. Fails the test without room. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const char *bytes, size_t length);

/* What the client says step by step, and what the server may answer when it has heard a step. */
struct generated {
	struct text said[2];   /* client, server */
	struct text expected;  /* the log */
	size_t ends[2][GENERATED_STEPS_MAX];
	bool waits[GENERATED_STEPS_MAX]; /* the client does not begin this step before it has all answers */
	int steps;
};

/* What both have said ends a step. */
void generated_step(struct generated *g);

struct generator {
	uint32_t segment_bytes_max;
	void (*generate)(struct generated *g, struct random *r); /* `g` is empty before */
	void (*open)(struct feed *feed);			 /* a connection of which the process is the server */
};

/* `*state`: struct generator. No segment is said before what it answers. */
void any_segmentation_that_respects_causality_gives_the_same_exchanges(void **state);

/* Turns of one request and its reply each, a record for each. */
struct turns {
	void (*open)(struct feed *feed);

	/* What is said in a turn, at most TURN_BYTES_MAX; always the same. */
	size_t (*write)(char *bytes, int turn, bool server);

	/* Which turn is a line of the log about? True if the exchange has its reply; fails the test if it has
	 * another's. */
	bool (*read)(const char *line, int *turn);

	/* Clients are taken not to pipeline: a turn that was seen whole has its reply if the next request was seen.
	 * Otherwise some turns pass until the place is known again. */
	bool one_at_a_time;
};

/* `*state`: struct turns. Records are lost by chance, but for those of the first and the last turns. Every request that
 * was seen is reported, the last one with its reply. */
void lost_records_never_give_a_request_another_ones_reply(void **state);
void bursts_of_lost_records_never_give_a_request_another_ones_reply(void **state);

#define LOSS_TESTS(turns)                                                                                              \
	cmocka_unit_test_prestate(lost_records_never_give_a_request_another_ones_reply, (void *)(turns)),              \
		cmocka_unit_test_prestate(bursts_of_lost_records_never_give_a_request_another_ones_reply,              \
					  (void *)(turns))

#define GENERATED_TESTS(generator, turns)                                                                              \
	cmocka_unit_test_prestate(any_segmentation_that_respects_causality_gives_the_same_exchanges,                   \
				  (void *)(generator)),                                                                \
		LOSS_TESTS(turns)

#endif
