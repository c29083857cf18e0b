/* Keep histograms by attribute set, bounded. */
#include "otlp/series.h"

#include <errno.h>
#include <stdlib.h>

#include "counters.h"
#include "otlp/attribute_names.h"
#include "otlp/wire.h"

enum {
	SLOTS_MIN = 8,
	DATA_POINT_ATTRIBUTES = 9,
};

/* Multiply and fold, eight bytes at a time (after wyhash, public domain). */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(struct slice bytes, uint64_t seed)
{
	uint64_t hash = seed ^ bytes.length;
	size_t at = 0;

	for (; at < bytes.length; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = bytes.length - at;

		memcpy(&word, bytes.bytes + at, left < sizeof(word) ? left : sizeof(word));
		hash = mix(hash ^ word ^ UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db));
	}
	return hash;
}

static void measure(struct series *series, const struct duration_bounds *bounds, double seconds)
{
	uint32_t bucket = 0;

	while (bucket < bounds->count && seconds > bounds->seconds[bucket])
		bucket++;
	if (series->count == 0 || seconds < series->min)
		series->min = seconds;
	if (series->count == 0 || seconds > series->max)
		series->max = seconds;
	series->buckets[bucket]++;
	series->count++;
	series->sum += seconds;
}

static struct series *series_create(struct slice attributes, uint64_t hash)
{
	struct series *series = calloc(1, sizeof(*series) + attributes.length);

	if (series == NULL)
		return NULL;
	series->hash = hash;
	series->attributes_length = (uint32_t)attributes.length;
	memcpy(series->attributes, attributes.bytes, attributes.length);
	return series;
}

static bool series_matches(const struct series *series, uint64_t hash, struct slice attributes)
{
	return series->hash == hash && series->attributes_length == attributes.length &&
	       memcmp(series->attributes, attributes.bytes, attributes.length) == 0;
}

static struct series **find_slot(struct series **slots, uint32_t capacity, uint64_t hash, struct slice attributes)
{
	uint32_t i = (uint32_t)hash & (capacity - 1);

	while (slots[i] != NULL && !series_matches(slots[i], hash, attributes))
		i = (i + 1) & (capacity - 1);
	return &slots[i];
}

/* Twice the slots, once they are three quarters full. */
static int make_room(struct series_table *table)
{
	uint32_t capacity = table->capacity == 0 ? SLOTS_MIN : table->capacity * 2;
	struct series **slots;

	if (table->count + 1 <= table->capacity / 4 * 3)
		return 0;
	slots = calloc(capacity, sizeof(struct series *));
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->capacity; i++) {
		struct series *s = table->slots[i];

		if (s != NULL)
			*find_slot(slots, capacity, s->hash,
				   (struct slice){(char *)s->attributes, s->attributes_length}) = s;
	}
	free(table->slots);
	table->slots = slots;
	table->capacity = capacity;
	return 0;
}

static struct series *overflow_series(struct series_table *table)
{
	struct wire_buffer attributes = {0};

	counter_add(COUNTER_SERIES_OVERFLOW, 1);
	if (table->overflow != NULL)
		return table->overflow;
	wire_add_bool_attribute(&attributes, DATA_POINT_ATTRIBUTES, attribute_key_text(ATTRIBUTE_OTEL_METRIC_OVERFLOW),
				true);
	if (!attributes.failed)
		table->overflow = series_create((struct slice){(char *)attributes.bytes, attributes.length}, 0);
	wire_buffer_free(&attributes);
	return table->overflow;
}

static struct series *find_or_create(struct series_table *table, struct series_limits *limits, struct slice attributes)
{
	uint64_t hash = hash_bytes(attributes, limits->hash_seed);
	struct series **slot;

	if (table->capacity > 0) {
		slot = find_slot(table->slots, table->capacity, hash, attributes);
		if (*slot != NULL)
			return *slot;
	}
	if (table->count + 1 >= limits->per_metric_max || limits->total >= limits->total_max || make_room(table) != 0)
		return overflow_series(table);
	slot = find_slot(table->slots, table->capacity, hash, attributes);
	*slot = series_create(attributes, hash);
	if (*slot == NULL)
		return overflow_series(table);
	table->count++;
	limits->total++;
	return *slot;
}

int series_record(struct series_table *table, struct series_limits *limits, const struct duration_bounds *bounds,
		  struct slice attributes, double seconds)
{
	struct series *series = find_or_create(table, limits, attributes);

	if (series == NULL)
		return -ENOMEM;
	measure(series, bounds, seconds);
	return 0;
}

void series_table_clear(struct series_table *table, struct series_limits *limits)
{
	for (uint32_t i = 0; i < table->capacity; i++)
		free(table->slots[i]);
	limits->total -= table->count;
	free(table->slots);
	free(table->overflow);
	*table = (struct series_table){0};
}

const struct series *series_next(const struct series_table *table, uint32_t *position)
{
	while (*position < table->capacity) {
		const struct series *series = table->slots[(*position)++];

		if (series != NULL)
			return series;
	}
	return (*position)++ == table->capacity ? table->overflow : NULL;
}
