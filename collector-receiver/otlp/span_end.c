/* Say what is certain of an exchange's end, and what is not. */
#include "otlp/span_end.h"

static const struct slice end_names[] = {
	[EXCHANGE_ENDED_BY_MESSAGE] = {0},
	[EXCHANGE_ENDED_BY_CLOSE] = {0},
	[EXCHANGE_CUT_BY_CLOSE] = SLICE_LITERAL("close"),
	[EXCHANGE_CUT_BY_LOSS] = SLICE_LITERAL("loss"),
	[EXCHANGE_CUT_BY_SHUTDOWN] = SLICE_LITERAL("shutdown"),
	[EXCHANGE_RESET_BY_CLIENT] = SLICE_LITERAL("reset_by_client"),
	[EXCHANGE_RESET_BY_SERVER] = SLICE_LITERAL("reset_by_server"),
};

void span_set_error(struct span *span, struct slice type)
{
	if (span->status == SPAN_STATUS_ERROR)
		return;
	span->status = SPAN_STATUS_ERROR;
	span_add_text(span, ATTRIBUTE_ERROR_TYPE, type);
}

/* A close and a reset are ends, whatever else was to come. */
static bool end_is_known(const struct exchange *exchange)
{
	switch (exchange->end) {
	case EXCHANGE_ENDED_BY_MESSAGE:
	case EXCHANGE_ENDED_BY_CLOSE:
		return (exchange->flags & EXCHANGE_END_UNSEEN) == 0;
	case EXCHANGE_CUT_BY_CLOSE:
	case EXCHANGE_RESET_BY_CLIENT:
	case EXCHANGE_RESET_BY_SERVER:
		return true;
	case EXCHANGE_CUT_BY_LOSS:
	case EXCHANGE_CUT_BY_SHUTDOWN:
		return false;
	}
	return false;
}

void span_set_end(struct span *span, const struct exchange *exchange)
{
	struct slice name = end_names[exchange->end];
	bool end_known = end_is_known(exchange);

	if (exchange->end == EXCHANGE_CUT_BY_CLOSE)
		span_set_error(span, SLICE_LITERAL("connection_closed"));
	else if (exchange->end == EXCHANGE_RESET_BY_SERVER)
		span_set_error(span, SLICE_LITERAL("reset_by_server"));
	if (name.length == 0 && !end_known)
		name = SLICE_LITERAL("unseen");
	if (name.length > 0)
		span_add_text(span, ATTRIBUTE_SHMOTEL_END, name);
	if ((exchange->flags & EXCHANGE_START_UNSEEN) != 0)
		span_add_text(span, ATTRIBUTE_SHMOTEL_START, SLICE_LITERAL("unseen"));
	if ((exchange->flags & EXCHANGE_HEAD_UNCERTAIN) != 0)
		span_add_text(span, ATTRIBUTE_SHMOTEL_HEAD, SLICE_LITERAL("uncertain"));
	span->duration_known = end_known && (exchange->flags & EXCHANGE_START_UNSEEN) == 0;
}
