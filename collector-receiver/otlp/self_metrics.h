/* shmotel's own health as metrics: the counters of the receiver and of the sensor. */
#ifndef OTLP_SELF_METRICS_H
#define OTLP_SELF_METRICS_H

#include "counters.h"
#include "otlp/duration_metrics.h"
#include "shm_protocol/sensor_counters.h"

/* Zero-initialise. */
struct self_metrics {
	uint64_t start_unix_ns;
	uint64_t sensor_start_unix_ns; /* of the sensor's counters; 0: none known */
	uint64_t sensor[SENSOR_COUNTER_COUNT];
	uint64_t reported[COUNTER_COUNT]; /* by the last delta */
	uint64_t sensor_reported[SENSOR_COUNTER_COUNT];
};

/* Values by position of SENSOR_COUNTERS; of a newer sensor the first count that this version knows. A value below the
 * one before means that the sensor was started anew. */
void self_metrics_set_sensor(struct self_metrics *self, const uint64_t *values, uint32_t count, uint64_t now_unix_ns);

/* Write all counters as monotonic sums of the resource. */
void self_metrics_write(struct self_metrics *self, struct slice resource, const struct metric_period *period,
			struct metric_request *request);

#endif
