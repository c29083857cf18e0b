/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ports that were listened on when the sensor started: they tell the role of connections older than it. The role of a
 * newer one is known from the handshake. */
#ifndef BPF_MAPS_LISTENERS_BPF_H
#define BPF_MAPS_LISTENERS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

struct listener {
	uint32_t net_namespace;
	uint16_t port;
	uint16_t _pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct listener);
	__type(value, uint8_t);
} listeners SEC(".maps") __weak;

#endif
