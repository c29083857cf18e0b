/* Tell how a turn of Redis begins from everything else. */
#include <strings.h>

#include "protocols/redis/redis.h"

/* A server says this to PING only, and nobody else says it. */
static const char pong[] = "+PONG\r\n";
static const char ping[] = "PING\r\n";

enum { PING_BYTES = sizeof(ping) - 1 };

/* The type byte and the number behind it. */
static enum match header(struct cursor *in, char type, int64_t *number, bool more_may_come)
{
	if (cursor_left(in) == 0)
		return more_may_come ? MATCH_MORE : MATCH_NO;
	if (cursor_peek(in) != type)
		return MATCH_NO;
	switch (redis_parse_number(in, number)) {
	case REDIS_PARSED:
		return MATCH_FROM_CLIENT;
	case REDIS_PARSE_MORE:
		return more_may_come ? MATCH_MORE : MATCH_NO;
	case REDIS_PARSE_MALFORMED:
		break;
	}
	return MATCH_NO;
}

/* "*<elements>\r\n$<length>\r\n<word>\r\n"; words are short. */
static enum match first_word(struct slice bytes, bool more_may_come, char type, int64_t *elements, struct slice *word)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	int64_t length;
	enum match match = header(&in, type, elements, more_may_come);

	if (match != MATCH_FROM_CLIENT)
		return match;
	if (*elements < 1 || *elements > REDIS_ARGUMENTS_MAX)
		return MATCH_NO;
	match = header(&in, '$', &length, more_may_come);
	if (match != MATCH_FROM_CLIENT)
		return match;
	if (length < 1 || length > REDIS_NAME_BYTES_MAX)
		return MATCH_NO;
	*word = cursor_rest(&in);
	if (word->length > (size_t)length)
		word->length = (size_t)length;
	if (word->length > 0 && !redis_name_is_plausible(*word))
		return MATCH_NO;
	if (cursor_left(&in) < (size_t)length + 2)
		return more_may_come ? MATCH_MORE : MATCH_NO;
	return memcmp(word->bytes + length, "\r\n", 2) == 0 ? MATCH_FROM_CLIENT : MATCH_NO;
}

/* Modules put a dot into their names. */
static bool is_module_command(struct slice name)
{
	return memchr(name.bytes, '.', name.length) != NULL;
}

enum match redis_recognise_command(struct slice bytes, bool more_may_come, bool any_name)
{
	struct slice name;
	int64_t words;
	enum match match = first_word(bytes, more_may_come, '*', &words, &name);

	if (match != MATCH_FROM_CLIENT || any_name || is_module_command(name) ||
	    redis_command_kind(name) != REDIS_UNKNOWN)
		return match;
	return MATCH_NO;
}

/* What a subscriber gets without having asked again. */
static enum match recognise_message(struct slice bytes, bool more_may_come)
{
	static const struct {
		const char *word;
		int64_t elements;
	} messages[] = {{"message", 3}, {"pmessage", 4}, {"smessage", 3}, {"invalidate", 2}};
	char type = bytes.bytes[0];
	struct slice word;
	int64_t elements;

	if (type != '*' && type != '>')
		return MATCH_NO;
	enum match match = first_word(bytes, more_may_come, type, &elements, &word);

	if (match != MATCH_FROM_CLIENT)
		return match;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (elements == messages[i].elements &&
		    slice_equal(word, (struct slice){messages[i].word, strlen(messages[i].word)}))
			return MATCH_FROM_SERVER;
	}
	return MATCH_NO;
}

static bool begins_with(struct slice bytes, const char *text, size_t length)
{
	return memcmp(bytes.bytes, text, bytes.length < length ? bytes.length : length) == 0;
}

static enum match recognise_server(struct slice bytes, bool more_may_come)
{
	if (!begins_with(bytes, pong, sizeof(pong) - 1))
		return recognise_message(bytes, more_may_come);
	if (bytes.length < sizeof(pong) - 1)
		return more_may_come ? MATCH_MORE : MATCH_NO;
	return MATCH_FROM_SERVER;
}

/* An inline PING alone proves nothing. It is kept until the server's "+PONG" does. */
static bool may_be_inline_ping(struct slice bytes)
{
	return bytes.length <= PING_BYTES && strncasecmp(bytes.bytes, ping, bytes.length) == 0;
}

enum match redis_recognise(const struct opening *opening)
{
	struct slice bytes = opening->bytes;
	bool from_client = !opening->sender_known || opening->sender == FROM_CLIENT;
	bool from_server = !opening->sender_known || opening->sender == FROM_SERVER;
	enum match server = from_server ? recognise_server(bytes, opening->more_may_come) : MATCH_NO;
	enum match client = MATCH_NO;

	if (server == MATCH_FROM_SERVER || !from_client)
		return server;
	client = redis_recognise_command(bytes, opening->more_may_come, opening->sender_known);
	if (client == MATCH_NO && opening->more_may_come && may_be_inline_ping(bytes))
		return MATCH_MORE;
	return client != MATCH_NO ? client : server;
}

bool redis_is_inline_command(struct slice bytes)
{
	size_t name = 0;

	while (name < bytes.length && name <= REDIS_NAME_BYTES_MAX && bytes.bytes[name] != ' ' &&
	       bytes.bytes[name] != '\r' && bytes.bytes[name] != '\n')
		name++;
	return memchr(bytes.bytes, '\n', bytes.length) != NULL &&
	       redis_command_kind((struct slice){bytes.bytes, name}) != REDIS_UNKNOWN;
}

/* ---- replies of a connection that is known ---- */

static enum match line_is_plausible(struct slice bytes, bool more_may_come)
{
	size_t n = bytes.length < REDIS_STATUS_BYTES_MAX ? bytes.length : REDIS_STATUS_BYTES_MAX;

	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)bytes.bytes[i];

		if (c == '\r' && i + 1 < bytes.length)
			return bytes.bytes[i + 1] == '\n' ? MATCH_FROM_SERVER : MATCH_NO;
		if (c < ' ' && c != '\r' && c != '\t')
			return MATCH_NO;
	}
	if (n == REDIS_STATUS_BYTES_MAX)
		return MATCH_FROM_SERVER;
	return more_may_come ? MATCH_MORE : MATCH_NO;
}

/* Where the bytes go far enough, a bulk must end with a line end, and an aggregate's first value has a type. */
static enum match counted_is_plausible(struct slice bytes, bool more_may_come)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	char type = bytes.bytes[0];
	int64_t number;

	enum match match = header(&in, type, &number, more_may_come);
	if (match != MATCH_FROM_CLIENT)
		return match;
	struct slice rest = cursor_rest(&in);

	if (type == ':' || number < 0)
		return type == ':' || number == -1 ? MATCH_FROM_SERVER : MATCH_NO;
	if (type == '$' || type == '=' || type == '!')
		return rest.length < (uint64_t)number + 2 || memcmp(rest.bytes + number, "\r\n", 2) == 0
			       ? MATCH_FROM_SERVER
			       : MATCH_NO;
	return number == 0 || rest.length == 0 || redis_type_is_counted(rest.bytes[0]) ||
			       redis_type_is_line(rest.bytes[0])
		       ? MATCH_FROM_SERVER
		       : MATCH_NO;
}

enum match redis_recognise_reply(struct slice bytes, bool more_may_come)
{
	if (redis_type_is_counted(bytes.bytes[0]))
		return counted_is_plausible(bytes, more_may_come);
	return redis_type_is_line(bytes.bytes[0]) ? line_is_plausible(bytes, more_may_come) : MATCH_NO;
}
