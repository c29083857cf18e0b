/* Turn bytes into a validated record, or say why not. */
#include "shm_protocol/record_check.h"

/* What is left of the record behind its fixed part. */
struct tail {
	const char *at;
	size_t left;
};

static struct tail tail_after(const void *bytes, size_t length, size_t fixed_bytes)
{
	return (struct tail){.at = (const char *)bytes + fixed_bytes, .left = length - fixed_bytes};
}

static bool tail_take(struct tail *tail, size_t length, size_t length_max, struct shm_string *string)
{
	if (length > length_max || length > tail->left)
		return false;
	*string = (struct shm_string){.bytes = tail->at, .length = length};
	tail->at += length;
	tail->left -= length;
	return true;
}

/* Each of these is called with at least the fixed part of its type. */

static enum shm_check check_process(const void *bytes, size_t length, struct shm_record_view *view)
{
	const struct shm_record_process *fixed = bytes;
	struct tail tail = tail_after(bytes, length, sizeof(*fixed));

	view->process.fixed = fixed;
	if (!tail_take(&tail, fixed->command_bytes, SHM_COMMAND_BYTES_MAX, &view->process.command) ||
	    !tail_take(&tail, fixed->executable_bytes, SHM_EXECUTABLE_BYTES_MAX, &view->process.executable) ||
	    !tail_take(&tail, fixed->command_line_bytes, SHM_COMMAND_LINE_BYTES_MAX, &view->process.command_line) ||
	    !tail_take(&tail, fixed->cgroup_bytes, SHM_CGROUP_BYTES_MAX, &view->process.cgroup) ||
	    !tail_take(&tail, fixed->container_id_bytes, SHM_CONTAINER_ID_BYTES_MAX, &view->process.container_id) ||
	    !tail_take(&tail, fixed->pod_uid_bytes, SHM_POD_UID_BYTES_MAX, &view->process.pod_uid) ||
	    !tail_take(&tail, fixed->service_name_bytes, SHM_SERVICE_NAME_BYTES_MAX, &view->process.service_name) ||
	    !tail_take(&tail, fixed->resource_attributes_bytes, SHM_RESOURCE_ATTRIBUTES_BYTES_MAX,
		       &view->process.resource_attributes))
		return SHM_CHECK_COUNTS;
	return SHM_CHECK_OK;
}

static enum shm_check check_process_exit(const void *bytes, size_t length, struct shm_record_view *view)
{
	(void)length;
	view->process_exit = bytes;
	return SHM_CHECK_OK;
}

static enum shm_check check_connection(const void *bytes, size_t length, struct shm_record_view *view)
{
	const struct shm_record_connection *fixed = bytes;
	struct tail tail = tail_after(bytes, length, sizeof(*fixed));

	view->connection.fixed = fixed;
	if (!tail_take(&tail, fixed->unix_path_bytes, SHM_UNIX_PATH_BYTES_MAX, &view->connection.unix_path))
		return SHM_CHECK_COUNTS;
	if (fixed->family < SHM_FAMILY_IPV4 || fixed->family > SHM_FAMILY_UNIX || fixed->role > SHM_ROLE_CLIENT)
		return SHM_CHECK_VALUE;
	return SHM_CHECK_OK;
}

static enum shm_check check_data(const void *bytes, size_t length, struct shm_record_view *view)
{
	const struct shm_record_data *fixed = bytes;
	struct tail tail = tail_after(bytes, length, sizeof(*fixed));

	view->data.fixed = fixed;
	view->data.bytes = (const uint8_t *)tail.at;
	if (fixed->captured_bytes > SHM_CAPTURE_BYTES_MAX || fixed->captured_bytes > tail.left ||
	    fixed->captured_bytes > fixed->byte_count)
		return SHM_CHECK_COUNTS;
	/* So that whoever adds the two need not ask. */
	if (fixed->byte_count > UINT64_MAX - fixed->offset)
		return SHM_CHECK_VALUE;
	return SHM_CHECK_OK;
}

