/* Defaults of the telemetry, and the standard environment variables. */
#include "otlp/telemetry.h"

#include <stdlib.h>
#include <strings.h>

enum {
	KNOWN_METHODS_MAX = 64,
	MS_MAX = 24 * 3600 * 1000,
};

static const uint64_t ns_per_ms = 1000000;

void telemetry_config_defaults(struct telemetry_config *config)
{
	*config = (struct telemetry_config){
		.traces = true,
		.metrics = true,
		.self_metrics = true,
		.batch_spans_max = 512,
		.batch_bytes_max = 3670016,
		.batch_delay_ns = 1000 * ns_per_ms,
		.metric_interval_ns = 60000 * ns_per_ms,
		.series_per_metric_max = 2000,
		.series_max = 16384,
		.resources_max = 4096,
		.service_name = "shmotel-receiver",
	};
	span_rules_defaults(&config->rules);
}

/* A decimal number from 1 to max; false if the text is not one. */
static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0 || value > max)
		return false;
	*out = value;
	return true;
}

static bool read_batch_delay(struct telemetry_config *config, const char *text)
{
	uint64_t ms;

	if (!read_number(text, MS_MAX, &ms))
		return false;
	config->batch_delay_ns = ms * ns_per_ms;
	return true;
}

static bool read_batch_size(struct telemetry_config *config, const char *text)
{
	uint64_t count;

	if (!read_number(text, UINT32_MAX, &count))
		return false;
	config->batch_spans_max = (uint32_t)count;
	return true;
}

static bool read_metric_interval(struct telemetry_config *config, const char *text)
{
	uint64_t ms;

	if (!read_number(text, MS_MAX, &ms))
		return false;
	config->metric_interval_ns = ms * ns_per_ms;
	return true;
}

/* lowmemory means delta for counters and histograms that are recorded synchronously, and that is all we have. */
static bool read_temporality(struct telemetry_config *config, const char *text)
{
	static const char *const names[] = {"cumulative", "delta", "lowmemory"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(text, names[i]) == 0) {
			config->delta = i > 0;
			return true;
		}
	}
	return false;
}

/* A full override of the list. One process has one environment, and so one list. */
static bool read_known_methods(struct telemetry_config *config, const char *text)
{
	static struct slice methods[KNOWN_METHODS_MAX];
	size_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		size_t skip = strspn(text, " ");
		size_t end = length;

		while (end > skip && text[end - 1] == ' ')
			end--;
		if (end > skip && count == KNOWN_METHODS_MAX)
			return false;
		if (end > skip)
			methods[count++] = (struct slice){text + skip, end - skip};
		text += length + (text[length] == ',');
	}
	config->rules.known_methods = methods;
	config->rules.known_method_count = count;
	return true;
}

static bool read_service_name(struct telemetry_config *config, const char *text)
{
	config->service_name = text;
	return true;
}

static bool read_resource_attributes(struct telemetry_config *config, const char *text)
{
	config->resource_attributes = text;
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct telemetry_config *config, const char *text);
} variables[] = {
	{"OTEL_BSP_SCHEDULE_DELAY", read_batch_delay},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", read_batch_size},
	{"OTEL_METRIC_EXPORT_INTERVAL", read_metric_interval},
	{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", read_temporality},
	{"OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", read_known_methods},
	{"OTEL_SERVICE_NAME", read_service_name},
	{"OTEL_RESOURCE_ATTRIBUTES", read_resource_attributes},
};

const char *telemetry_config_read_environment(struct telemetry_config *config, char *(*get)(const char *name))
{
	const char *wrong = NULL;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *text = get(variables[i].name);

		if (text != NULL && text[0] != '\0' && !variables[i].read(config, text))
			wrong = variables[i].name;
	}
	return wrong;
}
