/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walk the HTTP/2 frames of one transfer: everything but the payload of DATA is emitted, whatever the budget.
 *
 * What is shown is gathered in a run, as long as it lies in one piece of memory; a run is emitted with the bytes behind
 * it that are not shown. lib/http2_walk.h decides which those are.
 *
 * The loop is of global functions, one calling the next: the verifier checks each once, whatever its caller does with
 * it, so that HTTP2_STEPS_MAX steps cost it no more than one. bpf_loop would say the same since 5.17 only. */
#ifndef BPF_FLOW_HTTP2_BPF_H
#define BPF_FLOW_HTTP2_BPF_H

#include "emit/data.bpf.h"
#include "flow/element.bpf.h"
#include "maps/http2.bpf.h"

enum {
	HTTP2_INNER_STEPS = 256,
	HTTP2_OUTER_STEPS = 256,
	/* Of one transfer: elements of a vector, frames, gRPC messages. Beyond, the place is lost. */
	HTTP2_STEPS_MAX = HTTP2_INNER_STEPS * HTTP2_OUTER_STEPS,
	HTTP2_PROBE_STEPS_MAX = 64,

	/* Shown bytes of one event: what the class of 8192 bytes holds, and room for one more step. */
	HTTP2_RUN_BYTES_MAX = 8192 - DATA_EXTRA_BYTES,
	/* A gap in what is shown that is cheaper to show than to begin another event for. */
	HTTP2_GAP_BYTES_MAX = 64,
};

_Static_assert(HTTP2_STEP_BYTES_MAX + HTTP2_HEADER_BYTES + HTTP2_GAP_BYTES_MAX <= HTTP2_RUN_BYTES_MAX, "a step fits");

/* Put the cursor before the transfer's first byte. */
static __always_inline void http2_cursor_begin(struct http2_job *job, const struct transfer *transfer)
{
	job->index = 0;
	job->element_left = 0;
	job->remaining = transfer->source == TRANSFER_NONE ? 0 : transfer->present;
	job->range = (struct http2_range){};
}

/* Move it to the next piece of memory, which may be empty. False if there is none. */
static __always_inline bool http2_cursor_element(struct http2_job *job, struct transfer *transfer)
{
	struct abi_iovec element;

	if (!job->remaining || !transfer_element(transfer, job->index, &element))
		return false;
	job->index++;
	job->address = element.base;
	job->element_left = element.length < job->remaining ? element.length : job->remaining;
	return true;
}

/* Copy what the walk wants to see behind what it has, and say how much that is. */
static __always_inline bool http2_cursor_look(struct http2_job *job, uint64_t *count)
{
	uint64_t wants = http2_least(http2_walk_wants(&job->walk), job->element_left), have = job->walk.have;

	*count = wants;
	if (!wants)
		return true;
	if (wants > HTTP2_PREFACE_BYTES || have >= HTTP2_PREFACE_BYTES)
		return false;
	if (!bpf_probe_read_user(job->walk.bytes + have, wants, (void *)job->address))
		return true;
	counter_increment(SENSOR_COUNTER_USER_MEMORY_UNREADABLE);
	return false;
}

static __always_inline void http2_cursor_move(struct http2_job *job, uint64_t bytes)
{
	job->address += bytes;
	job->offset += bytes;
	job->walk.position += bytes;
	job->element_left -= bytes;
	job->remaining -= bytes;
}

/* One step: job->range says which bytes before the cursor it has passed. True if there is no next. */
__weak int http2_advance(uint64_t slot)
{
	struct transfer *transfer = scratch_find(slot);
	struct http2_job *job = http2_job(slot);
	uint64_t count;

	if (!transfer || !job)
		return true;
	job->range = (struct http2_range){};
	if (!job->element_left)
		return !http2_cursor_element(job, transfer);
	if (!http2_cursor_look(job, &count)) {
		job->range.verdict = HTTP2_LOST;
		return true;
	}
	http2_walk_step(&job->walk, &job->messages, count, job->element_left, &job->range);
	if (job->range.verdict != HTTP2_GO_ON)
		return true;
	http2_cursor_move(job, (uint64_t)job->range.shown + job->range.hidden);
	return false;
}

