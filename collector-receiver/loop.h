/* One event loop: descriptors that become ready, and timers. Two back ends, io_uring (liburing) and epoll, that behave
 * alike; reading and writing stay with the callers. */
#ifndef RECEIVER_LOOP_H
#define RECEIVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

enum {
	LOOP_WATCHES_MAX = 256, /* descriptors under watch at one time */
};

#define LOOP_FOREVER UINT64_MAX

enum loop_backend {
	LOOP_AUTO,  /* io_uring if the kernel lets us, else epoll */
	LOOP_URING, /* fails where io_uring is refused */
	LOOP_EPOLL,
};

enum loop_event {
	LOOP_READ = 1 << 0,
	LOOP_WRITE = 1 << 1,
	LOOP_HANGUP = 1 << 2, /* always reported: an error, or the other side is gone or will send no more */
};

/* A descriptor under watch. The caller provides the memory and keeps it until loop_watch_remove returns; it removes the
 * watch before it closes the descriptor. Level-triggered: a wanted event is reported in every pass for as long as it
 * holds. A hang-up without any wanted event is reported once, and the watch then rests until loop_watch_modify, so that
 * a caller that waits for something else does not spin. One watch per descriptor.
 * The callback may watch, unwatch and modify anything, itself included; a removed watch is never called again. */
struct loop_watch {
	int fd;
	unsigned events; /* LOOP_READ | LOOP_WRITE, or 0 for hang-ups alone */
	void (*ready)(void *context, unsigned events);
	void *context;
	void *backend; /* the loop's own; NULL while not watched */
};

/* A timer: fires once at deadline_ns (CLOCK_MONOTONIC); 0 means not set. The callback may set it again. When the loop
 * is awake anyway it may fire slack_ns early, which saves a wakeup. */
struct loop_timer {
	uint64_t deadline_ns;
	uint64_t slack_ns;
	void (*fire)(void *context);
	void *context;
	struct loop_timer *next; /* the loop's own */
};

/* Called before the loop blocks. False: there is work, do not block; the hook has done a piece of it, and is asked
 * again after a pass. Used to announce sleep to the shared ring. woke follows every may_sleep that returned true,
 * before any callback. */
struct loop_idle {
	bool (*may_sleep)(void *context);
	void (*woke)(void *context);
	void *context;
};

/* NULL on failure, with errno. The io_uring back end can only poll: its ring is restricted to that before it is
 * enabled. Once the loop exists io_uring_setup and io_uring_register are not called again and may be forbidden. */
struct loop *loop_create(enum loop_backend backend);
void loop_destroy(struct loop *loop);
const char *loop_backend_name(const struct loop *loop);	  /* "io_uring", "epoll" */
const char *loop_backend_reason(const struct loop *loop); /* why LOOP_AUTO fell back to epoll; "" if it did not */

/* 0; -EEXIST if the descriptor is watched already, -ENOSPC at LOOP_WATCHES_MAX, -EBADF, or what the kernel says. */
int loop_watch_add(struct loop *loop, struct loop_watch *watch) __attribute__((warn_unused_result));
int loop_watch_modify(struct loop *loop, struct loop_watch *watch, unsigned events);
void loop_watch_remove(struct loop *loop, struct loop_watch *watch); /* nothing if it is not watched */

/* Setting a set timer moves it. Timers fire in order of deadline, equal ones in the order they were set. A timer that
 * is set from a callback fires in a later pass, even if it is due already. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer); /* nothing if it is not set */

void loop_idle_set(struct loop *loop, const struct loop_idle *idle); /* one; NULL clears; copied */

/* Run until loop_stop: 0, or -errno when waiting itself fails. */
int loop_run(struct loop *loop);
/* One pass: wait until an event, a timer, a signal or the timeout, call what is due. The number of callbacks called, or
 * -errno. A pass may end early without having called anything. */
int loop_run_once(struct loop *loop, uint64_t timeout_ns);
void loop_stop(struct loop *loop); /* loop_run returns when its pass is done; before loop_run: it returns at once */

/* CLOCK_MONOTONIC now. */
uint64_t loop_now_ns(void);

#endif
