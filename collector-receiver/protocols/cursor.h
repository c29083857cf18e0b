/* Read bytes that others chose, within bounds: the only way in which parsers touch a stream. */
#ifndef PROTOCOLS_CURSOR_H
#define PROTOCOLS_CURSOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "exchanges/slice.h"

/* A run of bytes and a place in it. Invariant: position <= length. */
struct cursor {
	const char *bytes;
	size_t length;
	size_t position;
	size_t examined; /* so many bytes, from the start, were offered before in vain: no need to search them */
};

static inline struct cursor cursor_over(const char *bytes, size_t length)
{
	return (struct cursor){.bytes = bytes, .length = length};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->length - c->position;
}

/* What has not been read yet. */
static inline struct slice cursor_rest(const struct cursor *c)
{
	return (struct slice){c->bytes + c->position, c->length - c->position};
}

/* Step over at most `n` bytes; returns how many there were. */
static inline size_t cursor_skip(struct cursor *c, uint64_t n)
{
	size_t left = cursor_left(c);
	size_t step = n < left ? (size_t)n : left;

	c->position += step;
	return step;
}

/* The next byte without taking it; -1 at the end. */
static inline int cursor_peek(const struct cursor *c)
{
	return c->position < c->length ? (unsigned char)c->bytes[c->position] : -1;
}

/* Step behind the next `byte`; false, and to the end, if there is none. */
static inline bool cursor_skip_past(struct cursor *c, char byte)
{
	const char *found = memchr(c->bytes + c->position, byte, cursor_left(c));

	c->position = found == NULL ? c->length : (size_t)(found - c->bytes) + 1;
	return found != NULL;
}

/* Empty lines before a message are noise (RFC 9112 2.2). */
static inline void cursor_skip_line_ends(struct cursor *c)
{
	while (c->position < c->length && (c->bytes[c->position] == '\r' || c->bytes[c->position] == '\n'))
		c->position++;
}

#endif
