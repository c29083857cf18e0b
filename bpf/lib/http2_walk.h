/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walk the frames of one direction of an HTTP/2 connection: which bytes are shown, and where frames begin. Calls no BPF
 * helper: the host compiles this file too, to test and fuzz it.
 *
 * Shown is everything but the payload of DATA; of that, what precedes each gRPC message (RFC 9113, section 6; gRPC over
 * HTTP2, "Length-Prefixed-Message"). The caller goes on in steps:
 *
 *	wants = http2_walk_wants(walk), no more than there are in this piece of memory;
 *	copy so many bytes to walk->bytes + walk->have;
 *	http2_walk_step(walk, messages, wants, available, &range);
 *	of the bytes that follow, range.shown are shown and range.hidden are not.
 *
 * Pieces may be of any size: a header, a prefix or the preface that is cut waits in walk->bytes. */
#ifndef BPF_LIB_HTTP2_WALK_H
#define BPF_LIB_HTTP2_WALK_H

#include "lib/http2_frame.h"

enum {
	HTTP2_PREFIX_BYTES = 5, /* of a gRPC message: compressed or not, length */

	HTTP2_STEP_BYTES_MAX = 4096,     /* shown by one step */
	HTTP2_EXTENSION_BYTES_MAX = 1024, /* shown of a frame of unknown type, which nobody here reads */
	HTTP2_ANSWER_BYTES_MAX = 8192,   /* of the head of an answer 101 */
	/* Messages of length zero in a row: beyond, these are zeros of another kind of body. */
	HTTP2_EMPTY_MESSAGES_MAX = 64,
};

enum http2_phase {
	HTTP2_PHASE_PREFACE,
	HTTP2_PHASE_ANSWER, /* in the head of an answer 101 */
	HTTP2_PHASE_HEADER,
	HTTP2_PHASE_SHOWN,
	HTTP2_PHASE_PAD_LENGTH, /* of DATA */
	HTTP2_PHASE_PREFIX,
	HTTP2_PHASE_HIDDEN,
};

enum http2_bit {
	HTTP2_FIRST = 1 << 0,    /* the next frame is a server's first: SETTINGS, or this is not HTTP/2 */
	HTTP2_SURE = 1 << 1,     /* this is HTTP/2: what is taken for a frame header is one */
	HTTP2_PROBING = 1 << 2,  /* headers are weighed, nothing else is looked at */
	HTTP2_BODY = 1 << 3,     /* of the present frame: no gRPC messages */
	HTTP2_SPILLED = 1 << 4,  /* messages have been put aside */
	HTTP2_ENDED = 1 << 5,    /* DATA with END_STREAM ended; the caller clears it */
	HTTP2_ANSWERED = 1 << 6, /* an answer 101 came before */
};

/* A gRPC message, or its prefix, that did not end with its frame. */
struct http2_message {
	uint32_t stream; /* 0: none */
	uint32_t left;   /* bytes of it to come */
	uint8_t have;    /* of its prefix; left is 0 then */
	uint8_t prefix[HTTP2_PREFIX_BYTES];
	uint8_t _pad[2];
};

struct http2_walk {
	uint64_t position; /* in the stream, of the byte that comes next; the caller moves it */
	uint32_t left;     /* bytes left of the frame's payload, or that the head of an answer may still have */
	struct http2_message message; /* in the present frame */
	struct http2_message parked;  /* of another stream: the latest that was left */
	uint8_t phase;                /* enum http2_phase */
	uint8_t bits;                 /* enum http2_bit */
	uint8_t type, flags;          /* of the present frame */
	uint8_t padding;              /* at the end of the payload */
	uint8_t empty_messages;       /* in a row */
	uint8_t weight;               /* of the headers, when probing */
	uint8_t have;                 /* valid bytes of `bytes` */
	/* Last: whoever copies into it with lengths that a verifier cannot add up needs room behind it. */
	uint8_t bytes[HTTP2_PREFACE_BYTES] __attribute__((aligned(8)));
};

