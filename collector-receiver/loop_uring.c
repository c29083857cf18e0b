/* The loop's back end on io_uring: one-shot polls, armed again with the call that waits, on a ring that can do nothing
 * but poll. */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop_backend.h"

/* Completions that are not events: of polls taken away. liburing keeps UINT64_MAX for its own timeouts. */
static const uint64_t LOOP_URING_TOKEN_NONE = UINT64_MAX - 1;

struct loop_uring {
	struct io_uring ring;
};

/* liburing 2.3 declares io_uring_register_restrictions and io_uring_enable_rings, but its shared library does not
 * export them. */
static int loop_uring_register(struct io_uring *ring, unsigned operation, const void *argument, unsigned count)
{
	return syscall(__NR_io_uring_register, ring->ring_fd, operation, argument, count) < 0 ? -errno : 0;
}

/* A process that was taken over could otherwise open, connect and send through its ring, past its seccomp filter. No
 * register operation and no SQE flag is on the list, so none is allowed either. TIMEOUT: before 5.11 waiting with a
 * timeout is itself a submission. */
static int loop_uring_restrict(struct io_uring *ring)
{
	static const uint8_t allowed[] = {IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE, IORING_OP_TIMEOUT};
	struct io_uring_restriction list[sizeof(allowed)] = {0};

	for (size_t i = 0; i < sizeof(allowed); i++) {
		list[i].opcode = IORING_RESTRICTION_SQE_OP;
		list[i].sqe_op = allowed[i];
	}
	return loop_uring_register(ring, IORING_REGISTER_RESTRICTIONS, list, sizeof(allowed));
}

static struct io_uring_sqe *loop_uring_sqe(struct loop_uring *self)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);

	if (sqe == NULL && io_uring_submit(&self->ring) > 0)
		sqe = io_uring_get_sqe(&self->ring);
	return sqe;
}

/* The setup may be allowed where entering is not: find out now, while there is a choice, by taking away a poll that was
 * never armed. */
static int loop_uring_probe(struct loop_uring *self)
{
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	int error;

	if (sqe == NULL)
		return -EIO;
	io_uring_prep_poll_remove(sqe, LOOP_URING_TOKEN_NONE);
	io_uring_sqe_set_data64(sqe, LOOP_URING_TOKEN_NONE);
	error = io_uring_submit(&self->ring);
	if (error < 0)
		return error;
	error = io_uring_wait_cqe(&self->ring, &cqe);
	if (error < 0)
		return error;
	error = cqe->res;
	io_uring_cqe_seen(&self->ring, cqe);
	return error == -ENOENT ? 0 : -EIO;
}

static int loop_uring_open(struct loop_uring *self, const char **step)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
		.cq_entries = LOOP_URING_COMPLETIONS,
	};
	int error;

	*step = "io_uring_setup";
	error = io_uring_queue_init_params(LOOP_URING_SUBMISSIONS, &self->ring, &params);
	if (error < 0)
		return error;
	*step = "io_uring_register";
	error = loop_uring_restrict(&self->ring);
	if (error == 0)
		error = loop_uring_register(&self->ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (error == 0) {
		*step = "io_uring_enter";
		error = loop_uring_probe(self);
	}
	if (error < 0)
		io_uring_queue_exit(&self->ring);
	return error;
}

static void *loop_uring_create(const char **step)
{
	struct loop_uring *self = calloc(1, sizeof(*self));
	int error;

	*step = "calloc";
	if (self == NULL)
		return NULL;
	error = loop_uring_open(self, step);
	if (error < 0) {
		free(self);
		errno = -error;
		return NULL;
	}
	return self;
}

static void loop_uring_destroy(void *context)
{
	struct loop_uring *self = context;

	io_uring_queue_exit(&self->ring);
	free(self);
}

static int loop_uring_arm(void *context, int fd, unsigned events, uint64_t token)
{
	struct loop_uring *self = context;
	struct io_uring_sqe *sqe = loop_uring_sqe(self);

	if (sqe == NULL)
		return -EBUSY;
	io_uring_prep_poll_add(sqe, fd, loop_events_to_poll(events));
	io_uring_sqe_set_data64(sqe, token);
	return 0;
}

/* An armed poll keeps the open file: submitted at once, so that the caller's close really closes. */
static void loop_uring_disarm(void *context, int fd, uint64_t token)
{
	struct loop_uring *self = context;
	struct io_uring_sqe *sqe = loop_uring_sqe(self);

	(void)fd;
	if (sqe == NULL)
		return;
	io_uring_prep_poll_remove(sqe, token);
	io_uring_sqe_set_data64(sqe, LOOP_URING_TOKEN_NONE);
	(void)io_uring_submit(&self->ring);
}

static int loop_uring_block(struct loop_uring *self, uint64_t timeout_ns)
{
	struct io_uring_cqe *cqe;
	struct __kernel_timespec ts = {
		.tv_sec = (int64_t)(timeout_ns / 1000000000),
		.tv_nsec = (int64_t)(timeout_ns % 1000000000),
	};

	if (timeout_ns == LOOP_FOREVER)
		return io_uring_submit_and_wait(&self->ring, 1);
	if (timeout_ns == 0)
		return io_uring_submit(&self->ring);
	return io_uring_submit_and_wait_timeout(&self->ring, &cqe, 1, &ts, NULL);
}

static int loop_uring_collect(struct loop_uring *self, struct loop_ready *ready)
{
	struct io_uring_cqe *cqes[LOOP_READY_MAX];
	unsigned seen = io_uring_peek_batch_cqe(&self->ring, cqes, LOOP_READY_MAX);
	int n = 0;

	for (unsigned i = 0; i < seen; i++) {
		const uint64_t token = cqes[i]->user_data;
		const int res = cqes[i]->res;

		if (token == LOOP_URING_TOKEN_NONE || token == LIBURING_UDATA_TIMEOUT || res == -ECANCELED)
			continue;
		ready[n++] = (struct loop_ready){token, res < 0 ? LOOP_HANGUP : loop_events_from_poll((unsigned)res)};
	}
	io_uring_cq_advance(&self->ring, seen);
	return n;
}

static int loop_uring_wait(void *context, uint64_t timeout_ns, struct loop_ready *ready)
{
	struct loop_uring *self = context;
	int error = loop_uring_block(self, timeout_ns);

	if (error < 0 && error != -ETIME && error != -EINTR && error != -EBUSY && error != -EAGAIN)
		return error;
	return loop_uring_collect(self, ready);
}

const struct loop_backend_type loop_backend_uring = {
	.name = "io_uring",
	.oneshot = true,
	.create = loop_uring_create,
	.destroy = loop_uring_destroy,
	.arm = loop_uring_arm,
	.disarm = loop_uring_disarm,
	.wait = loop_uring_wait,
};
