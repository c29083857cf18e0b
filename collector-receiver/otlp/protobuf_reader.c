/* Step over protobuf fields without ever leaving the message. */
#include "otlp/protobuf_reader.h"

enum {
	PROTOBUF_VARINT_BYTES_MAX = 10,
};

static uint64_t protobuf_varint(struct protobuf_reader *reader)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < PROTOBUF_VARINT_BYTES_MAX && reader->at < reader->end; i++) {
		const uint8_t byte = *reader->at++;

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0)
			return value;
	}
	reader->malformed = true;
	return 0;
}

/* The next n bytes, or NULL and malformed. */
static const uint8_t *protobuf_claim(struct protobuf_reader *reader, uint64_t n)
{
	const uint8_t *bytes = reader->at;

	if (reader->malformed || n > (uint64_t)(reader->end - reader->at)) {
		reader->malformed = true;
		return NULL;
	}
	reader->at += n;
	return bytes;
}

static uint64_t protobuf_fixed(struct protobuf_reader *reader, unsigned size)
{
	const uint8_t *bytes = protobuf_claim(reader, size);
	uint64_t value = 0;

	for (unsigned i = 0; i < size && bytes != NULL; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

static bool protobuf_value(struct protobuf_reader *reader, struct protobuf_field *field)
{
	uint64_t length;

	switch (field->type) {
	case PROTOBUF_VARINT:
		field->value = protobuf_varint(reader);
		break;
	case PROTOBUF_FIXED64:
		field->value = protobuf_fixed(reader, 8);
		break;
	case PROTOBUF_FIXED32:
		field->value = protobuf_fixed(reader, 4);
		break;
	case PROTOBUF_BYTES:
		length = protobuf_varint(reader);
		field->bytes = protobuf_claim(reader, length);
		field->length = field->bytes == NULL ? 0 : (size_t)length;
		break;
	default:
		reader->malformed = true;
	}
	return !reader->malformed;
}

bool protobuf_next(struct protobuf_reader *reader, struct protobuf_field *field)
{
	uint64_t tag;

	if (reader->malformed || reader->at == reader->end)
		return false;
	tag = protobuf_varint(reader);
	*field = (struct protobuf_field){.number = (uint32_t)(tag >> 3), .type = (enum protobuf_wire_type)(tag & 7)};
	if (field->number == 0 || tag > UINT32_MAX)
		reader->malformed = true;
	return protobuf_value(reader, field);
}

bool protobuf_next_packed(struct protobuf_reader *reader, struct protobuf_field *field)
{
	return !reader->malformed && reader->at != reader->end && protobuf_value(reader, field);
}
