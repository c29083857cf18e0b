/* One encoded OTLP export request: what every exporter is handed. */
#ifndef OTLP_REQUEST_H
#define OTLP_REQUEST_H

#include <stddef.h>
#include <stdint.h>

enum otlp_signal {
	OTLP_TRACES,  /* bytes are an ExportTraceServiceRequest */
	OTLP_METRICS, /* bytes are an ExportMetricsServiceRequest */
	OTLP_SIGNAL_COUNT,
};

/* Immutable once made, shared by count: several exporters may hold the same one. Single-threaded. */
struct otlp_request {
	enum otlp_signal signal;
	uint32_t references;
	uint32_t items; /* spans, or metric data points */
	size_t length;
	uint8_t bytes[];
};

/* Room for `length` bytes, one reference held by the caller. NULL if there is no memory. */
struct otlp_request *otlp_request_create(enum otlp_signal signal, size_t length);
struct otlp_request *otlp_request_hold(struct otlp_request *request);
void otlp_request_release(struct otlp_request *request); /* NULL is allowed */

/* Where requests go. The receiver of the call takes its own reference if it keeps the request. */
struct otlp_request_sink {
	void (*submit)(void *context, struct otlp_request *request);
	void *context;
};

#endif
