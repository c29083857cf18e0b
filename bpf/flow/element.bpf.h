/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Find the pieces of memory that a send or receive has moved. */
#ifndef BPF_FLOW_ELEMENT_BPF_H
#define BPF_FLOW_ELEMENT_BPF_H

#include "lib/core_compat.bpf.h"
#include "maps/counters.bpf.h"
#include "maps/scratch.bpf.h"

/* Find the memory of the vector's element `index`, less what is to be skipped. */
static __always_inline bool transfer_element(struct transfer *transfer, uint32_t index, struct abi_iovec *element)
{
	if (transfer->source < TRANSFER_USER_VECTOR) {
		element->base = transfer->address;
		element->length = transfer->present;
		return index == 0;
	}
	void *from = (struct abi_iovec *)transfer->address + index;
	if (index >= transfer->count)
		return false;
	long error = transfer->source == TRANSFER_USER_VECTOR ? bpf_probe_read_user(element, sizeof(*element), from)
							      : bpf_probe_read_kernel(element, sizeof(*element), from);
	if (error) {
		counter_increment(SENSOR_COUNTER_USER_MEMORY_UNREADABLE);
		return false;
	}
	if (index == 0 && transfer->skip <= element->length) {
		element->base += transfer->skip;
		element->length -= transfer->skip;
	}
	return true;
}

#endif
