/* What the loop asks of a back end: arm, disarm, wait. Everything with a policy is in loop.c. */
#ifndef RECEIVER_LOOP_BACKEND_H
#define RECEIVER_LOOP_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

enum {
	LOOP_READY_MAX = 64,			       /* events taken from the kernel in one pass */
	LOOP_URING_SUBMISSIONS = 2 * LOOP_READY_MAX,   /* a pass arms again what it reported, and some new ones */
	LOOP_URING_COMPLETIONS = 4 * LOOP_WATCHES_MAX, /* every watch's event, twice modified */
};

/* A token names one arming of one watch; events of an arming that is over carry a token that nobody knows. */
struct loop_ready {
	uint64_t token;
	unsigned events; /* enum loop_event */
};

struct loop_backend_type {
	const char *name;
	bool oneshot; /* an arming ends with its first event */

	/* NULL with errno on failure; *step then names the call that failed. */
	void *(*create)(const char **step);
	void (*destroy)(void *self);
	int (*arm)(void *self, int fd, unsigned events, uint64_t token) __attribute__((warn_unused_result));
	/* At once: when this returns the kernel holds no reference to the descriptor for this arming. */
	void (*disarm)(void *self, int fd, uint64_t token);
	/* Up to LOOP_READY_MAX events into ready; their number, 0 at the timeout or a signal, -errno. */
	int (*wait)(void *self, uint64_t timeout_ns, struct loop_ready *ready);
};

extern const struct loop_backend_type loop_backend_uring;
extern const struct loop_backend_type loop_backend_epoll;

/* enum loop_event to poll(2) bits and back; epoll's are the same numbers. */
unsigned loop_events_to_poll(unsigned events);
unsigned loop_events_from_poll(unsigned bits);

#endif
