/* A process that attaches to a ring and drains it the way the receiver does, sleeping when it is empty, and does
 * nothing with the records. */
#ifndef TESTS_BENCH_DRAIN_READER_H
#define TESTS_BENCH_DRAIN_READER_H

#include <stdbool.h>
#include <sys/types.h>

#include "ring_session.h"

/* What it tells; each word on its own line, loaded and stored atomically. */
struct drain_report {
	uint32_t state; /* enum drain_state */
	uint8_t _pad0[124];
	uint32_t stop; /* written by the other side: end when there is nothing more to read */
	uint8_t _pad1[124];
	uint64_t first_copies; /* how often it has read a record after having slept */
	uint64_t first_copy_ns; /* when, the last time; stored before first_copies */
	uint64_t records;
	uint64_t bytes;
};

enum drain_state { DRAIN_STARTING, DRAIN_READY, DRAIN_ENDED };

struct drain_reader {
	pid_t pid;
	struct drain_report *report;
	struct ring_session *session;
};

/* Open the session and start a reader of it, pinned to `cpu`. Returns when it is attached. False: nothing is left
 * behind. */
bool drain_reader_start(struct drain_reader *reader, struct ring_session *session, int cpu)
	__attribute__((warn_unused_result));

/* Wait until it sleeps, in the kernel's sense. False if it has ended. */
bool drain_reader_await_sleep(const struct drain_reader *reader) __attribute__((warn_unused_result));

/* Let it read what there is and end; the session is closed. False if it could not read the ring. `report`, if given,
 * gets the last of what it told. */
bool drain_reader_stop(struct drain_reader *reader, struct drain_report *report);

#endif
