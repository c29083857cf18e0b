/* One sink for all exporters of the receiver. */
#ifndef EXPORT_FAN_OUT_H
#define EXPORT_FAN_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/exporter.h"
#include "export_target.h"

enum {
	FAN_OUT_EXPORTERS_MAX = 8,
};

struct fan_out {
	struct exporter *exporters[FAN_OUT_EXPORTERS_MAX]; /* owned */
	enum export_signals signals[FAN_OUT_EXPORTERS_MAX]; /* that each of them takes */
	size_t count;
};

/* Zero-initialise. Takes the exporter; 0, or -ENOSPC with the exporter still the caller's. */
int fan_out_add(struct fan_out *fan_out, struct exporter *exporter, enum export_signals signals)
	__attribute__((warn_unused_result));
/* Hands each request to every exporter of its signal. Valid as long as fan_out. */
struct otlp_request_sink fan_out_sink(struct fan_out *fan_out);

bool fan_out_idle(const struct fan_out *fan_out);		   /* every exporter is */
void fan_out_drain(struct fan_out *fan_out, uint64_t deadline_ns); /* begin draining; run the loop until fan_out_idle */
void fan_out_destroy(struct fan_out *fan_out);			   /* the exporters; empty afterwards */

#endif
