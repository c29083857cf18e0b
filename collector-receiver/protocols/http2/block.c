/* Put header blocks together that come in several frames. */
#include "counters.h"
#include "protocols/http2/http2.h"

void http2_block_drop(struct http2_block *block, struct block_pool *pool)
{
	block_pool_give(pool, block->bytes, block->capacity);
	*block = (struct http2_block){0};
}

void http2_block_begin(struct http2_side *side)
{
	if (side->frame.type == HTTP2_CONTINUATION)
		return;
	side->block = (struct http2_block){
		.stream = side->frame.stream,
		.first_ns = side->frame_ns,
		.end_stream = side->frame.type == HTTP2_HEADERS && (side->frame.flags & HTTP2_END_STREAM) != 0,
		.promise = side->frame.type == HTTP2_PUSH_PROMISE,
	};
}

/* What the sender's table holds cannot be known without this block. */
static void block_give_up(struct http2_side *side, struct block_pool *pool)
{
	block_pool_give(pool, side->block.bytes, side->block.capacity);
	side->block.bytes = NULL;
	side->block.capacity = side->block.length = 0;
	http2_decoder_forget(&side->decoder);
}

static void block_ended(struct http2 *http, const struct flow *flow, enum sender from, struct slice bytes, bool whole)
{
	struct http2_side *side = &http->sides[from];
	const struct http2_block block = side->block;
	struct http2_head head;

	http2_head_reset(&head);
	head.cut = !whole;
	head.end_stream = block.end_stream;
	http2_decode(&side->decoder, flow->pool, bytes, whole, &head);
	if (!block.promise)
		http2_pair_head(http, flow, from, block.stream, block.first_ns, &head);
	http2_block_drop(&side->block, flow->pool);
	if (!block.promise && block.end_stream)
		http2_pair_end_stream(http, flow, from, block.stream);
}

/* Keep a fragment until the block's last. False, counted, if it cannot be kept. */
static bool block_keep(struct http2_block *block, struct block_pool *pool, struct slice fragment)
{
	size_t length = block->length + fragment.length;

	if (length > HTTP2_BLOCK_BYTES_MAX) {
		counter_add(COUNTER_HEADS_TOO_LONG, 1);
		return false;
	}
	if (length > block->capacity || block->bytes == NULL) {
		size_t capacity = BLOCK_BYTES_MIN;

		while (capacity < length)
			capacity *= 2;
		char *grown = block_pool_take(pool, capacity);

		if (grown == NULL) {
			counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
			return false;
		}
		if (block->length > 0)
			memcpy(grown, block->bytes, block->length);
		block_pool_give(pool, block->bytes, block->capacity);
		block->bytes = grown;
		block->capacity = (uint32_t)capacity;
	}
	if (fragment.length > 0)
		memcpy(block->bytes + block->length, fragment.bytes, fragment.length);
	block->length = (uint32_t)length;
	return true;
}

/* One frame's part of a header block; `whole`: all of it was seen. */
static void fragment_ended(struct http2 *http, const struct flow *flow, enum sender from, struct slice fragment,
			   bool whole)
{
	struct http2_side *side = &http->sides[from];
	bool last = (side->frame.flags & HTTP2_END_HEADERS) != 0;
	bool first = side->frame.type != HTTP2_CONTINUATION;

	if (last && first) {
		block_ended(http, flow, from, fragment, whole);
		return;
	}
	bool kept = (first || side->block.bytes != NULL) && block_keep(&side->block, flow->pool, fragment);

	if (last || !kept || !whole) {
		struct slice bytes = {side->block.bytes, side->block.length};

		if (last && kept)
			block_ended(http, flow, from, bytes, whole);
		else if (last)
			block_ended(http, flow, from, (struct slice){"", 0}, false);
		else
			block_give_up(side, flow->pool);
	}
}

/* The payload of the current frame, or of one that is cut the part that was seen. */
void http2_block_payload(struct http2 *http, const struct flow *flow, enum sender from, struct slice payload,
			 bool whole)
{
	struct http2_side *side = &http->sides[from];
	struct slice fragment = {"", 0};

	if (!http2_frame_fragment(&side->frame, payload, &fragment)) {
		counter_add(COUNTER_PARSER_MALFORMED, whole);
		whole = false;
	}
	fragment_ended(http, flow, from, fragment, whole);
}
