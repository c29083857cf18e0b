/* Define the records that cross the wall: one struct per type, fixed fields first, then the bytes they count.
 *
 *  byte 0        4      6      8                                    length
 *  +------------+------+------+------------------------------+-----+
 *  | length u32 | type | flags|  fixed fields of the type    | ... |  strings or payload, then zeros
 *  +------------+------+------+------------------------------+-----+  up to a multiple of 8
 *
 * All integers are in the byte order of the host. `length` counts the whole record, padding included. Padding
 * fields and padding bytes are written as zero and ignored by readers. Strings carry no terminating NUL, may
 * contain any byte, and follow the fixed fields in the order in which their lengths stand there.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC unless a field says otherwise. Ids are never reused within one
 * generation of a ring.
 *
 * SPEC.md is the normative text; the asserts below hold both compilers to it.
 */
#ifndef SHM_PROTOCOL_RECORD_H
#define SHM_PROTOCOL_RECORD_H

#include "shm_protocol/limits.h"
#include "shm_protocol/record_types.h"
#include "shm_protocol/sensor_counters.h"
#include "shm_protocol/types.h"

struct shm_record_header {
	uint32_t length;
	uint16_t type;  /* enum shm_record_type */
	uint16_t flags; /* per type; unknown bits are ignored */
};

/* A process. Announced before the first connection that it owns; announced again, under a new process_id, after
 * execve. The same process_id may be announced again with better strings: the later record replaces the earlier. */
struct shm_record_process {
	struct shm_record_header header;
	uint64_t process_id;         /* identifies (pid, start time, execve count) */
	uint64_t start_time_unix_ns; /* wall clock; 0 if not known */
	uint32_t pid;                /* thread group id, in the sensor's pid namespace */
	uint32_t parent_pid;
	uint32_t uid;            /* effective, in the initial user namespace */
	uint32_t namespace_pid;  /* the pid that the process itself sees */
	uint32_t pid_namespace;  /* inode numbers as in /proc/PID/ns */
	uint32_t net_namespace;
	uint16_t command_bytes;             /* comm, as in /proc/PID/comm */
	uint16_t executable_bytes;          /* absolute path as the process sees it, or a bare name if only that is
					     * known */
	uint16_t command_line_bytes;        /* arguments separated by NUL, as in /proc/PID/cmdline */
	uint16_t cgroup_bytes;              /* path within the hierarchy */
	uint16_t container_id_bytes;        /* 64 hex digits where the runtime uses them */
	uint16_t pod_uid_bytes;             /* Kubernetes pod uid, with dashes */
	uint16_t service_name_bytes;        /* OTEL_SERVICE_NAME of the process's environment */
	uint16_t resource_attributes_bytes; /* OTEL_RESOURCE_ATTRIBUTES, as written */
};

struct shm_record_process_exit {
	struct shm_record_header header;
	uint64_t process_id;
	uint64_t time_ns;
};

enum shm_family {
	SHM_FAMILY_IPV4 = 1, /* v4-mapped IPv6 addresses are reported as IPv4 */
	SHM_FAMILY_IPV6 = 2,
	SHM_FAMILY_UNIX = 3, /* stream sockets; addresses are unused, the path follows the fixed fields */
};

enum shm_role {
	SHM_ROLE_UNKNOWN = 0,
	SHM_ROLE_SERVER = 1, /* the owner accepted the connection */
	SHM_ROLE_CLIENT = 2, /* the owner opened it */
};

/* header.flags of a connection record */
enum shm_connection_flag {
	SHM_CONNECTION_JOINED = 1 << 0,   /* bytes had passed before the first that is reported: the first offset may be
					   * mid-message */
	SHM_CONNECTION_SNAPSHOT = 1 << 1, /* announced as part of a snapshot: the first data record of a direction tells
					   * where it stands */
	SHM_CONNECTION_OWNER = 1 << 2,    /* announced before; only process_id has changed */
};

/* One end of a connection: a connection between two watched processes on one host is announced twice. */
struct shm_record_connection {
	struct shm_record_header header;
	uint64_t connection_id;
	uint64_t process_id; /* the owner */
	uint64_t time_ns;    /* when it was established, or first seen */
	uint8_t family; /* enum shm_family */
	uint8_t role;   /* enum shm_role */
	uint16_t local_port; /* host byte order; 0 for unix */
	uint16_t remote_port;
	uint16_t unix_path_bytes;
	uint32_t net_namespace; /* inode number */
	uint32_t _pad;
	uint8_t local_address[16]; /* network byte order; IPv4 in the first four bytes, the rest zero */
	uint8_t remote_address[16];
};

/* header.flags of a data record */
enum shm_data_flag {
	SHM_DATA_SENT = 1 << 0,          /* sent by the owner; clear: received by the owner */
	SHM_DATA_END_OF_STREAM = 1 << 1, /* the direction ends after these bytes (often zero bytes) */
	SHM_DATA_HTTP2_FRAME = 1 << 2,   /* the first byte is the first of an HTTP/2 frame's header, or of the
					  * preface */
};

/* A segment of one direction: `byte_count` bytes starting at stream position `offset`, of which the first
 * `captured_bytes` follow. The rest is a hole of known length, and so is any distance between the end of one
 * record and the offset of the next. Records of one direction come in order of offset, except that two threads
 * using one socket at once may make two neighbours change places. */
