/* Sanitise and summarise from and to C strings. */
#ifndef TESTS_SQL_FIXTURE_H
#define TESTS_SQL_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "sql/sql_sanitise.h"
#include "sql/sql_summary.h"

struct collected {
	char text[8192];
	size_t length;
};

static inline void collect(void *context, struct slice piece)
{
	struct collected *c = context;

	if (piece.length >= sizeof(c->text) - c->length)
		abort(); /* never longer than what went in */
	memcpy(c->text + c->length, piece.bytes, piece.length);
	c->length += piece.length;
}

/* The result lives until the next call; "-" if the text was not trusted. */
static inline const char *sanitised_slice(const struct sql_text *text)
{
	static struct collected out;
	const struct sql_sink sink = {collect, &out};

	out.length = 0;
	if (!sql_sanitise(text, &sink))
		return "-";
	out.text[out.length] = '\0';
	return out.text;
}

static inline const char *sanitised(enum sql_dialect dialect, const char *query, bool cut)
{
	const struct sql_text text = {{query, strlen(query)}, dialect, cut};

	return sanitised_slice(&text);
}

static inline const char *summarised_slice(const struct sql_text *text, bool is_batch)
{
	static char out[SQL_SUMMARY_MAX + 1];

	out[sql_summary(text, is_batch, out)] = '\0';
	return out;
}

static inline const char *summarised(enum sql_dialect dialect, const char *query, bool cut)
{
	const struct sql_text text = {{query, strlen(query)}, dialect, cut};

	return summarised_slice(&text, false);
}

#endif
