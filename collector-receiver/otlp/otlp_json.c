/* Walk an encoded message by the descriptor of its type and write JSON. */
#include "otlp/otlp_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "otlp/protobuf_reader.h"

struct json {
	struct wire_buffer *out;
	uint32_t depth;
	bool malformed;
};

static void add_text(struct wire_buffer *out, const char *text)
{
	wire_add_raw(out, text, strlen(text));
}

/* snake_case to lowerCamelCase, in one piece: names are written more often than anything else. */
static void write_name(struct wire_buffer *out, const char *name)
{
	const size_t length_max = strlen(name) + 3; /* quotes and colon */

	if (wire_buffer_reserve(out, length_max) != 0)
		return;
	uint8_t *at = out->bytes + out->length;

	*at++ = '"';
	for (; *name != '\0'; name++) {
		const bool hump = *name == '_' && name[1] >= 'a' && name[1] <= 'z';

		name += hump;
		*at++ = (uint8_t)(hump ? *name - 'a' + 'A' : *name);
	}
	*at++ = '"';
	*at++ = ':';
	out->length = (size_t)(at - out->bytes);
}

/* How much of the text needs no escape. */
static size_t plain_length(struct slice text)
{
	size_t length = 0;

	while (length < text.length && (uint8_t)text.bytes[length] >= 0x20 && text.bytes[length] != '"' &&
	       text.bytes[length] != '\\')
		length++;
	return length;
}

static void write_escape(struct wire_buffer *out, char byte)
{
	char escape[8];

	if (byte == '"' || byte == '\\')
		snprintf(escape, sizeof(escape), "\\%c", byte);
	else
		snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)(uint8_t)byte);
	add_text(out, escape);
}

static void write_string(struct wire_buffer *out, struct slice text)
{
	add_text(out, "\"");
	while (text.length > 0) {
		const size_t plain = plain_length(text);

		wire_add_raw(out, text.bytes, plain);
		text = (struct slice){text.bytes + plain, text.length - plain};
		if (text.length == 0)
			break;
		write_escape(out, text.bytes[0]);
		text = (struct slice){text.bytes + 1, text.length - 1};
	}
	add_text(out, "\"");
}

static void write_hex(struct wire_buffer *out, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	if (wire_buffer_reserve(out, 2 * length + 2) != 0)
		return;
	uint8_t *at = out->bytes + out->length;

	*at++ = '"';
	for (size_t i = 0; i < length; i++) {
		*at++ = (uint8_t)digits[bytes[i] >> 4];
		*at++ = (uint8_t)digits[bytes[i] & 15];
	}
	*at++ = '"';
	out->length = (size_t)(at - out->bytes);
}

static void write_base64(struct wire_buffer *out, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	add_text(out, "\"");
	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t word = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0u) |
				(left > 2 ? bytes[i + 2] : 0u);
		const char quad[4] = {digits[word >> 18], digits[word >> 12 & 63],
				      left > 1 ? digits[word >> 6 & 63] : '=', left > 2 ? digits[word & 63] : '='};

		wire_add_raw(out, quad, sizeof(quad));
	}
	add_text(out, "\"");
}

/* Without printf, which takes longer than all the rest of a span's numbers. */
static void write_integer(struct wire_buffer *out, bool negative, uint64_t magnitude)
{
	char text[21]; /* sign and the digits of UINT64_MAX */
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude != 0);
	if (negative)
		text[--at] = '-';
	wire_add_raw(out, text + at, sizeof(text) - at);
}

