/* Run callbacks when descriptors are ready and timers are due, over either back end. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop_backend.h"
#include "loop_timers.h"

/* A place for one watch. The arming changes with every arm and disarm, so that an event which the kernel reported for
 * an earlier one is recognised, and the caller's memory is never touched after its removal. */
struct loop_slot {
	struct loop_watch *watch; /* NULL: free */
	uint32_t arming;
	bool armed;
};

struct loop {
	const struct loop_backend_type *type;
	void *backend;
	struct loop_timers timers;
	struct loop_idle idle;
	bool stop;
	char reason[160];
	struct loop_slot slots[LOOP_WATCHES_MAX];
};

unsigned loop_events_to_poll(unsigned events)
{
	return ((events & LOOP_READ) ? POLLIN : 0u) | ((events & LOOP_WRITE) ? POLLOUT : 0u) | POLLRDHUP;
}

unsigned loop_events_from_poll(unsigned bits)
{
	return ((bits & POLLIN) ? LOOP_READ : 0u) | ((bits & POLLOUT) ? LOOP_WRITE : 0u) |
	       ((bits & (POLLERR | POLLHUP | POLLRDHUP | POLLNVAL)) ? LOOP_HANGUP : 0u);
}

uint64_t loop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static bool loop_open(struct loop *loop, const struct loop_backend_type *type, const char **step)
{
	loop->type = type;
	loop->backend = type->create(step);
	return loop->backend != NULL;
}

static bool loop_open_auto(struct loop *loop)
{
	const char *step;

	if (loop_open(loop, &loop_backend_uring, &step))
		return true;
	snprintf(loop->reason, sizeof(loop->reason), "%s: %s", step, strerror(errno));
	return loop_open(loop, &loop_backend_epoll, &step);
}

struct loop *loop_create(enum loop_backend backend)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	const char *step;
	bool opened;

	if (loop == NULL)
		return NULL;
	if (backend == LOOP_AUTO)
		opened = loop_open_auto(loop);
	else
		opened = loop_open(loop, backend == LOOP_URING ? &loop_backend_uring : &loop_backend_epoll, &step);
	if (!opened) {
		const int error = errno;

		free(loop);
		errno = error;
		return NULL;
	}
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop->type->destroy(loop->backend);
	free(loop);
}

const char *loop_backend_name(const struct loop *loop)
{
	return loop->type->name;
}

const char *loop_backend_reason(const struct loop *loop)
{
	return loop->reason;
}

static uint64_t slot_token(const struct loop *loop, const struct loop_slot *slot)
{
	return (uint64_t)slot->arming << 32 | (uint64_t)(slot - loop->slots);
}

static int slot_arm(struct loop *loop, struct loop_slot *slot)
{
	int error;

	assert(!slot->armed);
	slot->arming++;
	error = loop->type->arm(loop->backend, slot->watch->fd, slot->watch->events, slot_token(loop, slot));
	slot->armed = error == 0;
	return error;
}

static void slot_disarm(struct loop *loop, struct loop_slot *slot)
{
	if (slot->armed)
		loop->type->disarm(loop->backend, slot->watch->fd, slot_token(loop, slot));
	slot->armed = false;
	slot->arming++;
}

/* A free slot, or NULL with *error set. */
static struct loop_slot *slot_find_free(struct loop *loop, int fd, int *error)
{
	struct loop_slot *found = NULL;

	*error = -ENOSPC;
	for (size_t i = 0; i < LOOP_WATCHES_MAX; i++) {
		struct loop_slot *slot = &loop->slots[i];

		if (slot->watch == NULL) {
			found = found == NULL ? slot : found;
		} else if (slot->watch->fd == fd) {
			*error = -EEXIST;
			return NULL;
		}
	}
	return found;
}

int loop_watch_add(struct loop *loop, struct loop_watch *watch)
{
	struct loop_slot *slot;
	int error;

	assert(watch->backend == NULL);
	/* epoll would say so by itself, io_uring only later and as an event. */
	if (fcntl(watch->fd, F_GETFD) < 0)
		return -errno;
	slot = slot_find_free(loop, watch->fd, &error);
	if (slot == NULL)
		return error;
	slot->watch = watch;
	error = slot_arm(loop, slot);
	if (error < 0) {
		slot->watch = NULL;
		return error;
	}
	watch->backend = slot;
	return 0;
}

