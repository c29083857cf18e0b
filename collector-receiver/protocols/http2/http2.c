/* Follow both senders of an HTTP/2 connection from frame to frame. */
#include "counters.h"
#include "protocols/http2/http2.h"

/* ---- losing and finding the place ---- */

static enum step lose(struct http2 *http, const struct flow *flow, enum sender from)
{
	struct http2_side *side = &http->sides[from];

	http2_block_drop(&side->block, flow->pool);
	http2_decoder_forget(&side->decoder);
	http2_pair_lost(http, from);
	side->phase = HTTP2_LOST;
	side->begun = false;
	return STEP_LOST;
}

static enum step refuse(struct http2 *http, const struct flow *flow, enum sender from)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	return lose(http, flow, from);
}

/* ---- frames ---- */

/* Only CONTINUATION of the same stream may follow an open header block (RFC 9113 6.10). */
static bool fits_open_block(const struct http2_side *side)
{
	bool open = side->block.stream != 0;

	return open ? side->frame.type == HTTP2_CONTINUATION && side->frame.stream == side->block.stream
		    : side->frame.type != HTTP2_CONTINUATION;
}

static void frame_ended(struct http2 *http, const struct flow *flow, enum sender from)
{
	struct http2_side *side = &http->sides[from];

	side->phase = HTTP2_AT_FRAME;
	if (side->frame.type == HTTP2_DATA && (side->frame.flags & HTTP2_END_STREAM) != 0)
		http2_pair_end_stream(http, flow, from, side->frame.stream);
}

static void payload_begins(struct http2 *http, const struct flow *flow, enum sender from)
{
	struct http2_side *side = &http->sides[from];

	side->left = side->frame.length;
	side->pad_left = 0;
	side->pad_unread = false;
	side->phase = HTTP2_PASSING;
	switch (side->frame.type) {
	case HTTP2_DATA:
		side->phase = HTTP2_IN_DATA;
		side->pad_unread = (side->frame.flags & HTTP2_PADDED) != 0;
		http2_pair_data(http, flow, from, side->frame.stream, "", 0); /* that was seen of it at least */
		break;
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_CONTINUATION:
		http2_block_begin(side);
		side->phase = HTTP2_IN_BLOCK;
		if (side->left == 0) {
			side->phase = HTTP2_AT_FRAME;
			http2_block_payload(http, flow, from, (struct slice){"", 0}, true);
		}
		if (side->left <= HTTP2_PAYLOAD_BYTES_MAX)
			return;
		counter_add(COUNTER_HEADS_TOO_LONG, 1);
		http2_block_payload(http, flow, from, (struct slice){"", 0}, false);
		side->phase = HTTP2_PASSING;
		break;
	case HTTP2_RST_STREAM:
	case HTTP2_GOAWAY:
		side->phase = HTTP2_IN_NUMBERS;
		return;
	default:
		break;
	}
	if (side->left == 0)
		frame_ended(http, flow, from);
}

static enum step next_frame(struct http2 *http, const struct flow *flow, enum sender from, struct cursor *in)
{
	struct http2_side *side = &http->sides[from];

	if (from == FROM_CLIENT && !side->begun) {
		enum match match = http2_match_preface(cursor_rest(in));

		if (match == MATCH_MORE)
			return STEP_MORE;
		side->begun = true;
		if (match == MATCH_FROM_CLIENT) {
			cursor_skip(in, HTTP2_PREFACE_BYTES);
			return STEP_TOOK;
		}
	}
	if (cursor_left(in) < HTTP2_FRAME_HEADER_BYTES)
		return STEP_MORE;
	side->frame = http2_frame_read(cursor_rest(in).bytes);
	side->frame_ns = flow->first_ns;
	if (!http2_frame_is_valid(&side->frame) || !fits_open_block(side))
		return refuse(http, flow, from);
	cursor_skip(in, HTTP2_FRAME_HEADER_BYTES);
	payload_begins(http, flow, from);
	return STEP_TOOK;
}

static enum step next_block(struct http2 *http, const struct flow *flow, enum sender from, struct cursor *in)
{
	struct http2_side *side = &http->sides[from];
	struct slice payload = cursor_rest(in);

	if (payload.length < side->left)
		return STEP_MORE;
	payload.length = side->left;
	cursor_skip(in, side->left);
	side->phase = HTTP2_AT_FRAME;
	http2_block_payload(http, flow, from, payload, true);
	return STEP_TOOK;
}

/* RST_STREAM's and GOAWAY's first number is all that matters. */
static enum step next_numbers(struct http2 *http, const struct flow *flow, enum sender from, struct cursor *in)
{
	struct http2_side *side = &http->sides[from];

	if (cursor_left(in) < 4)
		return STEP_MORE;
	uint32_t number = http2_read_u32(cursor_rest(in).bytes);

	if (side->frame.type == HTTP2_RST_STREAM)
		http2_pair_reset(http, flow, from, side->frame.stream, number);
	else if (from == FROM_SERVER)
		http2_pair_goaway(http, flow, number & 0x7fffffff);
	cursor_skip(in, 4);
	side->left -= 4;
	side->phase = side->left == 0 ? HTTP2_AT_FRAME : HTTP2_PASSING;
	return STEP_TOOK;
}

/* Content, then padding. */
static void data_passes(struct http2 *http, const struct flow *flow, enum sender from, const char *bytes, uint32_t n)
{
	struct http2_side *side = &http->sides[from];
	uint32_t content = side->left > side->pad_left ? side->left - side->pad_left : 0;

	if (content > n)
		content = n;
	if (content > 0)
		http2_pair_data(http, flow, from, side->frame.stream, bytes, content);
	side->left -= n;
}

