/* Read MySQL's numbers, strings and packet headers within bounds. */
#include "protocols/mysql/mysql.h"

bool mysql_take_number(struct cursor *in, unsigned bytes, uint64_t *value)
{
	struct slice rest = cursor_rest(in);

	if (rest.length < bytes)
		return false;
	*value = 0;
	for (unsigned i = 0; i < bytes; i++)
		*value |= (uint64_t)(unsigned char)rest.bytes[i] << (8 * i);
	cursor_skip(in, bytes);
	return true;
}

bool mysql_take_length(struct cursor *in, uint64_t *value)
{
	struct cursor from = *in;
	uint64_t first;
	unsigned more;

	if (!mysql_take_number(&from, 1, &first))
		return false;
	if (first < 0xfb) {
		*value = first;
		*in = from;
		return true;
	}
	more = first == 0xfc ? 2 : first == 0xfd ? 3 : first == 0xfe ? 8 : 0; /* 0xfb is NULL, 0xff an error */
	if (more == 0 || !mysql_take_number(&from, more, value))
		return false;
	*in = from;
	return true;
}

bool mysql_take_bytes(struct cursor *in, uint64_t length, struct slice *taken)
{
	struct slice rest = cursor_rest(in);

	if (length > rest.length)
		return false;
	*taken = (struct slice){rest.bytes, (size_t)length};
	cursor_skip(in, length);
	return true;
}

bool mysql_take_lenenc(struct cursor *in, struct slice *taken)
{
	struct cursor from = *in;
	uint64_t length;

	if (!mysql_take_length(&from, &length) || !mysql_take_bytes(&from, length, taken))
		return false;
	*in = from;
	return true;
}

bool mysql_take_terminated(struct cursor *in, struct slice *taken)
{
	struct slice rest = cursor_rest(in);
	const char *end = rest.length == 0 ? NULL : memchr(rest.bytes, '\0', rest.length);

	if (end == NULL)
		return false;
	*taken = (struct slice){rest.bytes, (size_t)(end - rest.bytes)};
	cursor_skip(in, taken->length + 1);
	return true;
}

bool mysql_take_header(struct cursor *in, struct mysql_header *header)
{
	uint64_t word;

	if (!mysql_take_number(in, MYSQL_HEADER_BYTES, &word))
		return false;
	header->length = (uint32_t)word & MYSQL_PAYLOAD_BYTES_MAX;
	header->sequence = (uint8_t)(word >> 24);
	return true;
}
