/* The contract of an exporter: take encoded requests, never block, lose nothing uncounted. */
#ifndef EXPORT_EXPORTER_H
#define EXPORT_EXPORTER_H

#include <stdbool.h>

#include "otlp/request.h"

struct exporter;

struct exporter_type {
	const char *name; /* "otlp-grpc", "console", "file" */

	/* Take a request, holding a reference if it is kept. What cannot be kept or delivered is counted with its reason
	 * (counters.h) and said in the log, at most once per minute per reason. */
	void (*submit)(struct exporter *self, struct otlp_request *request);

	/* Nothing is waiting and nothing is in flight. */
	bool (*idle)(const struct exporter *self);

	/* Deliver what waits while the loop still runs, without further back-off, until deadline_ns (CLOCK_MONOTONIC). */
	void (*drain)(struct exporter *self, uint64_t deadline_ns);

	/* Give up what is left, counting it, and free. */
	void (*destroy)(struct exporter *self);
};

struct exporter {
	const struct exporter_type *type;
};

#endif
