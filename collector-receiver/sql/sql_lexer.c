/* Cut SQL text into tokens. */
#define _GNU_SOURCE /* memmem */
#include "sql/sql_lexer.h"

#include <stdint.h>

enum class {
	DIGIT = 1,
	SPACE = 2,
	WORD_START = 4,
	WORD_PART = 8,
};

static const uint8_t classes[256] = {
	['\t' ... '\r'] = SPACE,
	[' '] = SPACE,
	['0' ... '9'] = DIGIT | WORD_PART,
	['A' ... 'Z'] = WORD_START | WORD_PART,
	['a' ... 'z'] = WORD_START | WORD_PART,
	['_'] = WORD_START | WORD_PART,
	['$'] = WORD_PART,
	[0x80 ... 0xff] = WORD_START | WORD_PART,
};

static bool is(char c, enum class class)
{
	return (classes[(uint8_t)c] & class) != 0;
}

/* The byte `ahead` of the position, NUL behind the end: no rule asks for a NUL. */
static char peek(const struct sql_lexer *lexer, size_t ahead)
{
	return (size_t)(lexer->end - lexer->at) > ahead ? lexer->at[ahead] : '\0';
}

bool sql_word_is(struct slice word, const char *upper)
{
	for (size_t i = 0; i < word.length; i++) {
		char c = word.bytes[i];

		if ((c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c) != upper[i])
			return false;
	}
	return upper[word.length] == '\0';
}

/* The token from the position to `stop`, which becomes the position. */
static struct sql_token take(struct sql_lexer *lexer, enum sql_token_kind kind, const char *stop)
{
	struct sql_token token = {kind, {lexer->at, (size_t)(stop - lexer->at)}, false};

	lexer->at = stop;
	return token;
}

static struct sql_token take_rest(struct sql_lexer *lexer, enum sql_token_kind kind)
{
	struct sql_token token = take(lexer, kind, lexer->end);

	token.unfinished = true;
	return token;
}

/* Nobody can say where this literal ends; in a whole text that is not an error of its own. */
static struct sql_token take_uncertain_rest(struct sql_lexer *lexer)
{
	struct sql_token token = take(lexer, SQL_LITERAL, lexer->end);

	token.unfinished = lexer->cut;
	return token;
}

static struct sql_token next_space(struct sql_lexer *lexer)
{
	const char *at = lexer->at;

	while (at < lexer->end && is(*at, SPACE))
		at++;
	return take(lexer, SQL_SPACE, at);
}

static struct sql_token next_line_comment(struct sql_lexer *lexer)
{
	const char *feed = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));

	return feed != NULL ? take(lexer, SQL_COMMENT, feed) : take_rest(lexer, SQL_COMMENT);
}

static struct sql_token next_block_comment(struct sql_lexer *lexer)
{
	const char *at = lexer->at + 2;
	size_t depth = 1;

	for (; lexer->end - at >= 2; at++) {
		if (at[0] == '*' && at[1] == '/') {
			if (--depth == 0)
				return take(lexer, SQL_COMMENT, at + 2);
			at++;
		} else if (at[0] == '/' && at[1] == '*' && lexer->dialect == SQL_POSTGRESQL) {
			depth++;
			at++;
		}
	}
	return take_rest(lexer, SQL_COMMENT);
}

/* Is the end of a string whose quote follows a backslash to be believed? */
static bool backslash_is_certain(const struct sql_lexer *lexer, const char *backslash, bool is_escape_string)
{
	if (is_escape_string)
		return true;
	return lexer->dialect == SQL_MYSQL && !lexer->cut && (uint8_t)backslash[-1] < 0x80;
}

/* A string whose opening quote is `prefix` bytes ahead. Doubled quotes stand for one. */
static struct sql_token next_string(struct sql_lexer *lexer, size_t prefix, bool is_escape_string)
{
	const char *at = lexer->at + prefix;
	char quote = *at++;

	while (at < lexer->end) {
		if (*at == '\\' && lexer->end - at >= 2) {
			bool escapes = is_escape_string || lexer->dialect == SQL_MYSQL;

			if (at[1] == quote && !backslash_is_certain(lexer, at, is_escape_string))
				return take_uncertain_rest(lexer);
			at += escapes ? 2 : 1;
		} else if (*at++ == quote) {
			if (at == lexer->end || *at != quote)
				return take(lexer, SQL_LITERAL, at);
			at++;
		}
	}
	return take_rest(lexer, SQL_LITERAL);
}

static struct sql_token next_quoted_name(struct sql_lexer *lexer)
{
	const char *at = lexer->at;
	char quote = *at++;

	for (;;) {
		at = memchr(at, quote, (size_t)(lexer->end - at));
		if (at == NULL)
			return take_rest(lexer, SQL_QUOTED_NAME);
		if (++at == lexer->end || *at != quote)
			return take(lexer, SQL_QUOTED_NAME, at);
		at++;
	}
}

/* $tag$ ... $tag$. A text that ends within the first tag is one that ends before the literal. */
static struct sql_token next_dollar_quote(struct sql_lexer *lexer)
{
	const char *tag = lexer->at + 1;
	const char *close;
	size_t length;

