/* Tell how a turn of Memcached begins from everything else. */
#include "protocols/memcached/memcached.h"

bool memcached_is_binary(struct slice bytes)
{
	return (bytes.bytes[0] & 0x80) != 0;
}

static enum match recognise_header(enum sender from, struct slice bytes, bool more_may_come)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	struct memcached_header header;

	switch (memcached_take_header(from, &in, &header)) {
	case MEMCACHED_PARSED:
		return from == FROM_CLIENT ? MATCH_FROM_CLIENT : MATCH_FROM_SERVER;
	case MEMCACHED_PARSE_MORE:
		return more_may_come ? MATCH_MORE : MATCH_NO;
	case MEMCACHED_PARSE_MALFORMED:
		break;
	}
	return MATCH_NO;
}

/* ---- text ---- */

/* A line whose end is not there yet: MATCH_MORE as long as its first word may be one of those. */
static enum match incomplete(struct slice bytes, bool more_may_come, bool (*knows)(struct slice, bool))
{
	struct slice rest = bytes, word = memcached_take_word(&rest);

	if (!more_may_come || !memcached_is_text(word) || bytes.bytes[0] == ' ')
		return MATCH_NO;
	return knows(word, rest.length > 0) ? MATCH_MORE : MATCH_NO;
}

enum { NAME_BYTES_MAX = 14 };

static bool knows_verb(struct slice word, bool complete)
{
	if (complete)
		return memcached_verb(word) != NULL;
	for (size_t i = 0; i < word.length; i++) {
		if ((word.bytes[i] < 'a' || word.bytes[i] > 'z') && word.bytes[i] != '_')
			return word.bytes[i] == '\r' && i + 1 == word.length;
	}
	return word.length <= NAME_BYTES_MAX;
}

/* A valid command; `*has_data`: with a block of data behind it. */
static enum match recognise_command(struct slice bytes, bool more_may_come, bool *has_data)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	struct memcached_line parsed;
	struct slice line;

	*has_data = false;
	if (memcached_take_line(&in, &line) == MEMCACHED_PARSE_MORE) {
		if (bytes.length > 0 && bytes.bytes[bytes.length - 1] == '\r')
			bytes.length--;
		return bytes.length == 0 ? MATCH_NO : incomplete(bytes, more_may_come, knows_verb);
	}
	if (line.length == 0 || line.bytes[0] == ' ' || !memcached_is_text(line))
		return MATCH_NO;
	memcached_parse_line(line, &parsed);
	if (!parsed.valid)
		return MATCH_NO;
	if (parsed.data_bytes < 0)
		return MATCH_FROM_CLIENT;
	*has_data = true;
	struct slice data = cursor_rest(&in);

	return data.length < (uint64_t)parsed.data_bytes + 2 || memcmp(data.bytes + parsed.data_bytes, "\r\n", 2) == 0
		       ? MATCH_FROM_CLIENT
		       : MATCH_NO;
}

/* How replies begin, and how many words they have. `own`: nobody else says so. */
static const struct reply {
	const char *name;
	uint8_t words_min, words_max;
	bool own;
} replies[] = {
	{"VALUE", 4, 5, true},
	{"END", 1, 1, true},
	{"STORED", 1, 1, true},
	{"NOT_STORED", 1, 1, true},
	{"STAT", 2, UINT8_MAX, true},
	{"VERSION", 2, 2, true},
	{"VA", 2, UINT8_MAX, true},
	{"HD", 1, UINT8_MAX, true},
	{"EN", 1, 1, true},
	{"MN", 1, 1, true},
	{"NS", 1, UINT8_MAX, false},
	{"EX", 1, UINT8_MAX, false},
	{"NF", 1, UINT8_MAX, false},
	{"ME", 2, UINT8_MAX, false},
	{"EXISTS", 1, 1, false},
	{"NOT_FOUND", 1, 1, false},
	{"DELETED", 1, 1, false},
	{"TOUCHED", 1, 1, false},
	{"OK", 1, 1, false},
	{"RESET", 1, 1, false},
	{"BUSY", 1, UINT8_MAX, false},
	{"ERROR", 1, 1, false},
	{"ERROR:", 2, UINT8_MAX, false},
	{"CLIENT_ERROR", 2, UINT8_MAX, false},
	{"SERVER_ERROR", 2, UINT8_MAX, false},
};

