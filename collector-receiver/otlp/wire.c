/* Grow a buffer and append protobuf fields to it. */
#include "otlp/wire.h"

#include <errno.h>
#include <stdlib.h>

enum {
	BUFFER_CAPACITY_MIN = 256,
};

int wire_buffer_reserve(struct wire_buffer *buffer, size_t extra)
{
	size_t capacity = buffer->capacity < BUFFER_CAPACITY_MIN ? BUFFER_CAPACITY_MIN : buffer->capacity;

	if (buffer->failed)
		return -ENOMEM;
	if (extra <= buffer->capacity - buffer->length)
		return 0;
	while (capacity - buffer->length < extra && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	uint8_t *bytes = capacity - buffer->length < extra ? NULL : realloc(buffer->bytes, capacity);

	if (bytes == NULL) {
		buffer->failed = true;
		return -ENOMEM;
	}
	buffer->bytes = bytes;
	buffer->capacity = capacity;
	return 0;
}

void wire_buffer_reset(struct wire_buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
}

void wire_buffer_free(struct wire_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct wire_buffer){0};
}

void wire_add_raw(struct wire_buffer *buffer, const void *bytes, size_t length)
{
	if (length == 0 || wire_buffer_reserve(buffer, length) != 0)
		return;
	memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
}

void wire_add_raw_fixed64(struct wire_buffer *buffer, uint64_t value)
{
	uint8_t bytes[sizeof(value)];

	wire_put_fixed64(bytes, value);
	wire_add_raw(buffer, bytes, sizeof(bytes));
}

static uint64_t double_bits(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

void wire_add_raw_double(struct wire_buffer *buffer, double value)
{
	wire_add_raw_fixed64(buffer, double_bits(value));
}

static void add_tag_and_varint(struct wire_buffer *buffer, uint32_t tag, uint64_t value)
{
	uint8_t bytes[2 * WIRE_VARINT_MAX];
	uint8_t *end = wire_put_varint(wire_put_varint(bytes, tag), value);

	wire_add_raw(buffer, bytes, (size_t)(end - bytes));
}

void wire_add_varint(struct wire_buffer *buffer, uint32_t field, uint64_t value)
{
	add_tag_and_varint(buffer, WIRE_TAG(field, WIRE_VARINT), value);
}

void wire_add_fixed64(struct wire_buffer *buffer, uint32_t field, uint64_t value)
{
	uint8_t bytes[WIRE_VARINT_MAX + sizeof(value)];
	uint8_t *end = wire_put_fixed64(wire_put_varint(bytes, WIRE_TAG(field, WIRE_FIXED64)), value);

	wire_add_raw(buffer, bytes, (size_t)(end - bytes));
}

void wire_add_double(struct wire_buffer *buffer, uint32_t field, double value)
{
	wire_add_fixed64(buffer, field, double_bits(value));
}

void wire_add_bytes(struct wire_buffer *buffer, uint32_t field, struct slice bytes)
{
	add_tag_and_varint(buffer, WIRE_TAG(field, WIRE_LENGTH), bytes.length);
	wire_add_raw(buffer, bytes.bytes, bytes.length);
}

/* KeyValue{1: key, 2: AnyValue{...}} up to the AnyValue's body of `size` bytes. */
static void add_attribute_head(struct wire_buffer *buffer, uint32_t field, struct slice key, size_t size)
{
	size_t key_size = 1 + wire_varint_size(key.length) + key.length;

	add_tag_and_varint(buffer, WIRE_TAG(field, WIRE_LENGTH), key_size + 1 + wire_varint_size(size) + size);
	wire_add_bytes(buffer, 1, key);
	add_tag_and_varint(buffer, WIRE_TAG(2, WIRE_LENGTH), size);
}

void wire_add_string_attribute(struct wire_buffer *buffer, uint32_t field, struct slice key, struct slice value)
{
	add_attribute_head(buffer, field, key, 1 + wire_varint_size(value.length) + value.length);
	wire_add_bytes(buffer, 1, value);
}

void wire_add_integer_attribute(struct wire_buffer *buffer, uint32_t field, struct slice key, int64_t value)
{
	add_attribute_head(buffer, field, key, 1 + wire_varint_size((uint64_t)value));
	wire_add_varint(buffer, 3, (uint64_t)value);
}

void wire_add_bool_attribute(struct wire_buffer *buffer, uint32_t field, struct slice key, bool value)
{
	add_attribute_head(buffer, field, key, 2);
	wire_add_varint(buffer, 2, value);
}

size_t wire_message_begin(struct wire_buffer *buffer, uint32_t field)
{
	uint8_t tag[WIRE_VARINT_MAX];

	wire_add_raw(buffer, tag, (size_t)(wire_put_varint(tag, WIRE_TAG(field, WIRE_LENGTH)) - tag));
	return buffer->length;
}

void wire_message_end(struct wire_buffer *buffer, size_t begin)
{
	size_t body = buffer->length - begin;
	size_t shift = wire_varint_size(body);

	if (wire_buffer_reserve(buffer, shift) != 0)
		return;
	memmove(buffer->bytes + begin + shift, buffer->bytes + begin, body);
	wire_put_varint(buffer->bytes + begin, body);
	buffer->length += shift;
}
