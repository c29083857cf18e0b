/* Turn what the kernel side reports into records for the receiver. */
#include "relay.h"

#include <time.h>

#include "shm_protocol/record_check.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int relay_open(struct relay *relay, const struct relay_options *options, const struct watch_list *watch_list,
	       const char *proc_path, struct ring_session *session, uint64_t *counters)
{
	*relay = (struct relay){
		.options = *options,
		.watch_list = *watch_list,
		.session = session,
		.counters = counters,
	};
	live_tables_init(&relay->tables, options->processes_max, options->connections_max);
	return process_identity_open(&relay->identity, proc_path);
}

void relay_close(struct relay *relay)
{
	process_identity_close(&relay->identity);
	live_tables_free(&relay->tables);
}

/* For the announcement that an event brings. One that finds no room is made later; without a receiver there is nothing to
 * make up for, since attaching begins with everything. */
static bool announce(struct relay *relay, const struct shm_record_header *record)
{
	bool told = ring_session_write(relay->session, record, record->length);

	relay->untold = relay->untold || (!told && relay->session->open);
	return told;
}

/* For a record that no event asked for. */
static bool write_own(struct relay *relay, const void *record, size_t length)
{
	if (!relay->session->open)
		return false;
	relay->counters[SENSOR_COUNTER_RECORDS_OWN]++;
	return ring_session_write(relay->session, record, (uint32_t)length);
}

static void filter(struct relay *relay)
{
	relay->counters[SENSOR_COUNTER_EVENTS_FILTERED]++;
}

static void count_forgotten(struct relay *relay)
{
	relay->counters[SENSOR_COUNTER_SNAPSHOT_TABLE_FULL] = relay->tables.forgotten;
}

static enum verdict decide(const struct relay *relay, const struct shm_record_process *process)
{
	struct shm_record_view view;

	/* Our own record: its check finds the strings, and cannot fail. */
	if (process->pid == relay->receiver_pid ||
	    shm_record_check(process, process->header.length, &view) != SHM_CHECK_OK)
		return VERDICT_IGNORE;
	return watch_list_decide(&relay->watch_list, view.process.executable, view.process.cgroup);
}

static void pass_verdict(struct relay *relay, uint32_t pid, enum verdict verdict)
{
	/* It fails when the process has ended meanwhile; nothing more comes from it then. */
	(void)relay->options.set_verdict(relay->options.context, pid, verdict);
}

void relay_on_process(void *context, const struct event_process *event)
{
	struct relay *relay = context;
	struct shm_record_process *record = &relay->record.fixed;

	relay->counters[SENSOR_COUNTER_PROCESSES_SEEN]++;
	if (!process_identity_complete(&relay->identity, event, &relay->record))
		relay->counters[SENSOR_COUNTER_IDENTITY_INCOMPLETE]++;
	enum verdict verdict = decide(relay, record);

	if (verdict != relay->options.presumed)
		pass_verdict(relay, event->pid, verdict);
	struct live_process *process = live_tables_process_add(&relay->tables, record, verdict == VERDICT_IGNORE);

	count_forgotten(relay);
	if (verdict == VERDICT_IGNORE) {
		filter(relay);
		return;
	}
	bool told = announce(relay, &record->header);

	if (process != NULL)
		process->told = told;
}

/* Announcements leave a quarter of the ring to the stream. */
static bool has_room_to_spare(const struct relay *relay, uint32_t length)
{
	struct ring_session *session = relay->session;

	return shm_ring_writer_has_room(&session->writer, session->ring_bytes / 4 + length);
}

static bool tell_process(struct relay *relay, struct live_process *process)
{
	if (process->told || process->ignored)
		return true;
	process->told = has_room_to_spare(relay, process->record.header.length) &&
			write_own(relay, &process->record, process->record.header.length);
	relay->snapshot_processes += process->told;
	return process->told;
}

void relay_on_process_exit(void *context, const struct event_process_exit *event)
{
	struct relay *relay = context;
	const struct live_process *process = live_tables_process_find(&relay->tables, event->process_id);
	const struct shm_record_process_exit record = {
		.header = {.length = sizeof(record), .type = SHM_RECORD_PROCESS_EXIT},
		.process_id = event->process_id,
		.time_ns = event->time_ns,
	};

	if (process != NULL && process->ignored && !process->told)
		filter(relay);
	else
		(void)ring_session_write(relay->session, &record, sizeof(record));
	live_tables_process_remove(&relay->tables, event->process_id);
}

