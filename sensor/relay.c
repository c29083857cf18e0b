/* Turn what the kernel side reports into records for the receiver. */
#include "relay.h"

#include "relay_tell.h"
#include "shm_protocol/record_check.h"

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

/* For the announcement that an event brings. One that finds no room is made later; without a receiver there is nothing
 * to make up for, since attaching begins with everything. */
static bool announce(struct relay *relay, const struct shm_record_header *record)
{
	bool told = ring_session_write(relay->session, record, record->length);

	relay->untold = relay->untold || (!told && relay->session->open);
	return told;
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

static void pass_verdict(struct relay *relay, uint32_t kernel_pid, enum verdict verdict)
{
	/* It fails when the process has ended meanwhile; nothing more comes from it then. */
	(void)relay->options.set_verdict(relay->options.context, kernel_pid, verdict);
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
		pass_verdict(relay, event->kernel_pid, verdict);
	struct live_process *process = live_tables_process_add(&relay->tables, record, verdict == VERDICT_IGNORE);

	count_forgotten(relay);
	if (process != NULL)
		process->kernel_pid = event->kernel_pid;
	if (verdict == VERDICT_IGNORE) {
		filter(relay);
		return;
	}
	bool told = announce(relay, &record->header);

	if (process != NULL)
		process->told = told;
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
		/* Once it has the verdict, the kernel side ends it as evicted: of interest to a receiver that knows it.
		 */
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
	if (owner != NULL && relay->session->open && !relay_tell_process(relay, owner)) {
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

static void decide_again(struct relay *relay, struct live_process *process)
{
	bool ignored = decide(relay, &process->record) == VERDICT_IGNORE;

	if (ignored == process->ignored)
		return;
	pass_verdict(relay, process->kernel_pid, ignored ? VERDICT_IGNORE : VERDICT_WATCH);
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
