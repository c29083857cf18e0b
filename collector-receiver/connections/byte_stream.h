/* One direction of a connection: put segments in order, cut what overlaps, and keep what cannot be used yet.
 *
 * Parsing works on the record's own bytes. Bytes are copied in two cases only: a unit that is incomplete at the end of
 * a record (struct partial), and a segment that has to be held back (struct held_segment) because a neighbour that two
 * threads overtook is missing, or because the other direction has to be heard first. */
#ifndef CONNECTIONS_BYTE_STREAM_H
#define CONNECTIONS_BYTE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/block_pool.h"

enum {
	/* Segments held back per direction. */
	HELD_SEGMENTS_MAX = 8,
};

/* A data record's payload. byte_count >= captured; what is not captured is a hole behind the bytes. */
struct segment {
	uint64_t offset;
	uint64_t time_ns;
	const char *bytes;
	uint32_t captured;
	uint32_t byte_count;
	bool end;   /* the direction ends behind it */
	bool frame; /* the kernel side says that the bytes begin with an HTTP/2 frame */
};

struct held_segment {
	struct held_segment *next;
	struct segment segment; /* bytes point behind it */
	char bytes[];
};

/* An incomplete unit, from its first byte. */
struct partial {
	uint64_t first_ns; /* record of the first byte */
	uint32_t length;
	uint32_t capacity;
	uint32_t examined; /* bytes that the protocol has seen already */
	uint32_t turn;     /* in which the first byte was said */
	bool frame;        /* the kernel side says that they begin with an HTTP/2 frame */
	char bytes[];
};

struct byte_stream {
	uint64_t expected; /* offset of the next byte; all before it are used, or in `partial` */
	uint64_t last_ns;  /* of the latest record used */
	struct held_segment *held; /* by offset */
	struct partial *partial;
	uint8_t held_count;
	bool started; /* `expected` means something */
	bool ended;
	bool lost;    /* the protocol has to find its place again */
	bool waiting; /* held for the other direction, not for a gap to be filled */
};

/* Cut off what was used before. False if nothing is left, not even an end. */
bool byte_stream_trim(const struct byte_stream *stream, struct segment *segment);

/* Copy a segment into the queue of held ones. False if the queue is full or the pool has nothing. */
bool byte_stream_hold(struct byte_stream *stream, struct block_pool *pool, const struct segment *segment);

/* Unlink the first held segment; give it back with byte_stream_give_held. NULL if there is none. */
struct held_segment *byte_stream_take_held(struct byte_stream *stream);
void byte_stream_give_held(struct block_pool *pool, struct held_segment *held);

/* Append up to `length` bytes to the partial unit, beginning one if there is none. At most `bytes_max` bytes are kept
 * in all. Returns how many were appended, or -ENOBUFS if the pool has nothing: the partial unit is then as before. */
int64_t byte_stream_keep(struct byte_stream *stream, struct block_pool *pool, const char *bytes, size_t length,
			 size_t bytes_max, uint64_t time_ns);

/* Drop the first `length` bytes of the partial unit. */
void byte_stream_drop_front(struct byte_stream *stream, size_t length);
void byte_stream_drop_partial(struct byte_stream *stream, struct block_pool *pool);

/* Give back everything. */
void byte_stream_clear(struct byte_stream *stream, struct block_pool *pool);

#endif
