/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The counters of the kernel side: a row for each CPU, indexed as the sensor's table is. The sensor maps the rows into
 * its memory: reading them takes no system call. */
#ifndef BPF_MAPS_COUNTERS_BPF_H
#define BPF_MAPS_COUNTERS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "counter_row.h"

/* The loader gives it as many entries as there are CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct counter_row);
} counters SEC(".maps") __weak;

static __always_inline void counter_add(enum sensor_counter counter, int64_t count)
{
	uint32_t cpu = bpf_get_smp_processor_id();
	struct counter_row *row = bpf_map_lookup_elem(&counters, &cpu);

	if (row)
		row->values[counter] += count;
}

static __always_inline void counter_increment(enum sensor_counter counter)
{
	counter_add(counter, 1);
}

#endif
