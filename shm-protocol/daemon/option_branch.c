/* Walk the keys of a table as the tree that they stand for. */
#include "daemon/option_branch.h"

#include <string.h>

struct option_branch option_branch_at(const struct option *rows, size_t count, size_t skip)
{
	const char *name = rows[0].key + skip;
	struct option_branch b = {.rows = rows, .count = 1, .skip = skip, .length = strcspn(name, ".")};

	b.leaf = name[b.length] == '\0';
	while (!b.leaf && b.count < count && strncmp(rows[b.count].key, rows[0].key, skip + b.length + 1) == 0)
		b.count++;
	return b;
}
