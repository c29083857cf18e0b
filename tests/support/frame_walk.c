/* Drive the frame walker of bpf/lib over pieces of memory, and walk the same frames in the obvious way. */
#include "support/frame_walk.h"

#include <stdlib.h>
#include <string.h>

#include "lib/http2_walk.h"

struct http2_messages {
	struct http2_message kept[FRAME_WALK_MESSAGES_MAX];
};

struct frame_walk {
	struct http2_walk walk;
	struct http2_messages messages;
};

static void http2_message_put(struct http2_messages *messages, const struct http2_message *message)
{
	for (size_t i = 0; i < FRAME_WALK_MESSAGES_MAX; i++) {
		if (messages->kept[i].stream == 0) {
			messages->kept[i] = *message;
			return;
		}
	}
	abort();
}

static bool http2_message_take(struct http2_messages *messages, uint32_t stream, struct http2_message *message)
{
	for (size_t i = 0; i < FRAME_WALK_MESSAGES_MAX; i++) {
		if (messages->kept[i].stream == stream) {
			*message = messages->kept[i];
			messages->kept[i].stream = 0;
			return true;
		}
	}
	return false;
}

struct frame_walk *frame_walk_new(enum frame_walk_start start)
{
	static const struct {
		enum http2_phase phase;
		uint8_t bits;
	} starts[] = {
		[FRAME_WALK_CLIENT] = {HTTP2_PHASE_PREFACE, 0},
		[FRAME_WALK_FRAMES] = {HTTP2_PHASE_HEADER, HTTP2_SURE},
		[FRAME_WALK_ANSWER] = {HTTP2_PHASE_ANSWER, 0},
		[FRAME_WALK_PROBE] = {HTTP2_PHASE_HEADER, HTTP2_PROBING},
	};
	struct frame_walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL)
		abort();
	http2_walk_begin(&walk->walk, starts[start].phase, starts[start].bits);
	return walk;
}

void frame_walk_free(struct frame_walk *walk)
{
	free(walk);
}

bool frame_walk_piece(struct frame_walk *walk, const uint8_t *piece, size_t length, uint8_t *marks)
{
	struct http2_walk *state = &walk->walk;
	size_t at = 0, idle = 0;

	memset(marks, 0, length);
	while (at < length) {
		uint32_t count = http2_least(http2_walk_wants(state), length - at);
		struct http2_range range;

		if (state->have + count > sizeof(state->bytes))
			abort();
		memcpy(state->bytes + state->have, piece + at, count);
		http2_walk_step(state, &walk->messages, count, length - at, &range);
		if (range.verdict != HTTP2_GO_ON)
			return false;
		if ((uint64_t)range.shown + range.hidden > length - at || (range.begins && range.shown == 0))
			abort();
		memset(marks + at, FRAME_WALK_SHOWN, range.shown);
		if (range.begins)
			marks[at] |= FRAME_WALK_BEGINS;
		at += range.shown + range.hidden;
		idle = range.shown + range.hidden ? 0 : idle + 1;
		if (idle > 2)
			abort(); /* it does not move on */
	}
	return true;
}

bool frame_walk_blind(struct frame_walk *walk, uint64_t count)
{
	return http2_walk_blind(&walk->walk, &walk->messages, count) == HTTP2_GO_ON;
}

bool frame_walk_ended(struct frame_walk *walk)
{
	bool ended = walk->walk.bits & HTTP2_ENDED;

	walk->walk.bits &= (uint8_t)~HTTP2_ENDED;
	return ended;
}

bool frame_walk_convinces(const struct frame_walk *walk, bool at_end)
{
	return http2_walk_convinces(&walk->walk, at_end);
}

bool frame_walk_opens(const uint8_t *bytes, size_t length, bool other_seen)
{
	struct http2_walk walk;
	uint32_t count = http2_least(length, HTTP2_PREFACE_BYTES);

	http2_walk_begin(&walk, HTTP2_PHASE_PREFACE, 0);
	memcpy(walk.bytes, bytes, count);
	return http2_walk_open(&walk, count, other_seen);
}

/* The second walker. */

struct stream_state {
	uint32_t id;
	uint64_t skip;     /* bytes of the message to come */
	uint8_t prefix[5]; /* or those of a prefix */
	uint8_t have;
};

struct streams {
	struct stream_state states[FRAME_WALK_MESSAGES_MAX];
};

static struct stream_state *stream_of(struct streams *streams, uint32_t id)
{
	for (size_t i = 0; i < FRAME_WALK_MESSAGES_MAX; i++) {
		struct stream_state *state = &streams->states[i];
		if (state->id == 0 || state->id == id) {
			state->id = id;
			return state;
		}
	}
	abort();
}

/* The messages in one DATA frame, byte by byte. */
static void expect_data(struct stream_state *state, const uint8_t *data, size_t length, uint8_t *marks)
{
	int empty = 0;

	for (size_t i = 0; i < length; i++) {
		if (state->skip > 0) {
			state->skip--;
			continue;
		}
		if (state->have == 0 && (data[i] > 1 || empty == 64)) {
			*state = (struct stream_state){.id = state->id};
			return; /* another kind of body */
		}
		marks[i] = FRAME_WALK_SHOWN;
		state->prefix[state->have++] = data[i];
		if (state->have < 5)
			continue;
		state->have = 0;
		for (int k = 1; k < 5; k++)
			state->skip = state->skip << 8 | state->prefix[k];
		empty = state->skip == 0 ? empty + 1 : 0;
	}
}

static void expect_payload(struct streams *streams, const uint8_t *header, size_t length, uint8_t *marks)
{
	const uint8_t *payload = header + 9;
	uint32_t id = (header[5] & 0x7fU) << 24 | (uint32_t)header[6] << 16 | (uint32_t)header[7] << 8 | header[8];
	size_t padding = 0, from = 0;

	if (header[3] != 0) {
		if (header[3] <= 9 || length <= 1024)
			memset(marks, FRAME_WALK_SHOWN, length);
		return;
	}
	if (length == 0)
		return;
	if (header[4] & 8) {
		from = 1;
		padding = payload[0];
		marks[0] = FRAME_WALK_SHOWN;
	}
	if (length - from > padding)
		expect_data(stream_of(streams, id), payload + from, length - from - padding, marks + from);
	if (header[4] & 1)
		*stream_of(streams, id) = (struct stream_state){.id = id};
}

void frame_walk_expect(const uint8_t *stream, size_t length, bool preface, uint8_t *marks)
{
	struct streams *streams = calloc(1, sizeof(*streams));
	size_t at = 0;

	if (streams == NULL)
		abort();
	memset(marks, 0, length);
	if (preface) {
		memset(marks, FRAME_WALK_SHOWN, 24);
		at = 24;
	}
	while (at < length) {
		size_t payload = (size_t)stream[at] << 16 | (size_t)stream[at + 1] << 8 | stream[at + 2];
		memset(marks + at, FRAME_WALK_SHOWN, 9);
		marks[at] |= FRAME_WALK_BEGINS;
		expect_payload(streams, stream + at, payload, marks + at + 9);
		at += 9 + payload;
	}
	free(streams);
}
