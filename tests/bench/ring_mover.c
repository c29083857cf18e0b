/* Move records through a segment: by the ring, and by a bare loop over the same bytes. */
#include "ring_mover.h"

#include <string.h>

#include "shm_protocol/ring_reader.h"
#include "shm_protocol/ring_writer.h"

enum { EMPTY_PAUSES = 64 };

static inline void spin(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* A reader that finds nothing leaves the line with the tail to the writer for about a microsecond. (The receiver goes
 * to sleep, and leaves it for ten times as long.) */
static inline void wait_for_records(void)
{
	for (int i = 0; i < EMPTY_PAUSES; i++)
		spin();
}

static inline void floor_publish(struct shm_segment *segment, uint64_t tail, bool fenced)
{
	__atomic_store_n(&segment->producer->tail, tail, __ATOMIC_RELEASE);
	if (!fenced)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	(void)__atomic_load_n(&segment->control->reader_asleep, __ATOMIC_RELAXED);
}

static inline void floor_write_with(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch,
				    uint64_t records, bool fenced)
{
	uint64_t source[RING_RECORD_BYTES_MAX / sizeof(uint64_t)] = {record_bytes};
	const uint64_t capacity = segment->ring_bytes;
	uint64_t tail = 0, head = 0;
	uint32_t left = batch;

	for (uint64_t i = 0; i < records; i++) {
		while (capacity - (tail - head) < record_bytes) {
			floor_publish(segment, tail, fenced);
			spin();
			head = __atomic_load_n(&segment->control->head, __ATOMIC_ACQUIRE);
		}
		memcpy(segment->data + (tail & (capacity - 1)), source, record_bytes);
		tail += record_bytes;
		if (--left == 0) {
			floor_publish(segment, tail, fenced);
			left = batch;
		}
	}
	floor_publish(segment, tail, fenced);
}

static void floor_write(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch, uint64_t records)
{
	floor_write_with(segment, record_bytes, batch, records, false);
}

static void fenced_floor_write(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch, uint64_t records)
{
	floor_write_with(segment, record_bytes, batch, records, true);
}

static bool floor_read(struct shm_segment *segment, uint32_t record_bytes, uint64_t records)
{
	uint8_t copy[RING_RECORD_BYTES_MAX];
	const uint64_t capacity = segment->ring_bytes;
	uint64_t head = 0, tail = 0, released = 0;

	for (uint64_t i = 0; i < records; i++) {
		while (head == tail) {
			if (released != head)
				__atomic_store_n(&segment->control->head, head, __ATOMIC_RELEASE);
			released = head;
			tail = __atomic_load_n(&segment->producer->tail, __ATOMIC_ACQUIRE);
			if (head == tail)
				wait_for_records();
		}
		memcpy(copy, segment->data + (head & (capacity - 1)), record_bytes);
		__asm__ volatile("" ::"r"(copy) : "memory");
		head += record_bytes;
		if (head - released >= capacity / 8) {
			__atomic_store_n(&segment->control->head, head, __ATOMIC_RELEASE);
			released = head;
		}
	}
	return true;
}

static void ring_write(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch, uint64_t records)
{
	const struct shm_record_header header = {.length = record_bytes, .type = SHM_RECORD_DATA};
	uint64_t source[RING_RECORD_BYTES_MAX / sizeof(uint64_t)] = {0};
	struct shm_ring_writer writer;
	uint32_t left = batch;

	memcpy(source, &header, sizeof(header));
	shm_ring_writer_init(&writer, segment->producer, segment->control, segment->data, segment->ring_bytes);
	for (uint64_t i = 0; i < records; i++) {
		while (!shm_ring_writer_has_room(&writer, record_bytes)) {
			(void)shm_ring_writer_publish(&writer);
			spin();
		}
		memcpy(shm_ring_writer_reserve(&writer, record_bytes), source, record_bytes);
		shm_ring_writer_commit(&writer);
		if (--left == 0) {
			(void)shm_ring_writer_publish(&writer);
			left = batch;
		}
	}
	(void)shm_ring_writer_publish(&writer);
}

static bool ring_read(struct shm_segment *segment, uint32_t record_bytes, uint64_t records)
{
	static uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
	struct shm_ring_reader reader;

	(void)record_bytes;
	shm_ring_reader_init(&reader, segment->producer, segment->control, segment->data, segment->ring_bytes);
	for (uint64_t i = 0; i < records;) {
		switch (shm_ring_reader_next(&reader, copy)) {
		case SHM_READ_RECORD:
			i++;
			break;
		case SHM_READ_EMPTY:
			shm_ring_reader_release(&reader);
			wait_for_records();
			break;
		case SHM_READ_VIOLATION:
			return false;
		}
	}
	return true;
}

const struct ring_mover ring_mover = {ring_write, ring_read};
const struct ring_mover floor_mover = {floor_write, floor_read};
const struct ring_mover fenced_floor_mover = {fenced_floor_write, floor_read};
