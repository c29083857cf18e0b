/* Every capacity of the shared-memory protocol, with its unit. */
#ifndef SHM_PROTOCOL_LIMITS_H
#define SHM_PROTOCOL_LIMITS_H

enum {
	SHM_RECORD_ALIGN_BYTES = 8,

	/* Longest record, header included. A reader keeps one private copy of this size. */
	SHM_RECORD_BYTES_MAX = 32768,

	/* Most payload bytes that one data record carries (struct shm_record_data.captured_bytes). */
	SHM_CAPTURE_BYTES_MAX = 16384,

	/* Longest string of each kind in a process record. The sensor cuts longer ones. */
	SHM_EXECUTABLE_BYTES_MAX = 1024,
	SHM_COMMAND_LINE_BYTES_MAX = 4096,
	SHM_CONTAINER_ID_BYTES_MAX = 128,
	SHM_POD_UID_BYTES_MAX = 64,
	SHM_SERVICE_NAME_BYTES_MAX = 256,
	SHM_RESOURCE_ATTRIBUTES_BYTES_MAX = 4096,
	SHM_COMMAND_BYTES_MAX = 16,
	SHM_CGROUP_BYTES_MAX = 1024,

	/* sun_path of AF_UNIX, without the terminating NUL; an abstract name starts with '@'. */
	SHM_UNIX_PATH_BYTES_MAX = 108,

	/* Ring data area: a power of two between these. */
	SHM_RING_BYTES_MIN = 65536,
	SHM_RING_BYTES_DEFAULT = 4 * 1024 * 1024,
	SHM_RING_BYTES_MAX = 1024 * 1024 * 1024,
};

#endif
