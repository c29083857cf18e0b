/* The console's picture of a metrics request: a table of services, and what was lost. */
#ifndef EXPORT_CONSOLE_SUMMARY_H
#define EXPORT_CONSOLE_SUMMARY_H

#include "export/console_text.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"

void console_summary_write(struct console_text *text,
			   const Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest *request);

#endif
