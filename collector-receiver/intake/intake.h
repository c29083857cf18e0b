/* Keep this receiver attached to a sensor and hand over every record that comes out of its ring. */
#ifndef RECEIVER_INTAKE_H
#define RECEIVER_INTAKE_H

#include "loop.h"
#include "shm_protocol/record_check.h"

struct intake;

/* Where records go. Every `attached` starts from nothing: whatever an earlier generation announced is void, and a
 * snapshot follows. `detached` comes once for each `attached`, before the next one. */
struct record_sink {
	/* Checked; valid during the call. All types, counters and clock included. */
	void (*record)(void *context, const struct shm_record_view *view);
	/* All that was published has been handed over. May be NULL. */
	void (*drained)(void *context);
	void (*attached)(void *context, uint64_t generation, uint32_t sensor_pid);
	void (*detached)(void *context);
	/* One sentence when there is no ring to read, once per change of reason: attempts go on. May be NULL. */
	void (*problem)(void *context, const char *sentence);
	void *context;
};

/* Try to attach now, and for ever after when there is no ring, at intervals of 0.1 to 1 s. Takes the loop's idle hook.
 * Everything is borrowed until intake_close. Returns 0 or -errno (a path that can never work, or no memory) with one
 * sentence in `message`. */
int intake_open(struct intake **intake, struct loop *loop, const char *socket_path, const struct record_sink *sink,
		char *message, size_t message_size) __attribute__((warn_unused_result));

/* Let go; `detached` is called if a ring is attached. NULL is allowed. Not from within a callback of the sink. */
void intake_close(struct intake *intake);

bool intake_is_attached(const struct intake *intake);

/* Hand over what has been published so far, at most a ring full. For the last look before shutdown. */
void intake_drain(struct intake *intake);

/* Bytes published and not yet read; 0 when not attached. */
uint64_t intake_lag_bytes(struct intake *intake);

#endif
