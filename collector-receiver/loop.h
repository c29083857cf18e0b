/* One event loop: descriptors that become ready, and timers. Two back ends, io_uring (liburing) and epoll, that behave
 * alike; reading and writing stay with the callers. */
#ifndef RECEIVER_LOOP_H
#define RECEIVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

enum loop_backend {
	LOOP_AUTO,  /* io_uring if the kernel lets us, else epoll */
	LOOP_URING, /* fails where io_uring is refused */
	LOOP_EPOLL,
};

enum loop_event {
	LOOP_READ = 1 << 0,
	LOOP_WRITE = 1 << 1,
	LOOP_HANGUP = 1 << 2, /* always reported: error or hang-up */
};

/* A descriptor under watch. The caller provides the memory and keeps it until loop_unwatch returns. Level-triggered.
 * The callback may watch, unwatch and modify anything, itself included. */
struct loop_watch {
	int fd;
	unsigned events; /* LOOP_READ | LOOP_WRITE */
	void (*ready)(void *context, unsigned events);
	void *context;
	void *backend; /* the loop's own */
};

/* A timer: fires once at deadline_ns (CLOCK_MONOTONIC); 0 means not set. The callback may set it again. */
struct loop_timer {
	uint64_t deadline_ns;
	void (*fire)(void *context);
	void *context;
	struct loop_timer *next; /* the loop's own */
};

/* Called before the loop blocks. False: there is work, do not block. Used to announce sleep to the shared ring. */
struct loop_idle {
	bool (*may_sleep)(void *context);
	void (*woke)(void *context);
	void *context;
};

/* NULL on failure, with errno. */
struct loop *loop_create(enum loop_backend backend);
void loop_destroy(struct loop *loop);
const char *loop_backend_name(const struct loop *loop); /* "io_uring", "epoll" */

int loop_watch_add(struct loop *loop, struct loop_watch *watch) __attribute__((warn_unused_result));
int loop_watch_modify(struct loop *loop, struct loop_watch *watch, unsigned events);
void loop_watch_remove(struct loop *loop, struct loop_watch *watch);

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

void loop_idle_set(struct loop *loop, const struct loop_idle *idle); /* one; NULL clears */

/* Run until loop_stop, or for one pass: wait for at least one event or timer, call what is due. */
int loop_run(struct loop *loop);
int loop_run_once(struct loop *loop, uint64_t timeout_ns);
void loop_stop(struct loop *loop);

/* CLOCK_MONOTONIC now. */
uint64_t loop_now_ns(void);

#endif
