/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One struct transfer per CPU and program: too large to pass in registers, and on the stack the verifier would follow
 * every combination of its values to the end instead of once. A program never runs twice at a time on one CPU, but two
 * programs may take turns there. */
#ifndef BPF_MAPS_SCRATCH_BPF_H
#define BPF_MAPS_SCRATCH_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "shm_protocol/record.h"

enum {
	/* Elements of a vector that are shown; what follows them is counted only, but for HTTP/2. */
	TRANSFER_SEGMENTS_MAX = 8,
	/* A transfer of so many bytes is gathered in one event. */
	GATHER_BYTES_MAX = 1024,
};

enum transfer_source {
	TRANSFER_NONE, /* the bytes never were in the process's memory */
	TRANSFER_BUFFER,
	TRANSFER_USER_VECTOR,   /* struct iovec[] in the process */
	TRANSFER_KERNEL_VECTOR, /* the kernel's copy of it */
};

/* What a data event is made of. */
struct segment {
	uint64_t connection_id; /* 0: it has not been announced, so nothing can be said about it */
	uint64_t address;       /* in the process; unused if captured_bytes is 0 */
	uint64_t offset;
	uint64_t time_ns;
	uint32_t byte_count;
	uint32_t captured_bytes; /* at most SHM_CAPTURE_BYTES_MAX */
	uint16_t flags;
};

/* What a transfer's first bytes are compared with. */
enum transfer_seeks {
	TRANSFER_SEEKS_NOTHING,
	TRANSFER_SEEKS_BEGINNING, /* of HTTP/2 */
	TRANSFER_SEEKS_FRAMES,    /* any of its frames, too */
};

/* An event in the making. */
struct gathering {
	struct abi_iovec elements[TRANSFER_SEGMENTS_MAX];
	struct shm_record_data record;
	/* Twice the room, as the verifier does not add up where a piece begins and how long it is. */
	uint8_t payload[2 * GATHER_BYTES_MAX];
};

/* One completed send or receive. */
struct transfer {
	uint64_t bytes;
	uint64_t present; /* how many of them are in the memory described here */
	uint64_t address; /* of the buffer or the vector */
	uint64_t skip;    /* bytes of the vector's first element that belong to an earlier call */
	uint64_t count;   /* elements of the vector */
	uint64_t room;    /* bytes asked for: moving none means the end of the stream only if this is not 0 */
	uint32_t direction;
	uint32_t source;
	uint32_t receive_flags; /* MSG_* */
	uint32_t slot;          /* enum scratch_slot */
	uint8_t seeks;          /* enum transfer_seeks: applies to the first segment */
	uint8_t hint;           /* enum http2_hint: HTTP/2 begins with this transfer */
	uint8_t _pad[6];
	struct segment segment; /* the one that is being emitted */
	struct gathering gathering;
};

enum scratch_slot {
	SCRATCH_SYSCALL,
	SCRATCH_TCP_SEND,
	SCRATCH_TCP_RECEIVE,
	SCRATCH_TCP_SENDPAGE,
	SCRATCH_TCP_SPLICE,
	SCRATCH_UNIX_SEND,
	SCRATCH_UNIX_RECEIVE,
	SCRATCH_UNIX_SENDPAGE,
	SCRATCH_UNIX_SPLICE,
	SCRATCH_SLOTS
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, uint32_t);
	__type(value, struct transfer);
} scratch SEC(".maps") __weak;

static __always_inline struct transfer *scratch_find(uint64_t slot)
{
	uint32_t key = slot;

	return bpf_map_lookup_elem(&scratch, &key);
}

static __always_inline struct transfer *scratch_transfer(enum scratch_slot slot, uint64_t bytes)
{
	struct transfer *transfer = scratch_find(slot);

	if (transfer) {
		transfer->slot = slot;
		transfer->bytes = bytes;
		transfer->present = bytes;
		transfer->skip = 0;
		transfer->room = 0;
		transfer->source = TRANSFER_NONE;
		transfer->receive_flags = 0;
		transfer->hint = 0;
	}
	return transfer;
}

#endif
