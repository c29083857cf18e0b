/* Drive one connection of Redis or Memcached with a script of bytes: records of both directions, cut, lost and repeated.
 * Target functions: connections_record, connections_tick; redis/, memcached/, commands/ and pairing/ behind them.
 *
 * A script is a byte of flags, and a row of commands: one byte of kind and direction, one of length, then that many
 * bytes. Whatever was said, each exchange must be readable, and every block must come back. */
#include <stdlib.h>
#include <string.h>

#include "connections/connections.h"

enum { BUFFER_BYTES = 32768, HOLE_UNIT_BYTES = 7 };

enum command {
	SAY,
	SAY_CUT, /* with a hole behind it */
	SKIP,	 /* bytes that no record tells of */
	END,
	TICK,
	COMMANDS,
};

struct script {
	const uint8_t *bytes;
	size_t left;
	struct connections *connections;
	uint64_t now_ns;
	uint64_t offsets[2];
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
	const struct database_exchange *d = &x->database;

	(void)context;
	if (x->start_ns > x->end_ns || x->endpoints == NULL)
		abort();
	if (x->protocol != EXCHANGE_DATABASE || (d->system != DATABASE_REDIS && d->system != DATABASE_MEMCACHED))
		return;
	const struct slice slices[] = {d->name_space, d->operation, d->query_text, d->stored_procedure, d->status_code};

	if (d->language != DATABASE_COMMAND || d->operations != 1 || (d->status_code.length > 0 && !d->failed))
		abort();
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) { /* every byte must be readable */
		for (size_t j = 0; j < slices[i].length; j++)
			sum = (char)(sum + slices[i].bytes[j]);
	}
}

static void announce(struct script *s, uint8_t flags)
{
	struct shm_record_connection fixed = {
		.header = {.type = SHM_RECORD_CONNECTION, .flags = flags & 3},
		.connection_id = 1,
		.role = flags >> 2 & 3,
		.family = SHM_FAMILY_UNIX,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.connection.fixed = &fixed;
	view.connection.unix_path = (struct shm_string){"/x", 2};
	connections_record(s->connections, &view);
}

/* The bytes get a block of their own so that a read beyond them is found. */
static void say(struct script *s, int sent, size_t length, uint32_t hole, bool end)
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
		.connection_id = 1,
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

static void run_command(struct script *s)
{
	uint8_t what = take_byte(s), length = take_byte(s);
	int sent = what >> 7;

	s->now_ns += 1000;
	switch ((enum command)(what % COMMANDS)) {
	case SAY:
		say(s, sent, length, 0, false);
		break;
	case SAY_CUT:
		say(s, sent, length, take_byte(s) * HOLE_UNIT_BYTES, false);
		break;
	case SKIP:
		s->offsets[sent] += length;
		break;
	case END:
		say(s, sent, 0, 0, true);
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
