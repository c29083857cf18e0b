/* shmotel's own health as metrics: the counters of the receiver and of the sensor. */
#ifndef OTLP_SELF_METRICS_H
#define OTLP_SELF_METRICS_H

#include "counters.h"
#include "otlp/duration_metrics.h"
#include "shm_protocol/sensor_counters.h"

/* What stands at a level, for each component that has it: SELF_LEVEL(id, metric name, unit, meaning). The names follow
 * otel.sdk.processor.span.queue.* and otel.sdk.exporter.*.inflight. */
#define SELF_LEVELS(SELF_LEVEL)                                                                                        \
	SELF_LEVEL(QUEUE_SIZE, "shmotel.exporter.queue.size", "{request}", "requests that wait for an exporter")       \
	SELF_LEVEL(QUEUE_CAPACITY, "shmotel.exporter.queue.capacity", "{request}", "requests that may wait")           \
	SELF_LEVEL(SPANS, "shmotel.exporter.span.inflight", "{span}", "spans that wait or are being delivered")        \
	SELF_LEVEL(POINTS, "shmotel.exporter.metric_data_point.inflight", "{data_point}",                              \
		   "data points that wait or are being delivered")                                                     \
	SELF_LEVEL(SPOOL_SIZE, "shmotel.exporter.spool.size", "By", "bytes of the spool that are in use")              \
	SELF_LEVEL(SPOOL_CAPACITY, "shmotel.exporter.spool.capacity", "By", "bytes of the spool")

enum self_level {
#define SELF_LEVEL_ID(id, name, unit, meaning) SELF_LEVEL_##id,
	SELF_LEVELS(SELF_LEVEL_ID)
#undef SELF_LEVEL_ID
	SELF_LEVEL_COUNT
};

enum { SELF_COMPONENTS_MAX = 16 };

#define SELF_LEVEL_ABSENT UINT64_MAX /* the component has no such thing */

struct self_levels {
	size_t count;
	struct {
		const char *name; /* otel.component.name */
		uint64_t values[SELF_LEVEL_COUNT];
	} components[SELF_COMPONENTS_MAX];
};

/* Asked for whenever the metrics are written. Fill in what is zeroed; the names are borrowed for the call's time. */
typedef void (*self_levels_fn)(void *context, struct self_levels *levels);

/* Zero-initialise. */
struct self_metrics {
	self_levels_fn levels; /* NULL: none */
	void *levels_context;
	uint64_t start_unix_ns;
	uint64_t sensor_start_unix_ns; /* of the sensor's counters; 0: none known */
	uint64_t sensor[SENSOR_COUNTER_COUNT];
	uint64_t reported[COUNTER_COUNT]; /* by the last delta */
	uint64_t sensor_reported[SENSOR_COUNTER_COUNT];
};

/* Values by position of SENSOR_COUNTERS; of a newer sensor the first count that this version knows. A value below the
 * one before means that the sensor was started anew. */
void self_metrics_set_sensor(struct self_metrics *self, const uint64_t *values, uint32_t count, uint64_t now_unix_ns);

/* Write all counters as monotonic sums of the resource, and all levels as sums that are not. */
void self_metrics_write(struct self_metrics *self, struct slice resource, const struct metric_period *period,
			struct metric_request *request);

#endif
