/* Write records into the shared ring; the sensor's side. */
#include "shm_protocol/ring_writer.h"

#include <assert.h>

#include "order.h"

void shm_ring_writer_init(struct shm_ring_writer *writer, struct shm_producer_page *producer,
			  struct shm_control_page *control, uint8_t *data, uint64_t capacity)
{
	assert(capacity >= SHM_RING_BYTES_MIN && (capacity & (capacity - 1)) == 0);
	*writer = (struct shm_ring_writer){
		.producer = producer,
		.control = control,
		.data = data,
		.capacity = capacity,
	};
}

static void writer_refresh_head(struct shm_ring_writer *writer)
{
	/* Acquire, so that the reader's copy of the bytes that it gave back is finished before we overwrite them. */
	uint64_t head = shm_load_acquire_64(&writer->control->head);

	/* Both distances are from a private position: a head that went back looks huge. */
	if (head % SHM_RECORD_ALIGN_BYTES != 0 ||
	    head - writer->head_seen > writer->published - writer->head_seen) {
		writer->violations++;
		return;
	}
	writer->head_seen = head;
}

bool shm_ring_writer_find_room(struct shm_ring_writer *writer, uint64_t length)
{
	writer_refresh_head(writer);
	return writer->capacity - (writer->tail - writer->head_seen) >= length;
}

void shm_ring_writer_count_lost(struct shm_ring_writer *writer, uint32_t length)
{
	writer->lost_records++;
	writer->lost_bytes += length;
	shm_store_64(&writer->producer->lost_records, writer->lost_records);
	shm_store_64(&writer->producer->lost_bytes, writer->lost_bytes);
}

bool shm_ring_writer_publish(struct shm_ring_writer *writer)
{
	if (writer->tail == writer->published)
		return false;
	/* Release, so that the records are seen before the tail that covers them. */
	shm_store_release_64(&writer->producer->tail, writer->tail);
	writer->published = writer->tail;
	/* Full fence, so that the new tail is seen before the flag is read: either the reader that is going to sleep
	 * sees the tail, or we see its flag. The other half is in shm_ring_reader_sleep. */
	shm_fence_full();
	return shm_load_32(&writer->control->reader_asleep) != 0;
}

void shm_ring_writer_beat(struct shm_ring_writer *writer, uint64_t now_ns)
{
	shm_store_64(&writer->producer->heartbeat_ns, now_ns);
}

/* The records are read from memory that only this process can write (F_SEAL_FUTURE_WRITE); the one foreign number is
 * where to start, and from a wrong start the walk still ends at our own tail. */
uint64_t shm_ring_writer_unread(struct shm_ring_writer *writer)
{
	uint64_t count = 0;

	writer_refresh_head(writer);
	for (uint64_t at = writer->head_seen; at != writer->tail; count++) {
		const struct shm_record_header *header =
			(const void *)(writer->data + (at & (writer->capacity - 1)));
		uint32_t length = header->length;

		if (length < sizeof(*header) || length % SHM_RECORD_ALIGN_BYTES != 0 || length > writer->tail - at)
			break;
		at += length;
	}
	return count;
}
