/* Write what a process is as an OTLP Resource.
 *
 * service.name: OTEL_SERVICE_NAME, else service.name of OTEL_RESOURCE_ATTRIBUTES, else unknown_service:<executable>,
 * else unknown_service. The other attributes of OTEL_RESOURCE_ATTRIBUTES are taken over, but what the sensor saw for
 * itself (process.*, container.id, k8s.pod.uid, host.id, telemetry.*) cannot be overridden by what a process says of
 * itself. */
#ifndef OTLP_RESOURCE_H
#define OTLP_RESOURCE_H

#include "exchanges/process.h"
#include "otlp/host_identity.h"
#include "otlp/wire.h"

struct resource_rules {
	const struct host_identity *host;
	bool command_line; /* process.command_line, opt-in: it may hold secrets */
};

/* Append to out as field 1 (resource) of ResourceSpans and ResourceMetrics. process may be NULL: then only what is
 * known of the host is written, and unknown_service. Failure of memory shows in out->failed. */
void resource_encode(struct wire_buffer *out, const struct process *process, const struct resource_rules *rules);

#endif
