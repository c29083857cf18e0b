// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Forget processes at execve and exit. They are announced when they use a socket, not when they start: most never
 * do. */
#include "kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "flow/process.bpf.h"

/* The next use of a socket announces the process anew, with another process_id. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec)
{
	uint32_t pid = task_current_pid();

	bpf_map_delete_elem(&processes, &pid);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	uint32_t pid = KERNEL_READ(task, tgid);
	struct signal_struct *signal = KERNEL_READ(task, signal);

	if (KERNEL_READ(signal, live.counter) > 0)
		return 0; /* other threads go on */
	struct process_entry *process = bpf_map_lookup_elem(&processes, &pid);
	if (!process)
		return 0;
	if (process->announced)
		process_exit_emit(process->process_id, pid);
	bpf_map_delete_elem(&processes, &pid);
	return 0;
}
