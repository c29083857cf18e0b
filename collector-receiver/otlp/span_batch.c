/* Group spans by resource and scope, and send them by count, size and age. */
#include "otlp/span_batch.h"

#include <assert.h>
#include <errno.h>

#include "counters.h"
#include "otlp/scope.h"
#include "otlp/span_encoder.h"

enum {
	REQUEST_RESOURCE_SPANS = 1,
	RESOURCE_SPANS_SCOPE_SPANS = 2,
	FIELD_HEAD_MAX = 1 + WIRE_VARINT_MAX,
};

/* Before each span: where the next one of the same chain is, and how long this one is. */
struct span_link {
	uint32_t next; /* undefined in the last one */
	uint32_t length;
};

static size_t resource_envelope_size(const struct resource *resource)
{
	return FIELD_HEAD_MAX + resource->encoded_length + otlp_schema_url.length;
}

static size_t scope_envelope_size(enum otlp_scope scope)
{
	return FIELD_HEAD_MAX + otlp_scopes[scope].length + otlp_schema_url.length;
}

static size_t scope_spans_size(const struct resource *resource, enum otlp_scope scope)
{
	return otlp_scopes[scope].length + resource->spans[scope].bytes + otlp_schema_url.length;
}

static size_t resource_spans_size(const struct resource *resource)
{
	size_t size = resource->encoded_length + otlp_schema_url.length;

	for (enum otlp_scope scope = 0; scope < OTLP_SCOPE_COUNT; scope++) {
		size_t inner = scope_spans_size(resource, scope);

		if (resource->spans[scope].count > 0)
			size += 1 + wire_varint_size(inner) + inner;
	}
	return size;
}

static uint8_t *put_slice(uint8_t *at, struct slice bytes)
{
	return wire_put_bytes(at, bytes.bytes, bytes.length);
}

static uint8_t *put_spans(uint8_t *at, const struct span_batch *batch, const struct span_chain *chain)
{
	uint32_t offset = chain->first;

	for (uint32_t i = 0; i < chain->count; i++) {
		struct span_link link;

		memcpy(&link, batch->spans.bytes + offset, sizeof(link));
		at = wire_put_bytes(at, batch->spans.bytes + offset + sizeof(link), link.length);
		offset = link.next;
	}
	return at;
}

static uint8_t *put_scope_spans(uint8_t *at, const struct span_batch *batch, const struct resource *resource,
				enum otlp_scope scope)
{
	*at++ = WIRE_TAG(RESOURCE_SPANS_SCOPE_SPANS, WIRE_LENGTH);
	at = wire_put_varint(at, scope_spans_size(resource, scope));
	at = put_slice(at, otlp_scopes[scope]);
	at = put_spans(at, batch, &resource->spans[scope]);
	return put_slice(at, otlp_schema_url);
}

static uint8_t *put_resource_spans(uint8_t *at, const struct span_batch *batch, const struct resource *resource)
{
	*at++ = WIRE_TAG(REQUEST_RESOURCE_SPANS, WIRE_LENGTH);
	at = wire_put_varint(at, resource_spans_size(resource));
	at = wire_put_bytes(at, resource->encoded, resource->encoded_length);
	for (enum otlp_scope scope = 0; scope < OTLP_SCOPE_COUNT; scope++)
		if (resource->spans[scope].count > 0)
			at = put_scope_spans(at, batch, resource, scope);
	return put_slice(at, otlp_schema_url);
}

static struct otlp_request *make_request(const struct span_batch *batch)
{
	size_t length = 0;

	for (const struct resource *r = batch->first; r != NULL; r = r->batch_next) {
		size_t inner = resource_spans_size(r);

		length += 1 + wire_varint_size(inner) + inner;
	}
	struct otlp_request *request = otlp_request_create(OTLP_TRACES, length);

	if (request == NULL)
		return NULL;
	uint8_t *at = request->bytes;

	for (const struct resource *r = batch->first; r != NULL; r = r->batch_next)
		at = put_resource_spans(at, batch, r);
	assert(at == request->bytes + length);
	request->items = batch->count;
	return request;
}

