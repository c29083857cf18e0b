/* The `file` exporter: one OTLP/JSON export request per line, as the Collector's file exporter writes and its
 * otlpjsonfile receiver reads. */
#ifndef EXPORT_FILE_EXPORTER_H
#define EXPORT_FILE_EXPORTER_H

#include "export/exporter.h"
#include "loop.h"

/* Appends to the file, which is made (mode 0640) if it is not there; "-" is standard output. Opens at once, so call it
 * before privileges are given up. Every request is written when it is submitted; where that goes to a pipe, terminal or
 * socket, as fast as it is read. NULL with errno. */
struct exporter *file_exporter_create(struct loop *loop, const char *path);

#endif
