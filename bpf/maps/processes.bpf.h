/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The process table: one entry per process that has used a watched kind of socket since its last execve, keyed by its
 * pid in the initial namespace. The sensor writes the verdict. */
#ifndef BPF_MAPS_PROCESSES_BPF_H
#define BPF_MAPS_PROCESSES_BPF_H

#include "process_entry.h"

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, uint32_t);
	__type(value, struct process_entry);
} processes SEC(".maps") __weak;

#endif
