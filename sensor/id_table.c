/* Map 64-bit ids to values in memory that grows with use, up to a limit. */
#include "id_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { SLOTS_MIN = 64 };

void id_table_init(struct id_table *table, size_t limit, uint64_t seed)
{
	*table = (struct id_table){.limit = limit, .seed = seed};
}

void id_table_free(struct id_table *table)
{
	free(table->slots);
	*table = (struct id_table){.limit = table->limit, .seed = table->seed};
}

/* The finaliser of MurmurHash3: every bit of the id reaches the low bits. */
static size_t home(const struct id_table *table, uint64_t id)
{
	id ^= table->seed;
	id ^= id >> 33;
	id *= UINT64_C(0xff51afd7ed558ccd);
	id ^= id >> 33;
	id *= UINT64_C(0xc4ceb9fe1a85ec53);
	id ^= id >> 33;
	return (size_t)id & (table->slot_count - 1);
}

/* The slot of the id, or the free one where it would go. There always is a free one. */
static size_t position(const struct id_table *table, uint64_t id)
{
	size_t at = home(table, id);

	while (table->slots[at].value != NULL && table->slots[at].id != id)
		at = (at + 1) & (table->slot_count - 1);
	return at;
}

void *id_table_find(const struct id_table *table, uint64_t id)
{
	return table->count == 0 ? NULL : table->slots[position(table, id)].value;
}

static int grow(struct id_table *table)
{
	struct id_table larger = *table;

	larger.slot_count = table->slot_count == 0 ? SLOTS_MIN : table->slot_count * 2;
	larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
	if (larger.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->slot_count; i++)
		if (table->slots[i].value != NULL)
			larger.slots[position(&larger, table->slots[i].id)] = table->slots[i];
	free(table->slots);
	*table = larger;
	return 0;
}

int id_table_set(struct id_table *table, uint64_t id, void *value, void **replaced)
{
	assert(value != NULL);
	*replaced = id_table_find(table, id);
	if (*replaced != NULL) {
		table->slots[position(table, id)].value = value;
		return 0;
	}
	if (table->count >= table->limit)
		return -ENOSPC;
	/* At most three quarters full: a walk along a run of slots stays short. */
	if (table->count >= table->slot_count / 4 * 3) {
		int error = grow(table);

		if (error != 0)
			return error;
	}
	table->slots[position(table, id)] = (struct id_table_slot){id, value};
	table->count++;
	return 0;
}

void *id_table_remove(struct id_table *table, uint64_t id)
{
	if (table->count == 0)
		return NULL;
	size_t mask = table->slot_count - 1;
	size_t hole = position(table, id);
	void *value = table->slots[hole].value;

	if (value == NULL)
		return NULL;
	/* Close the gap: whatever a probe from its home would meet only behind the hole moves into it. */
	for (size_t at = (hole + 1) & mask; table->slots[at].value != NULL; at = (at + 1) & mask) {
		size_t from_home = (at - home(table, table->slots[at].id)) & mask;

		if (from_home >= ((at - hole) & mask)) {
			table->slots[hole] = table->slots[at];
			hole = at;
		}
	}
	table->slots[hole].value = NULL;
	table->count--;
	return value;
}

uint64_t id_table_any(struct id_table *table)
{
	assert(table->count > 0);
	do {
		table->hand = (table->hand + 1) & (table->slot_count - 1);
	} while (table->slots[table->hand].value == NULL);
	return table->slots[table->hand].id;
}

void *id_table_next(const struct id_table *table, size_t *at)
{
	while (*at < table->slot_count) {
		void *value = table->slots[(*at)++].value;

		if (value != NULL)
			return value;
	}
	return NULL;
}