/* Whether a transfer begins with a run of frame headers that is believed. */
__weak int http2_probe(uint64_t slot)
{
	struct transfer *transfer = scratch_find(slot);
	struct http2_job *job = http2_job(slot);

	if (!transfer || !job)
		return false;
	http2_cursor_begin(job, transfer);
	http2_walk_begin(&job->walk, HTTP2_PHASE_HEADER, HTTP2_PROBING);
	for (uint32_t i = 0; i < HTTP2_PROBE_STEPS_MAX; i++) {
		if (http2_advance(slot) || job->walk.weight >= HTTP2_WEIGHT_ENOUGH)
			break;
	}
	return job->range.verdict == HTTP2_GO_ON && http2_walk_convinces(&job->walk, !job->remaining);
}

static __always_inline void http2_hole_emit(struct http2_job *job)
{
	uint64_t bytes = job->hole_to - job->hole_from;

	if (job->hole_to <= job->hole_from)
		return;
	if (bytes > UINT32_MAX)
		bytes = UINT32_MAX; /* the rest is the distance to the record before */
	struct segment hole = {
		.connection_id = job->announced_id,
		.offset = job->hole_to - bytes,
		.time_ns = job->hole_ns,
		.byte_count = bytes,
		.flags = job->messages.direction == SENT ? SHM_DATA_SENT : 0,
	};
	if (data_emit(&hole))
		job->reported = job->hole_to;
	job->hole_from = job->hole_to;
}

/* Emit what has been gathered. What cannot be emitted is part of the hole before the next run. */
static __noinline void http2_run_emit(struct http2_job *job)
{
	http2_hole_emit(job);
	if (!job->run_shown)
		return;
	struct segment run = {
		.connection_id = job->announced_id,
		.address = job->run_address,
		.offset = job->run_offset,
		.time_ns = job->time_ns,
		.byte_count = job->run_bytes,
		.captured_bytes = job->run_shown,
		.flags = job->run_flags | (job->messages.direction == SENT ? SHM_DATA_SENT : 0),
	};
	job->hole_to = job->run_offset + job->run_bytes;
	job->hole_ns = job->time_ns;
	if (data_emit(&run)) {
		job->reported = job->hole_to;
		job->hole_from = job->hole_to;
	}
	job->run_shown = 0;
}

/* Whether shown bytes that begin at `address` go on with the run. A run that does not begin with a frame's header gives
 * way to one that does: the receiver finds its place by such. */
static __always_inline bool http2_run_goes_on(const struct http2_job *job, uint64_t address, bool begins)
{
	if (!job->run_shown || job->run_address + job->run_bytes != address)
		return false;
	if (begins && !(job->run_flags & SHM_DATA_HTTP2_FRAME))
		return false;
	return job->run_bytes - job->run_shown < HTTP2_GAP_BYTES_MAX &&
	       job->run_bytes + job->range.shown <= HTTP2_RUN_BYTES_MAX;
}

/* Gather the range that lies before the cursor. */
static __always_inline void http2_range_gather(struct http2_job *job)
{
	uint64_t shown = job->range.shown, hidden = job->range.hidden, bytes = shown + hidden;

	if (shown) {
		if (!http2_run_goes_on(job, job->address - bytes, job->range.begins)) {
			http2_run_emit(job);
			job->run_address = job->address - bytes;
			job->run_offset = job->offset - bytes;
			job->run_bytes = 0;
			job->run_flags = job->range.begins ? SHM_DATA_HTTP2_FRAME : 0;
		}
		job->run_bytes += shown;
		job->run_shown = job->run_bytes;
	}
	if (job->run_shown) {
		job->run_bytes += hidden;
	} else if (hidden) {
		job->hole_to += hidden;
		job->hole_ns = job->time_ns;
	}
}

