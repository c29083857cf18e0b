/* Remember what lives: the processes and connections that a receiver is told of when it attaches. */
#include "live_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void live_tables_init(struct live_tables *tables, size_t processes_max, size_t connections_max)
{
	uint64_t seed = 0;

	/* Before the kernel has any randomness to give, a fixed seed will do. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 0;
	*tables = (struct live_tables){.forgotten = 0};
	id_table_init(&tables->processes, processes_max, seed);
	id_table_init(&tables->processes_by_id, processes_max, seed);
	id_table_init(&tables->connections, connections_max, seed);
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
	id_table_free(&tables->processes_by_id);
}

static size_t process_bytes(const struct live_process *process)
{
	return offsetof(struct live_process, record) + process->record.header.length;
}

static void process_forget(struct live_tables *tables, uint64_t pid)
{
	struct live_process *process = id_table_remove(&tables->processes, pid);

	if (process == NULL)
		return;
	(void)id_table_remove(&tables->processes_by_id, process->record.process_id);
	tables->process_bytes -= process_bytes(process);
	free(process);
}

static void connection_forget(struct live_tables *tables, uint64_t connection_id)
{
	struct live_connection *connection = id_table_remove(&tables->connections, connection_id);

	if (connection == NULL)
		return;
	tables->muted_count -= connection->muted;
	free(connection);
}

/* Add an id that the table lacks, making room by forgetting another. */
static int table_add(struct live_tables *tables, struct id_table *table, void (*forget)(struct live_tables *, uint64_t),
		     uint64_t id, void *value)
{
	void *replaced;

	if (table->count > 0 && table->count >= table->limit) {
		forget(tables, id_table_any(table));
		tables->forgotten++;
	}
	return id_table_set(table, id, value, &replaced);
}

struct live_process *live_tables_process_add(struct live_tables *tables, const struct shm_record_process *record,
					     bool ignored)
{
	size_t bytes = offsetof(struct live_process, record) + record->header.length;
	struct live_process *process = malloc(bytes);
	void *replaced;

	process_forget(tables, record->pid);
	live_tables_process_remove(tables, record->process_id);
	while (tables->processes.count > 0 && tables->process_bytes + bytes > LIVE_PROCESS_BYTES_MAX) {
		process_forget(tables, id_table_any(&tables->processes));
		tables->forgotten++;
	}
	if (process == NULL || table_add(tables, &tables->processes, process_forget, record->pid, process) != 0) {
		free(process);
		tables->forgotten++;
		return NULL;
	}
	process->ignored = ignored;
	process->told = false;
	memcpy(&process->record, record, record->header.length);
	tables->process_bytes += bytes;
	if (id_table_set(&tables->processes_by_id, record->process_id, process, &replaced) != 0) {
		process_forget(tables, record->pid);
		tables->forgotten++;
		return NULL;
	}
	return process;
}

struct live_process *live_tables_process_find(const struct live_tables *tables, uint64_t process_id)
{
	return id_table_find(&tables->processes_by_id, process_id);
}

void live_tables_process_remove(struct live_tables *tables, uint64_t process_id)
{
	const struct live_process *process = live_tables_process_find(tables, process_id);

	if (process != NULL)
		process_forget(tables, process->record.pid);
}

struct live_connection *live_tables_connection_add(struct live_tables *tables,
						   const struct shm_record_connection *record, bool muted)
{
	struct live_connection *connection = malloc(offsetof(struct live_connection, record) + record->header.length);

	connection_forget(tables, record->connection_id);
	if (connection == NULL ||
	    table_add(tables, &tables->connections, connection_forget, record->connection_id, connection) != 0) {
		free(connection);
		tables->forgotten++;
		return NULL;
	}
	connection->muted = muted;
	connection->told = false;
	memcpy(&connection->record, record, record->header.length);
	tables->muted_count += muted;
	return connection;
}

struct live_connection *live_tables_connection_find(const struct live_tables *tables, uint64_t connection_id)
{
	return id_table_find(&tables->connections, connection_id);
}

void live_tables_connection_remove(struct live_tables *tables, uint64_t connection_id)
{
	connection_forget(tables, connection_id);
}

void live_tables_connection_set_muted(struct live_tables *tables, struct live_connection *connection, bool muted)
{
	tables->muted_count -= connection->muted;
	connection->muted = muted;
	tables->muted_count += muted;
}

struct live_process *live_tables_next_process(const struct live_tables *tables, size_t *at)
{
	return id_table_next(&tables->processes, at);
}

struct live_connection *live_tables_next_connection(const struct live_tables *tables, size_t *at)
{
	return id_table_next(&tables->connections, at);
}
