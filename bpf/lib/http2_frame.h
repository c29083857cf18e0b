/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tell HTTP/2 frame headers from other bytes (RFC 9113, sections 3.4, 4.1 and 6). Calls no BPF helper: the host
 * compiles this file too, to test it. */
#ifndef BPF_LIB_HTTP2_FRAME_H
#define BPF_LIB_HTTP2_FRAME_H

#include "shm_protocol/types.h"

#define HTTP2_INLINE inline __attribute__((always_inline))

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes are compared eight at a time");

#define HTTP2_WORD(a, b, c, d, e, f, g, h)                                                                             \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | (uint64_t)(e) << 32 |        \
	 (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

enum {
	HTTP2_PREFACE_BYTES = 24,
	HTTP2_HEADER_BYTES = 9,
	HTTP2_SETTING_BYTES = 6,

	/* What is taken for a frame while its connection's place is sought: SETTINGS_MAX_FRAME_SIZE as it begins. */
	HTTP2_SOUGHT_BYTES_MAX = 16384,
	/* Longest frame other than DATA that is believed once the place is known, and longest of an unknown type. */
	HTTP2_CONTROL_BYTES_MAX = 1 << 20,
	HTTP2_UNKNOWN_BYTES_MAX = 16384,
	/* Settings in the first SETTINGS of a server. */
	HTTP2_FIRST_SETTINGS_MAX = 32,

	/* What a run of frame headers must weigh to be believed: http2_header_weight, and this when it ends where the
	 * call's bytes end. */
	HTTP2_WEIGHT_ENOUGH = 4,
	HTTP2_WEIGHT_OF_END = 2,
};

enum http2_type {
	HTTP2_DATA = 0,
	HTTP2_HEADERS = 1,
	HTTP2_PRIORITY = 2,
	HTTP2_RST_STREAM = 3,
	HTTP2_SETTINGS = 4,
	HTTP2_PUSH_PROMISE = 5,
	HTTP2_PING = 6,
	HTTP2_GOAWAY = 7,
	HTTP2_WINDOW_UPDATE = 8,
	HTTP2_CONTINUATION = 9,
};

enum http2_flag {
	HTTP2_END_STREAM = 0x1,
	HTTP2_ACK = 0x1,
	HTTP2_END_HEADERS = 0x4,
	HTTP2_PADDED = 0x8,
	HTTP2_HAS_PRIORITY = 0x20,
};

struct http2_header {
	uint32_t length;
	uint32_t stream; /* with the reserved bit */
	uint8_t type, flags;
};

static HTTP2_INLINE struct http2_header http2_header_read(const uint8_t *bytes)
{
	return (struct http2_header){
		.length = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2],
		.type = bytes[3],
		.flags = bytes[4],
		.stream = (uint32_t)bytes[5] << 24 | (uint32_t)bytes[6] << 16 | (uint32_t)bytes[7] << 8 | bytes[8],
	};
}

/* False for what a peer would answer with a connection error: the place is lost then. Unknown flags are no error. */
static HTTP2_INLINE bool http2_header_valid(struct http2_header header)
{
	bool of_stream = header.stream << 1;

	if (header.type == HTTP2_DATA)
		return of_stream;
	if (header.length > HTTP2_CONTROL_BYTES_MAX)
		return false;
	switch (header.type) {
	case HTTP2_HEADERS:
	case HTTP2_PRIORITY:
	case HTTP2_CONTINUATION:
		return of_stream;
	case HTTP2_RST_STREAM:
		return of_stream && header.length == 4;
	case HTTP2_SETTINGS:
		return !of_stream && header.length % HTTP2_SETTING_BYTES == 0;
	case HTTP2_PUSH_PROMISE:
		return of_stream && header.length >= 4;
	case HTTP2_PING:
		return !of_stream && header.length == 8;
	case HTTP2_GOAWAY:
		return !of_stream && header.length >= 8;
	case HTTP2_WINDOW_UPDATE:
		return header.length == 4;
	}
	return header.length <= HTTP2_UNKNOWN_BYTES_MAX;
}

/* How much a header says for HTTP/2 where the place is not known; 0: nothing that may stand in a run. Stricter than the
 * RFC: no unknown types and flags, no pushed streams, no header block in parts, since a run without them will come. */
