/* Parse the packets of a MySQL client: commands with their text, and the login. */
#include "protocols/mysql/mysql.h"

#include <strings.h>

/* ---- the table of commands ---- */

static const uint8_t answers[] = {
	[0x00] = MYSQL_ANSWER_PACKET, /* COM_SLEEP: an error */
	[MYSQL_COM_QUIT] = MYSQL_ANSWER_NONE,
	[MYSQL_COM_INIT_DB] = MYSQL_ANSWER_PACKET,
	[MYSQL_COM_QUERY] = MYSQL_ANSWER_RESULTS,
	[MYSQL_COM_FIELD_LIST] = MYSQL_ANSWER_ROWS,
	[0x05] = MYSQL_ANSWER_PACKET, /* COM_CREATE_DB */
	[0x06] = MYSQL_ANSWER_PACKET, /* COM_DROP_DB */
	[0x07] = MYSQL_ANSWER_PACKET, /* COM_REFRESH */
	[0x08] = MYSQL_ANSWER_PACKET, /* COM_SHUTDOWN */
	[0x09] = MYSQL_ANSWER_PACKET, /* COM_STATISTICS: a line of text */
	[MYSQL_COM_PROCESS_INFO] = MYSQL_ANSWER_RESULTS,
	[0x0b] = MYSQL_ANSWER_PACKET, /* COM_CONNECT */
	[0x0c] = MYSQL_ANSWER_PACKET, /* COM_PROCESS_KILL */
	[0x0d] = MYSQL_ANSWER_PACKET, /* COM_DEBUG */
	[0x0e] = MYSQL_ANSWER_PACKET, /* COM_PING */
	[MYSQL_COM_CHANGE_USER] = MYSQL_ANSWER_LOGIN,
	[MYSQL_COM_BINLOG_DUMP] = MYSQL_ANSWER_STREAM,
	[MYSQL_COM_TABLE_DUMP] = MYSQL_ANSWER_STREAM,
	[MYSQL_COM_REGISTER_SLAVE] = MYSQL_ANSWER_PACKET,
	[MYSQL_COM_STMT_PREPARE] = MYSQL_ANSWER_PREPARED,
	[MYSQL_COM_STMT_EXECUTE] = MYSQL_ANSWER_RESULTS,
	[MYSQL_COM_STMT_SEND_LONG_DATA] = MYSQL_ANSWER_NONE,
	[MYSQL_COM_STMT_CLOSE] = MYSQL_ANSWER_NONE,
	[MYSQL_COM_STMT_RESET] = MYSQL_ANSWER_PACKET,
	[MYSQL_COM_SET_OPTION] = MYSQL_ANSWER_PACKET,
	[MYSQL_COM_STMT_FETCH] = MYSQL_ANSWER_ROWS,
	[MYSQL_COM_BINLOG_DUMP_GTID] = MYSQL_ANSWER_STREAM,
	[MYSQL_COM_RESET_CONNECTION] = MYSQL_ANSWER_PACKET,
	[MYSQL_COM_CLONE] = MYSQL_ANSWER_STREAM,
	[MYSQL_COM_SUBSCRIBE_GROUP_REPLICATION] = MYSQL_ANSWER_STREAM,
	[MARIADB_COM_STMT_BULK_EXECUTE] = MYSQL_ANSWER_RESULTS,
};

enum mysql_answer mysql_answer_to(uint8_t code)
{
	return code < sizeof(answers) ? (enum mysql_answer)answers[code] : MYSQL_ANSWER_UNKNOWN;
}

bool mysql_is_operation(uint8_t code)
{
	return code == MYSQL_COM_QUERY || code == MYSQL_COM_STMT_EXECUTE || code == MARIADB_COM_STMT_BULK_EXECUTE;
}

/* ---- the login ---- */

enum {
	LOGIN_FIXED_BYTES = 32,
	LOGIN_RESERVED_AT = 9,
	LOGIN_RESERVED_BYTES = 19,
};

/* The password's hash, in one of its three forms. */
static bool take_auth(struct cursor *in, uint64_t capabilities)
{
	struct slice auth;
	uint64_t length;

	if (capabilities & MYSQL_CLIENT_PLUGIN_AUTH_LENENC)
		return mysql_take_lenenc(in, &auth);
	if (capabilities & MYSQL_CLIENT_SECURE_CONNECTION)
		return mysql_take_number(in, 1, &length) && mysql_take_bytes(in, length, &auth);
	return mysql_take_terminated(in, &auth);
}

