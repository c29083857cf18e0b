/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hold every difference between kernels, each with the version that made it. Nothing else in bpf/ asks for a
 * version. */
#ifndef BPF_LIB_CORE_COMPAT_BPF_H
#define BPF_LIB_CORE_COMPAT_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "capture_config.h"

extern const volatile struct capture_config config;
extern struct capture_state state;

/* 6.2: bpf_rdonly_cast makes any address a typed pointer whose loads cannot fault the kernel: one instruction instead
 * of a helper call. Before, each field is copied with bpf_probe_read_kernel, in programs that are built without it,
 * CORE_COMPAT_BEFORE_6_2: a kernel function that the kernel lacks libbpf looks for in its modules, weak or not, which
 * takes CAP_SYS_ADMIN.
 *
 * Only one of the linked objects may name it: libbpf 1.1 cannot link two that refer to the same kernel function. It is
 * the one where every nanosecond counts, which defines CORE_COMPAT_RDONLY_CAST. There the verifier takes the branch
 * out; the compiler, left without it, spills registers in a way that the verifier of 6.18 refuses. */
#if defined(CORE_COMPAT_RDONLY_CAST) && !defined(CORE_COMPAT_BEFORE_6_2)
extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

#define KERNEL_CAST(pointer)                                                                                           \
	((typeof(pointer))bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(typeof(*(pointer)))))

#define KERNEL_READ(pointer, field)                                                                                    \
	({                                                                                                             \
		typeof((pointer)->field) value_;                                                                       \
		if (config.has_rdonly_cast)                                                                            \
			value_ = KERNEL_CAST(pointer)->field;                                                          \
		else                                                                                                   \
			bpf_core_read(&value_, sizeof(value_), &(pointer)->field);                                     \
		value_;                                                                                                \
	})
#else
#define KERNEL_READ(pointer, field)                                                                                    \
	({                                                                                                             \
		typeof((pointer)->field) value_;                                                                       \
		bpf_core_read(&value_, sizeof(value_), &(pointer)->field);                                             \
		value_;                                                                                                \
	})
#endif

/* The pointer that lies at `address`, which is not a field of a structure but an element of an array. */
static __always_inline void *kernel_pointer_read(void *address)
{
	return KERNEL_READ((struct hlist_head *)address, first);
}

/* 5.12: atomics that return the old value. An older verifier refuses the mere sight of them, in a branch that is never
 * taken too, so that the programs are built a second time without: CORE_COMPAT_BEFORE_5_12. */
#ifndef CORE_COMPAT_BEFORE_5_12
static __always_inline uint64_t offset_advance(uint64_t *offset, uint64_t bytes)
{
	return __sync_fetch_and_add(offset, bytes);
}

static __always_inline void position_move(uint64_t *position, uint64_t from, uint64_t to)
{
	__sync_val_compare_and_swap(position, from, to);
}

static __always_inline uint64_t connection_id_next(void)
{
	return __sync_fetch_and_add(&state.last_connection_id, 1) + 1;
}
#else
/* Two threads that use one direction of one connection at the same instant may be given the same offset. */
static __always_inline uint64_t offset_advance(uint64_t *offset, uint64_t bytes)
{
	uint64_t before = *(volatile uint64_t *)offset;

	*(volatile uint64_t *)offset = before + bytes;
	return before;
}

/* A position that another CPU has moved at the same instant may be moved back. */
static __always_inline void position_move(uint64_t *position, uint64_t from, uint64_t to)
{
	if (*(volatile uint64_t *)position == from)
		*(volatile uint64_t *)position = to;
}

/* The time and the CPU make an id that is as unique but not as small. */
static __always_inline uint64_t connection_id_next(void)
{
	return bpf_ktime_get_ns() << 8 | (bpf_get_smp_processor_id() & 0xff);
}
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* 6.0: ITER_UBUF, an iterator over one buffer. */
struct iov_iter___v6_0 {
	void *ubuf;
};

/* 6.4: `__iov`, before that `iov`. */
struct iov_iter___v6_4 {
	struct iovec *__iov;
};
struct iov_iter___v6_3 {
	struct iovec *iov;
};

/* 5.14: `iter_type`, before that `type`, which also holds the direction in bit 0. */
struct iov_iter___v5_13 {
	unsigned int type;
};

/* 6.13: before, struct file had an f_count of which zero means that the last reference is gone. Since 6.6 close(2)
 * releases the file before it returns, so later kernels need not be asked. */
typedef struct {
	int64_t counter;
} atomic64_t;
typedef atomic64_t atomic_long_t;
struct file___v6_12 {
	atomic_long_t f_count;
};
#pragma clang attribute pop

static __always_inline uint8_t iov_iter_kind(struct iov_iter *iter)
{
	struct iov_iter___v5_13 *old = (void *)iter;
	unsigned int type = 0;

	if (bpf_core_field_exists(iter->iter_type))
		return KERNEL_READ(iter, iter_type);
	if (bpf_core_field_exists(old->type))
		bpf_core_read(&type, sizeof(type), &old->type);
	return type & ~1U;
}

static __always_inline uint64_t iov_iter_buffer(struct iov_iter *iter)
{
	struct iov_iter___v6_0 *since = (void *)iter;
	uint64_t address = 0;

	if (bpf_core_field_exists(since->ubuf))
		bpf_core_read(&address, sizeof(address), &since->ubuf);
	return address;
}

static __always_inline struct abi_iovec *iov_iter_vector(struct iov_iter *iter)
{
	struct iov_iter___v6_4 *since = (void *)iter;
	struct iov_iter___v6_3 *old = (void *)iter;
	struct abi_iovec *vector = NULL;

	if (bpf_core_field_exists(since->__iov))
		bpf_core_read(&vector, sizeof(vector), &since->__iov);
	else if (bpf_core_field_exists(old->iov))
		bpf_core_read(&vector, sizeof(vector), &old->iov);
	return vector;
}

static __always_inline bool file_release_pending(struct file *file)
{
	struct file___v6_12 *old = (void *)file;

	if (!bpf_core_field_exists(old->f_count))
		return false;
	int64_t references = 1;
	bpf_core_read(&references, sizeof(references), &old->f_count.counter);
	return references == 0;
}

/* 5.19: tcp_recvmsg loses `nonblock`; 7.x: `addr_len`. A program for each form is in hooks/tcp_exit.bpf.c; the loader
 * chooses by the number of arguments. */

#endif