static void empty(struct span_batch *batch)
{
	struct resource *next;

	for (struct resource *r = batch->first; r != NULL; r = next) {
		next = r->batch_next;
		memset(r->spans, 0, sizeof(r->spans));
		r->in_batch = false;
		r->batch_next = NULL;
	}
	batch->first = NULL;
	batch->count = 0;
	batch->envelope_bytes = 0;
	wire_buffer_reset(&batch->spans);
}

void span_batch_flush(struct span_batch *batch)
{
	struct otlp_request *request;

	if (batch->count == 0)
		return;
	request = make_request(batch);
	if (request == NULL)
		counter_add(COUNTER_SPANS_NO_MEMORY, batch->count);
	empty(batch);
	if (request == NULL)
		return;
	batch->sink.submit(batch->sink.context, request);
	otlp_request_release(request);
}

/* What a span of this scope adds beside itself. */
static size_t new_envelopes(const struct resource *resource, enum otlp_scope scope)
{
	return (resource->in_batch ? 0 : resource_envelope_size(resource)) +
	       (resource->spans[scope].count > 0 ? 0 : scope_envelope_size(scope));
}

static void chain_span(struct span_batch *batch, struct resource *resource, enum otlp_scope scope, uint32_t offset)
{
	struct span_link link = {0, (uint32_t)(batch->spans.length - offset - sizeof(link))};
	struct span_chain *chain = &resource->spans[scope];

	memcpy(batch->spans.bytes + offset, &link, sizeof(link));
	batch->envelope_bytes += new_envelopes(resource, scope);
	if (!resource->in_batch) {
		resource->in_batch = true;
		resource->batch_next = batch->first;
		batch->first = resource;
	}
	if (chain->count == 0)
		chain->first = offset;
	else
		memcpy(batch->spans.bytes + chain->last + offsetof(struct span_link, next), &offset, sizeof(offset));
	chain->last = offset;
	chain->count++;
	chain->bytes += link.length;
}

/* 0, or -ENOMEM with the batch as it was. */
static int append(struct span_batch *batch, struct resource *resource, const struct span *span)
{
	size_t offset = batch->spans.length;
	const struct span_link link = {0, 0};

	wire_add_raw(&batch->spans, &link, sizeof(link));
	if (span_encode(&batch->spans, span) != 0) {
		batch->spans.length = offset;
		batch->spans.failed = false;
		return -ENOMEM;
	}
	chain_span(batch, resource, span->scope, (uint32_t)offset);
	batch->count++;
	return 0;
}

/* Sizes are exact only where they matter: near the limit. */
static bool exceeds(const struct span_batch *batch, const struct resource *resource, const struct span *span)
{
	size_t taken = batch->spans.length + batch->envelope_bytes + new_envelopes(resource, span->scope);

	if (taken + SPAN_ENCODED_MAX <= batch->bytes_max)
		return false;
	return taken + span_encoded_size(span) > batch->bytes_max;
}

void span_batch_add(struct span_batch *batch, struct resource *resource, const struct span *span, uint64_t end_ns)
{
	counter_add(COUNTER_SPANS, 1);
	if (batch->count > 0 && exceeds(batch, resource, span))
		span_batch_flush(batch);
	if (append(batch, resource, span) != 0) {
		/* What waits may be what holds the memory. */
		span_batch_flush(batch);
		wire_buffer_free(&batch->spans);
		if (append(batch, resource, span) != 0) {
			counter_add(COUNTER_SPANS_NO_MEMORY, 1);
			return;
		}
	}
	if (batch->count == 1 || end_ns < batch->since_ns)
		batch->since_ns = end_ns;
	if (batch->count >= batch->count_max)
		span_batch_flush(batch);
}

uint64_t span_batch_tick(struct span_batch *batch, uint64_t now_ns)
{
	if (batch->count == 0)
		return UINT64_MAX;
	/* No time of another process makes a span wait for longer than that. */
	if (batch->since_ns > now_ns)
		batch->since_ns = now_ns;
	if (now_ns - batch->since_ns < batch->delay_ns)
		return batch->since_ns + batch->delay_ns;
	span_batch_flush(batch);
	return UINT64_MAX;
}

void span_batch_free(struct span_batch *batch)
{
	empty(batch);
	wire_buffer_free(&batch->spans);
}
