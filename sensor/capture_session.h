/* The state behind capture.h, shared by the files that implement it. */
#ifndef SENSOR_CAPTURE_SESSION_H
#define SENSOR_CAPTURE_SESSION_H

#include "capture.h"
#include "kernel_features.h"

struct capture_bpf;
struct ring_buffer;

struct capture {
	enum capture_mode mode;
	struct kernel_features features;
	struct capture_bpf *programs;
	struct ring_buffer *ring;
	int counter_cpus;

	/* Valid during capture_drain. */
	const struct capture_handler *handler;
	int drain_budget;
	int drained;

	uint64_t events_drained;
	uint64_t events_malformed;
};

/* The callback of the ring buffer; `context` is the capture. */
int capture_event(void *context, void *bytes, size_t length);

#endif
