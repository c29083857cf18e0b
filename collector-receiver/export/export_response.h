/* What an OTLP server says with a success: how much of the request it rejected after all. */
#ifndef EXPORT_RESPONSE_H
#define EXPORT_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct export_response {
	uint64_t rejected;     /* spans or data points; a negative number on the wire counts as 0 */
	const uint8_t *reason; /* borrowed from the message; not terminated, not to be printed as it is */
	size_t reason_length;
};

/* ExportTraceServiceResponse or ExportMetricsServiceResponse, which have the same shape. False: malformed. */
bool export_response_read(struct export_response *response, const uint8_t *bytes, size_t length)
	__attribute__((warn_unused_result));

#endif
