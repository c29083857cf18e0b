/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Emit process and process_exit events. */
#ifndef BPF_EMIT_PROCESS_BPF_H
#define BPF_EMIT_PROCESS_BPF_H

#include "emit/ring.bpf.h"
#include "event.h"
#include "lib/task_identity.bpf.h"

/* Empty, should the read fail, and with the last byte zero, which a shorter string would leave as it was in the
 * ring. */
static __always_inline void string_prepare(char *string, size_t size)
{
	string[0] = 0;
	string[size - 1] = 0;
}

static __always_inline void process_file_name(struct mm_struct *mm, struct event_process *event)
{
	struct file *file = KERNEL_READ(mm, exe_file);
	struct dentry *dentry = KERNEL_READ(file, f_path.dentry);

	string_prepare(event->file_name, sizeof(event->file_name));
	bpf_probe_read_kernel_str(event->file_name, sizeof(event->file_name), KERNEL_READ(dentry, d_name.name));
}

static __always_inline void process_arguments(struct mm_struct *mm, struct event_process *event)
{
	uint64_t start = KERNEL_READ(mm, arg_start), bytes = KERNEL_READ(mm, arg_end) - start;

	if (bytes > sizeof(event->arguments))
		bytes = sizeof(event->arguments);
	event->argument_bytes = bytes;
	if (bpf_probe_read_user(event->arguments, bytes, (void *)start))
		event->argument_bytes = 0;
}

/* A client that lives for a few milliseconds is gone before its /proc can be read, and OTEL_SERVICE_NAME with it. */
static __always_inline void process_environment(struct mm_struct *mm, struct event_process *event)
{
	uint64_t start = KERNEL_READ(mm, env_start), bytes = KERNEL_READ(mm, env_end) - start;

	if (bytes > sizeof(event->environment))
		bytes = sizeof(event->environment);
	event->environment_bytes = bytes;
	if (bpf_probe_read_user(event->environment, bytes, (void *)start))
		event->environment_bytes = 0;
}

static __always_inline void process_fill(struct event_process *event, struct task_struct *task, struct mm_struct *mm,
					 uint64_t process_id)
{
	struct task_struct *leader = KERNEL_READ(task, group_leader);
	struct task_struct *parent = KERNEL_READ(leader, real_parent);
	struct cred *cred = (struct cred *)KERNEL_READ(leader, cred);
	uint32_t pid_namespace;

	event->header.type = EVENT_PROCESS;
	event->header.flags = 0;
	event->process_id = process_id;
	event->start_boot_ns = task_start_boot_ns(task);
	event->cgroup_id = task_cgroup_id(task);
	event->pid = task_number(task);
	event->parent_pid = task_number(parent);
	event->uid = KERNEL_READ(cred, euid.val);
	event->namespace_pid = task_namespace_pid(task, &pid_namespace);
	event->pid_namespace = pid_namespace;
	event->net_namespace = task_net_namespace(task);
	event->argument_bytes = 0;
	event->environment_bytes = 0;
	event->kernel_pid = KERNEL_READ(task, tgid);
	event->_pad = 0;
	string_prepare(event->command, sizeof(event->command));
	bpf_probe_read_kernel_str(event->command, sizeof(event->command),
				  (void *)leader + bpf_core_field_offset(leader->comm));
	process_file_name(mm, event);
}

/* Of another process than the running one, whose memory cannot be read: the walk finds those, and they live. */
static __always_inline bool process_other_emit(struct task_struct *task, uint64_t process_id)
{
	struct event_process *event = ring_reserve(EVENT_PROCESS_BYTES_MIN);

	if (!event)
		return false;
	process_fill(event, task, KERNEL_READ(task, mm), process_id);
	event->header.length = EVENT_PROCESS_BYTES_MIN;
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return true;
}

static __always_inline bool process_current_emit(struct task_struct *task, uint64_t process_id)
{
	struct mm_struct *mm = KERNEL_READ(task, mm);
	/* Before 6.2 the verifier does not see that a second test for NULL cannot fail: no call between this and the
	 * first. */
	struct event_process *event = ring_reserve(sizeof(*event));

	if (!event)
		return false;
	process_fill(event, task, mm, process_id);
	event->header.length = sizeof(*event);
	process_arguments(mm, event);
	process_environment(mm, event);
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return true;
}

/* False if the ring is full. The sensor is woken: it has to read /proc before the process is gone. */
static __noinline bool process_emit(struct task_struct *task, uint64_t process_id)
{
	uint32_t pid = KERNEL_READ(task, tgid);

	if (pid == task_current_pid())
		return process_current_emit(task, process_id);
	return process_other_emit(task, process_id);
}

static __always_inline void process_exit_emit(uint64_t process_id, uint32_t kernel_pid)
{
	struct event_process_exit *event = ring_reserve(sizeof(*event));
	uint64_t now_ns = bpf_ktime_get_ns();

	if (!event)
		return;
	event->header.length = sizeof(*event);
	event->header.type = EVENT_PROCESS_EXIT;
	event->header.flags = 0;
	event->process_id = process_id;
	event->time_ns = now_ns;
	event->kernel_pid = kernel_pid;
	event->_pad = 0;
	bpf_ringbuf_submit(event, ring_submit_flags(now_ns));
}

#endif
