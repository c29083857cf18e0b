/* Collect encoded spans and hand them on as ExportTraceServiceRequests, grouped by resource and scope. */
#ifndef OTLP_SPAN_BATCH_H
#define OTLP_SPAN_BATCH_H

#include "otlp/request.h"
#include "otlp/resource_cache.h"
#include "otlp/span.h"
#include "otlp/wire.h"

/* All spans wait in one buffer in the order in which they came, chained by resource and scope: memory is bounded by the
 * batch, not by the number of processes. */
struct span_batch {
	struct wire_buffer spans;
	uint32_t count;
	size_t envelope_bytes;	/* what resources and scopes will add */
	struct resource *first; /* with spans in this batch */
	uint64_t since_ns;	/* CLOCK_MONOTONIC: when what its oldest span tells of ended */
	uint32_t count_max;
	size_t bytes_max; /* of the request, before compression */
	uint64_t delay_ns;
	struct otlp_request_sink sink;
};

/* Encode the span into the batch; flushes before or after when a limit demands it. When memory fails the span is
 * counted (SPANS_NO_MEMORY). `end_ns` is when what it tells of ended (CLOCK_MONOTONIC). */
void span_batch_add(struct span_batch *batch, struct resource *resource, const struct span *span, uint64_t end_ns);

/* Send the batch if what its oldest span tells of ended delay_ns ago: what it waited for before it came here counts.
 * Returns when that will be (CLOCK_MONOTONIC), UINT64_MAX when nothing waits. */
uint64_t span_batch_tick(struct span_batch *batch, uint64_t now_ns);

void span_batch_flush(struct span_batch *batch);
void span_batch_free(struct span_batch *batch); /* what waits is gone; flush first */

#endif
