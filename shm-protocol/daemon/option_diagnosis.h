/* Turn what libcyaml says about a wrong file into one sentence for a person. */
#ifndef DAEMON_OPTION_DIAGNOSIS_H
#define DAEMON_OPTION_DIAGNOSIS_H

#include <cyaml/cyaml.h>

#include "daemon/option_table.h"

/* What libcyaml says about a failure: its first line, and the place of the innermost thing it was reading. */
struct option_diagnosis {
	char what[256];
	char path[256]; /* keys from the inside out become keys from the outside in */
	unsigned line;
};

/* A log function for libcyaml; `context` is the diagnosis, zeroed before. */
void option_diagnosis_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

/* Write the complaint about `file`, which was read for these rows of the table. */
void option_diagnosis_explain(const struct option_diagnosis *d, const struct option_table *table, const char *file,
			      const struct option *rows, size_t count, char complaint[OPTION_COMPLAINT_BYTES]);

#endif
