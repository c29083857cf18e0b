/* Who says it: the instrumentation scopes and the schema of what is exported, as the fields that they are on the
 * wire. */
#ifndef OTLP_SCOPE_H
#define OTLP_SCOPE_H

#include "exchanges/slice.h"

enum otlp_scope {
	OTLP_SCOPE_HTTP,     /* "shmotel/http": what was seen of HTTP */
	OTLP_SCOPE_RPC,	     /* "shmotel/rpc" */
	OTLP_SCOPE_DATABASE, /* "shmotel/database" */
	OTLP_SCOPE_SELF,     /* "shmotel": its own health */
	OTLP_SCOPE_COUNT
};

/* Field 1 (scope) of ScopeSpans and ScopeMetrics. */
extern const struct slice otlp_scopes[OTLP_SCOPE_COUNT];

/* Field 3 (schema_url) of ResourceSpans, ScopeSpans, ResourceMetrics and ScopeMetrics. */
extern const struct slice otlp_schema_url;

#endif
