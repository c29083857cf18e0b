/* Find keywords. */
#include "sql/sql_keywords.h"

#include <stdlib.h>

/* In the order of strcmp. */
static const struct word {
	const char *text;
	enum sql_keyword keyword;
} words[] = {
	{"ALTER", SQL_DEFINE},
	{"ANALYZE", SQL_EXPLAIN},
	{"AS", SQL_AS},
	{"BEGIN", SQL_STATEMENT},
	{"CALL", SQL_CALL},
	{"CHECKPOINT", SQL_STATEMENT},
	{"CLOSE", SQL_STATEMENT},
	{"COMMIT", SQL_STATEMENT},
	{"CONCURRENTLY", SQL_FILLER},
	{"COPY", SQL_CALL},
	{"CREATE", SQL_DEFINE},
	{"DATABASE", SQL_KIND},
	{"DEALLOCATE", SQL_STATEMENT},
	{"DECLARE", SQL_STATEMENT},
	{"DELAYED", SQL_FILLER},
	{"DELETE", SQL_DELETE},
	{"DESC", SQL_EXPLAIN},
	{"DESCRIBE", SQL_EXPLAIN},
	{"DISCARD", SQL_STATEMENT},
	{"DISTINCT", SQL_DISTINCT},
	{"DO", SQL_STATEMENT},
	{"DROP", SQL_DEFINE},
	{"END", SQL_STATEMENT},
	{"EXCEPT", SQL_CLAUSE},
	{"EXEC", SQL_CALL},
	{"EXECUTE", SQL_CALL},
	{"EXISTS", SQL_FILLER},
	{"EXPLAIN", SQL_EXPLAIN},
	{"EXTENSION", SQL_KIND},
	{"FETCH", SQL_STATEMENT},
	{"FLUSH", SQL_STATEMENT},
	{"FROM", SQL_FROM},
	{"FUNCTION", SQL_BODY_KIND},
	{"GRANT", SQL_STATEMENT},
	{"GROUP", SQL_CLAUSE},
	{"HANDLER", SQL_STATEMENT},
	{"HAVING", SQL_CLAUSE},
	{"HIGH_PRIORITY", SQL_FILLER},
	{"IF", SQL_FILLER},
	{"IGNORE", SQL_FILLER},
	{"INDEX", SQL_KIND},
	{"INSERT", SQL_INSERT},
	{"INTERSECT", SQL_CLAUSE},
	{"INTO", SQL_FILLER},
	{"JOIN", SQL_JOIN},
	{"KILL", SQL_STATEMENT},
	{"LATERAL", SQL_FILLER},
	{"LIMIT", SQL_CLAUSE},
	{"LISTEN", SQL_STATEMENT},
	{"LOAD", SQL_STATEMENT},
	{"LOCK", SQL_STATEMENT},
	{"LOW_PRIORITY", SQL_FILLER},
	{"MATERIALIZED", SQL_AS},
	{"MERGE", SQL_INSERT},
	{"MOVE", SQL_STATEMENT},
	{"NOT", SQL_FILLER},
	{"NOTIFY", SQL_STATEMENT},
	{"ONLY", SQL_FILLER},
	{"OPTIMIZE", SQL_STATEMENT},
	{"ORDER", SQL_CLAUSE},
	{"PREPARE", SQL_STATEMENT},
	{"PROCEDURE", SQL_BODY_KIND},
	{"REFRESH", SQL_STATEMENT},
	{"REINDEX", SQL_STATEMENT},
	{"RELEASE", SQL_STATEMENT},
	{"RENAME", SQL_STATEMENT},
	{"REPLACE", SQL_INSERT},
	{"RESET", SQL_STATEMENT},
	{"RETURNING", SQL_CLAUSE},
	{"REVOKE", SQL_STATEMENT},
	{"ROLE", SQL_KIND},
	{"ROLLBACK", SQL_STATEMENT},
	{"SAVEPOINT", SQL_STATEMENT},
	{"SCHEMA", SQL_KIND},
	{"SELECT", SQL_SELECT},
	{"SEQUENCE", SQL_KIND},
	{"SET", SQL_STATEMENT},
	{"SHOW", SQL_STATEMENT},
	{"START", SQL_STATEMENT},
	{"STRAIGHT_JOIN", SQL_JOIN},
	{"TABLE", SQL_KIND},
	{"TRIGGER", SQL_BODY_KIND},
	{"TRUNCATE", SQL_CALL},
	{"TYPE", SQL_KIND},
	{"UNION", SQL_CLAUSE},
	{"UNLISTEN", SQL_STATEMENT},
	{"UNLOCK", SQL_STATEMENT},
	{"UPDATE", SQL_UPDATE},
	{"USE", SQL_CALL},
	{"USER", SQL_KIND},
	{"USING", SQL_USING},
	{"VACUUM", SQL_STATEMENT},
	{"VALUES", SQL_STATEMENT},
	{"VERBOSE", SQL_EXPLAIN},
	{"VIEW", SQL_KIND},
	{"WHERE", SQL_CLAUSE},
	{"WITH", SQL_WITH},
	{"XA", SQL_STATEMENT},
};

enum {
	WORD_MIN = 2,
	WORD_MAX = 13, /* HIGH_PRIORITY */
};

static int compare_word(const void *key, const void *row)
{
	return strcmp(key, ((const struct word *)row)->text);
}

enum sql_keyword sql_keyword_of(struct slice word)
{
	char upper[WORD_MAX + 1];
	const struct word *found;

	if (word.length < WORD_MIN || word.length > WORD_MAX)
		return SQL_NO_KEYWORD;
	for (size_t i = 0; i < word.length; i++) {
		char c = word.bytes[i];

		upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
	}
	upper[word.length] = '\0';
	found = bsearch(upper, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), compare_word);
	return found != NULL ? found->keyword : SQL_NO_KEYWORD;
}