static HTTP2_INLINE uint32_t http2_header_weight(struct http2_header header)
{
	uint32_t length = header.length, flags = header.flags;
	bool odd = !(header.stream >> 31) && header.stream & 1;

	if (length > HTTP2_SOUGHT_BYTES_MAX)
		return 0;
	switch (header.type) {
	case HTTP2_DATA:
		return odd && !(flags & ~(HTTP2_END_STREAM | HTTP2_PADDED)) ? 1 : 0;
	case HTTP2_HEADERS:
		if (flags & ~(HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_HAS_PRIORITY))
			return 0;
		return odd && length && flags & HTTP2_END_HEADERS ? 2 : 0;
	case HTTP2_PRIORITY:
		return odd && length == 5 && !flags ? 3 : 0;
	case HTTP2_RST_STREAM:
		return odd && length == 4 && !flags ? 3 : 0;
	case HTTP2_SETTINGS:
		/* Between two frames, settings are all but always the acknowledgement. */
		return !header.stream && !length && flags == HTTP2_ACK ? 3 : 0;
	case HTTP2_PING:
		return !header.stream && length == 8 && !(flags & ~HTTP2_ACK) ? 3 : 0;
	case HTTP2_GOAWAY:
		return !header.stream && length >= 8 && !flags ? 2 : 0;
	case HTTP2_WINDOW_UPDATE:
		return length == 4 && !flags && (odd || !header.stream) ? 3 : 0;
	}
	return 0;
}

/* Whether the `count` bytes at `words` (three words) are those that the preface begins with. */
static HTTP2_INLINE bool http2_preface_begins(const uint64_t *words, uint32_t count)
{
	const uint64_t preface[3] = {
		HTTP2_WORD('P', 'R', 'I', ' ', '*', ' ', 'H', 'T'),
		HTTP2_WORD('T', 'P', '/', '2', '.', '0', '\r', '\n'),
		HTTP2_WORD('\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n'),
	};

	for (uint32_t i = 0; i < 3 && count > i * 8; i++) {
		uint64_t different = words[i] ^ preface[i];
		if (count < i * 8 + 8)
			different <<= 8 * (i * 8 + 8 - count);
		if (different)
			return false;
	}
	return true;
}

/* A server's first frame is SETTINGS that acknowledges nothing. Whether `count` bytes may be the beginning of one. */
static HTTP2_INLINE bool http2_settings_begin(const uint8_t *bytes, uint32_t count)
{
	if (count < 1)
		return true;
	if (bytes[0] || (count > 1 && bytes[1]))
		return false;
	if (count > 2 && (bytes[2] % HTTP2_SETTING_BYTES || bytes[2] > HTTP2_FIRST_SETTINGS_MAX * HTTP2_SETTING_BYTES))
		return false;
	if (count > 3 && bytes[3] != HTTP2_SETTINGS)
		return false;
	for (uint32_t i = 4; i < HTTP2_HEADER_BYTES && i < count; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* The first setting behind such a header has a registered name (or gRPC's own): nine bytes that look like a header
 * stand at the beginning of other protocols too, if rarely. */
static HTTP2_INLINE bool http2_setting_known(const uint8_t *bytes)
{
	uint32_t name = (uint32_t)bytes[HTTP2_HEADER_BYTES] << 8 | bytes[HTTP2_HEADER_BYTES + 1];

	return bytes[2] && ((name >= 1 && name <= 9) || name == 0xfe03);
}

enum http2_hint {
	HTTP2_HINT_NONE,
	HTTP2_HINT_PREFACE, /* eight bytes of it */
	HTTP2_HINT_UPGRADE, /* an answer 101 */
	HTTP2_HINT_FRAMES,  /* something like a frame header */
};

/* What a call's bytes, of which `count` (HTTP2_HEADER_BYTES at least) lie in two words, may be the beginning of. Cheap,
 * as it is asked of every protocol. */
static HTTP2_INLINE enum http2_hint http2_hint(const uint64_t *words, uint32_t count, bool frames)
{
	enum { ANSWER_BYTES = 12 };

	if (words[0] == HTTP2_WORD('P', 'R', 'I', ' ', '*', ' ', 'H', 'T'))
		return HTTP2_HINT_PREFACE;
	if (words[0] == HTTP2_WORD('H', 'T', 'T', 'P', '/', '1', '.', '1') && count >= ANSWER_BYTES &&
	    (uint32_t)words[1] == (uint32_t)HTTP2_WORD(' ', '1', '0', '1', 0, 0, 0, 0))
		return HTTP2_HINT_UPGRADE;
	if (frames && http2_header_weight(http2_header_read((const uint8_t *)words)))
		return HTTP2_HINT_FRAMES;
	return HTTP2_HINT_NONE;
}

#endif
