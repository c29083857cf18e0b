/* Remember what lives: the processes and connections that a receiver is told of when it attaches. */
#ifndef SENSOR_LIVE_TABLES_H
#define SENSOR_LIVE_TABLES_H

#include "id_table.h"
#include "shm_protocol/record.h"

enum {
	LIVE_PROCESS_BYTES_MAX = 16 * 1024 * 1024, /* of process records, strings included */
	LIVE_MUTED_MAX = 65536,
};

/* All of it is kept for snapshots and for the moment between the first event of a process and the verdict over it: the
 * way of a data record leads through live_tables_is_muted only. A full table forgets one entry for each that is added
 * and counts it, so that entries whose end was lost go in time. */
struct live_tables {
	struct id_table processes;   /* pid -> struct live_process */
	struct id_table ignored;     /* process_id, of the processes above that are ignored */
	struct id_table connections; /* connection_id -> struct shm_record_connection with its path */
	struct id_table muted;       /* connection_id, of ignored processes */
	size_t process_bytes;
	uint64_t forgotten; /* entries that the next snapshot lacks */
};

/* The limits are numbers of entries. */
void live_tables_init(struct live_tables *tables, size_t processes_max, size_t connections_max);
void live_tables_free(struct live_tables *tables);

/* Keep a copy of a process record. Whatever had its pid before is forgotten: that program or process is over. */
void live_tables_process_add(struct live_tables *tables, const struct shm_record_process *process, bool ignored);
void live_tables_process_remove(struct live_tables *tables, uint32_t pid, uint64_t process_id);

/* True if the process was added as ignored. */
bool live_tables_process_is_ignored(const struct live_tables *tables, uint64_t process_id);

/* Keep a copy of a connection record; it replaces an earlier one of the same connection. */
void live_tables_connection_add(struct live_tables *tables, const struct shm_record_connection *connection);
/* False if it was not there. */
bool live_tables_connection_remove(struct live_tables *tables, uint64_t connection_id);

/* Connections of ignored processes, whose events are already under way. A verdict soon stops further ones in the
 * kernel, so the set is emptied a while after the last was added. */
void live_tables_mute(struct live_tables *tables, uint64_t connection_id);
void live_tables_unmute(struct live_tables *tables, uint64_t connection_id);
void live_tables_unmute_all(struct live_tables *tables);

static inline bool live_tables_is_muted(const struct live_tables *tables, uint64_t connection_id)
{
	return tables->muted.count != 0 && id_table_find(&tables->muted, connection_id) != NULL;
}

/* Walk the watched processes, then the connections. Start with *at = 0; NULL at the end. Borrowed until the tables
 * change. */
const struct shm_record_process *live_tables_next_process(const struct live_tables *tables, size_t *at);
const struct shm_record_connection *live_tables_next_connection(const struct live_tables *tables, size_t *at);

#endif
