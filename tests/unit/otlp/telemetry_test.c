/* From exchanges to requests: grouping, limits, times, metrics, and what happens without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "counters.h"
#include "exchange_fixture.h"
#include "otlp/telemetry.h"
#include "request_fixture.h"
#include "shm_protocol/sensor_counters.h"

#define MS UINT64_C(1000000)

static struct telemetry *telemetry;
static struct telemetry_config config;
static struct kept_requests kept;
static uint64_t now_ns;

static const struct process shop = {.process_id = 1, .pid = 100, .service_name = SLICE_LITERAL("shop")};
static const struct process cart = {.process_id = 2, .pid = 200, .service_name = SLICE_LITERAL("cart")};

/* --- memory that fails -------------------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long allocations_left = -1; /* -1: no limit */

static bool allocation_fails(void)
{
	if (allocations_left > 0)
		allocations_left--;
	return allocations_left == 0;
}

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(old, size);
}

/* --- set-up ------------------------------------------------------------------------------------------------------- */

static int defaults(void **state)
{
	(void)state;
	telemetry_config_defaults(&config);
	config.self_metrics = false;
	now_ns = 10 * NS_PER_S;
	memset(counters, 0, sizeof(counters));
	return 0;
}

static int cleanup(void **state)
{
	(void)state;
	allocations_left = -1;
	telemetry_destroy(telemetry);
	telemetry = NULL;
	kept_requests_release(&kept);
	return 0;
}

static void start(void)
{
	const struct otlp_request_sink sink = {keep_request, &kept};

	telemetry = telemetry_create(&config, &sink);
	assert_non_null(telemetry);
	telemetry_set_clock(telemetry, 0, 1000 * NS_PER_S);
	telemetry_tick(telemetry, now_ns);
}

static void take(const struct process *process, enum exchange_role role)
{
	struct exchange exchange = exchange_fixture(role, process);

	telemetry_take(telemetry, &exchange);
}

static void take_ended(uint64_t end_ns)
{
	struct exchange exchange = exchange_fixture(EXCHANGE_SERVER, &shop);

	exchange.end_ns = end_ns;
	telemetry_take(telemetry, &exchange);
}

static uint64_t advance(uint64_t by_ns)
{
	now_ns += by_ns;
	return telemetry_tick(telemetry, now_ns);
}

/* --- spans -------------------------------------------------------------------------------------------------------- */

static void spans_are_grouped_by_process_under_one_scope(void **state)
{
	trace_request *r;

	(void)state;
	config.metrics = false;
	start();
	take(&shop, EXCHANGE_SERVER);
	take(&cart, EXCHANGE_SERVER);
	take(&shop, EXCHANGE_CLIENT);
	take(NULL, EXCHANGE_CLIENT);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(kept.count, 1);
	assert_int_equal(kept.requests[0]->signal, OTLP_TRACES);
	assert_int_equal(kept.requests[0]->items, 4);
	r = unpack_traces(kept.requests[0]);
	assert_int_equal(r->n_resource_spans, 3);
	for (size_t i = 0; i < r->n_resource_spans; i++) {
		const Opentelemetry__Proto__Trace__V1__ResourceSpans *rs = r->resource_spans[i];
		const char *name = string_of(rs->resource->attributes, rs->resource->n_attributes, "service.name");

		assert_string_equal(rs->schema_url, "https://opentelemetry.io/schemas/1.44.0");
		assert_int_equal(rs->n_scope_spans, 1);
		assert_string_equal(rs->scope_spans[0]->schema_url, rs->schema_url);
		assert_string_equal(rs->scope_spans[0]->scope->name, "shmotel/http");
		assert_string_equal(rs->scope_spans[0]->scope->version, SHMOTEL_VERSION);
		assert_int_equal(rs->scope_spans[0]->n_spans, strcmp(name, "shop") == 0 ? 2 : 1);
		assert_string_equal(rs->scope_spans[0]->spans[0]->name, "GET");
		assert_int_equal(rs->scope_spans[0]->spans[0]->start_time_unix_nano, 1005 * NS_PER_S);
	}
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(r, NULL);
	assert_int_equal(counters[COUNTER_SPANS], 4);
}

static void take_kind(struct exchange (*fixture)(enum exchange_role role, const struct process *process),
		      enum exchange_role role)
{
	struct exchange exchange = fixture(role, &shop);

	telemetry_take(telemetry, &exchange);
}

static void each_convention_has_its_scope(void **state)
{
	static const char *const names[] = {"shmotel/http", "shmotel/rpc", "shmotel/database"};
	trace_request *r;

	(void)state;
	config.metrics = false;
	start();
	take_kind(database_fixture, EXCHANGE_CLIENT);
	take_kind(rpc_fixture, EXCHANGE_SERVER);
	take(&shop, EXCHANGE_SERVER);
	take_kind(command_fixture, EXCHANGE_CLIENT);
	take_kind(rpc_fixture, EXCHANGE_CLIENT);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(kept.requests[0]->items, 5);
	r = unpack_traces(kept.requests[0]);
	assert_int_equal(r->n_resource_spans, 1);
	assert_int_equal(r->resource_spans[0]->n_scope_spans, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(r->resource_spans[0]->scope_spans[i]->scope->name, names[i]);
		assert_int_equal(r->resource_spans[0]->scope_spans[i]->n_spans, i == 0 ? 1 : 2);
	}
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(r, NULL);
}

