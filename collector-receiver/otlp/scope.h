/* Who says it: the instrumentation scopes and the schema of what is exported, as the fields that they are on the wire. */
#ifndef OTLP_SCOPE_H
#define OTLP_SCOPE_H

#include "exchanges/slice.h"

/* Field 1 (scope) of ScopeSpans and ScopeMetrics. */
extern const struct slice otlp_scope_http; /* "shmotel/http": what was seen of HTTP */
extern const struct slice otlp_scope_self; /* "shmotel": its own health */

/* Field 3 (schema_url) of ResourceSpans, ScopeSpans, ResourceMetrics and ScopeMetrics. */
extern const struct slice otlp_schema_url;

#endif
