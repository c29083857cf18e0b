/* Aligned and coloured text for the console: what spans and summaries share. */
#ifndef EXPORT_CONSOLE_TEXT_H
#define EXPORT_CONSOLE_TEXT_H

#include <stdbool.h>

#include "opentelemetry/proto/common/v1/common.pb-c.h"
#include "otlp/wire.h"

typedef Opentelemetry__Proto__Common__V1__KeyValue console_attribute;

enum console_width {
	CONSOLE_SERVICE_WIDTH = 24,
	CONSOLE_REQUEST_WIDTH = 48,
};

struct console_text {
	struct wire_buffer *out;
	bool colour;
};

void console_printf(struct console_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Left-aligned in `width` columns and a space; longer text is cut at a character and ends in "~". A column is a UTF-8
 * character. */
void console_column(struct console_text *text, const char *value, int width);

/* "1.234 ms" and the like, right-aligned in 10 columns. */
void console_duration(struct console_text *text, double seconds);

/* The string value of an attribute, NULL if it is not there or not a string. */
const char *console_attribute_string(console_attribute *const *attributes, size_t count, const char *key);
/* Its integer value, -1 if it is not there or not an integer. */
int64_t console_attribute_integer(console_attribute *const *attributes, size_t count, const char *key);

#endif
