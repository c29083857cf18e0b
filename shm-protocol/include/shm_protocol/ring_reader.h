/* Read records from the shared ring, believing nothing until it has been copied and checked.
 *
 * One thread owns a reader. Any bytes in the data and producer pages, also while they change, lead to a record, to
 * "empty" or to a violation; never to an access outside the mapping.
 */
#ifndef SHM_PROTOCOL_RING_READER_H
#define SHM_PROTOCOL_RING_READER_H

#include "shm_protocol/layout.h"
#include "shm_protocol/record.h"

enum shm_read {
	SHM_READ_RECORD,
	SHM_READ_EMPTY,
	SHM_READ_VIOLATION, /* the writer broke the protocol: end the session, nothing more can be read */
};

struct shm_ring_reader {
	const struct shm_producer_page *producer;
	struct shm_control_page *control;
	const uint8_t *data; /* mapped twice in a row */
	uint64_t capacity;
	uint64_t head;      /* read so far, perhaps not yet released */
	uint64_t released;  /* what control->head holds */
	uint64_t tail_seen; /* last tail believed */
};

void shm_ring_reader_init(struct shm_ring_reader *reader, const struct shm_producer_page *producer,
			  struct shm_control_page *control, const uint8_t *data, uint64_t capacity);

/* Copy the next record whole into `copy` (SHM_RECORD_BYTES_MAX bytes, 8-byte aligned). The copy's header is sane
 * (length within the copy, multiple of 8); what the record says is for shm_record_check. Space is given back to the
 * writer by release, which this calls itself each eighth of the capacity. */
enum shm_read shm_ring_reader_next(struct shm_ring_reader *reader, void *copy);

/* Give all that has been read back to the writer. Call at the end of each batch. */
void shm_ring_reader_release(struct shm_ring_reader *reader);

/* Announce sleep. True: the ring is empty and the writer will ring the doorbell. False: there is more to read, and
 * sleep is not announced. */
bool shm_ring_reader_sleep(struct shm_ring_reader *reader);

/* Withdraw the announcement after waking, so that the writer rings no more. */
void shm_ring_reader_wake(struct shm_ring_reader *reader);

/* Bytes published and not yet read: how far the reader is behind. */
uint64_t shm_ring_reader_lag(struct shm_ring_reader *reader);

#endif
