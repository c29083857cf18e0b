/* From an export target to its exporter: the one place that knows them all. */
#ifndef EXPORT_EXPORTER_REGISTRY_H
#define EXPORT_EXPORTER_REGISTRY_H

#include <stddef.h>

#include "export/exporter.h"
#include "export/otlp_exporter.h"
#include "loop.h"

/* `options` are for an OTLP exporter; their target is not used. Files are opened and host names looked up here, so call
 * it before privileges are given up. 0, or -errno with a sentence for people. */
int exporter_create(struct exporter **exporter, struct loop *loop, const struct export_target *target,
		    const struct otlp_exporter_options *options, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
