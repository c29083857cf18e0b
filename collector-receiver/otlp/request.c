/* Make, share and free encoded export requests. */
#include "otlp/request.h"

#include <assert.h>
#include <stdlib.h>

struct otlp_request *otlp_request_create(enum otlp_signal signal, size_t length)
{
	struct otlp_request *request = NULL;

	if (length <= SIZE_MAX - sizeof(*request))
		request = malloc(sizeof(*request) + length);
	if (request == NULL)
		return NULL;
	request->signal = signal;
	request->references = 1;
	request->items = 0;
	request->length = length;
	return request;
}

struct otlp_request *otlp_request_hold(struct otlp_request *request)
{
	assert(request->references > 0);
	request->references++;
	return request;
}

void otlp_request_release(struct otlp_request *request)
{
	if (request == NULL)
		return;
	assert(request->references > 0);
	if (--request->references == 0)
		free(request);
}
