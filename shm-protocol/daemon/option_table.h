/* Read a program's options by its one table: defaults, then file, then environment, then flags. */
#ifndef DAEMON_OPTION_TABLE_H
#define DAEMON_OPTION_TABLE_H

#include <stdio.h>

#include "daemon/option.h"

#define OPTION_FILE_DEFAULT "/etc/shmotel/shmotel.yaml"

enum { OPTION_ROWS_MAX = 96 };

struct option_table {
	const char *program; /* "shmotel-sensor" */
	const char *purpose; /* first line of --help */
	const char *version;
	const char *part;	/* the program's part of the file, "sensor" */
	const char *other_part; /* "receiver" */
	const struct option *rows;
	size_t row_count; /* at most OPTION_ROWS_MAX */
};

enum option_outcome {
	OPTION_RUN,   /* go on */
	OPTION_CHECK, /* --check-config: say what is in force and leave */
	OPTION_DONE,  /* --help or --version has been printed: leave */
	OPTION_WRONG, /* `complaint` says what is wrong and what to do */
};

/* What a run of option_table_read found out besides the values. */
struct option_reading {
	enum option_source sources[OPTION_ROWS_MAX]; /* in the order of the rows */
	const char *file;			     /* that --config named, or the default place */
	char complaint[OPTION_COMPLAINT_BYTES];
};

/* Read everything into `values`, zeroed by the caller, who calls option_table_free whatever the outcome. The flags
 * --config, --check-config, --help and --version belong to every table. `default_file` is read if it exists and
 * --config names no other. */
enum option_outcome option_table_read(const struct option_table *table, const char *default_file, int argc, char **argv,
				      void *values, struct option_reading *reading) __attribute__((warn_unused_result));
void option_table_free(const struct option_table *table, void *values);

/* Where the value of the option stored at `offset` came from. */
enum option_source option_table_source(const struct option_table *table, const struct option_reading *reading,
				       size_t offset);

/* --check-config: one line per option: key, value, source. */
void option_table_print(const struct option_table *table, const struct option_reading *reading, const void *values,
			FILE *out);
void option_table_print_help(const struct option_table *table, FILE *out);

#endif
