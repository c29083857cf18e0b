/* Drive one connection of Redis or Memcached with a script of bytes: records of both directions, cut, lost and
 * repeated. Target functions: connections_record, connections_tick; redis/, memcached/, commands/ and pairing/ behind
 * them.
 *
 * A script is a byte of flags, and a row of commands: one byte of kind and direction, one of length, then that many
 * bytes. */
#include <stdlib.h>

#include "connection_script.h"

enum { CONNECTION = 1, BUFFER_BYTES = 32768, HOLE_UNIT_BYTES = 7 };

enum command {
	SAY,
	SAY_CUT, /* with a hole behind it */
	SKIP,	 /* bytes that no record tells of */
	END,
	TICK,
	COMMANDS,
};

static void check(const struct exchange *x)
{
	const struct database_exchange *d = &x->database;

	if (x->protocol != EXCHANGE_DATABASE || (d->system != DATABASE_REDIS && d->system != DATABASE_MEMCACHED))
		return;
	if (d->language != DATABASE_COMMAND || d->operations != 1 || (d->status_code.length > 0 && !d->failed))
		abort();
}

static void begin(struct connection_script *s)
{
	uint8_t flags = script_take_byte(s);

	script_announce(s, CONNECTION, flags & 3, flags >> 2 & 3, SHM_FAMILY_UNIX);
}

static void run_command(struct connection_script *s)
{
	uint8_t what = script_take_byte(s), length = script_take_byte(s);
	bool sent = what >> 7;
	uint32_t hidden;

	switch ((enum command)(what % COMMANDS)) {
	case SAY:
		script_say(s, CONNECTION, sent, script_take(s, length), 0, 0);
		break;
	case SAY_CUT:
		hidden = script_take_byte(s) * HOLE_UNIT_BYTES;
		script_say(s, CONNECTION, sent, script_take(s, length), hidden, 0);
		break;
	case SKIP:
		s->offsets[CONNECTION][sent] += length;
		break;
	case END:
		script_say(s, CONNECTION, sent, (struct slice){0}, 0, SHM_DATA_END_OF_STREAM);
		break;
	case TICK:
		script_tick(s, length);
		break;
	case COMMANDS:
		break;
	}
}

const struct connection_target connection_target = {
	.limits = {.connections_max = 2, .processes_max = 2, .buffer_bytes_max = BUFFER_BYTES},
	.begin = begin,
	.run_command = run_command,
	.check = check,
};
