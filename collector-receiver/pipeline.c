/* The data path between ring and exporters. */
#include "pipeline.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "daemon/log.h"

/* About once a second, with one of the wakeups that the sensor causes twice a second while anything flows. */
static const uint64_t tick_latest_ns = 1250000000;
static const uint64_t tick_slack_ns = 500000000;

/* --- records ------------------------------------------------------------------------------------------------------ */

static void take_loss(const struct shm_record_loss *loss)
{
	static const char *const causes[] = {
		[SHM_LOSS_KERNEL_RING] = "the ring between kernel and sensor was full: raise sensor.kernel_ring_bytes",
		[SHM_LOSS_SHARED_RING] = "the ring between sensor and receiver was full: raise sensor.ring_bytes",
		[SHM_LOSS_CAPTURE] = "the kernel side skipped them or had no room: raise sensor.connections_max and "
				     "sensor.processes_max",
	};
	static struct log_limit limits[SHM_LOSS_CAPTURE + 1];

	counter_add(COUNTER_LOSS_REPORTED, loss->records);
	/* The stage has been checked with the record. */
	log_line_limited(&limits[loss->stage], LOG_LEVEL_WARNING,
			 "%" PRIu64 " records were lost before they came here; %s", loss->records, causes[loss->stage]);
}

/* A sensor of another version may know more of them, or fewer. */
static void keep_sensor_counters(struct pipeline *p, const struct shm_record_view *view)
{
	const uint32_t count = view->counters.fixed->count;

	memcpy(p->sensor_counters, view->counters.values,
	       (count < SENSOR_COUNTER_COUNT ? count : SENSOR_COUNTER_COUNT) * sizeof(p->sensor_counters[0]));
}

static void on_record(void *context, const struct shm_record_view *view)
{
	struct pipeline *p = context;

	if (view->header->type == SHM_RECORD_PROCESS_EXIT)
		telemetry_process_ended(p->telemetry, view->process_exit->process_id);
	if (connections_record(p->connections, view))
		return;
	switch (view->header->type) {
	case SHM_RECORD_CLOCK:
		telemetry_set_clock(p->telemetry, view->clock->monotonic_ns, view->clock->unix_ns);
		break;
	case SHM_RECORD_COUNTERS:
		keep_sensor_counters(p, view);
		telemetry_set_sensor_counters(p->telemetry, view->counters.values, view->counters.fixed->count);
		break;
	case SHM_RECORD_LOSS:
		take_loss(view->loss);
		break;
	case SHM_RECORD_SNAPSHOT_END:
		log_line(LOG_LEVEL_INFO, "there before the attach: processes %u, connections %u",
			 view->snapshot_end->processes, view->snapshot_end->connections);
		break;
	}
}

static void on_attached(void *context, uint64_t generation, uint32_t sensor_pid)
{
	struct pipeline *p = context;

	(void)generation;
	connections_reset(p->connections);
	p->sensor_pid = sensor_pid;
	p->attached_ns = loop_now_ns();
	p->problem[0] = '\0';
	log_line(LOG_LEVEL_INFO, "attached to sensor %u", sensor_pid);
}

/* What is unfinished stays unfinished: its end passed unseen. */
static void on_detached(void *context)
{
	struct pipeline *p = context;

	if (p->closing)
		return;
	connections_reset(p->connections);
	log_line(LOG_LEVEL_WARNING, "the sensor is gone; waiting for it to come back");
}

static void on_problem(void *context, const char *sentence)
{
	struct pipeline *p = context;

	snprintf(p->problem, sizeof(p->problem), "%s", sentence);
	log_line(LOG_LEVEL_INFO, "waiting for the sensor: %s", sentence);
}

/* --- exchanges ---------------------------------------------------------------------------------------------------- */

static void tick_telemetry(void *context)
{
	struct pipeline *p = context;
	uint64_t now_ns = loop_now_ns();
	uint64_t due_ns = telemetry_tick(p->telemetry, now_ns);

	/* Further off than a batch may wait: there is none, and the next span has to say so. */
	p->batch_waits = due_ns <= now_ns + p->batch_delay_ns;
	loop_timer_set(p->loop, &p->telemetry_timer, due_ns);
}

/* Nothing more comes at once: the moment to send what is old enough. The sensor has gathered it for longer than a batch
 * waits, mostly, so that it goes on without a wakeup of its own. */
static void on_drained(void *context)
{
	struct pipeline *p = context;

	if (p->batch_waits)
		tick_telemetry(p);
}

