/* Numbers of options: counts, sizes, durations and fractions, with their units and ranges. */
#ifndef DAEMON_OPTION_NUMBER_H
#define DAEMON_OPTION_NUMBER_H

#include <stdio.h>

#include "daemon/option.h"

/* Parse `text` as the row's type says and store it at `at`, which has the row's size. False with a complaint. */
bool option_number_set(const struct option *row, void *at, const char *text, enum option_source source,
		       char complaint[OPTION_COMPLAINT_BYTES]) __attribute__((warn_unused_result));

/* Write it as it would stand in a file, in the largest unit that leaves nothing over. */
void option_number_print(const struct option *row, const void *at, FILE *out);

/* Write the complaint `"text" rest`. Returns false, for the caller to pass on. */
bool option_complain(char complaint[OPTION_COMPLAINT_BYTES], const char *text, const char *rest);

#endif
