/* db.query.summary: the operations of a statement and what they are performed on, in the order in which they stand.
 *
 * SELECT, INSERT, UPDATE, DELETE and their like with the tables of FROM, JOIN, INTO and USING; CREATE, ALTER and DROP
 * with the kind of thing and its name; CALL and EXECUTE with the procedure; other statements by their first word. All
 * as written, quotes included. What a literal stands for is never part of it, so that a table named by a string is left
 * out. Statements that begin with no known word have no summary, nor has a text with a token that does
 * not fit (sql_token_fits). */
#ifndef SQL_SUMMARY_H
#define SQL_SUMMARY_H

#include "sql/sql_lexer.h"

enum {
	SQL_SUMMARY_MAX = 255,	/* the conventions' */
	SQL_SUMMARY_DEPTH = 32, /* parentheses in parentheses; what is deeper is passed over */
};

/* Write the summary into out, which has SQL_SUMMARY_MAX bytes. Several statements follow each other; if they are a
 * batch, the summary is BATCH, with what follows it if that is the same for all. Returns the length, 0: no summary. */
size_t sql_summary(const struct sql_text *text, bool is_batch, char *out);

#endif
