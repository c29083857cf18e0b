/* Take events out of the BPF ring buffer and check their lengths before anyone reads their fields. */
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "capture_session.h"

/* Stops ring_buffer__consume; the event that it is returned for has been consumed. */
enum { DRAIN_BUDGET_SPENT = -ECANCELED };

static bool process_is_whole(const struct event_process *event, size_t length)
{
	/* Behind the end of a string lies what the ring held before. */
	return length >= EVENT_PROCESS_BYTES_MIN && event->argument_bytes <= sizeof(event->arguments) &&
	       event->environment_bytes <= length - EVENT_PROCESS_BYTES_MIN &&
	       event->environment_bytes <= sizeof(event->environment) &&
	       memchr(event->command, 0, sizeof(event->command)) != NULL &&
	       memchr(event->file_name, 0, sizeof(event->file_name)) != NULL;
}

static bool connection_is_whole(const struct shm_record_connection *event, size_t length)
{
	return length >= sizeof(*event) && event->header.length >= sizeof(*event) + event->unix_path_bytes;
}

static bool data_is_whole(const struct shm_record_data *event, size_t length)
{
	return length >= sizeof(*event) && event->captured_bytes <= event->byte_count &&
	       event->header.length >= sizeof(*event) + event->captured_bytes;
}

/* Hand one event over; false if it is malformed. */
static bool event_dispatch(const struct capture_handler *handler, const void *bytes, size_t length)
{
	const struct shm_record_header *header = bytes;

	if (length < sizeof(*header) || header->length > length || header->length % SHM_RECORD_ALIGN_BYTES)
		return false;
	switch (header->type) {
	case EVENT_PROCESS:
		if (!process_is_whole(bytes, length))
			return false;
		handler->process(handler->context, bytes);
		return true;
	case EVENT_PROCESS_EXIT:
		if (length < sizeof(struct event_process_exit))
			return false;
		handler->process_exit(handler->context, bytes);
		return true;
	case SHM_RECORD_CONNECTION:
		if (!connection_is_whole(bytes, length))
			return false;
		handler->connection(handler->context, bytes);
		return true;
	case SHM_RECORD_DATA:
		if (!data_is_whole(bytes, length))
			return false;
		handler->data(handler->context, bytes);
		return true;
	case SHM_RECORD_CONNECTION_CLOSE:
		if (length < sizeof(struct shm_record_connection_close))
			return false;
		handler->connection_close(handler->context, bytes);
		return true;
	default:
		return false;
	}
}

int capture_event(void *context, void *bytes, size_t length)
{
	struct capture *capture = context;

	capture->events_drained++;
	if (!event_dispatch(capture->handler, bytes, length))
		capture->events_malformed++;
	return ++capture->drained < capture->drain_budget ? 0 : DRAIN_BUDGET_SPENT;
}

int capture_drain(struct capture *capture, const struct capture_handler *handler, int budget)
{
	capture->handler = handler;
	capture->drain_budget = budget;
	capture->drained = 0;
	int result = ring_buffer__consume(capture->ring);
	capture->handler = NULL;
	return result < 0 && result != DRAIN_BUDGET_SPENT ? result : capture->drained;
}
