/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Define what the loader fixes before the programs are loaded, and what both sides share while they run. */
#ifndef BPF_CAPTURE_CONFIG_H
#define BPF_CAPTURE_CONFIG_H

#include "shm_protocol/types.h"

enum { CONFIG_PORT_RANGES_MAX = 16 };

struct config_port_range {
	uint16_t first, last; /* inclusive, host byte order */
};

/* Read-only for the programs: the verifier removes the branches that it switches off. */
struct capture_config {
	uint32_t capture_bytes; /* budget per message turn */
	uint32_t self_pid; /* as the sensor's pid namespace has it, as is receiver_pid */
	uint32_t new_process_verdict; /* enum verdict */
	uint32_t pid_namespace;       /* inode of the sensor's: what is outside is not watched; 0: the initial one */
	uint32_t wakeup_bytes;        /* wake the sensor when so much waits */
	uint64_t wakeup_interval_ns;  /* ... or when nothing has woken it for so long; 0: never for that reason */

	/* What this kernel can do (lib/core_compat.bpf.h). */
	uint8_t has_rdonly_cast;

	uint8_t unix_sockets;
	uint8_t iov_iter_has_ubuf; /* this one and the next two: fentry only */
	uint8_t iov_iter_ubuf;     /* values of enum iter_type, which has been renumbered */
	uint8_t iov_iter_iovec;
	uint8_t _pad[7];

	uint32_t include_port_count;
	uint32_t exclude_port_count;
	struct config_port_range include_ports[CONFIG_PORT_RANGES_MAX];
	struct config_port_range exclude_ports[CONFIG_PORT_RANGES_MAX];
};

/* Written by both sides, each word by one of them. */
struct capture_state {
	uint32_t verdict_generation; /* sensor: raised whenever a verdict changes, so that connections ask again */
	uint32_t receiver_pid;       /* sensor: its peers over Unix sockets are ignored */
	uint32_t walk_done;          /* sensor: a Unix socket that is new from now on has just been made */
	uint32_t holes_counted;      /* programs: raised to 1 when bytes were counted without an event */
	uint64_t flush_before_ns;    /* sensor: the flush reports holes that ended before */
	uint64_t last_wakeup_ns;     /* programs */
	uint64_t last_look_ns;       /* programs: at how full the ring is */
	uint64_t last_connection_id; /* programs */
};

#endif
