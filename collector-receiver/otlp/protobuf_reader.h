/* A bounded cursor over protobuf's wire format. */
#ifndef OTLP_PROTOBUF_READER_H
#define OTLP_PROTOBUF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool malformed; /* what was left could not be read; sticky */
};

enum protobuf_wire_type {
	PROTOBUF_VARINT = 0,
	PROTOBUF_FIXED64 = 1,
	PROTOBUF_BYTES = 2,
	PROTOBUF_FIXED32 = 5,
};

struct protobuf_field {
	uint32_t number;
	enum protobuf_wire_type type;
	uint64_t value;	      /* of a number; 0 for bytes */
	const uint8_t *bytes; /* of bytes: borrowed from the message */
	size_t length;
};

/* Of nothing `bytes` may be NULL. */
static inline struct protobuf_reader protobuf_read(const uint8_t *bytes, size_t length)
{
	return (struct protobuf_reader){.at = bytes, .end = length == 0 ? bytes : bytes + length};
}

/* The next field. False at the end, or with malformed set. Groups are malformed: nothing in OTLP has them. */
bool protobuf_next(struct protobuf_reader *reader, struct protobuf_field *field);

/* The next of a packed list, whose values have no tags: field->type says what they are. As protobuf_next. */
bool protobuf_next_packed(struct protobuf_reader *reader, struct protobuf_field *field);

#endif
