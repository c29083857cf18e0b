/* Build ExportMetricsServiceRequests from ResourceMetrics, as many as their size demands. */
#ifndef OTLP_METRIC_REQUEST_H
#define OTLP_METRIC_REQUEST_H

#include "otlp/request.h"
#include "otlp/wire.h"

/* Values of the wire. */
enum metric_temporality {
	METRIC_DELTA = 1,
	METRIC_CUMULATIVE = 2,
};

/* Zero-initialise, set sink and bytes_max. */
struct metric_request {
	struct wire_buffer body;
	uint32_t points;
	uint32_t points_here; /* of the ResourceMetrics under construction */
	size_t here;	      /* where it begins */
	size_t bytes_max;
	struct otlp_request_sink sink;
};

/* Brackets around the metrics of one resource and one scope, both encoded as fields (scope.h). An empty pair leaves
 * nothing. */
struct metric_brackets {
	size_t resource;
	size_t scope;
};
struct metric_brackets metric_request_begin(struct metric_request *request, struct slice resource, struct slice scope);
void metric_request_end(struct metric_request *request, struct metric_brackets brackets);

/* Within brackets that hold a point already: one more of that size may make them larger than bytes_max. */
bool metric_request_is_full(const struct metric_request *request, size_t point_bytes);

/* Brackets around a metric's data: begin with the field of its kind (7 sum, 9 histogram). */
struct metric_data {
	size_t metric;
	size_t data;
};
struct metric_data metric_data_begin(struct metric_request *request, struct slice name, struct slice description,
				     struct slice unit, uint32_t kind_field);
void metric_data_end(struct metric_request *request, struct metric_data data, enum metric_temporality temporality);

/* Submit what is left. */
void metric_request_finish(struct metric_request *request);
void metric_request_free(struct metric_request *request);

#endif
