/* Print the sensor's counters. */
#include "counter_report.h"

#include <inttypes.h>
#include <stddef.h>

#include "daemon/log.h"

struct counter_description {
	const char *metric;
	const char *attributes;
	const char *meaning;
};

static const struct counter_description descriptions[SENSOR_COUNTER_COUNT] = {
#define SENSOR_COUNTER_ROW(id, name, unit, attributes, meaning) [SENSOR_COUNTER_##id] = {name, attributes, meaning},
	SENSOR_COUNTERS(SENSOR_COUNTER_ROW)
#undef SENSOR_COUNTER_ROW
};

void counter_report_print(const uint64_t counters[SENSOR_COUNTER_COUNT])
{
	for (size_t i = 0; i < SENSOR_COUNTER_COUNT; i++)
		if (counters[i] != 0)
			log_line(LOG_LEVEL_INFO, "counter: %12" PRIu64 "  %s{%s}  %s", counters[i],
				 descriptions[i].metric, descriptions[i].attributes, descriptions[i].meaning);
}
