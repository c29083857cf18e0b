/* Clean and shorten text from the wire, and replace the secrets in URLs. */
#define _GNU_SOURCE /* memrchr */
#include "exchanges/redaction.h"

#include <strings.h>

#include "counters.h"
#include "sql/sql_sanitise.h"
#include "sql/sql_summary.h"

static const struct slice default_keys[] = {
	SLICE_LITERAL("X-Amz-Signature"),
	SLICE_LITERAL("X-Amz-Credential"),
	SLICE_LITERAL("X-Amz-Security-Token"),
	SLICE_LITERAL("sig"),
	SLICE_LITERAL("X-Goog-Signature"),
	/* Not in 1.44.0 yet, but in the text that follows it. */
	SLICE_LITERAL("AWSAccessKeyId"),
	SLICE_LITERAL("Signature"),
};

const struct redaction redaction_default = {
	.sensitive_keys = default_keys,
	.sensitive_key_count = sizeof(default_keys) / sizeof(default_keys[0]),
	.query_text = QUERY_TEXT_SANITISED,
};

static const struct slice replacement_character = SLICE_LITERAL("\xef\xbf\xbd");
static const struct slice redacted = SLICE_LITERAL("REDACTED");
static const struct slice redacted_user = SLICE_LITERAL("REDACTED:REDACTED");

/* One result under construction: the space between start and limit. */
struct writer {
	struct redaction_space *space;
	size_t start;
	size_t limit;
	bool cut;
	bool keep_lines; /* line feeds and tabs */
};

static struct writer writer_open(struct redaction_space *space, size_t length_max)
{
	size_t room = space->capacity - space->length;

	return (struct writer){
		.space = space,
		.start = space->length,
		.limit = space->length + (room < length_max ? room : length_max),
	};
}

static struct slice writer_close(struct writer *w)
{
	if (w->cut)
		counter_add(COUNTER_ATTRIBUTES_CUT, 1);
	return (struct slice){w->space->bytes + w->start, w->space->length - w->start};
}

/* All or nothing, so that a character or a replacement is never cut in two. */
static void write_whole(struct writer *w, struct slice part)
{
	if (part.length == 0)
		return;
	if (w->cut || part.length > w->limit - w->space->length) {
		w->cut = true;
		return;
	}
	memcpy(w->space->bytes + w->space->length, part.bytes, part.length);
	w->space->length += part.length;
}

static bool is_continuation(char c)
{
	return ((uint8_t)c & 0xc0) == 0x80;
}

/* Length of the well-formed UTF-8 sequence of two bytes or more at the start of text (RFC 3629), 0 if there is none. */
static size_t utf8_sequence(const char *text, size_t left)
{
	uint8_t first = (uint8_t)text[0];
	uint8_t second = left > 1 ? (uint8_t)text[1] : 0;
	size_t length = first >= 0xc2 && first <= 0xdf	 ? 2
			: (first & 0xf0) == 0xe0	 ? 3
			: first >= 0xf0 && first <= 0xf4 ? 4
							 : 0;

	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (!is_continuation(text[i]))
			return 0;
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
	    (first == 0xf4 && second > 0x8f))
		return 0;
	/* U+0080 to U+009F are control characters too, and some terminals obey them. */
	return first == 0xc2 && second < 0xa0 ? 0 : length;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* Printable ASCII only: the common case, eight bytes at a time. */
static bool is_clean(struct slice text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t highs = ones << 7;
	size_t at = 0;

	for (; text.length - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, text.bytes + at, sizeof(word));
		/* High bit set, or below 0x20, or (once 1 is added) 0x80 from 0x7f. */
		if (((word | (word - ones * 0x20) | (word + ones)) & highs) != 0)
			return false;
	}
	for (; at < text.length; at++)
		if (!is_plain(text.bytes[at]))
			return false;
	return true;
}

static bool is_kept(const struct writer *w, char c)
{
	return is_plain(c) || (w->keep_lines && (c == '\n' || c == '\t'));
}

/* Single bytes, as many as there is room for. */
static void write_run(struct writer *w, struct slice run)
{
	size_t room = w->limit - w->space->length;

	if (run.length > room) {
		write_whole(w, (struct slice){run.bytes, room});
		w->cut = true;
		return;
	}
	write_whole(w, run);
}

