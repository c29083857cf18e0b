/* Drive connections_record with MySQL: packets whose headers are right and whose payloads are the fuzzer's, raw bytes,
 * holes and losses, on a connection seen from its beginning and on one that is joined.
 * Target functions: mysql_protocol behind connections_record.
 *
 * A script is one byte about the connection and a row of commands of three bytes: what and whose, length, detail; then
 * that many bytes. */
#include <stdlib.h>
#include <string.h>

#include "connections/connections.h"

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

struct script {
	const uint8_t *bytes;
	size_t left;
	struct connections *connections;
	uint64_t now_ns;
	uint64_t offsets[2];
	uint8_t sequence;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t take_byte(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->bytes++;
}

static void touch(struct slice slice)
{
	static volatile char sum;

	for (size_t i = 0; i < slice.length; i++) /* every byte must be readable */
		sum = (char)(sum + slice.bytes[i]);
}

static void check(void *context, const struct exchange *x)
{
	const struct database_exchange *d = &x->database;

	(void)context;
	if (x->start_ns > x->end_ns || x->endpoints == NULL)
		abort();
	if (x->protocol != EXCHANGE_DATABASE || (d->system != DATABASE_MYSQL && d->system != DATABASE_MARIADB))
		return; /* the bytes made another protocol of it */
	if (d->operations != 1 || d->returned_rows < -1 || d->failed != (d->status_code.bytes != NULL))
		abort();
	if ((x->flags & EXCHANGE_RESPONSE_UNSEEN) && (d->failed || d->returned_rows != -1))
		abort();
	touch(x->traceparent);
	touch(d->name_space);
	touch(d->query_text);
	touch(d->status_code);
}

static void announce(struct script *s, uint8_t how)
{
	struct shm_record_connection fixed = {
		.header = {.type = SHM_RECORD_CONNECTION, .flags = how & SHM_CONNECTION_JOINED},
		.connection_id = CONNECTION,
		.role = (uint8_t)(how / 2 % 3),
		.family = SHM_FAMILY_IPV4,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.connection.fixed = &fixed;
	connections_record(s->connections, &view);
}

/* The bytes get a block of their own so that a read beyond them is found. */
static void say(struct script *s, int sent, const void *bytes, size_t n, uint32_t hole, bool end)
{
	uint8_t *copy = malloc(n + 1);

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy + 1, bytes, n);
	struct shm_record_data fixed = {
		.header = {.type = SHM_RECORD_DATA,
			   .flags = (uint16_t)((end ? SHM_DATA_END_OF_STREAM : 0) | (sent ? SHM_DATA_SENT : 0))},
		.connection_id = CONNECTION,
		.time_ns = s->now_ns,
		.offset = s->offsets[sent],
		.byte_count = (uint32_t)n + hole,
		.captured_bytes = (uint16_t)n,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.data.fixed = &fixed;
	view.data.bytes = copy + 1;
	connections_record(s->connections, &view);
	s->offsets[sent] += n + hole;
	free(copy);
}

static void say_packet(struct script *s, int sent, size_t shown, size_t length, uint8_t sequence)
{
	uint8_t packet[HEADER_BYTES + 256];

	packet[0] = (uint8_t)length;
	packet[1] = (uint8_t)(length >> 8);
	packet[2] = (uint8_t)(length >> 16);
	packet[3] = sequence;
	memcpy(packet + HEADER_BYTES, s->bytes, shown);
	s->bytes += shown;
	s->left -= shown;
	say(s, sent, packet, HEADER_BYTES + shown, 0, false);
}

/* Commands begin with 0; what the server says next with 1. */
static uint8_t due_sequence(struct script *s, int sent)
{
	if (!sent)
		s->sequence = 0;
	return s->sequence++;
}

static void log_in(struct script *s, uint8_t detail)
{
	static const char greeting[] = "\x4a\0\0\0\x0a" "8.0.36\0\1\0\0\0" "12345678\0\xff\xff\x21\2\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0"
				       "123456789012\0mysql_native_password";
	static const char ok[] = "\7\0\0\2\0\0\0\2\0\0\0";
	char login[] = "\x26\0\0\1\x09\x82\x88\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0u\0\0db";

	login[7] = (char)detail;
	say(s, 1, greeting, sizeof(greeting), 0, false);
	say(s, 0, login, sizeof(login), 0, false);
	say(s, 1, ok, sizeof(ok) - 1, 0, false);
}

static void run_command(struct script *s)
{
	uint8_t what = take_byte(s), length = take_byte(s), detail = take_byte(s);
	size_t n = length < s->left ? length : s->left;
	int sent = what >> 7;

	s->now_ns += 1000;
	switch ((enum command)(what % COMMANDS)) {
	case PACKET:
		say_packet(s, sent, n, n, due_sequence(s, sent));
		break;
	case PACKET_OPEN:
		say_packet(s, sent, n, detail == 0xff ? 0xffffff : n + detail, due_sequence(s, sent));
		break;
	case PACKET_ODD:
		say_packet(s, sent, n, n, detail);
		break;
	case RAW:
		say(s, sent, s->bytes, n, 0, false);
		s->bytes += n;
		s->left -= n;
		break;
	case HOLE:
		say(s, sent, NULL, 0, detail == 0xff ? 0xffffff : length + detail * 256u, false);
		break;
	case SKIP:
		s->offsets[sent] += length;
		break;
	case LOG_IN:
		log_in(s, detail);
		break;
	case END:
		say(s, sent, NULL, 0, 0, true);
		break;
	case COMMANDS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {.bytes = data, .left = size, .now_ns = 1};
	const struct connections_limits limits = {
		.connections_max = 2, .processes_max = 2, .buffer_bytes_max = BUFFER_BYTES};

	s.connections = connections_create(&limits, &(struct exchange_sink){check, NULL});
	if (s.connections == NULL)
		return 0;
	announce(&s, take_byte(&s));
	while (s.left > 0)
		run_command(&s);
	connections_shutdown(s.connections);
	if (connections_usage(s.connections).buffer_bytes != 0)
		abort();
	connections_destroy(s.connections);
	return 0;
}
