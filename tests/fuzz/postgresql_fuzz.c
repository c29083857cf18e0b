/* Drive connections_record with PostgreSQL conversations: messages from a list and bytes from the script, put together into
 * records that are cut, lost, split and swapped. Target functions: those of protocols/postgresql, connections_record,
 * connections_tick.
 *
 * A script is a row of commands of two bytes, kind and direction first, some followed by more. */
#include <stdlib.h>
#include <string.h>

#include "connections/connections.h"
#include "support/postgresql_talk.h"

enum { BUFFER_BYTES = 32768, RAW_BYTES_MAX = 64 };

static const char *const client_lines[] = {
	"startup user u database d", "ssl", "gss", "cancel", "startup user u replication 1", "Q SELECT 1", "Q a; b", "P s A $1",
	"P - B", "B - s 1", "B - - 0", "B p s 2", "D P -", "D S s", "E - 0", "E p 2", "C S s", "C P p", "H", "S", "X", "F 7",
	"d 1", "c", "f no", "p x", "P t C\nB - t 0\nE - 0\nS", "B - s 1\nE - 0\nB - s 1\nE - 0\nS",
};

static const char *const server_lines[] = {
	"R 0", "S a=b", "K", "Z I", "Z E", "T 1", "D 2", "C SELECT 1", "C SET", "E 42601", "E 57P01 FATAL", "N 01000",
	"A channel", "1", "2", "3", "n", "t 1", "I", "s", "G 1", "H 1", "W 1", "d x", "c", "V 1", "v", "answer N", "answer S",
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

struct script {
	const uint8_t *bytes;
	size_t left;
	struct connections *connections;
	uint64_t now_ns;
	uint64_t offsets[2];
	struct postgresql_talk pending[2]; /* client, server */
	int client_sends; /* the connection's owner is the client */
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
	if (x->protocol != EXCHANGE_DATABASE || d->system != DATABASE_POSTGRESQL)
		return; /* RAW can speak anything */
	if (d->operations == 0 || d->returned_rows < -1)
		abort();
	if ((x->flags & EXCHANGE_RESPONSE_UNSEEN) != 0 && (d->failed || d->returned_rows >= 0))
		abort(); /* invented */
	if (d->status_code.bytes != NULL && (!d->failed || d->status_code.length != 5))
		abort();
	touch(d->name_space);
	touch(d->query_text);
	touch(d->status_code);
}

static void announce(struct script *s, uint8_t how)
{
	struct shm_record_connection fixed = {
		.header = {.type = SHM_RECORD_CONNECTION, .flags = how & 1 ? SHM_CONNECTION_JOINED : 0},
		.connection_id = 1,
		.role = how & 2 ? SHM_ROLE_CLIENT : SHM_ROLE_SERVER,
		.family = SHM_FAMILY_IPV4,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.connection.fixed = &fixed;
	memset(s->offsets, 0, sizeof(s->offsets));
	s->client_sends = how >> 1 & 1;
	connections_record(s->connections, &view);
}

/* The bytes get a block of their own so that a read beyond them is found. */
static void record(struct script *s, bool server, uint64_t offset, const char *bytes, size_t seen, size_t length)
{
	bool sent = server != (s->client_sends != 0);
	char *copy = malloc(seen + 1);

	if (copy == NULL)
		abort();
	memcpy(copy + 1, bytes, seen);
	struct shm_record_data fixed = {
		.header = {.type = SHM_RECORD_DATA, .flags = sent ? SHM_DATA_SENT : 0},
		.connection_id = 1,
		.time_ns = s->now_ns,
		.offset = offset,
		.byte_count = (uint32_t)length,
		.captured_bytes = (uint16_t)seen,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.data.fixed = &fixed;
	view.data.bytes = (const uint8_t *)copy + 1;
	connections_record(s->connections, &view);
	free(copy);
}

static void say(struct script *s, bool server, uint8_t choice)
{
	struct postgresql_talk *pending = &s->pending[server];

	if (pending->length > 4096)
		return;
	if (server)
		postgresql_talk_add(pending, false, server_lines[choice % (sizeof(server_lines) / sizeof(char *))]);
	else
		postgresql_talk_add(pending, true, client_lines[choice % (sizeof(client_lines) / sizeof(char *))]);
}

static void add_raw(struct script *s, bool server, uint8_t length)
{
	struct postgresql_talk *pending = &s->pending[server];

	for (uint8_t i = 0; i < length % RAW_BYTES_MAX && pending->length < 4096; i++)
		pending->bytes[pending->length++] = (char)take_byte(s);
}

static void hang_up(struct script *s, uint8_t how)
{
	struct shm_record_connection_close fixed = {
		.header.type = SHM_RECORD_CONNECTION_CLOSE,
		.connection_id = 1,
		.time_ns = s->now_ns,
		.sent_bytes = s->offsets[!s->client_sends],
		.received_bytes = s->offsets[s->client_sends],
		.reason = how % 3,
	};

	connections_record(s->connections,
			   &(struct shm_record_view){.header = &fixed.header, .connection_close = &fixed});
	announce(s, how >> 2);
}

static void run_command(struct script *s)
{
	uint8_t what = take_byte(s), value = take_byte(s);
	bool server = what >> 7;
	struct postgresql_talk *pending = &s->pending[server];
	uint64_t offset = s->offsets[server];
	size_t length = pending->length, part = length == 0 ? 0 : value % (length + 1);

	s->now_ns += 1000;
	switch ((enum command)(what % COMMANDS)) {
	case SAY:
		say(s, server, value);
		return;
	case RAW:
		add_raw(s, server, value);
		return;
	case SEND:
		record(s, server, offset, pending->bytes, part, part);
		record(s, server, offset + part, pending->bytes + part, length - part, length - part);
		break;
	case CUT:
		record(s, server, offset, pending->bytes, part, length);
		break;
	case LOSE:
		break;
	case AGAIN:
		record(s, server, offset + part, pending->bytes + part, length - part, length - part);
		return;
	case CLOSE:
		hang_up(s, value);
		return;
	case TICK:
		s->now_ns += (uint64_t)value * 10000000;
		connections_tick(s->connections, s->now_ns);
		return;
	case COMMANDS:
		return;
	}
	s->offsets[server] += length;
	pending->length = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct script s;
	const struct connections_limits limits = {
		.connections_max = 2, .processes_max = 2, .buffer_bytes_max = BUFFER_BYTES};

	s.bytes = data;
	s.left = size;
	s.now_ns = 1;
	s.pending[0].length = s.pending[1].length = 0;
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
