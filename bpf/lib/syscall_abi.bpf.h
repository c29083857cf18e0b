/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Give system call numbers and registers the same names on every architecture. */
#ifndef BPF_LIB_SYSCALL_ABI_BPF_H
#define BPF_LIB_SYSCALL_ABI_BPF_H

#include "lib/core_compat.bpf.h"

#if defined(__TARGET_ARCH_x86)

enum {
	SYSCALL_READ = 0,
	SYSCALL_WRITE = 1,
	SYSCALL_CLOSE = 3,
	SYSCALL_READV = 19,
	SYSCALL_WRITEV = 20,
	SYSCALL_SENDFILE = 40,
	SYSCALL_SENDTO = 44,
	SYSCALL_RECVFROM = 45,
	SYSCALL_SENDMSG = 46,
	SYSCALL_RECVMSG = 47,
	SYSCALL_SPLICE = 275,
	SYSCALL_RECVMMSG = 299,
	SYSCALL_SENDMMSG = 307,
	SYSCALL_PREADV2 = 327,
	SYSCALL_PWRITEV2 = 328,
};

/* At the exit of a system call only rax has been replaced. An x32 number has bit 30 set and matches none of these. */
#define SYSCALL_NUMBER(regs)     ((regs)->orig_ax)
#define SYSCALL_ARGUMENT_0(regs) ((regs)->di)
#define SYSCALL_ARGUMENT_1(regs) ((regs)->si)
#define SYSCALL_ARGUMENT_2(regs) ((regs)->dx)
#define SYSCALL_ARGUMENT_3(regs) ((regs)->r10)
#define SYSCALL_ARGUMENT_4(regs) ((regs)->r8)

/* ia32 system calls have numbers of their own. */
static __always_inline bool syscall_is_compat(struct task_struct *task)
{
	enum { TS_COMPAT = 2 };

	return KERNEL_READ(task, thread_info.status) & TS_COMPAT;
}

/* sendto, sendmsg, recvfrom and recvmsg of ia32 have numbers that mean nothing to a 64-bit program; so has all of
 * x32. */
static __always_inline bool syscall_is_of_compat_sockets(uint64_t number)
{
	enum { IA32_SENDTO = 369, IA32_RECVMSG = 372, X32_BIT = 30 };

	/* Not the bit alone: the return from a signal handler leaves -1 for a number. */
	return (number >= IA32_SENDTO && number <= IA32_RECVMSG) || number >> X32_BIT == 1;
}

#elif defined(__TARGET_ARCH_arm64)

enum {
	SYSCALL_CLOSE = 57,
	SYSCALL_READ = 63,
	SYSCALL_WRITE = 64,
	SYSCALL_READV = 65,
	SYSCALL_WRITEV = 66,
	SYSCALL_SENDFILE = 71,
	SYSCALL_SPLICE = 76,
	SYSCALL_SENDTO = 206,
	SYSCALL_RECVFROM = 207,
	SYSCALL_SENDMSG = 211,
	SYSCALL_RECVMSG = 212,
	SYSCALL_RECVMMSG = 243,
	SYSCALL_SENDMMSG = 269,
	SYSCALL_PREADV2 = 286,
	SYSCALL_PWRITEV2 = 287,
};

/* At the exit of a system call x0 holds the result; the first argument is kept in orig_x0. */
#define SYSCALL_NUMBER(regs)     ((uint64_t)(regs)->syscallno)
#define SYSCALL_ARGUMENT_0(regs) ((regs)->orig_x0)
#define SYSCALL_ARGUMENT_1(regs) ((regs)->regs[1])
#define SYSCALL_ARGUMENT_2(regs) ((regs)->regs[2])
#define SYSCALL_ARGUMENT_3(regs) ((regs)->regs[3])
#define SYSCALL_ARGUMENT_4(regs) ((regs)->regs[4])

/* AArch32 system calls have numbers of their own. */
static __always_inline bool syscall_is_compat(struct task_struct *task)
{
	enum { TIF_32BIT = 22 };

	return KERNEL_READ(task, thread_info.flags) >> TIF_32BIT & 1;
}

/* The numbers of AArch32 mean other calls to a 64-bit program. */
static __always_inline bool syscall_is_of_compat_sockets(uint64_t number)
{
	return false;
}

#endif

#endif
