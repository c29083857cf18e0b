/* Halves hold every item once, in order, inside messages that an independent decoder accepts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "export/request_split.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "otlp/wire.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest traces;
typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest metrics;

static struct otlp_request *request_of(struct wire_buffer *out, enum otlp_signal signal, uint32_t items)
{
	struct otlp_request *request = otlp_request_create(signal, out->length);

	assert_non_null(request);
	assert_false(out->failed);
	request->items = items;
	memcpy(request->bytes, out->bytes, out->length);
	wire_buffer_free(out);
	return request;
}

static void add_name(struct wire_buffer *out, uint32_t field, const char *kind, unsigned number)
{
	char text[32];

	snprintf(text, sizeof(text), "%s-%u", kind, number);
	wire_add_bytes(out, field, (struct slice){text, strlen(text)});
}

/* `resources` times two scopes times `spans` spans, numbered through. */
static struct otlp_request *make_traces(unsigned resources, unsigned spans)
{
	struct wire_buffer out = {0};
	unsigned number = 0;

	for (unsigned r = 0; r < resources; r++) {
		const size_t resource = wire_message_begin(&out, 1);

		wire_add_bytes(&out, 1, (struct slice){"", 0});
		for (unsigned s = 0; s < 2; s++) {
			const size_t scope = wire_message_begin(&out, 2);

			for (unsigned i = 0; i < spans; i++) {
				const size_t span = wire_message_begin(&out, 2);

				add_name(&out, 5, "span", number++);
				wire_message_end(&out, span);
			}
			add_name(&out, 3, "schema", s);
			wire_message_end(&out, scope);
		}
		add_name(&out, 3, "resource", r);
		wire_message_end(&out, resource);
	}
	return request_of(&out, OTLP_TRACES, number);
}

/* How many spans are in it; they have to go on from `next`. */
static unsigned check_traces(const struct otlp_request *request, unsigned next)
{
	traces *message = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
		NULL, request->length, request->bytes);
	unsigned count = 0;
	char name[32];

	assert_non_null(message);
	for (size_t r = 0; r < message->n_resource_spans; r++) {
		assert_non_null(message->resource_spans[r]->resource);
		assert_memory_equal(message->resource_spans[r]->schema_url, "resource-", 9);
		assert_true(message->resource_spans[r]->n_scope_spans > 0);
		for (size_t s = 0; s < message->resource_spans[r]->n_scope_spans; s++) {
			const Opentelemetry__Proto__Trace__V1__ScopeSpans *scope =
				message->resource_spans[r]->scope_spans[s];

			assert_memory_equal(scope->schema_url, "schema-", 7);
			assert_true(scope->n_spans > 0);
			for (size_t i = 0; i < scope->n_spans; i++) {
				snprintf(name, sizeof(name), "span-%u", next + count++);
				assert_string_equal(scope->spans[i]->name, name);
			}
		}
	}
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(message, NULL);
	return count;
}

static void traces_are_halved_down_to_single_spans(void **state)
{
	(void)state;
	for (unsigned resources = 1; resources < 4; resources++) {
		for (unsigned spans = 1; spans < 6; spans++) {
			struct otlp_request *whole = make_traces(resources, spans), *first, *second;

			assert_int_equal(request_split(whole, &first, &second), 0);
			assert_int_equal(first->items, whole->items / 2);
			assert_int_equal(first->items + second->items, whole->items);
			assert_int_equal(check_traces(first, 0), first->items);
			assert_int_equal(check_traces(second, first->items), second->items);
			otlp_request_release(whole);
			otlp_request_release(first);
			otlp_request_release(second);
		}
	}
}

/* Gauge, sum, histogram, exponential histogram and summary, each of three points. */
static struct otlp_request *make_metrics(void)
{
	static const uint32_t kinds[] = {5, 7, 9, 10, 11};
	struct wire_buffer out = {0};
	const size_t resource = wire_message_begin(&out, 1), scope = wire_message_begin(&out, 2);

	for (size_t k = 0; k < 5; k++) {
		const size_t metric = wire_message_begin(&out, 2);

		add_name(&out, 1, "metric", (unsigned)k);
		const size_t data = wire_message_begin(&out, kinds[k]);

		for (unsigned i = 0; i < 3; i++) {
			const size_t point = wire_message_begin(&out, 1);

			wire_add_fixed64(&out, 3, 1000 + k * 3 + i);
			wire_message_end(&out, point);
		}
		if (kinds[k] != 5 && kinds[k] != 11)
			wire_add_varint(&out, 2, 2); /* aggregation_temporality */
		wire_message_end(&out, data);
		wire_message_end(&out, metric);
	}
	wire_message_end(&out, scope);
	wire_message_end(&out, resource);
	return request_of(&out, OTLP_METRICS, 15);
}

static size_t points_of(const Opentelemetry__Proto__Metrics__V1__Metric *metric)
{
	switch (metric->data_case) {
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE:
		return metric->gauge->n_data_points;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM:
		assert_int_equal(metric->sum->aggregation_temporality, 2);
		return metric->sum->n_data_points;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM:
		assert_int_equal(metric->histogram->aggregation_temporality, 2);
		return metric->histogram->n_data_points;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
		return metric->exponential_histogram->n_data_points;
	default:
		return 3; /* a summary, which the subset of the .proto may not have */
	}
}

static void metrics_are_halved_through_a_metric_that_keeps_its_name_and_kind(void **state)
{
	struct otlp_request *whole = make_metrics(), *parts[2];
	size_t points = 0;

	(void)state;
	assert_int_equal(request_split(whole, &parts[0], &parts[1]), 0);
	for (size_t p = 0; p < 2; p++) {
		metrics *message = opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__unpack(
			NULL, parts[p]->length, parts[p]->bytes);
		const Opentelemetry__Proto__Metrics__V1__ScopeMetrics *scope;

		assert_non_null(message);
		scope = message->resource_metrics[0]->scope_metrics[0];
		assert_int_equal(scope->n_metrics, 3); /* the third one in both */
		for (size_t i = 0; i < scope->n_metrics; i++) {
			assert_memory_equal(scope->metrics[i]->name, "metric-", 7);
			points += points_of(scope->metrics[i]);
		}
		opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__free_unpacked(message,
													    NULL);
	}
	assert_int_equal(parts[0]->items + parts[1]->items, 15);
	assert_int_equal(points, 15);
	otlp_request_release(whole);
	otlp_request_release(parts[0]);
	otlp_request_release(parts[1]);
}

static void what_cannot_be_halved_is_left_alone(void **state)
{
	struct otlp_request *one = make_traces(1, 1), *first = NULL, *second = NULL;

	(void)state;
	one->items = 1;
	assert_int_equal(request_split(one, &first, &second), -EINVAL);
	one->items = 5; /* it has two */
	assert_int_equal(request_split(one, &first, &second), -EINVAL);
	assert_null(first);
	otlp_request_release(one);
	for (size_t cut = 1; cut < 60; cut++) {
		struct otlp_request *whole = make_traces(2, 2);

		whole->length -= cut;
		assert_int_equal(request_split(whole, &first, &second), -EINVAL);
		assert_null(first);
		otlp_request_release(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traces_are_halved_down_to_single_spans),
		cmocka_unit_test(metrics_are_halved_through_a_metric_that_keeps_its_name_and_kind),
		cmocka_unit_test(what_cannot_be_halved_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
