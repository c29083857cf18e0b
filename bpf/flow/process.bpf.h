/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Find or make the process table's entry of a task, and announce it. */
#ifndef BPF_FLOW_PROCESS_BPF_H
#define BPF_FLOW_PROCESS_BPF_H

#include "emit/process.bpf.h"
#include "maps/processes.bpf.h"

static __always_inline uint32_t process_first_verdict(struct task_struct *task)
{
	uint32_t number = task_number(task);

	if (!number)
		return VERDICT_OUTSIDE;
	return number == config.self_pid || number == state.receiver_pid ? VERDICT_IGNORE : config.new_process_verdict;
}

/* NULL if the table is full, which has been counted then. */
static __noinline struct process_entry *process_get(struct task_struct *task)
{
	uint32_t pid = KERNEL_READ(task, tgid);
	struct process_entry *process = bpf_map_lookup_elem(&processes, &pid);

	if (process)
		return process;
	struct process_entry fresh = {
		.process_id = task_process_id(task),
		.verdict = process_first_verdict(task),
	};
	bpf_map_update_elem(&processes, &pid, &fresh, BPF_NOEXIST);
	process = bpf_map_lookup_elem(&processes, &pid);
	if (!process)
		counter_increment(SENSOR_COUNTER_PROCESS_TABLE_FULL);
	return process;
}

static __always_inline bool process_announce(struct process_entry *process, struct task_struct *task)
{
	if (!process->announced)
		process->announced = process_emit(task, process->process_id);
	return process->announced;
}

#endif
