/* Read OTEL_RESOURCE_ATTRIBUTES: key=value,key=value, each percent-encoded. */
#ifndef OTLP_RESOURCE_ATTRIBUTES_H
#define OTLP_RESOURCE_ATTRIBUTES_H

#include <stdint.h>

#include "exchanges/slice.h"

enum {
	RESOURCE_ATTRIBUTES_MAX = 64,
	RESOURCE_ATTRIBUTES_TEXT_MAX = 4096,
};

struct resource_attribute {
	struct slice key;
	struct slice value;
};

struct resource_attributes {
	uint32_t count;
	struct resource_attribute items[RESOURCE_ATTRIBUTES_MAX];
	char text[RESOURCE_ATTRIBUTES_TEXT_MAX]; /* decoded; items point into it */
};

/* 0, or -EINVAL with count 0: an item without '=' or with an empty key, a broken percent-escape, or more than the
 * limits above. The specification has the whole value discarded then. Of a key given twice the last stands. Empty
 * items, as behind a trailing comma, are passed over. */
int resource_attributes_parse(struct slice text, struct resource_attributes *out) __attribute__((warn_unused_result));

#endif
