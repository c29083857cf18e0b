/* Parse the packets of a MySQL server. */
#include "protocols/mysql/mysql.h"

enum {
	SALT_BYTES = 8,
	VERSION_BYTES_MAX = 255,
	RESERVED_BYTES = 6,
	SESSION_TRACK_SCHEMA = 1,
	SESSION_TRACKED_MAX = 64, /* changes looked at in one packet */
	PREPARED_BYTES = 12,
	SQLSTATE_BYTES = 5,
};

static bool contains(struct slice text, struct slice word)
{
	for (size_t at = 0; at + word.length <= text.length; at++) {
		if (memcmp(text.bytes + at, word.bytes, word.length) == 0)
			return true;
	}
	return false;
}

static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] < ' ' || text.bytes[i] > '~')
			return false;
	}
	return text.length > 0;
}

bool mysql_parse_greeting(struct slice shown, struct mysql_greeting *greeting)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	uint64_t protocol, skipped, filler, low, high, third;
	struct slice version, salt, reserved;

	if (!mysql_take_number(&in, 1, &protocol) || protocol != MYSQL_GREETING ||
	    !mysql_take_terminated(&in, &version) || version.length > VERSION_BYTES_MAX || !is_printable(version) ||
	    !mysql_take_number(&in, 4, &skipped) || !mysql_take_bytes(&in, SALT_BYTES, &salt) ||
	    !mysql_take_number(&in, 1, &filler) || filler != 0 || !mysql_take_number(&in, 2, &low) ||
	    !mysql_take_number(&in, 3, &skipped) || !mysql_take_number(&in, 2, &high) ||
	    !mysql_take_number(&in, 1, &skipped) || !mysql_take_bytes(&in, RESERVED_BYTES, &reserved) ||
	    !mysql_take_number(&in, 4, &third))
		return false;
	greeting->capabilities = low | high << 16;
	if (!(low & MYSQL_CLIENT_LONG_PASSWORD))
		greeting->capabilities |= third << 32;
	greeting->mariadb = contains(version, SLICE_LITERAL("MariaDB")) ||
			    (version.length >= 6 && memcmp(version.bytes, "5.5.5-", 6) == 0);
	return true;
}

/* Of the session state that follows the OK only the schema matters. */
static void parse_session_state(struct slice state, struct mysql_ok *ok)
{
	struct cursor in = cursor_over(state.bytes, state.length);

	for (unsigned i = 0; i < SESSION_TRACKED_MAX && cursor_left(&in) > 0; i++) {
		struct slice change;
		uint64_t type;

		if (!mysql_take_number(&in, 1, &type) || !mysql_take_lenenc(&in, &change))
			return;
		struct cursor value = cursor_over(change.bytes, change.length);

		if (type == SESSION_TRACK_SCHEMA)
			ok->schema_changed = mysql_take_lenenc(&value, &ok->schema);
	}
}

bool mysql_parse_ok(struct slice shown, bool session_track, struct mysql_ok *ok)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	uint64_t marker, affected, id, status, warnings;
	struct slice info, state;

	*ok = (struct mysql_ok){0};
	if (!mysql_take_number(&in, 1, &marker) || (marker != MYSQL_OK && marker != MYSQL_EOF) ||
	    !mysql_take_length(&in, &affected) || !mysql_take_length(&in, &id) || !mysql_take_number(&in, 2, &status) ||
	    !mysql_take_number(&in, 2, &warnings))
		return false;
	ok->status = (uint16_t)status;
	if (session_track && (status & MYSQL_STATUS_SESSION_STATE_CHANGED) && mysql_take_lenenc(&in, &info) &&
	    mysql_take_lenenc(&in, &state))
		parse_session_state(state, ok);
	return true;
}

bool mysql_parse_eof(struct slice shown, struct mysql_ok *ok)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	uint64_t marker, warnings, status;

	*ok = (struct mysql_ok){0};
	if (!mysql_take_number(&in, 1, &marker) || marker != MYSQL_EOF || !mysql_take_number(&in, 2, &warnings) ||
	    !mysql_take_number(&in, 2, &status))
		return false;
	ok->status = (uint16_t)status;
	return true;
}

