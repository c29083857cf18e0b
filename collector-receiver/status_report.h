/* What the receiver says of itself and of its sensor: a page for people, whose first line is for programs. */
#ifndef RECEIVER_STATUS_REPORT_H
#define RECEIVER_STATUS_REPORT_H

#include <stddef.h>

#include "export/fan_out.h"
#include "intake/intake.h"
#include "pipeline.h"

struct status_report {
	struct intake *intake;
	const struct pipeline *pipeline;
	const struct fan_out *exporters;
	const char *confinement; /* what the cage consists of */
	const char *loop;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
};

/* The first line is "ready" or "not ready: REASON". Ready is a receiver that has a ring to read, and whose exporters
 * deliver. Returns the length, less than size; cut to it. */
size_t status_report_write(const struct status_report *report, char *text, size_t size);

#endif