static void what_a_database_serves_is_left_out_unless_asked_for(void **state)
{
	(void)state;
	config.metrics = false;
	start();
	take_kind(database_fixture, EXCHANGE_SERVER);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(kept.count, 0);
	assert_int_equal(counters[COUNTER_DATABASE_SERVER_SPANS_OFF], 1);
	telemetry_destroy(telemetry);
	config.metrics = true;
	config.rules.database_server_spans = true;
	start();
	take_kind(database_fixture, EXCHANGE_SERVER);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(kept.count, 1); /* and no metric */
	assert_int_equal(kept.requests[0]->signal, OTLP_TRACES);
	assert_int_equal(counters[COUNTER_DATABASE_SERVER_SPANS_OFF], 1);
}

static void a_batch_goes_out_when_it_has_its_number_of_spans(void **state)
{
	(void)state;
	config.batch_spans_max = 3;
	start();
	for (int i = 0; i < 7; i++)
		take(&shop, EXCHANGE_SERVER);
	assert_int_equal(kept.count, 2);
	assert_int_equal(kept.requests[0]->items, 3);
}

static void a_batch_goes_out_when_it_is_old_enough(void **state)
{
	(void)state;
	config.batch_delay_ns = 200 * MS;
	start();
	take_ended(now_ns);
	assert_int_equal(telemetry_tick(telemetry, now_ns), now_ns + 200 * MS);
	advance(199 * MS);
	assert_int_equal(kept.count, 0);
	advance(1 * MS);
	assert_int_equal(kept.count, 1);
	/* nothing waits: the next time is that of the metrics */
	assert_int_equal(telemetry_tick(telemetry, now_ns), 10 * NS_PER_S + 60 * NS_PER_S);
}

static void a_span_has_waited_since_the_end_of_what_it_tells(void **state)
{
	(void)state;
	config.batch_delay_ns = 200 * MS;
	start();
	take_ended(now_ns - 150 * MS);
	assert_int_equal(telemetry_tick(telemetry, now_ns), now_ns + 50 * MS);
	take_ended(now_ns - 200 * MS);
	assert_int_equal(kept.count, 0);
	telemetry_tick(telemetry, now_ns);
	assert_int_equal(kept.count, 1);
	assert_int_equal(kept.requests[0]->items, 2);
}

static void an_end_in_the_future_makes_no_span_wait_longer(void **state)
{
	(void)state;
	config.batch_delay_ns = 200 * MS;
	start();
	take_ended(now_ns + 3600 * NS_PER_S);
	assert_int_equal(telemetry_tick(telemetry, now_ns), now_ns + 200 * MS);
	advance(200 * MS);
	assert_int_equal(kept.count, 1);
}

static void a_request_is_never_larger_than_its_limit(void **state)
{
	size_t spans = 0;

	(void)state;
	config.metrics = false;
	config.batch_bytes_max = 8192;
	config.batch_spans_max = 100000;
	start();
	for (int i = 0; i < 500; i++) {
		struct process process = {.process_id = 1 + (uint64_t)(i % 7), .pid = (uint32_t)i % 7};

		take(&process, EXCHANGE_SERVER);
	}
	telemetry_flush(telemetry, now_ns);
	assert_true(kept.count > 500 * 300 / 8192);
	for (size_t i = 0; i < kept.count; i++) {
		trace_request *r = unpack_traces(kept.requests[i]);

		assert_non_null(r);
		opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(r, NULL);
		assert_true(kept.requests[i]->length <= 8192);
		spans += kept.requests[i]->items;
	}
	assert_int_equal(spans, 500);
}

static void a_span_larger_than_the_limit_goes_alone(void **state)
{
	(void)state;
	config.metrics = false;
	config.batch_bytes_max = 10;
	start();
	take(&shop, EXCHANGE_SERVER);
	take(&shop, EXCHANGE_SERVER);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(kept.count, 2);
}

static void an_unsampled_request_makes_a_measurement_and_no_span(void **state)
{
	struct exchange exchange = exchange_fixture(EXCHANGE_SERVER, &shop);

	(void)state;
	start();
	exchange.traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
	telemetry_take(telemetry, &exchange);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(counters[COUNTER_SPANS_NOT_SAMPLED], 1);
	assert_int_equal(kept.count, 1);
	assert_int_equal(kept.requests[0]->signal, OTLP_METRICS);
}

