/* Make the exporters that the options name. */
#ifndef RECEIVER_EXPORTERS_H
#define RECEIVER_EXPORTERS_H

#include "export/fan_out.h"
#include "loop.h"
#include "options.h"
#include "otlp/self_metrics.h"
#include "sandbox.h"

/* Open files and look up host names for all of options->exports, and add to `needs` what their sockets take. Nothing is
 * connected yet. Returns 0, or -errno with one sentence; what was made is in `exporters` in either case and goes with
 * fan_out_destroy. */
int exporters_open(struct fan_out *exporters, struct loop *loop, const struct receiver_options *options,
		   struct sandbox_needs *needs, char *message, size_t message_size) __attribute__((warn_unused_result));

/* A self_levels_fn whose context is the fan_out: how full the exporters are. */
void exporters_levels(void *fan_out, struct self_levels *levels);

#endif
