/* Parse `traceparent`: version "-" trace-id "-" parent-id "-" trace-flags, all in lower-case hexadecimal. */
#define _GNU_SOURCE /* memrchr */
#include "otlp/trace_context.h"

#include "counters.h"

enum {
	TRACEPARENT_LENGTH = 2 + 1 + 32 + 1 + 16 + 1 + 2,
	VERSION_AT = 0,
	TRACE_ID_AT = 3,
	PARENT_ID_AT = 36,
	FLAGS_AT = 53,
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool hex_decode(const char *text, uint8_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool all_zero(const uint8_t *bytes, size_t count)
{
	uint8_t any = 0;

	for (size_t i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

bool trace_context_parse(struct slice traceparent, struct trace_context *out)
{
	const char *text = traceparent.bytes;
	uint8_t version;

	if (traceparent.length < TRACEPARENT_LENGTH)
		return false;
	if (text[TRACE_ID_AT - 1] != '-' || text[PARENT_ID_AT - 1] != '-' || text[FLAGS_AT - 1] != '-')
		return false;
	if (!hex_decode(text + VERSION_AT, &version, 1) || version == 0xff)
		return false;
	if (traceparent.length > TRACEPARENT_LENGTH && (version == 0 || text[TRACEPARENT_LENGTH] != '-'))
		return false;
	if (!hex_decode(text + TRACE_ID_AT, out->trace_id, sizeof(out->trace_id)) ||
	    !hex_decode(text + PARENT_ID_AT, out->parent_id, sizeof(out->parent_id)) ||
	    !hex_decode(text + FLAGS_AT, &out->flags, 1))
		return false;
	/* Of a later version only the bit that level 1 knows may be used (section 4.3). */
	if (version > 0)
		out->flags &= TRACE_FLAG_SAMPLED;
	return !all_zero(out->trace_id, sizeof(out->trace_id)) && !all_zero(out->parent_id, sizeof(out->parent_id));
}

static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.bytes[i] != '\t' && (text.bytes[i] < 0x20 || text.bytes[i] > 0x7e))
			return false;
	return true;
}

struct slice trace_state_limit(struct slice tracestate)
{
	const char *comma;

	if (!is_printable(tracestate))
		return (struct slice){0};
	if (tracestate.length <= TRACE_STATE_MAX)
		return tracestate;
	counter_add(COUNTER_ATTRIBUTES_CUT, 1);
	comma = memrchr(tracestate.bytes, ',', TRACE_STATE_MAX + 1);
	return comma == NULL ? (struct slice){0}
			     : (struct slice){tracestate.bytes, (size_t)(comma - tracestate.bytes)};
}
