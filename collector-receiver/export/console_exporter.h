/* The `console` exporter: what a person wants to see. A line per span as it comes, and at each metrics export a table
 * of the request durations of every service, and what was lost. */
#ifndef EXPORT_CONSOLE_EXPORTER_H
#define EXPORT_CONSOLE_EXPORTER_H

#include "export/exporter.h"
#include "loop.h"

/* Writes to fd, which stays the caller's. Colour only if it is a terminal and NO_COLOR is not set. NULL with errno. */
struct exporter *console_exporter_create(struct loop *loop, int fd);

#endif
