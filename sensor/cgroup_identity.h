/* Find the container and the pod of a process in the text of /proc/PID/cgroup. */
#ifndef SENSOR_CGROUP_IDENTITY_H
#define SENSOR_CGROUP_IDENTITY_H

#include "shm_protocol/record_check.h"

enum { CGROUP_POD_UID_BYTES = 36 };

struct cgroup_identity {
	struct shm_string path;         /* of the hierarchy that tells most; points into the text */
	struct shm_string container_id; /* length 0 if the path names none; points into the text */
	size_t pod_uid_bytes;           /* 0 if the path names none */
	char pod_uid[CGROUP_POD_UID_BYTES];
};

/* `text` holds lines of "hierarchy:controllers:path", of version 1, 2 or both. A last line without newline counts only
 * if `text` is whole; lines that do not have this form are skipped. The names in a path are conventions of container
 * runtimes: whoever may create cgroups can imitate them. */
void cgroup_identity_parse(const char *text, size_t length, struct cgroup_identity *identity);

#endif
