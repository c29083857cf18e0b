/* The part of the options that makes exporters: OpenTelemetry's variables for endpoints, and what is in force for
 * each. */
#ifndef RECEIVER_OPTIONS_EXPORT_H
#define RECEIVER_OPTIONS_EXPORT_H

#include <stdio.h>

#include "options.h"

/* Put what the variables OTEL_EXPORTER_OTLP_* say of endpoints in place of options->exports. Each signal's protocol has
 * been settled. False: no memory. */
bool receiver_exports_apply(struct receiver_options *options) __attribute__((warn_unused_result));

/* What an exporter would refuse at start is refused here, so that --check-config says it too. False with a
 * complaint. */
bool receiver_exports_check(const struct receiver_options *options, char *complaint, size_t size)
	__attribute__((warn_unused_result));

/* For --check-config: read the files of TLS and look at the spool's directory, as the user that the receiver becomes.
 * Root is without its supplementary groups afterwards. False with a complaint. */
bool receiver_exports_check_files(const struct receiver_options *options, char *complaint, size_t size)
	__attribute__((warn_unused_result));

/* What differs from one exporter to the next, and is not to be read off the options: a line for each. */
void receiver_exports_print(const struct receiver_options *options, FILE *out);

#endif