__weak int http2_step(uint64_t slot)
{
	if (http2_advance(slot))
		return true;
	struct http2_job *job = http2_job(slot);
	if (job)
		http2_range_gather(job);
	return !job;
}

__weak int http2_steps(uint64_t slot)
{
	for (uint32_t i = 0; i < HTTP2_INNER_STEPS; i++) {
		if (http2_step(slot))
			return true;
	}
	return false;
}

/* Prepare the walk of a transfer whose direction's state is in job->walk. */
static __always_inline void http2_job_begin(struct http2_job *job, const struct connection *connection,
					    const struct transfer *transfer)
{
	const struct segment *segment = &transfer->segment;
	uint32_t direction = transfer->direction & 1;

	http2_cursor_begin(job, transfer);
	job->messages = (struct http2_messages){.connection_id = connection->connection_id, .direction = direction};
	job->announced_id = segment->connection_id;
	job->time_ns = segment->time_ns;
	job->offset = segment->offset;
	job->hole_from = connection->reported[direction];
	job->hole_to = segment->offset;
	job->hole_ns = connection->last_ns[direction];
	job->run_shown = 0;
	job->reported = 0;
}

/* A direction of which nothing is known, or that may turn out not to be HTTP/2: look at its next bytes. */
static __always_inline bool http2_bytes_fit(struct http2_job *job, struct transfer *transfer, bool open, bool seen)
{
	uint64_t count;

	for (uint32_t i = 0; i < TRANSFER_SEGMENTS_MAX && !job->element_left; i++) {
		if (!http2_cursor_element(job, transfer))
			return false;
	}
	if (!job->element_left || !http2_cursor_look(job, &count))
		return false;
	bool fits = open ? http2_walk_open(&job->walk, count, seen) : http2_walk_holds(&job->walk, count);
	http2_cursor_begin(job, transfer);
	return fits;
}

static __always_inline void http2_give_up(struct connection *connection, uint32_t direction,
					  const struct http2_job *job)
{
	struct http2_direction key = {.connection_id = connection->connection_id, .direction = direction & 1};

	if (job->walk.bits & HTTP2_SURE)
		counter_increment(SENSOR_COUNTER_HTTP2_PLACE_LOST);
	bpf_map_delete_elem(&http2_walks, &key);
	connection->http2_mode[direction & 1] = HTTP2_PLAIN;
}

/* Find out whether a direction that is not known to be plain is to be walked: sets its mode and job->walk. */
static __noinline void http2_open(struct connection *connection, struct transfer *transfer)
{
	uint32_t direction = transfer->direction & 1;
	struct http2_job *job = http2_job(transfer->slot);
	bool open = connection->http2_mode[direction] == HTTP2_UNDECIDED;
	struct http2_direction key = {.connection_id = connection->connection_id, .direction = direction};

	connection->http2_mode[direction] = HTTP2_PLAIN;
	if (!job)
		return;
	if (open) {
		if (connection->flags & CONNECTION_JOINED || !config.capture_bytes)
			return;
		http2_walk_begin(&job->walk, HTTP2_PHASE_PREFACE, 0);
		job->walk.position = transfer->segment.offset;
	} else {
		struct http2_walk *kept = bpf_map_lookup_elem(&http2_walks, &key);
		if (!kept)
			return;
		job->walk = *kept;
	}
	http2_job_begin(job, connection, transfer);
	if (job->walk.position != transfer->segment.offset) {
		/* Two threads at once, or bytes that were not walked. */
		http2_give_up(connection, direction, job);
		return;
	}
	if ((open || http2_walk_doubts(&job->walk)) && !http2_bytes_fit(job, transfer, open, connection->http2_seen)) {
		job->walk.bits = 0;
		http2_give_up(connection, direction, job);
		return;
	}
	connection->http2_mode[direction] = HTTP2_WALKED;
}

