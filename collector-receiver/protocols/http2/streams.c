/* The open streams of a connection: a hash table that grows, and a list by last use. */
#include <assert.h>

#include "counters.h"
#include "protocols/http2/http2.h"

static struct http2_stream **bucket_of(const struct http2_streams *streams, uint32_t id)
{
	return &streams->buckets[(id >> 1) & streams->mask]; /* a client counts up by two */
}

static void unlink_use(struct http2_streams *streams, const struct http2_stream *stream)
{
	if (stream->newer != NULL)
		stream->newer->older = stream->older;
	else
		streams->newest = stream->older;
	if (stream->older != NULL)
		stream->older->newer = stream->newer;
	else
		streams->oldest = stream->newer;
}

static void link_newest(struct http2_streams *streams, struct http2_stream *stream)
{
	stream->newer = NULL;
	stream->older = streams->newest;
	if (streams->newest != NULL)
		streams->newest->newer = stream;
	else
		streams->oldest = stream;
	streams->newest = stream;
}

struct http2_stream *http2_streams_find(struct http2_streams *streams, uint32_t id)
{
	if (streams->count == 0)
		return NULL;
	struct http2_stream *stream = *bucket_of(streams, id);

	while (stream != NULL && stream->id != id)
		stream = stream->chain;
	if (stream != NULL && stream != streams->newest) {
		unlink_use(streams, stream);
		link_newest(streams, stream);
	}
	return stream;
}

struct http2_stream *http2_stream_create(struct block_pool *pool, uint32_t id, size_t text_bytes)
{
	size_t bytes = sizeof(struct http2_stream) + text_bytes;
	struct http2_stream *stream = block_pool_take(pool, bytes);

	if (stream == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	memset(stream, 0, sizeof(*stream));
	stream->block_bytes = bytes;
	stream->id = id;
	return stream;
}

void http2_stream_destroy(struct block_pool *pool, struct http2_stream *stream)
{
	block_pool_give(pool, stream->rpc_message, stream->rpc_message_bytes);
	block_pool_give(pool, stream, stream->block_bytes);
}

static size_t buckets_bytes(uint32_t mask)
{
	return (mask + (size_t)1) * sizeof(struct http2_stream *);
}

static void free_buckets(struct http2_streams *streams, struct block_pool *pool)
{
	if (streams->buckets != streams->first_buckets)
		block_pool_give(pool, streams->buckets, buckets_bytes(streams->mask));
}

/* Without memory the chains grow instead. */
static void grow(struct http2_streams *streams, struct block_pool *pool)
{
	uint32_t mask = streams->mask * 2 + 1;
	struct http2_stream **buckets = block_pool_take(pool, buckets_bytes(mask));

	if (buckets == NULL)
		return;
	memset(buckets, 0, buckets_bytes(mask));
	free_buckets(streams, pool);
	streams->buckets = buckets;
	streams->mask = mask;
	for (struct http2_stream *stream = streams->newest; stream != NULL; stream = stream->older) {
		struct http2_stream **bucket = bucket_of(streams, stream->id);

		stream->chain = *bucket;
		*bucket = stream;
	}
}

void http2_streams_add(struct http2_streams *streams, struct block_pool *pool, struct http2_stream *stream)
{
	assert(streams->count < HTTP2_STREAMS_MAX);
	if (streams->buckets == NULL) {
		streams->buckets = streams->first_buckets;
		streams->mask = HTTP2_BUCKETS_FIRST - 1;
	}
	if (streams->count > streams->mask)
		grow(streams, pool);
	struct http2_stream **bucket = bucket_of(streams, stream->id);

	stream->chain = *bucket;
	*bucket = stream;
	streams->count++;
	link_newest(streams, stream);
}

void http2_streams_remove(struct http2_streams *streams, struct http2_stream *stream)
{
	struct http2_stream **at = bucket_of(streams, stream->id);

	while (*at != stream)
		at = &(*at)->chain;
	*at = stream->chain;
	unlink_use(streams, stream);
	streams->count--;
}

void http2_streams_free(struct http2_streams *streams, struct block_pool *pool)
{
	assert(streams->count == 0);
	if (streams->buckets != NULL)
		free_buckets(streams, pool);
	streams->buckets = NULL;
}