static void write_signed(struct wire_buffer *out, int64_t value)
{
	write_integer(out, value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static int64_t zigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* The shortest form that reads back as the same number; what JSON has no number for is a string. */
static void write_double(struct wire_buffer *out, double value)
{
	char text[32];

	if (isnan(value) || isinf(value)) {
		add_text(out, isnan(value) ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	add_text(out, text);
}

static double double_of(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static double float_of(uint64_t bits)
{
	const uint32_t low = (uint32_t)bits;
	float value;

	memcpy(&value, &low, sizeof(value));
	return (double)value;
}

static void write_bytes(struct wire_buffer *out, const char *name, const uint8_t *bytes, size_t length)
{
	size_t name_length = strlen(name);

	if (name_length >= 3 && strcmp(name + name_length - 3, "_id") == 0)
		write_hex(out, bytes, length);
	else
		write_base64(out, bytes, length);
}

static enum protobuf_wire_type wire_type_of(const ProtobufCFieldDescriptor *known)
{
	switch (known->type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return PROTOBUF_FIXED32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return PROTOBUF_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return PROTOBUF_BYTES;
	default:
		return PROTOBUF_VARINT;
	}
}

/* JSON's numbers are doubles: what has 64 bits is a string. */
static void write_integer_of(struct wire_buffer *out, const ProtobufCFieldDescriptor *known, uint64_t value)
{
	switch (known->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		write_signed(out, (int32_t)value);
		return;
	case PROTOBUF_C_TYPE_SINT32:
		write_signed(out, zigzag((uint32_t)value));
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		write_integer(out, false, (uint32_t)value);
		return;
	default:
		break;
	}
	add_text(out, "\"");
	if (known->type == PROTOBUF_C_TYPE_UINT64 || known->type == PROTOBUF_C_TYPE_FIXED64)
		write_integer(out, false, value);
	else
		write_signed(out, known->type == PROTOBUF_C_TYPE_SINT64 ? zigzag(value) : (int64_t)value);
	add_text(out, "\"");
}

static void write_message(struct json *json, const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
			  size_t length);

static void write_value(struct json *json, const ProtobufCFieldDescriptor *known, const struct protobuf_field *field)
{
	switch (known->type) {
	case PROTOBUF_C_TYPE_FLOAT:
		write_double(json->out, float_of(field->value));
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		write_double(json->out, double_of(field->value));
		break;
	case PROTOBUF_C_TYPE_BOOL:
		add_text(json->out, field->value != 0 ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_STRING:
		write_string(json->out, (struct slice){(const char *)field->bytes, field->length});
		break;
	case PROTOBUF_C_TYPE_BYTES:
		write_bytes(json->out, known->name, field->bytes, field->length);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		write_message(json, known->descriptor, field->bytes, field->length);
		break;
	default:
		write_integer_of(json->out, known, field->value);
		break;
	}
}

/* One value of a list, or as many as are packed together. */
static void write_items(struct json *json, const ProtobufCFieldDescriptor *known, const struct protobuf_field *field)
{
	struct protobuf_reader packed = protobuf_read(field->bytes, field->length);
	struct protobuf_field item = {.type = wire_type_of(known)};

	if (item.type == field->type) {
		write_value(json, known, field);
		return;
	}
	for (bool first = true; protobuf_next_packed(&packed, &item); first = false) {
		if (!first)
			add_text(json->out, ",");
		write_value(json, known, &item);
	}
	json->malformed |= packed.malformed;
}

static bool is_list(const ProtobufCFieldDescriptor *known)
{
	return known->label == PROTOBUF_C_LABEL_REPEATED;
}

static bool is_well_formed(const ProtobufCFieldDescriptor *known, const struct protobuf_field *field)
{
	return field->type == wire_type_of(known) || (is_list(known) && field->type == PROTOBUF_BYTES);
}

/* A member of a oneof is there when it is the one, even if its value is the default. */
static bool is_left_out(const ProtobufCFieldDescriptor *known, const struct protobuf_field *field)
{
	return !is_list(known) && (known->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 &&
	       known->type != PROTOBUF_C_TYPE_MESSAGE && field->value == 0 && field->length == 0;
}

/* Go on with the list that is `open`, or begin the next member of the object. Returns the list that is open then. */
static const ProtobufCFieldDescriptor *write_field(struct json *json, const ProtobufCFieldDescriptor *known,
						   const struct protobuf_field *field,
						   const ProtobufCFieldDescriptor *open, bool first)
{
	if (open != NULL && open != known)
		add_text(json->out, "]");
	if (!first)
		add_text(json->out, ",");
	if (open != known) {
		write_name(json->out, known->name);
		if (is_list(known))
			add_text(json->out, "[");
	}
	write_items(json, known, field);
	return is_list(known) ? known : NULL;
}

static void write_members(struct json *json, const ProtobufCMessageDescriptor *type, struct protobuf_reader *reader)
{
	const ProtobufCFieldDescriptor *open = NULL, *known;
	struct protobuf_field field;
	bool first = true;

	while (!json->malformed && protobuf_next(reader, &field)) {
		known = protobuf_c_message_descriptor_get_field(type, field.number);
		if (known == NULL || is_left_out(known, &field))
			continue;
		json->malformed = !is_well_formed(known, &field);
		if (json->malformed)
			return;
		open = write_field(json, known, &field, open, first);
		first = false;
	}
	if (open != NULL)
		add_text(json->out, "]");
	json->malformed |= reader->malformed;
}

static void write_message(struct json *json, const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
			  size_t length)
{
	struct protobuf_reader reader = protobuf_read(bytes, length);

	if (json->depth == OTLP_JSON_DEPTH_MAX) {
		json->malformed = true;
		return;
	}
	json->depth++;
	add_text(json->out, "{");
	write_members(json, type, &reader);
	add_text(json->out, "}");
	json->depth--;
}

bool otlp_json_write(struct wire_buffer *out, const ProtobufCMessageDescriptor *type, struct slice message)
{
	struct json json = {.out = out};

	write_message(&json, type, (const uint8_t *)message.bytes, message.length);
	return !json.malformed;
}
