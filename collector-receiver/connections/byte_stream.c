/* Order segments and keep bytes for later. */
#include "connections/byte_stream.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "counters.h"

bool byte_stream_trim(const struct byte_stream *stream, struct segment *segment)
{
	if (segment->offset >= stream->expected)
		return segment->byte_count > 0 || segment->end;
	uint64_t used = stream->expected - segment->offset;

	if (used >= segment->byte_count)
		used = segment->byte_count;
	uint32_t captured_used = used < segment->captured ? (uint32_t)used : segment->captured;

	segment->offset += used;
	segment->byte_count -= (uint32_t)used;
	segment->captured -= captured_used;
	segment->bytes += captured_used;
	segment->frame = segment->frame && used == 0;
	if (segment->byte_count == 0)
		segment->offset = stream->expected; /* an end that comes late ends what there is */
	return segment->byte_count > 0 || segment->end;
}

static size_t held_bytes(const struct segment *segment)
{
	return sizeof(struct held_segment) + segment->captured;
}

bool byte_stream_hold(struct byte_stream *stream, struct block_pool *pool, const struct segment *segment)
{
	if (stream->held_count >= HELD_SEGMENTS_MAX)
		return false;
	struct held_segment *held = block_pool_take(pool, held_bytes(segment));

	if (held == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return false;
	}
	struct held_segment **at = &stream->held;

	held->segment = *segment;
	held->segment.bytes = held->bytes;
	if (segment->captured > 0)
		memcpy(held->bytes, segment->bytes, segment->captured);
	while (*at != NULL && (*at)->segment.offset < segment->offset)
		at = &(*at)->next;
	held->next = *at;
	*at = held;
	stream->held_count++;
	return true;
}

struct held_segment *byte_stream_take_held(struct byte_stream *stream)
{
	struct held_segment *held = stream->held;

	if (held != NULL) {
		stream->held = held->next;
		stream->held_count--;
	}
	return held;
}

void byte_stream_give_held(struct block_pool *pool, struct held_segment *held)
{
	block_pool_give(pool, held, held_bytes(&held->segment));
}

static size_t partial_bytes(uint32_t capacity)
{
	return sizeof(struct partial) + capacity;
}

/* Room for `length` bytes: block sizes are powers of two, so that growing byte by byte copies little. */
static bool grow(struct byte_stream *stream, struct block_pool *pool, size_t length)
{
	struct partial *old = stream->partial;
	size_t bytes = BLOCK_BYTES_MIN;

	if (old != NULL && length <= old->capacity)
		return true;
	while (bytes < sizeof(struct partial) + length)
		bytes *= 2;
	struct partial *grown = block_pool_take(pool, bytes);

	if (grown == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return false;
	}
	*grown = old == NULL ? (struct partial){0} : *old;
	grown->capacity = (uint32_t)(bytes - sizeof(struct partial));
	if (old != NULL) {
		memcpy(grown->bytes, old->bytes, old->length);
		block_pool_give(pool, old, partial_bytes(old->capacity));
	}
	stream->partial = grown;
	return true;
}

int64_t byte_stream_keep(struct byte_stream *stream, struct block_pool *pool, const char *bytes, size_t length,
			 size_t bytes_max, uint64_t time_ns)
{
	size_t kept = stream->partial == NULL ? 0 : stream->partial->length;

	assert(kept <= bytes_max);
	if (length > bytes_max - kept)
		length = bytes_max - kept;
	if (!grow(stream, pool, kept + length))
		return -ENOBUFS;
	if (kept == 0)
		stream->partial->first_ns = time_ns;
	memcpy(stream->partial->bytes + kept, bytes, length);
	stream->partial->length += (uint32_t)length;
	return (int64_t)length;
}

void byte_stream_drop_front(struct byte_stream *stream, size_t length)
{
	struct partial *partial = stream->partial;

	assert(length <= partial->length);
	partial->length -= (uint32_t)length;
	partial->examined = 0;
	partial->frame = partial->frame && length == 0;
	memmove(partial->bytes, partial->bytes + length, partial->length);
}

void byte_stream_drop_partial(struct byte_stream *stream, struct block_pool *pool)
{
	if (stream->partial != NULL)
		block_pool_give(pool, stream->partial, partial_bytes(stream->partial->capacity));
	stream->partial = NULL;
}

void byte_stream_clear(struct byte_stream *stream, struct block_pool *pool)
{
	struct held_segment *held;

	while ((held = byte_stream_take_held(stream)) != NULL)
		byte_stream_give_held(pool, held);
	byte_stream_drop_partial(stream, pool);
	stream->waiting = false;
}
