/* Collect what a capture emits, and find in it what a test expects. */
#ifndef TESTS_HOOKS_EVENT_LOG_H
#define TESTS_HOOKS_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"

enum {
	EVENT_LOG_EVENTS_MAX = 65536,
	EVENT_LOG_SEGMENTS_MAX = 64,
};

struct event_log {
	struct capture *capture;
	struct shm_record_header **events; /* owned copies, in order of arrival */
	size_t count;
};

/* Options that suit most tests: TCP and Unix sockets, everything watched. The way in is the tracepoint one, unless
 * SHMOTEL_TEST_CAPTURE is "fentry". */
struct capture_options event_log_options(void);

/* Skips the whole program (77, with the reason) where the kernel or the privileges do not allow a capture. */
void event_log_open(struct event_log *log, const struct capture_options *options);
void event_log_close(struct event_log *log);

/* Take over everything that waits. */
void event_log_drain(struct event_log *log);

/* The latest connection event with these ports; NULL if there is none. */
const struct shm_record_connection *event_log_connection(struct event_log *log, uint16_t local, uint16_t remote);

/* The latest one of a Unix socket with this path (or "" for none) and role. */
const struct shm_record_connection *event_log_unix(struct event_log *log, const char *path, enum shm_role role);

/* The latest process event of that pid. */
const struct event_process *event_log_process(struct event_log *log, uint32_t pid);

/* The close event, waited for up to five seconds: the transport ends some connections later. NULL if none came. */
const struct shm_record_connection_close *event_log_wait_close(struct event_log *log, uint64_t connection_id);
const struct event_process_exit *event_log_wait_exit(struct event_log *log, uint32_t pid);

size_t event_log_count(struct event_log *log, uint16_t type, uint64_t connection_id);

/* A data event as a test writes it down. */
struct expected_segment {
	uint64_t offset;
	uint32_t byte_count;
	const char *captured; /* NULL: none */
	bool end_of_stream;
};

#define BYTES(at, text)       {(at), sizeof(text) - 1, (text), false}
#define PART(at, bytes, text) {(at), (bytes), (text), false} /* the rest of `bytes` is a hole */
#define HOLE(at, bytes)       {(at), (bytes), NULL, false}
#define END(at)               {(at), 0, NULL, true}

/* The data events of one direction are exactly these. */
void expect_segments(struct event_log *log, uint64_t connection_id, bool sent, size_t count,
		     const struct expected_segment *expected);

#define EXPECT_SEGMENTS(log, id, sent, ...)                                                                            \
	expect_segments(log, id, sent,                                                                                 \
			sizeof((struct expected_segment[]){__VA_ARGS__}) / sizeof(struct expected_segment),            \
			(struct expected_segment[]){__VA_ARGS__})

#endif
