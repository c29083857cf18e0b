/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The counters of the kernel side, per CPU, indexed as the sensor's table is. */
#ifndef BPF_MAPS_COUNTERS_BPF_H
#define BPF_MAPS_COUNTERS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "shm_protocol/sensor_counters.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SENSOR_COUNTER_COUNT);
	__type(key, uint32_t);
	__type(value, uint64_t);
} counters SEC(".maps") __weak;

static __always_inline void counter_add(enum sensor_counter counter, int64_t count)
{
	uint32_t key = counter;
	uint64_t *value = bpf_map_lookup_elem(&counters, &key);

	if (value)
		*value += count;
}

static __always_inline void counter_increment(enum sensor_counter counter)
{
	counter_add(counter, 1);
}

#endif