static void unsampled_spans_are_exported_on_request(void **state)
{
	struct exchange exchange = exchange_fixture(EXCHANGE_SERVER, &shop);

	(void)state;
	config.export_unsampled = true;
	config.metrics = false;
	start();
	exchange.traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
	telemetry_take(telemetry, &exchange);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(kept.count, 1);
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static metrics_request *last_metrics(void)
{
	assert_true(kept.count > 0);
	assert_int_equal(kept.requests[kept.count - 1]->signal, OTLP_METRICS);
	return unpack_metrics(kept.requests[kept.count - 1]);
}

static void free_metrics(metrics_request *r)
{
	opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__free_unpacked(r, NULL);
}

static metric_message *find_metric(metrics_request *r, const char *service, const char *name)
{
	for (size_t i = 0; i < r->n_resource_metrics; i++) {
		const Opentelemetry__Proto__Metrics__V1__ResourceMetrics *rm = r->resource_metrics[i];
		const char *is = string_of(rm->resource->attributes, rm->resource->n_attributes, "service.name");

		for (size_t j = 0; is != NULL && strcmp(is, service) == 0 && j < rm->scope_metrics[0]->n_metrics; j++)
			if (strcmp(rm->scope_metrics[0]->metrics[j]->name, name) == 0)
				return rm->scope_metrics[0]->metrics[j];
	}
	return NULL;
}

static const char *attribute_list(const histogram_point *point)
{
	static char list[1024];
	size_t length = 0;

	list[0] = '\0';
	for (size_t i = 0; i < point->n_attributes; i++) {
		const Opentelemetry__Proto__Common__V1__AnyValue *v = point->attributes[i]->value;

		if (v->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s=%s ",
						   point->attributes[i]->key, v->string_value);
		else
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s=%d ",
						   point->attributes[i]->key, (int)v->int_value);
	}
	return list;
}

static void a_duration_is_a_point_of_a_histogram_with_the_metrics_own_attributes(void **state)
{
	metrics_request *r;
	metric_message *m;
	histogram_point *p;

	(void)state;
	start();
	take(&shop, EXCHANGE_SERVER);
	take(&shop, EXCHANGE_CLIENT);
	advance(60 * NS_PER_S);
	r = last_metrics();
	m = find_metric(r, "shop", "http.server.request.duration");
	assert_string_equal(m->unit, "s");
	assert_int_equal(m->data_case, OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM);
	assert_int_equal(m->histogram->aggregation_temporality, 2);
	assert_int_equal(m->histogram->n_data_points, 1);
	p = m->histogram->data_points[0];
	assert_string_equal(attribute_list(p), "http.request.method=GET url.scheme=http network.protocol.version=1.1 "
					       "http.response.status_code=200 ");
	assert_int_equal(p->count, 1);
	assert_true(p->sum == 0.012);
	assert_true(p->min == 0.012 && p->max == 0.012);
	assert_int_equal(p->n_bucket_counts, 15);
	assert_int_equal(p->n_explicit_bounds, 14);
	assert_int_equal(p->bucket_counts[2], 1);
	assert_int_equal(p->start_time_unix_nano, 1005 * NS_PER_S);
	assert_int_equal(p->time_unix_nano, 1070 * NS_PER_S);
	m = find_metric(r, "shop", "http.client.request.duration");
	assert_string_equal(attribute_list(m->histogram->data_points[0]),
			    "http.request.method=GET server.address=shop.example server.port=8080 "
			    "network.protocol.version=1.1 http.response.status_code=200 ");
	free_metrics(r);
}

static const histogram_point *point_with(const metric_message *metric, const char *attributes)
{
	for (size_t i = 0; i < metric->histogram->n_data_points; i++)
		if (strcmp(attribute_list(metric->histogram->data_points[i]), attributes) == 0)
			return metric->histogram->data_points[i];
	return NULL;
}

static void every_kind_of_exchange_has_the_metric_of_its_convention(void **state)
{
	static const struct {
		struct exchange (*fixture)(enum exchange_role role, const struct process *process);
		enum exchange_role role;
		const char *metric;
		const char *attributes;
		size_t buckets;
		size_t bucket; /* that takes 12 ms */
	} rows[] = {
		{rpc_fixture, EXCHANGE_SERVER, "rpc.server.call.duration",
		 "rpc.system.name=grpc rpc.method=shop.Cart/Add rpc.response.status_code=OK ", 15, 2},
		{rpc_fixture, EXCHANGE_CLIENT, "rpc.client.call.duration",
		 "rpc.system.name=grpc rpc.method=shop.Cart/Add server.address=shop.example server.port=50051 "
		 "rpc.response.status_code=OK ",
		 15, 2},
		{database_fixture, EXCHANGE_CLIENT, "db.client.operation.duration",
		 "db.system.name=postgresql db.namespace=shop db.query.summary=SELECT users server.address=10.0.0.1 "
		 "server.port=8080 ",
		 10, 3},
		{command_fixture, EXCHANGE_CLIENT, "db.client.operation.duration",
		 "db.system.name=redis db.namespace=3 db.operation.name=GET server.address=10.0.0.1 server.port=8080 "
		 "network.peer.address=10.0.0.1 network.peer.port=8080 ",
		 10, 3},
	};

	(void)state;
	config.traces = false;
	start();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		take_kind(rows[i].fixture, rows[i].role);
	advance(60 * NS_PER_S);
	metrics_request *r = last_metrics();

	assert_int_equal(r->n_resource_metrics, 2); /* a scope each */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const histogram_point *p = point_with(find_metric(r, "shop", rows[i].metric), rows[i].attributes);

		assert_non_null(p);
		assert_int_equal(p->n_bucket_counts, rows[i].buckets);
		assert_int_equal(p->n_explicit_bounds, rows[i].buckets - 1);
		assert_int_equal(p->bucket_counts[rows[i].bucket], 1);
	}
	free_metrics(r);
}

