/* Write requests as text, one after the other, as fast as their reader takes them. */
#include "export/local_exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void local_lost(struct local_exporter *self, const struct otlp_request *request, enum export_outcome outcome,
		       enum export_log_reason reason, const char *why)
{
	export_outcome_count(outcome, request->signal, request->items);
	export_log_say(&self->log, reason, "%" PRIu32 " %s are lost: %s.", request->items,
		       export_items_name(request->signal), why);
}

static void current_end(struct local_exporter *self)
{
	otlp_request_release(self->current);
	self->current = NULL;
}

static void current_lost(struct local_exporter *self, int error)
{
	self->torn = self->torn || self->written > 0;
	local_lost(self, self->current, EXPORT_WRITE_FAILED, EXPORT_LOG_WRITE_FAILED, strerror(-error));
	current_end(self);
}

static void current_sent(struct local_exporter *self)
{
	self->torn = false;
	export_outcome_count(EXPORT_SENT, self->current->signal, self->current->items);
	current_end(self);
}

static void current_begin(struct local_exporter *self, struct otlp_request *request)
{
	self->current = request;
	self->written = 0;
	wire_buffer_reset(&self->text);
	if (self->torn)
		wire_add_raw(&self->text, "\n", 1);
	if (!self->render(self, request) || self->text.failed)
		current_lost(self, -ENOMEM);
}

/* 0, -EAGAIN when there is no room, or -errno. The descriptor may be one that others use as well, so that it cannot be
 * made non-blocking: a piece of PIPE_BUF fits into what poll calls writable. */
static int write_piece(struct local_exporter *self)
{
	struct pollfd room = {.fd = self->watch.fd, .events = POLLOUT};
	size_t length = self->text.length - self->written;
	ssize_t wrote;

	if (!self->never_waits) {
		length = length < PIPE_BUF ? length : PIPE_BUF;
		if (poll(&room, 1, 0) <= 0)
			return -EAGAIN;
	}
	wrote = write(self->watch.fd, self->text.bytes + self->written, length);
	if (wrote <= 0)
		return wrote == 0 ? -EIO : errno == EINTR ? 0 : -errno;
	self->written += (size_t)wrote;
	return 0;
}

static int current_write(struct local_exporter *self)
{
	int error = 0;

	while (error == 0 && self->written < self->text.length)
		error = write_piece(self);
	return error;
}

/* Write until everything is written, or the reader is behind. */
static void proceed(struct local_exporter *self)
{
	int error = 0;

	while (self->current != NULL && (error = current_write(self)) != -EAGAIN) {
		if (error == 0)
			current_sent(self);
		else
			current_lost(self, error);
		while (self->current == NULL && self->queue.count > 0)
			current_begin(self, export_queue_pop(&self->queue));
	}
	if (self->current == NULL)
		loop_watch_remove(self->loop, &self->watch);
	else if (self->watch.backend == NULL && (error = loop_watch_add(self->loop, &self->watch)) != 0)
		current_lost(self, error);
}

static void on_ready(void *context, unsigned events)
{
	(void)events;
	proceed(context);
}

void local_exporter_submit(struct exporter *base, struct otlp_request *request)
{
	struct local_exporter *self = (struct local_exporter *)base;

	if (self->current == NULL) {
		current_begin(self, otlp_request_hold(request));
		proceed(self);
	} else if (!export_queue_push(&self->queue, request)) {
		local_lost(self, request, EXPORT_QUEUE_FULL, EXPORT_LOG_QUEUE_FULL, "nobody reads what is written");
	}
}

bool local_exporter_idle(const struct exporter *base)
{
	const struct local_exporter *self = (const struct local_exporter *)base;

	return self->current == NULL && self->queue.count == 0;
}

/* The loop writes on for as long as the reader reads. */
void local_exporter_drain(struct exporter *base, uint64_t deadline_ns)
{
	(void)base;
	(void)deadline_ns;
}

void local_exporter_destroy(struct exporter *base)
{
	struct local_exporter *self = (struct local_exporter *)base;

	while (self->current != NULL || (self->current = export_queue_pop(&self->queue)) != NULL) {
		local_lost(self, self->current, EXPORT_SHUTDOWN, EXPORT_LOG_SHUTDOWN,
			   "nobody read them before the shutdown");
		current_end(self);
	}
	loop_watch_remove(self->loop, &self->watch);
	close(self->watch.fd);
	export_queue_free(&self->queue);
	wire_buffer_free(&self->text);
	free(self);
}

/* An open file of one's own can be non-blocking without that being so for those who share the old one. Sockets, and
 * files of other users, cannot be opened a second time. */
int local_exporter_share(int fd)
{
	char path[32];
	struct stat st;
	int own = -1;

	if (fstat(fd, &st) != 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return own < 0 ? -errno : own;
}

int local_exporter_init(struct local_exporter *self, const struct exporter_type *type, struct loop *loop, int fd)
{
	struct stat st;
	int error = fstat(fd, &st) == 0 ? 0 : -errno;

	if (error == 0)
		error = export_queue_init(&self->queue, LOCAL_QUEUE_REQUESTS_MAX, 0, LOCAL_QUEUE_BYTES_MAX);
	if (error != 0) {
		close(fd);
		return error;
	}
	self->base.type = type;
	self->loop = loop;
	self->watch = (struct loop_watch){.fd = fd, .events = LOOP_WRITE, .ready = on_ready, .context = self};
	self->never_waits = S_ISREG(st.st_mode);
	self->log.name = type->name;
	return 0;
}

void local_exporter_status(const struct exporter *base, struct exporter_status *status)
{
	const struct local_exporter *self = (const struct local_exporter *)base;

	status->busy = self->current != NULL;
	status->requests = self->queue.count;
	status->requests_max = self->queue.request_max;
	status->bytes = self->queue.bytes;
	memcpy(status->items, self->queue.items, sizeof(status->items));
	if (self->current != NULL)
		status->items[self->current->signal] += self->current->items;
	status->problem = self->log.last;
	status->problem_ns = self->log.last_ns;
}
