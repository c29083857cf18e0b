/* What may leave the host: every string taken from a wire passes here on its way into telemetry, and nothing else
 * decides. The result is valid UTF-8 (OTLP demands it) without control characters (query text may have line feeds and
 * tabs), of bounded length, with the secrets of URLs and the literals of queries replaced. */
#ifndef EXCHANGES_REDACTION_H
#define EXCHANGES_REDACTION_H

#include <stdint.h>

#include "exchanges/slice.h"
#include "sql/sql_lexer.h"

/* How much of a database's query text may leave. */
enum redaction_query_text {
	QUERY_TEXT_SANITISED,     /* literals are '?' */
	QUERY_TEXT_PARAMETERISED, /* the same, but for text whose values travel apart from it */
	QUERY_TEXT_OFF,
	QUERY_TEXT_RAW, /* as sent: literals, keys and values; but not of what holds passwords */
};

struct redaction {
	/* Query parameters of URLs whose values are replaced by REDACTED. Keys are compared exactly, once
	 * percent-decoded. */
	const struct slice *sensitive_keys;
	size_t sensitive_key_count;
	enum redaction_query_text query_text;
};

/* The keys that the semantic conventions name; query text sanitised. */
extern const struct redaction redaction_default;

/* Longest result, in bytes, of each kind. Longer ones are cut at a character and counted (ATTRIBUTES_CUT). */
enum redaction_limit {
	REDACTION_METHOD_MAX = 32,
	REDACTION_HOST_MAX = 255,
	REDACTION_USER_AGENT_MAX = 512,
	REDACTION_PATH_MAX = 2048,
	REDACTION_QUERY_MAX = 2048,
	REDACTION_URL_MAX = 4096,
	REDACTION_RESOURCE_VALUE_MAX = 1024,
	REDACTION_RPC_METHOD_MAX = 255,
	REDACTION_STATUS_MESSAGE_MAX = 1024,
	REDACTION_CODE_MAX = 64,
	REDACTION_DATABASE_NAME_MAX = 255,
	REDACTION_QUERY_TEXT_MAX = 4096,
	REDACTION_ARGUMENTS_MAX = 16, /* placeholders of a command */
};

/* Where changed text is written. Results point into it, or into the input where nothing had to change. */
struct redaction_space {
	char *bytes;
	size_t length; /* used */
	size_t capacity;
};

/* Plain text: a control character or a byte that is not UTF-8 becomes U+FFFD, a tab becomes a space. */
struct slice redaction_text(struct redaction_space *space, struct slice raw, size_t length_max);

/* A query string, without its '?'. */
struct slice redaction_query(struct redaction_space *space, const struct redaction *rules, struct slice query,
			     size_t length_max);

/* scheme "://" authority path ["?" query]; without a scheme "//" authority path. User information in the authority
 * becomes REDACTED:REDACTED. query.bytes == NULL: there is none. */
struct redaction_url {
	struct slice scheme;
	struct slice authority;
	struct slice path;
	struct slice query;
};
struct slice redaction_url(struct redaction_space *space, const struct redaction *rules,
			   const struct redaction_url *url, size_t length_max);

/* A name that a protocol gives to an operation or an error: letters, digits, and "-_." with single blanks between
 * words. Absent if it is anything else, or longer than REDACTION_CODE_MAX: then it is not that kind of name, and may be
 * somebody's data. Points into raw. */
struct slice redaction_code(struct slice raw);

/* The text of an SQL statement, as rules->query_text says; is_parameterised: its values travelled apart from it, which
 * is believed if the text has a place for one. Line feeds and tabs stay. Absent also if the text cannot be trusted
 * (sql_sanitise). */
struct slice redaction_query_text(struct redaction_space *space, const struct redaction *rules,
				  const struct sql_text *text, bool is_parameterised);

/* Operations and targets of an SQL statement, or of a batch (sql_summary.h). Absent if there are none. */
struct slice redaction_query_summary(struct redaction_space *space, const struct sql_text *text, bool is_batch);

/* May the arguments of a command leave where QUERY_TEXT_RAW asks for them? Not if they are credentials, nor if nobody
 * knows which command it is (operation.length == 0). */
bool redaction_arguments_may_leave(struct slice operation);

/* The text of a command with its arguments: the operation and a '?' for each of them, "..." for those beyond
 * REDACTION_ARGUMENTS_MAX. */
struct slice redaction_command(struct redaction_space *space, struct slice operation, uint32_t arguments);

#endif
