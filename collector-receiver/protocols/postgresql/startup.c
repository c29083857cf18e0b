/* Tell PostgreSQL from everything else: by its start-up packets, or by messages when joined in the middle. */
#include <arpa/inet.h>

#include "protocols/postgresql/postgresql.h"

enum {
	CODE_CANCEL = 80877102,
	CODE_SSL = 80877103,
	CODE_GSSENC = 80877104,
	MAJOR_VERSION = 3,
	PACKET_BYTES_MIN = 8,
	CANCEL_BYTES_MIN = 16,
	CANCEL_BYTES_MAX = 12 + 256, /* secret keys of protocol 3.2 */
	CUT_BYTES_MIN = 34,	     /* a shorter length may be the number of a MySQL command */
	MESSAGES_CHECKED_MAX = 8,    /* of those that follow the one that is looked for */
};

static uint32_t read_uint32(const char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohl(value);
}

static bool is_true(struct slice value)
{
	return !slice_equal(value, SLICE_LITERAL("false")) && !slice_equal(value, SLICE_LITERAL("off")) &&
	       !slice_equal(value, SLICE_LITERAL("no")) && !slice_equal(value, SLICE_LITERAL("0"));
}

/* Pairs of strings, and an empty one behind them. There must be a user. */
static bool read_parameters(struct slice rest, struct postgresql_startup *startup)
{
	struct slice name, value, user = {0};

	while (postgresql_take_string(&rest, &name) && name.length > 0) {
		if (!postgresql_take_string(&rest, &value))
			return false;
		if (slice_equal(name, SLICE_LITERAL("user")))
			user = value;
		else if (slice_equal(name, SLICE_LITERAL("database")))
			startup->database = value;
		else if (slice_equal(name, SLICE_LITERAL("replication")))
			startup->replication = is_true(value);
	}
	if (startup->database.length == 0)
		startup->database = user;
	return name.length == 0 && rest.length == 0 && user.length > 0;
}

static bool length_is_possible(uint32_t length, uint32_t code, struct postgresql_startup *startup)
{
	switch (code) {
	case CODE_SSL:
	case CODE_GSSENC:
		startup->kind = POSTGRESQL_ENCRYPTION_REQUEST;
		return length == PACKET_BYTES_MIN;
	case CODE_CANCEL:
		startup->kind = POSTGRESQL_CANCEL_REQUEST;
		return length >= CANCEL_BYTES_MIN && length <= CANCEL_BYTES_MAX;
	default:
		startup->kind = POSTGRESQL_STARTUP;
		return code >> 16 == MAJOR_VERSION && length > PACKET_BYTES_MIN &&
		       length <= POSTGRESQL_STARTUP_BYTES_MAX;
	}
}

enum postgresql_parse postgresql_startup_read(struct slice bytes, struct postgresql_startup *startup)
{
	static const char zeros[2]; /* of any length that is possible */

	if (memcmp(bytes.bytes, zeros, bytes.length < 2 ? bytes.length : 2) != 0)
		return POSTGRESQL_MALFORMED;
	if (bytes.length < PACKET_BYTES_MIN)
		return POSTGRESQL_MORE;
	uint32_t length = read_uint32(bytes.bytes);

	*startup = (struct postgresql_startup){.bytes = length};
	if (!length_is_possible(length, read_uint32(bytes.bytes + 4), startup))
		return POSTGRESQL_MALFORMED;
	if (bytes.length < length)
		return POSTGRESQL_MORE;
	struct slice parameters = {bytes.bytes + PACKET_BYTES_MIN, length - PACKET_BYTES_MIN};

	if (startup->kind == POSTGRESQL_STARTUP && !read_parameters(parameters, startup))
		return POSTGRESQL_MALFORMED;
	return POSTGRESQL_PARSED;
}

/* The first message must be valid in every field, or as far as it was seen; all behind it must have possible heads. */
enum match postgresql_find(enum sender from, struct slice bytes, bool more_may_come)
{
	enum match found = from == FROM_CLIENT ? MATCH_FROM_CLIENT : MATCH_FROM_SERVER;
	struct postgresql_message m;

	for (int i = 0; i < MESSAGES_CHECKED_MAX && bytes.length > 0; i++) {
		switch (postgresql_message_read(from, bytes, false, &m)) {
		case POSTGRESQL_MORE:
			if (i == 0)
				return more_may_come ? MATCH_MORE : MATCH_NO;
			return bytes.length < 2 || bytes.bytes[1] == 0 ? found : MATCH_NO;
		case POSTGRESQL_MALFORMED:
			return MATCH_NO;
		case POSTGRESQL_PARSED:
			break;
		}
		if (m.bytes > POSTGRESQL_FOUND_BYTES_MAX)
			return MATCH_NO;
		if (!postgresql_message_is_whole(&m)) {
			if (i > 0)
				return found;
			if (more_may_come)
				return MATCH_MORE;
			bool likely = m.bytes >= CUT_BYTES_MIN && postgresql_body_may_be_valid(from, m.type, m.body);

			return likely ? found : MATCH_NO;
		}
		if (i == 0 && !postgresql_body_is_valid(from, m.type, m.body))
			return MATCH_NO;
		bytes.bytes += m.bytes;
		bytes.length -= m.bytes;
	}
	return found;
}

enum match postgresql_recognise(const struct opening *opening)
{
	struct slice bytes = opening->bytes;
	struct postgresql_startup startup;

	switch (postgresql_startup_read(bytes, &startup)) {
	case POSTGRESQL_PARSED:
		return MATCH_FROM_CLIENT;
	case POSTGRESQL_MORE:
		return opening->more_may_come ? MATCH_MORE : MATCH_NO;
	case POSTGRESQL_MALFORMED:
		break;
	}
	/* Sync, Flush and Terminate say too little to be believed alone; a Close may be a CommandComplete ("SET") */
	if (bytes.length == 0 || memchr("QPBDE", bytes.bytes[0], 5) == NULL)
		return MATCH_NO;
	return postgresql_find(FROM_CLIENT, bytes, opening->more_may_come);
}
