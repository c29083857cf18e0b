/* The way from exchanges to OTLP: spans in batches, duration metrics and shmotel's own counters, by the clock.
 *
 * Single-threaded, without a loop of its own: feed it with telemetry_take, then call telemetry_tick, and again not
 * later than the deadline which that returns. Everything is bounded by the configuration, and what a bound costs is
 * counted. */
#ifndef OTLP_TELEMETRY_H
#define OTLP_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchanges/exchange.h"
#include "otlp/request.h"
#include "otlp/self_metrics.h"
#include "otlp/span_from_exchange.h"

struct telemetry_config {
	bool traces;
	bool metrics;	       /* request durations */
	bool self_metrics;     /* shmotel.* */
	bool export_unsampled; /* spans whose traceparent says "not sampled" too; else they count in metrics only */
	bool command_line;     /* process.command_line: may hold secrets */
	bool delta;	       /* temporality; else cumulative */
	struct span_rules rules;
	uint32_t batch_spans_max;
	size_t batch_bytes_max; /* of a request before compression, metrics too; Collectors refuse more than 4 MiB */
	uint64_t batch_delay_ns;
	uint64_t metric_interval_ns;
	uint32_t series_per_metric_max; /* per process */
	uint32_t series_max;		/* of all processes */
	uint32_t resources_max;		/* processes at a time */
	/* The receiver's own OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES (NULL: none); borrowed for the call of
	 * telemetry_create. */
	const char *service_name;
	const char *resource_attributes;
};

/* Traces and metrics on, 512 spans, 3.5 MiB, 1 s, 60 s, 2000 series a metric, 16384 in all, 4096 processes. */
void telemetry_config_defaults(struct telemetry_config *config);

struct telemetry;

/* Reads the host's identity and the kernel's randomness, so call it before privileges are given up. The time is that of
 * the caller's clock until telemetry_set_clock. NULL: no memory or no randomness (errno). */
struct telemetry *telemetry_create(const struct telemetry_config *config, const struct otlp_request_sink *sink);

/* Sends nothing: flush first. NULL is allowed. */
void telemetry_destroy(struct telemetry *telemetry);

/* exchange_sink.take, with the telemetry as context. */
void telemetry_take(void *telemetry, const struct exchange *exchange);

/* What CLOCK_MONOTONIC and Unix time were at one moment, from the sensor's clock record. */
void telemetry_set_clock(struct telemetry *telemetry, uint64_t monotonic_ns, uint64_t unix_ns);

/* The sensor's counters, by position of SENSOR_COUNTERS. */
void telemetry_set_sensor_counters(struct telemetry *telemetry, const uint64_t *values, uint32_t count);

/* Where the levels of self_metrics.h come from; asked at each export of metrics. */
void telemetry_set_levels(struct telemetry *telemetry, self_levels_fn levels, void *context);

/* The process is gone: its series end after one more export. What comes of it before that still joins it. */
void telemetry_process_ended(struct telemetry *telemetry, uint64_t process_id);

/* Send what is due at now_ns (CLOCK_MONOTONIC). Returns when it wants to be called again. */
uint64_t telemetry_tick(struct telemetry *telemetry, uint64_t now_ns);

/* Send everything now, metrics too. */
void telemetry_flush(struct telemetry *telemetry, uint64_t now_ns);

#endif
