/* Lead exchanges through span, metric and batch, and keep the times of export. */
#include "otlp/telemetry.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "otlp/duration_metrics.h"
#include "otlp/resource_cache.h"
#include "otlp/self_metrics.h"
#include "otlp/span_batch.h"

enum {
	/* When the table of resources is full, one part in this many has to leave it. */
	EVICTED_PART = 4,
};

/* Series of a process that has made no exchange for so long are not repeated any more; they begin anew if it does.
 * Catches processes whose exit was not seen. */
static const uint64_t resource_idle_ns = UINT64_C(3600) * 1000000000;

struct telemetry {
	struct telemetry_config config;
	struct random_ids ids;
	struct host_identity host;
	struct resource_rules resource_rules;
	struct resource_cache resources;
	struct series_limits limits;
	struct span_batch batch;
	struct metric_request request;
	struct self_metrics self;
	struct wire_buffer self_resource;
	struct wire_buffer scratch;
	int64_t clock_offset_ns;
	uint64_t now_ns; /* of the last tick */
	uint64_t metrics_due_ns;
	uint64_t metrics_until_unix_ns; /* the end of the last period */
	struct span span;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t unix_ns(const struct telemetry *t, uint64_t monotonic_ns)
{
	return monotonic_ns + (uint64_t)t->clock_offset_ns;
}

void telemetry_config_defaults(struct telemetry_config *config)
{
	*config = (struct telemetry_config){
		.traces = true,
		.metrics = true,
		.self_metrics = true,
		.batch_spans_max = 512,
		.batch_bytes_max = 3670016,
		.batch_delay_ns = UINT64_C(1000000000),
		.metric_interval_ns = UINT64_C(60000000000),
		.series_per_metric_max = 2000,
		.series_max = 16384,
		.resources_max = 4096,
		.service_name = "shmotel-receiver",
	};
	span_rules_defaults(&config->rules);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void encode_own_resource(struct telemetry *t, const struct telemetry_config *config)
{
	char executable[4096];
	ssize_t length = readlink("/proc/self/exe", executable, sizeof(executable));
	const char *attributes = config->resource_attributes;
	const struct process self = {
		.process_id = t->self.start_unix_ns,
		.pid = (uint32_t)getpid(),
		.start_time_unix_ns = t->self.start_unix_ns,
		.executable = {executable, length > 0 ? (size_t)length : 0},
		.service_name = {config->service_name, strlen(config->service_name)},
		.resource_attributes = {attributes, attributes != NULL ? strlen(attributes) : 0},
	};

	resource_encode(&t->self_resource, &self, &t->resource_rules);
}

static int telemetry_init(struct telemetry *t, const struct telemetry_config *config,
			  const struct otlp_request_sink *sink)
{
	int error = random_ids_seed(&t->ids);

	if (error == 0)
		error = resource_cache_init(&t->resources, config->resources_max);
	if (error != 0)
		return error;
	t->config = *config;
	t->now_ns = clock_ns(CLOCK_MONOTONIC);
	telemetry_set_clock(t, t->now_ns, clock_ns(CLOCK_REALTIME));
	host_identity_read(&t->host);
	t->resource_rules = (struct resource_rules){&t->host, config->command_line};
	t->limits =
		(struct series_limits){config->series_per_metric_max, config->series_max, 0, random_ids_next(&t->ids)};
	t->batch.count_max = config->batch_spans_max;
	t->batch.bytes_max = config->batch_bytes_max;
	t->batch.delay_ns = config->batch_delay_ns;
	t->batch.sink = *sink;
	t->request.bytes_max = config->batch_bytes_max;
	t->request.sink = *sink;
	t->self.start_unix_ns = unix_ns(t, t->now_ns);
	encode_own_resource(t, config);
	return t->self_resource.failed ? -ENOMEM : 0;
}

struct telemetry *telemetry_create(const struct telemetry_config *config, const struct otlp_request_sink *sink)
{
	struct telemetry *t = calloc(1, sizeof(*t));
	int error;

	if (t == NULL)
		return NULL;
	error = telemetry_init(t, config, sink);
	if (error == 0)
		return t;
	telemetry_destroy(t);
	errno = -error;
	return NULL;
}

void telemetry_destroy(struct telemetry *t)
{
	if (t == NULL)
		return;
	span_batch_free(&t->batch);
	metric_request_free(&t->request);
	wire_buffer_free(&t->self_resource);
	wire_buffer_free(&t->scratch);
	resource_cache_free(&t->resources, &t->limits);
	free(t);
}

void telemetry_set_clock(struct telemetry *t, uint64_t monotonic_ns, uint64_t at_unix_ns)
{
	t->clock_offset_ns = (int64_t)(at_unix_ns - monotonic_ns);
}

void telemetry_set_sensor_counters(struct telemetry *t, const uint64_t *values, uint32_t count)
{
	self_metrics_set_sensor(&t->self, values, count, unix_ns(t, t->now_ns));
}

void telemetry_set_levels(struct telemetry *t, self_levels_fn levels, void *context)
{
	t->self.levels = levels;
	t->self.levels_context = context;
}

/* --- export ------------------------------------------------------------------------------------------------------- */

/* A wall clock that was put back does not end a period before it began. */
static uint64_t period_end(const struct telemetry *t, uint64_t now_ns)
{
	uint64_t end = unix_ns(t, now_ns);

	return end > t->metrics_until_unix_ns ? end : t->metrics_until_unix_ns;
}

/* Everything out, then those that have ended are free to go. */
static void export_all(struct telemetry *t, uint64_t now_ns)
{
	const struct metric_period period = {
		.start_unix_ns = t->metrics_until_unix_ns,
		.end_unix_ns = period_end(t, now_ns),
		.temporality = t->config.delta ? METRIC_DELTA : METRIC_CUMULATIVE,
	};

	if (now_ns > resource_idle_ns)
		resource_cache_end_idle(&t->resources, now_ns - resource_idle_ns);
	span_batch_flush(&t->batch);
	for (struct resource *r = t->resources.oldest; r != NULL && t->config.metrics; r = r->newer)
		duration_metrics_write(r, &t->limits, &period, &t->request);
	if (t->config.self_metrics)
		self_metrics_write(&t->self, (struct slice){(char *)t->self_resource.bytes, t->self_resource.length},
				   &period, &t->request);
	metric_request_finish(&t->request);
	resource_cache_sweep(&t->resources, &t->limits);
	t->metrics_until_unix_ns = period.end_unix_ns;
}

uint64_t telemetry_tick(struct telemetry *t, uint64_t now_ns)
{
	uint64_t spans_due;

	t->now_ns = now_ns;
	if (t->metrics_due_ns == 0)
		t->metrics_due_ns = now_ns + t->config.metric_interval_ns;
	if (now_ns >= t->metrics_due_ns) {
		export_all(t, now_ns);
		t->metrics_due_ns = now_ns + t->config.metric_interval_ns;
	}
	spans_due = span_batch_tick(&t->batch, now_ns);
	return spans_due < t->metrics_due_ns ? spans_due : t->metrics_due_ns;
}

void telemetry_flush(struct telemetry *t, uint64_t now_ns)
{
	t->now_ns = now_ns;
	export_all(t, now_ns);
}

/* --- exchanges ---------------------------------------------------------------------------------------------------- */

/* A full table is made room in without loss: what leaves it has just been exported. Enough leaves it that the cost of
 * an export is not paid again for each new process. */
static void make_room(struct telemetry *t, uint64_t now_ns)
{
	uint32_t wanted = t->resources.count_max / EVICTED_PART + 1;
	uint32_t ended = t->resources.ended_count;

	if (ended < wanted) {
		resource_cache_end_oldest(&t->resources, wanted - ended);
		counter_add(COUNTER_RESOURCES_EVICTED, t->resources.ended_count - ended);
	}
	export_all(t, now_ns);
}

static struct resource *add_resource(struct telemetry *t, const struct exchange *exchange, uint64_t id,
				     uint64_t revision, struct slice encoded)
{
	struct resource *resource;

	if (resource_cache_full(&t->resources))
		make_room(t, exchange->end_ns > t->now_ns ? exchange->end_ns : t->now_ns);
	resource = resource_cache_add(&t->resources, id, revision, t->now_ns, encoded);
	if (resource != NULL)
		resource->start_unix_ns = unix_ns(t, exchange->start_ns);
	return resource;
}

/* A process that is announced again with nothing new, as after each attach, goes on with the same series: two resources
 * that look alike would report the same series twice. */
static struct resource *find_resource(struct telemetry *t, const struct exchange *exchange)
{
	const struct process *process = exchange->process;
	uint64_t id = process != NULL ? process->process_id : 0;
	uint64_t revision = process != NULL ? process->revision : 0;
	struct resource *known = resource_cache_find(&t->resources, id, t->now_ns);

	if (known != NULL && known->revision == revision)
		return known;
	wire_buffer_reset(&t->scratch);
	resource_encode(&t->scratch, process, &t->resource_rules);
	if (t->scratch.failed)
		return NULL;
	struct slice encoded = {(char *)t->scratch.bytes, t->scratch.length};

	if (known != NULL && slice_equal(encoded, (struct slice){(char *)known->encoded, known->encoded_length})) {
		known->revision = revision;
		return known;
	}
	if (known != NULL)
		resource_cache_supersede(&t->resources, known);
	return add_resource(t, exchange, id, revision, encoded);
}

/* No convention describes what a database's own process sees: a span on request only, and no metric. */
static bool is_wanted(const struct telemetry *t, const struct exchange *exchange)
{
	return exchange->protocol != EXCHANGE_DATABASE || exchange->role != EXCHANGE_SERVER ||
	       t->config.rules.database_server_spans;
}

void telemetry_take(void *context, const struct exchange *exchange)
{
	struct telemetry *t = context;
	struct resource *resource;

	if (!is_wanted(t, exchange)) {
		counter_add(COUNTER_DATABASE_SERVER_SPANS_OFF, 1);
		return;
	}
	resource = find_resource(t, exchange);
	if (resource == NULL) {
		counter_add(COUNTER_RESOURCES_NO_MEMORY, 1);
		return;
	}
	span_from_exchange(&t->span, exchange, &t->config.rules, &t->ids, t->clock_offset_ns);
	if (t->config.metrics)
		duration_metrics_record(resource, &t->limits, &t->span, &t->scratch);
	if (!t->config.traces)
		return;
	if (t->span.sampled || t->config.export_unsampled)
		span_batch_add(&t->batch, resource, &t->span, exchange->end_ns);
	else
		counter_add(COUNTER_SPANS_NOT_SAMPLED, 1);
}

void telemetry_process_ended(struct telemetry *t, uint64_t process_id)
{
	resource_cache_end(&t->resources, process_id);
}
