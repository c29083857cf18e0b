/* Read records from the shared ring; the receiver's side. */
#include "shm_protocol/ring_reader.h"

#include <assert.h>
#include <string.h>

#include "order.h"

enum {
	COPY_SHORT_BYTES_MAX = 128,

	/* Where the next short record lies is known only when this one's length has come from the writer's cache, so no
	 * load of it starts early by itself, and the hardware's own looking ahead ends with each page. */
	READ_AHEAD_BYTES = 3072,
};

void shm_ring_reader_init(struct shm_ring_reader *reader, const struct shm_producer_page *producer,
			  struct shm_control_page *control, const uint8_t *data, uint64_t capacity)
{
	assert(capacity >= SHM_RING_BYTES_MIN && (capacity & (capacity - 1)) == 0);
	*reader = (struct shm_ring_reader){
		.producer = producer,
		.control = control,
		.data = data,
		.capacity = capacity,
	};
}

static enum shm_read reader_refresh_tail(struct shm_ring_reader *reader)
{
	/* Acquire, so that the tail is seen before the records that it covers. */
	uint64_t tail = shm_load_acquire_64(&reader->producer->tail);

	/* The distance is from a private position: a tail that went back looks huge. */
	if (tail % SHM_RECORD_ALIGN_BYTES != 0 || tail - reader->head > reader->capacity)
		return SHM_READ_VIOLATION;
	reader->tail_seen = tail;
	return tail == reader->head ? SHM_READ_EMPTY : SHM_READ_RECORD;
}

/* Length is a multiple of 8 and not 0. A call of memcpy costs as much as copying a short record; constant sizes are
 * moves. */
static inline void record_copy_short(uint8_t *to, const uint8_t *from, uint32_t length)
{
	for (; length >= 32; length -= 32, to += 32, from += 32)
		memcpy(to, from, 32);
	for (; length != 0; length -= 8, to += 8, from += 8)
		memcpy(to, from, 8);
}

static inline enum shm_read reader_pass(struct shm_ring_reader *reader, void *copy, uint32_t length)
{
	/* The copy may have caught another value than the one that was checked. */
	((struct shm_record_header *)copy)->length = length;
	reader->head += length;
	if (reader->head - reader->released >= reader->capacity / 8)
		shm_ring_reader_release(reader);
	return SHM_READ_RECORD;
}

/* Apart, so that the way of a short record saves no registers for the call. */
static __attribute__((noinline)) enum shm_read reader_take_long(struct shm_ring_reader *reader, void *copy,
								const uint8_t *at, uint32_t length)
{
	memcpy(copy, at, length);
	return reader_pass(reader, copy, length);
}

enum shm_read shm_ring_reader_next(struct shm_ring_reader *reader, void *copy)
{
	const uint64_t head = reader->head;

	if (head == reader->tail_seen) {
		enum shm_read found = reader_refresh_tail(reader);

		if (found != SHM_READ_RECORD)
			return found;
	}

	const uint8_t *at = reader->data + (head & (reader->capacity - 1));
	/* Once, so that the length that is checked is the length that is used. */
	const uint32_t length = shm_load_32(&((const struct shm_record_header *)(const void *)at)->length);

	if (length < sizeof(struct shm_record_header) || length > SHM_RECORD_BYTES_MAX ||
	    length % SHM_RECORD_ALIGN_BYTES != 0 || length > reader->tail_seen - head)
		return SHM_READ_VIOLATION;
	if (length > COPY_SHORT_BYTES_MAX)
		return reader_take_long(reader, copy, at, length);
	/* Not near the tail: there the writer needs its lines. */
	if (reader->tail_seen - head > 2 * READ_AHEAD_BYTES)
		__builtin_prefetch(at + READ_AHEAD_BYTES);
	record_copy_short(copy, at, length);
	return reader_pass(reader, copy, length);
}

void shm_ring_reader_release(struct shm_ring_reader *reader)
{
	if (reader->head == reader->released)
		return;
	/* Release, so that our copies are finished before the writer sees that it may overwrite the originals. */
	shm_store_release_64(&reader->control->head, reader->head);
	reader->released = reader->head;
}

bool shm_ring_reader_sleep(struct shm_ring_reader *reader)
{
	shm_ring_reader_release(reader);
	shm_store_32(&reader->control->reader_asleep, 1);
	/* Full fence, so that the flag is seen before the tail is read: either the writer that is publishing sees the
	 * flag, or we see its tail. The other half is in shm_ring_writer_publish. */
	shm_fence_full();
	if (shm_load_acquire_64(&reader->producer->tail) == reader->head)
		return true;
	shm_ring_reader_wake(reader);
	return false;
}

void shm_ring_reader_wake(struct shm_ring_reader *reader)
{
	shm_store_32(&reader->control->reader_asleep, 0);
}

uint64_t shm_ring_reader_lag(struct shm_ring_reader *reader)
{
	uint64_t lag = shm_load_acquire_64(&reader->producer->tail) - reader->head;

	return lag > reader->capacity ? reader->capacity : lag;
}
