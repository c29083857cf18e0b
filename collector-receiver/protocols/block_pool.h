/* Bounded memory in blocks of a few sizes: whatever a connection needs beyond its table entry comes from here. */
#ifndef PROTOCOLS_BLOCK_POOL_H
#define PROTOCOLS_BLOCK_POOL_H

#include <stddef.h>

enum {
	BLOCK_BYTES_MIN = 128,
	BLOCK_CLASSES = 11, /* 128 bytes to 128 KiB */
	BLOCK_BYTES_MAX = BLOCK_BYTES_MIN << (BLOCK_CLASSES - 1),
};

struct block_pool;

/* `bytes_max` bounds what is held in all, free blocks kept for reuse included. NULL if there is no memory. */
struct block_pool *block_pool_create(size_t bytes_max) __attribute__((warn_unused_result));

/* Every block must have been given back. NULL is allowed. */
void block_pool_destroy(struct block_pool *pool);

/* At least `bytes` bytes, uninitialised, aligned for any type. NULL at the limit, without memory, or beyond
 * BLOCK_BYTES_MAX. In steady use no allocator call is made. */
void *block_pool_take(struct block_pool *pool, size_t bytes) __attribute__((warn_unused_result));

/* `bytes` as asked for when it was taken. NULL is allowed. */
void block_pool_give(struct block_pool *pool, void *block, size_t bytes);

/* Bytes of blocks that are taken. */
size_t block_pool_bytes_in_use(const struct block_pool *pool);

#endif
