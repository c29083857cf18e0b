/* Find, add and retire resources; least recently used ones go first. */
#include "otlp/resource_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int resource_cache_init(struct resource_cache *cache, uint32_t count_max)
{
	uint32_t buckets = 64;

	while (buckets < count_max && buckets < UINT32_C(1) << 20)
		buckets *= 2;
	*cache = (struct resource_cache){.count_max = count_max, .bucket_mask = buckets - 1};
	cache->buckets = calloc(buckets, sizeof(struct resource *));
	return cache->buckets == NULL ? -ENOMEM : 0;
}

static struct resource **bucket_of(struct resource_cache *cache, uint64_t process_id)
{
	uint64_t hash = process_id * UINT64_C(0x9e3779b97f4a7c15);

	return &cache->buckets[(hash >> 32) & cache->bucket_mask];
}

static void unlink_age(struct resource_cache *cache, struct resource *r)
{
	*(r->older != NULL ? &r->older->newer : &cache->oldest) = r->newer;
	*(r->newer != NULL ? &r->newer->older : &cache->newest) = r->older;
	r->older = r->newer = NULL;
}

static void link_newest(struct resource_cache *cache, struct resource *r)
{
	r->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = r;
	cache->newest = r;
}

static void unindex(struct resource_cache *cache, struct resource *r)
{
	struct resource **at = bucket_of(cache, r->process_id);

	if (!r->indexed)
		return;
	while (*at != r)
		at = &(*at)->chain;
	*at = r->chain;
	r->indexed = false;
}

/* It stays to be found until the sweep: the last exchanges of a process come when its connections are closed, and that
 * is behind its exit. */
static void end_resource(struct resource_cache *cache, struct resource *r)
{
	if (!r->ended)
		cache->ended_count++;
	r->ended = true;
}

static struct resource *find_indexed(struct resource_cache *cache, uint64_t process_id)
{
	struct resource *r = *bucket_of(cache, process_id);

	while (r != NULL && r->process_id != process_id)
		r = r->chain;
	return r;
}

void resource_cache_supersede(struct resource_cache *cache, struct resource *resource)
{
	end_resource(cache, resource);
	unindex(cache, resource);
}

struct resource *resource_cache_find(struct resource_cache *cache, uint64_t process_id, uint64_t now_ns)
{
	struct resource *r = find_indexed(cache, process_id);

	if (r == NULL)
		return NULL;
	r->used_ns = now_ns;
	if (r != cache->newest) {
		unlink_age(cache, r);
		link_newest(cache, r);
	}
	return r;
}

bool resource_cache_full(const struct resource_cache *cache)
{
	return cache->count >= cache->count_max;
}

struct resource *resource_cache_add(struct resource_cache *cache, uint64_t process_id, uint64_t revision,
				    uint64_t now_ns, struct slice encoded)
{
	struct resource *r = calloc(1, sizeof(*r));
	struct resource **bucket = bucket_of(cache, process_id);

	assert(!resource_cache_full(cache));
	if (r == NULL)
		return NULL;
	r->encoded = malloc(encoded.length);
	if (r->encoded == NULL) {
		free(r);
		return NULL;
	}
	memcpy(r->encoded, encoded.bytes, encoded.length);
	r->encoded_length = encoded.length;
	r->process_id = process_id;
	r->revision = revision;
	r->used_ns = now_ns;
	r->indexed = true;
	r->chain = *bucket;
	*bucket = r;
	link_newest(cache, r);
	cache->count++;
	return r;
}

void resource_cache_end(struct resource_cache *cache, uint64_t process_id)
{
	struct resource *r = find_indexed(cache, process_id);

	if (r != NULL)
		end_resource(cache, r);
}

void resource_cache_end_oldest(struct resource_cache *cache, uint32_t count)
{
	for (struct resource *r = cache->oldest; r != NULL && count > 0; r = r->newer) {
		if (r->ended)
			continue;
		end_resource(cache, r);
		count--;
	}
}

void resource_cache_end_idle(struct resource_cache *cache, uint64_t used_before_ns)
{
	for (struct resource *r = cache->oldest; r != NULL && r->used_ns < used_before_ns; r = r->newer)
		end_resource(cache, r);
}

static void free_resource(struct resource *r, struct series_limits *limits)
{
	for (int i = 0; i < DURATION_METRIC_COUNT; i++)
		series_table_clear(&r->series[i], limits);
	free(r->encoded);
	free(r);
}

void resource_cache_sweep(struct resource_cache *cache, struct series_limits *limits)
{
	struct resource *next;

	for (struct resource *r = cache->oldest; r != NULL && cache->ended_count > 0; r = next) {
		next = r->newer;
		if (!r->ended)
			continue;
		assert(!r->in_batch);
		unindex(cache, r);
		unlink_age(cache, r);
		free_resource(r, limits);
		cache->count--;
		cache->ended_count--;
	}
}

void resource_cache_free(struct resource_cache *cache, struct series_limits *limits)
{
	struct resource *next;

	for (struct resource *r = cache->oldest; r != NULL; r = next) {
		next = r->newer;
		free_resource(r, limits);
	}
	free(cache->buckets);
	*cache = (struct resource_cache){0};
}
