/* Deliver requests one after the other: attempt, judge, retry or count. */
#include "export/otlp_grpc_delivery.h"

#include <inttypes.h>
#include <stdlib.h>

#include "counters.h"
#include "export/export_response.h"
#include "export/gzip.h"
#include "export/transport.h"

enum {
	SENTENCE_MAX = 512,
};

static const char *const paths[OTLP_SIGNAL_COUNT] = {
	[OTLP_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	[OTLP_METRICS] = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};

void otlp_grpc_turn_at(struct otlp_grpc_exporter *self, uint64_t deadline_ns)
{
	loop_timer_set(self->loop, &self->turn, deadline_ns);
}

/* xorshift: spreads retries, keeps no secret. */
static uint32_t delivery_random(struct otlp_grpc_exporter *self)
{
	self->random ^= self->random << 13;
	self->random ^= self->random >> 17;
	self->random ^= self->random << 5;
	return self->random;
}

void otlp_grpc_disconnect(struct otlp_grpc_exporter *self)
{
	grpc_client_close(self->client);
	self->client = NULL;
}

void otlp_grpc_finish(struct otlp_grpc_exporter *self, enum export_outcome outcome, uint64_t items)
{
	export_outcome_count(outcome, self->current->signal, items);
	otlp_request_release(self->current);
	free(self->packed);
	self->current = NULL;
	self->packed = NULL;
	self->calling = false;
	otlp_grpc_turn_at(self, loop_now_ns());
}

/* An attempt failed in a way that may pass. */
static void delivery_retry(struct otlp_grpc_exporter *self, uint64_t throttle_ns)
{
	const struct otlp_request *request = self->current;
	const uint64_t now_ns = loop_now_ns();
	uint64_t delay_ns;

	self->calling = false;
	self->failures++;
	if (self->draining) {
		export_log_say(&self->log, EXPORT_LOG_SHUTDOWN,
			       "%" PRIu32 " %s could not be delivered during the shutdown.", request->items,
			       export_items_name(request->signal));
		otlp_grpc_finish(self, EXPORT_SHUTDOWN, request->items);
	} else if (retry_next(&self->retry, &self->options.retry, now_ns, throttle_ns, delivery_random(self),
			      &delay_ns)) {
		otlp_grpc_turn_at(self, now_ns + delay_ns);
	} else {
		export_log_say(&self->log, EXPORT_LOG_EXPIRED,
			       "%" PRIu32 " %s were given up after %" PRIu32 " attempts.", request->items,
			       export_items_name(request->signal), self->attempts);
		otlp_grpc_finish(self, EXPORT_EXPIRED, request->items);
	}
}

static void delivery_connect_failed(struct otlp_grpc_exporter *self, int error)
{
	char sentence[SENTENCE_MAX];
	const enum export_log_reason reason = transport_explain(&self->endpoint, error, sentence, sizeof(sentence));

	counter_add(COUNTER_EXPORT_CONNECT_FAILED, 1);
	export_log_say(&self->log, reason, "%s", sentence);
	delivery_retry(self, 0);
}

static void delivery_delivered(struct otlp_grpc_exporter *self, const struct grpc_response *answer)
{
	struct otlp_request *request = self->current;
	struct export_response response;
	uint64_t rejected;
	char reason[GRPC_TEXT_MAX];
	const uint8_t *message;
	size_t length;

	message = grpc_response_message(answer, &length);
	if (!export_response_read(&response, message, length)) {
		export_log_say(&self->log, EXPORT_LOG_REFUSED,
			       "%" PRIu32 " %s are lost: the answer says OK, but is not an OTLP response.",
			       request->items, export_items_name(request->signal));
		otlp_grpc_finish(self, EXPORT_REFUSED, request->items);
		return;
	}
	rejected = response.rejected < request->items ? response.rejected : request->items;
	grpc_text_decode(reason, sizeof(reason), response.reason, response.reason_length, false);
	if (rejected > 0 || reason[0] != '\0')
		export_log_say(&self->log, EXPORT_LOG_PARTIAL,
			       "The endpoint rejected %" PRIu64 " of %" PRIu32 " %s: \"%s\".", rejected, request->items,
			       export_items_name(request->signal), reason);
	if (self->failures > 0)
		export_log_say(&self->log, EXPORT_LOG_RECOVERED, "Delivering again, after %" PRIu64 " failed attempts.",
			       self->failures);
	self->failures = 0;
	export_outcome_count(EXPORT_PARTIAL, request->signal, rejected);
	otlp_grpc_finish(self, EXPORT_SENT, request->items - rejected);
}

static void delivery_answered(struct otlp_grpc_exporter *self, const struct grpc_response *answer)
{
	const struct otlp_request *request = self->current;
	const char *status = grpc_status_name(answer->status);

	if (answer->status == GRPC_OK) {
		delivery_delivered(self, answer);
	} else if (grpc_status_retryable(answer->status, answer->has_retry_info)) {
		export_log_say(&self->log, EXPORT_LOG_RETRY, "%" PRIu32 " %s have to be sent again: %s, \"%s\".",
			       request->items, export_items_name(request->signal), status, answer->text);
		delivery_retry(self, answer->has_retry_info ? answer->retry_delay_ns : 0);
	} else {
		export_log_say(&self->log, EXPORT_LOG_REFUSED, "%" PRIu32 " %s were refused and are lost: %s, \"%s\".",
			       request->items, export_items_name(request->signal), status, answer->text);
		self->failures = 0;
		otlp_grpc_finish(self, EXPORT_REFUSED, request->items);
	}
}

static void delivery_call_done(void *context, const struct grpc_result *result)
{
	struct otlp_grpc_exporter *self = context;
	const bool stale = result->stale && !self->stale_retried;

	if (!grpc_client_usable(self->client))
		otlp_grpc_disconnect(self);
	if (result->connect_error < 0) {
		delivery_connect_failed(self, result->connect_error);
	} else if (stale) {
		/* The server had closed an idle connection, and the request crossed with that on the way. */
		self->stale_retried = true;
		self->calling = false;
		otlp_grpc_turn_at(self, loop_now_ns());
	} else {
		delivery_answered(self, result->response);
	}
}

static int delivery_connect(struct otlp_grpc_exporter *self)
{
	const struct grpc_client_options options = {
		.authority = self->endpoint.authority,
		.user_agent = "shmotel-receiver/" SHMOTEL_VERSION " OTel-OTLP-Exporter-C/" SHMOTEL_VERSION,
		.headers = self->headers.list,
		.header_count = self->headers.count,
		.done = delivery_call_done,
		.context = self,
	};
	const int fd = transport_connect(&self->endpoint, self->connections++);

	if (fd < 0)
		return fd;
	return grpc_client_open(&self->client, self->loop, fd, &options);
}

static void delivery_attempt(struct otlp_grpc_exporter *self)
{
	struct grpc_call call = {
		.path = paths[self->current->signal],
		.message = self->packed != NULL ? self->packed : self->current->bytes,
		.length = self->packed != NULL ? self->packed_length : self->current->length,
		.gzip = self->packed != NULL,
		.timeout_ns = self->options.timeout_ns,
	};
	int error = 0;

	if (self->attempts++ > 0)
		counter_add(COUNTER_EXPORT_RETRIES, 1);
	if (self->client != NULL && !grpc_client_usable(self->client))
		otlp_grpc_disconnect(self);
	if (self->client == NULL)
		error = delivery_connect(self);
	if (error == 0)
		error = grpc_client_call(self->client, &call);
	if (error < 0) {
		otlp_grpc_disconnect(self);
		delivery_connect_failed(self, error);
		return;
	}
	self->calling = true;
}

static void delivery_begin(struct otlp_grpc_exporter *self)
{
	retry_begin(&self->retry, &self->options.retry, loop_now_ns());
	self->attempts = 0;
	self->stale_retried = false;
	/* A compression that finds no memory is left out: sending as it is needs none. */
	if (self->options.gzip &&
	    gzip_compress(&self->packed, &self->packed_length, self->current->bytes, self->current->length) < 0)
		self->packed = NULL;
}

void otlp_grpc_turn(void *context)
{
	struct otlp_grpc_exporter *self = context;

	if (self->calling)
		return;
	if (self->current == NULL) {
		self->current = export_queue_pop(&self->queue);
		if (self->current == NULL)
			return;
		delivery_begin(self);
	}
	delivery_attempt(self);
}