static void take_exchange(void *context, const struct exchange *exchange)
{
	struct pipeline *p = context;

	telemetry_take(p->telemetry, exchange);
	if (p->batch_waits)
		return;
	p->batch_waits = true;
	/* For a ring that is never empty, and for what comes of no record. */
	const uint64_t latest_ns = loop_now_ns() + p->batch_delay_ns;

	if (p->telemetry_timer.deadline_ns > latest_ns)
		loop_timer_set(p->loop, &p->telemetry_timer, latest_ns);
}

static void tick_connections(void *context)
{
	struct pipeline *p = context;
	uint64_t now_ns = loop_now_ns();

	connections_tick(p->connections, now_ns);
	loop_timer_set(p->loop, &p->connections_timer, now_ns + tick_latest_ns);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int fail(const char *what, int error)
{
	log_line(LOG_LEVEL_ERROR, "%s cannot be set up: %s", what, strerror(-error));
	return error;
}

/* The texts stay the options', which hold no more than fit. Returns how many there are. */
static size_t slices_of(const struct option_texts *texts, struct slice slices[RECEIVER_LIST_MAX])
{
	assert(texts->count <= RECEIVER_LIST_MAX);
	for (size_t i = 0; i < texts->count; i++)
		slices[i] = (struct slice){texts->items[i], strlen(texts->items[i])};
	return texts->count;
}

static int open_telemetry(struct pipeline *p, const struct receiver_options *o, const struct otlp_request_sink *sink)
{
	struct telemetry_config config;

	telemetry_config_defaults(&config);
	config.export_unsampled = o->export_unsampled;
	config.command_line = o->command_line;
	config.delta = o->temporality == TEMPORALITY_DELTA;
	config.rules.known_methods = p->known_methods;
	config.rules.known_method_count = slices_of(&o->known_methods, p->known_methods);
	config.rules.redaction.sensitive_keys = p->query_keys;
	config.rules.redaction.sensitive_key_count = slices_of(&o->redacted_query_keys, p->query_keys);
	config.rules.redaction.query_text = o->query_text;
	config.rules.body_sizes = o->body_sizes;
	config.rules.database_server_spans = o->database_server_spans;
	config.rules.returned_rows = o->returned_rows;
	config.batch_spans_max = o->batch_spans;
	/* Room for what the transport adds. */
	config.batch_bytes_max = o->request_bytes_max / 8 * 7;
	config.batch_delay_ns = o->batch_delay_ns;
	config.metric_interval_ns = o->metric_interval_ns;
	config.series_per_metric_max = o->cardinality_limit;
	if (config.series_max < o->cardinality_limit)
		config.series_max = o->cardinality_limit; /* one process may use its limit up */
	config.service_name = o->service_name;
	config.resource_attributes = o->resource_attributes;
	p->telemetry = telemetry_create(&config, sink);
	return p->telemetry != NULL ? 0 : fail("the telemetry", errno != 0 ? -errno : -ENOMEM);
}

static int open_connections(struct pipeline *p, const struct receiver_options *o)
{
	const struct connections_limits limits = {
		.connections_max = o->connections_max,
		.processes_max = o->processes_max,
		.buffer_bytes_max = o->buffer_bytes,
	};
	const struct exchange_sink sink = {.take = take_exchange, .context = p};

	p->connections = connections_create(&limits, &sink);
	return p->connections != NULL ? 0 : fail("the connection tables", -ENOMEM);
}

int pipeline_open(struct pipeline *p, struct loop *loop, const struct receiver_options *options,
		  const struct otlp_request_sink *sink)
{
	int error;

	p->loop = loop;
	p->batch_delay_ns = options->batch_delay_ns;
	p->telemetry_timer = (struct loop_timer){.fire = tick_telemetry, .context = p};
	p->connections_timer = (struct loop_timer){.fire = tick_connections, .context = p, .slack_ns = tick_slack_ns};
	error = open_telemetry(p, options, sink);
	if (error == 0)
		error = open_connections(p, options);
	if (error != 0)
		return error;
	tick_telemetry(p);
	tick_connections(p);
	return 0;
}

struct record_sink pipeline_sink(struct pipeline *p)
{
	return (struct record_sink){
		.record = on_record,
		.drained = on_drained,
		.attached = on_attached,
		.detached = on_detached,
		.problem = on_problem,
		.context = p,
	};
}

void pipeline_shutdown(struct pipeline *p)
{
	p->closing = true;
	connections_shutdown(p->connections);
	loop_timer_cancel(p->loop, &p->telemetry_timer);
	loop_timer_cancel(p->loop, &p->connections_timer);
	telemetry_flush(p->telemetry, loop_now_ns());
}

void pipeline_close(struct pipeline *p)
{
	connections_destroy(p->connections);
	telemetry_destroy(p->telemetry);
}
