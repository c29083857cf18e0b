/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptors of watched Unix sockets, so that close(2) finds the socket when the descriptor is gone already. Only the
 * descriptor that the connection was first used through is kept, and no longer than the connection. */
#ifndef BPF_MAPS_DESCRIPTORS_BPF_H
#define BPF_MAPS_DESCRIPTORS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

struct descriptor {
	uint32_t pid;
	uint32_t number;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct descriptor);
	__type(value, uint64_t);
} descriptors SEC(".maps") __weak;

#endif
