/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Decide when a submitted event wakes the sensor: a wakeup costs as much as fifty submits. */
#ifndef BPF_EMIT_RING_BPF_H
#define BPF_EMIT_RING_BPF_H

#include "lib/core_compat.bpf.h"
#include "maps/counters.bpf.h"
#include "maps/events.bpf.h"

enum {
	/* Least time between two looks at how full the ring is. */
	RING_LOOK_INTERVAL_NS = 100 * 1000,
};

/* Flags for bpf_ringbuf_submit. Two CPUs may wake the sensor at the same instant: that does no harm. The times are
 * compared with signs, because a hole's lies before the last wakeup often enough: no reason for another. */
static __always_inline uint64_t ring_submit_flags(uint64_t now_ns)
{
	int64_t interval_ns = config.wakeup_interval_ns;

	if (!interval_ns || (int64_t)(now_ns - state.last_wakeup_ns) < interval_ns) {
		if ((int64_t)(now_ns - state.last_look_ns) < RING_LOOK_INTERVAL_NS)
			return BPF_RB_NO_WAKEUP;
		state.last_look_ns = now_ns;
		if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < config.wakeup_bytes)
			return BPF_RB_NO_WAKEUP;
	}
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

/* Copy an event of `bytes`, at most `bytes_max`, which is a constant. False when the ring is full, which has been
 * counted then. */
static __always_inline bool ring_output(void *event, uint64_t bytes, uint64_t bytes_max, uint64_t now_ns)
{
	counter_increment(SENSOR_COUNTER_EVENTS_CAPTURED);
	barrier_var(bytes);
	if (bytes <= bytes_max && bpf_ringbuf_output(&events, event, bytes, ring_submit_flags(now_ns)) == 0)
		return true;
	counter_increment(SENSOR_COUNTER_KERNEL_RING_FULL);
	return false;
}

/* As if it had not been reserved. */
static __always_inline void ring_discard(void *event)
{
	bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
	counter_add(SENSOR_COUNTER_EVENTS_CAPTURED, -1);
}

#endif
