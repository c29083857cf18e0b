/* Read frame headers, and tell from them that a connection speaks HTTP/2 (RFC 9113 3.4, 4.1, 6). */
#include "protocols/http2/http2.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

_Static_assert(sizeof(preface) - 1 == HTTP2_PREFACE_BYTES, "RFC 9113 3.4");

enum {
	STREAM_ID_MASK = 0x7fffffff,
	PRIORITY_BYTES = 5,
	PROMISED_ID_BYTES = 4,
	STATIC_STATUS_FIRST = 8, /* of the static table, RFC 7541 A */
	STATIC_STATUS_LAST = 14,
	STATIC_PSEUDO_FIRST = 1,
};

uint32_t http2_read_u32(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

struct http2_frame http2_frame_read(const char *bytes)
{
	return (struct http2_frame){
		.length = http2_read_u32(bytes) >> 8,
		.type = (uint8_t)bytes[3],
		.flags = (uint8_t)bytes[4],
		.stream = http2_read_u32(bytes + 5) & STREAM_ID_MASK,
	};
}

bool http2_frame_is_valid(const struct http2_frame *frame)
{
	bool on_stream = frame->stream != 0;

	switch ((enum http2_frame_type)frame->type) {
	case HTTP2_DATA:
	case HTTP2_HEADERS:
	case HTTP2_CONTINUATION:
		return on_stream;
	case HTTP2_PUSH_PROMISE:
		return on_stream && frame->length >= PROMISED_ID_BYTES;
	case HTTP2_PRIORITY:
		return on_stream && frame->length == PRIORITY_BYTES;
	case HTTP2_RST_STREAM:
		return on_stream && frame->length == 4;
	case HTTP2_SETTINGS:
		return !on_stream && frame->length % 6 == 0;
	case HTTP2_PING:
		return !on_stream && frame->length == 8;
	case HTTP2_GOAWAY:
		return !on_stream && frame->length >= 8;
	case HTTP2_WINDOW_UPDATE:
		return frame->length == 4;
	}
	return true;
}

bool http2_frame_fragment(const struct http2_frame *frame, struct slice payload, struct slice *fragment)
{
	size_t fields = 0, padding = 0;

	if (frame->type != HTTP2_CONTINUATION && (frame->flags & HTTP2_PADDED) != 0) {
		if (payload.length == 0)
			return false;
		padding = (unsigned char)payload.bytes[0];
		fields = 1;
	}
	if (frame->type == HTTP2_HEADERS && (frame->flags & HTTP2_PRIORITY_FIELDS) != 0)
		fields += PRIORITY_BYTES;
	if (frame->type == HTTP2_PUSH_PROMISE)
		fields += PROMISED_ID_BYTES;
	if (fields + padding > frame->length || fields > payload.length)
		return false;
	size_t end = frame->length - padding < payload.length ? frame->length - padding : payload.length;

	*fragment = (struct slice){payload.bytes + fields, end - fields};
	return true;
}

enum match http2_match_preface(struct slice bytes)
{
	size_t n = bytes.length < HTTP2_PREFACE_BYTES ? bytes.length : HTTP2_PREFACE_BYTES;

	if (memcmp(bytes.bytes, preface, n) != 0)
		return MATCH_NO;
	return n == HTTP2_PREFACE_BYTES ? MATCH_FROM_CLIENT : MATCH_MORE;
}

/* Of a HEADERS frame: a block whose first field is of the static table says whose it is. */
static enum match sender_of_block(const struct http2_frame *frame, struct slice payload)
{
	struct http2_field_line line;
	struct slice block;

	if (!http2_frame_fragment(frame, payload, &block))
		return MATCH_NO;
	do { /* sizes come first, if any */
		if (!http2_field_line_read(block, &line))
			return MATCH_NO;
		block.bytes += line.bytes;
		block.length -= line.bytes;
	} while (line.kind == HTTP2_TABLE_SIZE);
	if (line.index < STATIC_PSEUDO_FIRST || line.index > STATIC_STATUS_LAST)
		return MATCH_NO;
	return line.index < STATIC_STATUS_FIRST ? MATCH_FROM_CLIENT : MATCH_FROM_SERVER;
}

/* The kernel side has followed frames to here. What it takes for one has to look like one here too. */
static enum match recognise_frame(const struct opening *opening)
{
	if (opening->bytes.length < HTTP2_FRAME_HEADER_BYTES)
		return opening->more_may_come ? MATCH_MORE : MATCH_NO;
	struct http2_frame frame = http2_frame_read(opening->bytes.bytes);
	struct slice payload = {opening->bytes.bytes + HTTP2_FRAME_HEADER_BYTES,
				opening->bytes.length - HTTP2_FRAME_HEADER_BYTES};

	if (frame.type > HTTP2_CONTINUATION || !http2_frame_is_valid(&frame))
		return MATCH_NO;
	if (frame.type == HTTP2_HEADERS) {
		enum match match = sender_of_block(&frame, payload);

		if (match != MATCH_NO)
			return match;
	}
	if (frame.type == HTTP2_PUSH_PROMISE)
		return MATCH_FROM_SERVER;
	if (!opening->sender_known)
		return MATCH_NO; /* a later frame will tell */
	return opening->sender == FROM_CLIENT ? MATCH_FROM_CLIENT : MATCH_FROM_SERVER;
}

/* A server begins with SETTINGS (RFC 9113 3.4), and need not wait for the client: gRPC's do not. */
static enum match match_settings(const struct opening *opening)
{
	const uint8_t *bytes = (const uint8_t *)opening->bytes.bytes;
	size_t length = opening->bytes.length;

	if (!opening->first)
		return MATCH_NO;
	for (size_t i = 0; i < length && i < HTTP2_FRAME_HEADER_BYTES; i++)
		if (i == 2 ? bytes[i] % 6 != 0 : bytes[i] != (i == 3 ? HTTP2_SETTINGS : 0))
			return MATCH_NO;
	return length < HTTP2_FRAME_HEADER_BYTES ? MATCH_MORE : MATCH_FROM_SERVER;
}

enum match http2_recognise(const struct opening *opening)
{
	enum match match = http2_match_preface(opening->bytes);

	if (match == MATCH_NO)
		match = match_settings(opening);
	if (match == MATCH_FROM_CLIENT || match == MATCH_FROM_SERVER || (match == MATCH_MORE && opening->more_may_come))
		return match;
	return opening->frame ? recognise_frame(opening) : MATCH_NO;
}
