/* Decide which processes are watched, by executable and cgroup. Ports are the kernel side's part of the filter. */
#include "watch_list.h"

#include <fnmatch.h>
#include <string.h>

/* What collects must not be watched: each export would make spans, which make exports. */
static const char *const collector_patterns[] = {"otelcol*", "alloy", "shmotel-*"};
static const struct watch_patterns collectors = {
	collector_patterns,
	sizeof(collector_patterns) / sizeof(collector_patterns[0]),
};

static bool matches(const struct watch_patterns *list, const char *string)
{
	for (size_t i = 0; i < list->count; i++)
		if (string[0] != '\0' && fnmatch(list->patterns[i], string, 0) == 0)
			return true;
	return false;
}

static bool executable_matches(const struct watch_patterns *list, const char *path)
{
	const char *slash = strrchr(path, '/');

	return matches(list, path) || (slash != NULL && matches(list, slash + 1));
}

bool watch_list_filters(const struct watch_list *list)
{
	return !list->watch_collectors || list->include_executables.count > 0 || list->exclude_executables.count > 0 ||
	       list->include_cgroups.count > 0 || list->exclude_cgroups.count > 0;
}

static void terminate(char *copy, size_t size, struct shm_string string)
{
	size_t length = string.length < size ? string.length : size - 1;

	if (length > 0)
		memcpy(copy, string.bytes, length);
	copy[length] = '\0';
}

enum verdict watch_list_decide(const struct watch_list *list, struct shm_string executable_string,
			       struct shm_string cgroup_string)
{
	char executable[SHM_EXECUTABLE_BYTES_MAX + 1];
	char cgroup[SHM_CGROUP_BYTES_MAX + 1];

	terminate(executable, sizeof(executable), executable_string);
	terminate(cgroup, sizeof(cgroup), cgroup_string);
	if (!list->watch_collectors && executable_matches(&collectors, executable))
		return VERDICT_IGNORE;
	if (executable_matches(&list->exclude_executables, executable) || matches(&list->exclude_cgroups, cgroup))
		return VERDICT_IGNORE;
	if (list->include_executables.count > 0 && !executable_matches(&list->include_executables, executable))
		return VERDICT_IGNORE;
	if (list->include_cgroups.count > 0 && !matches(&list->include_cgroups, cgroup))
		return VERDICT_IGNORE;
	return VERDICT_WATCH;
}
