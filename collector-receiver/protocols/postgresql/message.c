/* Read PostgreSQL's messages: heads, strings and the few fields that matter. */
#include <arpa/inet.h>

#include "protocols/postgresql/postgresql.h"

enum {
	NOT_A_TYPE = 0,
	HEAD_ONLY = 1,                   /* nothing of the body is needed */
	NAMES = 2 * (POSTGRESQL_NAME_BYTES_MAX + 1) + 6, /* of a Bind: and the first counts behind them */
	TAG = 64,                        /* COMPLETION_TAG_BUFSIZE */
	ERROR_FIELDS = 256,              /* severity and SQLSTATE come first */
	TEXT = POSTGRESQL_UNIT_BYTES_MAX - POSTGRESQL_HEAD_BYTES,
};

/* Body bytes that are needed of each type. */
static const uint16_t needed[2][128] = {
	[FROM_CLIENT] = {
		['Q'] = TEXT, ['P'] = TEXT, ['B'] = NAMES, ['D'] = HEAD_ONLY, ['E'] = NAMES, ['C'] = NAMES,
		['H'] = HEAD_ONLY, ['S'] = HEAD_ONLY, ['X'] = HEAD_ONLY, ['F'] = HEAD_ONLY, ['d'] = HEAD_ONLY,
		['c'] = HEAD_ONLY, ['f'] = HEAD_ONLY, ['p'] = HEAD_ONLY,
	},
	[FROM_SERVER] = {
		['C'] = TAG, ['E'] = ERROR_FIELDS,
		['R'] = HEAD_ONLY, ['S'] = HEAD_ONLY, ['K'] = HEAD_ONLY, ['Z'] = HEAD_ONLY, ['T'] = HEAD_ONLY,
		['D'] = HEAD_ONLY, ['I'] = HEAD_ONLY, ['N'] = HEAD_ONLY, ['A'] = HEAD_ONLY, ['1'] = HEAD_ONLY,
		['2'] = HEAD_ONLY, ['3'] = HEAD_ONLY, ['n'] = HEAD_ONLY, ['t'] = HEAD_ONLY, ['s'] = HEAD_ONLY,
		['G'] = HEAD_ONLY, ['H'] = HEAD_ONLY, ['W'] = HEAD_ONLY, ['d'] = HEAD_ONLY, ['c'] = HEAD_ONLY,
		['V'] = HEAD_ONLY, ['v'] = HEAD_ONLY,
	},
};

enum postgresql_parse postgresql_message_read(enum sender from, struct slice bytes, bool complete,
					      struct postgresql_message *message)
{
	if (bytes.length == 0)
		return POSTGRESQL_MORE;
	unsigned char type = (unsigned char)bytes.bytes[0];
	uint32_t length;

	if (type >= 128 || needed[from][type] == NOT_A_TYPE)
		return POSTGRESQL_MALFORMED;
	if (bytes.length < POSTGRESQL_HEAD_BYTES)
		return POSTGRESQL_MORE;
	memcpy(&length, bytes.bytes + 1, sizeof(length));
	length = ntohl(length);
	if (length < sizeof(length) || length > POSTGRESQL_MESSAGE_BYTES_MAX)
		return POSTGRESQL_MALFORMED;
	size_t body = length - sizeof(length), seen = bytes.length - POSTGRESQL_HEAD_BYTES;
	size_t wanted = needed[from][type] == HEAD_ONLY ? 0 : needed[from][type];

	if (seen > TEXT)
		seen = TEXT;
	if (complete && seen < body && seen < wanted)
		return POSTGRESQL_MORE;
	*message = (struct postgresql_message){
		.type = (char)type,
		.bytes = length + 1,
		.body = {bytes.bytes + POSTGRESQL_HEAD_BYTES, seen < body ? seen : body},
	};
	return POSTGRESQL_PARSED;
}

bool postgresql_take_string(struct slice *rest, struct slice *string)
{
	const char *end = rest->length == 0 ? NULL : memchr(rest->bytes, '\0', rest->length);

	*string = *rest;
	if (end == NULL) {
		*rest = (struct slice){rest->bytes + rest->length, 0};
		return false;
	}
	string->length = (size_t)(end - rest->bytes);
	rest->bytes += string->length + 1;
	rest->length -= string->length + 1;
	return true;
}

static unsigned take_int16(struct slice *rest)
{
	unsigned value = (unsigned)(unsigned char)rest->bytes[0] << 8 | (unsigned char)rest->bytes[1];

	rest->bytes += 2;
	rest->length -= 2;
	return value;
}

/* Format codes: none, one for all, or one for each. Then the number of values. */
bool postgresql_bind_has_parameters(struct slice rest)
{
	if (rest.length < 2)
		return false;
	unsigned formats = take_int16(&rest);

	if (formats > 1)
		return true;
	if (rest.length < 2 * formats + 2)
		return false;
	rest.bytes += 2 * formats;
	rest.length -= 2 * formats;
	return take_int16(&rest) > 0;
}

struct slice postgresql_sqlstate(struct slice body)
{
	struct slice value;

	while (body.length > 0 && body.bytes[0] != '\0') {
		char field = body.bytes[0];

		body.bytes++;
		body.length--;
		if (!postgresql_take_string(&body, &value))
			break;
		if (field != 'C')
			continue;
		for (size_t i = 0; i < value.length; i++) {
			char c = value.bytes[i];

			if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
				return (struct slice){0};
		}
		return value.length == POSTGRESQL_SQLSTATE_BYTES ? value : (struct slice){0};
	}
	return (struct slice){0};
}
