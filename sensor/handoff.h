/* Let one permitted receiver at a time attach: the listening Unix socket, the uid check, the passing of descriptors.
 *
 * Nothing here blocks. A connection is answered with one struct shm_handoff as soon as it is accepted; only the one
 * that is attached stays open, and its end of file is the end of the generation.
 */
#ifndef SENSOR_HANDOFF_H
#define SENSOR_HANDOFF_H

#include <stddef.h>
#include <sys/types.h>

#include "shm_protocol/handoff.h"

struct handoff;

/* What a receiver is given. The descriptors stay the handler's. */
struct handoff_offer {
	int fds[SHM_HANDOFF_FD_COUNT];
	uint64_t ring_bytes;
	uint64_t generation;
};

struct handoff_handler {
	/* A permitted receiver asks: make a new generation. 0, or -errno and the receiver is told that it failed. */
	int (*offer)(void *context, struct handoff_offer *offer);
	/* It has been given the descriptors: write the snapshot. */
	void (*attached)(void *context, uint32_t peer_pid);
	/* It is gone, or the offer could not be delivered: the generation is over. */
	void (*detached)(void *context);
	/* Somebody was turned away: a busy ring or a uid that may not attach. */
	void (*refused)(void *context, enum shm_handoff_status status, uint32_t peer_pid, uint32_t peer_uid);
	void *context;
};

/* Bind `path` and listen; the socket can be opened by `allowed_uid` and by nobody else. A socket left behind by a dead
 * sensor is replaced. On failure returns -errno and `message` holds one sentence: what is wrong and what to do. */
int handoff_open(struct handoff **handoff, const char *path, uid_t allowed_uid, const struct handoff_handler *handler,
		 char *message, size_t message_size) __attribute__((warn_unused_result));

/* Stop listening, hang up and remove the socket; `detached` is not called. NULL is allowed. */
void handoff_close(struct handoff *handoff);

/* One descriptor to poll for reading; then call handoff_on_ready. */
int handoff_fd(const struct handoff *handoff);
void handoff_on_ready(struct handoff *handoff);

/* Hang up on the attached receiver, if any: `detached` is called. For a receiver that breaks the protocol. */
void handoff_disconnect(struct handoff *handoff);

#endif
