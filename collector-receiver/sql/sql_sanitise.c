/* Replace literals, drop comments. */
#define _GNU_SOURCE /* memmem */
#include "sql/sql_sanitise.h"

#include <strings.h>

/* Within IN (...), while it holds literals only, one stands for all. */
enum in_list {
	NOT_IN_LIST,
	IN_SEEN,     /* the word */
	IN_OPENED,   /* and its parenthesis */
	IN_LITERALS, /* and a literal */
};

struct sanitiser {
	const struct sql_sink *sink;
	struct slice run; /* of the text, to be written as it is */
	enum in_list list;
	struct slice held; /* the comma of a list and the blanks behind it, written unless a literal follows */
	bool keep_literals;
};

static void flush(struct sanitiser *s)
{
	if (s->run.length > 0)
		s->sink->write(s->sink->context, s->run);
	s->run.length = 0;
}

static void write_text(struct sanitiser *s, struct slice text)
{
	if (s->run.length > 0 && s->run.bytes + s->run.length == text.bytes) {
		s->run.length += text.length;
		return;
	}
	flush(s);
	s->run = text;
}

static void write_constant(struct sanitiser *s, struct slice constant)
{
	flush(s);
	s->sink->write(s->sink->context, constant);
}

/* Anything but a literal, a comma and white space ends a list. */
static void leave_list(struct sanitiser *s)
{
	if (s->held.length > 0)
		write_text(s, s->held);
	s->held.length = 0;
	s->list = NOT_IN_LIST;
}

static void take_literal(struct sanitiser *s, const struct sql_token *token)
{
	if (s->keep_literals && !token->unfinished) {
		write_text(s, token->text);
		return;
	}
	if (s->list != IN_LITERALS)
		write_constant(s, SLICE_LITERAL("?"));
	s->held.length = 0;
	s->list = s->list == IN_OPENED || s->list == IN_LITERALS ? IN_LITERALS : NOT_IN_LIST;
}

static void take_punctuation(struct sanitiser *s, const struct sql_token *token)
{
	char c = token->text.bytes[0];

	if (c == ',' && s->list == IN_LITERALS) {
		s->held = token->text;
		return;
	}
	if (c == '(' && s->list == IN_SEEN)
		s->list = IN_OPENED;
	else
		leave_list(s);
	write_text(s, token->text);
}

static void take_space(struct sanitiser *s, const struct sql_token *token)
{
	if (s->list != IN_LITERALS)
		write_text(s, token->text);
	else if (s->held.length > 0 && s->held.bytes + s->held.length == token->text.bytes)
		s->held.length += token->text.length;
}

static void take_name(struct sanitiser *s, const struct sql_token *token)
{
	leave_list(s);
	if (token->unfinished)
		return;
	write_text(s, token->text);
	if (!s->keep_literals && token->kind == SQL_WORD && sql_word_is(token->text, "IN"))
		s->list = IN_SEEN;
}

static void take_token(struct sanitiser *s, const struct sql_token *token)
{
	switch (token->kind) {
	case SQL_SPACE:
		take_space(s, token);
		break;
	case SQL_LITERAL:
		take_literal(s, token);
		break;
	case SQL_PUNCTUATION:
		take_punctuation(s, token);
		break;
	case SQL_WORD:
	case SQL_QUOTED_NAME:
		take_name(s, token);
		break;
	case SQL_PLACEHOLDER:
		leave_list(s);
		write_text(s, token->text);
		break;
	case SQL_COMMENT:
	case SQL_END:
		break;
	}
}

static bool sanitise(const struct sql_text *text, const struct sql_sink *sink, bool keep_literals)
{
	struct sql_lexer lexer = sql_lexer_open(text);
	struct sanitiser s = {.sink = sink, .keep_literals = keep_literals};
	struct sql_token token = sql_lexer_next(&lexer);

	for (; token.kind != SQL_END; token = sql_lexer_next(&lexer)) {
		if (!sql_token_fits(&lexer, &token))
			return false;
		take_token(&s, &token);
	}
	flush(&s);
	return true;
}

bool sql_sanitise(const struct sql_text *text, const struct sql_sink *sink)
{
	return sanitise(text, sink, false);
}

bool sql_drop_comments(const struct sql_text *text, const struct sql_sink *sink)
{
	return sanitise(text, sink, true);
}

bool sql_has_placeholder(const struct sql_text *text)
{
	char first = text->dialect == SQL_POSTGRESQL ? '$' : '?';
	struct sql_lexer lexer = sql_lexer_open(text);
	struct sql_token token = sql_lexer_next(&lexer);

	while (token.kind != SQL_END && (token.kind != SQL_PLACEHOLDER || token.text.bytes[0] != first))
		token = sql_lexer_next(&lexer);
	return token.kind == SQL_PLACEHOLDER;
}

/* Wherever it stands: options of connections are literals themselves. */
bool sql_may_hold_secret(struct slice text)
{
	static const struct slice words[] = {
		SLICE_LITERAL("passw"), SLICE_LITERAL("pwd"), SLICE_LITERAL("identified"), SLICE_LITERAL("secret"),
		SLICE_LITERAL("credential"),
	};

	for (size_t at = 0; at < text.length; at++) {
		char first = (char)(text.bytes[at] | 0x20);

		if (first != 'p' && first != 'i' && first != 's' && first != 'c')
			continue;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (words[i].length <= text.length - at &&
			    strncasecmp(text.bytes + at, words[i].bytes, words[i].length) == 0)
				return true;
		}
	}
	return false;
}

struct slice sql_traceparent(struct slice text)
{
	static const struct slice key = SLICE_LITERAL("traceparent='");
	enum { TRACEPARENT_LENGTH = 55 };
	const char *comment, *found;
	size_t left = text.length;

	while (left > 0 && (text.bytes[left - 1] == ' ' || text.bytes[left - 1] == ';' || text.bytes[left - 1] == '\n'))
		left--;
	if (left < 2 || memcmp(text.bytes + left - 2, "*/", 2) != 0)
		return (struct slice){0};
	comment = text.bytes + left - 2;
	while (comment > text.bytes && (comment[0] != '/' || comment[1] != '*'))
		comment--;
	left -= (size_t)(comment - text.bytes);
	found = memmem(comment, left, key.bytes, key.length);
	if (found == NULL || left - (size_t)(found - comment) < key.length + TRACEPARENT_LENGTH)
		return (struct slice){0};
	return (struct slice){found + key.length, TRACEPARENT_LENGTH};
}
