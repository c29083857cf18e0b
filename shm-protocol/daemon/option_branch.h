/* Walk the keys of a table as the tree that they stand for: "a.b" and "a.c" are two leaves of one branch "a". */
#ifndef DAEMON_OPTION_BRANCH_H
#define DAEMON_OPTION_BRANCH_H

#include "daemon/option.h"

/* Consecutive rows that share the first component of what is left of their keys. */
struct option_branch {
	const struct option *rows;
	size_t count;
	size_t skip;   /* bytes of each key that lie above */
	size_t length; /* bytes of the component */
	bool leaf;
};

/* The branch that begins at rows[0], below the first `skip` bytes of the keys. */
struct option_branch option_branch_at(const struct option *rows, size_t count, size_t skip);

#endif
