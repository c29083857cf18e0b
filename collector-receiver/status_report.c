/* Put the receiver's state on one page. */
#include "status_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"
#include "shm_protocol/sensor_counters.h"

struct page {
	char *text;
	size_t size;
	size_t length;
};

static void put(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct page *page, const char *format, ...)
{
	const size_t room = page->size - page->length;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(page->text + page->length, room, format, arguments);
	va_end(arguments);
	if (n > 0)
		page->length += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_duration(struct page *page, uint64_t ns)
{
	const uint64_t s = ns / 1000000000;

	if (s >= 86400)
		put(page, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		put(page, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else if (s >= 60)
		put(page, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		put(page, "%" PRIu64 "s", s);
}

static struct exporter_status status_of(const struct exporter *exporter)
{
	struct exporter_status status = {.name = exporter->type->name, .problem = ""};

	exporter->type->status(exporter, &status);
	return status;
}

static void put_verdict(struct page *page, const struct status_report *report)
{
	if (!intake_is_attached(report->intake)) {
		put(page, "not ready: no sensor to read from\n");
		return;
	}
	for (size_t i = 0; i < report->exporters->count; i++) {
		const struct exporter_status status = status_of(report->exporters->exporters[i]);

		if (status.failures > 0) {
			put(page, "not ready: %s does not deliver\n", status.name);
			return;
		}
	}
	put(page, "ready\n");
}

static void put_sensor(struct page *page, const struct status_report *report, uint64_t now_ns)
{
	const struct pipeline *pipeline = report->pipeline;

	if (!intake_is_attached(report->intake)) {
		put(page, "sensor      not attached%s%s\n", pipeline->problem[0] != '\0' ? ": " : "",
		    pipeline->problem);
		return;
	}
	put(page, "sensor      pid %" PRIu32 ", attached for ", pipeline->sensor_pid);
	put_duration(page, now_ns - pipeline->attached_ns);
	put(page, "; %" PRIu64 " bytes wait in the ring\n", intake_lag_bytes(report->intake));
}

static uint64_t sum_of(const char *metric)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		if (strcmp(counter_descriptions[i].metric, metric) == 0)
			sum += counters[i];
	}
	return sum;
}

static void put_flow(struct page *page)
{
	put(page, "records     %" PRIu64 " read, %" PRIu64 " requests paired with their response\n",
	    counters[COUNTER_RECORDS_READ], counters[COUNTER_EXCHANGES]);
	put(page, "spans       %" PRIu64 " made; by the exporters: %" PRIu64 " delivered, %" PRIu64 " lost\n",
	    counters[COUNTER_SPANS], counters[COUNTER_EXPORT_SENT_SPANS], sum_of("shmotel.exporter.span.lost"));
	put(page, "data points by the exporters: %" PRIu64 " delivered, %" PRIu64 " lost\n",
	    counters[COUNTER_EXPORT_SENT_POINTS], sum_of("shmotel.exporter.metric_data_point.lost"));
}

static void put_exporter(struct page *page, const struct exporter *exporter, uint64_t now_ns)
{
	const struct exporter_status status = status_of(exporter);

	put(page, "exporter    %s: ", status.name);
	if (status.failures > 0)
		put(page, "failing, %" PRIu64 " attempts in a row", status.failures);
	else
		put(page, status.busy ? "delivering" : "idle");
	put(page, "; %" PRIu64 " requests of %" PRIu64 " bytes wait", status.requests, status.bytes);
	if (status.has_spool)
		put(page, " in the spool of %" PRIu64 " bytes", status.spool.bytes_max);
	put(page, "; %" PRIu64 " spans, %" PRIu64 " data points not delivered yet\n", status.items[OTLP_TRACES],
	    status.items[OTLP_METRICS]);
	if (status.problem[0] == '\0')
		return;
	put(page, "            last problem, ");
	put_duration(page, now_ns - status.problem_ns);
	put(page, " ago: %s\n", status.problem);
}

static bool is_loss(const char *metric)
{
	static const char *const endings[] = {".lost", ".evicted", ".incomplete", ".violations", "_failures"};
	const size_t length = strlen(metric);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		const size_t n = strlen(endings[i]);

		if (length >= n && strcmp(metric + length - n, endings[i]) == 0)
			return true;
	}
	return false;
}

static void put_loss(struct page *page, const struct counter_description *d, uint64_t value)
{
	if (value != 0 && is_loss(d->metric))
		put(page, "lost        %12" PRIu64 "  %s{%s}  %s\n", value, d->metric, d->attributes, d->meaning);
}

static void put_losses(struct page *page, const struct pipeline *pipeline)
{
	static const struct counter_description sensor[SENSOR_COUNTER_COUNT] = {
#define ROW(id, name, unit, attributes, meaning) [SENSOR_COUNTER_##id] = {name, unit, attributes, meaning},
		SENSOR_COUNTERS(ROW)
#undef ROW
	};
	const size_t before = page->length;

	for (size_t i = 0; i < SENSOR_COUNTER_COUNT; i++)
		put_loss(page, &sensor[i], pipeline->sensor_counters[i]);
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		put_loss(page, &counter_descriptions[i], counters[i]);
	if (page->length == before)
		put(page, "lost        nothing\n");
}

size_t status_report_write(const struct status_report *report, char *text, size_t size)
{
	struct page page = {.text = text, .size = size};
	const uint64_t now_ns = loop_now_ns();

	put_verdict(&page, report);
	put(&page, "receiver    %s, pid %d, up ", SHMOTEL_VERSION, (int)getpid());
	put_duration(&page, now_ns - report->started_ns);
	put(&page, "; uid %u, %s; %s loop\n", getuid(), report->confinement, report->loop);
	put_sensor(&page, report, now_ns);
	put_flow(&page);
	for (size_t i = 0; i < report->exporters->count; i++)
		put_exporter(&page, report->exporters->exporters[i], now_ns);
	put_losses(&page, report->pipeline);
	return page.length;
}
