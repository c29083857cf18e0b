/* Halve a request that is too large for its endpoint. */
#ifndef EXPORT_REQUEST_SPLIT_H
#define EXPORT_REQUEST_SPLIT_H

#include "otlp/request.h"

/* Two requests with about half of the items each, in order; resource, scope and metric stand in both where one was cut
 * through. Both are the caller's; `request` stays as it is. 0; -EINVAL if there is nothing to split, or the bytes are
 * not an export request with as many items as it says; -ENOMEM. */
int request_split(const struct otlp_request *request, struct otlp_request **first, struct otlp_request **second)
	__attribute__((warn_unused_result));

#endif