/* Begin to walk where transfer->hint says that HTTP/2 begins. */
static __noinline void http2_begin(struct connection *connection, struct transfer *transfer)
{
	struct http2_job *job = http2_job(transfer->slot);

	if (!job)
		return;
	switch (transfer->hint) {
	case HTTP2_HINT_PREFACE:
		http2_walk_begin(&job->walk, HTTP2_PHASE_PREFACE, 0);
		break;
	case HTTP2_HINT_UPGRADE:
		http2_walk_begin(&job->walk, HTTP2_PHASE_ANSWER, 0);
		break;
	default:
		http2_walk_begin(&job->walk, HTTP2_PHASE_HEADER, HTTP2_SURE);
	}
	job->walk.position = transfer->segment.offset;
	http2_job_begin(job, connection, transfer);
	connection->http2_mode[transfer->direction & 1] = HTTP2_WALKED;
}

/* Show what remains of this piece of memory as the budget allows: it is another protocol after all. */
static __always_inline void http2_rest_show(struct http2_job *job)
{
	uint64_t bytes = http2_least(job->element_left, config.capture_bytes);

	bytes = http2_least(bytes, HTTP2_STEP_BYTES_MAX);
	job->range = (struct http2_range){.shown = bytes};
	http2_cursor_move(job, bytes);
	http2_range_gather(job);
}

/* Bytes that the steps did not reach. */
static __always_inline uint32_t http2_rest_skip(struct http2_job *job, uint64_t bytes, uint32_t verdict)
{
	if (verdict == HTTP2_GO_ON)
		verdict = http2_walk_blind(&job->walk, &job->messages, bytes);
	job->walk.position += bytes;
	if (job->run_shown) {
		job->run_bytes += bytes;
	} else {
		job->hole_to += bytes;
		job->hole_ns = job->time_ns;
	}
	return verdict;
}

static __always_inline void http2_keep(struct connection *connection, struct http2_job *job, uint32_t direction)
{
	struct http2_direction key = {.connection_id = connection->connection_id, .direction = direction};
	struct http2_walk *kept = bpf_map_lookup_elem(&http2_walks, &key);

	if (kept) {
		*kept = job->walk;
		return;
	}
	connection->http2_kept = 1;
	if (bpf_map_update_elem(&http2_walks, &key, &job->walk, BPF_ANY))
		http2_give_up(connection, direction, job);
}

/* Walk a transfer whose direction http2_open or http2_begin has found to be HTTP/2. Returns the position up to which
 * events were emitted; 0 if none was. */
static __noinline uint64_t http2_transfer(struct connection *connection, struct transfer *transfer)
{
	uint64_t slot = transfer->slot, bytes = transfer->bytes;
	uint32_t direction = transfer->direction & 1;
	struct http2_job *job = http2_job(slot);

	if (!job)
		return 0;
	uint64_t end = job->offset + bytes;
	if (connection->http2_seen)
		job->walk.bits |= HTTP2_SURE;
	job->walk.bits &= ~HTTP2_ENDED;
	for (uint32_t i = 0; i < HTTP2_OUTER_STEPS; i++) {
		if (http2_steps(slot))
			break;
	}
	uint32_t verdict = job->range.verdict;
	if (verdict == HTTP2_NOT)
		http2_rest_show(job);
	if (job->offset < end)
		verdict = http2_rest_skip(job, end - job->offset, verdict);
	if (job->walk.bits & HTTP2_SURE)
		connection->http2_seen = 1;
	if (verdict == HTTP2_GO_ON)
		http2_keep(connection, job, direction);
	else
		http2_give_up(connection, direction, job);
	if (job->run_shown || job->walk.bits & HTTP2_ENDED || verdict != HTTP2_GO_ON)
		http2_run_emit(job);
	return job->reported;
}

#endif
