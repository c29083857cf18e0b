/* Read the options of one program out of the YAML file that both share. */
#ifndef DAEMON_OPTION_FILE_H
#define DAEMON_OPTION_FILE_H

#include "daemon/option_table.h"

/* Read every row whose key is in the file into `values`, noting OPTION_FROM_FILE in `sources`. The program's own part
 * is held to its rows: an unknown key is an error, and so is a top-level key that belongs to neither program. Rows of
 * the other program's part are read where they can be, without complaint where they cannot: that part is not ours to
 * judge. `missing_is_fine`: a file that does not exist counts as empty. Returns false with the whole complaint. */
bool option_file_read(const struct option_table *table, const char *path, bool missing_is_fine, void *values,
		      enum option_source *sources, char complaint[OPTION_COMPLAINT_BYTES])
	__attribute__((warn_unused_result));

#endif
