/* Walk a protobuf-c message by its descriptor and write JSON. */
#include "otlp/otlp_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

static void write_string(struct wire_buffer *out, const char *text)
{
	add_text(out, "\"");
	while (*text != '\0') {
		size_t plain = 0;
		char escape[8];

		while ((uint8_t)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
			plain++;
		wire_add_raw(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		if (*text == '"' || *text == '\\')
			snprintf(escape, sizeof(escape), "\\%c", *text);
		else
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)(uint8_t)*text);
		add_text(out, escape);
		text++;
	}
	add_text(out, "\"");
}

static void write_hex(struct wire_buffer *out, const ProtobufCBinaryData *data)
{
	static const char digits[] = "0123456789abcdef";

	if (wire_buffer_reserve(out, 2 * data->len + 2) != 0)
		return;
	uint8_t *at = out->bytes + out->length;

	*at++ = '"';
	for (size_t i = 0; i < data->len; i++) {
		*at++ = (uint8_t)digits[data->data[i] >> 4];
		*at++ = (uint8_t)digits[data->data[i] & 15];
	}
	*at++ = '"';
	out->length = (size_t)(at - out->bytes);
}

static void write_base64(struct wire_buffer *out, const ProtobufCBinaryData *data)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	add_text(out, "\"");
	for (size_t i = 0; i < data->len; i += 3) {
		size_t left = data->len - i;
		uint32_t word = (uint32_t)data->data[i] << 16 | (left > 1 ? (uint32_t)data->data[i + 1] << 8 : 0u) |
				(left > 2 ? data->data[i + 2] : 0u);
		const char quad[4] = {digits[word >> 18], digits[word >> 12 & 63],
				      left > 1 ? digits[word >> 6 & 63] : '=', left > 2 ? digits[word & 63] : '='};

		wire_add_raw(out, quad, sizeof(quad));
	}
	add_text(out, "\"");
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

static void write_bytes(struct wire_buffer *out, const char *name, const ProtobufCBinaryData *data)
{
	size_t length = strlen(name);

	if (length >= 3 && strcmp(name + length - 3, "_id") == 0)
		write_hex(out, data);
	else
		write_base64(out, data);
}

static void write_value(struct wire_buffer *out, const ProtobufCFieldDescriptor *field, const void *at)
{
	char text[32] = "";

	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		snprintf(text, sizeof(text), "%" PRId32, *(const int32_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		snprintf(text, sizeof(text), "%" PRIu32, *(const uint32_t *)at);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		snprintf(text, sizeof(text), "\"%" PRId64 "\"", *(const int64_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		snprintf(text, sizeof(text), "\"%" PRIu64 "\"", *(const uint64_t *)at);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		write_double(out, (double)*(const float *)at);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		write_double(out, *(const double *)at);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		add_text(out, *(const protobuf_c_boolean *)at ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_STRING:
		write_string(out, *(char *const *)at);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		write_bytes(out, field->name, at);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		otlp_json_write(out, *(const ProtobufCMessage *const *)at);
		break;
	}
	add_text(out, text);
}

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_FLOAT:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default:
		return sizeof(uint64_t);
	}
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *at)
{
	static const uint8_t zeros[sizeof(ProtobufCBinaryData)];
	const char *text;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		text = *(char *const *)at;
		return text == NULL || text[0] == '\0';
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)at)->len == 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(void *const *)at == NULL;
	default:
		return memcmp(at, zeros, value_size(field)) == 0;
	}
}

/* A member of a oneof is there when it is the one, even if its value is the default. */
static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const uint8_t *base = (const uint8_t *)message;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(base + field->quantifier_offset) > 0;
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		return *(const uint32_t *)(base + field->quantifier_offset) == field->id;
	return !is_default(field, base + field->offset);
}

static void write_list(struct wire_buffer *out, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const uint8_t *base = (const uint8_t *)message;
	size_t count = *(const size_t *)(base + field->quantifier_offset);
	const uint8_t *items = *(const uint8_t *const *)(base + field->offset);

	add_text(out, "[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			add_text(out, ",");
		write_value(out, field, items + i * value_size(field));
	}
	add_text(out, "]");
}

/* Depth is that of the message types, and of nested AnyValues, which we do not write. */
void otlp_json_write(struct wire_buffer *out, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	bool first = true;

	add_text(out, "{");
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (!is_present(message, field))
			continue;
		if (!first)
			add_text(out, ",");
		first = false;
		write_name(out, field->name);
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			write_list(out, message, field);
		else
			write_value(out, field, (const uint8_t *)message + field->offset);
	}
	add_text(out, "}");
}
