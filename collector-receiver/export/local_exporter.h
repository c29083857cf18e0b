/* What the exporters to this machine share: text goes to a terminal, pipe or file in whole pieces, and a reader that
 * does not read holds up nothing but its own text. */
#ifndef EXPORT_LOCAL_EXPORTER_H
#define EXPORT_LOCAL_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>

#include "export/export_log.h"
#include "export/export_outcome.h"
#include "export/export_queue.h"
#include "export/exporter.h"
#include "loop.h"
#include "otlp/wire.h"

enum {
	LOCAL_QUEUE_REQUESTS_MAX = 256, /* behind the one that is being written */
	LOCAL_QUEUE_BYTES_MAX = 4 * 1024 * 1024,
};

/* Embed it first. */
struct local_exporter {
	struct exporter base;
	/* Append the request as text to self->text. False: no memory. */
	bool (*render)(struct local_exporter *self, const struct otlp_request *request);
	struct loop *loop;
	struct loop_watch watch; /* in the loop while the reader is behind */
	bool never_waits;	 /* a regular file: written whatever its length */
	struct export_log log;
	struct export_queue queue;
	struct otlp_request *current; /* whose text is being written; NULL: none */
	struct wire_buffer text;
	size_t written;
	bool torn; /* the last piece was given up half written: the next one begins a new line */
};

/* Set up all but what embeds it, over a descriptor that is taken over, also on failure. 0 or -errno. */
int local_exporter_init(struct local_exporter *self, const struct exporter_type *type, struct loop *loop, int fd)
	__attribute__((warn_unused_result));

/* A second descriptor for fd, of its own and non-blocking where the kernel gives one. -errno on failure. */
int local_exporter_share(int fd) __attribute__((warn_unused_result));

/* The contract of exporter.h. A request ends in one of export_outcome.h's ways: sent once it is written whole, else
 * queue full, write failed or shutdown. */
void local_exporter_submit(struct exporter *base, struct otlp_request *request);
bool local_exporter_idle(const struct exporter *base);
void local_exporter_drain(struct exporter *base, uint64_t deadline_ns);
void local_exporter_status(const struct exporter *base, struct exporter_status *status);
void local_exporter_destroy(struct exporter *base);

#endif
