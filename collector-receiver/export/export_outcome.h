/* How requests end, counted in items: every request handed to an exporter ends in exactly these ways. */
#ifndef EXPORT_OUTCOME_H
#define EXPORT_OUTCOME_H

#include <stdint.h>

#include "otlp/request.h"

enum export_outcome {
	EXPORT_SENT,
	EXPORT_REFUSED,	     /* refused for good, or too large to be sent */
	EXPORT_PARTIAL,	     /* rejected by a partial success */
	EXPORT_EXPIRED,	     /* given up after max_elapsed_time */
	EXPORT_QUEUE_FULL,   /* not taken */
	EXPORT_WRITE_FAILED, /* not written whole to a file, pipe, terminal or spool */
	EXPORT_SPOOL_FULL,   /* not taken */
	EXPORT_CORRUPT,	     /* damaged on disk */
	EXPORT_SHUTDOWN,     /* not delivered before the deadline of the shutdown */
	EXPORT_OUTCOMES,
};

void export_outcome_count(enum export_outcome outcome, enum otlp_signal signal, uint64_t items);

/* "spans", "data points" */
const char *export_items_name(enum otlp_signal signal);

#endif
