/* The frame walker of bpf/lib run on the host, and a second walker that knows the whole stream, to compare it with. */
#ifndef TESTS_SUPPORT_FRAME_WALK_H
#define TESTS_SUPPORT_FRAME_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_WALK_MESSAGES_MAX = 64,

	/* What is said about each byte of a stream. */
	FRAME_WALK_SHOWN = 1,
	FRAME_WALK_BEGINS = 2, /* the first of a frame header, or of a preface that came in one piece */
};

struct http2_walk;

enum frame_walk_start {
	FRAME_WALK_CLIENT, /* from the preface on */
	FRAME_WALK_FRAMES, /* from a frame header on, at a place that is known */
	FRAME_WALK_ANSWER, /* from an answer 101 on */
	FRAME_WALK_PROBE,
};

/* One direction that is being walked. */
struct frame_walk *frame_walk_new(enum frame_walk_start start);
void frame_walk_free(struct frame_walk *walk);

/* Walk over one piece of memory. Marks each byte. False, with the marks of what was walked, where it is not HTTP/2 or
 * the place is lost. Aborts when the walker leaves the piece. */
bool frame_walk_piece(struct frame_walk *walk, const uint8_t *piece, size_t length, uint8_t *marks);

/* Bytes that nobody sees. */
bool frame_walk_blind(struct frame_walk *walk, uint64_t count);

/* After DATA with END_STREAM has ended, once. */
bool frame_walk_ended(struct frame_walk *walk);

/* Whether a probe believes what it has walked over. */
bool frame_walk_convinces(const struct frame_walk *walk, bool at_end);

/* What the first bytes of a connection's direction are: false if not HTTP/2. */
bool frame_walk_opens(const uint8_t *bytes, size_t length, bool other_seen);

/* The marks of a stream of whole, valid frames, by looking at all of it at once. `preface`: it begins with one. */
void frame_walk_expect(const uint8_t *stream, size_t length, bool preface, uint8_t *marks);

#endif
