/* Remember what lives: the processes and connections that a receiver is told of when it attaches. */
#include "live_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct live_process {
	bool ignored;
	/* The whole record of a watched process; of an ignored one, which no snapshot contains, the fixed part. */
	struct shm_record_process record;
};

/* What sets map their ids to. */
static char member;

void live_tables_init(struct live_tables *tables, size_t processes_max, size_t connections_max)
{
	uint64_t seed = 0;

	/* Before the kernel has any randomness to give, a fixed seed will do. */
	(void)getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	*tables = (struct live_tables){0};
	id_table_init(&tables->processes, processes_max, seed);
	id_table_init(&tables->ignored, processes_max, seed);
	id_table_init(&tables->connections, connections_max, seed);
	id_table_init(&tables->muted, LIVE_MUTED_MAX, seed);
}

static void values_free(struct id_table *table)
{
	size_t at = 0;
	void *value;

	while ((value = id_table_next(table, &at)) != NULL)
		free(value);
	id_table_free(table);
}

void live_tables_free(struct live_tables *tables)
{
	values_free(&tables->processes);
	values_free(&tables->connections);
	id_table_free(&tables->ignored);
	id_table_free(&tables->muted);
}

/* Make room for one by forgetting another. */
static int table_add(struct live_tables *tables, struct id_table *table, void (*forget)(struct live_tables *, uint64_t),
		     uint64_t id, void *value)
{
	void *replaced;
	int error = id_table_set(table, id, value, &replaced);

	if (error == -ENOSPC && table->count > 0) {
		forget(tables, id_table_any(table));
		tables->forgotten++;
		error = id_table_set(table, id, value, &replaced);
	}
	if (error != 0)
		tables->forgotten++;
	return error;
}

static size_t process_bytes(const struct live_process *process)
{
	return offsetof(struct live_process, record) +
	       (process->ignored ? sizeof(process->record) : process->record.header.length);
}

static void process_forget(struct live_tables *tables, uint64_t pid)
{
	struct live_process *process = id_table_remove(&tables->processes, pid);

	if (process == NULL)
		return;
	if (process->ignored)
		(void)id_table_remove(&tables->ignored, process->record.process_id);
	tables->process_bytes -= process_bytes(process);
	free(process);
}

static void ignored_forget(struct live_tables *tables, uint64_t process_id)
{
	(void)id_table_remove(&tables->ignored, process_id);
}

void live_tables_process_add(struct live_tables *tables, const struct shm_record_process *record, bool ignored)
{
	size_t record_bytes = ignored ? sizeof(*record) : record->header.length;
	size_t bytes = offsetof(struct live_process, record) + record_bytes;
	struct live_process *process = malloc(bytes);

	process_forget(tables, record->pid);
	while (tables->processes.count > 0 && tables->process_bytes + bytes > LIVE_PROCESS_BYTES_MAX) {
		process_forget(tables, id_table_any(&tables->processes));
		tables->forgotten++;
	}
	if (process == NULL) {
		tables->forgotten++;
		return;
	}
	process->ignored = ignored;
	memcpy(&process->record, record, record_bytes);
	if (table_add(tables, &tables->processes, process_forget, record->pid, process) != 0) {
		free(process);
		return;
	}
	tables->process_bytes += bytes;
	if (ignored)
		(void)table_add(tables, &tables->ignored, ignored_forget, record->process_id, &member);
}

void live_tables_process_remove(struct live_tables *tables, uint32_t pid, uint64_t process_id)
{
	const struct live_process *process = id_table_find(&tables->processes, pid);

	if (process != NULL && process->record.process_id == process_id)
		process_forget(tables, pid);
}

bool live_tables_process_is_ignored(const struct live_tables *tables, uint64_t process_id)
{
	return id_table_find(&tables->ignored, process_id) != NULL;
}

static void connection_forget(struct live_tables *tables, uint64_t connection_id)
{
	free(id_table_remove(&tables->connections, connection_id));
}

void live_tables_connection_add(struct live_tables *tables, const struct shm_record_connection *connection)
{
	void *copy = malloc(connection->header.length);

	connection_forget(tables, connection->connection_id);
	if (copy == NULL) {
		tables->forgotten++;
		return;
	}
	memcpy(copy, connection, connection->header.length);
	if (table_add(tables, &tables->connections, connection_forget, connection->connection_id, copy) != 0)
		free(copy);
}

bool live_tables_connection_remove(struct live_tables *tables, uint64_t connection_id)
{
	void *connection = id_table_remove(&tables->connections, connection_id);

	free(connection);
	return connection != NULL;
}

void live_tables_unmute(struct live_tables *tables, uint64_t connection_id)
{
	(void)id_table_remove(&tables->muted, connection_id);
}

void live_tables_mute(struct live_tables *tables, uint64_t connection_id)
{
	uint64_t forgotten = tables->forgotten;

	(void)table_add(tables, &tables->muted, live_tables_unmute, connection_id, &member);
	tables->forgotten = forgotten; /* no snapshot lacks these */
}

void live_tables_unmute_all(struct live_tables *tables)
{
	id_table_free(&tables->muted);
}

const struct shm_record_process *live_tables_next_process(const struct live_tables *tables, size_t *at)
{
	const struct live_process *process;

	do {
		process = id_table_next(&tables->processes, at);
	} while (process != NULL && process->ignored);
	return process == NULL ? NULL : &process->record;
}

const struct shm_record_connection *live_tables_next_connection(const struct live_tables *tables, size_t *at)
{
	return id_table_next(&tables->connections, at);
}
