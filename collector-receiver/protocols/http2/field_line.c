/* Find where the representations of a header block begin and end (RFC 7541 5.1, 5.2, 6). */
#include "protocols/http2/http2.h"

enum { NUMBER_SHIFT_MAX = 21 }; /* four bytes of a number: more than any table or block has */

/* A number with a prefix of `prefix_bits` (RFC 7541 5.1). False if it is not whole or too large. */
static bool read_number(struct cursor *in, unsigned prefix_bits, uint32_t *value)
{
	uint32_t mask = (1u << prefix_bits) - 1;
	int byte = cursor_peek(in);

	if (byte < 0)
		return false;
	in->position++;
	*value = (uint32_t)byte & mask;
	if (*value < mask)
		return true;
	for (unsigned shift = 0; shift <= NUMBER_SHIFT_MAX; shift += 7) {
		byte = cursor_peek(in);
		if (byte < 0)
			return false;
		in->position++;
		*value += ((uint32_t)byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool skip_string(struct cursor *in)
{
	uint32_t length;

	return read_number(in, 7, &length) && cursor_skip(in, length) == length;
}

bool http2_field_line_read(struct slice block, struct http2_field_line *line)
{
	struct cursor in = cursor_over(block.bytes, block.length);
	int first = cursor_peek(&in);
	unsigned index_bits;

	if (first < 0)
		return false;
	if (first & 0x80) {
		*line = (struct http2_field_line){.kind = HTTP2_INDEXED, .pattern = 0x80};
		index_bits = 7;
	} else if (first & 0x40) {
		*line = (struct http2_field_line){.kind = HTTP2_LITERAL, .pattern = 0x40};
		index_bits = 6;
	} else if (first & 0x20) {
		*line = (struct http2_field_line){.kind = HTTP2_TABLE_SIZE, .pattern = 0x20};
		index_bits = 5;
	} else {
		*line = (struct http2_field_line){.kind = HTTP2_LITERAL, .pattern = (uint8_t)(first & 0x10)};
		index_bits = 4;
	}
	if (!read_number(&in, index_bits, &line->index))
		return false;
	line->head_bytes = in.position;
	if (line->kind == HTTP2_LITERAL && ((line->index == 0 && !skip_string(&in)) || !skip_string(&in)))
		return false;
	line->bytes = in.position;
	return true;
}
