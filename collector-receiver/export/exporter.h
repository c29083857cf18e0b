/* The contract of an exporter: take encoded requests, never block, lose nothing uncounted. */
#ifndef EXPORT_EXPORTER_H
#define EXPORT_EXPORTER_H

#include <stdbool.h>

#include "export/spool.h"
#include "otlp/request.h"

struct exporter;

/* How an exporter stands, for people. */
struct exporter_status {
	const char *name;
	bool busy;	   /* something is being delivered */
	uint64_t failures; /* attempts in a row that failed; 0: it delivers, or has nothing to deliver */
	uint64_t requests; /* that wait, the one in delivery not among them */
	uint64_t bytes;	   /* of them */
	uint64_t requests_max; /* that may wait; 0: bounded by the spool's bytes */
	uint64_t items[OTLP_SIGNAL_COUNT]; /* spans and data points that have not ended, those in delivery among them */
	bool has_spool;	   /* they wait on disk */
	struct spool_status spool;
	const char *problem; /* the last thing that it complained of, "" for nothing */
	uint64_t problem_ns; /* when; CLOCK_MONOTONIC */
};

struct exporter_type {
	const char *name; /* "otlp-grpc", "console", "file" */

	/* Take a request, holding a reference if it is kept. What cannot be kept or delivered is counted with its
	 * reason (counters.h) and said in the log, at most once per minute per reason. */
	void (*submit)(struct exporter *self, struct otlp_request *request);

	/* Nothing is waiting and nothing is in flight. */
	bool (*idle)(const struct exporter *self);

	/* Deliver what waits while the loop still runs, without further back-off, until deadline_ns
	 * (CLOCK_MONOTONIC). */
	void (*drain)(struct exporter *self, uint64_t deadline_ns);

	/* Fill in what there is to say; the caller has zeroed it. What it points to is valid until the loop goes on. */
	void (*status)(const struct exporter *self, struct exporter_status *status);

	/* Give up what is left, counting it, and free. */
	void (*destroy)(struct exporter *self);
};

struct exporter {
	const struct exporter_type *type;
};

#endif
