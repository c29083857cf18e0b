/* Find keywords: by length, then one by one, for most words of a statement are none. */
#include "sql/sql_keywords.h"

enum {
	WORD_MAX = 13, /* HIGH_PRIORITY */
};

struct word {
	char text[WORD_MAX + 1];
	enum sql_keyword keyword;
};

static const struct word words_of_2[] = {
	{"AS", SQL_AS},
	{"DO", SQL_STATEMENT},
	{"IF", SQL_FILLER},
	{"XA", SQL_STATEMENT},
};
static const struct word words_of_3[] = {
	{"END", SQL_STATEMENT},
	{"NOT", SQL_FILLER},
	{"SET", SQL_STATEMENT},
	{"USE", SQL_CALL},
};
static const struct word words_of_4[] = {
	{"CALL", SQL_CALL},	 {"COPY", SQL_CALL},	  {"DESC", SQL_EXPLAIN},   {"DROP", SQL_DEFINE},
	{"EXEC", SQL_CALL},	 {"FROM", SQL_FROM},	  {"INTO", SQL_FILLER},	   {"JOIN", SQL_JOIN},
	{"KILL", SQL_STATEMENT}, {"LOAD", SQL_STATEMENT}, {"LOCK", SQL_STATEMENT}, {"MOVE", SQL_STATEMENT},
	{"ONLY", SQL_FILLER},	 {"ROLE", SQL_KIND},	  {"SHOW", SQL_STATEMENT}, {"TYPE", SQL_KIND},
	{"USER", SQL_KIND},	 {"VIEW", SQL_KIND},	  {"WITH", SQL_WITH},
};
static const struct word words_of_5[] = {
	{"ALTER", SQL_DEFINE},	  {"BEGIN", SQL_STATEMENT}, {"CLOSE", SQL_STATEMENT}, {"FETCH", SQL_STATEMENT},
	{"FLUSH", SQL_STATEMENT}, {"GRANT", SQL_STATEMENT}, {"GROUP", SQL_CLAUSE},    {"INDEX", SQL_KIND},
	{"LIMIT", SQL_CLAUSE},	  {"MERGE", SQL_INSERT},    {"ORDER", SQL_CLAUSE},    {"RESET", SQL_STATEMENT},
	{"START", SQL_STATEMENT}, {"TABLE", SQL_KIND},	    {"UNION", SQL_CLAUSE},    {"USING", SQL_USING},
	{"WHERE", SQL_CLAUSE},
};
static const struct word words_of_6[] = {
	{"COMMIT", SQL_STATEMENT}, {"CREATE", SQL_DEFINE},    {"DELETE", SQL_DELETE},	 {"EXCEPT", SQL_CLAUSE},
	{"EXISTS", SQL_FILLER},	   {"HAVING", SQL_CLAUSE},    {"IGNORE", SQL_FILLER},	 {"INSERT", SQL_INSERT},
	{"LISTEN", SQL_STATEMENT}, {"NOTIFY", SQL_STATEMENT}, {"RENAME", SQL_STATEMENT}, {"REVOKE", SQL_STATEMENT},
	{"SCHEMA", SQL_KIND},	   {"SELECT", SQL_SELECT},    {"UNLOCK", SQL_STATEMENT}, {"UPDATE", SQL_UPDATE},
	{"VACUUM", SQL_STATEMENT}, {"VALUES", SQL_STATEMENT},
};
static const struct word words_of_7[] = {
	{"ANALYZE", SQL_EXPLAIN},   {"DECLARE", SQL_STATEMENT}, {"DELAYED", SQL_FILLER},    {"DISCARD", SQL_STATEMENT},
	{"EXECUTE", SQL_CALL},	    {"EXPLAIN", SQL_EXPLAIN},	{"HANDLER", SQL_STATEMENT}, {"LATERAL", SQL_FILLER},
	{"PREPARE", SQL_STATEMENT}, {"REFRESH", SQL_STATEMENT}, {"REINDEX", SQL_STATEMENT}, {"RELEASE", SQL_STATEMENT},
	{"REPLACE", SQL_INSERT},    {"TRIGGER", SQL_BODY_KIND}, {"VERBOSE", SQL_EXPLAIN},
};
static const struct word words_of_8[] = {
	{"DATABASE", SQL_KIND},	     {"DESCRIBE", SQL_EXPLAIN},	  {"DISTINCT", SQL_DISTINCT},
	{"FUNCTION", SQL_BODY_KIND}, {"OPTIMIZE", SQL_STATEMENT}, {"ROLLBACK", SQL_STATEMENT},
	{"SEQUENCE", SQL_KIND},	     {"TRUNCATE", SQL_CALL},	  {"UNLISTEN", SQL_STATEMENT},
};
static const struct word words_of_9[] = {
	{"EXTENSION", SQL_KIND},   {"INTERSECT", SQL_CLAUSE},	 {"PROCEDURE", SQL_BODY_KIND},
	{"RETURNING", SQL_CLAUSE}, {"SAVEPOINT", SQL_STATEMENT},
};
static const struct word words_of_10[] = {
	{"CHECKPOINT", SQL_STATEMENT},
	{"DEALLOCATE", SQL_STATEMENT},
};
static const struct word words_of_12[] = {
	{"CONCURRENTLY", SQL_FILLER},
	{"LOW_PRIORITY", SQL_FILLER},
	{"MATERIALIZED", SQL_AS},
};
static const struct word words_of_13[] = {
	{"HIGH_PRIORITY", SQL_FILLER},
	{"STRAIGHT_JOIN", SQL_JOIN},
};

static const struct {
	const struct word *words;
	size_t count;
} groups[WORD_MAX + 1] = {
	[2] = {words_of_2, sizeof(words_of_2) / sizeof(words_of_2[0])},
	[3] = {words_of_3, sizeof(words_of_3) / sizeof(words_of_3[0])},
	[4] = {words_of_4, sizeof(words_of_4) / sizeof(words_of_4[0])},
	[5] = {words_of_5, sizeof(words_of_5) / sizeof(words_of_5[0])},
	[6] = {words_of_6, sizeof(words_of_6) / sizeof(words_of_6[0])},
	[7] = {words_of_7, sizeof(words_of_7) / sizeof(words_of_7[0])},
	[8] = {words_of_8, sizeof(words_of_8) / sizeof(words_of_8[0])},
	[9] = {words_of_9, sizeof(words_of_9) / sizeof(words_of_9[0])},
	[10] = {words_of_10, sizeof(words_of_10) / sizeof(words_of_10[0])},
	[12] = {words_of_12, sizeof(words_of_12) / sizeof(words_of_12[0])},
	[13] = {words_of_13, sizeof(words_of_13) / sizeof(words_of_13[0])},
};

enum sql_keyword sql_keyword_of(struct slice word)
{
	char upper[WORD_MAX];

	if (word.length > WORD_MAX || groups[word.length].count == 0)
		return SQL_NO_KEYWORD;
	for (size_t i = 0; i < word.length; i++)
		upper[i] = word.bytes[i] >= 'a' ? (char)(word.bytes[i] - 0x20) : word.bytes[i];
	for (size_t i = 0; i < groups[word.length].count; i++) {
		const struct word *known = &groups[word.length].words[i];

		if (known->text[0] == upper[0] && memcmp(known->text, upper, word.length) == 0)
			return known->keyword;
	}
	return SQL_NO_KEYWORD;
}
