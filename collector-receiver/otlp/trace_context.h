/* Read W3C Trace Context (level 1) headers: who called. */
#ifndef OTLP_TRACE_CONTEXT_H
#define OTLP_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "exchanges/slice.h"

enum {
	TRACE_FLAG_SAMPLED = 0x01,
};

struct trace_context {
	uint8_t trace_id[16];
	uint8_t parent_id[8];
	uint8_t flags;
};

/* False, and *out undefined, if the header is not valid: then a new trace begins (section 3.2). Version ff, upper-case
 * hexadecimal and all-zero ids are invalid; a version above 00 may go on behind a further '-'. */
bool trace_context_parse(struct slice traceparent, struct trace_context *out);

enum {
	TRACE_STATE_MAX = 512,
};

/* `tracestate` as it may be passed on: whole entries, TRACE_STATE_MAX bytes of them at most, the foremost ones; what is
 * left out is counted (ATTRIBUTES_CUT). Absent if it holds a byte that no entry may hold. Points into the header. */
struct slice trace_state_limit(struct slice tracestate);

#endif
