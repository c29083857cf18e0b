/* The duration histograms of instruments.h: measure spans, and write the points of a resource. */
#ifndef OTLP_DURATION_METRICS_H
#define OTLP_DURATION_METRICS_H

#include "otlp/metric_request.h"
#include "otlp/resource_cache.h"
#include "otlp/span.h"

/* Add the span's duration to the series of its metric attributes, which are a subset of its own. scratch is
 * overwritten. A span whose duration is not known is left out and counted (DURATIONS_UNKNOWN); one without an
 * instrument (METRIC_NONE) is left out. */
void duration_metrics_record(struct resource *resource, struct series_limits *limits, const struct span *span,
			     struct wire_buffer *scratch);

struct metric_period {
	uint64_t start_unix_ns; /* delta: the end of the period before */
	uint64_t end_unix_ns;
	enum metric_temporality temporality;
};

/* Write what the resource has measured; delta begins anew after it. */
void duration_metrics_write(struct resource *resource, struct series_limits *limits, const struct metric_period *period,
			    struct metric_request *request);

#endif
