/* Write to a file, terminal or pipe of this machine, in whole pieces. */
#ifndef EXPORT_LOCAL_OUTPUT_H
#define EXPORT_LOCAL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "exchanges/slice.h"
#include "otlp/request.h"

struct local_output {
	int fd;
	const char *name; /* for the log */
	bool torn;	  /* the last piece was written in part: the next one begins a new line */
};

/* Write all of the lines. A request that could not be written whole is counted (EXPORT_WRITE_FAILED), one that was is
 * counted as sent; a failure is said in the log at most once a minute. Writing to a pipe may wait for its reader. */
void local_output_write(struct local_output *output, struct slice lines, const struct otlp_request *request);

/* The request could not even be turned into text. */
void local_output_failed(struct local_output *output, int error);

#endif
