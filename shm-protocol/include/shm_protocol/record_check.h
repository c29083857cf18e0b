/* Turn bytes into a validated record, or say why not. Every count in the record is checked against the bytes held. */
#ifndef SHM_PROTOCOL_RECORD_CHECK_H
#define SHM_PROTOCOL_RECORD_CHECK_H

#include "shm_protocol/record.h"

enum shm_check {
	SHM_CHECK_OK,
	SHM_CHECK_UNKNOWN_TYPE, /* skip it: a newer sensor may write types that this reader does not know */
	SHM_CHECK_SHORT,        /* shorter than the fixed part of its type, or not as long as its header says */
	SHM_CHECK_COUNTS,       /* its counts do not fit into its length, or pass their limits */
	SHM_CHECK_VALUE,        /* a field holds a value outside its enumeration */
};

struct shm_string {
	const char *bytes; /* not terminated */
	size_t length;
};

/* The variable parts of a record, pointing into the checked bytes. */
struct shm_record_view {
	const struct shm_record_header *header;
	union {
		struct {
			const struct shm_record_process *fixed;
			struct shm_string command, executable, command_line, cgroup, container_id, pod_uid,
				service_name, resource_attributes;
		} process;
		const struct shm_record_process_exit *process_exit;
		struct {
			const struct shm_record_connection *fixed;
			struct shm_string unix_path;
		} connection;
		struct {
			const struct shm_record_data *fixed;
			const uint8_t *bytes; /* fixed->captured_bytes of them */
		} data;
		const struct shm_record_connection_close *connection_close;
		const struct shm_record_loss *loss;
		const struct shm_record_clock *clock;
		struct {
			const struct shm_record_counters *fixed;
			const uint64_t *values; /* fixed->count of them */
		} counters;
		const struct shm_record_snapshot_end *snapshot_end;
	};
};

/* `bytes` is 8-byte aligned and `length` long; the record's own length must be exactly that. The view is valid while
 * the bytes are. On anything but SHM_CHECK_OK the view is unspecified. */
enum shm_check shm_record_check(const void *bytes, size_t length, struct shm_record_view *view)
	__attribute__((warn_unused_result));

/* "data", "process_exit", ...; "unknown" for others. Static storage. */
const char *shm_record_type_name(uint16_t type);

/* "short", "counts", ...; for counters and messages. Static storage. */
const char *shm_check_name(enum shm_check check);

#endif