static const struct reply *find_reply(struct slice word)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		if (slice_equal(word, (struct slice){replies[i].name, strlen(replies[i].name)}))
			return &replies[i];
	}
	return NULL;
}

static bool knows_reply(struct slice word, bool complete)
{
	if (complete)
		return find_reply(word) != NULL;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		if (word.length <= strlen(replies[i].name) && memcmp(word.bytes, replies[i].name, word.length) == 0)
			return true;
	}
	return memcached_number(word) >= 0;
}

static unsigned count_words(struct slice line)
{
	unsigned words = 0;

	while (words < UINT8_MAX && memcached_take_word(&line).bytes != NULL)
		words++;
	return words;
}

static bool is_value_line(struct slice line)
{
	memcached_take_word(&line);
	memcached_take_word(&line);
	return memcached_number(memcached_take_word(&line)) >= 0 && memcached_number(memcached_take_word(&line)) >= 0;
}

static enum match recognise_reply(struct slice bytes, bool more_may_come, bool own)
{
	struct cursor in = cursor_over(bytes.bytes, bytes.length);
	struct slice line;

	if (memcached_take_line(&in, &line) == MEMCACHED_PARSE_MORE) {
		if (bytes.bytes[bytes.length - 1] == '\r')
			bytes.length--;
		return bytes.length == 0 || bytes.length > MEMCACHED_REPLY_LINE_BYTES_MAX
			       ? MATCH_NO
			       : incomplete(bytes, more_may_come, knows_reply);
	}
	struct slice rest = line, word = memcached_take_word(&rest);
	const struct reply *reply = word.bytes == NULL || line.bytes[0] == ' ' ? NULL : find_reply(word);
	unsigned words = count_words(line);

	if (reply == NULL)
		return !own && words == 1 && memcached_number(word) >= 0 ? MATCH_FROM_SERVER : MATCH_NO;
	if ((own && !reply->own) || words < reply->words_min || words > reply->words_max || !memcached_is_text(line) ||
	    (strcmp(reply->name, "VALUE") == 0 && !is_value_line(line)))
		return MATCH_NO;
	return MATCH_FROM_SERVER;
}

/* A command line with a data block cannot be anything else. Others are kept until the server's answer tells. */
static enum match recognise_text(struct slice bytes, bool more_may_come)
{
	bool has_data;
	enum match server = recognise_reply(bytes, more_may_come, true);

	if (server == MATCH_FROM_SERVER)
		return server;
	enum match client = recognise_command(bytes, more_may_come, &has_data);

	if (client == MATCH_FROM_CLIENT && !has_data)
		client = more_may_come ? MATCH_MORE : MATCH_NO;
	return client != MATCH_NO ? client : server;
}

enum match memcached_recognise(const struct opening *opening)
{
	struct slice bytes = opening->bytes;

	if (!memcached_is_binary(bytes))
		return recognise_text(bytes, opening->more_may_come);
	enum match match = recognise_header(FROM_CLIENT, bytes, opening->more_may_come);

	return match != MATCH_NO ? match : recognise_header(FROM_SERVER, bytes, opening->more_may_come);
}

enum match memcached_recognise_from(enum sender from, bool binary, struct slice bytes, bool more_may_come)
{
	bool has_data;

	if (binary)
		return recognise_header(from, bytes, more_may_come);
	return from == FROM_CLIENT ? recognise_command(bytes, more_may_come, &has_data)
				   : recognise_reply(bytes, more_may_come, false);
}
