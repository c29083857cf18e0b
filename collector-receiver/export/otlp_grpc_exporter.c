/* Deliver requests one after the other: attempt, judge, retry or count. */
#include "export/otlp_grpc_exporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "counters.h"
#include "export/endpoint.h"
#include "export/export_log.h"
#include "export/export_outcome.h"
#include "export/export_queue.h"
#include "export/export_response.h"
#include "export/grpc_client.h"
#include "export/gzip.h"
#include "export/otlp_headers.h"
#include "export/transport.h"

enum {
	SENTENCE_MAX = 512,
	NAME_MAX_BYTES = ENDPOINT_TEXT_MAX + 16,
};

const struct otlp_grpc_options otlp_grpc_options_default = {
	.timeout_ns = 5000000000,
	.max_request_bytes = 4 * 1024 * 1024,
	.queue_requests = 1000,
	.queue_bytes = 16 * 1024 * 1024,
	.retry = RETRY_OPTIONS_DEFAULT,
};

static const char *const paths[OTLP_SIGNAL_COUNT] = {
	[OTLP_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	[OTLP_METRICS] = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};

struct otlp_grpc_exporter {
	struct exporter base;
	struct loop *loop;
	struct otlp_grpc_options options; /* target and headers are not used after creation */
	struct endpoint endpoint;
	struct otlp_headers headers;
	char name[NAME_MAX_BYTES];
	struct export_log log;
	struct export_queue queue;
	struct grpc_client *client; /* NULL: not connected */
	unsigned connections;       /* attempted, to take the addresses of a host in turn */
	struct loop_timer turn;     /* time for the next step: everything happens from the loop */
	uint32_t random;

	/* The request that is being delivered. */
	struct otlp_request *current; /* NULL: none */
	struct retry retry;
	uint32_t attempts;
	bool calling;
	bool stale_retried;
	uint8_t *packed; /* current, compressed; NULL if it is not */
	size_t packed_length;

	uint64_t failures; /* attempts in a row that were not answered with a success or a refusal */
	bool draining;
	bool closed; /* the deadline of the shutdown has passed: nothing is taken any more */
	struct loop_timer deadline;
};

static struct otlp_grpc_exporter *exporter_from(struct exporter *base)
{
	return (struct otlp_grpc_exporter *)base;
}

static void exporter_turn_at(struct otlp_grpc_exporter *self, uint64_t deadline_ns)
{
	loop_timer_set(self->loop, &self->turn, deadline_ns);
}

/* xorshift: spreads retries, keeps no secret. */
static uint32_t exporter_random(struct otlp_grpc_exporter *self)
{
	self->random ^= self->random << 13;
	self->random ^= self->random >> 17;
	self->random ^= self->random << 5;
	return self->random;
}

static void exporter_disconnect(struct otlp_grpc_exporter *self)
{
	grpc_client_close(self->client);
	self->client = NULL;
}

/* The current request has ended: `items` of it in `outcome`. Counting the rest, if any, is the caller's. */
static void exporter_finish(struct otlp_grpc_exporter *self, enum export_outcome outcome, uint64_t items)
{
	export_outcome_count(outcome, self->current->signal, items);
	otlp_request_release(self->current);
	free(self->packed);
	self->current = NULL;
	self->packed = NULL;
	self->calling = false;
	exporter_turn_at(self, loop_now_ns());
}

/* An attempt failed in a way that may pass. */
static void exporter_retry(struct otlp_grpc_exporter *self, uint64_t throttle_ns)
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
		exporter_finish(self, EXPORT_SHUTDOWN, request->items);
	} else if (retry_next(&self->retry, &self->options.retry, now_ns, throttle_ns, exporter_random(self), &delay_ns)) {
		exporter_turn_at(self, now_ns + delay_ns);
	} else {
		export_log_say(&self->log, EXPORT_LOG_EXPIRED,
			       "%" PRIu32 " %s were given up after %" PRIu32 " attempts.", request->items,
			       export_items_name(request->signal), self->attempts);
		exporter_finish(self, EXPORT_EXPIRED, request->items);
	}
}

