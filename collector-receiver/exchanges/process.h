/* A process as the sensor announced it: what a resource is made of. */
#ifndef EXCHANGES_PROCESS_H
#define EXCHANGES_PROCESS_H

#include <stdint.h>

#include "exchanges/slice.h"

/* Owned by the process table; the strings live as long as it does. Absent strings have length 0. */
struct process {
	uint64_t process_id;
	uint64_t start_time_unix_ns; /* 0 if not known */
	uint64_t revision;           /* grows when the same process is announced again with other contents */
	uint32_t pid;
	uint32_t parent_pid;
	uint32_t uid;
	uint32_t namespace_pid;
	struct slice command; /* comm */
	struct slice executable;
	struct slice command_line; /* arguments separated by NUL */
	struct slice cgroup;
	struct slice container_id;
	struct slice pod_uid;
	struct slice service_name;        /* the target's OTEL_SERVICE_NAME */
	struct slice resource_attributes; /* the target's OTEL_RESOURCE_ATTRIBUTES, as written */
};

#endif
