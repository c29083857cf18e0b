/* Write counters as monotonic sums, and levels as others. */
#include "otlp/self_metrics.h"

#include "otlp/scope.h"

enum sum_field {
	METRIC_SUM = 7,
	SUM_DATA_POINTS = 1,
	SUM_IS_MONOTONIC = 3,
	POINT_START = 2,
	POINT_TIME = 3,
	POINT_AS_INT = 6,
	POINT_ATTRIBUTES = 7,
};

static const struct counter_description sensor_descriptions[SENSOR_COUNTER_COUNT] = {
#define SENSOR_COUNTER_ROW(id, name, unit, attributes, meaning)                                                        \
	[SENSOR_COUNTER_##id] = {name, unit, attributes, meaning},
	SENSOR_COUNTERS(SENSOR_COUNTER_ROW)
#undef SENSOR_COUNTER_ROW
};

/* One table of counters. */
struct source {
	const struct counter_description *descriptions;
	const uint64_t *values;
	uint64_t *reported;
	uint32_t count;
	uint64_t start_unix_ns;
};

void self_metrics_set_sensor(struct self_metrics *self, const uint64_t *values, uint32_t count, uint64_t now_unix_ns)
{
	bool restarted = self->sensor_start_unix_ns == 0;

	if (count > SENSOR_COUNTER_COUNT)
		count = SENSOR_COUNTER_COUNT;
	for (uint32_t i = 0; i < count; i++)
		restarted = restarted || values[i] < self->sensor[i];
	if (restarted) {
		self->sensor_start_unix_ns = now_unix_ns;
		memset(self->sensor_reported, 0, sizeof(self->sensor_reported));
	}
	memcpy(self->sensor, values, count * sizeof(values[0]));
}

static struct slice from_text(const char *text)
{
	return (struct slice){text, strlen(text)};
}

/* "key=value,key=value" */
static void add_attributes(struct wire_buffer *out, const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		size_t key = strcspn(text, "=");

		wire_add_string_attribute(out, POINT_ATTRIBUTES, (struct slice){text, key},
					  (struct slice){text + key + 1, length - key - 1});
		text += length + (text[length] == ',');
	}
}

static void write_point(struct wire_buffer *out, const struct source *source, uint32_t i,
			const struct metric_period *period)
{
	bool delta = period->temporality == METRIC_DELTA;
	uint64_t start = source->start_unix_ns;
	size_t point = wire_message_begin(out, SUM_DATA_POINTS);

	if (delta && period->start_unix_ns > start)
		start = period->start_unix_ns;
	wire_add_fixed64(out, POINT_START, start);
	wire_add_fixed64(out, POINT_TIME, period->end_unix_ns);
	wire_add_fixed64(out, POINT_AS_INT, source->values[i] - (delta ? source->reported[i] : 0));
	add_attributes(out, source->descriptions[i].attributes);
	wire_message_end(out, point);
	if (delta)
		source->reported[i] = source->values[i];
}

static bool same_metric(const struct source *source, uint32_t a, uint32_t b)
{
	return strcmp(source->descriptions[a].metric, source->descriptions[b].metric) == 0;
}

static bool seen_before(const struct source *source, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++)
		if (same_metric(source, i, j))
			return true;
	return false;
}

/* The meaning belongs to a metric only if it has a single counter. */
static const char *common_description(const struct source *source, uint32_t first)
{
	for (uint32_t i = first + 1; i < source->count; i++)
		if (same_metric(source, i, first))
			return "";
	return source->descriptions[first].meaning;
}

static void write_metric(const struct source *source, uint32_t first, const struct metric_period *period,
			 struct metric_request *request)
{
	struct metric_data data = metric_data_begin(request, from_text(source->descriptions[first].metric),
						    from_text(common_description(source, first)),
						    from_text(source->descriptions[first].unit), METRIC_SUM);

	for (uint32_t i = first; i < source->count; i++) {
		if (!same_metric(source, i, first))
			continue;
		write_point(&request->body, source, i, period);
		request->points_here++;
	}
	wire_add_varint(&request->body, SUM_IS_MONOTONIC, 1);
	metric_data_end(request, data, period->temporality);
}

static void write_source(const struct source *source, const struct metric_period *period,
			 struct metric_request *request)
{
	for (uint32_t i = 0; i < source->count; i++)
		if (!seen_before(source, i))
			write_metric(source, i, period, request);
}

/* A level is what was added less what was taken away: OpenTelemetry's UpDownCounter, cumulative whatever is
 * preferred. */
static void write_level(const struct self_levels *levels, enum self_level level, uint64_t start_unix_ns,
			const struct metric_period *period, struct metric_request *request)
{
	static const struct counter_description descriptions[SELF_LEVEL_COUNT] = {
#define SELF_LEVEL_ROW(id, name, unit, meaning) [SELF_LEVEL_##id] = {name, unit, "", meaning},
		SELF_LEVELS(SELF_LEVEL_ROW)
#undef SELF_LEVEL_ROW
	};
	const struct counter_description *d = &descriptions[level];
	const size_t before = request->body.length;
	struct metric_data data = metric_data_begin(request, from_text(d->metric), from_text(d->meaning),
						    from_text(d->unit), METRIC_SUM);
	uint32_t points = 0;

	for (size_t i = 0; i < levels->count; i++) {
		const uint64_t value = levels->components[i].values[level];
		size_t point;

		if (value == SELF_LEVEL_ABSENT)
			continue;
		point = wire_message_begin(&request->body, SUM_DATA_POINTS);
		wire_add_fixed64(&request->body, POINT_START, start_unix_ns);
		wire_add_fixed64(&request->body, POINT_TIME, period->end_unix_ns);
		wire_add_fixed64(&request->body, POINT_AS_INT, value);
		wire_add_string_attribute(&request->body, POINT_ATTRIBUTES, from_text("otel.component.name"),
					  from_text(levels->components[i].name));
		wire_message_end(&request->body, point);
		points++;
	}
	metric_data_end(request, data, METRIC_CUMULATIVE);
	if (points == 0 && !request->body.failed)
		request->body.length = before;
	request->points_here += points;
}

static void write_levels(const struct self_metrics *self, const struct metric_period *period,
			 struct metric_request *request)
{
	struct self_levels levels = {.count = 0};

	if (self->levels == NULL)
		return;
	self->levels(self->levels_context, &levels);
	for (int level = 0; level < SELF_LEVEL_COUNT; level++)
		write_level(&levels, (enum self_level)level, self->start_unix_ns, period, request);
}

void self_metrics_write(struct self_metrics *self, struct slice resource, const struct metric_period *period,
			struct metric_request *request)
{
	const struct source receiver = {counter_descriptions, counters, self->reported, COUNTER_COUNT,
					self->start_unix_ns};
	const struct source sensor = {sensor_descriptions, self->sensor, self->sensor_reported, SENSOR_COUNTER_COUNT,
				      self->sensor_start_unix_ns};
	struct metric_brackets brackets = metric_request_begin(request, resource, otlp_scopes[OTLP_SCOPE_SELF]);

	write_source(&receiver, period, request);
	if (self->sensor_start_unix_ns != 0)
		write_source(&sensor, period, request);
	write_levels(self, period, request);
	metric_request_end(request, brackets);
}
