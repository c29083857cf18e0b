/* Deliver requests one after the other: take, split, connect, attempt. */
#include "export/delivery.h"

#include <stdlib.h>

#include "counters.h"
#include "export/gzip.h"
#include "export/request_split.h"

void delivery_turn_at(struct otlp_exporter *self, uint64_t deadline_ns)
{
	loop_timer_set(self->loop, &self->turn, deadline_ns);
}

void delivery_disconnect(struct otlp_exporter *self)
{
	call_client_close(self->client);
	self->client = NULL;
}

bool delivery_take(struct otlp_exporter *self)
{
	self->uncertain = false;
	if (self->part_count > 0) {
		self->current = self->parts[--self->part_count];
	} else if (self->spool != NULL) {
		self->current = spool_take(self->spool, &self->uncertain);
		self->from_spool = self->current != NULL;
	} else {
		self->current = export_queue_pop(&self->queue);
	}
	return self->current != NULL;
}

static void delivery_drop_current(struct otlp_exporter *self)
{
	otlp_request_release(self->current);
	free(self->packed);
	self->current = NULL;
	self->packed = NULL;
	self->calling = false;
	delivery_turn_at(self, loop_now_ns());
}

void delivery_finish(struct otlp_exporter *self, enum export_outcome outcome, uint64_t items)
{
	export_outcome_count(outcome, self->current->signal, items);
	delivery_drop_current(self);
	if (self->from_spool && self->part_count == 0) {
		spool_done(self->spool);
		self->from_spool = false;
	}
}

void delivery_park(struct otlp_exporter *self)
{
	self->parked = true;
	while (self->part_count > 0)
		otlp_request_release(self->parts[--self->part_count]);
	if (self->current != NULL)
		delivery_drop_current(self);
	loop_timer_cancel(self->loop, &self->turn);
}

/* In halves, of which the first becomes the current request. False: it cannot be split. */
bool delivery_split(struct otlp_exporter *self)
{
	struct otlp_request *first, *second;

	if (self->part_count == DELIVERY_PARTS_MAX || request_split(self->current, &first, &second) < 0)
		return false;
	counter_add(COUNTER_EXPORT_SPLITS, 1);
	self->parts[self->part_count++] = second;
	delivery_drop_current(self);
	self->current = first;
	return true;
}

static void delivery_call_done(void *context, const struct call_answer *answer)
{
	struct otlp_exporter *self = context;
	/* The answer borrows from the client. */
	struct call_client *client = self->client;

	if (!call_client_usable(client))
		self->client = NULL;
	self->uncertain = self->uncertain || answer->uncertain;
	if (answer->connect_error < 0) {
		delivery_connect_failed(self, answer->connect_error, answer->problem);
	} else if (answer->stale && !self->stale_retried) {
		/* The server had closed an idle connection, and the request crossed with that on the way. */
		self->stale_retried = true;
		self->calling = false;
		delivery_turn_at(self, loop_now_ns());
	} else {
		delivery_answered(self, answer);
	}
	if (self->client == NULL)
		call_client_close(client);
}

static int delivery_connect(struct otlp_exporter *self)
{
	const struct call_client_options options = {
		.protocol = self->protocol,
		.authority = self->endpoint.authority,
		.user_agent = "shmotel-receiver/" SHMOTEL_VERSION " OTel-OTLP-Exporter-C/" SHMOTEL_VERSION,
		.headers = self->headers.list,
		.header_count = self->headers.count,
		.done = delivery_call_done,
		.context = self,
	};
	struct stream stream;
	const int error = stream_open(&stream, &self->endpoint, self->connections++, self->tls);

	return error < 0 ? error : call_client_open(&self->client, self->loop, &stream, &options);
}

static void delivery_count_duplicate(struct otlp_exporter *self)
{
	if (!self->uncertain)
		return;
	self->uncertain = false;
	counter_add(self->current->signal == OTLP_TRACES ? COUNTER_EXPORT_MAYBE_TWICE_SPANS
							 : COUNTER_EXPORT_MAYBE_TWICE_POINTS,
		    self->current->items);
}

static void delivery_attempt(struct otlp_exporter *self)
{
	const struct call call = {
		.path = self->paths[self->current->signal],
		.message = self->packed != NULL ? self->packed : self->current->bytes,
		.length = self->packed != NULL ? self->packed_length : self->current->length,
		.gzip = self->packed != NULL,
		.timeout_ns = self->options.timeout_ns,
	};
	int error = 0;

	if (self->attempts++ > 0)
		counter_add(COUNTER_EXPORT_RETRIES, 1);
	delivery_count_duplicate(self);
	if (self->from_spool)
		spool_mark_sending(self->spool);
	if (self->client != NULL && !call_client_usable(self->client))
		delivery_disconnect(self);
	if (self->client == NULL)
		error = delivery_connect(self);
	if (error == 0)
		error = call_client_call(self->client, &call);
	if (error < 0) {
		delivery_disconnect(self);
		delivery_connect_failed(self, error, "");
		return;
	}
	self->calling = true;
}

void delivery_begin(struct otlp_exporter *self)
{
	retry_begin(&self->retry, &self->options.retry, loop_now_ns());
	self->attempts = 0;
	self->stale_retried = false;
	/* A compression that finds no memory is left out: sending as it is needs none. */
	if (self->options.gzip &&
	    gzip_compress(&self->packed, &self->packed_length, self->current->bytes, self->current->length) < 0)
		self->packed = NULL;
}

/* Split what does not fit before it is sent. False: it cannot be, and has ended. What is over the learned limit only is
 * tried all the same when it cannot be split: the server may have been given another limit since. */
static bool delivery_fit(struct otlp_exporter *self)
{
	while (self->current->length > self->fits_bytes && delivery_split(self))
		;
	if (self->current->length <= self->options.max_request_bytes)
		return true;
	delivery_too_large(self, "max_request_bytes");
	return false;
}

void delivery_turn(void *context)
{
	struct otlp_exporter *self = context;

	if (self->calling || self->parked)
		return;
	if (self->current == NULL) {
		if (!delivery_take(self))
			return;
		delivery_count_duplicate(self);
		if (!delivery_fit(self))
			return;
		delivery_begin(self);
	}
	delivery_attempt(self);
}
