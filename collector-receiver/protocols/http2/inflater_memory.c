/* Cut pages into pieces, and keep pieces that were given back by size. */
#include "protocols/http2/inflater_memory.h"

#include <stdint.h>
#include <string.h>

struct inflater_page {
	struct inflater_page *next;
	char bytes[];
};

enum kind {
	PIECE,	 /* goes back to the list of its size */
	SETTLED, /* goes back with its page */
	BLOCK,	 /* of the pool */
};

/* Before every piece. */
struct prefix {
	uint32_t bytes; /* with the prefix */
	uint32_t kind;
};

_Static_assert(sizeof(struct prefix) == sizeof(uint64_t), "keeps the alignment");

void inflater_memory_init(struct inflater_memory *memory, struct block_pool *pool)
{
	*memory = (struct inflater_memory){.pool = pool};
}

void inflater_memory_free(struct inflater_memory *memory)
{
	while (memory->pages != NULL) {
		struct inflater_page *page = memory->pages;

		memory->pages = page->next;
		block_pool_give(memory->pool, page, INFLATER_PAGE_BYTES);
	}
}

/* What is left of the page before is lost. */
static struct prefix *cut(struct inflater_memory *memory, size_t bytes)
{
	if (bytes > memory->fresh_bytes) {
		struct inflater_page *page = bytes > INFLATER_PAGE_BYTES - sizeof(*page)
						     ? NULL
						     : block_pool_take(memory->pool, INFLATER_PAGE_BYTES);

		if (page == NULL)
			return NULL;
		page->next = memory->pages;
		memory->pages = page;
		memory->fresh = page->bytes;
		memory->fresh_bytes = INFLATER_PAGE_BYTES - sizeof(*page);
	}
	struct prefix *prefix = (struct prefix *)(void *)memory->fresh;

	memory->fresh += bytes;
	memory->fresh_bytes -= bytes;
	return prefix;
}

static void **list_of(struct inflater_memory *memory, size_t bytes)
{
	return &memory->free[bytes / INFLATER_PIECE_GRAIN - 1];
}

static struct prefix *take_piece(struct inflater_memory *memory, size_t bytes)
{
	void **list = list_of(memory, bytes);
	void *piece = *list;

	if (piece == NULL)
		return cut(memory, bytes);
	memcpy(list, piece, sizeof(*list)); /* a free piece begins with the next one */
	return piece;
}

static void *take(size_t size, void *context)
{
	struct inflater_memory *memory = context;
	struct prefix *prefix;
	uint32_t kind = PIECE;

	if (size > BLOCK_BYTES_MAX)
		return NULL;
	size_t bytes = sizeof(*prefix) + size + INFLATER_PIECE_GRAIN - 1;

	bytes -= bytes % INFLATER_PIECE_GRAIN;
	if (memory->settling) {
		kind = SETTLED;
		prefix = cut(memory, bytes);
	} else if (bytes <= INFLATER_PIECE_BYTES_MAX) {
		prefix = take_piece(memory, bytes);
	} else {
		kind = BLOCK;
		prefix = block_pool_take(memory->pool, bytes);
	}
	if (prefix == NULL)
		return NULL;
	*prefix = (struct prefix){(uint32_t)bytes, kind};
	return prefix + 1;
}

static void give(void *taken, void *context)
{
	struct inflater_memory *memory = context;
	struct prefix *prefix = taken;

	if (taken == NULL)
		return;
	prefix--;
	size_t bytes = prefix->bytes;

	if (prefix->kind == BLOCK) {
		block_pool_give(memory->pool, prefix, bytes);
	} else if (prefix->kind == PIECE) {
		memcpy(prefix, list_of(memory, bytes), sizeof(void *));
		*list_of(memory, bytes) = prefix;
	}
}

static void *take_zeroed(size_t count, size_t size, void *context)
{
	size_t bytes;
	void *taken = __builtin_mul_overflow(count, size, &bytes) ? NULL : take(bytes, context);

	if (taken != NULL)
		memset(taken, 0, bytes);
	return taken;
}

static void *resize(void *taken, size_t size, void *context)
{
	const struct prefix *prefix = taken;
	size_t old = taken == NULL ? 0 : prefix[-1].bytes - sizeof(*prefix);
	void *resized = take(size, context);

	if (resized == NULL)
		return NULL;
	if (old > 0)
		memcpy(resized, taken, old < size ? old : size);
	give(taken, context);
	return resized;
}

nghttp2_mem inflater_memory_functions(struct inflater_memory *memory)
{
	return (nghttp2_mem){memory, take, give, take_zeroed, resize};
}
