/* A finished span before it is bytes: what span_from_exchange makes and span_encoder writes. */
#ifndef OTLP_SPAN_H
#define OTLP_SPAN_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "exchanges/redaction.h"
#include "exchanges/slice.h"
#include "otlp/attribute_names.h"
#include "otlp/instruments.h"
#include "otlp/trace_context.h"

/* Values of the wire. */
enum span_kind {
	SPAN_KIND_SERVER = 2,
	SPAN_KIND_CLIENT = 3,
};

enum span_status {
	SPAN_STATUS_UNSET = 0,
	SPAN_STATUS_ERROR = 2,
};

enum span_flag {
	SPAN_FLAG_HAS_IS_REMOTE = 0x100,
	SPAN_FLAG_IS_REMOTE = 0x200,
};

enum {
	SPAN_ATTRIBUTES_MAX = 24,
	/* Every limit of redaction.h that can meet in one span, and numbers and addresses. */
	SPAN_TEXT_MAX = REDACTION_URL_MAX + REDACTION_QUERY_MAX + REDACTION_PATH_MAX + REDACTION_USER_AGENT_MAX +
			REDACTION_HOST_MAX + REDACTION_METHOD_MAX + 512,
	/* No span made under those limits encodes to more: a key, four tags and four lengths an attribute. */
	SPAN_ENCODED_MAX = SPAN_TEXT_MAX + TRACE_STATE_MAX + SPAN_ATTRIBUTES_MAX * 64 + 256,
};

struct attribute {
	enum attribute_name name;
	bool is_integer;
	union {
		struct slice text;
		int64_t integer;
	};
};

/* Slices point into text[], into constants, or into the exchange: a span must not outlive the call that made it. */
struct span {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_span_id[8];
	bool has_parent;
	bool sampled;
	bool duration_known; /* both ends were seen */
	enum span_kind kind;
	enum span_status status;
	enum otlp_scope scope;
	enum duration_metric metric; /* what its duration counts in */
	uint32_t flags;
	struct slice name;
	struct slice status_message; /* only with SPAN_STATUS_ERROR */
	struct slice trace_state;
	uint64_t start_unix_ns;
	uint64_t end_unix_ns;
	uint32_t attribute_count;
	struct attribute attributes[SPAN_ATTRIBUTES_MAX];
	struct redaction_space space;
	char text[SPAN_TEXT_MAX];
};

static inline void span_add_text(struct span *span, enum attribute_name name, struct slice text)
{
	assert(span->attribute_count < SPAN_ATTRIBUTES_MAX);
	span->attributes[span->attribute_count++] = (struct attribute){.name = name, .text = text};
}

static inline void span_add_integer(struct span *span, enum attribute_name name, int64_t integer)
{
	assert(span->attribute_count < SPAN_ATTRIBUTES_MAX);
	span->attributes[span->attribute_count++] =
		(struct attribute){.name = name, .is_integer = true, .integer = integer};
}

#endif
