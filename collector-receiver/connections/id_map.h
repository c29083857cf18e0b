/* From 64-bit ids to slots of a table: open addressing, linear probing, fixed capacity, never more than half full. */
#ifndef CONNECTIONS_ID_MAP_H
#define CONNECTIONS_ID_MAP_H

#include <stdint.h>
#include <stdbool.h>

enum { ID_MAP_NONE = UINT32_MAX };

struct id_map_entry {
	uint64_t id;
	uint32_t slot_plus_one; /* 0: free. A map that was never written to costs no memory */
};

struct id_map {
	struct id_map_entry *entries;
	uint32_t mask;
	uint64_t seed; /* ids are another process's choice */
};

/* Room for `count` ids. 0 or -ENOMEM. */
int id_map_init(struct id_map *map, uint32_t count) __attribute__((warn_unused_result));
void id_map_free(struct id_map *map);

/* ID_MAP_NONE if absent. */
uint32_t id_map_find(const struct id_map *map, uint64_t id);

/* `id` must be absent, and the map hold fewer than `count`. */
void id_map_add(struct id_map *map, uint64_t id, uint32_t slot);
void id_map_remove(struct id_map *map, uint64_t id);

#endif
