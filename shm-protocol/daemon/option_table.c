/* Read a program's options by its one table: defaults, then file, then environment, then flags. */
#include "daemon/option_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/option_file.h"
#include "daemon/option_value.h"

/* The flags that every program has. */
struct own_flags {
	const char *config;
	bool check;
	bool help;
	bool version;
};

/* One argument taken apart: --name, --name=value or --name value. */
struct argument {
	const char *name;
	size_t name_length;
	const char *value; /* NULL if none came with it */
};

static bool argument_split(const char *text, struct argument *argument)
{
	if (strncmp(text, "--", 2) != 0 || text[2] == '\0')
		return false;
	argument->name = text + 2;
	argument->name_length = strcspn(argument->name, "=");
	argument->value =
		argument->name[argument->name_length] == '=' ? argument->name + argument->name_length + 1 : NULL;
	return true;
}

static bool argument_is(const struct argument *argument, const char *flag)
{
	return strlen(flag) == argument->name_length && strncmp(flag, argument->name, argument->name_length) == 0;
}

static const struct option *find_flag(const struct option_table *table, const struct argument *argument)
{
	for (size_t i = 0; i < table->row_count; i++) {
		if (table->rows[i].flag != NULL && argument_is(argument, table->rows[i].flag))
			return &table->rows[i];
	}
	return NULL;
}

static bool take_own_flag(const struct argument *argument, struct own_flags *own)
{
	if (argument_is(argument, "check-config"))
		own->check = true;
	else if (argument_is(argument, "help"))
		own->help = true;
	else if (argument_is(argument, "version"))
		own->version = true;
	else
		return false;
	return true;
}

static bool set_by_flag(const struct option_table *table, const struct option *row, const char *text, void *values,
			struct option_reading *reading)
{
	char wrong[OPTION_COMPLAINT_BYTES];
	enum option_source *source = &reading->sources[row - table->rows];

	/* The first flag replaces what the file or the environment gave; further ones add to a list. */
	if (*source != OPTION_FROM_FLAG)
		option_value_clear(row, values);
	*source = OPTION_FROM_FLAG;
	if (option_value_set(row, values, text, OPTION_FROM_FLAG, wrong))
		return true;
	snprintf(reading->complaint, sizeof(reading->complaint), "--%s: %.600s", row->flag, wrong);
	return false;
}

static bool complain_argument(struct option_reading *reading, const char *text, const char *rest)
{
	snprintf(reading->complaint, sizeof(reading->complaint), "%.200s %s", text, rest);
	return false;
}

/* Go through the arguments. Values are set only with `values`: the first walk looks for --config alone. */
static bool walk_arguments(const struct option_table *table, int argc, char **argv, struct own_flags *own, void *values,
			   struct option_reading *reading)
{
	for (int i = 1; i < argc; i++) {
		struct argument argument;
		const struct option *row;
		bool config;

		if (!argument_split(argv[i], &argument))
			return complain_argument(reading, argv[i], "is not an option; --help lists them");
		if (argument.value == NULL && take_own_flag(&argument, own))
			continue;
		config = argument_is(&argument, "config");
		row = find_flag(table, &argument);
		if (!config && row == NULL)
			return complain_argument(reading, argv[i], "is not an option; --help lists them");
		if (argument.value == NULL && row != NULL && row->type == OPTION_BOOLEAN)
			argument.value = "true";
		if (argument.value == NULL && i + 1 < argc)
			argument.value = argv[++i];
		if (argument.value == NULL)
			return complain_argument(reading, argv[i], "needs a value; write it behind, or after a '='");
		if (config)
			own->config = argument.value;
		else if (values != NULL && !set_by_flag(table, row, argument.value, values, reading))
			return false;
	}
	return true;
}

static void set_defaults(const struct option_table *table, void *values)
{
	char wrong[OPTION_COMPLAINT_BYTES];

	for (size_t i = 0; i < table->row_count; i++) {
		const struct option *row = &table->rows[i];
		bool set = true;

		if (row->fallback != NULL)
			set = option_value_set_all(row, values, row->fallback, OPTION_FROM_DEFAULT, wrong);
		else if (row->type == OPTION_USER)
			*(uid_t *)((char *)values + row->offset) = option_user_default();
		assert(set);
	}
}

static bool read_environment(const struct option_table *table, void *values, struct option_reading *reading)
{
	char wrong[OPTION_COMPLAINT_BYTES];

	for (size_t i = 0; i < table->row_count; i++) {
		const struct option *row = &table->rows[i];
		const char *text = row->environment != NULL ? getenv(row->environment) : NULL;

		/* The OpenTelemetry specification: an empty variable counts as unset. */
		if (text == NULL || text[0] == '\0')
			continue;
		reading->sources[i] = OPTION_FROM_ENVIRONMENT;
		if (!option_value_set_all(row, values, text, OPTION_FROM_ENVIRONMENT, wrong)) {
			snprintf(reading->complaint, sizeof(reading->complaint), "environment variable %s: %.600s",
				 row->environment, wrong);
			return false;
		}
	}
	return true;
}