static void operations_beyond_the_cardinality_limit_share_one_point(void **state)
{
	char name[16];
	metrics_request *r;

	(void)state;
	config.series_per_metric_max = 5;
	config.traces = false;
	start();
	for (int i = 0; i < 20; i++) {
		struct exchange exchange = command_fixture(EXCHANGE_CLIENT, &shop);

		snprintf(name, sizeof(name), "X%d", i);
		exchange.database.operation = (struct slice){name, strlen(name)};
		telemetry_take(telemetry, &exchange);
	}
	advance(60 * NS_PER_S);
	r = last_metrics();
	assert_int_equal(find_metric(r, "shop", "db.client.operation.duration")->histogram->n_data_points, 5);
	assert_int_equal(counters[COUNTER_SERIES_OVERFLOW], 16);
	free_metrics(r);
}

static void a_cumulative_series_grows_from_one_start(void **state)
{
	metrics_request *r;
	histogram_point *p;

	(void)state;
	config.traces = false;
	start();
	take(&shop, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	take(&shop, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	r = last_metrics();
	p = find_metric(r, "shop", "http.server.request.duration")->histogram->data_points[0];
	assert_int_equal(p->count, 2);
	assert_int_equal(p->start_time_unix_nano, 1005 * NS_PER_S);
	free_metrics(r);
	advance(60 * NS_PER_S);
	assert_int_equal(kept.count, 3); /* also when nothing has happened */
}

static void a_delta_series_begins_where_the_last_one_ended(void **state)
{
	metrics_request *r;
	metric_message *m;

	(void)state;
	config.traces = false;
	config.delta = true;
	start();
	take(&shop, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	take(&shop, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	r = last_metrics();
	m = find_metric(r, "shop", "http.server.request.duration");
	assert_int_equal(m->histogram->aggregation_temporality, 1);
	assert_int_equal(m->histogram->data_points[0]->count, 1);
	assert_int_equal(m->histogram->data_points[0]->start_time_unix_nano, 1070 * NS_PER_S);
	assert_int_equal(m->histogram->data_points[0]->time_unix_nano, 1130 * NS_PER_S);
	free_metrics(r);
	advance(60 * NS_PER_S);
	assert_int_equal(kept.count, 2); /* nothing to say */
}

static void beyond_the_cardinality_limit_there_is_one_overflow_point(void **state)
{
	metrics_request *r;
	metric_message *m;
	uint64_t measurements = 0;
	int overflows = 0;

	(void)state;
	config.series_per_metric_max = 5;
	config.traces = false;
	start();
	for (uint16_t i = 0; i < 20; i++) {
		struct exchange exchange = exchange_fixture(EXCHANGE_SERVER, &shop);

		exchange.http.status = (uint16_t)(200 + i);
		telemetry_take(telemetry, &exchange);
	}
	advance(60 * NS_PER_S);
	r = last_metrics();
	m = find_metric(r, "shop", "http.server.request.duration");
	assert_int_equal(m->histogram->n_data_points, 5);
	for (size_t i = 0; i < 5; i++) {
		histogram_point *p = m->histogram->data_points[i];

		measurements += p->count;
		if (p->n_attributes == 1 && strcmp(p->attributes[0]->key, "otel.metric.overflow") == 0 &&
		    p->attributes[0]->value->bool_value)
			overflows++;
	}
	assert_int_equal(measurements, 20);
	assert_int_equal(overflows, 1);
	assert_int_equal(counters[COUNTER_SERIES_OVERFLOW], 16);
	free_metrics(r);
}

static void the_series_of_one_process_are_split_over_requests_that_fit(void **state)
{
	uint64_t points = 0, decoded = 0;

	(void)state;
	config.traces = false;
	config.batch_bytes_max = 8192;
	start();
	for (uint16_t i = 0; i < 100; i++) {
		struct exchange exchange = exchange_fixture(i % 2 ? EXCHANGE_SERVER : EXCHANGE_CLIENT, &shop);

		exchange.http.status = (uint16_t)(200 + i);
		telemetry_take(telemetry, &exchange);
	}
	telemetry_flush(telemetry, now_ns);
	for (size_t i = 0; i < kept.count; i++) {
		metrics_request *r = unpack_metrics(kept.requests[i]);

		assert_true(kept.requests[i]->length <= 8192);
		points += kept.requests[i]->items;
		for (size_t j = 0; j < r->n_resource_metrics; j++) {
			const Opentelemetry__Proto__Metrics__V1__ScopeMetrics *sm =
				r->resource_metrics[j]->scope_metrics[0];

			for (size_t k = 0; k < sm->n_metrics; k++) {
				assert_true(sm->metrics[k]->histogram->n_data_points > 0);
				decoded += sm->metrics[k]->histogram->n_data_points;
			}
		}
		free_metrics(r);
	}
	assert_int_equal(points, 100);
	assert_int_equal(decoded, 100);
}

static void a_clock_that_is_put_back_ends_no_period_before_it_began(void **state)
{
	metrics_request *r;
	histogram_point *p;

	(void)state;
	config.traces = false;
	config.delta = true;
	start();
	take(&shop, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	telemetry_set_clock(telemetry, 0, 500 * NS_PER_S);
	take(&shop, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	r = last_metrics();
	p = find_metric(r, "shop", "http.server.request.duration")->histogram->data_points[0];
	assert_true(p->start_time_unix_nano <= p->time_unix_nano);
	free_metrics(r);
}

static void a_duration_that_is_not_known_is_not_measured(void **state)
{
	struct exchange exchange = exchange_fixture(EXCHANGE_SERVER, &shop);

	(void)state;
	config.traces = false;
	start();
	exchange.end = EXCHANGE_CUT_BY_LOSS;
	exchange.flags = EXCHANGE_END_UNSEEN;
	telemetry_take(telemetry, &exchange);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(kept.count, 0);
	assert_int_equal(counters[COUNTER_DURATIONS_UNKNOWN], 1);
}

static void the_series_of_a_process_that_ended_are_exported_once_more(void **state)
{
	(void)state;
	config.traces = false;
	start();
	take(&shop, EXCHANGE_SERVER);
	telemetry_process_ended(telemetry, shop.process_id);
	telemetry_process_ended(telemetry, 4711);
	advance(60 * NS_PER_S);
	assert_int_equal(kept.count, 1);
	advance(60 * NS_PER_S);
	assert_int_equal(kept.count, 1);
}

static void an_exchange_behind_the_exit_joins_the_last_export(void **state)
{
	metrics_request *r;

	(void)state;
	config.traces = false;
	start();
	take(&shop, EXCHANGE_SERVER);
	telemetry_process_ended(telemetry, shop.process_id);
	take(&shop, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	r = last_metrics();
	assert_int_equal(r->n_resource_metrics, 1);
	assert_int_equal(find_metric(r, "shop", "http.server.request.duration")->histogram->data_points[0]->count, 2);
	free_metrics(r);
	advance(60 * NS_PER_S);
	assert_int_equal(kept.count, 1);
}

static void the_series_of_a_process_that_is_silent_for_an_hour_end(void **state)
{
	(void)state;
	config.traces = false;
	start();
	take(&shop, EXCHANGE_SERVER);
	advance(3600 * NS_PER_S);
	assert_int_equal(kept.count, 1);
	advance(60 * NS_PER_S);
	assert_int_equal(kept.count, 2);
	advance(60 * NS_PER_S);
	assert_int_equal(kept.count, 2);
}

static void a_process_announced_again_with_nothing_new_goes_on_with_its_series(void **state)
{
	struct process again = shop;
	metrics_request *r;

	(void)state;
	config.traces = false;
	start();
	take(&shop, EXCHANGE_SERVER);
	again.revision++;
	take(&again, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	r = last_metrics();
	assert_int_equal(r->n_resource_metrics, 1);
	assert_int_equal(find_metric(r, "shop", "http.server.request.duration")->histogram->data_points[0]->count, 2);
	free_metrics(r);
}

static void a_process_announced_anew_is_another_resource(void **state)
{
	struct process renamed = shop;
	metrics_request *r;

	(void)state;
	start();
	renamed.revision++;
	renamed.service_name = SLICE_LITERAL("bazaar");
	take(&shop, EXCHANGE_SERVER);
	take(&renamed, EXCHANGE_SERVER);
	advance(60 * NS_PER_S);
	r = last_metrics();
	assert_non_null(find_metric(r, "shop", "http.server.request.duration"));
	assert_non_null(find_metric(r, "bazaar", "http.server.request.duration"));
	free_metrics(r);
	advance(60 * NS_PER_S);
	r = last_metrics();
	assert_null(find_metric(r, "shop", "http.server.request.duration"));
	free_metrics(r);
}

static uint64_t measured_in_all_requests(void)
{
	uint64_t count = 0;

	for (size_t i = 0; i < kept.count; i++)
		if (kept.requests[i]->signal == OTLP_METRICS)
			count += kept.requests[i]->items;
	return count;
}

static void more_processes_than_the_table_holds_lose_nothing(void **state)
{
	uint64_t spans = 0;

	(void)state;
	config.resources_max = 16;
	config.delta = true; /* so that each measurement is exported exactly once */
	start();
	for (uint32_t i = 1; i <= 500; i++) {
		struct process process = {.process_id = i, .pid = i};

		take(&process, EXCHANGE_SERVER);
	}
	telemetry_flush(telemetry, now_ns);
	for (size_t i = 0; i < kept.count; i++)
		spans += kept.requests[i]->signal == OTLP_TRACES ? kept.requests[i]->items : 0;
	assert_int_equal(spans, 500);
	assert_int_equal(measured_in_all_requests(), 500);
	assert_true(counters[COUNTER_RESOURCES_EVICTED] > 400);
	assert_true(kept.count < 300); /* room is made for many at a time */
}

static void metrics_requests_are_split_at_their_limit(void **state)
{
	(void)state;
	config.traces = false;
	config.batch_bytes_max = 4096;
	start();
	for (uint32_t i = 1; i <= 50; i++) {
		struct process process = {.process_id = i, .pid = i};

		take(&process, EXCHANGE_SERVER);
	}
	telemetry_flush(telemetry, now_ns);
	assert_true(kept.count > 5);
	for (size_t i = 0; i < kept.count; i++) {
		metrics_request *r = unpack_metrics(kept.requests[i]);

		assert_non_null(r);
		free_metrics(r);
		assert_true(kept.requests[i]->length <= 4096);
	}
	assert_int_equal(measured_in_all_requests(), 50);
}

/* --- own metrics -------------------------------------------------------------------------------------------------- */

static const Opentelemetry__Proto__Metrics__V1__NumberDataPoint *find_point(metric_message *m, const char *key,
									    const char *value)
{
	for (size_t i = 0; i < m->sum->n_data_points; i++) {
		const Opentelemetry__Proto__Metrics__V1__NumberDataPoint *p = m->sum->data_points[i];
		const char *is = string_of(p->attributes, p->n_attributes, key);

		if (is != NULL && strcmp(is, value) == 0)
			return p;
	}
	return NULL;
}

static void all_counters_are_sums_of_shmotels_own_resource(void **state)
{
	uint64_t sensor[SENSOR_COUNTER_COUNT] = {[SENSOR_COUNTER_KERNEL_RING_FULL] = 7};
	metrics_request *r;
	metric_message *m;
	size_t points = 0;

	(void)state;
	config.self_metrics = true;
	start();
	counters[COUNTER_PARSER_MALFORMED] = 3;
	telemetry_set_sensor_counters(telemetry, sensor, SENSOR_COUNTER_COUNT);
	telemetry_flush(telemetry, now_ns);
	r = last_metrics();
	assert_string_equal(r->resource_metrics[0]->scope_metrics[0]->scope->name, "shmotel");
	m = find_metric(r, "shmotel-receiver", "shmotel.receiver.message.lost");
	assert_true(m->sum->is_monotonic);
	assert_int_equal(m->sum->aggregation_temporality, 2);
	assert_int_equal(find_point(m, "reason", "malformed") != NULL, 1);
	assert_int_equal(find_point(m, "stage", "parser")->as_int, 3);
	m = find_metric(r, "shmotel-receiver", "shmotel.sensor.event.lost");
	assert_int_equal(find_point(m, "stage", "kernel_ring")->as_int, 7);
	assert_string_equal(string_of(r->resource_metrics[0]->resource->attributes,
				      r->resource_metrics[0]->resource->n_attributes, "host.name") != NULL
				    ? "host"
				    : "none",
			    "host");
	for (size_t i = 0; i < r->resource_metrics[0]->scope_metrics[0]->n_metrics; i++)
		points += r->resource_metrics[0]->scope_metrics[0]->metrics[i]->sum->n_data_points;
	assert_int_equal(points, COUNTER_COUNT + SENSOR_COUNTER_COUNT);
	free_metrics(r);
}

static void assert_one_unit_per_metric(const struct counter_description *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(rows[i].metric, rows[j].metric) != 0)
				continue;
			if (strcmp(rows[i].unit, rows[j].unit) != 0)
				fail_msg("%s has the units %s and %s", rows[i].metric, rows[i].unit, rows[j].unit);
			assert_string_not_equal(rows[i].attributes, rows[j].attributes);
		}
	}
}

static void own_metrics_are_unique_and_have_one_unit_each(void **state)
{
	static const struct counter_description sensor[] = {
#define SENSOR_ROW(id, name, unit, attributes, meaning) {name, unit, attributes, meaning},
		SENSOR_COUNTERS(SENSOR_ROW)
#undef SENSOR_ROW
	};
	metrics_request *r;

	assert_one_unit_per_metric(counter_descriptions, COUNTER_COUNT);
	assert_one_unit_per_metric(sensor, SENSOR_COUNTER_COUNT);

	(void)state;
	config.self_metrics = true;
	start();
	telemetry_flush(telemetry, now_ns);
	r = last_metrics();
	for (size_t i = 0; i < r->resource_metrics[0]->scope_metrics[0]->n_metrics; i++) {
		metric_message *m = r->resource_metrics[0]->scope_metrics[0]->metrics[i];

		assert_ptr_equal(find_metric(r, "shmotel-receiver", m->name), m);
		assert_true(m->unit[0] != '\0');
	}
	assert_string_equal(find_metric(r, "shmotel-receiver", "shmotel.receiver.spans")->unit, "{span}");
	free_metrics(r);
}

static void two_levels(void *context, struct self_levels *levels)
{
	levels->count = 2;
	for (size_t i = 0; i < 2; i++) {
		levels->components[i].name = i == 0 ? "first" : "second";
		for (size_t j = 0; j < SELF_LEVEL_COUNT; j++)
			levels->components[i].values[j] = SELF_LEVEL_ABSENT;
		levels->components[i].values[SELF_LEVEL_QUEUE_SIZE] = *(uint64_t *)context + i;
	}
	levels->components[1].values[SELF_LEVEL_SPOOL_SIZE] = 0;
}

static void levels_are_what_stands_now_whatever_the_temporality(void **state)
{
	uint64_t value = 30;
	metrics_request *r;
	metric_message *m;

	(void)state;
	config.self_metrics = true;
	config.delta = true;
	start();
	telemetry_set_levels(telemetry, two_levels, &value);
	telemetry_flush(telemetry, now_ns);
	value = 20;
	telemetry_flush(telemetry, now_ns + NS_PER_S);
	r = last_metrics();
	m = find_metric(r, "shmotel-receiver", "shmotel.exporter.queue.size");
	assert_non_null(m);
	assert_false(m->sum->is_monotonic);
	assert_int_equal(m->sum->aggregation_temporality, 2);
	assert_string_equal(m->unit, "{request}");
	assert_int_equal(m->sum->n_data_points, 2);
	assert_int_equal(find_point(m, "otel.component.name", "first")->as_int, 20);
	assert_int_equal(find_point(m, "otel.component.name", "second")->as_int, 21);
	m = find_metric(r, "shmotel-receiver", "shmotel.exporter.spool.size");
	assert_int_equal(m->sum->n_data_points, 1);
	assert_int_equal(find_point(m, "otel.component.name", "second")->as_int, 0);
	assert_null(find_metric(r, "shmotel-receiver", "shmotel.exporter.spool.capacity"));
	free_metrics(r);
}

static void delta_counters_say_what_was_added(void **state)
{
	metrics_request *r;

	(void)state;
	config.self_metrics = true;
	config.delta = true;
	start();
	counters[COUNTER_PARSER_MALFORMED] = 3;
	telemetry_flush(telemetry, now_ns);
	counters[COUNTER_PARSER_MALFORMED] = 5;
	telemetry_flush(telemetry, now_ns + NS_PER_S);
	r = last_metrics();
	assert_int_equal(
		find_point(find_metric(r, "shmotel-receiver", "shmotel.receiver.message.lost"), "stage", "parser")
			->as_int,
		2);
	free_metrics(r);
}

/* --- without memory ----------------------------------------------------------------------------------------------- */

/* Fail every allocation from the n-th on, for every n: no crash, and what did not come out is in a counter. */
static void without_memory_every_span_is_sent_or_counted(void **state)
{
	(void)state;
	uint64_t lost = 0;

	config.batch_spans_max = 8;
	config.metrics = false;
	for (long n = 1; n < 40; n++) {
		uint64_t sent = 0;

		memset(counters, 0, sizeof(counters));
		start();
		allocations_left = n;
		for (uint32_t i = 0; i < 100; i++) {
			struct process process = {.process_id = 1 + i % 5, .pid = 1 + i % 5};

			take(&process, EXCHANGE_SERVER);
		}
		telemetry_flush(telemetry, now_ns);
		allocations_left = -1;
		for (size_t i = 0; i < kept.count; i++)
			sent += kept.requests[i]->items;
		assert_int_equal(sent + counters[COUNTER_SPANS_NO_MEMORY] + counters[COUNTER_RESOURCES_NO_MEMORY], 100);
		assert_int_equal(counters[COUNTER_SPANS] + counters[COUNTER_RESOURCES_NO_MEMORY], 100);
		lost += 100 - sent;
		cleanup(state);
	}
	assert_true(lost > 100);
}

static void without_memory_metrics_are_counted_and_come_the_next_time(void **state)
{
	(void)state;
	config.traces = false;
	for (long n = 1; n < 40; n++) {
		metrics_request *r;

		memset(counters, 0, sizeof(counters));
		start();
		take(&shop, EXCHANGE_SERVER);
		take(&cart, EXCHANGE_CLIENT);
		allocations_left = n;
		telemetry_flush(telemetry, now_ns);
		allocations_left = -1;
		assert_int_equal(measured_in_all_requests() + counters[COUNTER_POINTS_NO_MEMORY], 2);
		telemetry_flush(telemetry, now_ns);
		r = last_metrics();
		assert_non_null(find_metric(r, "shop", "http.server.request.duration"));
		free_metrics(r);
		cleanup(state);
	}
}

static void creation_without_memory_fails_cleanly(void **state)
{
	const struct otlp_request_sink sink = {keep_request, &kept};

	(void)state;
	for (long n = 1; n < 100; n++) {
		allocations_left = n;
		telemetry = telemetry_create(&config, &sink);
		if (telemetry != NULL && allocations_left > 0)
			return;
		allocations_left = -1;
		cleanup(state);
	}
	fail();
}

/* --- another implementation --------------------------------------------------------------------------------------- */

/* protoc reads the request by the same .proto files: what it prints has to name the fields. */
static void protoc_decodes_a_request(void **state)
{
	char path[] = "/tmp/shmotel-request-XXXXXX";
	char command[1024];
	char text[65536];
	int fd = mkstemp(path);
	FILE *protoc;

	(void)state;
	start();
	take(&shop, EXCHANGE_SERVER);
	telemetry_flush(telemetry, now_ns);
	assert_int_equal(write(fd, kept.requests[0]->bytes, kept.requests[0]->length), kept.requests[0]->length);
	close(fd);
	snprintf(command, sizeof(command),
		 "protoc --decode=opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest -I%s "
		 "opentelemetry/proto/collector/trace/v1/trace_service.proto <%s",
		 PROTO_ROOT, path);
	protoc = popen(command, "r");
	assert_non_null(protoc);
	text[fread(text, 1, sizeof(text) - 1, protoc)] = '\0';
	assert_int_equal(pclose(protoc), 0);
	unlink(path);
	assert_non_null(strstr(text, "kind: SPAN_KIND_SERVER"));
	assert_non_null(strstr(text, "key: \"http.response.status_code\""));
	assert_non_null(strstr(text, "schema_url: \"https://opentelemetry.io/schemas/1.44.0\""));
	assert_null(strstr(text, "\n1: ")); /* a field that is not known would show as its number */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, defaults, cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(spans_are_grouped_by_process_under_one_scope),
		TEST(each_convention_has_its_scope),
		TEST(what_a_database_serves_is_left_out_unless_asked_for),
		TEST(every_kind_of_exchange_has_the_metric_of_its_convention),
		TEST(operations_beyond_the_cardinality_limit_share_one_point),
		TEST(a_batch_goes_out_when_it_has_its_number_of_spans),
		TEST(a_batch_goes_out_when_it_is_old_enough),
		TEST(a_span_has_waited_since_the_end_of_what_it_tells),
		TEST(an_end_in_the_future_makes_no_span_wait_longer),
		TEST(a_request_is_never_larger_than_its_limit),
		TEST(a_span_larger_than_the_limit_goes_alone),
		TEST(an_unsampled_request_makes_a_measurement_and_no_span),
		TEST(unsampled_spans_are_exported_on_request),
		TEST(a_duration_is_a_point_of_a_histogram_with_the_metrics_own_attributes),
		TEST(a_cumulative_series_grows_from_one_start),
		TEST(a_delta_series_begins_where_the_last_one_ended),
		TEST(beyond_the_cardinality_limit_there_is_one_overflow_point),
		TEST(the_series_of_one_process_are_split_over_requests_that_fit),
		TEST(a_clock_that_is_put_back_ends_no_period_before_it_began),
		TEST(a_duration_that_is_not_known_is_not_measured),
		TEST(the_series_of_a_process_that_ended_are_exported_once_more),
		TEST(an_exchange_behind_the_exit_joins_the_last_export),
		TEST(the_series_of_a_process_that_is_silent_for_an_hour_end),
		TEST(a_process_announced_again_with_nothing_new_goes_on_with_its_series),
		TEST(a_process_announced_anew_is_another_resource),
		TEST(more_processes_than_the_table_holds_lose_nothing),
		TEST(metrics_requests_are_split_at_their_limit),
		TEST(all_counters_are_sums_of_shmotels_own_resource),
		TEST(own_metrics_are_unique_and_have_one_unit_each),
		TEST(levels_are_what_stands_now_whatever_the_temporality),
		TEST(delta_counters_say_what_was_added),
		TEST(without_memory_every_span_is_sent_or_counted),
		TEST(without_memory_metrics_are_counted_and_come_the_next_time),
		TEST(creation_without_memory_fails_cleanly),
		TEST(protoc_decodes_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
