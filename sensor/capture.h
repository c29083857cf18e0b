/* The kernel side, loaded and attached: where events come from and where verdicts go. */
#ifndef SENSOR_CAPTURE_H
#define SENSOR_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct capture;

enum capture_mode {
	CAPTURE_AUTO,
	CAPTURE_FENTRY,
	CAPTURE_TRACEPOINT,
};

enum { CAPTURE_PORT_RANGES_MAX = 16 };

struct capture_port_range {
	uint16_t first, last; /* inclusive */
};

struct capture_options {
	enum capture_mode mode;
	uint32_t capture_bytes;     /* budget per message turn and connection, at most SHM_CAPTURE_BYTES_MAX */
	uint32_t kernel_ring_bytes; /* power of two, multiple of the page size */
	uint32_t connections_max;   /* entries of the kernel's connection table */
	uint32_t processes_max;
	bool unix_sockets;                /* watch Unix stream sockets too */
	enum verdict new_process_verdict; /* VERDICT_WATCH when no filter needs the sensor, else VERDICT_PENDING */
	size_t include_port_count;        /* 0: all ports. A connection passes if either of its ports does. */
	struct capture_port_range include_ports[CAPTURE_PORT_RANGES_MAX];
	size_t exclude_port_count;
	struct capture_port_range exclude_ports[CAPTURE_PORT_RANGES_MAX];
	/* Inode of the pid namespace whose processes are watched; 0: the initial one, where all are. */
	uint32_t pid_namespace;
	uint32_t self_pid; /* never watched, nor the peers of its sockets */
	/* Data makes capture_fd readable at most this often; 0: only when an eighth of the ring is full. A new process
	 * always does, so that its /proc is read while it lives. The caller drains by its own timer besides. */
	uint32_t wakeup_interval_us;
	const char *verifier_log_path; /* where a refusal is written down whole; NULL or empty: nowhere */
};

/* Probe, load and attach. On success `message` holds one sentence: which way in was chosen and why. On failure returns
 * -errno and `message` says what is missing and what to do. */
int capture_open(struct capture **capture, const struct capture_options *options, char *message, size_t message_size)
	__attribute__((warn_unused_result));
void capture_close(struct capture *capture);

/* "fentry" or "tracepoint". */
const char *capture_mode_name(const struct capture *capture);

/* Readable when events wait. */
int capture_fd(const struct capture *capture);

/* Events are borrowed for the duration of the call. Lengths have been checked: a connection, data or close event holds
 * what its fixed fields count. */
struct capture_handler {
	void (*process)(void *context, const struct event_process *event);
	void (*process_exit)(void *context, const struct event_process_exit *event);
	void (*connection)(void *context, const struct shm_record_connection *event);
	void (*data)(void *context, const struct shm_record_data *event);
	void (*connection_close)(void *context, const struct shm_record_connection_close *event);
	void *context;
};

/* Hand over what waits, at most `budget` events. Returns how many; -errno on failure. */
int capture_drain(struct capture *capture, const struct capture_handler *handler, int budget);

/* Walk the processes and sockets that exist already: their events appear in the ring. Call once, after attaching. */
int capture_walk(struct capture *capture);

/* Report bytes that were counted without an event, where nothing followed for `idle_ms`: without this the end of a
 * response that is larger than the budget shows only when the next request comes. Cheap when there are none. Call about
 * once a second. */
int capture_flush(struct capture *capture, uint32_t idle_ms);

/* Let go of Unix sockets that have ended otherwise than by close(2): their ends appear in the ring. Without this the
 * kernel's table fills with them. Its cost grows with the table; call every few seconds, receiver or not. */
int capture_sweep(struct capture *capture);

/* Decide over a process, by its number in the initial pid namespace: takes effect on its present and future
 * connections. -ENOENT for one that the programs have not met, or that is outside. */
int capture_set_verdict(struct capture *capture, uint32_t kernel_pid, enum verdict verdict);

/* From now on: a process that is never watched and whose peers over Unix sockets (the Collector) are not watched
 * either. 0: there is none any more. */
int capture_set_receiver(struct capture *capture, uint32_t pid);

/* Set the entries that the kernel side and the drain own (cumulative); leave the others alone. No system call. */
void capture_counters(struct capture *capture, uint64_t counters[SENSOR_COUNTER_COUNT]);

/* Set PROGRAM_RECURSION, which only the kernel itself counts: a system call for each program. */
void capture_recursion(const struct capture *capture, uint64_t counters[SENSOR_COUNTER_COUNT]);

#endif
