/* Print aligned columns into a buffer. */
#include "export/console_text.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	PIECE_MAX = 256,
};

void console_printf(struct console_text *text, const char *format, ...)
{
	char piece[PIECE_MAX];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(piece, sizeof(piece), format, arguments);
	va_end(arguments);
	if (length > 0)
		wire_add_raw(text->out, piece, length < PIECE_MAX ? (size_t)length : PIECE_MAX - 1);
}

/* Bytes of the first `columns` characters. */
static size_t characters(const char *value, int columns)
{
	size_t at = 0;

	while (value[at] != '\0' && columns-- > 0) {
		at++;
		while (((uint8_t)value[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

void console_column(struct console_text *text, const char *value, int width)
{
	size_t fits = characters(value, width);
	int used = 0;

	if (value[fits] != '\0') {
		wire_add_raw(text->out, value, characters(value, width - 1));
		wire_add_raw(text->out, "~ ", 2);
		return;
	}
	wire_add_raw(text->out, value, fits);
	while (used < width && characters(value, used) < fits)
		used++;
	console_printf(text, "%*s", width - used + 1, "");
}

void console_duration(struct console_text *text, double seconds)
{
	if (seconds < 1e-3)
		console_printf(text, "%7.1f us", seconds * 1e6);
	else if (seconds < 1)
		console_printf(text, "%7.2f ms", seconds * 1e3);
	else
		console_printf(text, "%7.2f s ", seconds);
}

static const Opentelemetry__Proto__Common__V1__AnyValue *find(console_attribute *const *attributes, size_t count,
							      const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(attributes[i]->key, key) == 0)
			return attributes[i]->value;
	return NULL;
}

const char *console_attribute_string(console_attribute *const *attributes, size_t count, const char *key)
{
	const Opentelemetry__Proto__Common__V1__AnyValue *value = find(attributes, count, key);

	if (value == NULL || value->value_case != OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
		return NULL;
	return value->string_value;
}

int64_t console_attribute_integer(console_attribute *const *attributes, size_t count, const char *key)
{
	const Opentelemetry__Proto__Common__V1__AnyValue *value = find(attributes, count, key);

	if (value == NULL || value->value_case != OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE)
		return -1;
	return value->int_value;
}
