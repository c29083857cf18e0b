/* Drive connections_record with PostgreSQL conversations: messages from a list and bytes from the script, put together
 * into records that are cut, lost, split and swapped. Target functions: those of protocols/postgresql,
 * connections_record, connections_tick.
 *
 * A script is a row of commands of two bytes, kind and direction first, some followed by more. */
#include <stdlib.h>

#include "connection_script.h"
#include "support/postgresql_talk.h"

enum { CONNECTION = 1, BUFFER_BYTES = 32768, RAW_BYTES_MAX = 64 };

static const char *const client_lines[] = {
	"startup user u database d", "ssl", "gss", "cancel", "startup user u replication 1", "Q SELECT 1", "Q a; b",
	"P s A $1",
	"P - B", "B - s 1", "B - - 0", "B p s 2", "D P -", "D S s", "E - 0", "E p 2", "C S s", "C P p", "H", "S", "X",
	"F 7",
	"d 1", "c", "f no", "p x", "P t C\nB - t 0\nE - 0\nS", "B - s 1\nE - 0\nB - s 1\nE - 0\nS",
};

static const char *const server_lines[] = {
	"R 0", "S a=b", "K", "Z I", "Z E", "T 1", "D 2", "C SELECT 1", "C SET", "E 42601", "E 57P01 FATAL", "N 01000",
	"A channel", "1", "2", "3", "n", "t 1", "I", "s", "G 1", "H 1", "W 1", "d x", "c", "V 1", "v", "answer N",
	"answer S",
	"R 0\nK\nZ I", "1\n2\nC SET\nZ I", "2\nD 1\nC SELECT 1\n2\nE 22012\nZ I",
};

enum command {
	SAY,   /* a message of the list joins what is about to be sent */
	RAW,   /* so do bytes of the script */
	SEND,  /* as one record, or in two halves */
	CUT,   /* as one record that shows only the first bytes */
	LOSE,  /* no record tells of it */
	AGAIN, /* it is sent, and not taken away */
	CLOSE,
	TICK,
	COMMANDS,
};

static struct postgresql_talk pending_of[2]; /* client, server */
static bool client_sends;		     /* the connection's owner is the client */

static void check(const struct exchange *x)
{
	const struct database_exchange *d = &x->database;

	if (x->protocol != EXCHANGE_DATABASE || d->system != DATABASE_POSTGRESQL)
		return; /* RAW can speak anything */
	if (d->operations == 0 || d->returned_rows < -1)
		abort();
	if ((x->flags & EXCHANGE_RESPONSE_UNSEEN) != 0 && (d->failed || d->returned_rows >= 0))
		abort(); /* invented */
	if (d->status_code.bytes != NULL && (!d->failed || d->status_code.length != 5))
		abort();
}

static void announce(struct connection_script *s, uint8_t how)
{
	client_sends = how & 2;
	script_announce(s, CONNECTION, how & 1 ? SHM_CONNECTION_JOINED : 0,
			client_sends ? SHM_ROLE_CLIENT : SHM_ROLE_SERVER, SHM_FAMILY_IPV4);
}

static void begin(struct connection_script *s)
{
	pending_of[0].length = pending_of[1].length = 0;
	announce(s, script_take_byte(s));
}

/* From place `from` of what is pending on, `shown` of `length` bytes. */
static void record(struct connection_script *s, bool server, size_t from, size_t shown, size_t length)
{
	bool sent = server != client_sends;

	script_say_at(s, CONNECTION, sent, s->offsets[CONNECTION][sent] + from,
		      (struct slice){pending_of[server].bytes + from, shown}, (uint32_t)(length - shown), 0);
}

static void say(bool server, uint8_t choice)
{
	struct postgresql_talk *pending = &pending_of[server];

	if (pending->length > 4096)
		return;
	if (server)
		postgresql_talk_add(pending, false, server_lines[choice % (sizeof(server_lines) / sizeof(char *))]);
	else
		postgresql_talk_add(pending, true, client_lines[choice % (sizeof(client_lines) / sizeof(char *))]);
}

static void add_raw(struct connection_script *s, bool server, uint8_t length)
{
	struct postgresql_talk *pending = &pending_of[server];

	for (uint8_t i = 0; i < length % RAW_BYTES_MAX && pending->length < 4096; i++)
		pending->bytes[pending->length++] = (char)script_take_byte(s);
}

static void run_command(struct connection_script *s)
{
	uint8_t what = script_take_byte(s), value = script_take_byte(s);
	bool server = what >> 7;
	size_t length = pending_of[server].length, part = length == 0 ? 0 : value % (length + 1);

	switch ((enum command)(what % COMMANDS)) {
	case SAY:
		say(server, value);
		return;
	case RAW:
		add_raw(s, server, value);
		return;
	case SEND:
		record(s, server, 0, part, part);
		record(s, server, part, length - part, length - part);
		break;
	case CUT:
		record(s, server, 0, part, length);
		break;
	case LOSE:
		break;
	case AGAIN:
		record(s, server, part, length - part, length - part);
		return;
	case CLOSE:
		script_close(s, CONNECTION, value % 3);
		announce(s, value >> 2);
		return;
	case TICK:
		script_tick(s, value);
		return;
	case COMMANDS:
		return;
	}
	s->offsets[CONNECTION][server != client_sends] += length;
	pending_of[server].length = 0;
}

const struct connection_target connection_target = {
	.limits = {.connections_max = 2, .processes_max = 2, .buffer_bytes_max = BUFFER_BYTES},
	.begin = begin,
	.run_command = run_command,
	.check = check,
};