bool mysql_parse_login(struct slice shown, uint32_t length, struct mysql_login *login)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	uint64_t capabilities, packet_bytes_max, collation, third;
	struct slice reserved, user, schema;

	*login = (struct mysql_login){0};
	if (!mysql_take_number(&in, 4, &capabilities) || !(capabilities & MYSQL_CLIENT_PROTOCOL_41) ||
	    !mysql_take_number(&in, 4, &packet_bytes_max) || !mysql_take_number(&in, 1, &collation) ||
	    !mysql_take_bytes(&in, LOGIN_RESERVED_BYTES, &reserved) || !mysql_take_number(&in, 4, &third))
		return false;
	for (size_t i = 0; i < reserved.length; i++) {
		if (reserved.bytes[i] != '\0')
			return false;
	}
	login->capabilities = capabilities;
	if (!(capabilities & MYSQL_CLIENT_LONG_PASSWORD))
		login->capabilities |= third << 32;
	login->encrypted = length == LOGIN_FIXED_BYTES && (capabilities & MYSQL_CLIENT_SSL);
	if (!login->encrypted && mysql_take_terminated(&in, &user) && take_auth(&in, capabilities) &&
	    (capabilities & MYSQL_CLIENT_CONNECT_WITH_DB) && mysql_take_terminated(&in, &schema))
		login->schema = schema;
	return true;
}

/* user, password's hash, schema (COM_CHANGE_USER) */
static struct slice change_user_schema(struct cursor *in)
{
	struct slice user, schema = {0};

	if (!mysql_take_terminated(in, &user) || !take_auth(in, MYSQL_CLIENT_SECURE_CONNECTION) ||
	    !mysql_take_terminated(in, &schema))
		return (struct slice){0};
	return schema;
}

/* ---- query attributes (MySQL 8.0.23) ---- */

enum attribute_type {
	TYPE_TINY = 1, TYPE_SHORT = 2, TYPE_LONG = 3, TYPE_FLOAT = 4, TYPE_DOUBLE = 5, TYPE_NULL = 6,
	TYPE_TIMESTAMP = 7,
	TYPE_LONGLONG = 8, TYPE_INT24 = 9, TYPE_DATE = 10, TYPE_TIME = 11, TYPE_DATETIME = 12, TYPE_YEAR = 13,
};

static bool take_value(struct cursor *in, uint8_t type, struct slice *value)
{
	uint64_t length;

	switch (type) {
	case TYPE_NULL:
		return mysql_take_bytes(in, 0, value);
	case TYPE_TINY:
		return mysql_take_bytes(in, 1, value);
	case TYPE_SHORT:
	case TYPE_YEAR:
		return mysql_take_bytes(in, 2, value);
	case TYPE_LONG:
	case TYPE_FLOAT:
	case TYPE_INT24:
		return mysql_take_bytes(in, 4, value);
	case TYPE_DOUBLE:
	case TYPE_LONGLONG:
		return mysql_take_bytes(in, 8, value);
	case TYPE_TIMESTAMP:
	case TYPE_DATE:
	case TYPE_TIME:
	case TYPE_DATETIME:
		return mysql_take_number(in, 1, &length) && mysql_take_bytes(in, length, value);
	default:
		return mysql_take_lenenc(in, value);
	}
}

/* Types and names come first, values of those that are not NULL behind them. */
static bool take_attributes(struct cursor *in, uint64_t count, struct slice *traceparent)
{
	uint8_t types[MYSQL_ATTRIBUTES_MAX];
	size_t wanted = SIZE_MAX;
	struct slice nulls, name, value;
	uint64_t types_follow, type;

	if (count > MYSQL_ATTRIBUTES_MAX || !mysql_take_bytes(in, (count + 7) / 8, &nulls) ||
	    !mysql_take_number(in, 1, &types_follow) || types_follow != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!mysql_take_number(in, 2, &type) || !mysql_take_lenenc(in, &name))
			return false;
		types[i] = (uint8_t)type;
		if (slice_equal(name, SLICE_LITERAL("traceparent")))
			wanted = i;
	}
	for (size_t i = 0; i < count; i++) {
		if (nulls.bytes[i / 8] >> (i % 8) & 1)
			continue;
		if (!take_value(in, types[i], &value))
			return false;
		if (i == wanted && types[i] > TYPE_YEAR)
			*traceparent = value;
	}
	return true;
}

/* With CLIENT_QUERY_ATTRIBUTES two numbers precede the text: how many there are, and how many sets of them: one. No SQL
 * begins like that, so that it can be told where the capabilities are not known. */
static bool skip_attributes(struct cursor *in, bool known, uint64_t capabilities, struct slice *traceparent)
{
	struct slice rest = cursor_rest(in);
	uint64_t count, sets;

	if (known ? !(capabilities & MYSQL_CLIENT_QUERY_ATTRIBUTES)
		  : rest.length < 2 || rest.bytes[0] == '\t' || rest.bytes[0] == '\n' || rest.bytes[0] == '\r' ||
			    (unsigned char)rest.bytes[0] >= ' ' || rest.bytes[1] != 1)
		return true;
	if (!mysql_take_length(in, &count) || !mysql_take_length(in, &sets) || sets != 1)
		return false;
	return count == 0 || take_attributes(in, count, traceparent);
}

