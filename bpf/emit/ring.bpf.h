/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Decide when a submitted event wakes the sensor: a wakeup costs as much as fifty submits. */
#ifndef BPF_EMIT_RING_BPF_H
#define BPF_EMIT_RING_BPF_H

#include "lib/core_compat.bpf.h"
#include "maps/counters.bpf.h"
#include "maps/events.bpf.h"

enum {
	/* Least time between two wakeups while the ring fills faster than it is drained. */
	RING_WAKEUP_FULL_INTERVAL_NS = 100 * 1000,
};

/* Flags for bpf_ringbuf_submit. Two CPUs may wake the sensor at the same instant: that does no harm. */
static __always_inline uint64_t ring_submit_flags(uint64_t now_ns)
{
	uint64_t interval_ns = config.wakeup_interval_ns;

	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= config.wakeup_bytes)
		interval_ns = RING_WAKEUP_FULL_INTERVAL_NS;
	if (!interval_ns || now_ns - state.last_wakeup_ns < interval_ns)
		return BPF_RB_NO_WAKEUP;
	state.last_wakeup_ns = now_ns;
	return BPF_RB_FORCE_WAKEUP;
}

/* `bytes` is a constant. NULL when the ring is full, which has been counted then. */
static __always_inline void *ring_reserve(uint64_t bytes)
{
	void *event = bpf_ringbuf_reserve(&events, bytes, 0);

	counter_increment(SENSOR_COUNTER_EVENTS_CAPTURED);
	if (!event)
		counter_increment(SENSOR_COUNTER_KERNEL_RING_FULL);
	return event;
}

#endif
