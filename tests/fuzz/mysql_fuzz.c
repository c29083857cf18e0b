/* Drive connections_record with MySQL: packets whose headers are right and whose payloads are the fuzzer's, raw bytes,
 * holes and losses, on a connection seen from its beginning and on one that is joined.
 * Target functions: mysql_protocol behind connections_record.
 *
 * A script is one byte about the connection and a row of commands of three bytes: what and whose, length, detail; then
 * that many bytes. */
#include <stdlib.h>
#include <string.h>

#include "connection_script.h"

enum { CONNECTION = 1, BUFFER_BYTES = 1 << 17, HEADER_BYTES = 4 };

enum command {
	PACKET,      /* the sequence id that is due */
	PACKET_OPEN, /* only the header and the first bytes; the payload is longer by the detail */
	PACKET_ODD,  /* detail: sequence id */
	RAW,
	HOLE,
	SKIP,
	LOG_IN, /* greeting, login, OK; detail: the capabilities' upper byte */
	END,
	COMMANDS,
};

static uint8_t next_sequence;

static void check(const struct exchange *x)
{
	const struct database_exchange *d = &x->database;

	if (x->protocol != EXCHANGE_DATABASE || (d->system != DATABASE_MYSQL && d->system != DATABASE_MARIADB))
		return; /* the bytes made another protocol of it */
	if (d->operations != 1 || d->returned_rows < -1 || d->failed != (d->status_code.bytes != NULL))
		abort();
	if ((x->flags & EXCHANGE_RESPONSE_UNSEEN) && (d->failed || d->returned_rows != -1))
		abort();
}

static void begin(struct connection_script *s)
{
	uint8_t how = script_take_byte(s);

	next_sequence = 0;
	script_announce(s, CONNECTION, how & SHM_CONNECTION_JOINED, how / 2 % 3, SHM_FAMILY_IPV4);
}

static void say(struct connection_script *s, bool sent, const char *bytes, size_t length)
{
	script_say(s, CONNECTION, sent, (struct slice){bytes, length}, 0, 0);
}

static void say_packet(struct connection_script *s, bool sent, size_t shown, size_t length, uint8_t sequence)
{
	char packet[HEADER_BYTES + 256];

	packet[0] = (char)length;
	packet[1] = (char)(length >> 8);
	packet[2] = (char)(length >> 16);
	packet[3] = (char)sequence;
	memcpy(packet + HEADER_BYTES, script_take(s, shown).bytes, shown);
	say(s, sent, packet, HEADER_BYTES + shown);
}

/* Commands begin with 0; what the server says next with 1. */
static uint8_t due_sequence(bool sent)
{
	if (!sent)
		next_sequence = 0;
	return next_sequence++;
}

static void log_in(struct connection_script *s, uint8_t detail)
{
	static const char greeting[] = "\x4a\0\0\0\x0a"
				       "8.0.36\0\1\0\0\0"
				       "12345678\0\xff\xff\x21\2\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0"
				       "123456789012\0mysql_native_password";
	static const char ok[] = "\7\0\0\2\0\0\0\2\0\0\0";
	char login[] = "\x26\0\0\1\x09\x82\x88\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0u\0\0db";

	login[7] = (char)detail;
	say(s, true, greeting, sizeof(greeting));
	say(s, false, login, sizeof(login));
	say(s, true, ok, sizeof(ok) - 1);
}

static void run_command(struct connection_script *s)
{
	uint8_t what = script_take_byte(s), length = script_take_byte(s), detail = script_take_byte(s);
	size_t n = length < s->left ? length : s->left;
	bool sent = what >> 7;

	switch ((enum command)(what % COMMANDS)) {
	case PACKET:
		say_packet(s, sent, n, n, due_sequence(sent));
		break;
	case PACKET_OPEN:
		say_packet(s, sent, n, detail == 0xff ? 0xffffff : n + detail, due_sequence(sent));
		break;
	case PACKET_ODD:
		say_packet(s, sent, n, n, detail);
		break;
	case RAW:
		script_say(s, CONNECTION, sent, script_take(s, n), 0, 0);
		break;
	case HOLE:
		script_say(s, CONNECTION, sent, (struct slice){0}, detail == 0xff ? 0xffffff : length + detail * 256u,
			   0);
		break;
	case SKIP:
		s->offsets[CONNECTION][sent] += length;
		break;
	case LOG_IN:
		log_in(s, detail);
		break;
	case END:
		script_say(s, CONNECTION, sent, (struct slice){0}, 0, SHM_DATA_END_OF_STREAM);
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
