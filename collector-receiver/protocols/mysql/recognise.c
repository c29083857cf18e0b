/* Tell MySQL's packets from what other protocols say. */
#include "protocols/mysql/mysql.h"

enum {
	GREETING_BYTES_MAX = 511,
	CUT_TEXT_BYTES_MIN = 128, /* of a statement that runs into a hole, to be believed */
	EXECUTE_BYTES_MIN = 10,   /* code, statement id, flags, iteration count */
	LONE_BYTES = 1,
	WITH_ID_BYTES = 5,
	FETCH_BYTES = 9,
	SET_OPTION_BYTES = 3,
	LOGIN_BYTES_MIN = 34,
	LOGIN_BYTES_MAX = 65536,
};

/* Statement id, flags (a cursor's type, and whether parameters are counted), and an iteration count that is always
 * 1. */
static bool is_execute(struct slice payload)
{
	return payload.length >= EXECUTE_BYTES_MIN && (unsigned char)payload.bytes[5] <= 0x0f &&
	       memcmp(payload.bytes + 6, "\1\0\0\0", 4) == 0;
}

/* A command whose packet is `length` bytes long, of which `payload` is there. */
static bool is_command(struct slice payload, uint32_t length, bool strict)
{
	struct mysql_command command;

	if (!mysql_parse_command(payload, length, false, 0, &command))
		return false;
	switch (command.code) {
	case MYSQL_COM_QUERY:
	case MYSQL_COM_STMT_PREPARE:
		return command.text.bytes != NULL && mysql_text_is_plausible(command.text, strict);
	case MYSQL_COM_STMT_EXECUTE:
		return is_execute(payload);
	default:
		break;
	}
	if (strict)
		return false;
	switch (command.code) {
	case MYSQL_COM_STMT_CLOSE:
	case MYSQL_COM_STMT_RESET:
		return length == WITH_ID_BYTES;
	case MYSQL_COM_STMT_FETCH:
		return length == FETCH_BYTES;
	case MYSQL_COM_SET_OPTION:
		return length == SET_OPTION_BYTES;
	case MYSQL_COM_QUIT:
	case 0x09:
	case 0x0d:
	case 0x0e:
	case MYSQL_COM_RESET_CONNECTION:
		return length == LONE_BYTES;
	case MYSQL_COM_INIT_DB:
		return length <= 1 + MYSQL_SCHEMA_BYTES_MAX && mysql_text_is_plausible(command.text, false);
	case MYSQL_COM_STMT_SEND_LONG_DATA:
	case MYSQL_COM_CHANGE_USER:
	case MYSQL_COM_FIELD_LIST:
	case MARIADB_COM_STMT_BULK_EXECUTE:
		return length > WITH_ID_BYTES;
	default:
		return false;
	}
}

/* Could more bytes still make it one? */
static bool may_become_command(struct slice payload, bool strict)
{
	struct slice text = {payload.bytes + 1, payload.length - 1};

	switch ((unsigned char)payload.bytes[0]) {
	case MYSQL_COM_QUERY:
	case MYSQL_COM_STMT_PREPARE:
		return payload.length < CUT_TEXT_BYTES_MIN || mysql_text_is_plausible(text, false);
	case MYSQL_COM_STMT_EXECUTE:
		return payload.length < EXECUTE_BYTES_MIN || is_execute(payload);
	default:
		return !strict;
	}
}

enum match mysql_recognise_command(struct slice bytes, bool more_may_come, bool strict)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	struct mysql_header header;

	if (bytes.length <= MYSQL_HEADER_BYTES) {
		bool possible = bytes.length < MYSQL_HEADER_BYTES || bytes.bytes[MYSQL_HEADER_BYTES - 1] == 0;

		return possible && more_may_come ? MATCH_MORE : MATCH_NO;
	}
	if (!mysql_take_header(&in, &header) || header.sequence != 0 || header.length == 0)
		return MATCH_NO;
	struct slice payload = cursor_rest(&in);

	if (mysql_answer_to((uint8_t)payload.bytes[0]) == MYSQL_ANSWER_UNKNOWN)
		return MATCH_NO;
	if (payload.length >= header.length) {
		bool exact = payload.length == header.length;

		payload.length = header.length;
		return (exact || !strict) && is_command(payload, header.length, strict) ? MATCH_FROM_CLIENT : MATCH_NO;
	}
	/* what begins a turn is written at once but for what the capture budget cuts off */
	if (more_may_come && may_become_command(payload, strict) && bytes.length < MYSQL_COMMAND_BYTES_MAX)
		return MATCH_MORE;
	return payload.length >= CUT_TEXT_BYTES_MIN && is_command(payload, header.length, true) ? MATCH_FROM_CLIENT
												 : MATCH_NO;
}

/* The greeting is all that a server says in its first turn. */
static enum match recognise_greeting(struct slice bytes, bool more_may_come)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	struct mysql_greeting greeting;
	struct mysql_header header;

	for (size_t i = 1; i < MYSQL_HEADER_BYTES && i < bytes.length; i++) { /* length at most 511, sequence id 0 */
		if ((unsigned char)bytes.bytes[i] > (i == 1 ? GREETING_BYTES_MAX >> 8 : 0))
			return MATCH_NO;
	}
	if (bytes.length <= MYSQL_HEADER_BYTES)
		return more_may_come ? MATCH_MORE : MATCH_NO;
	if (!mysql_take_header(&in, &header) || header.sequence != 0 || header.length > GREETING_BYTES_MAX ||
	    cursor_peek(&in) != MYSQL_GREETING || cursor_left(&in) > header.length)
		return MATCH_NO;
	if (cursor_left(&in) < header.length)
		return more_may_come ? MATCH_MORE : MATCH_NO;
	return mysql_parse_greeting(cursor_rest(&in), &greeting) ? MATCH_FROM_SERVER : MATCH_NO;
}

/* Where the greeting was not seen. */
static enum match recognise_login(struct slice bytes)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	struct mysql_header header;
	struct mysql_login login;

	if (!mysql_take_header(&in, &header) || header.sequence != 1 || header.length < LOGIN_BYTES_MIN ||
	    header.length > LOGIN_BYTES_MAX || cursor_left(&in) != header.length)
		return MATCH_NO;
	return mysql_parse_login(cursor_rest(&in), header.length, &login) ? MATCH_FROM_CLIENT : MATCH_NO;
}

/* The server speaks first: what else is recognised is a connection joined later. There less than a header is too little
 * to keep it on any connection of the host; MariaDB's server reads a header alone. */
enum match mysql_recognise(const struct opening *opening)
{
	enum match match = recognise_greeting(opening->bytes, opening->more_may_come);

	if (match == MATCH_FROM_SERVER || !opening->joined)
		return match;
	if (opening->bytes.length < MYSQL_HEADER_BYTES)
		return MATCH_NO;
	enum match command = mysql_recognise_command(opening->bytes, opening->more_may_come, true);

	if (command == MATCH_NO)
		command = recognise_login(opening->bytes);
	return command != MATCH_NO ? command : match;
}