int loop_watch_modify(struct loop *loop, struct loop_watch *watch, unsigned events)
{
	struct loop_slot *slot = watch->backend;

	if (slot == NULL)
		return -ENOENT;
	if (slot->armed && watch->events == events)
		return 0;
	slot_disarm(loop, slot);
	watch->events = events;
	return slot_arm(loop, slot);
}

void loop_watch_remove(struct loop *loop, struct loop_watch *watch)
{
	struct loop_slot *slot = watch->backend;

	if (slot == NULL)
		return;
	slot_disarm(loop, slot);
	slot->watch = NULL;
	watch->backend = NULL;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns)
{
	loop_timers_set(&loop->timers, timer, deadline_ns);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	loop_timers_cancel(&loop->timers, timer);
}

void loop_idle_set(struct loop *loop, const struct loop_idle *idle)
{
	loop->idle = idle == NULL ? (struct loop_idle){0} : *idle;
}

/* Call one watch. 1 if it was called, 0 if the event is out of date, -errno if it could not be armed again. */
static int loop_dispatch(struct loop *loop, const struct loop_ready *ready)
{
	const size_t index = (uint32_t)ready->token;
	struct loop_slot *slot;
	struct loop_watch *watch;
	uint32_t arming;
	bool wanted;

	assert(index < LOOP_WATCHES_MAX);
	slot = &loop->slots[index];
	watch = slot->watch;
	/* Removed or modified by a callback earlier in this pass. */
	if (watch == NULL || slot_token(loop, slot) != ready->token)
		return 0;
	wanted = (ready->events & watch->events) != 0;
	if (loop->type->oneshot)
		slot->armed = false;
	if (!wanted)
		slot_disarm(loop, slot);
	arming = slot->arming;
	watch->ready(watch->context, ready->events & (watch->events | LOOP_HANGUP));
	/* Unless the callback did something to it, an arming that the event used up begins again. */
	if (wanted && slot->arming == arming && !slot->armed) {
		const int error = slot_arm(loop, slot);

		if (error < 0)
			return error;
	}
	return 1;
}

static uint64_t loop_wait_ns(const struct loop *loop, uint64_t timeout_ns)
{
	const uint64_t timer_ns = loop_timers_wait_ns(&loop->timers, loop_now_ns());

	return timer_ns < timeout_ns ? timer_ns : timeout_ns;
}

/* How long this pass may block, and whether the idle hook was told that it does. */
static uint64_t loop_fall_asleep(struct loop *loop, uint64_t timeout_ns, bool *asleep)
{
	const uint64_t wait_ns = loop_wait_ns(loop, timeout_ns);

	*asleep = false;
	if (wait_ns == 0 || loop->idle.may_sleep == NULL)
		return wait_ns;
	*asleep = loop->idle.may_sleep(loop->idle.context);
	return *asleep ? loop_wait_ns(loop, timeout_ns) : 0; /* again: the hook may have set a timer */
}

int loop_run_once(struct loop *loop, uint64_t timeout_ns)
{
	struct loop_ready ready[LOOP_READY_MAX];
	bool asleep;
	const uint64_t wait_ns = loop_fall_asleep(loop, timeout_ns, &asleep);
	const int n = loop->type->wait(loop->backend, wait_ns, ready);
	int called = 0;

	if (asleep && loop->idle.woke != NULL)
		loop->idle.woke(loop->idle.context);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		const int error = loop_dispatch(loop, &ready[i]);

		if (error < 0)
			return error;
		called += error;
	}
	return called + loop_timers_fire(&loop->timers, loop_now_ns());
}

int loop_run(struct loop *loop)
{
	int error = 0;

	while (!loop->stop && error >= 0)
		error = loop_run_once(loop, LOOP_FOREVER);
	loop->stop = false;
	return error < 0 ? error : 0;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}
