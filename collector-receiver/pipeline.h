/* The data path between ring and exporters: records in, encoded requests out. */
#ifndef RECEIVER_PIPELINE_H
#define RECEIVER_PIPELINE_H

#include "connections/connections.h"
#include "intake/intake.h"
#include "loop.h"
#include "options.h"
#include "otlp/telemetry.h"
#include "shm_protocol/sensor_counters.h"

struct pipeline {
	struct loop *loop;
	struct connections *connections;
	struct telemetry *telemetry;
	struct loop_timer telemetry_timer; /* when telemetry wants to be called */
	struct loop_timer connections_timer;
	uint64_t batch_delay_ns;
	bool batch_waits; /* the telemetry timer knows of the batch that is open */
	uint32_t sensor_pid;  /* of the last one that was attached, and since when: CLOCK_MONOTONIC */
	uint64_t attached_ns;
	char problem[512]; /* why there is no sensor; "" if nothing was said */
	uint64_t sensor_counters[SENSOR_COUNTER_COUNT]; /* as last told */
	bool closing;	  /* what happens now is nothing to tell of */
	struct slice known_methods[RECEIVER_LIST_MAX];
	struct slice query_keys[RECEIVER_LIST_MAX];
};

/* `pipeline` is zeroed by the caller, who calls pipeline_close whatever the outcome. Loop, options and sink are
 * borrowed until then. Returns 0, or -errno after having said on standard error what is wrong. */
int pipeline_open(struct pipeline *pipeline, struct loop *loop, const struct receiver_options *options,
		  const struct otlp_request_sink *sink) __attribute__((warn_unused_result));

/* Where the intake hands its records. Valid as long as the pipeline. */
struct record_sink pipeline_sink(struct pipeline *pipeline);

/* Report what is unfinished and hand everything to the exporters. No record may follow. */
void pipeline_shutdown(struct pipeline *pipeline);
void pipeline_close(struct pipeline *pipeline);

#endif
