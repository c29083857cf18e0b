/* The histograms of one metric of one process: a series per set of attributes, up to a limit. */
#ifndef OTLP_SERIES_H
#define OTLP_SERIES_H

#include <stdint.h>

#include "exchanges/slice.h"
#include "otlp/instruments.h"

struct series {
	uint64_t hash;
	uint64_t count;
	double sum;
	double min;
	double max;
	uint64_t buckets[DURATION_BUCKETS_MAX]; /* bucket i: (bound i-1, bound i] */
	uint32_t attributes_length;
	uint8_t attributes[]; /* encoded as they stand in a HistogramDataPoint: bytes and key in one */
};

/* Open addressing over pointers. Zero-initialise. */
struct series_table {
	struct series **slots;
	uint32_t capacity;
	uint32_t count;
	struct series *overflow; /* otel.metric.overflow, takes what is beyond the limit; not in slots */
};

/* What all tables together may hold. */
struct series_limits {
	uint32_t per_metric_max; /* the overflow series included */
	uint32_t total_max;
	uint32_t total;
	uint64_t hash_seed; /* so that nobody can choose attribute values that collide */
};

/* Add one measurement to the series of these encoded attributes, in buckets that are the same for the whole table.
 * Beyond a limit, and when memory fails, it goes to the overflow series and is counted (SERIES_OVERFLOW). -ENOMEM if
 * there is not even that: then it is lost. */
int series_record(struct series_table *table, struct series_limits *limits, const struct duration_bounds *bounds,
		  struct slice attributes, double seconds) __attribute__((warn_unused_result));

/* Forget all series; the table can be used on. */
void series_table_clear(struct series_table *table, struct series_limits *limits);

/* Visit every series: start with *position 0, until NULL. */
const struct series *series_next(const struct series_table *table, uint32_t *position);

#endif
