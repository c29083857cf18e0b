/* Fuzz the reading of SQL: whatever the text, the dialect and the cut, it ends, stays within bounds, and shows no
 * string.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sql_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct shown {
	size_t length;
	char *bytes;
};

static void keep(void *context, struct slice piece)
{
	struct shown *shown = context;

	memcpy(shown->bytes + shown->length, piece.bytes, piece.length);
	shown->length += piece.length;
}

/* What the text itself quotes as a name may hold anything; outside of names there is no quote. */
static void check_shown(const struct shown *shown, enum sql_dialect dialect)
{
	const char name_quote = dialect == SQL_MYSQL ? '`' : '"';
	char open = '\0';

	for (size_t i = 0; i < shown->length; i++) {
		char c = shown->bytes[i];

		if (open != '\0')
			open = c == open ? '\0' : open;
		else if (c == name_quote || (c == '`' && dialect == SQL_STANDARD))
			open = c;
		else if (c == '\'')
			abort();
	}
	if (open != '\0')
		abort();
}

static void check_sanitised(const struct sql_text *text)
{
	struct shown shown = {0, malloc(text->text.length + 1)};
	const struct sql_sink sink = {keep, &shown};

	if (sql_sanitise(text, &sink)) {
		if (shown.length > text->text.length)
			abort();
		check_shown(&shown, text->dialect);
	}
	free(shown.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char summary[SQL_SUMMARY_MAX];
	struct sql_text text;

	if (size == 0)
		return 0;
	text = (struct sql_text){
		.text = {(const char *)data + 1, size - 1},
		.dialect = (enum sql_dialect)(data[0] % 3),
		.cut = (data[0] & 0x40) != 0,
	};
	check_sanitised(&text);
	if (sql_summary(&text, (data[0] & 0x80) != 0, summary) > sizeof(summary))
		abort();
	(void)sql_has_placeholder(&text);
	(void)sql_traceparent(text.text);
	return 0;
}
