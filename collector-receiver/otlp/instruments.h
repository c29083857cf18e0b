/* The histograms that exist, one row each: what the conventions say of them. */
#ifndef OTLP_INSTRUMENTS_H
#define OTLP_INSTRUMENTS_H

#include <stdint.h>

#include "exchanges/slice.h"
#include "otlp/scope.h"

enum duration_metric {
	METRIC_HTTP_SERVER,
	METRIC_HTTP_CLIENT,
	METRIC_RPC_SERVER,
	METRIC_RPC_CLIENT,
	METRIC_DATABASE_CLIENT,
	DURATION_METRIC_COUNT,
	METRIC_NONE = DURATION_METRIC_COUNT, /* no instrument for it in the conventions */
};

enum {
	DURATION_BOUNDS_MAX = 14,
	DURATION_BUCKETS_MAX = DURATION_BOUNDS_MAX + 1,
};

/* Upper bounds in seconds, rising; one more bucket is above them. */
struct duration_bounds {
	uint32_t count;
	double seconds[DURATION_BOUNDS_MAX];
};

struct instrument {
	struct slice name;
	struct slice description;
	enum otlp_scope scope;
	const struct duration_bounds *bounds;
	uint64_t attributes; /* those of the span's that its points have, ATTRIBUTE_BIT */
};

/* Instruments of one scope stand next to each other. */
extern const struct instrument instruments[DURATION_METRIC_COUNT];

#endif
