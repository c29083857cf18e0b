/* The resources in use: one per process and revision, with its encoded bytes, its series and its place in the batch. */
#ifndef OTLP_RESOURCE_CACHE_H
#define OTLP_RESOURCE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "otlp/resource.h"
#include "otlp/series.h"

/* The spans of one scope that wait in the batch, as offsets into its buffer. */
struct span_chain {
	uint32_t count;
	uint32_t first;
	uint32_t last;
	size_t bytes;
};

struct resource {
	uint64_t process_id;
	uint64_t revision;
	uint64_t start_unix_ns; /* where its cumulative series begin */
	uint64_t used_ns;	/* CLOCK_MONOTONIC, of the last exchange */
	bool indexed;		/* can be found */
	bool ended;		/* the process is gone, or was announced anew: to be freed once all is exported */
	uint8_t *encoded;	/* field 1 of ResourceSpans and ResourceMetrics */
	size_t encoded_length;
	struct series_table series[DURATION_METRIC_COUNT];
	/* The batch's. */
	bool in_batch;
	struct span_chain spans[OTLP_SCOPE_COUNT];
	struct resource *batch_next;
	/* The cache's. */
	struct resource *chain;
	struct resource *older;
	struct resource *newer;
};

struct resource_cache {
	struct resource **buckets;
	uint32_t bucket_mask;
	uint32_t count;
	uint32_t count_max;
	uint32_t ended_count;
	struct resource *oldest; /* least recently used */
	struct resource *newest;
};

int resource_cache_init(struct resource_cache *cache, uint32_t count_max) __attribute__((warn_unused_result));
void resource_cache_free(struct resource_cache *cache, struct series_limits *limits);

/* The resource of a process, whatever its revision, made the most recently used; NULL: not there. One that has ended is
 * still found until it is swept. */
struct resource *resource_cache_find(struct resource_cache *cache, uint64_t process_id, uint64_t now_ns);

/* Its process is another resource from now on: end it, and find it no more. */
void resource_cache_supersede(struct resource_cache *cache, struct resource *resource);

bool resource_cache_full(const struct resource_cache *cache);

/* Take in a new one; the cache must not be full. encoded is copied. NULL: no memory. */
struct resource *resource_cache_add(struct resource_cache *cache, uint64_t process_id, uint64_t revision,
				    uint64_t now_ns, struct slice encoded);

/* The process is gone. Unknown ones are passed over. */
void resource_cache_end(struct resource_cache *cache, uint64_t process_id);

/* End the count least recently used ones that are not yet. */
void resource_cache_end_oldest(struct resource_cache *cache, uint32_t count);

/* End those that were last used before that time. */
void resource_cache_end_idle(struct resource_cache *cache, uint64_t used_before_ns);

/* Free all that have ended. The caller has exported their spans and series. */
void resource_cache_sweep(struct resource_cache *cache, struct series_limits *limits);

#endif
