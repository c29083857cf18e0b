/* Complete what the kernel side saw of a process from /proc, into a record that is ready for the ring. */
#ifndef SENSOR_PROCESS_IDENTITY_H
#define SENSOR_PROCESS_IDENTITY_H

#include "event.h"

enum {
	PROCESS_STRING_BYTES_MAX = SHM_COMMAND_BYTES_MAX + SHM_EXECUTABLE_BYTES_MAX + SHM_COMMAND_LINE_BYTES_MAX +
				   SHM_CGROUP_BYTES_MAX + SHM_CONTAINER_ID_BYTES_MAX + SHM_POD_UID_BYTES_MAX +
				   SHM_SERVICE_NAME_BYTES_MAX + SHM_RESOURCE_ATTRIBUTES_BYTES_MAX,
	PROCESS_RECORD_BYTES_MAX = sizeof(struct shm_record_process) + PROCESS_STRING_BYTES_MAX,

	PROCESS_TEXT_BYTES_MAX = 16384,         /* of one /proc file held at a time */
	PROCESS_ENVIRONMENT_BYTES_MAX = 1 << 20, /* of an environment searched; what follows is not seen */
	PROCESS_PATH_BYTES_MAX = 4096 + 16,     /* of a link's target, " (deleted)" included */
};

_Static_assert(PROCESS_RECORD_BYTES_MAX % SHM_RECORD_ALIGN_BYTES == 0, "no room is needed for padding");
_Static_assert((int)PROCESS_RECORD_BYTES_MAX <= (int)SHM_RECORD_BYTES_MAX, "a process record fits");

/* A finished process record with its strings; fixed.header.length counts it whole. */
struct process_record {
	union {
		struct shm_record_process fixed;
		uint8_t bytes[PROCESS_RECORD_BYTES_MAX];
	};
};

/* The reader of /proc with its buffers. */
struct process_identity {
	int proc_fd;
	uint64_t tick_ns; /* unit of start times in /proc */
	char text[PROCESS_TEXT_BYTES_MAX];
	char command[SHM_COMMAND_BYTES_MAX];
	char executable[PROCESS_PATH_BYTES_MAX];
	char command_line[SHM_COMMAND_LINE_BYTES_MAX];
	char cgroups[PROCESS_TEXT_BYTES_MAX];
	char service_name[SHM_SERVICE_NAME_BYTES_MAX];
	char resource_attributes[SHM_RESOURCE_ATTRIBUTES_BYTES_MAX];
};

/* `proc_path` is "/proc", or a tree of the same form. Returns 0 or -errno. */
int process_identity_open(struct process_identity *identity, const char *proc_path) __attribute__((warn_unused_result));
void process_identity_close(struct process_identity *identity);

/* Fill `record`. True: from /proc. False: the process had ended, or the pid or the program behind it is another by now;
 * the record then says what the event says. Strings of a process are hostile bytes: cut to their limits of
 * shm_protocol/limits.h and otherwise passed on as they are. Of the environment, OTEL_SERVICE_NAME and
 * OTEL_RESOURCE_ATTRIBUTES are taken and nothing else is kept. */
bool process_identity_complete(struct process_identity *identity, const struct event_process *event,
			       struct process_record *record) __attribute__((warn_unused_result));

#endif
