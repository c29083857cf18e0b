/* Write protobuf's wire format: unchecked puts into room that the caller has made, and a buffer that grows. */
#ifndef OTLP_WIRE_H
#define OTLP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "exchanges/slice.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_LENGTH = 2,
	WIRE_FIXED32 = 5,
};

#define WIRE_TAG(field, type) ((uint32_t)(field) << 3 | (type))

enum {
	WIRE_VARINT_MAX = 10,
};

static inline size_t wire_varint_size(uint64_t value)
{
	return (size_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}

static inline uint8_t *wire_put_varint(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static inline uint8_t *wire_put_bytes(uint8_t *at, const void *bytes, size_t length)
{
	if (length > 0)
		memcpy(at, bytes, length);
	return at + length;
}

static inline uint8_t *wire_put_fixed32(uint8_t *at, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	return wire_put_bytes(at, &value, sizeof(value));
}

static inline uint8_t *wire_put_fixed64(uint8_t *at, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return wire_put_bytes(at, &value, sizeof(value));
}

/* Bytes that grow. Zero-initialise; free with wire_buffer_free. Once memory has failed the buffer stays failed and
 * takes nothing more, so that a long message can be built without a check after each field and judged at its end. */
struct wire_buffer {
	uint8_t *bytes;
	size_t length;
	size_t capacity;
	bool failed;
};

/* Room for `extra` more bytes behind bytes + length. -ENOMEM and failed set when there is none. */
int wire_buffer_reserve(struct wire_buffer *buffer, size_t extra) __attribute__((warn_unused_result));
void wire_buffer_reset(struct wire_buffer *buffer); /* empty again, keeps its memory, no longer failed */
void wire_buffer_free(struct wire_buffer *buffer);

void wire_add_raw(struct wire_buffer *buffer, const void *bytes, size_t length);
void wire_add_raw_fixed64(struct wire_buffer *buffer, uint64_t value); /* an element of a packed list */
void wire_add_raw_double(struct wire_buffer *buffer, double value);
void wire_add_varint(struct wire_buffer *buffer, uint32_t field, uint64_t value);
void wire_add_fixed64(struct wire_buffer *buffer, uint32_t field, uint64_t value);
void wire_add_double(struct wire_buffer *buffer, uint32_t field, double value);
void wire_add_bytes(struct wire_buffer *buffer, uint32_t field, struct slice bytes);

/* A KeyValue as `field` of the message under construction. */
void wire_add_string_attribute(struct wire_buffer *buffer, uint32_t field, struct slice key, struct slice value);
void wire_add_integer_attribute(struct wire_buffer *buffer, uint32_t field, struct slice key, int64_t value);
void wire_add_bool_attribute(struct wire_buffer *buffer, uint32_t field, struct slice key, bool value);

/* A message inside a message: everything added between begin and end is its body. end moves the body by the size of its
 * length. Nest them like brackets; begin's result goes to the matching end. */
size_t wire_message_begin(struct wire_buffer *buffer, uint32_t field);
void wire_message_end(struct wire_buffer *buffer, size_t begin);

#endif
