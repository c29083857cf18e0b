/* SQL text without its literals and comments: what of a statement may be shown. */
#ifndef SQL_SANITISE_H
#define SQL_SANITISE_H

#include "sql/sql_lexer.h"

/* Where the pieces of the result go, in order. */
struct sql_sink {
	void (*write)(void *context, struct slice piece);
	void *context;
};

/* Literals become '?', with their sign; comments go, white space stays; IN (1, 2, 3) becomes IN (?). The unfinished
 * word or name at the end of a cut text is left out.
 *
 * False, and what was written is not to be shown, if a token does not fit (sql_token_fits). */
bool sql_sanitise(const struct sql_text *text, const struct sql_sink *sink) __attribute__((warn_unused_result));

/* The same for a statement whose values travel apart from it: literals stay, but for an unfinished one. */
bool sql_drop_comments(const struct sql_text *text, const struct sql_sink *sink) __attribute__((warn_unused_result));

/* Has the text a place for a value: $1 in PostgreSQL, else '?'. */
bool sql_has_placeholder(const struct sql_text *text);

/* Does it speak of a password, or the like? Its literals are not to be shown then, whatever is configured. */
bool sql_may_hold_secret(struct slice text);

/* The value of traceparent in a comment that the text ends with, as sqlcommenter writes it; absent if there is none. */
struct slice sql_traceparent(struct slice text);

#endif