/* ---- commands ---- */

static void parse_query(struct cursor *in, bool known, uint64_t capabilities, struct mysql_command *command)
{
	if (!skip_attributes(in, known, capabilities, &command->traceparent)) {
		command->cut = true; /* nobody knows where the text begins */
		return;
	}
	command->text = cursor_rest(in);
}

bool mysql_parse_command(struct slice shown, uint32_t length, bool known, uint64_t capabilities,
			 struct mysql_command *command)
{
	struct cursor in = cursor_over(shown.bytes, shown.length);
	uint64_t code, id = 0;

	*command = (struct mysql_command){.cut = shown.length < length};
	if (!mysql_take_number(&in, 1, &code) || mysql_answer_to((uint8_t)code) == MYSQL_ANSWER_UNKNOWN)
		return false;
	command->code = (uint8_t)code;
	switch (code) {
	case MYSQL_COM_QUERY:
		parse_query(&in, known, capabilities, command);
		return true;
	case MYSQL_COM_STMT_PREPARE:
	case MYSQL_COM_INIT_DB:
		command->text = cursor_rest(&in);
		return true;
	case MYSQL_COM_CHANGE_USER:
		command->text = change_user_schema(&in);
		return true;
	case MYSQL_COM_STMT_EXECUTE:
	case MARIADB_COM_STMT_BULK_EXECUTE:
	case MYSQL_COM_STMT_CLOSE:
	case MYSQL_COM_STMT_RESET:
		command->cut = false; /* only the id matters */
		if (!mysql_take_number(&in, 4, &id))
			return false;
		command->statement_id = (uint32_t)id;
		return true;
	default:
		command->cut = false;
		return true;
	}
}

/* ---- SQL, as far as a protocol has to look at it ---- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct slice skip_spaces(struct slice text)
{
	while (text.length > 0 && is_space(text.bytes[0])) {
		text.bytes++;
		text.length--;
	}
	return text;
}

static struct slice first_word(struct slice text)
{
	size_t n = 0;

	while (n < text.length && is_letter(text.bytes[n]))
		n++;
	return (struct slice){text.bytes, n};
}

static bool word_is(struct slice word, const char *name)
{
	return word.length == strlen(name) && strncasecmp(word.bytes, name, word.length) == 0;
}

static bool is_verb(struct slice word)
{
	static const char *const verbs[] = {
		"SELECT", "INSERT", "UPDATE",	"DELETE",   "REPLACE",	"SET",	    "SHOW",	"BEGIN",    "COMMIT",
		"START",  "CALL",   "WITH",	"ROLLBACK", "USE",	"CREATE",   "ALTER",	"DROP",	    "TRUNCATE",
		"DESC",	  "RENAME", "DESCRIBE", "EXPLAIN",  "ANALYZE",	"OPTIMIZE", "CHECK",	"REPAIR",   "LOCK",
		"UNLOCK", "GRANT",  "REVOKE",	"LOAD",	    "DO",	"HANDLER",  "PREPARE",	"EXECUTE",
		"DEALLOCATE",
		"KILL",	  "FLUSH",  "RESET",	"XA",	    "SAVEPOINT", "RELEASE",  "VALUES",	"TABLE",    "SIGNAL",
		"PURGE",  "HELP",   "INSTALL",	"UNINSTALL", "CHECKSUM", "CACHE",   "BINLOG",	"STOP",	    "CHANGE"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (word_is(word, verbs[i]))
			return true;
	}
	return false;
}

bool mysql_text_is_plausible(struct slice text, bool strict)
{
	enum { LOOKED_AT = 64 };

	for (size_t i = 0; i < text.length && i < LOOKED_AT; i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if ((c < ' ' && !is_space(text.bytes[i])) || c == 0x7f)
			return false;
	}
	text = skip_spaces(text);
	while (text.length > 0 && text.bytes[0] == '(')
		text = skip_spaces((struct slice){text.bytes + 1, text.length - 1});
	if (text.length >= 2 && memcmp(text.bytes, "/*", 2) == 0)
		return true;
	return !strict || is_verb(first_word(text));
}

bool mysql_parse_use(struct slice text, struct slice *schema)
{
	struct slice word = first_word(text = skip_spaces(text));
	size_t end = 0;

	if (!word_is(word, "USE"))
		return false;
	text = skip_spaces((struct slice){text.bytes + word.length, text.length - word.length});
	if (text.length > 0 && text.bytes[0] == '`') {
		const char *quote = memchr(text.bytes + 1, '`', text.length - 1);

		*schema = (struct slice){text.bytes + 1, quote == NULL ? 0 : (size_t)(quote - text.bytes) - 1};
		return true;
	}
	while (end < text.length && !is_space(text.bytes[end]) && text.bytes[end] != ';' && text.bytes[end] != '/')
		end++;
	*schema = (struct slice){text.bytes, end};
	return true;
}
