/* Keep requests in order within three bounds. */
#include "export/export_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int export_queue_init(struct export_queue *queue, uint32_t request_max, uint64_t items_max, size_t bytes_max)
{
	assert(request_max > 0);
	*queue = (struct export_queue){.request_max = request_max, .items_max = items_max, .bytes_max = bytes_max};
	queue->requests = calloc(request_max, sizeof(queue->requests[0]));
	return queue->requests == NULL ? -ENOMEM : 0;
}

void export_queue_free(struct export_queue *queue)
{
	assert(queue->count == 0);
	free(queue->requests);
	queue->requests = NULL;
}

bool export_queue_push(struct export_queue *queue, struct otlp_request *request)
{
	uint32_t place;

	assert(queue->bytes <= queue->bytes_max);
	if (queue->count == queue->request_max || request->length > queue->bytes_max - queue->bytes)
		return false;
	if (queue->items_max != 0 &&
	    request->items > queue->items_max - queue->items[OTLP_TRACES] - queue->items[OTLP_METRICS])
		return false;
	place = (uint32_t)(((uint64_t)queue->first + queue->count) % queue->request_max);
	queue->requests[place] = otlp_request_hold(request);
	queue->count++;
	queue->items[request->signal] += request->items;
	queue->bytes += request->length;
	return true;
}

struct otlp_request *export_queue_pop(struct export_queue *queue)
{
	struct otlp_request *request;

	if (queue->count == 0)
		return NULL;
	request = queue->requests[queue->first];
	queue->first = (queue->first + 1) % queue->request_max;
	queue->count--;
	queue->items[request->signal] -= request->items;
	queue->bytes -= request->length;
	return request;
}