/* The padding's length comes first (RFC 9113 6.1). Unseen, or longer than the frame: there is no telling content. */
static void pad_length_passes(struct http2 *http, enum sender from, const char *byte)
{
	struct http2_side *side = &http->sides[from];

	side->pad_unread = false;
	side->left--;
	side->pad_left = byte == NULL ? 0 : (unsigned char)*byte;
	if (byte != NULL && side->pad_left > side->left)
		counter_add(COUNTER_PARSER_MALFORMED, 1);
	if (byte == NULL || side->pad_left > side->left) {
		side->pad_left = side->left;
		http2_pair_data_unknown(http, from, side->frame.stream);
	}
}

/* Up to `n` bytes of the payload, which is not at its end; returns how many. `bytes` == NULL: they pass unseen. */
static uint32_t payload_passes(struct http2 *http, const struct flow *flow, enum sender from, const char *bytes,
			       uint64_t n)
{
	struct http2_side *side = &http->sides[from];
	uint32_t taken = n < side->left ? (uint32_t)n : side->left;
	uint32_t rest = taken;

	if (side->phase == HTTP2_PASSING) {
		side->left -= taken;
	} else {
		if (side->pad_unread && rest > 0) {
			pad_length_passes(http, from, bytes);
			bytes = bytes == NULL ? NULL : bytes + 1;
			rest--;
		}
		data_passes(http, flow, from, bytes, rest);
	}
	if (side->left == 0)
		frame_ended(http, flow, from);
	return taken;
}

/* ---- struct protocol ---- */

static void http2_open(void *state, const bool lost[2])
{
	struct http2 *http = state;

	for (int from = 0; from < 2; from++)
		http->sides[from].phase = lost[from] ? HTTP2_LOST : HTTP2_AT_FRAME;
	http->requests_lost = lost[FROM_CLIENT];
}

static enum step http2_next(void *state, const struct flow *flow, enum sender from, struct cursor *in)
{
	struct http2 *http = state;
	struct http2_side *side = &http->sides[from];

	if (flow->frame && side->phase != HTTP2_AT_FRAME) { /* the kernel side knows better where frames begin */
		refuse(http, flow, from);
		side->phase = HTTP2_AT_FRAME;
	}
	switch (side->phase) {
	case HTTP2_AT_FRAME:
		return next_frame(http, flow, from, in);
	case HTTP2_IN_BLOCK:
		return next_block(http, flow, from, in);
	case HTTP2_IN_NUMBERS:
		return next_numbers(http, flow, from, in);
	case HTTP2_IN_DATA:
	case HTTP2_PASSING:
		cursor_skip(in, payload_passes(http, flow, from, cursor_rest(in).bytes, cursor_left(in)));
		return STEP_TOOK;
	case HTTP2_LOST:
		break;
	}
	return STEP_LOST;
}

static enum match http2_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			       bool more_may_come)
{
	struct http2 *http = state;

	(void)bytes;
	(void)more_may_come;
	if (!flow->frame)
		return MATCH_NO;
	http->sides[from].phase = HTTP2_AT_FRAME;
	return from == FROM_CLIENT ? MATCH_FROM_CLIENT : MATCH_FROM_SERVER;
}

/* The rest of a payload that was awaited whole is not needed any more. */
static void pass_the_rest(struct http2 *http, const struct flow *flow, enum sender from, struct slice seen)
{
	struct http2_side *side = &http->sides[from];

	if (side->phase == HTTP2_IN_BLOCK)
		http2_block_payload(http, flow, from, seen.length > 0 ? seen : (struct slice){"", 0}, false);
	side->left -= (uint32_t)seen.length;
	side->phase = HTTP2_PASSING;
}

static enum step http2_hole(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
			    uint64_t bytes)
{
	struct http2 *http = state;
	struct http2_side *side = &http->sides[from];

	switch (side->phase) {
	case HTTP2_LOST:
		return STEP_LOST;
	case HTTP2_AT_FRAME:
		if (unfinished.length > 0 || bytes > 0)
			return lose(http, flow, from);
		return STEP_TOOK;
	case HTTP2_IN_BLOCK:
	case HTTP2_IN_NUMBERS:
		pass_the_rest(http, flow, from, unfinished);
		break;
	case HTTP2_IN_DATA:
	case HTTP2_PASSING:
		break;
	}
	bytes -= payload_passes(http, flow, from, NULL, bytes);
	return bytes == 0 ? STEP_TOOK : lose(http, flow, from);
}

static void http2_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	struct http2 *http = state;

	(void)clean;
	if (from == FROM_SERVER)
		http2_pair_cut_all(http, flow, EXCHANGE_CUT_BY_CLOSE);
	else if (http->sides[from].phase == HTTP2_IN_BLOCK && unfinished.length > 0)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void http2_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	struct http2 *http = state;

	http2_pair_cut_all(http, flow, reason);
	http2_streams_free(&http->streams, flow->pool);
	for (int from = 0; from < 2; from++) {
		http2_block_drop(&http->sides[from].block, flow->pool);
		http2_decoder_forget(&http->sides[from].decoder);
	}
}

static void http2_adopt(void *state, const struct flow *flow, const struct exchange *request)
{
	http2_request_adopt(state, flow, request);
}

const struct protocol http2_protocol = {
	.name = "http/2",
	.state_bytes = sizeof(struct http2),
	.unit_bytes_max = HTTP2_PAYLOAD_BYTES_MAX,
	.recognise = http2_recognise,
	.open = http2_open,
	.next = http2_next,
	.resync = http2_resync,
	.hole = http2_hole,
	.end = http2_end,
	.close = http2_close,
	.adopt = http2_adopt,
};
