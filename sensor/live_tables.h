/* Remember what lives: the processes and connections that a receiver is told of when it attaches. */
#ifndef SENSOR_LIVE_TABLES_H
#define SENSOR_LIVE_TABLES_H

#include "id_table.h"
#include "shm_protocol/record.h"

enum { LIVE_PROCESS_BYTES_MAX = 16 * 1024 * 1024 }; /* of process records, strings included */

struct live_process {
	bool ignored;                     /* by the filters: in no snapshot */
	bool told;                        /* the present receiver has its record */
	uint32_t kernel_pid;              /* set by the caller: its number in the initial pid namespace */
	struct shm_record_process record; /* followed by its strings */
};

struct live_connection {
	bool muted; /* its owner was ignored when it was announced: its data goes no further */
	bool told;
	struct shm_record_connection record; /* followed by its path */
};

/* A full table forgets one entry for each that is added and counts it, so that entries whose end was lost go in time.
 * Entries stay where they are until they are removed or forgotten. */
struct live_tables {
	struct id_table processes;       /* pid -> struct live_process */
	struct id_table processes_by_id; /* process_id -> the same entries */
	struct id_table connections;     /* connection_id -> struct live_connection */
	size_t process_bytes;
	size_t muted_count;
	uint64_t forgotten; /* entries that the next snapshot lacks */
};

/* The limits are numbers of entries. */
void live_tables_init(struct live_tables *tables, size_t processes_max, size_t connections_max);
void live_tables_free(struct live_tables *tables);

/* Keep a copy of a process record. Whatever had its pid before is forgotten: that program or process is over. NULL if
 * it could not be kept (counted as forgotten). */
struct live_process *live_tables_process_add(struct live_tables *tables, const struct shm_record_process *record,
					     bool ignored);
struct live_process *live_tables_process_find(const struct live_tables *tables, uint64_t process_id);
void live_tables_process_remove(struct live_tables *tables, uint64_t process_id);

/* Keep a copy of a connection record; it replaces an earlier one of the same connection. NULL as above. */
struct live_connection *live_tables_connection_add(struct live_tables *tables,
						   const struct shm_record_connection *record, bool muted);
struct live_connection *live_tables_connection_find(const struct live_tables *tables, uint64_t connection_id);
void live_tables_connection_remove(struct live_tables *tables, uint64_t connection_id);
void live_tables_connection_set_muted(struct live_tables *tables, struct live_connection *connection, bool muted);

/* On the way of every data record: costs a comparison while nothing is muted. */
static inline bool live_tables_is_muted(const struct live_tables *tables, uint64_t connection_id)
{
	if (tables->muted_count == 0)
		return false;
	const struct live_connection *connection = live_tables_connection_find(tables, connection_id);

	return connection != NULL && connection->muted;
}

/* Walk all entries. Start with *at = 0; NULL at the end. No entry may be added or removed meanwhile. */
struct live_process *live_tables_next_process(const struct live_tables *tables, size_t *at);
struct live_connection *live_tables_next_connection(const struct live_tables *tables, size_t *at);

#endif