static void write_clean(struct writer *w, struct slice raw)
{
	size_t at = 0;

	if (is_clean(raw)) {
		write_run(w, raw);
		return;
	}
	while (at < raw.length && !w->cut) {
		size_t run = at;
		size_t sequence;

		while (run < raw.length && is_kept(w, raw.bytes[run]))
			run++;
		if (run > at) {
			write_run(w, (struct slice){raw.bytes + at, run - at});
			at = run;
		} else if (raw.bytes[at] == '\t') {
			write_whole(w, SLICE_LITERAL(" "));
			at++;
		} else if ((sequence = utf8_sequence(raw.bytes + at, raw.length - at)) > 0) {
			write_whole(w, (struct slice){raw.bytes + at, sequence});
			at += sequence;
		} else {
			write_whole(w, replacement_character);
			at++;
		}
	}
}

struct slice redaction_text(struct redaction_space *space, struct slice raw, size_t length_max)
{
	if (raw.length <= length_max && is_clean(raw))
		return raw;
	struct writer w = writer_open(space, length_max);

	write_clean(&w, raw);
	return writer_close(&w);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Is the key, as written in a query, this word? "%73ig" is "sig" to the server that reads it. */
static bool key_equal(struct slice written, struct slice word)
{
	size_t at = 0;

	for (size_t i = 0; i < word.length; i++) {
		char c;

		if (at >= written.length)
			return false;
		c = written.bytes[at++];
		if (c == '%' && written.length - at >= 2 && hex_value(written.bytes[at]) >= 0 &&
		    hex_value(written.bytes[at + 1]) >= 0) {
			c = (char)(hex_value(written.bytes[at]) << 4 | hex_value(written.bytes[at + 1]));
			at += 2;
		}
		if (c != word.bytes[i])
			return false;
	}
	return at == written.length;
}

static bool key_is_sensitive(const struct redaction *rules, struct slice key)
{
	for (size_t i = 0; i < rules->sensitive_key_count; i++)
		if (key_equal(key, rules->sensitive_keys[i]))
			return true;
	return false;
}

static size_t find_byte(struct slice text, size_t from, char wanted)
{
	const char *found = from < text.length ? memchr(text.bytes + from, wanted, text.length - from) : NULL;

	return found == NULL ? text.length : (size_t)(found - text.bytes);
}

/* Where the parameter that starts at `from` ends. Some servers take ';' as a separator as well; a sensitive value is
 * taken to end at '&' only, so that nothing of it is left behind. */
static size_t parameter_end(const struct redaction *rules, struct slice query, size_t from, size_t *secret_at)
{
	size_t end = find_byte(query, from, '&');
	size_t soft_end = find_byte((struct slice){query.bytes, end}, from, ';');
	size_t equals = find_byte((struct slice){query.bytes, soft_end}, from, '=');

	*secret_at = 0;
	if (equals == soft_end)
		return soft_end;
	if (!key_is_sensitive(rules, (struct slice){query.bytes + from, equals - from}))
		return soft_end;
	*secret_at = equals + 1;
	return end;
}

static bool query_has_secret(const struct redaction *rules, struct slice query)
{
	size_t secret_at;

	for (size_t at = 0; at < query.length; at++) {
		at = parameter_end(rules, query, at, &secret_at);
		if (secret_at != 0)
			return true;
	}
	return false;
}

static void write_query(struct writer *w, const struct redaction *rules, struct slice query)
{
	size_t at = 0;

	while (at < query.length) {
		size_t secret_at;
		size_t end = parameter_end(rules, query, at, &secret_at);

		write_clean(w, (struct slice){query.bytes + at, (secret_at != 0 ? secret_at : end) - at});
		if (secret_at != 0)
			write_whole(w, redacted);
		if (end < query.length)
			write_clean(w, (struct slice){query.bytes + end, 1});
		at = end + 1;
	}
}

struct slice redaction_query(struct redaction_space *space, const struct redaction *rules, struct slice query,
			     size_t length_max)
{
	if (!query_has_secret(rules, query))
		return redaction_text(space, query, length_max);
	struct writer w = writer_open(space, length_max);

	write_query(&w, rules, query);
	return writer_close(&w);
}

static void write_authority(struct writer *w, struct slice authority)
{
	const char *at = authority.length > 0 ? memrchr(authority.bytes, '@', authority.length) : NULL;

	if (at != NULL) {
		size_t skip = (size_t)(at - authority.bytes);

		write_whole(w, redacted_user);
		authority = (struct slice){at, authority.length - skip};
	}
	write_clean(w, authority);
}

struct slice redaction_url(struct redaction_space *space, const struct redaction *rules,
			   const struct redaction_url *url, size_t length_max)
{
	struct writer w = writer_open(space, length_max);

	if (url->scheme.length > 0) {
		write_clean(&w, url->scheme);
		write_whole(&w, SLICE_LITERAL(":"));
	}
	write_whole(&w, SLICE_LITERAL("//"));
	write_authority(&w, url->authority);
	write_clean(&w, url->path);
	if (url->query.bytes != NULL) {
		write_whole(&w, SLICE_LITERAL("?"));
		write_query(&w, rules, url->query);
	}
	return writer_close(&w);
}

static bool is_code_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.';
}

