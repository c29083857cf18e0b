/* Print the sensor's counters. */
#ifndef SENSOR_COUNTER_REPORT_H
#define SENSOR_COUNTER_REPORT_H

#include <stdint.h>

#include "shm_protocol/sensor_counters.h"

/* To the log, one line per counter that is not zero: value, metric, attributes, meaning. */
void counter_report_print(const uint64_t counters[SENSOR_COUNTER_COUNT]);

#endif
