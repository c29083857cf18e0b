/* Check the bodies of PostgreSQL's messages field by field, where it is not known yet that they are such. */
#include "protocols/postgresql/postgresql.h"

/* Fields are taken off a cursor: false if they do not fit into what is left. */

static bool skip(struct cursor *in, uint64_t bytes)
{
	return cursor_skip(in, bytes) == bytes;
}

static bool take_uint(struct cursor *in, unsigned bytes, uint32_t *value)
{
	*value = 0;
	if (cursor_left(in) < bytes)
		return false;
	for (unsigned i = 0; i < bytes; i++)
		*value = *value << 8 | (unsigned char)in->bytes[in->position++];
	return true;
}

/* Text in any encoding that a server may use, but no control characters other than white space. */
static bool is_text(struct slice s)
{
	for (size_t i = 0; i < s.length; i++) {
		unsigned char c = (unsigned char)s.bytes[i];

		if ((c < ' ' && !(c >= '\t' && c <= '\r')) || c == 0x7f)
			return false;
	}
	return true;
}

static bool skip_string(struct cursor *in)
{
	struct slice rest = cursor_rest(in), string;

	if (!postgresql_take_string(&rest, &string) || !is_text(string))
		return false;
	return skip(in, string.length + 1);
}

/* A count, and so many things of `bytes` bytes each. */
static bool skip_array(struct cursor *in, uint64_t bytes)
{
	uint32_t count;

	return take_uint(in, 2, &count) && skip(in, count * bytes);
}

/* A count, and so many values: each its length, -1 for NULL, and its bytes. */
static bool skip_values(struct cursor *in)
{
	uint32_t count, length;

	if (!take_uint(in, 2, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!take_uint(in, 4, &length) || (length != UINT32_MAX && !skip(in, length)))
			return false;
	}
	return true;
}

static bool skip_bind(struct cursor *in)
{
	return skip_string(in) && skip_string(in) && skip_array(in, 2) && skip_values(in) && skip_array(in, 2);
}

static bool skip_target(struct cursor *in)
{
	int kind = cursor_peek(in);

	return (kind == 'S' || kind == 'P') && skip(in, 1) && skip_string(in);
}

static bool skip_columns(struct cursor *in)
{
	uint32_t count;

	if (!take_uint(in, 2, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!skip_string(in) || !skip(in, 18))
			return false;
	}
	return true;
}

static bool skip_error_fields(struct cursor *in)
{
	while (cursor_peek(in) > 0) {
		if (!skip(in, 1) || !skip_string(in))
			return false;
	}
	return skip(in, 1);
}

static bool skip_copy_format(struct cursor *in)
{
	uint32_t format;

	return take_uint(in, 1, &format) && format <= 1 && skip_array(in, 2);
}

static bool skip_status(struct cursor *in)
{
	uint32_t status;

	return take_uint(in, 1, &status) && (status == 'I' || status == 'T' || status == 'E');
}

static bool skip_client_body(char type, struct cursor *in)
{
	switch (type) {
	case 'Q':
	case 'f':
		return skip_string(in);
	case 'P':
		return skip_string(in) && skip_string(in) && skip_array(in, 4);
	case 'B':
		return skip_bind(in);
	case 'D':
	case 'C':
		return skip_target(in);
	case 'E':
		return skip_string(in) && skip(in, 4);
	case 'F':
		return skip(in, 4) && skip_array(in, 2) && skip_values(in) && skip(in, 2);
	case 'H':
	case 'S':
	case 'X':
	case 'c':
		return true;
	default: /* CopyData, passwords: anything goes, so nothing is believed */
		return false;
	}
}

static bool skip_server_body(char type, struct cursor *in)
{
	switch (type) {
	case 'Z':
		return skip_status(in);
	case 'T':
		return skip_columns(in);
	case 'D':
		return skip_values(in);
	case 'C':
		return skip_string(in);
	case 'E':
	case 'N':
		return skip_error_fields(in);
	case 'S':
		return skip_string(in) && skip_string(in);
	case 'A':
		return skip(in, 4) && skip_string(in) && skip_string(in);
	case 't':
		return skip_array(in, 4);
	case 'G':
	case 'H':
	case 'W':
		return skip_copy_format(in);
	case 'I':
	case '1':
	case '2':
	case '3':
	case 'n':
	case 's':
	case 'c':
		return true;
	default:
		return false;
	}
}

bool postgresql_body_is_valid(enum sender from, char type, struct slice body)
{
	struct cursor in = cursor_over(body.bytes, body.length);
	bool fits = from == FROM_CLIENT ? skip_client_body(type, &in) : skip_server_body(type, &in);

	return fits && cursor_left(&in) == 0;
}

bool postgresql_body_may_be_valid(enum sender from, char type, struct slice part)
{
	struct slice name, text;

	if (from == FROM_SERVER)
		return false;
	switch (type) {
	case 'P':
		if (!postgresql_take_string(&part, &name) || !is_text(name))
			return false;
		break;
	case 'B': /* names may be empty: what is long is values */
		return postgresql_take_string(&part, &name) && is_text(name) && postgresql_take_string(&part, &text) &&
		       is_text(text) && part.length > 0;
	case 'Q':
		break;
	default:
		return false;
	}
	return !postgresql_take_string(&part, &text) && text.length > 0 && is_text(text);
}
