/* The state behind capture.h, shared by the files that implement it. */
#ifndef SENSOR_CAPTURE_SESSION_H
#define SENSOR_CAPTURE_SESSION_H

#include "capture.h"
#include "kernel_features.h"

struct capture_bpf;
struct counter_row;
struct ring_buffer;

struct capture {
	enum capture_mode mode;
	struct kernel_features features;
	struct capture_bpf *programs;
	struct ring_buffer *ring;
	const struct counter_row *counter_rows; /* one for each of counter_cpus */
	int counter_cpus;

	/* Valid during capture_drain. */
	const struct capture_handler *handler;
	int drain_budget;
	int drained;

	uint64_t events_drained;
	uint64_t events_malformed;
};

/* Map the rows of the loaded programs' counters into this process; 0 or -errno. */
int capture_counters_map(struct capture *capture);
void capture_counters_unmap(struct capture *capture); /* nothing if they are not mapped */

/* The callback of the ring buffer; `context` is the capture. */
int capture_event(void *context, void *bytes, size_t length);

#endif