enum option_outcome option_table_read(const struct option_table *table, const char *default_file, int argc, char **argv,
				      void *values, struct option_reading *reading)
{
	struct own_flags own = {0};

	assert(table->row_count <= OPTION_ROWS_MAX);
	memset(reading, 0, sizeof(*reading));
	if (!walk_arguments(table, argc, argv, &own, NULL, reading))
		return OPTION_WRONG;
	if (own.help)
		option_table_print_help(table, stdout);
	if (own.version)
		printf("%s %s\n", table->program, table->version);
	if (own.help || own.version)
		return OPTION_DONE;
	reading->file = own.config != NULL ? own.config : default_file;
	set_defaults(table, values);
	if (!option_file_read(table, reading->file, own.config == NULL, values, reading->sources, reading->complaint) ||
	    !read_environment(table, values, reading) || !walk_arguments(table, argc, argv, &own, values, reading))
		return OPTION_WRONG;
	return own.check ? OPTION_CHECK : OPTION_RUN;
}

void option_table_free(const struct option_table *table, void *values)
{
	for (size_t i = 0; i < table->row_count; i++)
		option_value_clear(&table->rows[i], values);
}

enum option_source option_table_source(const struct option_table *table, const struct option_reading *reading,
				       size_t offset)
{
	for (size_t i = 0; i < table->row_count; i++) {
		if (table->rows[i].offset == offset)
			return reading->sources[i];
	}
	assert(false && "no option is stored there");
	return OPTION_FROM_DEFAULT;
}

static void print_source(const struct option *row, const struct option_reading *reading, enum option_source source,
			 FILE *out)
{
	switch (source) {
	case OPTION_FROM_DEFAULT:
		fputs("default", out);
		break;
	case OPTION_FROM_FILE:
		fputs(reading->file, out);
		break;
	case OPTION_FROM_ENVIRONMENT:
		fprintf(out, "environment variable %s", row->environment);
		break;
	case OPTION_FROM_FLAG:
		fprintf(out, "--%s", row->flag);
		break;
	}
}

void option_table_print(const struct option_table *table, const struct option_reading *reading, const void *values,
			FILE *out)
{
	for (size_t i = 0; i < table->row_count; i++) {
		const struct option *row = &table->rows[i];

		if (row->key == NULL && reading->sources[i] == OPTION_FROM_DEFAULT)
			continue;
		fprintf(out, "%s = ", row->key != NULL ? row->key : row->environment);
		option_value_print(row, values, out);
		fputs("  (", out);
		print_source(row, reading, reading->sources[i], out);
		fputs(")\n", out);
	}
}

static const char *placeholder(const struct option *row)
{
	static const char *const names[] = {
		[OPTION_TEXT] = "TEXT",		[OPTION_TEXTS] = "TEXT",    [OPTION_BOOLEAN] = "true|false",
		[OPTION_COUNT] = "COUNT",	[OPTION_BYTES] = "SIZE",    [OPTION_DURATION] = "DURATION",
		[OPTION_REAL] = "NUMBER",	[OPTION_CHOICE] = "CHOICE", [OPTION_USER] = "USER",
		[OPTION_PORTS] = "PORT[-PORT]",
	};

	return names[row->type];
}

static void print_row_help(const struct option *row, FILE *out)
{
	if (row->flag != NULL)
		fprintf(out, "  --%s %s\n", row->flag, placeholder(row));
	else
		fprintf(out, "  %s=%s\n", row->environment, placeholder(row));
	fprintf(out, "        %s", row->help);
	for (const struct option_choice *c = row->choices; c != NULL && c->name != NULL; c++)
		fprintf(out, "%s%s", c == row->choices ? ": " : ", ", c->name);
	if (row->least != NULL && row->most != NULL)
		fprintf(out, " (%s to %s)", row->least, row->most);
	if (row->type == OPTION_TEXTS || row->type == OPTION_PORTS)
		fputs("; repeatable", out);
	if (row->fallback != NULL && row->fallback[0] != '\0')
		fprintf(out, "; default %s", row->fallback);
	fputc('\n', out);
	if (row->key != NULL)
		fprintf(out, "        file: %s", row->key);
	if (row->key != NULL && row->flag != NULL && row->environment != NULL)
		fprintf(out, "   environment: %s", row->environment);
	if (row->key != NULL)
		fputc('\n', out);
}

void option_table_print_help(const struct option_table *table, FILE *out)
{
	fprintf(out, "%s: %s\n\n", table->program, table->purpose);
	fprintf(out, "Flags override the environment, the environment overrides the file, the file overrides the "
		     "defaults.\n\n");
	fprintf(out, "  --config PATH\n        configuration file; default %s, which may be absent\n",
		OPTION_FILE_DEFAULT);
	fprintf(out,
		"  --check-config\n        read everything, say what is in force and where it comes from, and exit\n");
	fprintf(out, "  --help, --version\n");
	for (size_t i = 0; i < table->row_count; i++) {
		if (table->rows[i].flag != NULL || table->rows[i].environment != NULL)
			print_row_help(&table->rows[i], out);
	}
}
