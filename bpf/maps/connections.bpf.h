/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The connection table: one entry per socket, watched or not, keyed by the address of its struct sock.
 *
 * Socket storage cannot be used: it needs a trusted pointer, and one that was found through a descriptor table is not.
 * An entry lives until the socket is destroyed; the inode number tells a later socket at the same address apart. */
#ifndef BPF_MAPS_CONNECTIONS_BPF_H
#define BPF_MAPS_CONNECTIONS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "maps/descriptors.bpf.h"

enum direction {
	RECEIVED = 0,
	SENT = 1,
};

enum connection_flag {
	CONNECTION_FILTERED = 1 << 0,  /* its ports are excluded: for good */
	CONNECTION_IGNORED = 1 << 1,   /* its owner is excluded, until the verdict changes */
	CONNECTION_ANNOUNCED = 1 << 2, /* the connection event of its present owner was emitted */
	CONNECTION_KNOWN = 1 << 3,     /* a connection event was emitted, perhaps for another owner */
	CONNECTION_JOINED = 1 << 4,    /* bytes had passed before the first that was counted */
	CONNECTION_RESET = 1 << 5,     /* the transport reported an error */
	CONNECTION_ENDED = 1 << 6,     /* << direction: the end of the stream was reported */
	CONNECTION_DESCRIPTOR_KEPT = 1 << 8,
	CONNECTION_UNIX = 1 << 9,
};

enum http2_mode {
	HTTP2_UNDECIDED = 0, /* no byte of the direction has been looked at */
	HTTP2_PLAIN = 1,     /* turns and budgets rule: not HTTP/2, or its place is not known */
	HTTP2_WALKED = 2,    /* its frames are walked: the table of walks says where */
};

struct connection {
	/* What every transfer needs comes first, to share cache lines. */
	uint64_t inode; /* 0 until a process uses the socket */
	uint64_t connection_id;
	uint32_t pid; /* of the owner, 0 until a process uses the socket */
	uint32_t exec_id;
	uint32_t generation; /* of the verdict */
	uint32_t captured;   /* in this turn */
	uint16_t flags;
	uint8_t turn; /* direction + 1; 0 before the first */
	uint8_t role; /* enum shm_role */
	uint8_t http2_mode[2]; /* by direction: enum http2_mode */
	uint8_t http2_seen;    /* 1: this is HTTP/2, whatever is known about the directions */
	uint8_t http2_kept;    /* 1: it may have entries in the table of walks */
	/* By direction: bytes counted; the position up to which the calls that counted them are done with them; the
	 * position up to which events were emitted. What lies between the last two is a hole. What lies between the
	 * first two is being emitted by another CPU, and is none. */
	uint64_t offset[2];
	uint64_t settled[2];
	uint64_t reported[2];
	uint64_t last_ns[2]; /* when the last bytes were counted */
	uint64_t process_id; /* of the owner */
	uint64_t opened_ns;
	struct descriptor descriptor; /* its key in the table of descriptors; pid 0: it is not there */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, uint64_t);
	__type(value, struct connection);
} connections SEC(".maps") __weak;

#endif
