/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Turn one completed send or receive into events: count it, and copy what the budget of the turn allows.
 *
 * A turn ends when the direction changes. Once its budget is spent, bytes are only counted; they are reported as one
 * hole when the turn ends, when the connection ends, or by the flush, whichever is first. */
#ifndef BPF_FLOW_TRANSFER_BPF_H
#define BPF_FLOW_TRANSFER_BPF_H

#include "flow/connection.bpf.h"
#include "maps/scratch.bpf.h"

enum {
	/* Elements of a vector that become events of their own; what follows them is counted only. */
	TRANSFER_SEGMENTS_MAX = 8,
};

/* Start a turn if the direction has changed. */
static __always_inline bool turn_begin(struct connection *connection, uint32_t direction)
{
	if (connection->turn == direction + 1)
		return false;
	data_holes_emit(connection, !direction);
	connection->turn = direction + 1;
	connection->captured = 0;
	return true;
}

/* Find the memory of the vector's element `index`, less what is to be skipped. */
static __always_inline bool transfer_element(struct transfer *transfer, uint32_t index, struct abi_iovec *element)
{
	if (transfer->source < TRANSFER_USER_VECTOR) {
		element->base = transfer->address;
		element->length = transfer->present;
		return index == 0;
	}
	void *from = (struct abi_iovec *)transfer->address + index;
	if (index >= transfer->count)
		return false;
	long error = transfer->source == TRANSFER_USER_VECTOR ? bpf_probe_read_user(element, sizeof(*element), from)
							      : bpf_probe_read_kernel(element, sizeof(*element), from);
	if (error) {
		counter_increment(SENSOR_COUNTER_USER_MEMORY_UNREADABLE);
		return false;
	}
	if (index == 0 && transfer->skip <= element->length) {
		element->base += transfer->skip;
		element->length -= transfer->skip;
	}
	return true;
}

static __always_inline uint32_t budget_left(struct connection *connection)
{
	uint32_t captured = connection->captured;

	return captured < config.capture_bytes ? config.capture_bytes - captured : 0;
}

/* Returns the position up to which events were emitted; 0 if none was. */
static __noinline uint64_t transfer_segments_emit(struct connection *connection, struct transfer *transfer,
					      struct segment *segment, bool first)
{
	uint64_t remaining = transfer->present, reported = 0;

	for (uint32_t i = 0; i < TRANSFER_SEGMENTS_MAX && remaining; i++) {
		struct abi_iovec element;
		if (!transfer_element(transfer, i, &element))
			break;
		uint64_t bytes = element.length < remaining ? element.length : remaining;
		if (!bytes)
			continue;
		uint64_t captured = transfer->source == TRANSFER_NONE ? 0 : budget_left(connection);
		if (captured > bytes)
			captured = bytes;
		if (!captured && !first)
			break;
		segment->address = element.base;
		segment->byte_count = bytes;
		segment->captured_bytes = captured;
		if (data_emit(connection, segment))
			reported = segment->offset + bytes;
		connection->captured += captured;
		segment->offset += bytes;
		remaining -= bytes;
		first = false;
	}
	return reported;
}

static __always_inline void transfer_report(struct connection *connection, struct transfer *transfer)
{
	uint32_t direction = transfer->direction & 1;
	uint64_t now_ns = bpf_ktime_get_ns();

	if (!transfer->bytes) {
		data_end_emit(connection, direction, now_ns);
		return;
	}
	bool first = turn_begin(connection, direction);
	struct segment segment = {
		.offset = offset_advance(&connection->offset[direction], transfer->bytes),
		.time_ns = now_ns,
		.flags = direction == SENT ? SHM_DATA_SENT : 0,
	};
	uint64_t end = segment.offset + transfer->bytes;
	connection->last_ns[direction] = now_ns;
	if (first || (transfer->source != TRANSFER_NONE && budget_left(connection))) {
		uint64_t reported = transfer_segments_emit(connection, transfer, &segment, first);
		position_raise(&connection->reported[direction], reported);
	}
	position_raise(&connection->settled[direction], end);
	if (data_has_holes(connection, direction) && !state.holes_counted)
		state.holes_counted = 1;
}

/* The entry of the connection, or NULL if there was nothing to capture. */
static __always_inline struct connection *transfer_on_socket(struct socket *socket, struct task_struct *task,
							     struct transfer *transfer)
{
	struct sock *sk = KERNEL_READ(socket, sk);

	if (!sk || !sock_is_stream(sk))
		return NULL;
	if (!transfer->bytes && (transfer->direction == SENT || !transfer->room))
		return NULL;
	if (transfer->direction == RECEIVED) {
		/* A peek takes nothing from the stream, out-of-band bytes and errors do not belong to it. */
		if (transfer->receive_flags & (KERNEL_MSG_PEEK | KERNEL_MSG_OOB | KERNEL_MSG_ERRQUEUE))
			return NULL;
		/* The bytes are taken but not given to the process. */
		if (transfer->receive_flags & KERNEL_MSG_TRUNC)
			transfer->source = TRANSFER_NONE;
	}
	struct connection *connection = connection_get(socket, sk, task, transfer->direction & 1, transfer->bytes);
	if (connection)
		transfer_report(connection, transfer);
	return connection;
}

#endif