/* Count the record of an event as if it had found the ring full. */
static void lose(struct relay *relay, uint32_t length)
{
	shm_ring_writer_count_lost(&relay->session->writer, length);
	relay->counters[SENSOR_COUNTER_SHARED_RING_FULL]++;
}

void relay_on_connection(void *context, const struct shm_record_connection *event)
{
	struct relay *relay = context;
	struct live_process *owner = live_tables_process_find(&relay->tables, event->process_id);
	const struct live_connection *former = live_tables_connection_find(&relay->tables, event->connection_id);
	bool ignored = owner != NULL && owner->ignored;
	bool is_news_to_receiver = former == NULL || !former->told;

	if ((event->header.flags & SHM_CONNECTION_OWNER) == 0)
		relay->counters[SENSOR_COUNTER_CONNECTIONS_SEEN]++;
	struct live_connection *connection = live_tables_connection_add(&relay->tables, event, ignored);

	count_forgotten(relay);
	if (ignored) {
		/* The kernel side ends it as evicted, once it has the verdict. The receiver needs that if it knows it. */
		if (connection != NULL)
			connection->told = !is_news_to_receiver;
		filter(relay);
		return;
	}
	/* Its former owner was ignored, or its announcement lost: this one cannot build on another. */
	if (connection != NULL && is_news_to_receiver && (event->header.flags & SHM_CONNECTION_OWNER) != 0) {
		connection->record.header.flags &= (uint16_t)~SHM_CONNECTION_OWNER;
		connection->record.header.flags |= SHM_CONNECTION_JOINED;
		event = &connection->record;
	}
	/* The announcement of its owner found no room: neither must this one, which is shorter. */
	if (owner != NULL && relay->session->open && !tell_process(relay, owner)) {
		lose(relay, event->header.length);
		return;
	}
	bool told = announce(relay, &event->header);

	if (connection != NULL)
		connection->told = told;
}

void relay_on_data(void *context, const struct shm_record_data *event)
{
	struct relay *relay = context;

	if (live_tables_is_muted(&relay->tables, event->connection_id))
		filter(relay);
	else
		(void)ring_session_write(relay->session, event, (uint32_t)sizeof(*event) + event->captured_bytes);
}

void relay_on_connection_close(void *context, const struct shm_record_connection_close *event)
{
	struct relay *relay = context;
	const struct live_connection *connection = live_tables_connection_find(&relay->tables, event->connection_id);

	if (connection != NULL && connection->muted && !connection->told)
		filter(relay);
	else
		(void)ring_session_write(relay->session, event, sizeof(*event));
	live_tables_connection_remove(&relay->tables, event->connection_id);
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
		if (!tell_process(relay, process))
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
		.fixed = {
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

static void decide_again(struct relay *relay, struct live_process *process)
{
	bool ignored = decide(relay, &process->record) == VERDICT_IGNORE;

	if (ignored == process->ignored)
		return;
	pass_verdict(relay, process->record.pid, ignored ? VERDICT_IGNORE : VERDICT_WATCH);
	process->ignored = ignored;
}

void relay_set_watch_list(struct relay *relay, const struct watch_list *watch_list)
{
	struct live_process *process;
	struct live_connection *connection;

	relay->watch_list = *watch_list;
	for (size_t at = 0; (process = live_tables_next_process(&relay->tables, &at)) != NULL;)
		decide_again(relay, process);
	/* Connections of a process that is ignored from now on end as evicted in the kernel, at their next use. */
	for (size_t at = 0; (connection = live_tables_next_connection(&relay->tables, &at)) != NULL;) {
		const struct live_process *owner =
			live_tables_process_find(&relay->tables, connection->record.process_id);

		if (owner == NULL || !owner->ignored)
			live_tables_connection_set_muted(&relay->tables, connection, false);
	}
	relay->untold = relay->session->open;
	relay_tell_untold(relay);
}
