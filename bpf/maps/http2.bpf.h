/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the frame walker remembers of HTTP/2 connections, and its work in hand, one per CPU and program. */
#ifndef BPF_MAPS_HTTP2_BPF_H
#define BPF_MAPS_HTTP2_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "lib/http2_walk.h"
#include "maps/scratch.bpf.h"

struct http2_direction {
	uint64_t connection_id;
	uint64_t direction;
};

/* The loader gives it as many entries as there are connections: two for each that speaks HTTP/2. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct http2_direction);
	__type(value, struct http2_walk);
} http2_walks SEC(".maps") __weak;

/* The key of a message that was put aside. */
struct http2_messages {
	uint64_t connection_id;
	uint32_t direction;
	uint32_t stream;
};

/* gRPC messages that lie in more than one DATA frame while other streams' lie between. When there are more, the oldest
 * is forgotten: messages of its stream may go uncounted, frames are not affected. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct http2_messages);
	__type(value, struct http2_message);
} http2_parked SEC(".maps") __weak;

/* One transfer that is being walked. */
struct http2_job {
	struct http2_walk walk; /* not last: http2_walk.bytes */
	struct http2_range range;
	struct http2_messages messages;
	uint64_t time_ns;
	/* The cursor: what of the vector's element is left, and of the transfer. */
	uint64_t address;
	uint64_t element_left;
	uint64_t remaining;
	uint64_t offset; /* in the stream */
	/* Bytes before the run that nothing has reported yet. */
	uint64_t hole_from, hole_to, hole_ns;
	/* What the next event will report: shown bytes, which lie in one piece, then hidden ones. */
	uint64_t run_address;
	uint64_t run_offset;
	uint64_t run_bytes;
	uint32_t run_shown;
	uint32_t index; /* of the element that comes next */
	uint64_t run_flags;
	uint64_t announced_id; /* as connection_announced_id */
	uint64_t reported;     /* 0, or the position up to which events were emitted */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, uint32_t);
	__type(value, struct http2_job);
} http2_jobs SEC(".maps") __weak;

static __always_inline struct http2_job *http2_job(uint64_t slot)
{
	uint32_t key = slot;

	return bpf_map_lookup_elem(&http2_jobs, &key);
}

static __always_inline void http2_message_put(struct http2_messages *messages, const struct http2_message *message)
{
	messages->stream = message->stream;
	bpf_map_update_elem(&http2_parked, messages, message, BPF_ANY);
}

static __always_inline bool http2_message_take(struct http2_messages *messages, uint32_t stream,
					       struct http2_message *message)
{
	messages->stream = stream;
	struct http2_message *found = bpf_map_lookup_elem(&http2_parked, messages);
	if (!found)
		return false;
	*message = *found;
	bpf_map_delete_elem(&http2_parked, messages);
	return true;
}

#endif