static void exporter_connect_failed(struct otlp_grpc_exporter *self, int error)
{
	char sentence[SENTENCE_MAX];
	const enum export_log_reason reason = transport_explain(&self->endpoint, error, sentence, sizeof(sentence));

	counter_add(COUNTER_EXPORT_CONNECT_FAILED, 1);
	export_log_say(&self->log, reason, "%s", sentence);
	exporter_retry(self, 0);
}

static void exporter_delivered(struct otlp_grpc_exporter *self, const struct grpc_response *answer)
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
			       "%" PRIu32 " %s are lost: the answer says OK, but is not an OTLP response.", request->items,
			       export_items_name(request->signal));
		exporter_finish(self, EXPORT_REFUSED, request->items);
		return;
	}
	rejected = response.rejected < request->items ? response.rejected : request->items;
	grpc_text_decode(reason, sizeof(reason), response.reason, response.reason_length, false);
	if (rejected > 0 || reason[0] != '\0')
		export_log_say(&self->log, EXPORT_LOG_PARTIAL,
			       "The endpoint rejected %" PRIu64 " of %" PRIu32 " %s: \"%s\".", rejected, request->items,
			       export_items_name(request->signal), reason);
	if (self->failures > 0)
		export_log_say(&self->log, EXPORT_LOG_RECOVERED,
			       "Delivering again, after %" PRIu64 " failed attempts.", self->failures);
	self->failures = 0;
	export_outcome_count(EXPORT_PARTIAL, request->signal, rejected);
	exporter_finish(self, EXPORT_SENT, request->items - rejected);
}

static void exporter_answered(struct otlp_grpc_exporter *self, const struct grpc_response *answer)
{
	const struct otlp_request *request = self->current;
	const char *status = grpc_status_name(answer->status);

	if (answer->status == GRPC_OK) {
		exporter_delivered(self, answer);
	} else if (grpc_status_retryable(answer->status, answer->has_retry_info)) {
		export_log_say(&self->log, EXPORT_LOG_RETRY,
			       "%" PRIu32 " %s have to be sent again: %s, \"%s\".", request->items,
			       export_items_name(request->signal), status, answer->text);
		exporter_retry(self, answer->has_retry_info ? answer->retry_delay_ns : 0);
	} else {
		export_log_say(&self->log, EXPORT_LOG_REFUSED,
			       "%" PRIu32 " %s were refused and are lost: %s, \"%s\".", request->items,
			       export_items_name(request->signal), status, answer->text);
		self->failures = 0;
		exporter_finish(self, EXPORT_REFUSED, request->items);
	}
}

static void exporter_call_done(void *context, const struct grpc_result *result)
{
	struct otlp_grpc_exporter *self = context;
	const bool stale = result->stale && !self->stale_retried;

	if (!grpc_client_usable(self->client))
		exporter_disconnect(self);
	if (result->connect_error < 0) {
		exporter_connect_failed(self, result->connect_error);
	} else if (stale) {
		/* The server had closed an idle connection, and the request crossed with that on the way. */
		self->stale_retried = true;
		self->calling = false;
		exporter_turn_at(self, loop_now_ns());
	} else {
		exporter_answered(self, result->response);
	}
}

static int exporter_connect(struct otlp_grpc_exporter *self)
{
	const struct grpc_client_options options = {
		.authority = self->endpoint.authority,
		.user_agent = "shmotel-receiver/" SHMOTEL_VERSION " OTel-OTLP-Exporter-C/" SHMOTEL_VERSION,
		.headers = self->headers.list,
		.header_count = self->headers.count,
		.done = exporter_call_done,
		.context = self,
	};
	const int fd = transport_connect(&self->endpoint, self->connections++);

	if (fd < 0)
		return fd;
	return grpc_client_open(&self->client, self->loop, fd, &options);
}

