/* Encode spans without an intermediate tree: sizes first, then one reservation, then plain stores. */
#include "otlp/span_encoder.h"

#include <errno.h>

enum span_field {
	SPAN_TRACE_ID = 1,
	SPAN_SPAN_ID = 2,
	SPAN_TRACE_STATE = 3,
	SPAN_PARENT_SPAN_ID = 4,
	SPAN_NAME = 5,
	SPAN_KIND = 6,
	SPAN_START = 7,
	SPAN_END = 8,
	SPAN_ATTRIBUTES = 9,
	SPAN_STATUS = 15,
	SPAN_FLAGS = 16,
};

enum {
	SCOPE_SPANS_SPANS = 2,
	STATUS_MESSAGE = 2,
	STATUS_CODE = 3,
	ID_FIELD_OVERHEAD = 2, /* tag, length */
	FIXED64_FIELD = 1 + 8,
	FLAGS_FIELD = 2 + 4, /* a field number of 16 takes a tag of two bytes */
	STATUS_CODE_FIELD = 2,
	KIND_FIELD = 2,
	/* attribute keys are copied whole, past their end */
	SLACK = sizeof(struct attribute_key),
};

static size_t bytes_field_size(size_t length)
{
	return 1 + wire_varint_size(length) + length;
}

/* AnyValue's body. */
static size_t value_size(const struct attribute *a)
{
	return a->is_integer ? 1 + wire_varint_size((uint64_t)a->integer) : bytes_field_size(a->text.length);
}

/* KeyValue's body. */
static size_t attribute_size(const struct attribute *a, size_t value)
{
	return 2u + attribute_keys[a->name].length + 1 + wire_varint_size(value) + value;
}

static size_t attribute_field_size(const struct attribute *a)
{
	return bytes_field_size(attribute_size(a, value_size(a)));
}

static uint8_t *put_attribute(uint8_t *at, const struct attribute *a)
{
	const struct attribute_key *key = &attribute_keys[a->name];
	size_t value = value_size(a);

	*at++ = WIRE_TAG(SPAN_ATTRIBUTES, WIRE_LENGTH);
	at = wire_put_varint(at, attribute_size(a, value));
	memcpy(at, key, sizeof(*key));
	at += 2 + key->length;
	*at++ = WIRE_TAG(2, WIRE_LENGTH);
	at = wire_put_varint(at, value);
	if (a->is_integer) {
		*at++ = WIRE_TAG(3, WIRE_VARINT);
		return wire_put_varint(at, (uint64_t)a->integer);
	}
	*at++ = WIRE_TAG(1, WIRE_LENGTH);
	at = wire_put_varint(at, a->text.length);
	return wire_put_bytes(at, a->text.bytes, a->text.length);
}

static uint8_t *put_bytes_field(uint8_t *at, uint32_t field, const void *bytes, size_t length)
{
	*at++ = (uint8_t)WIRE_TAG(field, WIRE_LENGTH);
	at = wire_put_varint(at, length);
	return wire_put_bytes(at, bytes, length);
}

/* Status's body. */
static size_t status_size(const struct span *span)
{
	if (span->status == SPAN_STATUS_UNSET)
		return 0;
	return (span->status_message.length > 0 ? bytes_field_size(span->status_message.length) : 0) +
	       STATUS_CODE_FIELD;
}

/* An unset status is there too, as SDKs and Collectors write it. */
static uint8_t *put_status(uint8_t *at, const struct span *span)
{
	*at++ = WIRE_TAG(SPAN_STATUS, WIRE_LENGTH);
	at = wire_put_varint(at, status_size(span));
	if (span->status == SPAN_STATUS_UNSET)
		return at;
	if (span->status_message.length > 0)
		at = put_bytes_field(at, STATUS_MESSAGE, span->status_message.bytes, span->status_message.length);
	*at++ = WIRE_TAG(STATUS_CODE, WIRE_VARINT);
	*at++ = (uint8_t)span->status;
	return at;
}

static size_t span_size(const struct span *span)
{
	size_t size = ID_FIELD_OVERHEAD + sizeof(span->trace_id) + ID_FIELD_OVERHEAD + sizeof(span->span_id) +
		      bytes_field_size(span->name.length) + KIND_FIELD + 2 * FIXED64_FIELD +
		      bytes_field_size(status_size(span)) + FLAGS_FIELD;

	if (span->trace_state.length > 0)
		size += bytes_field_size(span->trace_state.length);
	if (span->has_parent)
		size += ID_FIELD_OVERHEAD + sizeof(span->parent_span_id);
	for (uint32_t i = 0; i < span->attribute_count; i++)
		size += attribute_field_size(&span->attributes[i]);
	return size;
}

static uint8_t *put_span(uint8_t *at, const struct span *span)
{
	at = put_bytes_field(at, SPAN_TRACE_ID, span->trace_id, sizeof(span->trace_id));
	at = put_bytes_field(at, SPAN_SPAN_ID, span->span_id, sizeof(span->span_id));
	if (span->trace_state.length > 0)
		at = put_bytes_field(at, SPAN_TRACE_STATE, span->trace_state.bytes, span->trace_state.length);
	if (span->has_parent)
		at = put_bytes_field(at, SPAN_PARENT_SPAN_ID, span->parent_span_id, sizeof(span->parent_span_id));
	at = put_bytes_field(at, SPAN_NAME, span->name.bytes, span->name.length);
	*at++ = WIRE_TAG(SPAN_KIND, WIRE_VARINT);
	*at++ = (uint8_t)span->kind;
	*at++ = WIRE_TAG(SPAN_START, WIRE_FIXED64);
	at = wire_put_fixed64(at, span->start_unix_ns);
	*at++ = WIRE_TAG(SPAN_END, WIRE_FIXED64);
	at = wire_put_fixed64(at, span->end_unix_ns);
	for (uint32_t i = 0; i < span->attribute_count; i++)
		at = put_attribute(at, &span->attributes[i]);
	at = put_status(at, span);
	at = wire_put_varint(at, WIRE_TAG(SPAN_FLAGS, WIRE_FIXED32));
	return wire_put_fixed32(at, span->flags);
}

size_t span_encoded_size(const struct span *span)
{
	return bytes_field_size(span_size(span));
}

int span_encode(struct wire_buffer *out, const struct span *span)
{
	size_t size = span_size(span);

	if (wire_buffer_reserve(out, 1 + WIRE_VARINT_MAX + size + SLACK) != 0)
		return -ENOMEM;
	uint8_t *at = out->bytes + out->length;

	*at++ = WIRE_TAG(SCOPE_SPANS_SPANS, WIRE_LENGTH);
	at = wire_put_varint(at, size);
	uint8_t *end = put_span(at, span);

	assert((size_t)(end - at) == size);
	out->length = (size_t)(end - out->bytes);
	return 0;
}

size_t span_encode_attributes(struct wire_buffer *out, const struct span *span, uint64_t attribute_set)
{
	size_t size = 0;

	for (uint32_t i = 0; i < span->attribute_count; i++)
		if ((attribute_set >> span->attributes[i].name & 1) != 0)
			size += attribute_field_size(&span->attributes[i]);
	if (wire_buffer_reserve(out, size + SLACK) != 0)
		return 0;
	uint8_t *at = out->bytes + out->length;

	for (uint32_t i = 0; i < span->attribute_count; i++)
		if ((attribute_set >> span->attributes[i].name & 1) != 0)
			at = put_attribute(at, &span->attributes[i]);
	assert(at == out->bytes + out->length + size);
	out->length += size;
	return size;
}
