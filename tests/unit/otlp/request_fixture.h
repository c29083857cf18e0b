/* A sink that keeps what it is given, decoded. */
#ifndef TESTS_OTLP_REQUEST_FIXTURE_H
#define TESTS_OTLP_REQUEST_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "otlp/request.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest trace_request;
typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest metrics_request;
typedef Opentelemetry__Proto__Trace__V1__Span span_message;
typedef Opentelemetry__Proto__Metrics__V1__Metric metric_message;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram_point;
typedef Opentelemetry__Proto__Common__V1__KeyValue key_value;

enum {
	KEPT_MAX = 4096,
};

struct kept_requests {
	size_t count;
	struct otlp_request *requests[KEPT_MAX];
};

static inline void keep_request(void *context, struct otlp_request *request)
{
	struct kept_requests *kept = context;

	if (kept->count < KEPT_MAX)
		kept->requests[kept->count++] = otlp_request_hold(request);
}

static inline void kept_requests_release(struct kept_requests *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		otlp_request_release(kept->requests[i]);
	kept->count = 0;
}

static inline trace_request *unpack_traces(const struct otlp_request *r)
{
	return opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(NULL, r->length,
												r->bytes);
}

static inline metrics_request *unpack_metrics(const struct otlp_request *r)
{
	return opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__unpack(NULL, r->length,
												    r->bytes);
}

static inline const char *string_of(key_value *const *attributes, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(attributes[i]->key, key) == 0 &&
		    attributes[i]->value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
			return attributes[i]->value->string_value;
	return NULL;
}

static inline int64_t integer_of(key_value *const *attributes, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(attributes[i]->key, key) == 0 &&
		    attributes[i]->value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE)
			return attributes[i]->value->int_value;
	return -1;
}

#endif
