/* Make an OTLP exporter from its options, and take it apart. */
#define _GNU_SOURCE /* asprintf */
#include "export/otlp_exporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/log.h"
#include "export/delivery.h"

const struct otlp_exporter_options otlp_exporter_options_default = {
	.timeout_ns = 5000000000,
	.max_request_bytes = 4 * 1024 * 1024,
	.queue_enabled = true,
	.queue_requests = 1000,
	.queue_bytes = 16 * 1024 * 1024,
	.retry = RETRY_OPTIONS_DEFAULT,
	.tls = {.min_version = 12},
};

int otlp_exporter_options_check(const struct otlp_exporter_options *options, char *message, size_t size)
{
	struct otlp_headers headers;
	int error;

	const struct retry_options *retry = &options->retry;
	const char *wrong = NULL;

	if (options->timeout_ns == 0)
		wrong = "The timeout of an exporter must not be 0.";
	else if (options->spool.directory != NULL &&
		 options->spool.bytes < SPOOL_BYTES_MIN + 2 * (uint64_t)options->max_request_bytes)
		wrong = "sending_queue.storage.size must have room for two requests of max_request_bytes and 1 MiB "
			"more.";
	else if (options->queue_requests == 0 || options->queue_bytes < options->max_request_bytes)
		wrong = "sending_queue.queue_bytes must have room for a request of max_request_bytes: make it larger, "
			"or that smaller.";
	else if (options->max_request_bytes == 0 || options->max_request_bytes > INT32_MAX)
		wrong = "max_request_bytes must be between 1 and 2147483647.";
	else if (!(retry->randomization_factor >= 0 && retry->randomization_factor <= 1))
		wrong = "randomization_factor must be between 0 and 1.";
	else if (!(retry->multiplier >= 1 && retry->multiplier <= 1000))
		wrong = "multiplier must be between 1 and 1000.";
	if (wrong != NULL) {
		snprintf(message, size, "%s", wrong);
		return -EINVAL;
	}
	error = otlp_headers_init(&headers, options->headers, options->header_count, message, size);
	if (error == 0)
		otlp_headers_free(&headers);
	return error;
}

void delivery_free(struct otlp_exporter *self)
{
	for (size_t i = 0; i < OTLP_SIGNAL_COUNT; i++)
		free(self->paths[i]);
	tls_context_free(self->tls);
	export_queue_free(&self->queue);
	spool_close(self->spool);
	otlp_headers_free(&self->headers);
	free(self);
}

static const char *const grpc_paths[OTLP_SIGNAL_COUNT] = {
	[OTLP_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	[OTLP_METRICS] = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};

static const char *const http_paths[OTLP_SIGNAL_COUNT] = {
	[OTLP_TRACES] = "/v1/traces",
	[OTLP_METRICS] = "/v1/metrics",
};

static bool exporter_set_paths(struct otlp_exporter *self, const struct export_target *target)
{
	const bool http = target->kind == EXPORT_OTLP_HTTP;

	for (size_t i = 0; i < OTLP_SIGNAL_COUNT; i++) {
		const char *base = http ? target->url_path : "";
		const char *own = http ? http_paths[i] : grpc_paths[i];

		if (asprintf(&self->paths[i], "%s%s", base, target->path_is_whole ? "" : own) < 0) {
			self->paths[i] = NULL;
			return false;
		}
	}
	return true;
}

/* A disk without room for a spool is no reason to see nothing: the queue in memory has to do then. */
static int exporter_open_spool(struct otlp_exporter *self, const struct otlp_exporter_options *options, char *message,
			       size_t size)
{
	int error;

	if (options->spool.directory == NULL)
		return 0;
	error = spool_open(&self->spool, &options->spool, options->specification, message, size);
	if (error != -ENOSPC && error != -EDQUOT)
		return error;
	log_line(LOG_LEVEL_WARNING, "%s Requests wait in memory instead, and are lost when the receiver ends.",
		 message);
	return 0;
}

static int exporter_init(struct otlp_exporter *self, const struct otlp_exporter_options *options, char *message,
			 size_t size)
{
	const struct export_target *target = options->target;
	const bool http = target->kind == EXPORT_OTLP_HTTP;
	int error = endpoint_resolve(&self->endpoint, target, message, size);

	self->base.type = http ? &otlp_http_type : &otlp_grpc_type;
	self->protocol = http ? &call_protocol_http : &call_protocol_grpc;
	if (error == 0 && export_target_has_tls(target, options->tls.insecure))
		error = tls_context_create(&self->tls, &options->tls, target->host, call_protocol_alpn(self->protocol),
					   message, size);
	if (error == 0)
		error = otlp_headers_init(&self->headers, options->headers, options->header_count, message, size);
	if (error < 0)
		return error;
	error = export_queue_init(&self->queue, options->queue_requests, options->queue_items, options->queue_bytes);
	if (error == 0 && !exporter_set_paths(self, target))
		error = -ENOMEM;
	if (error == 0)
		return exporter_open_spool(self, options, message, size);
	snprintf(message, size, "There is no memory for a queue of %" PRIu32 " requests.", options->queue_requests);
	return error;
}

int otlp_exporter_create(struct exporter **exporter, struct loop *loop, const struct otlp_exporter_options *options,
			 char *message, size_t message_size)
{
	struct otlp_exporter *self;
	int error = otlp_exporter_options_check(options, message, message_size);

	if (error < 0)
		return error;
	self = calloc(1, sizeof(*self));
	if (self == NULL) {
		snprintf(message, message_size, "There is no memory for an exporter.");
		return -ENOMEM;
	}
	error = exporter_init(self, options, message, message_size);
	if (error < 0) {
		delivery_free(self);
		return error;
	}
	self->loop = loop;
	self->options = *options;
	if (self->spool != NULL) /* max_age is what ends the retries then */
		self->options.retry.max_elapsed_time_ns = 0;
	self->fits_bytes = options->max_request_bytes;
	self->turn = (struct loop_timer){.fire = delivery_turn, .context = self};
	if (self->spool != NULL && !spool_is_empty(self->spool))
		delivery_turn_at(self, loop_now_ns());
	self->deadline = (struct loop_timer){.fire = delivery_deadline, .context = self};
	if (getrandom(&self->random, sizeof(self->random), GRND_NONBLOCK) != sizeof(self->random) || self->random == 0)
		self->random = (uint32_t)loop_now_ns() | 1;
	snprintf(self->name, sizeof(self->name), "%s%s %s", export_signals_prefix(options->target->signals),
		 self->base.type->name, self->endpoint.name);
	self->log.name = self->name;
	*exporter = &self->base;
	return 0;
}
