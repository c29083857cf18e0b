/* Drive connections_record with a script of bytes: records of a few connections, cut, lost, overlapping and swapped.
 * Target functions: connections_record, connections_tick, connections_reset; HTTP/1.x behind them.
 *
 * A script is a row of commands: one byte of kind and direction, one of length, then that many bytes. */
#include <stdlib.h>
#include <string.h>

#include "connections/connections.h"

enum { CONNECTIONS = 4, BUFFER_BYTES = 65536 };

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

struct script {
	const uint8_t *bytes;
	size_t left;
	struct connections *connections;
	uint64_t now_ns;
	uint64_t offsets[CONNECTIONS][2];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t take_byte(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->bytes++;
}

static void check(void *context, const struct exchange *x)
{
	static volatile char sum;
	const struct http_exchange *h = &x->http;
	const struct slice slices[] = {h->method, h->target, h->scheme, h->host, h->user_agent, x->traceparent,
				       x->tracestate, h->x_forwarded_for, h->forwarded, h->x_forwarded_proto,
				       h->x_forwarded_host};

	(void)context;
	if (x->start_ns > x->end_ns || x->endpoints == NULL)
		abort();
	if (x->protocol != EXCHANGE_HTTP)
		return;
	if (h->version_major == 1 && h->method.length == 0)
		abort();
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) { /* every byte must be readable */
		for (size_t j = 0; j < slices[i].length; j++)
			sum = (char)(sum + slices[i].bytes[j]);
	}
}

static void announce(struct script *s, unsigned connection, uint8_t flags)
{
	struct shm_record_connection fixed = {
		.header = {.type = SHM_RECORD_CONNECTION, .flags = flags & 3},
		.connection_id = connection,
		.role = flags & 3 ? SHM_ROLE_CLIENT : SHM_ROLE_SERVER,
		.family = SHM_FAMILY_UNIX,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.connection.fixed = &fixed;
	view.connection.unix_path = (struct shm_string){"/x", 2};
	memset(s->offsets[connection], 0, sizeof(s->offsets[connection]));
	connections_record(s->connections, &view);
}

/* The bytes get a block of their own so that a read beyond them is found. */
static void say(struct script *s, unsigned connection, int sent, uint64_t offset, uint8_t length, uint32_t hole,
		bool end)
{
	size_t n = length < s->left ? length : s->left;
	uint8_t *copy = malloc(n + 1);

	if (copy == NULL)
		abort();
	memcpy(copy + 1, s->bytes, n);
	s->bytes += n;
	s->left -= n;
	struct shm_record_data fixed = {
		.header = {.type = SHM_RECORD_DATA,
			   .flags = (uint16_t)((sent ? SHM_DATA_SENT : 0) | (end ? SHM_DATA_END_OF_STREAM : 0))},
		.connection_id = connection,
		.time_ns = s->now_ns,
		.offset = offset,
		.byte_count = (uint32_t)n + hole,
		.captured_bytes = (uint16_t)n,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.data.fixed = &fixed;
	view.data.bytes = copy + 1;
	connections_record(s->connections, &view);
	if (offset == s->offsets[connection][sent])
		s->offsets[connection][sent] += n + hole;
	free(copy);
}

static void hang_up(struct script *s, unsigned connection, uint8_t how)
{
	struct shm_record_connection_close fixed = {
		.header.type = SHM_RECORD_CONNECTION_CLOSE,
		.connection_id = connection,
		.time_ns = s->now_ns,
		.sent_bytes = s->offsets[connection][1],
		.received_bytes = s->offsets[connection][0],
		.reason = how % 3,
	};

	connections_record(s->connections,
			   &(struct shm_record_view){.header = &fixed.header, .connection_close = &fixed});
	announce(s, connection, how >> 2);
}

static void run_command(struct script *s)
{
	uint8_t what = take_byte(s), length = take_byte(s);
	unsigned connection = (what >> 4) % CONNECTIONS;
	int sent = what >> 7;
	uint64_t *offset = &s->offsets[connection][sent];

	s->now_ns += 1000;
	switch ((enum command)(what % COMMANDS)) {
	case SAY:
		say(s, connection, sent, *offset, length, 0, false);
		break;
	case SAY_CUT:
		say(s, connection, sent, *offset, length, take_byte(s) * 16u, false);
		break;
	case SKIP:
		*offset += length;
		break;
	case SAY_AGAIN:
		say(s, connection, sent, *offset + take_byte(s) - 128, length, 0, false);
		break;
	case END:
		say(s, connection, sent, *offset, 0, 0, true);
		break;
	case CLOSE:
		hang_up(s, connection, length);
		break;
	case RESET:
		connections_reset(s->connections);
		for (unsigned i = 0; i < CONNECTIONS; i++)
			announce(s, i, length);
		break;
	case TICK:
		s->now_ns += (uint64_t)length * 10000000;
		connections_tick(s->connections, s->now_ns);
		break;
	case COMMANDS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {.bytes = data, .left = size, .now_ns = 1};
	const struct connections_limits limits = {
		.connections_max = CONNECTIONS - 1, .processes_max = 2, .buffer_bytes_max = BUFFER_BYTES};

	s.connections = connections_create(&limits, &(struct exchange_sink){check, NULL});
	if (s.connections == NULL)
		return 0;
	uint8_t flags = take_byte(&s);

	for (unsigned i = 0; i < CONNECTIONS; i++)
		announce(&s, i, i == 1 ? flags : 0);
	while (s.left > 0)
		run_command(&s);
	connections_shutdown(s.connections);
	if (connections_usage(s.connections).buffer_bytes != 0)
		abort();
	connections_destroy(s.connections);
	return 0;
}
