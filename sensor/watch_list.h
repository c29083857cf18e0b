/* Decide which processes are watched, by executable and cgroup. Ports are the kernel side's part of the filter. */
#ifndef SENSOR_WATCH_LIST_H
#define SENSOR_WATCH_LIST_H

#include "event.h"
#include "shm_protocol/record_check.h"

/* Patterns of fnmatch(3) without flags: '*' matches '/' too. Borrowed. */
struct watch_patterns {
	const char *const *patterns;
	size_t count;
};

/* A process passes if no exclude pattern matches it, and each include list that is not empty has a pattern that does.
 * Executable patterns are tried on the full path and on the last component of it, cgroup patterns on the path within
 * the hierarchy. A string that could not be had (length 0) matches nothing, not even "*". */
struct watch_list {
	struct watch_patterns include_executables;
	struct watch_patterns exclude_executables;
	struct watch_patterns include_cgroups;
	struct watch_patterns exclude_cgroups;
	bool watch_collectors; /* false: otelcol*, alloy and shmotel-* are excluded as well */
};

/* False if every process passes: then the kernel side need not wait for a verdict. */
bool watch_list_filters(const struct watch_list *list);

/* VERDICT_WATCH or VERDICT_IGNORE. Strings are judged by as much as a process record may hold of them. */
enum verdict watch_list_decide(const struct watch_list *list, struct shm_string executable, struct shm_string cgroup);

#endif
