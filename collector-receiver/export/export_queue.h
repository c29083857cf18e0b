/* The requests that wait for one exporter: first in, first out, bounded by number, by items and by bytes. A request
 * that does not fit is not taken and the old ones stay, as in the Collector's sending_queue. */
#ifndef EXPORT_QUEUE_H
#define EXPORT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "otlp/request.h"

struct export_queue {
	struct otlp_request **requests; /* a ring of request_max places */
	uint32_t request_max;
	uint32_t first;
	uint32_t count;
	uint64_t items_max; /* spans and data points; 0: not bounded by them */
	uint64_t items[OTLP_SIGNAL_COUNT]; /* of all that wait; as bytes */
	size_t bytes_max;
	size_t bytes;
};

/* 0 or -ENOMEM. request_max must not be 0. */
int export_queue_init(struct export_queue *queue, uint32_t request_max, uint64_t items_max, size_t bytes_max)
	__attribute__((warn_unused_result));
void export_queue_free(struct export_queue *queue); /* must be empty */

/* Takes a reference of its own. False: full, nothing taken. */
bool export_queue_push(struct export_queue *queue, struct otlp_request *request) __attribute__((warn_unused_result));
/* The oldest, with the queue's reference, or NULL. */
struct otlp_request *export_queue_pop(struct export_queue *queue);

#endif
