/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring buffer to the sensor. The loader sets its size. */
#ifndef BPF_MAPS_EVENTS_BPF_H
#define BPF_MAPS_EVENTS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps") __weak;

#endif
