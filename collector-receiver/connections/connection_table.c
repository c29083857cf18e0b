/* Keep connections by id and by last use. */
#include "connections/connection_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int connection_table_init(struct connection_table *table, uint32_t connections_max)
{
	*table = (struct connection_table){
		.connections_max = connections_max, .free = ID_MAP_NONE, .newest = ID_MAP_NONE, .oldest = ID_MAP_NONE};
	table->slots = calloc(connections_max, sizeof(*table->slots));
	if (table->slots == NULL || id_map_init(&table->map, connections_max) != 0) {
		free(table->slots);
		table->slots = NULL;
		return -ENOMEM;
	}
	return 0;
}

void connection_table_free(struct connection_table *table)
{
	assert(table->count == 0);
	id_map_free(&table->map);
	free(table->slots);
	table->slots = NULL;
}

static uint32_t slot_of(const struct connection_table *table, const struct connection *c)
{
	return (uint32_t)(c - table->slots);
}

static void list_remove(struct connection_table *table, struct connection *c)
{
	if (c->newer != ID_MAP_NONE)
		table->slots[c->newer].older = c->older;
	else
		table->newest = c->older;
	if (c->older != ID_MAP_NONE)
		table->slots[c->older].newer = c->newer;
	else
		table->oldest = c->newer;
}

static void list_add_newest(struct connection_table *table, struct connection *c)
{
	uint32_t slot = slot_of(table, c);

	c->newer = ID_MAP_NONE;
	c->older = table->newest;
	if (table->newest != ID_MAP_NONE)
		table->slots[table->newest].newer = slot;
	else
		table->oldest = slot;
	table->newest = slot;
}

struct connection *connection_table_find(struct connection_table *table, uint64_t connection_id)
{
	uint32_t slot = id_map_find(&table->map, connection_id);

	if (slot == ID_MAP_NONE)
		return NULL;
	struct connection *c = &table->slots[slot];

	if (table->newest != slot) {
		list_remove(table, c);
		list_add_newest(table, c);
	}
	return c;
}

static uint32_t take_slot(struct connection_table *table)
{
	uint32_t slot = table->free;

	if (slot == ID_MAP_NONE)
		return table->touched++;
	table->free = table->slots[slot].older;
	return slot;
}

struct connection *connection_table_add(struct connection_table *table, uint64_t connection_id)
{
	assert(!connection_table_is_full(table));
	uint32_t slot = take_slot(table);
	struct connection *c = &table->slots[slot];

	*c = (struct connection){.connection_id = connection_id};
	list_add_newest(table, c);
	id_map_add(&table->map, connection_id, slot);
	table->count++;
	return c;
}

void connection_table_remove(struct connection_table *table, struct connection *c)
{
	list_remove(table, c);
	id_map_remove(&table->map, c->connection_id);
	c->older = table->free;
	table->free = slot_of(table, c);
	table->count--;
}

bool connection_table_is_full(const struct connection_table *table)
{
	return table->count == table->connections_max;
}

struct connection *connection_table_oldest(const struct connection_table *table)
{
	return table->oldest == ID_MAP_NONE ? NULL : &table->slots[table->oldest];
}

struct connection *connection_table_newer(const struct connection_table *table, const struct connection *c)
{
	return c->newer == ID_MAP_NONE ? NULL : &table->slots[c->newer];
}