enum http2_verdict {
	HTTP2_GO_ON,
	HTTP2_NOT,  /* this is another protocol */
	HTTP2_LOST, /* this is no frame header: the place is lost */
};

struct http2_range {
	uint32_t shown;  /* these come first */
	uint32_t hidden;
	uint8_t begins;  /* the first byte shown is the first of a frame header or of the whole preface */
	uint8_t verdict; /* enum http2_verdict; nothing was taken unless it is HTTP2_GO_ON */
};

/* Where messages are put aside beyond the one in `parked`: bounded, may forget. The includer defines both. */
struct http2_messages;
static void http2_message_put(struct http2_messages *messages, const struct http2_message *message);
static bool http2_message_take(struct http2_messages *messages, uint32_t stream, struct http2_message *message);

static HTTP2_INLINE uint32_t http2_least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* What is left of the payload without its padding. */
static HTTP2_INLINE uint32_t http2_data_left(const struct http2_walk *walk)
{
	return walk->left > walk->padding ? walk->left - walk->padding : 0;
}

/* How many bytes the next step has to see; 0 for payload. */
static HTTP2_INLINE uint32_t http2_walk_wants(const struct http2_walk *walk)
{
	uint32_t have = walk->have, whole = 0;

	switch (walk->phase) {
	case HTTP2_PHASE_PREFACE:
		whole = HTTP2_PREFACE_BYTES;
		break;
	case HTTP2_PHASE_ANSWER:
		return HTTP2_PREFACE_BYTES;
	case HTTP2_PHASE_HEADER:
		whole = HTTP2_HEADER_BYTES;
		break;
	case HTTP2_PHASE_PAD_LENGTH:
		return 1;
	case HTTP2_PHASE_PREFIX:
		if (have >= HTTP2_PREFIX_BYTES)
			return 0;
		return http2_least(HTTP2_PREFIX_BYTES - have, http2_data_left(walk));
	}
	return have < whole ? whole - have : 0;
}

/* The state of a direction where the preface, or the rest of it, may follow. */
static HTTP2_INLINE void http2_walk_begin(struct http2_walk *walk, enum http2_phase phase, uint8_t bits)
{
	*walk = (struct http2_walk){.phase = (uint8_t)phase, .bits = bits};
	if (phase == HTTP2_PHASE_ANSWER)
		walk->left = HTTP2_ANSWER_BYTES_MAX;
}

/* Decide over the first `count` bytes of a connection's direction, which are at walk->bytes: false if it cannot be
 * HTTP/2. `seen`: the other direction is HTTP/2 already. */
static HTTP2_INLINE bool http2_walk_open(struct http2_walk *walk, uint32_t count, bool seen)
{
	enum { NAMED_BYTES = HTTP2_HEADER_BYTES + 2 };

	walk->phase = HTTP2_PHASE_PREFACE;
	if (http2_preface_begins((const uint64_t *)(const void *)walk->bytes, count))
		return true;
	walk->phase = HTTP2_PHASE_HEADER;
	walk->bits |= HTTP2_FIRST;
	if (!http2_settings_begin(walk->bytes, count))
		return false;
	if (seen || count < NAMED_BYTES || !walk->bytes[2])
		return true;
	walk->bits |= HTTP2_SURE;
	return http2_setting_known(walk->bytes);
}

/* Whether the state may still turn out to be another protocol's. */
static HTTP2_INLINE bool http2_walk_doubts(const struct http2_walk *walk)
{
	return walk->phase == HTTP2_PHASE_PREFACE || (walk->phase == HTTP2_PHASE_HEADER && walk->bits & HTTP2_FIRST);
}

