/* Map 64-bit ids to values in memory that grows with use, up to a limit. */
#ifndef SENSOR_ID_TABLE_H
#define SENSOR_ID_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_table_slot {
	uint64_t id;
	void *value; /* NULL: the slot is free */
};

/* Open addressing with linear probing. Owns its slots; the values belong to the caller. */
struct id_table {
	struct id_table_slot *slots;
	size_t slot_count; /* 0 or a power of two */
	size_t count;
	size_t limit;
	uint64_t seed; /* so that nobody outside can choose ids that collide */
	size_t hand;   /* where id_table_any looks next */
};

void id_table_init(struct id_table *table, size_t limit, uint64_t seed);
void id_table_free(struct id_table *table);

/* NULL if absent. */
void *id_table_find(const struct id_table *table, uint64_t id);

/* `value` is not NULL. Returns the value that was replaced in *replaced, else NULL. -ENOSPC: the limit is reached;
 * -ENOMEM. On failure nothing has changed. */
int id_table_set(struct id_table *table, uint64_t id, void *value, void **replaced) __attribute__((warn_unused_result));

/* Returns the value that was removed, or NULL. */
void *id_table_remove(struct id_table *table, uint64_t id);

/* Any one id of a table that is not empty, going round the table from call to call. */
uint64_t id_table_any(struct id_table *table);

/* Walk: start with *at = 0; NULL at the end. The table must not change meanwhile. */
void *id_table_next(const struct id_table *table, size_t *at);

#endif
