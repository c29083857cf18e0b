/* Summarise histograms of request durations, per service and side. */
#include "export/console_summary.h"

#include <inttypes.h>

typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram_point;
typedef Opentelemetry__Proto__Metrics__V1__Metric metric;

enum {
	BUCKETS_MAX = 64,
};

/* All series of one metric of one service in one. */
struct summary {
	uint64_t count;
	uint64_t errors;
	double seconds; /* the period that was measured */
	double min;
	double max;
	size_t bound_count;
	const double *bounds;
	uint64_t buckets[BUCKETS_MAX];
};

static void add_point(struct summary *sum, const histogram_point *point)
{
	double seconds = (double)(point->time_unix_nano - point->start_time_unix_nano) / 1e9;

	if (point->count == 0 || point->n_bucket_counts > BUCKETS_MAX ||
	    point->n_bucket_counts != point->n_explicit_bounds + 1)
		return;
	if (sum->count == 0 || point->min < sum->min)
		sum->min = point->min;
	if (sum->count == 0 || point->max > sum->max)
		sum->max = point->max;
	if (seconds > sum->seconds)
		sum->seconds = seconds;
	sum->count += point->count;
	if (console_attribute_string(point->attributes, point->n_attributes, "error.type") != NULL)
		sum->errors += point->count;
	sum->bound_count = point->n_explicit_bounds;
	sum->bounds = point->explicit_bounds;
	for (size_t i = 0; i < point->n_bucket_counts; i++)
		sum->buckets[i] += point->bucket_counts[i];
}

/* Linear within the bucket, whose open ends are the least and the greatest that were seen. */
static double quantile(const struct summary *sum, double q)
{
	double rank = q * (double)sum->count;
	double below = 0;

	for (size_t i = 0; i <= sum->bound_count; i++) {
		double here = (double)sum->buckets[i];
		double low = i > 0 && sum->bounds[i - 1] > sum->min ? sum->bounds[i - 1] : sum->min;
		double high = i < sum->bound_count && sum->bounds[i] < sum->max ? sum->bounds[i] : sum->max;

		if (here > 0 && below + here >= rank)
			return low + (high - low) * (rank - below) / here;
		below += here;
	}
	return sum->max;
}

static void write_row(struct console_text *text, const char *service, const char *side, const struct summary *sum)
{
	console_printf(text, "  ");
	console_column(text, service, CONSOLE_SERVICE_WIDTH);
	console_column(text, side, 7);
	console_printf(text, "%9" PRIu64 " %9.1f %8" PRIu64, sum->count,
		       sum->seconds > 0 ? (double)sum->count / sum->seconds : 0, sum->errors);
	console_duration(text, quantile(sum, 0.5));
	console_duration(text, quantile(sum, 0.95));
	console_duration(text, sum->max);
	console_printf(text, "\n");
}

static void write_head(struct console_text *text)
{
	console_printf(text, "%srequest durations\n  %-*s %-7s %9s %9s %8s%10s%10s%10s%s\n",
		       text->colour ? "\x1b[1m" : "", CONSOLE_SERVICE_WIDTH, "SERVICE", "SIDE", "REQUESTS", "PER S",
		       "ERRORS", "P50", "P95", "MAX", text->colour ? "\x1b[0m" : "");
}

static void write_histogram(struct console_text *text, const char *service, const metric *m, bool *head)
{
	struct summary sum = {0};

	for (size_t i = 0; i < m->histogram->n_data_points; i++)
		add_point(&sum, m->histogram->data_points[i]);
	if (sum.count == 0)
		return;
	if (!*head)
		write_head(text);
	*head = true;
	write_row(text, service, strstr(m->name, ".client.") != NULL ? "client" : "server", &sum);
}

/* Counters named *.lost speak of what did not arrive: never hide them. */
static void write_lost(struct console_text *text, const metric *m)
{
	size_t length = strlen(m->name);

	if (length < 5 || strcmp(m->name + length - 5, ".lost") != 0)
		return;
	for (size_t i = 0; i < m->sum->n_data_points; i++) {
		const Opentelemetry__Proto__Metrics__V1__NumberDataPoint *point = m->sum->data_points[i];

		if (point->as_int == 0)
			continue;
		console_printf(text, "%s  lost %" PRId64 "  %s", text->colour ? "\x1b[31m" : "", point->as_int,
			       m->name);
		for (size_t j = 0; j < point->n_attributes; j++)
			console_printf(text, " %s=%s", point->attributes[j]->key,
				       point->attributes[j]->value->string_value);
		console_printf(text, "%s\n", text->colour ? "\x1b[0m" : "");
	}
}

static void write_metric(struct console_text *text, const char *service, const metric *m, bool *head)
{
	if (m->data_case == OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM)
		write_histogram(text, service, m, head);
	else if (m->data_case == OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM)
		write_lost(text, m);
}

void console_summary_write(struct console_text *text,
			   const Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest *request)
{
	bool head = false;

	for (size_t i = 0; i < request->n_resource_metrics; i++) {
		const Opentelemetry__Proto__Metrics__V1__ResourceMetrics *r = request->resource_metrics[i];
		const char *service =
			console_attribute_string(r->resource->attributes, r->resource->n_attributes, "service.name");

		for (size_t j = 0; j < r->n_scope_metrics; j++)
			for (size_t k = 0; k < r->scope_metrics[j]->n_metrics; k++)
				write_metric(text, service != NULL ? service : "-", r->scope_metrics[j]->metrics[k],
					     &head);
	}
}
