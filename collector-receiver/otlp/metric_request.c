/* Assemble metrics requests and submit them when they are large enough. */
#include "otlp/metric_request.h"

#include "counters.h"
#include "otlp/scope.h"

enum metric_field {
	REQUEST_RESOURCE_METRICS = 1,
	RESOURCE_METRICS_SCOPE_METRICS = 2,
	SCOPE_METRICS_METRICS = 2,
	METRIC_NAME = 1,
	METRIC_DESCRIPTION = 2,
	METRIC_UNIT = 3,
	DATA_TEMPORALITY = 2, /* in Sum and in Histogram */
};

/* Submit the first `length` bytes of the body, which hold `points`. */
static void submit(struct metric_request *request, size_t length, uint32_t points)
{
	struct otlp_request *out;

	if (points == 0)
		return;
	out = request->body.failed ? NULL : otlp_request_create(OTLP_METRICS, length);
	if (out == NULL) {
		counter_add(COUNTER_POINTS_NO_MEMORY, points);
		return;
	}
	memcpy(out->bytes, request->body.bytes, length);
	out->items = points;
	request->sink.submit(request->sink.context, out);
	otlp_request_release(out);
}

struct metric_brackets metric_request_begin(struct metric_request *request, struct slice resource, struct slice scope)
{
	struct metric_brackets brackets;

	request->here = request->body.length;
	request->points_here = 0;
	brackets.resource = wire_message_begin(&request->body, REQUEST_RESOURCE_METRICS);
	wire_add_raw(&request->body, resource.bytes, resource.length);
	brackets.scope = wire_message_begin(&request->body, RESOURCE_METRICS_SCOPE_METRICS);
	wire_add_raw(&request->body, scope.bytes, scope.length);
	return brackets;
}

/* Room for the heads of the messages around the points, and for the texts of the next metric. */
enum {
	CLOSING_BYTES_MAX = 512,
};

bool metric_request_is_full(const struct metric_request *request, size_t point_bytes)
{
	size_t here = request->body.length - request->here;

	return request->points_here > 0 && here + point_bytes + CLOSING_BYTES_MAX > request->bytes_max;
}

/* What was complete before this resource goes out, and this resource begins the next request. */
static void split(struct metric_request *request)
{
	submit(request, request->here, request->points);
	memmove(request->body.bytes, request->body.bytes + request->here, request->body.length - request->here);
	request->body.length -= request->here;
	request->here = 0;
	request->points = 0;
}

void metric_request_end(struct metric_request *request, struct metric_brackets brackets)
{
	struct wire_buffer *body = &request->body;

	if (request->points_here == 0) {
		body->length = request->here;
		return;
	}
	wire_add_raw(body, otlp_schema_url.bytes, otlp_schema_url.length);
	wire_message_end(body, brackets.scope);
	wire_add_raw(body, otlp_schema_url.bytes, otlp_schema_url.length);
	wire_message_end(body, brackets.resource);
	if (body->failed) {
		/* Half a message is none: give up this resource's points, keep those before it. */
		counter_add(COUNTER_POINTS_NO_MEMORY, request->points_here);
		body->failed = false;
		body->length = request->here;
		return;
	}
	if (body->length > request->bytes_max && request->points > 0)
		split(request);
	request->points += request->points_here;
}

struct metric_data metric_data_begin(struct metric_request *request, struct slice name, struct slice description,
				     struct slice unit, uint32_t kind_field)
{
	struct metric_data data;

	data.metric = wire_message_begin(&request->body, SCOPE_METRICS_METRICS);
	wire_add_bytes(&request->body, METRIC_NAME, name);
	if (description.length > 0)
		wire_add_bytes(&request->body, METRIC_DESCRIPTION, description);
	wire_add_bytes(&request->body, METRIC_UNIT, unit);
	data.data = wire_message_begin(&request->body, kind_field);
	return data;
}

void metric_data_end(struct metric_request *request, struct metric_data data, enum metric_temporality temporality)
{
	wire_add_varint(&request->body, DATA_TEMPORALITY, temporality);
	wire_message_end(&request->body, data.data);
	wire_message_end(&request->body, data.metric);
}

void metric_request_finish(struct metric_request *request)
{
	submit(request, request->body.length, request->points);
	request->points = 0;
	wire_buffer_reset(&request->body);
}

void metric_request_free(struct metric_request *request)
{
	wire_buffer_free(&request->body);
}