struct shm_record_data {
	struct shm_record_header header;
	uint64_t connection_id;
	uint64_t time_ns; /* when the system call returned */
	uint64_t offset;
	uint32_t byte_count;
	uint16_t captured_bytes;
	uint16_t _pad;
};

enum shm_close_reason {
	SHM_CLOSE_NORMAL = 0,
	SHM_CLOSE_RESET = 1,   /* the transport reported an error */
	SHM_CLOSE_EVICTED = 2, /* no longer watched; the connection itself may live on */
};

struct shm_record_connection_close {
	struct shm_record_header header;
	uint64_t connection_id;
	uint64_t time_ns;
	uint64_t sent_bytes; /* final offsets of the two directions, bytes not shown included */
	uint64_t received_bytes;
	uint32_t retransmits; /* segments, TCP only */
	uint8_t reason;       /* enum shm_close_reason */
	uint8_t _pad[3];
};

enum shm_loss_stage {
	SHM_LOSS_KERNEL_RING = 1, /* the BPF ring buffer was full */
	SHM_LOSS_SHARED_RING = 2, /* this ring was full */
	SHM_LOSS_CAPTURE = 3,     /* a kernel table was full, or the kernel skipped a program */
};

struct shm_record_loss {
	struct shm_record_header header;
	uint64_t time_ns; /* when it was noticed */
	uint64_t records; /* since the previous loss record of the same stage */
	uint64_t bytes;   /* 0 where not known */
	uint32_t stage;   /* enum shm_loss_stage */
	uint32_t _pad;
};

/* All three clocks read at (nearly) one instant. First record after attach, then at least every ten seconds. */
struct shm_record_clock {
	struct shm_record_header header;
	uint64_t monotonic_ns;
	uint64_t unix_ns;
	uint64_t boot_ns; /* CLOCK_BOOTTIME */
};

/* Cumulative since the sensor started; `count` values in the order of SENSOR_COUNTERS follow as uint64_t. A reader
 * ignores values beyond those it knows. */
struct shm_record_counters {
	struct shm_record_header header;
	uint64_t time_ns;
	uint32_t count;
	uint32_t _pad;
};

struct shm_record_snapshot_end {
	struct shm_record_header header;
	uint64_t time_ns;
	uint32_t processes; /* announced in the snapshot */
	uint32_t connections;
};

#define SHM_ASSERT_OFFSET(type, field, at) _Static_assert(offsetof(struct type, field) == (at), #type "." #field)
#define SHM_ASSERT_SIZE(type, bytes)       _Static_assert(sizeof(struct type) == (bytes), #type)

SHM_ASSERT_SIZE(shm_record_header, 8);
SHM_ASSERT_OFFSET(shm_record_header, type, 4);
SHM_ASSERT_OFFSET(shm_record_header, flags, 6);

SHM_ASSERT_SIZE(shm_record_process, 64);
SHM_ASSERT_OFFSET(shm_record_process, process_id, 8);
SHM_ASSERT_OFFSET(shm_record_process, start_time_unix_ns, 16);
SHM_ASSERT_OFFSET(shm_record_process, pid, 24);
SHM_ASSERT_OFFSET(shm_record_process, namespace_pid, 36);
SHM_ASSERT_OFFSET(shm_record_process, command_bytes, 48);
SHM_ASSERT_OFFSET(shm_record_process, resource_attributes_bytes, 62);

SHM_ASSERT_SIZE(shm_record_process_exit, 24);

SHM_ASSERT_SIZE(shm_record_connection, 80);
SHM_ASSERT_OFFSET(shm_record_connection, connection_id, 8);
SHM_ASSERT_OFFSET(shm_record_connection, family, 32);
SHM_ASSERT_OFFSET(shm_record_connection, local_port, 34);
SHM_ASSERT_OFFSET(shm_record_connection, unix_path_bytes, 38);
SHM_ASSERT_OFFSET(shm_record_connection, net_namespace, 40);
SHM_ASSERT_OFFSET(shm_record_connection, local_address, 48);
SHM_ASSERT_OFFSET(shm_record_connection, remote_address, 64);

SHM_ASSERT_SIZE(shm_record_data, 40);
SHM_ASSERT_OFFSET(shm_record_data, offset, 24);
SHM_ASSERT_OFFSET(shm_record_data, byte_count, 32);
SHM_ASSERT_OFFSET(shm_record_data, captured_bytes, 36);

SHM_ASSERT_SIZE(shm_record_connection_close, 48);
SHM_ASSERT_OFFSET(shm_record_connection_close, retransmits, 40);
SHM_ASSERT_OFFSET(shm_record_connection_close, reason, 44);

SHM_ASSERT_SIZE(shm_record_loss, 40);
SHM_ASSERT_OFFSET(shm_record_loss, stage, 32);

SHM_ASSERT_SIZE(shm_record_clock, 32);
SHM_ASSERT_SIZE(shm_record_counters, 24);
SHM_ASSERT_SIZE(shm_record_snapshot_end, 24);

_Static_assert(SHM_RECORD_BYTES_MAX % SHM_RECORD_ALIGN_BYTES == 0, "a record of the longest length is aligned");
_Static_assert(SHM_RECORD_BYTES_MAX >= sizeof(struct shm_record_data) + SHM_CAPTURE_BYTES_MAX, "a full segment fits");

#endif
