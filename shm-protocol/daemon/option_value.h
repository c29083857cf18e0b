/* Turn the text of an option into its typed value and back. */
#ifndef DAEMON_OPTION_VALUE_H
#define DAEMON_OPTION_VALUE_H

#include <stdio.h>

#include "daemon/option.h"

/* Parse `text` and store it in `values` where the row says. Lists take one element (ports: one or several, with commas)
 * behind what they hold. Returns false with a complaint that is to be read after the name of the option. */
bool option_value_set(const struct option *row, void *values, const char *text, enum option_source source,
		      char complaint[OPTION_COMPLAINT_BYTES]) __attribute__((warn_unused_result));

/* As above for a whole list written with commas; any other type is taken as it is. */
bool option_value_set_all(const struct option *row, void *values, const char *text, enum option_source source,
			  char complaint[OPTION_COMPLAINT_BYTES]) __attribute__((warn_unused_result));

/* Back to nothing: frees what the value owns. */
void option_value_clear(const struct option *row, void *values);

/* Write the value as it would stand in a file. */
void option_value_print(const struct option *row, const void *values, FILE *out);

/* The user that the pair meets under when none is configured: "shmotel" where it exists, else nobody (65534). */
uid_t option_user_default(void);

#endif
