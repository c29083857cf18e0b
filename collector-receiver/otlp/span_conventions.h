/* One function for each convention: name, scope, metric, attributes and status of a span that is otherwise made. The
 * rules of each are in span_from_exchange.h. */
#ifndef OTLP_SPAN_CONVENTIONS_H
#define OTLP_SPAN_CONVENTIONS_H

#include "otlp/span_from_exchange.h"

void span_set_http(struct span *span, const struct exchange *exchange, const struct span_rules *rules);
void span_set_rpc(struct span *span, const struct exchange *exchange);
void span_set_database(struct span *span, const struct exchange *exchange, const struct span_rules *rules);

#endif
