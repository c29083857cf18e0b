/* Map ids to slots. */
#include "connections/id_map.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

int id_map_init(struct id_map *map, uint32_t count)
{
	uint64_t capacity = 16;

	while (capacity < (uint64_t)count * 2)
		capacity *= 2;
	if (capacity > UINT32_MAX)
		return -ENOMEM;
	map->entries = calloc(capacity, sizeof(*map->entries));
	if (map->entries == NULL)
		return -ENOMEM;
	map->mask = (uint32_t)(capacity - 1);
	if (getrandom(&map->seed, sizeof(map->seed), GRND_NONBLOCK) != sizeof(map->seed))
		map->seed = (uintptr_t)map->entries;
	return 0;
}

void id_map_free(struct id_map *map)
{
	free(map->entries);
	map->entries = NULL;
}

static uint32_t home_of(const struct id_map *map, uint64_t id)
{
	uint64_t x = (id ^ map->seed) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(x >> 32) & map->mask;
}

/* The entry of `id`, or the free one where it would be. */
static uint32_t place_of(const struct id_map *map, uint64_t id)
{
	uint32_t i = home_of(map, id);

	while (map->entries[i].slot_plus_one != 0 && map->entries[i].id != id)
		i = (i + 1) & map->mask;
	return i;
}

uint32_t id_map_find(const struct id_map *map, uint64_t id)
{
	return map->entries[place_of(map, id)].slot_plus_one - 1; /* ID_MAP_NONE is UINT32_MAX */
}

void id_map_add(struct id_map *map, uint64_t id, uint32_t slot)
{
	map->entries[place_of(map, id)] = (struct id_map_entry){id, slot + 1};
}

/* Close the gap: move back every later entry of the run that may stand nearer to its home. */
void id_map_remove(struct id_map *map, uint64_t id)
{
	uint32_t gap = place_of(map, id);

	if (map->entries[gap].slot_plus_one == 0)
		return;
	for (uint32_t i = (gap + 1) & map->mask; map->entries[i].slot_plus_one != 0; i = (i + 1) & map->mask) {
		uint32_t home = home_of(map, map->entries[i].id);

		if (((i - home) & map->mask) >= ((i - gap) & map->mask)) {
			map->entries[gap] = map->entries[i];
			gap = i;
		}
	}
	map->entries[gap].slot_plus_one = 0;
}