	while (tag < lexer->end && *tag != '$' && is(*tag, WORD_PART))
		tag++;
	if (tag == lexer->end)
		return take_rest(lexer, SQL_LITERAL);
	if (*tag != '$')
		return take(lexer, SQL_PUNCTUATION, lexer->at + 1);
	length = (size_t)(++tag - lexer->at);
	close = memmem(tag, (size_t)(lexer->end - tag), lexer->at, length);
	return close != NULL ? take(lexer, SQL_LITERAL, close + length) : take_rest(lexer, SQL_LITERAL);
}

/* Everything that hangs together with a number goes with it: 0x1F, 12.5e-3, 1_000, and what is none, 12abc. */
static struct sql_token next_number(struct sql_lexer *lexer, size_t sign)
{
	const char *start = lexer->at + sign;
	const char *at = start;
	bool is_decimal = true;

	while (at < lexer->end && (is(*at, WORD_PART) || *at == '.')) {
		bool is_exponent = is_decimal && (*at | 0x20) == 'e' && at > start;

		is_decimal = is_decimal && (is(*at, DIGIT) || *at == '.' || *at == '_' || is_exponent);
		at++;
		if (is_exponent && lexer->end - at >= 2 && (*at == '-' || *at == '+') && is(at[1], DIGIT))
			at++;
	}
	return take(lexer, SQL_LITERAL, at);
}

/* The length of what stands before the quote of E'', N'', B'', X'' and U&''; 0 if this is no such string. */
static size_t string_prefix(const struct sql_lexer *lexer)
{
	char first = (char)(lexer->at[0] | 0x20);

	if (peek(lexer, 1) == '\'' && (first == 'e' || first == 'n' || first == 'b' || first == 'x'))
		return 1;
	return first == 'u' && peek(lexer, 1) == '&' && peek(lexer, 2) == '\'' ? 2 : 0;
}

static bool is_boolean(struct slice word)
{
	return word.length == 4 ? sql_word_is(word, "TRUE") : word.length == 5 && sql_word_is(word, "FALSE");
}

static struct sql_token next_word(struct sql_lexer *lexer)
{
	const char *at = lexer->at + 1;
	size_t prefix = string_prefix(lexer);
	struct sql_token token;

	if (prefix > 0)
		return next_string(lexer, prefix, (lexer->at[0] | 0x20) == 'e');
	while (at < lexer->end && is(*at, WORD_PART))
		at++;
	token = take(lexer, SQL_WORD, at);
	token.unfinished = lexer->cut && at == lexer->end;
	if (is_boolean(token.text))
		token.kind = SQL_LITERAL;
	return token;
}

/* MySQL wants white space behind "--", lest 5--1 be 5. */
static bool is_line_comment(const struct sql_lexer *lexer)
{
	char third = peek(lexer, 2);

	if (lexer->dialect == SQL_MYSQL && lexer->at[0] == '#')
		return true;
	if (lexer->at[0] != '-' || peek(lexer, 1) != '-')
		return false;
	return lexer->dialect != SQL_MYSQL || lexer->end - lexer->at == 2 || (uint8_t)third <= ' ';
}

static bool is_number(const struct sql_lexer *lexer, size_t ahead)
{
	return is(peek(lexer, ahead), DIGIT) || (peek(lexer, ahead) == '.' && is(peek(lexer, ahead + 1), DIGIT));
}

static struct sql_token next_placeholder(struct sql_lexer *lexer)
{
	const char *at = lexer->at + 1;

	while (at < lexer->end && is(*at, DIGIT))
		at++;
	return take(lexer, SQL_PLACEHOLDER, at);
}

/* What begins with a byte that is none of a word's, a number's or white space. */
static struct sql_token next_special(struct sql_lexer *lexer)
{
	char c = lexer->at[0];

	if (is_line_comment(lexer))
		return next_line_comment(lexer);
	if (c == '/' && peek(lexer, 1) == '*')
		return next_block_comment(lexer);
	if (c == '\'' || (c == '"' && lexer->dialect == SQL_MYSQL))
		return next_string(lexer, 0, false);
	if (c == '"' || (c == '`' && lexer->dialect != SQL_POSTGRESQL))
		return next_quoted_name(lexer);
	if (c == '$' && is(peek(lexer, 1), DIGIT))
		return next_placeholder(lexer);
	if (c == '$' && lexer->dialect == SQL_POSTGRESQL)
		return next_dollar_quote(lexer);
	if ((c == '-' || c == '+') && is_number(lexer, 1))
		return next_number(lexer, 1);
	if (is_number(lexer, 0))
		return next_number(lexer, 0);
	return take(lexer, c == '?' ? SQL_PLACEHOLDER : SQL_PUNCTUATION, lexer->at + 1);
}

struct sql_token sql_lexer_next(struct sql_lexer *lexer)
{
	if (lexer->at == lexer->end)
		return (struct sql_token){.kind = SQL_END};
	if (is(lexer->at[0], SPACE))
		return next_space(lexer);
	if (is(lexer->at[0], WORD_START))
		return next_word(lexer);
	return next_special(lexer);
}
