/* Drive connections_record with a script of bytes: what the fuzz targets of protocols over connections share.
 *
 * A target says in `connection_target` how a script begins and what each of its commands does. However a script goes,
 * the times of every exchange must be in order and all its bytes readable, and every block must have come back in the
 * end. */
#ifndef FUZZ_CONNECTION_SCRIPT_H
#define FUZZ_CONNECTION_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connections/connections.h"

enum { SCRIPT_CONNECTIONS_MAX = 4 };

struct connection_script {
	const uint8_t *bytes; /* what is left of it */
	size_t left;
	struct connections *connections;
	uint64_t now_ns; /* grows by 1000 before each command */
	uint64_t offsets[SCRIPT_CONNECTIONS_MAX][2]; /* of the next byte, by connection and direction: 1 sent */
};

struct connection_target {
	struct connections_limits limits;
	void (*begin)(struct connection_script *s);	/* announce connections, forget the script before */
	void (*run_command)(struct connection_script *s); /* take at least one byte and do what it says */
	void (*check)(const struct exchange *x);	/* abort on what cannot be */
};

/* Every target defines its own; LLVMFuzzerTestOneInput plays it. */
extern const struct connection_target connection_target;

/* 0 when nothing is left. */
uint8_t script_take_byte(struct connection_script *s);

/* The next bytes, at most `most` and not more than are left. Borrowed. */
struct slice script_take(struct connection_script *s, size_t most);

/* Announce a connection: flags SHM_CONNECTION_*, SHM_ROLE_*, SHM_FAMILY_*. Both its offsets begin at 0 again. */
void script_announce(struct connection_script *s, uint32_t connection, uint16_t flags, uint8_t role, uint8_t family);

/* A record of the direction's next bytes: those that are shown and the `hidden` ones behind them. Flags SHM_DATA_*,
 * without that of the direction. The bytes get a block of their own so that a read beyond them is found. */
void script_say(struct connection_script *s, uint32_t connection, bool sent, struct slice shown, uint32_t hidden,
		uint16_t flags);

/* The same at any offset; the direction's own stays. */
void script_say_at(struct connection_script *s, uint32_t connection, bool sent, uint64_t offset, struct slice shown,
		   uint32_t hidden, uint16_t flags);

/* Close a connection, with the totals that its offsets are: SHM_CLOSE_*. */
void script_close(struct connection_script *s, uint32_t connection, uint8_t reason);

/* Let so many times 10 ms pass. */
void script_tick(struct connection_script *s, uint8_t times);

#endif
