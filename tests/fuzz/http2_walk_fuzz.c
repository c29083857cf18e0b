/* Fuzz the frame walker of the kernel side: valid frames, cut into any pieces, are shown as a walker that knows the
 * whole stream shows them; any other bytes never make it leave the piece that it is given.
 *
 * Input: a mode, then what that mode makes of the rest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/frame_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAM_BYTES_MAX = 1 << 16, CUTS = 64 };

struct input {
	const uint8_t *bytes;
	size_t left;
};

static uint8_t take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->bytes++;
}

static size_t take_length(struct input *input)
{
	uint8_t kind = take(input);

	return kind < 192 ? kind % 48 : (size_t)(kind & 15) << 8 | take(input);
}

static void put_header(uint8_t *to, size_t length, uint8_t type, uint8_t flags, uint32_t stream)
{
	const uint8_t header[9] = {
		(uint8_t)(length >> 16), (uint8_t)(length >> 8),  (uint8_t)length,	  type,		  flags,
		(uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};

	memcpy(to, header, sizeof(header));
}

/* One frame that no peer would refuse. Returns its length; 0 if it does not fit. */
static size_t put_frame(struct input *input, uint8_t *to, size_t room)
{
	static const int16_t lengths[] = {-1, -1, 5, 4, -6, -1, 8, -1, 4, -1};
	uint8_t type = take(input) % 12, flags = take(input);
	uint32_t stream = 1 + 2 * (take(input) % 8U);
	size_t length = take_length(input);

	if (type < 10 && lengths[type] > 0)
		length = (size_t)lengths[type];
	if (type == 4)
		length -= length % 6;
	if (type == 5 || type == 7)
		length += 8;
	if (type == 4 || type == 6 || type == 7)
		stream = 0;
	if (length + 9 > room)
		return 0;
	put_header(to, length, type, flags, stream);
	for (size_t i = 0; i < length; i++)
		to[9 + i] = type == 0 && !(flags & 0x80) && i % 7 ? 0 : take(input); /* zeros make prefixes likely */
	return length + 9;
}

static void walk_in_pieces(struct input *cuts, enum frame_walk_start start, const uint8_t *stream, size_t length,
			   uint8_t *marks, bool must_succeed)
{
	struct frame_walk *walk = frame_walk_new(start);
	size_t at = 0;

	while (at < length) {
		size_t piece = cuts->left == 0 ? length - at : take(cuts);
		if (piece >= 128)
			piece = (piece - 127) * 64;
		piece = piece == 0 ? 1 : piece;
		if (piece > length - at)
			piece = length - at;
		uint8_t *copy = malloc(piece); /* for the sanitizer to see its end */
		if (copy == NULL)
			abort();
		memcpy(copy, stream + at, piece);
		bool goes_on = frame_walk_piece(walk, copy, piece, marks + at);
		free(copy);
		if (!goes_on && must_succeed)
			abort();
		if (!goes_on)
			break;
		at += piece;
	}
	frame_walk_free(walk);
}

static void compare_with_reference(struct input *input, bool preface)
{
	static uint8_t stream[STREAM_BYTES_MAX], expected[STREAM_BYTES_MAX], marks[STREAM_BYTES_MAX];
	struct input cuts = {input->bytes, input->left < CUTS ? input->left : CUTS};
	size_t length = 0, frame;

	input->bytes += cuts.left;
	input->left -= cuts.left;
	if (preface) {
		memcpy(stream, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
		length = 24;
	}
	while (input->left > 0 && (frame = put_frame(input, stream + length, sizeof(stream) - length)) > 0)
		length += frame;
	frame_walk_expect(stream, length, preface, expected);
	walk_in_pieces(&cuts, preface ? FRAME_WALK_CLIENT : FRAME_WALK_FRAMES, stream, length, marks, true);
	for (size_t i = 0; i < length; i++) {
		/* A preface in pieces is not known for one until its end. */
		uint8_t mark = i == 0 && preface ? marks[i] & FRAME_WALK_SHOWN : marks[i];
		if (mark != expected[i])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	uint8_t mode = take(&input), marks[8192];

	if (mode % 8 < 4) {
		compare_with_reference(&input, mode & 1);
		return 0;
	}
	struct input cuts = {input.bytes, input.left < CUTS ? input.left : CUTS};
	size_t length = input.left < sizeof(marks) ? input.left : sizeof(marks);
	walk_in_pieces(&cuts, (enum frame_walk_start)(mode % 4), input.bytes, length, marks, false);
	frame_walk_opens(input.bytes, length, mode & 16);
	return 0;
}
