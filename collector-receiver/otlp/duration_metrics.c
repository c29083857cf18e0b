/* Histograms of request durations, from span to data point. */
#include "otlp/duration_metrics.h"

#include "counters.h"
#include "otlp/instruments.h"
#include "otlp/span_encoder.h"

enum histogram_field {
	METRIC_HISTOGRAM = 9,
	HISTOGRAM_DATA_POINTS = 1,
	POINT_START = 2,
	POINT_TIME = 3,
	POINT_COUNT = 4,
	POINT_SUM = 5,
	POINT_BUCKET_COUNTS = 6,
	POINT_EXPLICIT_BOUNDS = 7,
	POINT_MIN = 11,
	POINT_MAX = 12,
};

enum {
	/* All of a point but its attributes: tag and length, six numbers, two lists. */
	POINT_BYTES = 5 + 6 * 9 + 2 * 3 + (DURATION_BUCKETS_MAX + DURATION_BOUNDS_MAX) * 8,
};

void duration_metrics_record(struct resource *resource, struct series_limits *limits, const struct span *span,
			     struct wire_buffer *scratch)
{
	const struct instrument *instrument;
	double seconds = (double)(span->end_unix_ns - span->start_unix_ns) / 1e9;

	if (span->metric == METRIC_NONE)
		return;
	if (!span->duration_known) {
		counter_add(COUNTER_DURATIONS_UNKNOWN, 1);
		return;
	}
	instrument = &instruments[span->metric];
	wire_buffer_reset(scratch);
	size_t length = span_encode_attributes(scratch, span, instrument->attributes);

	if (length == 0 || series_record(&resource->series[span->metric], limits, instrument->bounds,
					 (struct slice){(char *)scratch->bytes, length}, seconds) != 0)
		counter_add(COUNTER_DURATIONS_NO_MEMORY, 1);
}

static void write_point(struct wire_buffer *out, const struct series *series, const struct duration_bounds *bounds,
			const struct metric_period *period, uint64_t start_unix_ns)
{
	size_t point = wire_message_begin(out, HISTOGRAM_DATA_POINTS);
	size_t list;

	wire_add_fixed64(out, POINT_START, start_unix_ns);
	wire_add_fixed64(out, POINT_TIME, period->end_unix_ns);
	wire_add_fixed64(out, POINT_COUNT, series->count);
	wire_add_double(out, POINT_SUM, series->sum);
	list = wire_message_begin(out, POINT_BUCKET_COUNTS);
	for (uint32_t i = 0; i < bounds->count + 1; i++)
		wire_add_raw_fixed64(out, series->buckets[i]);
	wire_message_end(out, list);
	list = wire_message_begin(out, POINT_EXPLICIT_BOUNDS);
	for (uint32_t i = 0; i < bounds->count; i++)
		wire_add_raw_double(out, bounds->seconds[i]);
	wire_message_end(out, list);
	wire_add_raw(out, series->attributes, series->attributes_length);
	wire_add_double(out, POINT_MIN, series->min);
	wire_add_double(out, POINT_MAX, series->max);
	wire_message_end(out, point);
}

/* What one process has to say may be more than a request may hold: then it goes on in another ResourceMetrics, which
 * can go into the next request. */
struct metric_writer {
	struct metric_request *request;
	struct slice resource;
	const struct metric_period *period;
	uint64_t start_unix_ns;
	struct metric_brackets brackets;
};

static void write_metric(struct metric_writer *w, const struct series_table *table, const struct instrument *instrument)
{
	struct metric_request *request = w->request;
	struct metric_data data = {0};
	const struct series *series;
	uint32_t position = 0;
	bool open = false;

	while ((series = series_next(table, &position)) != NULL) {
		if (metric_request_is_full(request, POINT_BYTES + series->attributes_length)) {
			if (open)
				metric_data_end(request, data, w->period->temporality);
			metric_request_end(request, w->brackets);
			w->brackets = metric_request_begin(request, w->resource, otlp_scopes[instrument->scope]);
			open = false;
		}
		if (!open)
			data = metric_data_begin(request, instrument->name, instrument->description, SLICE_LITERAL("s"),
						 METRIC_HISTOGRAM);
		open = true;
		write_point(&request->body, series, instrument->bounds, w->period, w->start_unix_ns);
		request->points_here++;
	}
	if (open)
		metric_data_end(request, data, w->period->temporality);
}

void duration_metrics_write(struct resource *resource, struct series_limits *limits, const struct metric_period *period,
			    struct metric_request *request)
{
	struct metric_writer w = {
		.request = request,
		.resource = {(char *)resource->encoded, resource->encoded_length},
		.period = period,
		.start_unix_ns = resource->start_unix_ns,
	};

	if (period->temporality == METRIC_DELTA && period->start_unix_ns > w.start_unix_ns)
		w.start_unix_ns = period->start_unix_ns;
	for (int i = 0; i < DURATION_METRIC_COUNT; i++) {
		if (i == 0 || instruments[i].scope != instruments[i - 1].scope) {
			if (i > 0)
				metric_request_end(request, w.brackets);
			w.brackets = metric_request_begin(request, w.resource, otlp_scopes[instruments[i].scope]);
		}
		write_metric(&w, &resource->series[i], &instruments[i]);
		if (period->temporality == METRIC_DELTA)
			series_table_clear(&resource->series[i], limits);
	}
	metric_request_end(request, w.brackets);
}
