/* Own one generation of the shared ring: segments, writer, doorbell, and the account of what was lost.
 *
 * One thread. While no receiver is attached, records are counted and dropped. At every moment, for each counter table:
 * records wanted = RECORDS_PUBLISHED + SHARED_RING_FULL + NO_READER - loss records, and RECORDS_PUBLISHED is the sum of
 * what receivers have given back, what is in the ring, and READER_GONE.
 */
#ifndef SENSOR_RING_SESSION_H
#define SENSOR_RING_SESSION_H

#include "handoff.h"
#include "shm_protocol/ring_writer.h"
#include "shm_protocol/segment.h"
#include "shm_protocol/sensor_counters.h"

struct ring_session {
	uint64_t *counters; /* the owner's, SENSOR_COUNTER_COUNT of them */
	uint64_t ring_bytes;
	bool open;
	struct shm_segment segment;
	struct shm_ring_writer writer;
	uint64_t pass_start;  /* position in the ring */
	bool bell_rung;       /* in this pass */
	bool bell_due;        /* the reader was asleep when something was published, and has not been woken since */
	int doorbell_fd;      /* eventfd, never passed on */
	int doorbell_view_fd; /* epoll instance over it: what the receiver gets */
	uint64_t told_lost_records; /* losses that loss records have told of */
	uint64_t told_lost_bytes;
};

/* `ring_bytes` is a power of two between SHM_RING_BYTES_MIN and _MAX. The counters are borrowed. */
void ring_session_init(struct ring_session *session, uint64_t ring_bytes, uint64_t *counters);

/* Make a new generation and say what a receiver is to be given. Returns 0 or -errno. */
int ring_session_open(struct ring_session *session, struct handoff_offer *offer) __attribute__((warn_unused_result));

/* The receiver is gone: what it left unread is counted, and the generation is over. Safe when not open. */
void ring_session_reader_gone(struct ring_session *session);

/* The sensor is going: publish what there is, for the receiver to drain, and let go. Safe when not open. */
void ring_session_close(struct ring_session *session);

/* Room for a record of `length` bytes, header included (8 to SHM_RECORD_BYTES_MAX; rounded up, padding zeroed). The
 * header is filled in; the rest is the caller's to write before ring_session_commit. NULL: no receiver, or no room;
 * counted. */
void *ring_session_reserve(struct ring_session *session, enum shm_record_type type, uint16_t flags, uint32_t length)
	__attribute__((warn_unused_result));
void ring_session_commit(struct ring_session *session);

/* Copy a record of `length` bytes that is complete but for header.length and padding. False: dropped and counted. */
bool ring_session_write(struct ring_session *session, const void *record, uint32_t length);

/* Call at the end of each pass of the sensor's loop: tell of losses, publish, ring. False: the receiver has broken the
 * protocol (READER_VIOLATION): hang up on it. */
bool ring_session_end_pass(struct ring_session *session, uint64_t now_ns) __attribute__((warn_unused_result));

#endif
