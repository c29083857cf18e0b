/* How an exchange ended, the same in every convention. */
#ifndef OTLP_SPAN_END_H
#define OTLP_SPAN_END_H

#include "exchanges/exchange.h"
#include "otlp/span.h"

/* Status Error and error.type, once: what is set first stays. */
void span_set_error(struct span *span, struct slice type);

/* shmotel.end, shmotel.start, shmotel.head, the errors that are not the protocol's own, and whether the duration is
 * known. Call it last. */
void span_set_end(struct span *span, const struct exchange *exchange);

#endif
