/* Draw trace and span ids from a generator that the kernel has seeded. */
#include "otlp/random_ids.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int random_ids_seed(struct random_ids *ids)
{
	ssize_t got;

	do {
		got = getrandom(ids->state, sizeof(ids->state), 0);
	} while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(ids->state))
		return got < 0 ? -errno : -EIO;
	ids->state[0] |= 1; /* the all-zero state would stay zero */
	return 0;
}

static uint64_t rotate_left(uint64_t value, int by)
{
	return value << by | value >> (64 - by);
}

uint64_t random_ids_next(struct random_ids *ids)
{
	uint64_t *s = ids->state;
	uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

void random_ids_span(struct random_ids *ids, uint8_t span_id[8])
{
	uint64_t id;

	do {
		id = random_ids_next(ids);
	} while (id == 0);
	memcpy(span_id, &id, sizeof(id));
}

void random_ids_trace(struct random_ids *ids, uint8_t trace_id[16])
{
	random_ids_span(ids, trace_id);
	random_ids_span(ids, trace_id + 8);
}
