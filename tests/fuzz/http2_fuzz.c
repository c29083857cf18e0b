/* Drive connections_record with HTTP/2: frames whose headers are right and whose payloads are the fuzzer's, raw bytes,
 * holes and losses, on a connection seen from its beginning and on one that is joined. Target functions: http2_protocol
 * behind connections_record; http2_decode.
 *
 * A script is a row of commands of four bytes: what and whose, length, two of detail; then that many bytes. */
#include <stdlib.h>
#include <string.h>

#include "connection_script.h"

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

#define PREFACE_BYTES SLICE_LITERAL("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

static void check(const struct exchange *x)
{
	if (x->protocol == EXCHANGE_RPC && (x->rpc.status < RPC_STATUS_UNSEEN || x->rpc.request_messages < -1))
		abort();
	if (x->protocol == EXCHANGE_HTTP && x->http.method.bytes == NULL &&
	    (x->flags & (EXCHANGE_HEAD_UNCERTAIN | EXCHANGE_REQUEST_CUT)) == 0)
		abort();
}

static void begin(struct connection_script *s)
{
	uint8_t how = script_take_byte(s), role = how / 2 % 3;

	script_announce(s, CONNECTION, how & SHM_CONNECTION_JOINED, role, SHM_FAMILY_IPV4);
	if ((how & SHM_CONNECTION_JOINED) == 0)
		script_say(s, CONNECTION, role == SHM_ROLE_CLIENT, PREFACE_BYTES, 0, SHM_DATA_HTTP2_FRAME);
}

static void say_frame(struct connection_script *s, bool sent, size_t length, uint8_t type_flags, uint8_t stream,
		      uint32_t more)
{
	static const uint8_t types[] = {0, 1, 1, 3, 9, 5, 7, 4};
	char frame[FRAME_HEADER_BYTES + 256] = {0};
	size_t payload = length + more;

	frame[0] = (char)(payload >> 16);
	frame[1] = (char)(payload >> 8);
	frame[2] = (char)payload;
	frame[3] = (char)types[type_flags & 7];
	/* the three upper bits are those of END_STREAM, END_HEADERS and PADDED */
	frame[4] = (char)((type_flags >> 5 & 1) | (type_flags >> 6 & 1) << 2 | (type_flags >> 7) << 3);
	frame[8] = (char)(frame[3] == 4 || frame[3] == 7 ? 0 : stream);
	memcpy(frame + FRAME_HEADER_BYTES, script_take(s, length).bytes, length);
	script_say(s, CONNECTION, sent, (struct slice){frame, FRAME_HEADER_BYTES + length}, 0, SHM_DATA_HTTP2_FRAME);
}

static void run_command(struct connection_script *s)
{
	uint8_t what = script_take_byte(s), length = script_take_byte(s), a = script_take_byte(s),
		b = script_take_byte(s);
	size_t n = length < s->left ? length : s->left;
	bool sent = what >> 7;

	switch ((enum command)(what % COMMANDS)) {
	case FRAME:
		say_frame(s, sent, n, a, b, 0);
		break;
	case FRAME_OPEN:
		say_frame(s, sent, n / 2, a, b, length * 8u);
		break;
	case RAW:
		script_say(s, CONNECTION, sent, script_take(s, n), 0, 0);
		break;
	case RAW_FLAGGED:
		script_say(s, CONNECTION, sent, script_take(s, n), 0, SHM_DATA_HTTP2_FRAME);
		break;
	case HOLE:
		script_say(s, CONNECTION, sent, (struct slice){0}, length + a * 256u, 0);
		break;
	case SKIP:
		s->offsets[CONNECTION][sent] += length;
		break;
	case PREFACE:
		script_say(s, CONNECTION, sent, PREFACE_BYTES, 0, SHM_DATA_HTTP2_FRAME);
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
