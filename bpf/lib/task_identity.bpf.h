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

/* A process has a number in each namespace from the initial one, level 0, to the innermost that it lives in. */
static __always_inline struct upid *pid_at_level(struct pid *pid, uint64_t level)
{
	return (void *)pid + bpf_core_field_offset(pid->numbers) + level * bpf_core_type_size(struct upid);
}

static __always_inline uint32_t upid_namespace(struct upid *upid)
{
	struct pid_namespace *namespace = KERNEL_READ(upid, ns);

	return KERNEL_READ(namespace, ns.inum);
}

static __always_inline struct pid *task_process(struct task_struct *task)
{
	struct task_struct *leader = KERNEL_READ(task, group_leader);

	return KERNEL_READ(leader, thread_pid);
}

/* The number of a process in the innermost namespace that it lives in; `pid_namespace` gets that one's inode. */
static __always_inline uint32_t task_namespace_pid(struct task_struct *task, uint32_t *pid_namespace)
{
	struct pid *pid = task_process(task);
	struct upid *own = pid_at_level(pid, KERNEL_READ(pid, level));

	*pid_namespace = upid_namespace(own);
	return KERNEL_READ(own, nr);
}

/* The number of a process in the sensor's namespace, as its /proc shows it; 0 for one that is not in there. */
static __noinline uint32_t pid_number(struct pid *pid)
{
	if (!pid)
		return 0;
	if (!config.pid_namespace)
		return KERNEL_READ(pid, numbers[0].nr);
	uint64_t innermost = KERNEL_READ(pid, level);
	for (uint64_t level = 0; level <= KERNEL_MAX_PID_NS_LEVEL && level <= innermost; level++) {
		struct upid *upid = pid_at_level(pid, level);
		if (upid_namespace(upid) == config.pid_namespace)
			return KERNEL_READ(upid, nr);
	}
	return 0;
}

/* The same of the process that a task belongs to. */
static __always_inline uint32_t task_number(struct task_struct *task)
{
	return config.pid_namespace ? pid_number(task_process(task)) : KERNEL_READ(task, tgid);
}

/* Outside of the sensor's pid namespace: none of its business. */
static __always_inline bool task_is_outside(struct task_struct *task)
{
	return config.pid_namespace && !task_number(task);
}

#endif