/* Whether the next `count` bytes, which are at walk->bytes + walk->have, confirm it. */
static HTTP2_INLINE bool http2_walk_holds(const struct http2_walk *walk, uint32_t count)
{
	if (walk->phase == HTTP2_PHASE_PREFACE)
		return http2_preface_begins((const uint64_t *)(const void *)walk->bytes, walk->have + count);
	return http2_settings_begin(walk->bytes, walk->have + count);
}

static HTTP2_INLINE void http2_message_leave(struct http2_walk *walk, struct http2_messages *messages)
{
	if (walk->bits & HTTP2_BODY || (!walk->message.left && !walk->message.have))
		return;
	if (walk->parked.stream) {
		http2_message_put(messages, &walk->parked);
		walk->bits |= HTTP2_SPILLED;
	}
	walk->parked = walk->message;
}

static HTTP2_INLINE void http2_message_resume(struct http2_walk *walk, struct http2_messages *messages, uint32_t stream)
{
	walk->message = (struct http2_message){.stream = stream};
	if (walk->parked.stream == stream) {
		walk->message = walk->parked;
		walk->parked.stream = 0;
	} else if (walk->bits & HTTP2_SPILLED) {
		http2_message_take(messages, stream, &walk->message);
	}
}

static HTTP2_INLINE void http2_frame_end(struct http2_walk *walk, struct http2_messages *messages)
{
	walk->phase = HTTP2_PHASE_HEADER;
	walk->have = 0;
	if (walk->type != HTTP2_DATA || walk->bits & HTTP2_PROBING)
		return;
	if (walk->flags & HTTP2_END_STREAM)
		walk->bits |= HTTP2_ENDED;
	else
		http2_message_leave(walk, messages);
}

/* Go on within DATA: a prefix, or bytes that are not shown. */
static HTTP2_INLINE void http2_data_next(struct http2_walk *walk, struct http2_messages *messages)
{
	struct http2_message *message = &walk->message;

	if (!walk->left) {
		http2_frame_end(walk, messages);
		return;
	}
	walk->phase = HTTP2_PHASE_HIDDEN;
	walk->have = 0;
	if (walk->bits & HTTP2_BODY || message->left || !http2_data_left(walk))
		return;
	walk->phase = HTTP2_PHASE_PREFIX;
	walk->have = message->have;
	for (uint32_t i = 0; i < HTTP2_PREFIX_BYTES; i++)
		walk->bytes[i] = message->prefix[i];
}

static HTTP2_INLINE void http2_payload_begin(struct http2_walk *walk, struct http2_messages *messages, uint32_t stream)
{
	if (!walk->left) {
		http2_frame_end(walk, messages);
	} else if (walk->type > HTTP2_CONTINUATION) {
		walk->phase = walk->left <= HTTP2_EXTENSION_BYTES_MAX ? HTTP2_PHASE_SHOWN : HTTP2_PHASE_HIDDEN;
	} else if (walk->type != HTTP2_DATA) {
		walk->phase = HTTP2_PHASE_SHOWN;
	} else if (walk->bits & HTTP2_PROBING) {
		walk->phase = HTTP2_PHASE_HIDDEN;
	} else {
		http2_message_resume(walk, messages, stream);
		if (walk->flags & HTTP2_PADDED)
			walk->phase = HTTP2_PHASE_PAD_LENGTH;
		else
			http2_data_next(walk, messages);
	}
}

static HTTP2_INLINE void http2_step_preface(struct http2_walk *walk, uint32_t count, struct http2_range *range)
{
	uint32_t have = walk->have + count;

	if (!http2_preface_begins((const uint64_t *)(const void *)walk->bytes, have)) {
		range->verdict = HTTP2_NOT;
		return;
	}
	range->shown = count;
	range->begins = count == HTTP2_PREFACE_BYTES;
	walk->have = (uint8_t)have;
	if (have == HTTP2_PREFACE_BYTES) {
		walk->bits |= HTTP2_SURE;
		walk->phase = HTTP2_PHASE_HEADER;
		walk->have = 0;
	}
}

