/* The words that a summary of SQL is made by. */
#ifndef SQL_KEYWORDS_H
#define SQL_KEYWORDS_H

#include "exchanges/slice.h"

enum sql_keyword {
	SQL_NO_KEYWORD,
	SQL_STATEMENT, /* begins a statement without targets of interest */
	SQL_SELECT,    /* an operation wherever it stands */
	SQL_INSERT,    /* target, as of MERGE and REPLACE; those down to CALL are operations where one may begin */
	SQL_UPDATE,    /* target, target SET */
	SQL_DELETE,    /* FROM target */
	SQL_DEFINE,    /* kind and name */
	SQL_CALL,      /* target */
	SQL_EXPLAIN,   /* a statement follows */
	SQL_WITH,
	SQL_FROM,
	SQL_JOIN,
	SQL_USING,
	SQL_FILLER,    /* may stand between an operation and its target */
	SQL_KIND,      /* of a thing that is defined; its name follows */
	SQL_BODY_KIND, /* the same, and behind the name a program */
	SQL_CLAUSE,    /* ends a list of tables */
	SQL_DISTINCT,  /* IS DISTINCT FROM */
	SQL_AS,
};

enum sql_keyword sql_keyword_of(struct slice word);

#endif
