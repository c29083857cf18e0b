/* Hold the receiver's counters and print them. */
#include "counters.h"

#include <inttypes.h>
#include <stddef.h>

#include "daemon/log.h"

uint64_t counters[COUNTER_COUNT];

const struct counter_description counter_descriptions[COUNTER_COUNT] = {
#define RECEIVER_COUNTER_ROW(id, name, unit, attributes, meaning) [COUNTER_##id] = {name, unit, attributes, meaning},
	RECEIVER_COUNTERS(RECEIVER_COUNTER_ROW)
#undef RECEIVER_COUNTER_ROW
};

void counters_print(void)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_description *d = &counter_descriptions[i];

		if (counters[i] != 0)
			log_line(LOG_LEVEL_INFO, "counter: %12" PRIu64 "  %s{%s}  %s", counters[i], d->metric,
				 d->attributes, d->meaning);
	}
}
