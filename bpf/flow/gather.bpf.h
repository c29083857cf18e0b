/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Emit a small transfer as one event, of however many pieces of memory it is: a head and a body that one writev sends
 * cost one reservation in the ring, and one record in everything behind it. The pieces are gathered in memory of this
 * CPU, which stays in its cache; the ring gets a copy of the exact length. */
#ifndef BPF_FLOW_GATHER_BPF_H
#define BPF_FLOW_GATHER_BPF_H

#include "emit/data.bpf.h"
#include "flow/http2.bpf.h"

enum { GATHER_RECORD_BYTES_MAX = DATA_FIXED_BYTES + GATHER_BYTES_MAX };

enum gather_result {
	GATHER_NOTHING, /* or transfer->hint says that HTTP/2 begins here */
	GATHER_EMITTED,
	GATHER_LOST, /* the ring is full: counted */
};

static __always_inline bool gather_is_worthwhile(const struct transfer *transfer)
{
	return transfer->source != TRANSFER_NONE && transfer->present == transfer->bytes &&
	       transfer->bytes <= GATHER_BYTES_MAX && transfer->segment.connection_id;
}

/* Whether the transfer, which begins with the `captured` bytes at `words`, is where HTTP/2 begins: transfer->hint says
 * what it is then. */
static __always_inline bool transfer_is_http2(struct transfer *transfer, const uint64_t *words, uint32_t captured)
{
	if (!transfer->seeks || captured < HTTP2_HEADER_BYTES)
		return false;
	uint32_t hint = http2_hint(words, captured, transfer->seeks == TRANSFER_SEEKS_FRAMES);
	if (!hint || (hint == HTTP2_HINT_FRAMES && !http2_probe(transfer->slot)))
		return false;
	transfer->hint = hint;
	return true;
}

static __always_inline bool gather_elements(struct transfer *transfer)
{
	struct gathering *gathering = &transfer->gathering;
	void *from = (void *)transfer->address;
	uint64_t count = transfer->count;

	if (count > TRANSFER_SEGMENTS_MAX)
		return false;
	uint64_t size = count * sizeof(struct abi_iovec);
	if (transfer->source == TRANSFER_USER_VECTOR ? bpf_probe_read_user(gathering->elements, size, from)
						     : bpf_probe_read_kernel(gathering->elements, size, from))
		return false;
	if (transfer->skip > gathering->elements[0].length)
		return false;
	gathering->elements[0].base += transfer->skip;
	gathering->elements[0].length -= transfer->skip;
	return true;
}

/* False if not all of the bytes could be had. */
static __always_inline bool gather_vector(struct transfer *transfer)
{
	struct gathering *gathering = &transfer->gathering;
	uint64_t at = 0;

	if (!gather_elements(transfer))
		return false;
	for (uint32_t i = 0; i < TRANSFER_SEGMENTS_MAX && i < transfer->count; i++) {
		uint64_t bytes = gathering->elements[i].length, left = transfer->bytes - at;
		if (bytes > left)
			bytes = left;
		barrier_var(bytes);
		barrier_var(at);
		if (at > GATHER_BYTES_MAX || bytes > GATHER_BYTES_MAX)
			return false;
		if (bpf_probe_read_user(gathering->payload + at, bytes, (void *)gathering->elements[i].base))
			return false;
		at += bytes;
	}
	return at == transfer->bytes;
}

/* Emit the transfer whole. What fails is left to those who go through it segment by segment. A global function, as
 * those of flow/http2. */
__weak int gather_emit(uint64_t slot)
{
	struct transfer *transfer = scratch_find(slot);

	if (!transfer)
		return GATHER_NOTHING;
	struct gathering *gathering = &transfer->gathering;
	uint64_t bytes = transfer->bytes;
	if (bytes > GATHER_BYTES_MAX)
		return GATHER_NOTHING;
	/* The padding: what it holds besides is overwritten. */
	((uint64_t *)gathering->payload)[bytes / 8] = 0;
	if (transfer->source == TRANSFER_BUFFER) {
		if (bpf_probe_read_user(gathering->payload, bytes, (void *)transfer->address))
			return GATHER_NOTHING;
	} else if (!gather_vector(transfer)) {
		return GATHER_NOTHING;
	}
	if (transfer_is_http2(transfer, (const uint64_t *)gathering->payload, transfer->bytes))
		return GATHER_NOTHING;
	transfer->segment.byte_count = transfer->bytes;
	data_describe(&gathering->record, &transfer->segment, transfer->bytes, transfer->segment.flags);
	bool emitted = ring_output(&gathering->record, gathering->record.header.length, GATHER_RECORD_BYTES_MAX,
				   transfer->segment.time_ns);
	return emitted ? GATHER_EMITTED : GATHER_LOST;
}

#endif
