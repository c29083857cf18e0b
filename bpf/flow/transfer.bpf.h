/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Turn one completed send or receive into events: count it, and copy what the budget of the turn allows.
 *
 * A turn ends when the direction changes. Once its budget is spent, bytes are only counted; they are reported as one
 * hole when the turn ends, when the connection ends, or by the flush, whichever is first. */
#ifndef BPF_FLOW_TRANSFER_BPF_H
#define BPF_FLOW_TRANSFER_BPF_H

#include "flow/connection.bpf.h"
#include "flow/gather.bpf.h"
#include "flow/http2.bpf.h"

/* Start a turn if the direction has changed. */
static __always_inline bool turn_begin(struct connection *connection, uint32_t direction)
{
	if (connection->turn == direction + 1)
		return false;
	/* A walk reports its holes before what it shows next. */
	if (connection->http2_mode[!direction] != HTTP2_WALKED)
		data_holes_emit(connection, !direction);
	connection->turn = direction + 1;
	connection->captured = 0;
	return true;
}

static __always_inline uint32_t budget_left(struct connection *connection)
{
	uint32_t captured = connection->captured;

	return captured < config.capture_bytes ? config.capture_bytes - captured : 0;
}

/* Emit the transfer's segment. False if that could not be, or was not done because HTTP/2 begins there: transfer->hint
 * says so then. A global function, as those of flow/http2.bpf.h. */
__weak int transfer_segment_emit(uint64_t slot)
{
	struct transfer *transfer = scratch_find(slot);

	if (!transfer || !data_is_announced(&transfer->segment))
		return false;
	/* Few values live across the calls: 6.1 forgets the bounds of one that is spilled. */
	uint64_t captured = transfer->segment.captured_bytes;
	struct shm_record_data *record = data_reserve(captured);
	if (!record)
		return false;
	data_fill(record, &transfer->segment, captured);
	if (transfer_is_http2(transfer, (const uint64_t *)(record + 1), record->captured_bytes)) {
		ring_discard(record);
		return false;
	}
	bpf_ringbuf_submit(record, ring_submit_flags(transfer->segment.time_ns));
	return true;
}

/* Returns the position up to which events were emitted; 0 if none was. */
static __always_inline uint64_t transfer_segments_emit(struct connection *connection, struct transfer *transfer,
						       bool first)
{
	struct segment *segment = &transfer->segment;
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
		if (transfer_segment_emit(transfer->slot))
			reported = segment->offset + bytes;
		if (transfer->hint)
			break;
		transfer->seeks = TRANSFER_SEEKS_NOTHING;
		connection->captured += captured;
		segment->offset += bytes;
		remaining -= bytes;
		first = false;
	}
	return reported;
}

/* Returns the position up to which events were emitted; 0 if none was. */
static __noinline uint64_t transfer_emit(struct connection *connection, struct transfer *transfer, bool first)
{
	enum gather_result result = GATHER_NOTHING;
	uint64_t bytes = transfer->bytes;

	if (gather_is_worthwhile(transfer) && bytes <= budget_left(connection))
		result = gather_emit(transfer->slot);
	if (result == GATHER_NOTHING)
		return transfer->hint ? 0 : transfer_segments_emit(connection, transfer, first);
	connection->captured += bytes;
	return result == GATHER_EMITTED ? transfer->segment.offset + bytes : 0;
}

/* What the beginning of a transfer is searched for. Its place in the frames is worth a search only where it has been,
 * or could have been before, HTTP/2. */
static __always_inline uint8_t transfer_seeks(const struct connection *connection)
{
	return connection->http2_seen || connection->flags & CONNECTION_JOINED ? TRANSFER_SEEKS_FRAMES
									       : TRANSFER_SEEKS_BEGINNING;
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
	struct segment *segment = &transfer->segment;
	*segment = (struct segment){
		.connection_id = connection_announced_id(connection),
		.offset = offset_advance(&connection->offset[direction], transfer->bytes),
		.time_ns = now_ns,
		.flags = direction == SENT ? SHM_DATA_SENT : 0,
	};
	uint64_t end = segment->offset + transfer->bytes, reported = 0;
	if (connection->http2_mode[direction] != HTTP2_PLAIN)
		http2_open(connection, transfer);
	if (connection->http2_mode[direction] == HTTP2_PLAIN &&
	    (first || (transfer->source != TRANSFER_NONE && budget_left(connection)))) {
		transfer->seeks = transfer_seeks(connection);
		reported = transfer_emit(connection, transfer, first);
		if (transfer->hint)
			http2_begin(connection, transfer);
	}
	if (connection->http2_mode[direction] == HTTP2_WALKED)
		reported = http2_transfer(connection, transfer);
	connection->last_ns[direction] = now_ns;
	position_raise(&connection->reported[direction], reported);
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
