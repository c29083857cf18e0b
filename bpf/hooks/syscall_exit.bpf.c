// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Capture at the exit of system calls, where the result is the exact length and the arguments are still there: the way
 * in for kernels without BPF trampolines. io_uring passes by it. */
#define CORE_COMPAT_RDONLY_CAST
#include "kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "flow/descriptor.bpf.h"
#include "flow/transfer.bpf.h"
#include "lib/syscall_abi.bpf.h"

enum { MESSAGES_MAX = 1024 }; /* UIO_MAXIOV: the kernel takes no more in one call */

static __always_inline void call_buffer(struct transfer *transfer, struct pt_regs *regs, uint32_t direction)
{
	transfer->room = SYSCALL_ARGUMENT_2(regs);
	transfer->direction = direction;
	transfer->source = TRANSFER_BUFFER;
	transfer->address = SYSCALL_ARGUMENT_1(regs);
}

static __always_inline void call_vector(struct transfer *transfer, uint64_t vector, uint64_t count, uint32_t direction)
{
	transfer->direction = direction;
	transfer->source = TRANSFER_USER_VECTOR;
	transfer->address = vector;
	transfer->count = count;
	if (transfer->bytes)
		return;
	for (uint32_t i = 0; i < TRANSFER_SEGMENTS_MAX && i < count; i++) {
		struct abi_iovec element;
		if (bpf_probe_read_user(&element, sizeof(element), (struct abi_iovec *)vector + i))
			return;
		transfer->room |= element.length;
	}
}

/* No more than its vector comes to the stack, of which kernels before 6.x count more than is used. */
static __always_inline void call_message(struct transfer *transfer, struct abi_msghdr *message, uint32_t direction)
{
	struct abi_message_vector vector;

	if (bpf_probe_read_user(&vector, sizeof(vector), &message->vector)) {
		counter_increment(SENSOR_COUNTER_USER_MEMORY_UNREADABLE);
		vector.iov_count = 0; /* the bytes are counted all the same */
	}
	call_vector(transfer, vector.iov, vector.iov_count, direction);
}

/* True if the descriptor is a watched connection. */
static __noinline bool call_report(struct transfer *transfer, struct task_struct *task, uint64_t descriptor)
{
	struct socket *socket = socket_from_descriptor(task, descriptor);

	if (!socket)
		return false;
	struct connection *connection = transfer_on_socket(socket, task, transfer);
	if (!connection)
		return false;
	descriptor_keep(connection, socket, descriptor);
	return true;
}

/* One of the two descriptors is a pipe. */
static __always_inline void call_splice(struct transfer *transfer, struct task_struct *task,
					struct pt_regs *regs)
{
	transfer->room = SYSCALL_ARGUMENT_4(regs);
	transfer->direction = RECEIVED;
	if (call_report(transfer, task, SYSCALL_ARGUMENT_0(regs)))
		return;
	transfer->direction = SENT;
	call_report(transfer, task, SYSCALL_ARGUMENT_2(regs));
}

/* recvmmsg and sendmmsg return a number of messages; the kernel has written the length of each beside it. They make
 * little sense on a stream, so only the first message is shown and the others are counted. */
static __noinline uint64_t messages_bytes(struct abi_mmsghdr *messages, uint64_t count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < MESSAGES_MAX && i < count; i++) {
		uint32_t length;
		if (bpf_probe_read_user(&length, sizeof(length), &messages[i].length)) {
			counter_increment(SENSOR_COUNTER_USER_MEMORY_UNREADABLE);
			break;
		}
		bytes += length;
	}
	return bytes;
}

static __always_inline void call_messages(struct transfer *transfer, struct abi_mmsghdr *messages, uint32_t direction)
{
	uint32_t length = 0;

	if (!transfer->bytes)
		return; /* no message: not the end of the stream */
	transfer->bytes = messages_bytes(messages, transfer->bytes);
	call_message(transfer, &messages->header, direction);
	bpf_probe_read_user(&length, sizeof(length), &messages->length);
	transfer->present = length;
}

/* Apart from the program, whose stack counts for everything that it calls: 6.1 and older sum it up in steps of 32
 * bytes. */
static __noinline void call_describe(struct transfer *transfer, struct pt_regs *regs, uint64_t number)
{
	uint64_t second = SYSCALL_ARGUMENT_1(regs), third = SYSCALL_ARGUMENT_2(regs);

	switch (number) {
	case SYSCALL_READ:
		call_buffer(transfer, regs, RECEIVED);
		break;
	case SYSCALL_RECVFROM:
		transfer->receive_flags = SYSCALL_ARGUMENT_3(regs);
		call_buffer(transfer, regs, RECEIVED);
		break;
	case SYSCALL_WRITE:
	case SYSCALL_SENDTO:
		call_buffer(transfer, regs, SENT);
		break;
	case SYSCALL_READV:
	case SYSCALL_PREADV2:
		call_vector(transfer, second, third, RECEIVED);
		break;
	case SYSCALL_WRITEV:
	case SYSCALL_PWRITEV2:
		call_vector(transfer, second, third, SENT);
		break;
	case SYSCALL_RECVMSG:
		transfer->receive_flags = third;
		call_message(transfer, (struct abi_msghdr *)second, RECEIVED);
		break;
	case SYSCALL_SENDMSG:
		call_message(transfer, (struct abi_msghdr *)second, SENT);
		break;
	case SYSCALL_RECVMMSG:
		transfer->receive_flags = SYSCALL_ARGUMENT_3(regs);
		call_messages(transfer, (struct abi_mmsghdr *)second, RECEIVED);
		break;
	case SYSCALL_SENDMMSG:
		call_messages(transfer, (struct abi_mmsghdr *)second, SENT);
		break;
	case SYSCALL_SENDFILE:
		transfer->direction = SENT;
		break;
	}
}

static __always_inline bool number_is_watched(uint64_t number)
{
	switch (number) {
	case SYSCALL_READ:
	case SYSCALL_WRITE:
	case SYSCALL_CLOSE:
	case SYSCALL_READV:
	case SYSCALL_WRITEV:
	case SYSCALL_SENDFILE:
	case SYSCALL_SENDTO:
	case SYSCALL_RECVFROM:
	case SYSCALL_SENDMSG:
	case SYSCALL_RECVMSG:
	case SYSCALL_SPLICE:
	case SYSCALL_RECVMMSG:
	case SYSCALL_SENDMMSG:
	case SYSCALL_PREADV2:
	case SYSCALL_PWRITEV2:
		return true;
	}
	return false;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long result)
{
	uint64_t number = SYSCALL_NUMBER(regs);

	if (result < 0)
		return 0;
	if (!number_is_watched(number)) {
		if (syscall_is_of_compat_sockets(number))
			counter_increment(SENSOR_COUNTER_COMPAT_CALLS);
		return 0;
	}
	struct task_struct *task = task_current();
	if (syscall_is_compat(task))
		return 0;
	uint64_t descriptor = SYSCALL_ARGUMENT_0(regs);
	if (number == SYSCALL_CLOSE) {
		descriptor_closed(descriptor);
		return 0;
	}
	struct transfer *transfer = scratch_transfer(SCRATCH_SYSCALL, result);
	if (!transfer)
		return 0;
	if (number == SYSCALL_SPLICE) {
		call_splice(transfer, task, regs);
		return 0;
	}
	call_describe(transfer, regs, number);
	call_report(transfer, task, descriptor);
	return 0;
}
