/* Write a span as opentelemetry.proto.trace.v1.Span, field by field in order of their numbers. */
#ifndef OTLP_SPAN_ENCODER_H
#define OTLP_SPAN_ENCODER_H

#include "otlp/span.h"
#include "otlp/wire.h"

/* Append to out, as field 2 (spans) of a ScopeSpans. 0, or -ENOMEM with out unchanged but failed. */
int span_encode(struct wire_buffer *out, const struct span *span) __attribute__((warn_unused_result));

/* The bytes that span_encode will append. */
size_t span_encoded_size(const struct span *span);

/* Append those attributes whose ATTRIBUTE_BIT is in the set as field 9: the number that attributes have in a Span and
 * in a HistogramDataPoint alike. Returns the bytes written, 0 also when memory failed (out->failed). */
size_t span_encode_attributes(struct wire_buffer *out, const struct span *span, uint64_t attribute_set);

#endif
