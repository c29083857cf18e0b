/* Hand out and take back blocks in power-of-two size classes under one limit. */
#include "protocols/block_pool.h"

#include <assert.h>
#include <stdlib.h>

struct free_block {
	struct free_block *next;
};

struct block_pool {
	size_t bytes_max;
	size_t bytes_in_use;
	size_t bytes_free; /* kept for reuse */
	struct free_block *free[BLOCK_CLASSES];
};

static unsigned class_of(size_t bytes)
{
	return bytes <= BLOCK_BYTES_MIN ? 0 : (unsigned)(64 - __builtin_clzll((bytes - 1) / BLOCK_BYTES_MIN));
}

static size_t class_bytes(unsigned class)
{
	return (size_t)BLOCK_BYTES_MIN << class;
}

struct block_pool *block_pool_create(size_t bytes_max)
{
	struct block_pool *pool = calloc(1, sizeof(*pool));

	if (pool != NULL)
		pool->bytes_max = bytes_max;
	return pool;
}

/* Free blocks of a size that is out of fashion must not starve the others. */
static void trim(struct block_pool *pool)
{
	for (unsigned class = 0; class < BLOCK_CLASSES; class++) {
		while (pool->free[class] != NULL) {
			struct free_block *block = pool->free[class];

			pool->free[class] = block->next;
			free(block);
		}
	}
	pool->bytes_free = 0;
}

void block_pool_destroy(struct block_pool *pool)
{
	if (pool == NULL)
		return;
	assert(pool->bytes_in_use == 0);
	trim(pool);
	free(pool);
}

void *block_pool_take(struct block_pool *pool, size_t bytes)
{
	if (bytes > BLOCK_BYTES_MAX)
		return NULL;
	unsigned class = class_of(bytes);
	size_t size = class_bytes(class);
	struct free_block *block = pool->free[class];

	if (block != NULL) {
		pool->free[class] = block->next;
		pool->bytes_free -= size;
		pool->bytes_in_use += size;
		return block;
	}
	if (pool->bytes_in_use + pool->bytes_free + size > pool->bytes_max)
		trim(pool);
	if (pool->bytes_in_use + size > pool->bytes_max)
		return NULL;
	void *fresh = malloc(size);

	if (fresh != NULL)
		pool->bytes_in_use += size;
	return fresh;
}

void block_pool_give(struct block_pool *pool, void *block, size_t bytes)
{
	if (block == NULL)
		return;
	unsigned class = class_of(bytes);
	struct free_block *freed = block;

	assert(pool->bytes_in_use >= class_bytes(class));
	pool->bytes_in_use -= class_bytes(class);
	pool->bytes_free += class_bytes(class);
	freed->next = pool->free[class];
	pool->free[class] = freed;
}

size_t block_pool_bytes_in_use(const struct block_pool *pool)
{
	return pool->bytes_in_use;
}
