/* Define what the kernel side hands to the sensor through the BPF ring buffer, where that differs from a record.
 *
 * connection, data and connection_close events are the records of shm_protocol/record.h, byte for byte, with two
 * differences: `process_id` of a connection event is the one of the process event below, and a data
 * event may be followed by unused bytes of its size class. A process event is raw: the sensor completes it from /proc.
 */
#ifndef BPF_EVENT_H
#define BPF_EVENT_H

#include "shm_protocol/record.h"

enum {
	/* Types beyond those of the protocol. They never enter the shared ring. */
	EVENT_PROCESS = 0x100, /* struct event_process: a process used a socket for the first time since exec */
	EVENT_PROCESS_EXIT = 0x101,

	EVENT_ARGUMENT_BYTES_MAX = 512,
	EVENT_ENVIRONMENT_BYTES_MAX = 4096,
	EVENT_FILE_NAME_BYTES_MAX = 64,
	EVENT_COMMAND_BYTES_MAX = 16,
};

/* Verdict of the filters over a process, kept in the kernel's process table and copied into its connections. */
enum verdict {
	VERDICT_PENDING = 0, /* the sensor has not decided: captured, and dropped in the sensor if excluded */
	VERDICT_WATCH = 1,
	VERDICT_IGNORE = 2,
	/* Not in the sensor's pid namespace: decided in the kernel, for good. Higher verdicts are ignored, too. */
	VERDICT_OUTSIDE = 3,
};

/* process_id is (start time of the group leader in ns since boot) ^ (pid << 40) ^ execve count: the kernel side makes
 * it, everybody else compares it only. */
struct event_process {
	struct shm_record_header header;
	uint64_t process_id;
	uint64_t start_boot_ns; /* CLOCK_BOOTTIME */
	uint64_t cgroup_id;     /* of cgroup v2: the inode number of its directory; 1 is the root */
	uint32_t pid;           /* thread group id in the sensor's pid namespace, as /proc shows it */
	uint32_t parent_pid;    /* 0: not in there */
	uint32_t uid;
	uint32_t namespace_pid;
	uint32_t pid_namespace;
	uint32_t net_namespace;
	uint32_t argument_bytes; /* valid bytes of arguments */
	uint32_t environment_bytes;
	uint32_t kernel_pid; /* thread group id in the initial namespace: what verdicts are for */
	uint32_t _pad;
	char command[EVENT_COMMAND_BYTES_MAX];     /* comm, NUL-terminated */
	char file_name[EVENT_FILE_NAME_BYTES_MAX]; /* last component of the executable, NUL-terminated */
	char arguments[EVENT_ARGUMENT_BYTES_MAX];  /* separated by NUL */
	/* The beginning of it, as at execve: the sensor looks for two names in it and keeps nothing else. Absent, with
	 * environment_bytes 0, from an event of EVENT_PROCESS_BYTES_MIN bytes. */
	char environment[EVENT_ENVIRONMENT_BYTES_MAX];
};

struct event_process_exit {
	struct shm_record_header header;
	uint64_t process_id;
	uint64_t time_ns;
	uint32_t kernel_pid;
	uint32_t _pad;
};

enum { EVENT_PROCESS_BYTES_MIN = offsetof(struct event_process, environment) };

_Static_assert(EVENT_PROCESS_BYTES_MIN == 72 + 16 + 64 + 512, "event_process.environment");
_Static_assert(sizeof(struct event_process) == EVENT_PROCESS_BYTES_MIN + 4096, "event_process");
_Static_assert(sizeof(struct event_process_exit) == 32, "event_process_exit");

#endif
