/* The `console` exporter: what a person wants to see. A line per span as it comes, and at each metrics export a table
 * of the request durations of every service, and what was lost. */
#ifndef EXPORT_CONSOLE_EXPORTER_H
#define EXPORT_CONSOLE_EXPORTER_H

#include "export/exporter.h"

/* Writes to fd, which stays the caller's. Colour only if it is a terminal and NO_COLOR is not set. NULL: no memory. */
struct exporter *console_exporter_create(int fd);

#endif
