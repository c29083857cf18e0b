/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Define the entry of the process table, which both sides write. */
#ifndef BPF_PROCESS_ENTRY_H
#define BPF_PROCESS_ENTRY_H

#include "shm_protocol/types.h"

struct process_entry {
	uint64_t process_id;
	uint32_t verdict;   /* enum verdict; written by the sensor */
	uint32_t announced; /* 1 once the process event was emitted; written by the programs */
};

#endif
