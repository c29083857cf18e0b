/* Drive connections_record with a script of bytes: records of a few connections, cut, lost, overlapping and swapped.
 * Target functions: connections_record, connections_tick, connections_reset; HTTP/1.x behind them.
 *
 * A script is a row of commands: one byte of kind and direction, one of length, then that many bytes. */
#include <stdlib.h>

#include "connection_script.h"

enum { CONNECTIONS = SCRIPT_CONNECTIONS_MAX, BUFFER_BYTES = 65536, SAME_OFFSET = 128 };

enum command {
	SAY,       /* the next bytes of a direction */
	SAY_CUT,   /* the same with a hole behind them */
	SKIP,      /* bytes that no record tells of */
	SAY_AGAIN, /* bytes at an offset a little before or behind */
	END,
	CLOSE,
	RESET,
	TICK,
	COMMANDS,
};

static void check(const struct exchange *x)
{
	if (x->protocol == EXCHANGE_HTTP && x->http.version_major == 1 && x->http.method.length == 0)
		abort();
}

static void announce(struct connection_script *s, unsigned connection, uint8_t flags)
{
	script_announce(s, connection, flags & 3, flags & 3 ? SHM_ROLE_CLIENT : SHM_ROLE_SERVER, SHM_FAMILY_UNIX);
}

static void begin(struct connection_script *s)
{
	uint8_t flags = script_take_byte(s);

	for (unsigned i = 0; i < CONNECTIONS; i++)
		announce(s, i, i == 1 ? flags : 0);
}

/* At the direction's own offset it is as if it had not been said before. */
static void say_again(struct connection_script *s, unsigned connection, bool sent, uint8_t length)
{
	uint8_t distance = script_take_byte(s);
	struct slice bytes = script_take(s, length);

	if (distance == SAME_OFFSET)
		script_say(s, connection, sent, bytes, 0, 0);
	else
		script_say_at(s, connection, sent, s->offsets[connection][sent] + distance - SAME_OFFSET, bytes, 0, 0);
}

static void run_command(struct connection_script *s)
{
	uint8_t what = script_take_byte(s), length = script_take_byte(s);
	unsigned connection = (what >> 4) % CONNECTIONS;
	bool sent = what >> 7;
	uint32_t hidden;

	switch ((enum command)(what % COMMANDS)) {
	case SAY:
		script_say(s, connection, sent, script_take(s, length), 0, 0);
		break;
	case SAY_CUT:
		hidden = script_take_byte(s) * 16u;
		script_say(s, connection, sent, script_take(s, length), hidden, 0);
		break;
	case SKIP:
		s->offsets[connection][sent] += length;
		break;
	case SAY_AGAIN:
		say_again(s, connection, sent, length);
		break;
	case END:
		script_say(s, connection, sent, (struct slice){0}, 0, SHM_DATA_END_OF_STREAM);
		break;
	case CLOSE:
		script_close(s, connection, length % 3);
		announce(s, connection, length >> 2);
		break;
	case RESET:
		connections_reset(s->connections);
		for (unsigned i = 0; i < CONNECTIONS; i++)
			announce(s, i, length);
		break;
	case TICK:
		script_tick(s, length);
		break;
	case COMMANDS:
		break;
	}
}

const struct connection_target connection_target = {
	.limits = {.connections_max = CONNECTIONS - 1, .processes_max = 2, .buffer_bytes_max = BUFFER_BYTES},
	.begin = begin,
	.run_command = run_command,
	.check = check,
};
