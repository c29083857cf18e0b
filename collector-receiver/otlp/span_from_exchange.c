/* Make the span of an exchange: what all conventions share, and which of them applies. */
#include "otlp/span_from_exchange.h"

#include "otlp/span_conventions.h"
#include "otlp/span_end.h"
#include "otlp/trace_context.h"
#include "sql/sql_sanitise.h"

static const struct slice default_methods[] = {
	SLICE_LITERAL("GET"),	 SLICE_LITERAL("POST"),	   SLICE_LITERAL("HEAD"),  SLICE_LITERAL("PUT"),
	SLICE_LITERAL("DELETE"), SLICE_LITERAL("OPTIONS"), SLICE_LITERAL("PATCH"), SLICE_LITERAL("CONNECT"),
	SLICE_LITERAL("TRACE"),	 SLICE_LITERAL("QUERY"),
};

void span_rules_defaults(struct span_rules *rules)
{
	*rules = (struct span_rules){
		.known_methods = default_methods,
		.known_method_count = sizeof(default_methods) / sizeof(default_methods[0]),
		.redaction = redaction_default,
	};
}

/* Databases have no place for it but a comment. */
static struct slice traceparent_of(const struct exchange *exchange)
{
	if (exchange->traceparent.bytes != NULL || exchange->protocol != EXCHANGE_DATABASE ||
	    exchange->database.language != DATABASE_SQL)
		return exchange->traceparent;
	return sql_traceparent(exchange->database.query_text);
}

static void set_context(struct span *span, const struct exchange *exchange, struct random_ids *ids)
{
	struct trace_context caller;

	random_ids_span(ids, span->span_id);
	span->flags = SPAN_FLAG_HAS_IS_REMOTE;
	span->has_parent = trace_context_parse(traceparent_of(exchange), &caller);
	if (!span->has_parent) {
		random_ids_trace(ids, span->trace_id);
		span->flags |= TRACE_FLAG_SAMPLED;
		span->trace_state = (struct slice){0};
		span->sampled = true;
		return;
	}
	memcpy(span->trace_id, caller.trace_id, sizeof(span->trace_id));
	memcpy(span->parent_span_id, caller.parent_id, sizeof(span->parent_span_id));
	span->flags |= caller.flags | (exchange->role == EXCHANGE_SERVER ? SPAN_FLAG_IS_REMOTE : 0u);
	span->sampled = (caller.flags & TRACE_FLAG_SAMPLED) != 0;
	span->trace_state = trace_state_limit(exchange->tracestate);
}

void span_from_exchange(struct span *span, const struct exchange *exchange, const struct span_rules *rules,
			struct random_ids *ids, int64_t clock_offset_ns)
{
	span->space = (struct redaction_space){span->text, 0, sizeof(span->text)};
	span->attribute_count = 0;
	span->status = SPAN_STATUS_UNSET;
	span->status_message = (struct slice){0};
	span->kind = exchange->role == EXCHANGE_SERVER ? SPAN_KIND_SERVER : SPAN_KIND_CLIENT;
	span->start_unix_ns = exchange->start_ns + (uint64_t)clock_offset_ns;
	span->end_unix_ns = exchange->end_ns + (uint64_t)clock_offset_ns;
	set_context(span, exchange, ids);
	switch (exchange->protocol) {
	case EXCHANGE_HTTP:
		span_set_http(span, exchange, rules);
		break;
	case EXCHANGE_RPC:
		span_set_rpc(span, exchange);
		break;
	case EXCHANGE_DATABASE:
		span_set_database(span, exchange, rules);
		break;
	}
	span_set_end(span, exchange);
}
