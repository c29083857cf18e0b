/* Remember what the prepared statements and portals of a connection stand for. */
#include <assert.h>

#include "counters.h"
#include "protocols/postgresql/postgresql.h"

/* ---- texts ---- */

static size_t text_bytes(size_t length)
{
	return sizeof(struct postgresql_text) + length;
}

struct postgresql_text *postgresql_text_create(const struct flow *flow, struct slice text, bool cut)
{
	struct postgresql_text *copy = block_pool_take(flow->pool, text_bytes(text.length));

	if (copy == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	copy->references = 1;
	copy->length = (uint32_t)text.length;
	copy->cut = cut;
	copy->refused = false;
	memcpy(copy->bytes, text.bytes, text.length);
	return copy;
}

struct postgresql_text *postgresql_text_hold(struct postgresql_text *text)
{
	if (text != NULL)
		text->references++;
	return text;
}

void postgresql_text_release(const struct flow *flow, struct postgresql_text *text)
{
	if (text == NULL)
		return;
	assert(text->references > 0);
	if (--text->references == 0)
		block_pool_give(flow->pool, text, text_bytes(text->length));
}

/* ---- names ---- */

uint32_t postgresql_name_hash(char kind, struct slice name)
{
	uint32_t hash = 2166136261u ^ (unsigned char)kind; /* FNV-1a */

	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (unsigned char)name.bytes[i]) * 16777619u;
	return hash;
}

static struct postgresql_named **bucket_of(struct postgresql_names *names, char kind, struct slice name)
{
	return &names->buckets[postgresql_name_hash(kind, name) % POSTGRESQL_NAME_BUCKETS];
}

static bool is_named(const struct postgresql_named *named, char kind, struct slice name)
{
	return named->kind == kind && slice_equal((struct slice){named->name, named->name_length}, name);
}

static void unlink_by_use(struct postgresql_names *names, struct postgresql_named *named)
{
	*(named->newer == NULL ? &names->newest : &named->newer->older) = named->older;
	*(named->older == NULL ? &names->oldest : &named->older->newer) = named->newer;
}

static void link_newest(struct postgresql_names *names, struct postgresql_named *named)
{
	named->newer = NULL;
	named->older = names->newest;
	*(names->newest == NULL ? &names->oldest : &names->newest->newer) = named;
	names->newest = named;
}

struct postgresql_named *postgresql_names_find(struct postgresql_names *names, char kind, struct slice name)
{
	struct postgresql_named *named = *bucket_of(names, kind, name);

	while (named != NULL && !is_named(named, kind, name))
		named = named->next;
	if (named != NULL && named != names->newest) {
		unlink_by_use(names, named);
		link_newest(names, named);
	}
	return named;
}

static uint32_t text_bytes_of(const struct postgresql_text *text)
{
	return text == NULL ? 0 : text->length;
}

static void forget(struct postgresql_names *names, const struct flow *flow, struct postgresql_named *named)
{
	struct postgresql_named **at = bucket_of(names, named->kind, (struct slice){named->name, named->name_length});

	while (*at != named)
		at = &(*at)->next;
	*at = named->next;
	unlink_by_use(names, named);
	names->count--;
	names->portals -= named->kind == 'P';
	names->text_bytes -= text_bytes_of(named->text);
	postgresql_text_release(flow, named->text);
	block_pool_give(flow->pool, named, sizeof(*named));
}

static void evict_oldest(struct postgresql_names *names, const struct flow *flow)
{
	counter_add(COUNTER_STATEMENTS_EVICTED, 1);
	forget(names, flow, names->oldest);
}

/* NULL if there is no room, which is counted. */
static struct postgresql_named *add(struct postgresql_names *names, const struct flow *flow, char kind,
				    struct slice name)
{
	if (name.length > POSTGRESQL_NAME_BYTES_MAX)
		return NULL;
	if (names->count >= POSTGRESQL_NAMES_MAX)
		evict_oldest(names, flow);
	struct postgresql_named *named = block_pool_take(flow->pool, sizeof(*named));
	struct postgresql_named **bucket = bucket_of(names, kind, name);

	if (named == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	named->kind = kind;
	named->name_length = (uint8_t)name.length;
	memcpy(named->name, name.bytes, name.length);
	named->text = NULL;
	named->next = *bucket;
	*bucket = named;
	link_newest(names, named);
	names->count++;
	names->portals += kind == 'P';
	return named;
}

void postgresql_names_set(struct postgresql_names *names, const struct flow *flow, char kind, struct slice name,
			  struct postgresql_text *text, bool parameterised)
{
	struct postgresql_named *named = postgresql_names_find(names, kind, name);

	if (named == NULL)
		named = add(names, flow, kind, name);
	if (named == NULL)
		return;
	names->text_bytes += text_bytes_of(postgresql_text_hold(text));
	names->text_bytes -= text_bytes_of(named->text);
	postgresql_text_release(flow, named->text);
	named->text = text;
	named->parameterised = parameterised;
	while (names->text_bytes > POSTGRESQL_NAMED_BYTES_MAX && names->oldest != named)
		evict_oldest(names, flow);
}

void postgresql_names_forget(struct postgresql_names *names, const struct flow *flow, char kind, struct slice name)
{
	struct postgresql_named *named = postgresql_names_find(names, kind, name);

	if (named != NULL)
		forget(names, flow, named);
}

static bool is_refused(const struct postgresql_named *named)
{
	return named->text != NULL && named->text->refused;
}

static bool is_portal(const struct postgresql_named *named)
{
	return named->kind == 'P';
}

static void forget_those(struct postgresql_names *names, const struct flow *flow,
			 bool (*is_meant)(const struct postgresql_named *))
{
	struct postgresql_named *older;

	for (struct postgresql_named *named = names->newest; named != NULL; named = older) {
		older = named->older;
		if (is_meant(named))
			forget(names, flow, named);
	}
}

void postgresql_names_forget_refused(struct postgresql_names *names, const struct flow *flow)
{
	forget_those(names, flow, is_refused);
}

void postgresql_names_forget_portals(struct postgresql_names *names, const struct flow *flow)
{
	if (names->portals > POSTGRESQL_PORTALS_KEPT)
		forget_those(names, flow, is_portal);
}

void postgresql_names_clear(struct postgresql_names *names, const struct flow *flow)
{
	while (names->oldest != NULL)
		forget(names, flow, names->oldest);
}