static void exporter_attempt(struct otlp_grpc_exporter *self)
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
		exporter_disconnect(self);
	if (self->client == NULL)
		error = exporter_connect(self);
	if (error == 0)
		error = grpc_client_call(self->client, &call);
	if (error < 0) {
		exporter_disconnect(self);
		exporter_connect_failed(self, error);
		return;
	}
	self->calling = true;
}

static void exporter_begin(struct otlp_grpc_exporter *self)
{
	retry_begin(&self->retry, &self->options.retry, loop_now_ns());
	self->attempts = 0;
	self->stale_retried = false;
	/* A compression that finds no memory is left out: sending as it is needs none. */
	if (self->options.gzip && gzip_compress(&self->packed, &self->packed_length, self->current->bytes,
						self->current->length) < 0)
		self->packed = NULL;
}

static void exporter_turn(void *context)
{
	struct otlp_grpc_exporter *self = context;

	if (self->calling)
		return;
	if (self->current == NULL) {
		self->current = export_queue_pop(&self->queue);
		if (self->current == NULL)
			return;
		exporter_begin(self);
	}
	exporter_attempt(self);
}

static void exporter_not_taken(struct otlp_grpc_exporter *self, const struct otlp_request *request,
			       enum export_outcome outcome)
{
	const char *items = export_items_name(request->signal);

	export_outcome_count(outcome, request->signal, request->items);
	if (outcome == EXPORT_REFUSED)
		export_log_say(&self->log, EXPORT_LOG_TOO_LARGE,
			       "%" PRIu32 " %s are lost: a request of %zu bytes is over max_request_bytes, %zu.",
			       request->items, items, request->length, self->options.max_request_bytes);
	else if (outcome == EXPORT_QUEUE_FULL)
		export_log_say(&self->log, EXPORT_LOG_QUEUE_FULL,
			       "%" PRIu32 " %s are lost: the queue is full with %" PRIu32 " requests of %zu bytes.",
			       request->items, items, self->queue.count, self->queue.bytes);
	else
		export_log_say(&self->log, EXPORT_LOG_SHUTDOWN,
			       "%" PRIu32 " %s came after the deadline of the shutdown.", request->items, items);
}

static void exporter_submit(struct exporter *base, struct otlp_request *request)
{
	struct otlp_grpc_exporter *self = exporter_from(base);

	if (self->closed) {
		exporter_not_taken(self, request, EXPORT_SHUTDOWN);
	} else if (request->length > self->options.max_request_bytes) {
		exporter_not_taken(self, request, EXPORT_REFUSED);
	} else if (!export_queue_push(&self->queue, request)) {
		exporter_not_taken(self, request, EXPORT_QUEUE_FULL);
	} else if (self->current == NULL) {
		exporter_turn_at(self, loop_now_ns());
	}
}

static bool exporter_idle(const struct exporter *base)
{
	const struct otlp_grpc_exporter *self = (const struct otlp_grpc_exporter *)base;

	return self->current == NULL && self->queue.count == 0;
}

/* Everything that is left is lost, and counted. */
static void exporter_give_up(struct otlp_grpc_exporter *self)
{
	uint64_t items[OTLP_SIGNAL_COUNT] = {0};

	exporter_disconnect(self); /* before the request, whose bytes a call in progress still reads */
	if (self->current == NULL)
		self->current = export_queue_pop(&self->queue);
	while (self->current != NULL) {
		items[self->current->signal] += self->current->items;
		exporter_finish(self, EXPORT_SHUTDOWN, self->current->items);
		self->current = export_queue_pop(&self->queue);
	}
	loop_timer_cancel(self->loop, &self->turn);
	if (items[OTLP_TRACES] + items[OTLP_METRICS] > 0)
		export_log_say(&self->log, EXPORT_LOG_SHUTDOWN,
			       "%" PRIu64 " spans and %" PRIu64 " data points were not delivered before the deadline of "
			       "the shutdown.", items[OTLP_TRACES], items[OTLP_METRICS]);
}

