/* Cut SQL text into tokens: what is a literal, what a name, what a comment.
 *
 * The text is a stranger's and may be cut anywhere. Where two readings are possible the lexer takes the one that shows
 * less: all that may belong to a literal is a literal. No allocation; each byte is read a bounded number of times. */
#ifndef SQL_LEXER_H
#define SQL_LEXER_H

#include "exchanges/slice.h"

enum sql_dialect {
	SQL_STANDARD,
	SQL_POSTGRESQL, /* $1, dollar quotes, E'', nested comments */
	SQL_MYSQL,	/* ?, "strings", `names`, backslash escapes, # comments; MariaDB too */
};

enum sql_token_kind {
	SQL_END,
	SQL_SPACE,
	SQL_COMMENT, /* a line comment ends before its line feed */
	SQL_WORD,
	SQL_QUOTED_NAME, /* with its quotes */
	SQL_LITERAL,	 /* string, number, TRUE, FALSE; with its prefix or sign */
	SQL_PLACEHOLDER,
	SQL_PUNCTUATION, /* one byte */
};

struct sql_token {
	enum sql_token_kind kind;
	struct slice text;
	bool unfinished; /* the text ended within it. A word that a cut text ends with is: nobody knows how it goes on
			  */
};

struct sql_text {
	struct slice text;
	enum sql_dialect dialect;
	bool cut; /* there is more of it that was not captured */
};

/* One pass over a text. */
struct sql_lexer {
	const char *at;
	const char *end;
	enum sql_dialect dialect;
	bool cut;
};

static inline struct sql_lexer sql_lexer_open(const struct sql_text *text)
{
	return (struct sql_lexer){text->text.bytes, text->text.bytes + text->text.length, text->dialect, text->cut};
}

/* A string in which a quote follows a backslash ends at different places by the server's settings, which the text does
 * not show (standard_conforming_strings, NO_BACKSLASH_ESCAPES, a multibyte character set): then the literal goes on to
 * the end of the text. MySQL's default is believed where the text is whole. */
struct sql_token sql_lexer_next(struct sql_lexer *lexer);

/* Does this token fit into a whole text? A string that does not end there shows that server and reader disagree where
 * strings begin: then nothing of the text is to be shown, for what looks like its words may be a literal. */
static inline bool sql_token_fits(const struct sql_lexer *lexer, const struct sql_token *token)
{
	return lexer->cut || token->kind == SQL_COMMENT || !token->unfinished;
}

/* Are these the same keyword? `upper` in upper case. */
bool sql_word_is(struct slice word, const char *upper);

#endif
