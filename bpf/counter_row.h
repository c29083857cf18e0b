/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Define how the kernel side lays out its counters, which the sensor reads in place. */
#ifndef BPF_COUNTER_ROW_H
#define BPF_COUNTER_ROW_H

#include "shm_protocol/sensor_counters.h"
#include "shm_protocol/types.h"

/* One CPU's counters, in cache lines that no other CPU writes. */
struct counter_row {
	uint64_t values[SENSOR_COUNTER_COUNT];
} __attribute__((aligned(64)));

#endif
