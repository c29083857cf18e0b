/* Drive connections_record with HTTP/2: frames whose headers are right and whose payloads are the fuzzer's, raw bytes,
 * holes and losses, on a connection seen from its beginning and on one that is joined. Target functions: http2_protocol
 * behind connections_record; http2_decode.
 *
 * A script is a row of commands of four bytes: what and whose, length, two of detail; then that many bytes. */
#include <stdlib.h>
#include <string.h>

#include "connections/connections.h"

enum { CONNECTION = 1, BUFFER_BYTES = 1 << 18, FRAME_HEADER_BYTES = 9 };

enum command {
	FRAME,	    /* detail: type and flags */
	FRAME_OPEN, /* only the header and the first bytes; the payload is longer by the details */
	RAW,
	RAW_FLAGGED,
	HOLE,
	SKIP,
	PREFACE,
	END,
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

static void touch(struct slice slice)
{
	static volatile char sum;

	for (size_t i = 0; i < slice.length; i++) /* every byte must be readable */
		sum = (char)(sum + slice.bytes[i]);
}

static void check(void *context, const struct exchange *x)
{
	(void)context;
	if (x->start_ns > x->end_ns || x->endpoints == NULL)
		abort();
	touch(x->traceparent);
	touch(x->tracestate);
	if (x->protocol == EXCHANGE_RPC) {
		if (x->rpc.status < RPC_STATUS_UNSEEN || x->rpc.request_messages < -1)
			abort();
		touch(x->rpc.path);
		touch(x->rpc.authority);
		touch(x->rpc.status_message);
		return;
	}
	if (x->protocol != EXCHANGE_HTTP) /* it can become anything */
		return;
	if (x->http.method.bytes == NULL && (x->flags & (EXCHANGE_HEAD_UNCERTAIN | EXCHANGE_REQUEST_CUT)) == 0)
		abort();
	touch(x->http.method);
	touch(x->http.target);
	touch(x->http.host);
	touch(x->http.user_agent);
	touch(x->http.x_forwarded_for);
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
static void say(struct script *s, int sent, const uint8_t *bytes, size_t n, uint32_t hole, uint16_t flags)
{
	uint8_t *copy = malloc(n + 1);

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy + 1, bytes, n);
	struct shm_record_data fixed = {
		.header = {.type = SHM_RECORD_DATA, .flags = (uint16_t)(flags | (sent ? SHM_DATA_SENT : 0))},
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

static void say_frame(struct script *s, int sent, size_t length, uint8_t type_flags, uint8_t stream, uint32_t more)
{
	static const uint8_t types[] = {0, 1, 1, 3, 9, 5, 7, 4};
	uint8_t frame[FRAME_HEADER_BYTES + 256];
	size_t payload = length + more;

	frame[0] = (uint8_t)(payload >> 16);
	frame[1] = (uint8_t)(payload >> 8);
	frame[2] = (uint8_t)payload;
	frame[3] = types[type_flags & 7];
	/* the three upper bits are those of END_STREAM, END_HEADERS and PADDED */
	frame[4] = (uint8_t)((type_flags >> 5 & 1) | (type_flags >> 6 & 1) << 2 | (type_flags >> 7) << 3);
	memset(frame + 5, 0, 3);
	frame[8] = frame[3] == 4 || frame[3] == 7 ? 0 : stream;
	memcpy(frame + FRAME_HEADER_BYTES, s->bytes, length);
	s->bytes += length;
	s->left -= length;
	say(s, sent, frame, FRAME_HEADER_BYTES + length, 0, SHM_DATA_HTTP2_FRAME);
}

static void run_command(struct script *s)
{
	uint8_t what = take_byte(s), length = take_byte(s), a = take_byte(s), b = take_byte(s);
	size_t n = length < s->left ? length : s->left;
	int sent = what >> 7;

	s->now_ns += 1000;
	switch ((enum command)(what % COMMANDS)) {
	case FRAME:
		say_frame(s, sent, n, a, b, 0);
		return;
	case FRAME_OPEN:
		say_frame(s, sent, n / 2, a, b, length * 8u);
		return;
	case RAW:
	case RAW_FLAGGED:
		say(s, sent, s->bytes, n, 0, what % COMMANDS == RAW_FLAGGED ? SHM_DATA_HTTP2_FRAME : 0);
		s->bytes += n;
		s->left -= n;
		return;
	case HOLE:
		say(s, sent, NULL, 0, length + a * 256u, 0);
		return;
	case SKIP:
		s->offsets[sent] += length;
		return;
	case PREFACE:
		say(s, sent, (const uint8_t *)"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, 0, SHM_DATA_HTTP2_FRAME);
		return;
	case END:
		say(s, sent, NULL, 0, 0, SHM_DATA_END_OF_STREAM);
		return;
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
	uint8_t how = take_byte(&s);

	announce(&s, how);
	if ((how & SHM_CONNECTION_JOINED) == 0)
		say(&s, how / 2 % 3 == SHM_ROLE_CLIENT, (const uint8_t *)"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, 0,
		    SHM_DATA_HTTP2_FRAME);
	while (s.left > 0)
		run_command(&s);
	connections_shutdown(s.connections);
	if (connections_usage(s.connections).buffer_bytes != 0)
		abort();
	connections_destroy(s.connections);
	return 0;
}
