/* Fuzz shm_record_check: any bytes give a view whose every part lies within them, or a reason why not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shm_protocol/record_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sum; /* keeps the reads */

/* Read every byte, for the sanitizer to see. */
static void touch(const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += ((const uint8_t *)bytes)[i];
}

static void touch_string(struct shm_string string)
{
	touch(string.bytes, string.length);
}

static void touch_view(const struct shm_record_view *view)
{
	switch (view->header->type) {
	case SHM_RECORD_PROCESS:
		touch_string(view->process.command);
		touch_string(view->process.executable);
		touch_string(view->process.command_line);
		touch_string(view->process.cgroup);
		touch_string(view->process.container_id);
		touch_string(view->process.pod_uid);
		touch_string(view->process.service_name);
		touch_string(view->process.resource_attributes);
		break;
	case SHM_RECORD_PROCESS_EXIT:
		touch(view->process_exit, sizeof(*view->process_exit));
		break;
	case SHM_RECORD_CONNECTION:
		touch(view->connection.fixed, sizeof(*view->connection.fixed));
		touch_string(view->connection.unix_path);
		break;
	case SHM_RECORD_DATA:
		touch(view->data.bytes, view->data.fixed->captured_bytes);
		if (view->data.fixed->offset + view->data.fixed->byte_count < view->data.fixed->offset)
			abort();
		break;
	case SHM_RECORD_CONNECTION_CLOSE:
		touch(view->connection_close, sizeof(*view->connection_close));
		break;
	case SHM_RECORD_LOSS:
		touch(view->loss, sizeof(*view->loss));
		break;
	case SHM_RECORD_CLOCK:
		touch(view->clock, sizeof(*view->clock));
		break;
	case SHM_RECORD_COUNTERS:
		touch(view->counters.values, view->counters.fixed->count * sizeof(uint64_t));
		break;
	case SHM_RECORD_SNAPSHOT_END:
		touch(view->snapshot_end, sizeof(*view->snapshot_end));
		break;
	default:
		abort(); /* unknown types do not pass */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shm_record_view view;
	void *bytes;

	if (size > SHM_RECORD_BYTES_MAX)
		return 0;
	bytes = malloc(size == 0 ? 1 : size);
	if (bytes == NULL)
		return 0;
	memcpy(bytes, data, size);
	if (shm_record_check(bytes, size, &view) == SHM_CHECK_OK)
		touch_view(&view);
	/* Once more with the length that it must have: most inputs go no further otherwise. */
	if (size >= sizeof(struct shm_record_header)) {
		((struct shm_record_header *)bytes)->length = (uint32_t)size;
		if (shm_record_check(bytes, size, &view) == SHM_CHECK_OK)
			touch_view(&view);
	}
	free(bytes);
	return 0;
}