static enum shm_check check_connection_close(const void *bytes, size_t length, struct shm_record_view *view)
{
	(void)length;
	view->connection_close = bytes;
	return view->connection_close->reason > SHM_CLOSE_EVICTED ? SHM_CHECK_VALUE : SHM_CHECK_OK;
}

static enum shm_check check_loss(const void *bytes, size_t length, struct shm_record_view *view)
{
	(void)length;
	view->loss = bytes;
	if (view->loss->stage < SHM_LOSS_KERNEL_RING || view->loss->stage > SHM_LOSS_CAPTURE)
		return SHM_CHECK_VALUE;
	return SHM_CHECK_OK;
}

static enum shm_check check_clock(const void *bytes, size_t length, struct shm_record_view *view)
{
	(void)length;
	view->clock = bytes;
	return SHM_CHECK_OK;
}

static enum shm_check check_counters(const void *bytes, size_t length, struct shm_record_view *view)
{
	const struct shm_record_counters *fixed = bytes;
	struct tail tail = tail_after(bytes, length, sizeof(*fixed));

	view->counters.fixed = fixed;
	view->counters.values = (const uint64_t *)(const void *)tail.at;
	return fixed->count > tail.left / sizeof(uint64_t) ? SHM_CHECK_COUNTS : SHM_CHECK_OK;
}

static enum shm_check check_snapshot_end(const void *bytes, size_t length, struct shm_record_view *view)
{
	(void)length;
	view->snapshot_end = bytes;
	return SHM_CHECK_OK;
}

static const struct {
	const char *name;
	size_t fixed_bytes;
	enum shm_check (*check)(const void *bytes, size_t length, struct shm_record_view *view);
} record_types[SHM_RECORD_TYPE_END] = {
	[SHM_RECORD_PROCESS] = {"process", sizeof(struct shm_record_process), check_process},
	[SHM_RECORD_PROCESS_EXIT] = {"process_exit", sizeof(struct shm_record_process_exit), check_process_exit},
	[SHM_RECORD_CONNECTION] = {"connection", sizeof(struct shm_record_connection), check_connection},
	[SHM_RECORD_DATA] = {"data", sizeof(struct shm_record_data), check_data},
	[SHM_RECORD_CONNECTION_CLOSE] = {"connection_close", sizeof(struct shm_record_connection_close),
					 check_connection_close},
	[SHM_RECORD_LOSS] = {"loss", sizeof(struct shm_record_loss), check_loss},
	[SHM_RECORD_CLOCK] = {"clock", sizeof(struct shm_record_clock), check_clock},
	[SHM_RECORD_COUNTERS] = {"counters", sizeof(struct shm_record_counters), check_counters},
	[SHM_RECORD_SNAPSHOT_END] = {"snapshot_end", sizeof(struct shm_record_snapshot_end), check_snapshot_end},
};

enum shm_check shm_record_check(const void *bytes, size_t length, struct shm_record_view *view)
{
	const struct shm_record_header *header = bytes;

	if (length < sizeof(*header) || header->length != length)
		return SHM_CHECK_SHORT;
	if (header->type >= SHM_RECORD_TYPE_END || record_types[header->type].check == NULL)
		return SHM_CHECK_UNKNOWN_TYPE;
	if (length < record_types[header->type].fixed_bytes)
		return SHM_CHECK_SHORT;
	view->header = header;
	return record_types[header->type].check(bytes, length, view);
}

const char *shm_record_type_name(uint16_t type)
{
	if (type >= SHM_RECORD_TYPE_END || record_types[type].name == NULL)
		return "unknown";
	return record_types[type].name;
}

const char *shm_check_name(enum shm_check check)
{
	switch (check) {
	case SHM_CHECK_OK:
		return "ok";
	case SHM_CHECK_UNKNOWN_TYPE:
		return "unknown_type";
	case SHM_CHECK_SHORT:
		return "short";
	case SHM_CHECK_COUNTS:
		return "counts";
	case SHM_CHECK_VALUE:
		return "value";
	}
	return "unknown";
}