/* The empty line ends the head. `padding` counts how much of it has been seen. */
static HTTP2_INLINE void http2_step_answer(struct http2_walk *walk, uint32_t count, struct http2_range *range)
{
	uint32_t matched = walk->padding, taken = 0;

	while (taken < HTTP2_PREFACE_BYTES && taken < count && matched < 4) {
		uint8_t byte = walk->bytes[taken++];
		if (byte == (matched & 1 ? '\n' : '\r'))
			matched++;
		else
			matched = byte == '\r';
	}
	if (walk->left < taken) {
		range->verdict = HTTP2_NOT;
		return;
	}
	walk->left -= taken;
	range->shown = taken;
	walk->padding = (uint8_t)matched;
	if (matched == 4) {
		walk->phase = HTTP2_PHASE_HEADER;
		walk->bits |= HTTP2_FIRST | HTTP2_ANSWERED;
	}
}

/* A server's first frame: SETTINGS. */
static HTTP2_INLINE bool http2_first_fits(const struct http2_walk *walk, uint32_t have)
{
	return !(walk->bits & HTTP2_FIRST) || http2_settings_begin(walk->bytes, have);
}

static HTTP2_INLINE void http2_step_header(struct http2_walk *walk, struct http2_messages *messages, uint32_t count,
					   struct http2_range *range)
{
	uint32_t have = walk->have + count;

	if (!http2_first_fits(walk, have)) {
		range->verdict = HTTP2_NOT;
		return;
	}
	if (have >= HTTP2_HEADER_BYTES) {
		struct http2_header header = http2_header_read(walk->bytes);
		uint32_t weight = walk->bits & HTTP2_PROBING ? http2_header_weight(header) : http2_header_valid(header);
		if (!weight) {
			range->verdict = HTTP2_LOST;
			return;
		}
		walk->weight = (uint8_t)(walk->weight + weight);
		if (walk->bits & HTTP2_ANSWERED)
			walk->bits |= HTTP2_SURE;
		walk->type = header.type;
		walk->flags = header.flags;
		walk->left = header.length;
		walk->padding = 0;
		walk->empty_messages = 0;
		walk->message = (struct http2_message){0};
		walk->bits &= (uint8_t)~(HTTP2_FIRST | HTTP2_BODY);
	}
	range->shown = count;
	range->begins = walk->have == 0 && walk->bits & HTTP2_SURE;
	walk->have = (uint8_t)have;
	if (have < HTTP2_HEADER_BYTES)
		return;
	walk->have = 0;
	http2_payload_begin(walk, messages, http2_header_read(walk->bytes).stream & INT32_MAX);
}

static HTTP2_INLINE void http2_step_pad_length(struct http2_walk *walk, struct http2_messages *messages,
					       struct http2_range *range)
{
	range->shown = 1;
	walk->left--;
	walk->padding = walk->bytes[0];
	http2_data_next(walk, messages);
}

static HTTP2_INLINE void http2_step_prefix(struct http2_walk *walk, struct http2_messages *messages, uint32_t count,
					   struct http2_range *range)
{
	struct http2_message *message = &walk->message;
	uint32_t have = walk->have + count;

	if (walk->bytes[0] > 1 || walk->empty_messages >= HTTP2_EMPTY_MESSAGES_MAX) {
		walk->bits |= HTTP2_BODY;
		http2_data_next(walk, messages);
		return;
	}
	range->shown = count;
	walk->left -= count;
	message->have = have < HTTP2_PREFIX_BYTES ? (uint8_t)have : 0;
	for (uint32_t i = 0; i < HTTP2_PREFIX_BYTES; i++)
		message->prefix[i] = walk->bytes[i];
	if (have >= HTTP2_PREFIX_BYTES) {
		const uint8_t *length = &walk->bytes[1];
		message->left = (uint32_t)length[0] << 24 | (uint32_t)length[1] << 16 | (uint32_t)length[2] << 8 |
				length[3];
		walk->empty_messages = message->left ? 0 : walk->empty_messages + 1;
	}
	http2_data_next(walk, messages);
}

