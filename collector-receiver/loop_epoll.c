/* The loop's back end on epoll: for kernels and containers where io_uring is refused. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loop_backend.h"

struct loop_epoll {
	int fd;
};

static void *loop_epoll_create(const char **step)
{
	struct loop_epoll *self = malloc(sizeof(*self));

	*step = "malloc";
	if (self == NULL)
		return NULL;
	*step = "epoll_create1";
	self->fd = epoll_create1(EPOLL_CLOEXEC);
	if (self->fd < 0) {
		free(self);
		return NULL;
	}
	return self;
}

static void loop_epoll_destroy(void *context)
{
	struct loop_epoll *self = context;

	close(self->fd);
	free(self);
}

static int loop_epoll_arm(void *context, int fd, unsigned events, uint64_t token)
{
	struct loop_epoll *self = context;
	struct epoll_event event = {.events = loop_events_to_poll(events), .data.u64 = token};

	return epoll_ctl(self->fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static void loop_epoll_disarm(void *context, int fd, uint64_t token)
{
	struct loop_epoll *self = context;

	(void)token;
	(void)epoll_ctl(self->fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Rounded up: a pass that ended before the timer is due would only wait again. */
static int loop_epoll_timeout_ms(uint64_t timeout_ns)
{
	const uint64_t timeout_ms = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);

	if (timeout_ns == LOOP_FOREVER)
		return -1;
	return timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
}

static int loop_epoll_wait(void *context, uint64_t timeout_ns, struct loop_ready *ready)
{
	struct loop_epoll *self = context;
	struct epoll_event events[LOOP_READY_MAX];
	int n = epoll_wait(self->fd, events, LOOP_READY_MAX, loop_epoll_timeout_ms(timeout_ns));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		ready[i] = (struct loop_ready){events[i].data.u64, loop_events_from_poll(events[i].events)};
	return n;
}

const struct loop_backend_type loop_backend_epoll = {
	.name = "epoll",
	.create = loop_epoll_create,
	.destroy = loop_epoll_destroy,
	.arm = loop_epoll_arm,
	.disarm = loop_epoll_disarm,
	.wait = loop_epoll_wait,
};
