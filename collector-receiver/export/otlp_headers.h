/* The headers that a user adds to each export call: "name=value". */
#ifndef EXPORT_OTLP_HEADERS_H
#define EXPORT_OTLP_HEADERS_H

#include <stddef.h>

#include "export/call_client.h"

struct otlp_headers {
	struct call_header list[CALL_EXTRA_HEADERS_MAX]; /* names in lower case; owned */
	size_t count;
};

/* 0, or -EINVAL or -ENOMEM with a sentence. On failure there is nothing to free. */
int otlp_headers_init(struct otlp_headers *headers, const char *const *texts, size_t count, char *message,
		      size_t message_size) __attribute__((warn_unused_result));
void otlp_headers_free(struct otlp_headers *headers);

#endif
