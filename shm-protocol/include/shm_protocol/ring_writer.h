/* Write records into the shared ring: reserve, fill, commit, and publish in batches.
 *
 * One thread owns a writer. Nothing that the receiver can write moves it: mask, capacity and positions are private
 * here, and the one foreign word, head, is believed only between the last head believed and the published tail.
 *
 * What touches private memory only is inline: it is most of the cost of a short record. No inline function touches a
 * word that the other side writes.
 */
#ifndef SHM_PROTOCOL_RING_WRITER_H
#define SHM_PROTOCOL_RING_WRITER_H

#include <assert.h>

#include "shm_protocol/layout.h"
#include "shm_protocol/record.h"

struct shm_ring_writer {
	struct shm_producer_page *producer;
	const struct shm_control_page *control;
	uint8_t *data; /* mapped twice in a row */
	uint64_t capacity;
	uint64_t tail;      /* committed, perhaps not yet published */
	uint64_t published; /* what producer->tail holds */
	uint64_t head_seen; /* last head believed */
	uint64_t reserved;  /* bytes of the open reservation, 0 if none */
	uint64_t lost_records;
	uint64_t lost_bytes;
	uint64_t violations; /* impossible heads seen; the owner ends the session when this grows */
};

/* Start at position 0 over mapped segments of `capacity` data bytes (a power of two). The writer borrows them. */
void shm_ring_writer_init(struct shm_ring_writer *writer, struct shm_producer_page *producer,
			  struct shm_control_page *control, uint8_t *data, uint64_t capacity);

/* For the functions below: ask the reader's page for more room than was seen last. */
bool shm_ring_writer_find_room(struct shm_ring_writer *writer, uint64_t length);

/* Whether records of `length` bytes together would fit now. Nothing is counted: for the owner that wants to write a
 * loss record and the record after it, or neither. */
static inline bool shm_ring_writer_has_room(struct shm_ring_writer *writer, uint64_t length)
{
	return writer->capacity - (writer->tail - writer->head_seen) >= length ||
	       shm_ring_writer_find_room(writer, length);
}

/* Count a record of `length` bytes as lost to the full ring, as a failed reserve does by itself. */
void shm_ring_writer_count_lost(struct shm_ring_writer *writer, uint32_t length);

/* Room for one record of `length` bytes (a multiple of 8, at most SHM_RECORD_BYTES_MAX), or NULL if the ring is full,
 * in which case the loss is counted. Nothing is visible to the reader until commit and publish. */
static inline void *shm_ring_writer_reserve(struct shm_ring_writer *writer, uint32_t length)
{
	assert(writer->reserved == 0);
	assert(length % SHM_RECORD_ALIGN_BYTES == 0);
	assert(length >= sizeof(struct shm_record_header) && length <= SHM_RECORD_BYTES_MAX);

	if (!shm_ring_writer_has_room(writer, length)) {
		shm_ring_writer_count_lost(writer, length);
		return NULL;
	}
	writer->reserved = length;
	return writer->data + (writer->tail & (writer->capacity - 1));
}

/* Close the reservation. The record must be complete, header included. */
static inline void shm_ring_writer_commit(struct shm_ring_writer *writer)
{
	assert(writer->reserved != 0);
	writer->tail += writer->reserved;
	writer->reserved = 0;
}

/* Bytes committed but not published. Publish when this passes a few KiB and at the end of each drain pass. */
static inline uint64_t shm_ring_writer_unpublished(const struct shm_ring_writer *writer)
{
	return writer->tail - writer->published;
}

/* Make everything committed visible. True: the reader sleeps and its doorbell must be rung. */
bool shm_ring_writer_publish(struct shm_ring_writer *writer);

/* Say that the writer lives: the time of its last pass, for the reader to see. */
void shm_ring_writer_beat(struct shm_ring_writer *writer, uint64_t now_ns);

/* Records committed and never given back by the reader: what is lost with it when it goes. Walks them; a reader that
 * gave back part of a record makes the count wrong, and nothing else. */
uint64_t shm_ring_writer_unread(struct shm_ring_writer *writer);

#endif