bool mysql_parse_error(struct slice shown, uint16_t *code)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	uint64_t marker, number;

	if (!mysql_take_number(&in, 1, &marker) || marker != MYSQL_ERROR || !mysql_take_number(&in, 2, &number))
		return false;
	*code = (uint16_t)number;
	return true;
}

bool mysql_parse_columns(struct slice shown, bool known, uint64_t capabilities, struct mysql_columns *columns)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	bool flag_first = capabilities & MYSQL_CLIENT_OPTIONAL_METADATA;
	bool flag_last = capabilities & MARIADB_CLIENT_CACHE_METADATA;
	uint64_t flag = 1;

	if (!known && shown.length >= 2) {
		unsigned char first = (unsigned char)shown.bytes[0], second = (unsigned char)shown.bytes[1];

		/* a count of 1 with a flag of 1 reads the same both ways */
		flag_first = first == 0 || (first == 1 && (shown.length > 2 || second > 1));
		flag_last = !flag_first && (first < 0xfb ? shown.length == 2 : shown.length != 3);
	}
	if (flag_first && !mysql_take_number(&in, 1, &flag))
		return false;
	if (!mysql_take_length(&in, &columns->count))
		return false;
	if (flag_last && !mysql_take_number(&in, 1, &flag))
		return false;
	columns->definitions = flag == 1;
	columns->cache_metadata = flag_last;
	return cursor_left(&in) == 0 && flag <= 1 && columns->count > 0 && columns->count <= UINT16_MAX;
}

bool mysql_parse_prepared(struct slice shown, uint64_t capabilities, struct mysql_prepared *prepared)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	uint64_t marker, id, columns, parameters, filler, follows = 1;

	if (!mysql_take_number(&in, 1, &marker) || marker != MYSQL_OK || !mysql_take_number(&in, 4, &id) ||
	    !mysql_take_number(&in, 2, &columns) || !mysql_take_number(&in, 2, &parameters) ||
	    !mysql_take_number(&in, 1, &filler) || filler != 0)
		return false;
	if ((capabilities & MYSQL_CLIENT_OPTIONAL_METADATA) && shown.length > PREPARED_BYTES)
		follows = (unsigned char)shown.bytes[PREPARED_BYTES];
	*prepared = (struct mysql_prepared){.statement_id = (uint32_t)id,
					    .columns = (uint16_t)columns,
					    .parameters = (uint16_t)parameters,
					    .definitions = follows != 0};
	return true;
}

static bool is_error(struct slice payload)
{
	if (payload.length < 3 + 1 + SQLSTATE_BYTES || payload.bytes[3] != '#')
		return false;
	return is_printable((struct slice){payload.bytes + 4, SQLSTATE_BYTES});
}

enum match mysql_recognise_reply(struct slice bytes, uint8_t sequence, bool more_may_come)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	struct mysql_prepared prepared;
	struct mysql_columns columns;
	struct mysql_header header;
	struct mysql_ok ok;
	bool found;

	if (!mysql_take_header(&in, &header))
		return more_may_come ? MATCH_MORE : MATCH_NO;
	struct slice payload = cursor_rest(&in);

	if (header.sequence != sequence || header.length == 0 || header.length > MYSQL_REPLY_BYTES_MAX)
		return MATCH_NO;
	if (payload.length < header.length) { /* an error's number is enough */
		if (more_may_come)
			return MATCH_MORE;
		return is_error(payload) ? MATCH_FROM_SERVER : MATCH_NO;
	}
	payload.length = header.length;
	switch ((unsigned char)payload.bytes[0]) {
	case MYSQL_OK:
		found = mysql_parse_ok(payload, false, &ok) || mysql_parse_prepared(payload, 0, &prepared) ||
			mysql_parse_columns(payload, false, 0, &columns);
		break;
	case MYSQL_ERROR:
		found = is_error(payload);
		break;
	case MYSQL_EOF:
		found = header.length == 5 || mysql_parse_ok(payload, false, &ok);
		break;
	case MYSQL_LOCAL_INFILE:
		found = is_printable((struct slice){payload.bytes + 1, payload.length - 1});
		break;
	default:
		found = mysql_parse_columns(payload, false, 0, &columns);
		break;
	}
	return found ? MATCH_FROM_SERVER : MATCH_NO;
}
