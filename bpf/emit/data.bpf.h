/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Emit data events: payload is copied once, from the process straight into the ring.
 *
 * bpf_ringbuf_reserve needs a constant, so an event takes the smallest class that holds it. header.length is the exact
 * length of the record; what is left of the class is unused. */
#ifndef BPF_EMIT_DATA_BPF_H
#define BPF_EMIT_DATA_BPF_H

#include "emit/ring.bpf.h"
#include "maps/connections.bpf.h"
#include "maps/scratch.bpf.h"
#include "shm_protocol/record.h"

enum {
	DATA_FIXED_BYTES = sizeof(struct shm_record_data),
	/* What a class holds besides the payload: the fixed fields, and a word so that padding can always be
	 * written. */
	DATA_EXTRA_BYTES = DATA_FIXED_BYTES + 8,
};

/* The comparisons also bound `captured` for the verifier on the path of each class. */
static __always_inline struct shm_record_data *data_reserve(uint64_t captured)
{
	if (captured <= 64 - DATA_EXTRA_BYTES)
		return ring_reserve(64);
	if (captured <= 128 - DATA_EXTRA_BYTES)
		return ring_reserve(128);
	if (captured <= 256 - DATA_EXTRA_BYTES)
		return ring_reserve(256);
	if (captured <= 512 - DATA_EXTRA_BYTES)
		return ring_reserve(512);
	if (captured <= 1024 - DATA_EXTRA_BYTES)
		return ring_reserve(1024);
	if (captured <= 2048 - DATA_EXTRA_BYTES)
		return ring_reserve(2048);
	if (captured <= 4096 - DATA_EXTRA_BYTES)
		return ring_reserve(4096);
	if (captured <= 8192 - DATA_EXTRA_BYTES)
		return ring_reserve(8192);
	if (captured <= SHM_CAPTURE_BYTES_MAX)
		return ring_reserve(SHM_CAPTURE_BYTES_MAX + DATA_EXTRA_BYTES);
	return NULL;
}

/* False if nothing can be said about the connection: counted as lost, as its announcement was. */
static __always_inline bool data_is_announced(const struct segment *segment)
{
	if (segment->connection_id)
		return true;
	counter_increment(SENSOR_COUNTER_EVENTS_CAPTURED);
	counter_increment(SENSOR_COUNTER_KERNEL_RING_FULL);
	return false;
}

static __always_inline void data_describe(struct shm_record_data *record, const struct segment *segment,
					  uint64_t captured, uint16_t flags)
{
	record->header.length = (DATA_FIXED_BYTES + captured + 7) & ~7ULL;
	record->header.type = SHM_RECORD_DATA;
	record->header.flags = flags;
	record->connection_id = segment->connection_id;
	record->time_ns = segment->time_ns;
	record->offset = segment->offset;
	record->byte_count = segment->byte_count;
	record->captured_bytes = captured;
	record->_pad = 0;
}

/* Complete a record but for its submission. `captured` is segment->captured_bytes as data_reserve was given it.
 *
 * Before 6.2 the verifier does not see that a second test of `record` for NULL cannot fail: nothing between
 * data_reserve and the submission may make the compiler emit one. */
static __always_inline void data_fill(struct shm_record_data *record, const struct segment *segment, uint64_t captured)
{
	uint16_t flags = segment->flags;
	uint8_t *payload = (uint8_t *)(record + 1);
	if (captured) {
		/* The padding is zero because its word is cleared before the payload overwrites the rest of it. The
		 * barrier keeps the shifts apart: the verifier knows the bounds of a shift, not those of a mask. */
		uint64_t last_word = captured >> 3;
		barrier_var(last_word);
		((uint64_t *)payload)[last_word] = 0;
		if (bpf_probe_read_user(payload, captured, (void *)segment->address)) {
			counter_increment(SENSOR_COUNTER_USER_MEMORY_UNREADABLE);
			captured = 0;
			flags &= ~SHM_DATA_HTTP2_FRAME;
		}
	}
	data_describe(record, segment, captured, flags);
}

/* False if the event could not be emitted: its bytes are a hole then, whose length the next offset shows. */
static __noinline bool data_emit(struct segment *segment)
{
	if (!data_is_announced(segment))
		return false;
	uint64_t captured = segment->captured_bytes;
	struct shm_record_data *record = data_reserve(captured);
	if (!record)
		return false;
	data_fill(record, segment, captured);
	bpf_ringbuf_submit(record, ring_submit_flags(segment->time_ns));
	return true;
}

/* The name that events use for it. */
static __always_inline uint64_t connection_announced_id(const struct connection *connection)
{
	return connection->flags & CONNECTION_ANNOUNCED ? connection->connection_id : 0;
}

/* Another CPU may have been faster. Volatile: `reported` before `settled`, so that whoever reads them in the other
 * order never finds bytes settled whose report it does not see. */
static __always_inline void position_raise(volatile uint64_t *position, uint64_t to)
{
	if (*position < to)
		*position = to;
}

static __always_inline bool data_has_holes(const struct connection *connection, uint32_t direction)
{
	return connection->reported[direction & 1] < connection->settled[direction & 1];
}

/* Report the bytes of a direction that were only counted, as one hole that ends when the last of them passed. */
static __always_inline void data_holes_emit(struct connection *connection, uint32_t direction)
{
	direction &= 1;
	uint64_t end = *(volatile uint64_t *)&connection->settled[direction];
	uint64_t reported = *(volatile uint64_t *)&connection->reported[direction];
	if (end <= reported)
		return;
	uint64_t bytes = end - reported;
	if (bytes > UINT32_MAX)
		bytes = UINT32_MAX; /* the rest is the distance to the record before */
	struct segment hole = {
		.connection_id = connection_announced_id(connection),
		.offset = end - bytes,
		.time_ns = connection->last_ns[direction],
		.byte_count = bytes,
		.flags = direction == SENT ? SHM_DATA_SENT : 0,
	};
	if (data_emit(&hole))
		position_move(&connection->reported[direction], reported, end);
}

/* Report the end of a direction, once. */
static __always_inline void data_end_emit(struct connection *connection, uint32_t direction, uint64_t now_ns)
{
	direction &= 1;
	if (connection->flags & (CONNECTION_ENDED << direction))
		return;
	connection->flags |= CONNECTION_ENDED << direction;
	data_holes_emit(connection, direction);
	struct segment end = {
		.connection_id = connection_announced_id(connection),
		.offset = connection->offset[direction],
		.time_ns = now_ns,
		.flags = SHM_DATA_END_OF_STREAM | (direction == SENT ? SHM_DATA_SENT : 0),
	};
	data_emit(&end);
}

#endif
