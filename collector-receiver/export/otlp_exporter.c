/* The exporter contract over OTLP: take requests, drain, give up. */
#include "export/delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static struct otlp_exporter *exporter_from(struct exporter *base)
{
	return (struct otlp_exporter *)base;
}

static void exporter_not_taken(struct otlp_exporter *self, const struct otlp_request *request,
			       enum export_outcome outcome)
{
	const char *items = export_items_name(request->signal);

	export_outcome_count(outcome, request->signal, request->items);
	if (outcome == EXPORT_SPOOL_FULL)
		export_log_say(&self->log, EXPORT_LOG_SPOOL_FULL, "%" PRIu32 " %s are lost: the spool is full.",
			       request->items, items);
	else if (outcome == EXPORT_WRITE_FAILED)
		export_log_say(&self->log, EXPORT_LOG_WRITE_FAILED,
			       "%" PRIu32 " %s are lost: the spool cannot be written.", request->items, items);
	else if (outcome == EXPORT_QUEUE_FULL)
		export_log_say(&self->log, EXPORT_LOG_QUEUE_FULL,
			       "%" PRIu32 " %s are lost: the queue is full with %" PRIu32 " requests of %zu bytes.",
			       request->items, items, self->queue.count, self->queue.bytes);
	else
		export_log_say(&self->log, EXPORT_LOG_SHUTDOWN,
			       "%" PRIu32 " %s came after the deadline of the shutdown.", request->items, items);
}

static bool exporter_busy(const struct otlp_exporter *self)
{
	if (self->parked)
		return false;
	return self->current != NULL || self->part_count > 0 || self->queue.count > 0 ||
	       (self->spool != NULL && !spool_is_empty(self->spool));
}

/* To disk, and from there in its turn: what came before it is delivered before it. */
static void exporter_submit_to_spool(struct otlp_exporter *self, struct otlp_request *request)
{
	const int error = spool_put(self->spool, request);

	if (error != 0)
		exporter_not_taken(self, request, error == -ENOSPC ? EXPORT_SPOOL_FULL : EXPORT_WRITE_FAILED);
	else if (self->current == NULL)
		delivery_turn_at(self, loop_now_ns());
}

static void exporter_submit(struct exporter *base, struct otlp_request *request)
{
	struct otlp_exporter *self = exporter_from(base);

	if (self->spool != NULL) {
		exporter_submit_to_spool(self, request);
	} else if (self->closed) {
		exporter_not_taken(self, request, EXPORT_SHUTDOWN);
	} else if ((!self->options.queue_enabled && exporter_busy(self)) ||
		   !export_queue_push(&self->queue, request)) {
		exporter_not_taken(self, request, EXPORT_QUEUE_FULL);
	} else if (self->current == NULL) {
		delivery_turn_at(self, loop_now_ns());
	}
}

static bool exporter_idle(const struct exporter *base)
{
	const struct otlp_exporter *self = (const struct otlp_exporter *)base;

	return !exporter_busy(self);
}

/* What is left stays on disk for the next receiver. */
static void exporter_park(struct otlp_exporter *self)
{
	struct spool_status left;

	delivery_park(self);
	spool_status(self->spool, &left);
	if (left.records > 0)
		export_log_say(&self->log, EXPORT_LOG_SHUTDOWN,
			       "%" PRIu64 " spans and %" PRIu64 " data points stay in the spool for the next start.",
			       left.items[OTLP_TRACES], left.items[OTLP_METRICS]);
}

/* Everything that is left is lost, and counted. */
static void exporter_give_up(struct otlp_exporter *self)
{
	uint64_t items[OTLP_SIGNAL_COUNT] = {0};

	delivery_disconnect(self); /* before the request, whose bytes a call in progress still reads */
	if (self->spool != NULL) {
		exporter_park(self);
		return;
	}
	while (self->current != NULL || delivery_take(self)) {
		items[self->current->signal] += self->current->items;
		delivery_finish(self, EXPORT_SHUTDOWN, self->current->items);
	}
	loop_timer_cancel(self->loop, &self->turn);
	if (items[OTLP_TRACES] + items[OTLP_METRICS] > 0)
		export_log_say(&self->log, EXPORT_LOG_SHUTDOWN,
			       "%" PRIu64 " spans and %" PRIu64
			       " data points were not delivered before the deadline of "
			       "the shutdown.",
			       items[OTLP_TRACES], items[OTLP_METRICS]);
}

void delivery_deadline(void *context)
{
	struct otlp_exporter *self = context;

	self->closed = true;
	exporter_give_up(self);
}

static void exporter_drain(struct exporter *base, uint64_t deadline_ns)
{
	struct otlp_exporter *self = exporter_from(base);

	self->draining = true;
	loop_timer_set(self->loop, &self->deadline, deadline_ns);
	if (!self->calling)
		delivery_turn_at(self, loop_now_ns());
}

static void exporter_destroy(struct exporter *base)
{
	struct otlp_exporter *self = exporter_from(base);

	exporter_give_up(self);
	loop_timer_cancel(self->loop, &self->deadline);
	delivery_free(self);
}

/* Of the request in delivery: what of it has not ended. */
static uint64_t exporter_items_in_delivery(const struct otlp_exporter *self)
{
	uint64_t items = self->current == NULL ? 0 : self->current->items;

	for (size_t i = 0; i < self->part_count; i++)
		items += self->parts[i]->items;
	return items;
}

static enum otlp_signal exporter_signal_in_delivery(const struct otlp_exporter *self)
{
	return self->current != NULL ? self->current->signal : self->parts[0]->signal;
}

static void exporter_status(const struct exporter *base, struct exporter_status *status)
{
	const struct otlp_exporter *self = (const struct otlp_exporter *)base;
	const uint64_t in_delivery = exporter_items_in_delivery(self);

	status->name = self->name;
	status->busy = self->current != NULL;
	status->failures = self->failures;
	status->requests = self->queue.count;
	status->requests_max = self->spool == NULL ? self->queue.request_max : 0;
	status->bytes = self->queue.bytes;
	memcpy(status->items, self->queue.items, sizeof(status->items));
	status->problem = self->log.last;
	status->problem_ns = self->log.last_ns;
	status->has_spool = self->spool != NULL;
	if (self->spool != NULL) {
		spool_status(self->spool, &status->spool);
		memcpy(status->items, status->spool.items, sizeof(status->items));
	}
	/* What was taken from the spool is still among what it holds, and parts of it may have ended. */
	if (in_delivery > 0)
		status->items[exporter_signal_in_delivery(self)] +=
			in_delivery - (self->from_spool ? spool_taken_items(self->spool) : 0);
	if (self->spool == NULL)
		return;
	status->requests = status->spool.records;
	status->bytes = status->spool.bytes;
}

const struct exporter_type otlp_grpc_type = {
	.name = "otlp-grpc",
	.submit = exporter_submit,
	.idle = exporter_idle,
	.drain = exporter_drain,
	.status = exporter_status,
	.destroy = exporter_destroy,
};

const struct exporter_type otlp_http_type = {
	.name = "otlp-http",
	.submit = exporter_submit,
	.idle = exporter_idle,
	.drain = exporter_drain,
	.status = exporter_status,
	.destroy = exporter_destroy,
};
