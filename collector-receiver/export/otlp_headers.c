/* Read and check headers. A bad one would have every call refused, so it is said at start. */
#include "export/otlp_headers.h"

#include <ctype.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the client itself sends, and what HTTP/2 forbids. */
static bool header_is_reserved(const char *name)
{
	static const char *const reserved[] = {"te",	     "content-type",  "user-agent",	  "host",
					       "connection", "keep-alive",    "proxy-connection", "transfer-encoding",
					       "upgrade",    "content-length", "content-encoding"};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strcmp(name, reserved[i]) == 0)
			return true;
	}
	return strncmp(name, "grpc-", strlen("grpc-")) == 0;
}

/* The value is not repeated in the sentence: it may be a secret. */
static int header_check(const struct call_header *header, char *message, size_t size)
{
	if (header->name[0] == '\0' ||
	    !nghttp2_check_header_name((const uint8_t *)header->name, strlen(header->name)) || header->name[0] == ':') {
		snprintf(message, size, "The header name \"%s\" has characters that HTTP does not allow.",
			 header->name);
		return -EINVAL;
	}
	if (header_is_reserved(header->name)) {
		snprintf(message, size, "The header \"%s\" is set by the exporter itself; leave it out.", header->name);
		return -EINVAL;
	}
	if (!nghttp2_check_header_value((const uint8_t *)header->value, strlen(header->value))) {
		snprintf(message, size, "The value of the header \"%s\" has characters that HTTP does not allow.",
			 header->name);
		return -EINVAL;
	}
	return 0;
}

static int header_init(struct call_header *header, const char *text, char *message, size_t size)
{
	const char *equals = strchr(text, '=');
	char *name, *value;

	if (equals == NULL || equals == text) {
		snprintf(message, size, "A header is written name=value; \"%.*s\" is not.", (int)strcspn(text, "="),
			 text);
		return -EINVAL;
	}
	name = strndup(text, (size_t)(equals - text));
	value = strdup(equals + 1);
	*header = (struct call_header){name, value};
	if (name == NULL || value == NULL) {
		snprintf(message, size, "There is no memory for the headers.");
		return -ENOMEM;
	}
	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return header_check(header, message, size);
}

int otlp_headers_init(struct otlp_headers *headers, const char *const *texts, size_t count, char *message, size_t size)
{
	memset(headers, 0, sizeof(*headers));
	if (count > CALL_EXTRA_HEADERS_MAX) {
		snprintf(message, size, "There are %zu headers; at most %d are allowed.", count,
			 CALL_EXTRA_HEADERS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		const int error = header_init(&headers->list[i], texts[i], message, size);

		headers->count = i + 1;
		if (error < 0) {
			otlp_headers_free(headers);
			return error;
		}
	}
	return 0;
}

void otlp_headers_free(struct otlp_headers *headers)
{
	for (size_t i = 0; i < headers->count; i++) {
		free((char *)headers->list[i].name);
		free((char *)headers->list[i].value);
	}
	headers->count = 0;
}