struct slice redaction_code(struct slice raw)
{
	bool blank_allowed = false;

	if (raw.length == 0 || raw.length > REDACTION_CODE_MAX)
		return (struct slice){0};
	for (size_t i = 0; i < raw.length; i++) {
		bool is_blank = raw.bytes[i] == ' ';

		if (is_blank ? !blank_allowed : !is_code_character(raw.bytes[i]))
			return (struct slice){0};
		blank_allowed = !is_blank;
	}
	return blank_allowed ? raw : (struct slice){0};
}

/* By their first words. */
bool redaction_arguments_may_leave(struct slice operation)
{
	static const struct slice with_credentials[] = {
		SLICE_LITERAL("AUTH"),	   SLICE_LITERAL("HELLO"),    SLICE_LITERAL("ACL"),
		SLICE_LITERAL("CONFIG"),   SLICE_LITERAL("MIGRATE"),  SLICE_LITERAL("SENTINEL"),
		SLICE_LITERAL("MODULE"),   SLICE_LITERAL("sasl_auth"), SLICE_LITERAL("sasl_step"),
	};
	const char *blank = operation.length == 0 ? NULL : memchr(operation.bytes, ' ', operation.length);
	size_t length = blank == NULL ? operation.length : (size_t)(blank - operation.bytes);

	for (size_t i = 0; i < sizeof(with_credentials) / sizeof(with_credentials[0]); i++) {
		if (length == with_credentials[i].length &&
		    strncasecmp(operation.bytes, with_credentials[i].bytes, length) == 0)
			return false;
	}
	return length > 0;
}

struct slice redaction_command(struct redaction_space *space, struct slice operation, uint32_t arguments)
{
	struct writer w = writer_open(space, REDACTION_QUERY_TEXT_MAX);

	write_clean(&w, operation);
	for (uint32_t i = 0; i < arguments && i < REDACTION_ARGUMENTS_MAX; i++)
		write_whole(&w, SLICE_LITERAL(" ?"));
	if (arguments > REDACTION_ARGUMENTS_MAX)
		write_whole(&w, SLICE_LITERAL(" ..."));
	return writer_close(&w);
}

/* --- SQL ---------------------------------------------------------------------------------------------------------- */

static void write_piece(void *context, struct slice piece)
{
	write_clean(context, piece);
}

struct slice redaction_query_text(struct redaction_space *space, const struct redaction *rules,
				  const struct sql_text *text, bool is_parameterised)
{
	struct writer w = writer_open(space, REDACTION_QUERY_TEXT_MAX);
	const struct sql_sink sink = {write_piece, &w};
	bool is_whole = true;

	if (text->text.length == 0 || rules->query_text == QUERY_TEXT_OFF)
		return (struct slice){0};
	w.keep_lines = true;
	bool shows_literals = rules->query_text == QUERY_TEXT_RAW ||
			      (rules->query_text == QUERY_TEXT_PARAMETERISED && is_parameterised);

	if (shows_literals && sql_may_hold_secret(text->text))
		is_whole = sql_sanitise(text, &sink);
	else if (rules->query_text == QUERY_TEXT_RAW)
		write_clean(&w, text->text);
	else if (shows_literals && sql_has_placeholder(text))
		is_whole = sql_drop_comments(text, &sink);
	else
		is_whole = sql_sanitise(text, &sink);
	if (is_whole)
		return writer_close(&w);
	space->length = w.start;
	return (struct slice){0};
}

struct slice redaction_query_summary(struct redaction_space *space, const struct sql_text *text, bool is_batch)
{
	char summary[SQL_SUMMARY_MAX];
	struct writer w = writer_open(space, SQL_SUMMARY_MAX);
	size_t length = sql_summary(text, is_batch, summary);

	if (length == 0)
		return (struct slice){0};
	write_clean(&w, (struct slice){summary, length});
	return writer_close(&w);
}
