/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Read who a task is. No maps. */
#ifndef BPF_LIB_TASK_IDENTITY_BPF_H
#define BPF_LIB_TASK_IDENTITY_BPF_H

#include "lib/core_compat.bpf.h"

static __always_inline struct task_struct *task_current(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline uint32_t task_current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* Raised by every execve; threads of one process share it. */
static __always_inline uint32_t task_exec_id(struct task_struct *task)
{
	return KERNEL_READ(task, self_exec_id);
}

static __always_inline bool task_is_kernel_thread(struct task_struct *task)
{
	return KERNEL_READ(task, flags) & KERNEL_PF_KTHREAD;
}

static __always_inline uint64_t task_start_boot_ns(struct task_struct *task)
{
	struct task_struct *leader = KERNEL_READ(task, group_leader);

	return KERNEL_READ(leader, start_boottime);
}

static __always_inline uint64_t task_process_id(struct task_struct *task)
{
	uint64_t pid = (uint32_t)KERNEL_READ(task, tgid);

	return task_start_boot_ns(task) ^ pid << 40 ^ task_exec_id(task);
}

static __always_inline uint32_t task_net_namespace(struct task_struct *task)
{
	struct nsproxy *nsproxy = KERNEL_READ(task, nsproxy);
	struct net *net = KERNEL_READ(nsproxy, net_ns);

	return KERNEL_READ(net, ns.inum);
}

static __always_inline uint64_t task_cgroup_id(struct task_struct *task)
{
	struct css_set *set = KERNEL_READ(task, cgroups);
	struct cgroup *group = KERNEL_READ(set, dfl_cgrp);
	struct kernfs_node *node = KERNEL_READ(group, kn);

	return KERNEL_READ(node, id);
}

/* The number of a process in the innermost namespace that it lives in; `pid_namespace` gets that one's inode. */
static __always_inline uint32_t task_namespace_pid(struct task_struct *task, uint32_t *pid_namespace)
{
	struct task_struct *leader = KERNEL_READ(task, group_leader);
	struct pid *pid = KERNEL_READ(leader, thread_pid);
	uint64_t level = KERNEL_READ(pid, level);
	struct upid *own = (void *)pid + bpf_core_field_offset(pid->numbers) + level * bpf_core_type_size(struct upid);
	struct pid_namespace *namespace = KERNEL_READ(own, ns);

	*pid_namespace = KERNEL_READ(namespace, ns.inum);
	return KERNEL_READ(own, nr);
}

/* The number of a process in the initial namespace, which is the first of its numbers. */
static __always_inline uint32_t pid_initial_number(struct pid *pid)
{
	return pid ? KERNEL_READ(pid, numbers[0].nr) : 0;
}

#endif