static void exporter_deadline(void *context)
{
	struct otlp_grpc_exporter *self = context;

	self->closed = true;
	exporter_give_up(self);
}

static void exporter_drain(struct exporter *base, uint64_t deadline_ns)
{
	struct otlp_grpc_exporter *self = exporter_from(base);

	self->draining = true;
	loop_timer_set(self->loop, &self->deadline, deadline_ns);
	if (!self->calling)
		exporter_turn_at(self, loop_now_ns());
}

static void exporter_destroy(struct exporter *base)
{
	struct otlp_grpc_exporter *self = exporter_from(base);

	exporter_give_up(self);
	loop_timer_cancel(self->loop, &self->deadline);
	export_queue_free(&self->queue);
	otlp_headers_free(&self->headers);
	free(self);
}

static const struct exporter_type otlp_grpc_exporter_type = {
	.name = "otlp-grpc",
	.submit = exporter_submit,
	.idle = exporter_idle,
	.drain = exporter_drain,
	.destroy = exporter_destroy,
};

static int options_check(const struct otlp_grpc_options *options, char *message, size_t size)
{
	const struct retry_options *retry = &options->retry;
	const char *wrong = NULL;

	if (options->timeout_ns == 0)
		wrong = "The timeout of an exporter must not be 0.";
	else if (options->queue_requests == 0 || options->queue_bytes < options->max_request_bytes)
		wrong = "The queue of an exporter must have room for at least one request of max_request_bytes.";
	else if (options->max_request_bytes == 0 || options->max_request_bytes > INT32_MAX)
		wrong = "max_request_bytes must be between 1 and 2147483647.";
	else if (!(retry->randomization_factor >= 0 && retry->randomization_factor <= 1))
		wrong = "randomization_factor must be between 0 and 1.";
	else if (!(retry->multiplier >= 1 && retry->multiplier <= 1000))
		wrong = "multiplier must be between 1 and 1000.";
	if (wrong == NULL)
		return 0;
	snprintf(message, size, "%s", wrong);
	return -EINVAL;
}

static int exporter_init(struct otlp_grpc_exporter *self, const struct otlp_grpc_options *options, char *message,
			 size_t size)
{
	int error = endpoint_resolve(&self->endpoint, options->target, message, size);

	if (error < 0)
		return error;
	error = otlp_headers_init(&self->headers, options->headers, options->header_count, message, size);
	if (error < 0)
		return error;
	error = export_queue_init(&self->queue, options->queue_requests, options->queue_bytes);
	if (error < 0) {
		snprintf(message, size, "There is no memory for a queue of %" PRIu32 " requests.", options->queue_requests);
		otlp_headers_free(&self->headers);
	}
	return error;
}

int otlp_grpc_exporter_create(struct exporter **exporter, struct loop *loop, const struct otlp_grpc_options *options,
			      char *message, size_t message_size)
{
	struct otlp_grpc_exporter *self;
	int error = options_check(options, message, message_size);

	if (error < 0)
		return error;
	self = calloc(1, sizeof(*self));
	if (self == NULL) {
		snprintf(message, message_size, "There is no memory for an exporter.");
		return -ENOMEM;
	}
	error = exporter_init(self, options, message, message_size);
	if (error < 0) {
		free(self);
		return error;
	}
	self->base.type = &otlp_grpc_exporter_type;
	self->loop = loop;
	self->options = *options;
	self->turn = (struct loop_timer){.fire = exporter_turn, .context = self};
	self->deadline = (struct loop_timer){.fire = exporter_deadline, .context = self};
	if (getrandom(&self->random, sizeof(self->random), GRND_NONBLOCK) != sizeof(self->random) || self->random == 0)
		self->random = (uint32_t)loop_now_ns() | 1;
	snprintf(self->name, sizeof(self->name), "otlp-grpc %s", self->endpoint.name);
	self->log.name = self->name;
	*exporter = &self->base;
	return 0;
}
