/* Memory of one inflater: many small pieces of a few sizes, cut from blocks of the pool. A header table of 4096 bytes
 * has a hundred and more of them, which would cost a block each. */
#ifndef PROTOCOLS_HTTP2_INFLATER_MEMORY_H
#define PROTOCOLS_HTTP2_INFLATER_MEMORY_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>

#include "protocols/block_pool.h"

enum {
	INFLATER_PAGE_BYTES = 2048,
	INFLATER_PIECE_GRAIN = 16,
	INFLATER_PIECE_BYTES_MAX = 256, /* larger ones are blocks */
	INFLATER_PIECE_SIZES = INFLATER_PIECE_BYTES_MAX / INFLATER_PIECE_GRAIN,
};

struct inflater_memory {
	struct block_pool *pool;
	struct inflater_page *pages;
	char *fresh; /* of the newest page, what was never used */
	size_t fresh_bytes;
	void *free[INFLATER_PIECE_SIZES];
	bool settling; /* what is taken now stays as long as the memory: it is cut from a page, whatever its size */
};

void inflater_memory_init(struct inflater_memory *memory, struct block_pool *pool);

/* Give back all pages. Everything that was taken must have been given back. */
void inflater_memory_free(struct inflater_memory *memory);

/* For nghttp2. Pieces are aligned for pointers and 64-bit numbers, it has nothing that needs more. */
nghttp2_mem inflater_memory_functions(struct inflater_memory *memory);

#endif