/* Bytes of a payload, as many of them as belong to the same message. */
static HTTP2_INLINE void http2_payload_take(struct http2_walk *walk, struct http2_messages *messages, uint32_t count)
{
	uint32_t data = http2_least(http2_data_left(walk), count);

	walk->left -= count;
	if (walk->type != HTTP2_DATA || walk->bits & HTTP2_PROBING) {
		if (!walk->left)
			http2_frame_end(walk, messages);
		return;
	}
	walk->message.left -= http2_least(walk->message.left, data);
	http2_data_next(walk, messages);
}

static HTTP2_INLINE void http2_step_hidden(struct http2_walk *walk, struct http2_messages *messages, uint64_t available,
					   struct http2_range *range)
{
	uint32_t count = http2_least(walk->left, available), data = http2_data_left(walk);

	if (walk->type == HTTP2_DATA && walk->message.left && !(walk->bits & HTTP2_BODY) && data)
		count = http2_least(count, http2_least(walk->message.left, data));
	range->hidden = count;
	http2_payload_take(walk, messages, count);
}

/* `count` bytes, no more than it wanted, are at walk->bytes + walk->have; with them, `available` bytes lie in one piece
 * of memory. Payload that follows a header is taken by the same step. */
static HTTP2_INLINE void http2_walk_step(struct http2_walk *walk, struct http2_messages *messages, uint32_t count,
					 uint64_t available, struct http2_range *range)
{
	*range = (struct http2_range){.verdict = HTTP2_GO_ON};
	switch (walk->phase) {
	case HTTP2_PHASE_PREFACE:
		http2_step_preface(walk, count, range);
		return;
	case HTTP2_PHASE_ANSWER:
		http2_step_answer(walk, count, range);
		return;
	case HTTP2_PHASE_HEADER:
		http2_step_header(walk, messages, count, range);
		break;
	case HTTP2_PHASE_PAD_LENGTH:
		http2_step_pad_length(walk, messages, range);
		break;
	case HTTP2_PHASE_PREFIX:
		http2_step_prefix(walk, messages, count, range);
		break;
	}
	if (range->verdict != HTTP2_GO_ON || available <= range->shown)
		return;
	available -= range->shown;
	if (walk->phase == HTTP2_PHASE_HIDDEN) {
		http2_step_hidden(walk, messages, available, range);
	} else if (walk->phase == HTTP2_PHASE_SHOWN) {
		uint32_t taken = http2_least(http2_least(walk->left, HTTP2_STEP_BYTES_MAX), available);
		range->shown += taken;
		http2_payload_take(walk, messages, taken);
	}
}

/* Whether what has been weighed is believed; `at_end`: the call's bytes end here. */
static HTTP2_INLINE bool http2_walk_convinces(const struct http2_walk *walk, bool at_end)
{
	uint32_t weight = walk->weight;

	if (at_end && walk->phase == HTTP2_PHASE_HEADER && !walk->have)
		weight += HTTP2_WEIGHT_OF_END;
	return weight >= HTTP2_WEIGHT_ENOUGH;
}

/* Bytes that cannot be looked at, because they never were in the process's memory: within a payload the place is kept.
 * Messages that begin among them go uncounted. */
static HTTP2_INLINE enum http2_verdict http2_walk_blind(struct http2_walk *walk, struct http2_messages *messages,
							uint64_t count)
{
	if (walk->phase < HTTP2_PHASE_SHOWN || count > walk->left)
		return HTTP2_LOST;
	if (walk->phase == HTTP2_PHASE_PAD_LENGTH || walk->phase == HTTP2_PHASE_PREFIX || count > walk->message.left)
		walk->bits |= HTTP2_BODY;
	http2_payload_take(walk, messages, (uint32_t)count);
	return HTTP2_GO_ON;
}

#endif
