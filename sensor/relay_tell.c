/* Tell the receiver what no event brings: the time, what lives, losses, counters. */
#include "relay_tell.h"

#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* For a record that no event asked for. */
static bool write_own(struct relay *relay, const void *record, size_t length)
{
	if (!relay->session->open)
		return false;
	relay->counters[SENSOR_COUNTER_RECORDS_OWN]++;
	return ring_session_write(relay->session, record, (uint32_t)length);
}

static void tell_clock(struct relay *relay)
{
	const struct shm_record_clock clock = {
		.header = {.length = sizeof(clock), .type = SHM_RECORD_CLOCK},
		.monotonic_ns = clock_ns(CLOCK_MONOTONIC),
		.unix_ns = clock_ns(CLOCK_REALTIME),
		.boot_ns = clock_ns(CLOCK_BOOTTIME),
	};

	(void)write_own(relay, &clock, sizeof(clock));
}

static uint64_t capture_losses(const uint64_t *counters)
{
	return counters[SENSOR_COUNTER_CONNECTION_TABLE_FULL] + counters[SENSOR_COUNTER_PROCESS_TABLE_FULL] +
	       counters[SENSOR_COUNTER_PROGRAM_RECURSION];
}

/* Announcements leave a quarter of the ring to the stream. */
static bool has_room_to_spare(const struct relay *relay, uint32_t length)
{
	struct ring_session *session = relay->session;

	return shm_ring_writer_has_room(&session->writer, session->ring_bytes / 4 + length);
}

bool relay_tell_process(struct relay *relay, struct live_process *process)
{
	if (process->told || process->ignored)
		return true;
	process->told = has_room_to_spare(relay, process->record.header.length) &&
			write_own(relay, &process->record, process->record.header.length);
	relay->snapshot_processes += process->told;
	return process->told;
}

static bool tell_connection(struct relay *relay, struct live_connection *connection)
{
	const struct live_process *owner = live_tables_process_find(&relay->tables, connection->record.process_id);

	/* An owner that is gone, or another program by now: the kernel side announces the next one at the next use. */
	if (connection->told || connection->muted || owner == NULL || owner->ignored)
		return true;
	connection->record.header.flags &= (uint16_t)~SHM_CONNECTION_OWNER;
	connection->record.header.flags |= SHM_CONNECTION_SNAPSHOT;
	connection->told = has_room_to_spare(relay, connection->record.header.length) &&
			   write_own(relay, &connection->record, connection->record.header.length);
	relay->snapshot_connections += connection->told;
	return connection->told;
}

static bool tell_all(struct relay *relay)
{
	struct live_process *process;
	struct live_connection *connection;

	for (size_t at = 0; (process = live_tables_next_process(&relay->tables, &at)) != NULL;)
		if (!relay_tell_process(relay, process))
			return false;
	for (size_t at = 0; (connection = live_tables_next_connection(&relay->tables, &at)) != NULL;)
		if (!tell_connection(relay, connection))
			return false;
	return true;
}

void relay_tell_untold(struct relay *relay)
{
	if (!relay->untold || !relay->session->open || !has_room_to_spare(relay, PROCESS_RECORD_BYTES_MAX))
		return;
	relay->untold = !tell_all(relay);
	if (relay->untold || !relay->snapshot_open)
		return;
	const struct shm_record_snapshot_end end = {
		.header = {.length = sizeof(end), .type = SHM_RECORD_SNAPSHOT_END},
		.time_ns = clock_ns(CLOCK_MONOTONIC),
		.processes = relay->snapshot_processes,
		.connections = relay->snapshot_connections,
	};

	relay->snapshot_open = !write_own(relay, &end, sizeof(end));
	relay->untold = relay->snapshot_open;
}

static void tell_losses(struct relay *relay, enum shm_loss_stage stage, uint64_t losses, uint64_t *told)
{
	const struct shm_record_loss loss = {
		.header = {.length = sizeof(loss), .type = SHM_RECORD_LOSS},
		.time_ns = clock_ns(CLOCK_MONOTONIC),
		.records = losses - *told,
		.stage = stage,
	};

	if (losses > *told && write_own(relay, &loss, sizeof(loss)))
		*told = losses;
}

void relay_report(struct relay *relay)
{
	struct {
		struct shm_record_counters fixed;
		uint64_t values[SENSOR_COUNTER_COUNT];
	} record = {
		.fixed =
			{
				.header = {.length = sizeof(record), .type = SHM_RECORD_COUNTERS},
				.time_ns = clock_ns(CLOCK_MONOTONIC),
				.count = SENSOR_COUNTER_COUNT,
			},
	};

	tell_clock(relay);
	tell_losses(relay, SHM_LOSS_KERNEL_RING, relay->counters[SENSOR_COUNTER_KERNEL_RING_FULL],
		    &relay->told_kernel_losses);
	tell_losses(relay, SHM_LOSS_CAPTURE, capture_losses(relay->counters), &relay->told_capture_losses);
	for (size_t i = 0; i < SENSOR_COUNTER_COUNT; i++)
		record.values[i] = relay->counters[i];
	(void)write_own(relay, &record, sizeof(record));
}

bool relay_can_report(const struct relay *relay)
{
	return !relay->session->open || has_room_to_spare(relay, SHM_RECORD_BYTES_MAX / 4);
}

void relay_on_attach(struct relay *relay, uint32_t receiver_pid)
{
	struct live_process *process;
	struct live_connection *connection;

	for (size_t at = 0; (process = live_tables_next_process(&relay->tables, &at)) != NULL;)
		process->told = false;
	for (size_t at = 0; (connection = live_tables_next_connection(&relay->tables, &at)) != NULL;)
		connection->told = false;
	relay->snapshot_open = true;
	relay->snapshot_processes = 0;
	relay->snapshot_connections = 0;
	/* What was lost before is no loss to this receiver. */
	relay->told_kernel_losses = relay->counters[SENSOR_COUNTER_KERNEL_RING_FULL];
	relay->told_capture_losses = capture_losses(relay->counters);
	tell_clock(relay);
	relay->receiver_pid = receiver_pid;
	relay_set_watch_list(relay, &relay->watch_list);
}

void relay_on_detach(struct relay *relay)
{
	relay->receiver_pid = 0;
	relay->untold = false;
	relay->snapshot_open = false;
}
