/* Collect what a capture emits, and find in it what a test expects. */
#include "event_log.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, WAIT_ROUNDS = 500, WAIT_ROUND_MS = 10 };

struct capture_options event_log_options(void)
{
	const char *mode = getenv("SHMOTEL_TEST_CAPTURE");

	return (struct capture_options){
		.mode = mode && strcmp(mode, "fentry") == 0 ? CAPTURE_FENTRY : CAPTURE_TRACEPOINT,
		.capture_bytes = 4096,
		.kernel_ring_bytes = 4 << 20,
		.connections_max = 8192,
		.processes_max = 4096,
		.unix_sockets = true,
		.new_process_verdict = VERDICT_WATCH,
	};
}

void event_log_open(struct event_log *log, const struct capture_options *options)
{
	char message[512];

	*log = (struct event_log){0};
	if (geteuid() != 0) {
		printf("skipped: programs can be loaded by root only\n");
		exit(SKIPPED);
	}
	int error = capture_open(&log->capture, options, message, sizeof(message));
	if (error == -EPERM || error == -ENOSYS || error == -ENOTSUP) {
		printf("skipped: %s\n", message);
		exit(SKIPPED);
	}
	if (error)
		fail_msg("%s", message);
	log->events = calloc(EVENT_LOG_EVENTS_MAX, sizeof(*log->events));
	assert_non_null(log->events);
}

void event_log_close(struct event_log *log)
{
	capture_close(log->capture);
	for (size_t i = 0; i < log->count; i++)
		free(log->events[i]);
	free(log->events);
	*log = (struct event_log){0};
}

static void keep(struct event_log *log, const void *event, size_t bytes)
{
	assert_true(log->count < EVENT_LOG_EVENTS_MAX);
	void *copy = malloc(bytes);
	assert_non_null(copy);
	memcpy(copy, event, bytes);
	log->events[log->count++] = copy;
}

static void keep_process(void *context, const struct event_process *event)
{
	keep(context, event, event->header.length);
}

static void keep_exit(void *context, const struct event_process_exit *event)
{
	keep(context, event, event->header.length);
}

static void keep_connection(void *context, const struct shm_record_connection *event)
{
	keep(context, event, event->header.length);
}

static void keep_data(void *context, const struct shm_record_data *event)
{
	const uint8_t *payload = (const uint8_t *)(event + 1);

	for (size_t i = event->captured_bytes; i < event->header.length - sizeof(*event); i++)
		assert_int_equal(payload[i], 0); /* padding */
	keep(context, event, event->header.length);
}

static void keep_close(void *context, const struct shm_record_connection_close *event)
{
	keep(context, event, event->header.length);
}

void event_log_drain(struct event_log *log)
{
	const struct capture_handler handler = {
		.process = keep_process,
		.process_exit = keep_exit,
		.connection = keep_connection,
		.data = keep_data,
		.connection_close = keep_close,
		.context = log,
	};
	int drained;

	while ((drained = capture_drain(log->capture, &handler, 100)) > 0)
		;
	assert_int_equal(drained, 0);
}

const struct shm_record_connection *event_log_connection(struct event_log *log, uint16_t local, uint16_t remote)
{
	event_log_drain(log);
	for (size_t i = log->count; i-- > 0;) {
		const struct shm_record_connection *event = (const void *)log->events[i];
		if (event->header.type == SHM_RECORD_CONNECTION && event->family != SHM_FAMILY_UNIX &&
		    event->local_port == local && event->remote_port == remote)
			return event;
	}
	return NULL;
}

const struct shm_record_connection *event_log_unix(struct event_log *log, const char *path, enum shm_role role)
{
	event_log_drain(log);
	for (size_t i = log->count; i-- > 0;) {
		const struct shm_record_connection *event = (const void *)log->events[i];
		if (event->header.type == SHM_RECORD_CONNECTION && event->family == SHM_FAMILY_UNIX &&
		    event->role == role && event->unix_path_bytes == strlen(path) &&
		    memcmp(event + 1, path, strlen(path)) == 0)
			return event;
	}
	return NULL;
}

const struct event_process *event_log_process(struct event_log *log, uint32_t pid)
{
	event_log_drain(log);
	for (size_t i = log->count; i-- > 0;) {
		const struct event_process *event = (const void *)log->events[i];
		if (event->header.type == EVENT_PROCESS && event->pid == pid)
			return event;
	}
	return NULL;
}

/* Look for the first event after `from` that `matches`, for up to five seconds. */
static const void *wait_for(struct event_log *log, bool (*matches)(const void *event, uint64_t id), uint64_t id)
{
	for (int round = 0; round < WAIT_ROUNDS; round++) {
		event_log_drain(log);
		for (size_t i = 0; i < log->count; i++) {
			if (matches(log->events[i], id))
				return log->events[i];
		}
		poll(NULL, 0, WAIT_ROUND_MS);
	}
	return NULL;
}

static bool is_close(const void *event, uint64_t id)
{
	const struct shm_record_connection_close *close_event = event;

	return close_event->header.type == SHM_RECORD_CONNECTION_CLOSE && close_event->connection_id == id;
}

const struct shm_record_connection_close *event_log_wait_close(struct event_log *log, uint64_t connection_id)
{
	return wait_for(log, is_close, connection_id);
}

static bool is_exit(const void *event, uint64_t id)
{
	const struct event_process_exit *exit_event = event;

	return exit_event->header.type == EVENT_PROCESS_EXIT && exit_event->kernel_pid == id;
}

const struct event_process_exit *event_log_wait_exit(struct event_log *log, uint32_t pid)
{
	return wait_for(log, is_exit, pid);
}

size_t event_log_count(struct event_log *log, uint16_t type, uint64_t connection_id)
{
	size_t count = 0;

	event_log_drain(log);
	for (size_t i = 0; i < log->count; i++) {
		const struct shm_record_data *event = (const void *)log->events[i];
		count += event->header.type == type && event->connection_id == connection_id;
	}
	return count;
}

static void expect_segment(const struct shm_record_data *event, const struct expected_segment *expected)
{
	size_t captured = expected->captured ? strlen(expected->captured) : 0;

	assert_int_equal(event->offset, expected->offset);
	assert_int_equal(event->byte_count, expected->byte_count);
	assert_int_equal(event->captured_bytes, captured);
	if (captured)
		assert_memory_equal(event + 1, expected->captured, captured);
	assert_int_equal(!!(event->header.flags & SHM_DATA_END_OF_STREAM), expected->end_of_stream);
	assert_int_equal(event->header.length, (sizeof(*event) + captured + 7) / 8 * 8);
}

void expect_segments(struct event_log *log, uint64_t connection_id, bool sent, size_t count,
		     const struct expected_segment *expected)
{
	size_t found = 0;
	uint64_t time_ns = 0;

	event_log_drain(log);
	for (size_t i = 0; i < log->count; i++) {
		const struct shm_record_data *event = (const void *)log->events[i];
		if (event->header.type != SHM_RECORD_DATA || event->connection_id != connection_id ||
		    !!(event->header.flags & SHM_DATA_SENT) != sent)
			continue;
		if (found < count)
			expect_segment(event, &expected[found]);
		assert_true(event->time_ns >= time_ns);
		time_ns = event->time_ns;
		found++;
	}
	assert_int_equal(found, count);
}
