/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Find the memory that a send or receive has moved, from the message whose iterator it has advanced.
 *
 * When the kernel function returns, the iterator stands behind the last byte: the first one is `bytes` back. */
#ifndef BPF_FLOW_MESSAGE_BPF_H
#define BPF_FLOW_MESSAGE_BPF_H

#include "flow/transfer.bpf.h"

enum { MESSAGE_STEPS_BACK_MAX = 1024 }; /* UIO_MAXIOV: no vector is longer */

/* A global function, so that the verifier goes through the loop once. `vector` is where the iterator stands, `offset`
 * how far within that element. */
__weak int message_vector(uint64_t slot, uint64_t vector, uint64_t offset)
{
	struct transfer *transfer = scratch_find(slot);
	struct abi_iovec *element = (struct abi_iovec *)vector;

	if (!transfer)
		return false;
	uint64_t back = transfer->bytes;
	/* At its beginning the iterator has taken nothing of the element, which may lie behind the vector's end. */
	uint32_t entered = offset != 0;
	for (uint32_t i = 0; i < MESSAGE_STEPS_BACK_MAX; i++) {
		if (offset >= back) {
			transfer->source = TRANSFER_KERNEL_VECTOR;
			transfer->address = (uint64_t)element;
			transfer->skip = offset - back;
			transfer->count = i + entered;
			return true;
		}
		back -= offset;
		element--;
		if (bpf_probe_read_kernel(&offset, sizeof(offset), &element->length))
			return false;
	}
	return false;
}

/* Other kinds of iterators are of the kernel's memory: counted only. */
static __always_inline void message_describe(struct transfer *transfer, struct msghdr *message)
{
	struct iov_iter *iter = &message->msg_iter;
	uint64_t offset = KERNEL_READ(iter, iov_offset);
	uint8_t kind = iov_iter_kind(iter);

	if (config.iov_iter_has_ubuf && kind == config.iov_iter_ubuf) {
		transfer->source = TRANSFER_BUFFER;
		transfer->address = iov_iter_buffer(iter) + offset - transfer->bytes;
	} else if (kind == config.iov_iter_iovec) {
		message_vector(transfer->slot, (uint64_t)iov_iter_vector(iter), offset);
	}
}

/* `result` of a function that has sent or received on a socket; `message` is NULL where no memory of the process is
 * involved. */
static __always_inline int message_moved(enum scratch_slot slot, struct socket *socket, struct msghdr *message,
					 uint32_t direction, uint64_t room, uint32_t receive_flags, int32_t result)
{
	if (result < 0 || !socket)
		return 0;
	struct transfer *transfer = scratch_transfer(slot, result);
	if (!transfer)
		return 0;
	transfer->direction = direction;
	transfer->room = room;
	transfer->receive_flags = receive_flags;
	if (message)
		message_describe(transfer, message);
	transfer_on_socket(socket, task_current(), transfer);
	return 0;
}

#endif
