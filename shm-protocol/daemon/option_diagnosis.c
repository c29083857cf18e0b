/* Turn what libcyaml says about a wrong file into one sentence for a person. */
#include "daemon/option_diagnosis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/option_branch.h"

static void diagnose_frame(struct option_diagnosis *d, const char *text)
{
	const char *name = strstr(text, "mapping field '");
	const char *place = strstr(text, "(line: ");
	char path[sizeof(d->path)];

	if (d->line == 0 && place != NULL)
		d->line = (unsigned)strtoul(place + strlen("(line: "), NULL, 10);
	if (name == NULL)
		return;
	name += strlen("mapping field '");
	snprintf(path, sizeof(path), "%.*s%s%.200s", (int)strcspn(name, "'"), name, d->path[0] != '\0' ? "." : "",
		 d->path);
	memcpy(d->path, path, sizeof(path));
}

void option_diagnosis_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	struct option_diagnosis *d = context;
	char text[512];

	(void)level;
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "  in ", 5) == 0)
		diagnose_frame(d, text);
	else if (d->what[0] == '\0')
		snprintf(d->what, sizeof(d->what), "%.250s", strncmp(text, "Load: ", 6) == 0 ? text + 6 : text);
}

/* The keys that may stand below `path`. */
static void list_keys(const struct option *rows, size_t count, const char *path, const char *other, char *out,
		      size_t size)
{
	size_t skip = strlen(path);
	size_t used = 0;

	for (size_t i = 0; i < count && used < size;) {
		struct option_branch b = {.count = 1};

		if (skip == 0 || (strncmp(rows[i].key, path, skip) == 0 && rows[i].key[skip] == '.')) {
			size_t below = skip == 0 ? 0 : skip + 1;

			b = option_branch_at(rows + i, count - i, below);
			used += (size_t)snprintf(out + used, size - used, "%s%.*s", used == 0 ? "" : ", ",
						 (int)b.length, rows[i].key + below);
		}
		i += b.count;
	}
	if (skip == 0 && used < size)
		snprintf(out + used, size - used, " and %s", other);
}

static const char *expected_form(const char *what)
{
	if (strstr(what, "Expecting SEQUENCE") != NULL)
		return "is not a list; write it as one, such as [first, second]";
	if (strstr(what, "Expecting MAPPING") != NULL)
		return "holds no keys; put its keys below it, indented, or remove it";
	if (strstr(what, "Expecting STRING") != NULL)
		return "is not a single value; write one value, without keys or list below it";
	return NULL;
}

void option_diagnosis_explain(const struct option_diagnosis *d, const struct option_table *table, const char *file,
			      const struct option *rows, size_t count, char complaint[OPTION_COMPLAINT_BYTES])
{
	static const char unknown[] = "Unexpected key: ";
	static const char repeated[] = "Mapping field already seen: ";
	const char *form = expected_form(d->what);
	char keys[400] = "";
	char line[16] = "";

	if (d->line != 0)
		snprintf(line, sizeof(line), ":%u", d->line);
	if (strncmp(d->what, unknown, sizeof(unknown) - 1) == 0) {
		list_keys(rows, count, d->path, table->other_part, keys, sizeof(keys));
		/* libcyaml gives the place of the mapping, not that of the key. */
		snprintf(complaint, OPTION_COMPLAINT_BYTES,
			 "%s: unknown key \"%.64s\" in %.64s, which begins at line %u; the keys there are %s", file,
			 d->what + sizeof(unknown) - 1, d->path[0] != '\0' ? d->path : "the top level", d->line, keys);
	} else if (strncmp(d->what, repeated, sizeof(repeated) - 1) == 0) {
		snprintf(complaint, OPTION_COMPLAINT_BYTES,
			 "%s: the key %.128s of line %u is given once more; remove one of the "
			 "two",
			 file, d->path, d->line);
	} else if (form != NULL && d->path[0] == '\0') {
		snprintf(complaint, OPTION_COMPLAINT_BYTES,
			 "%s%s: there are no keys at the top level; begin with %s: or %s:", file, line, table->part,
			 table->other_part);
	} else if (form != NULL) {
		snprintf(complaint, OPTION_COMPLAINT_BYTES, "%s%s: %s %s", file, line, d->path, form);
	} else {
		snprintf(complaint, OPTION_COMPLAINT_BYTES,
			 "%s%s: not YAML that can be read (%.200s); correct it there", file, line, d->what);
	}
}
