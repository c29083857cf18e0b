/* Connections by id, as many as a limit allows; the one that was idle longest makes room. */
#ifndef CONNECTIONS_CONNECTION_TABLE_H
#define CONNECTIONS_CONNECTION_TABLE_H

#include "connections/connection.h"
#include "connections/id_map.h"

struct connection_table {
	struct id_map map;
	struct connection *slots;
	uint32_t connections_max;
	uint32_t touched; /* slots below this one have been used: memory above it was never written */
	uint32_t count;
	uint32_t free;           /* list of free slots, through `older` */
	uint32_t newest, oldest; /* list by last use */
};

/* 0 or -ENOMEM. */
int connection_table_init(struct connection_table *table, uint32_t connections_max) __attribute__((warn_unused_result));
void connection_table_free(struct connection_table *table); /* must be empty */

/* NULL if unknown. Counts as use. */
struct connection *connection_table_find(struct connection_table *table, uint64_t connection_id);

/* Zeroed but for its id. The id must be unknown and the table not full. */
struct connection *connection_table_add(struct connection_table *table, uint64_t connection_id);
void connection_table_remove(struct connection_table *table, struct connection *c);

bool connection_table_is_full(const struct connection_table *table);

/* NULL when empty. */
struct connection *connection_table_oldest(const struct connection_table *table);

/* The next one that was used later; NULL at the end. */
struct connection *connection_table_newer(const struct connection_table *table, const struct connection *c);

#endif
