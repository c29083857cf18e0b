/* Write frames, and feed them. */
#include "support/http2_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64, TEXT_BYTES = 1 << 16, TABLE_BYTES_MAX = 1 << 20 };

enum {
	DATA = 0,
	HEADERS = 1,
	PRIORITY = 2,
	RST_STREAM = 3,
	SETTINGS = 4,
	PUSH_PROMISE = 5,
	PING = 6,
	GOAWAY = 7,
	WINDOW_UPDATE = 8,
	CONTINUATION = 9
};

enum { END_STREAM = 0x1, END_HEADERS = 0x4, PADDED = 0x8, WITH_PRIORITY = 0x20 };

static void speech_reset(struct http2_speech *speech)
{
	if (speech->deflater != NULL)
		nghttp2_hd_deflate_del(speech->deflater);
	if (nghttp2_hd_deflate_new(&speech->deflater, TABLE_BYTES_MAX) != 0)
		abort();
	nghttp2_hd_deflate_change_table_size(speech->deflater, 4096);
	speech->length = 0;
}

void http2_script_reset(struct http2_script *script)
{
	speech_reset(&script->client);
	speech_reset(&script->server);
}

struct http2_script *http2_script_create(void)
{
	struct http2_script *script = calloc(1, sizeof(*script));

	if (script == NULL)
		abort();
	http2_script_reset(script);
	return script;
}

void http2_script_destroy(struct http2_script *script)
{
	nghttp2_hd_deflate_del(script->client.deflater);
	nghttp2_hd_deflate_del(script->server.deflater);
	free(script);
}

static void put(struct http2_speech *s, const void *bytes, size_t length, unsigned char mark)
{
	if (length > HTTP2_SCRIPT_BYTES - s->length)
		abort();
	if (length > 0)
		memcpy(s->bytes + s->length, bytes, length);
	memset(s->marks + s->length, mark, length);
	s->length += length;
}

static void put_zeros(struct http2_speech *s, size_t length, unsigned char mark)
{
	while (length-- > 0)
		put(s, "", 1, mark);
}

static void put_u32(struct http2_speech *s, uint32_t value)
{
	const unsigned char bytes[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
				       (unsigned char)(value >> 8), (unsigned char)value};

	put(s, bytes, sizeof(bytes), 0);
}

static void put_frame(struct http2_speech *s, size_t length, int type, int flags, uint32_t stream)
{
	const unsigned char head[] = {(unsigned char)(length >> 16), (unsigned char)(length >> 8),
				      (unsigned char)length, (unsigned char)type, (unsigned char)flags};

	put(s, head, sizeof(head), 0);
	s->marks[s->length - sizeof(head)] = FEED_MARK_FRAME;
	put_u32(s, stream);
}

/* ---- options ---- */

static const char *word_skip(const char *at)
{
	while (*at != ' ' && *at != '\0')
		at++;
	while (*at == ' ')
		at++;
	return at;
}

static const char *number_take(const char *at, uint32_t *value)
{
	*value = (uint32_t)strtoul(at, NULL, 10);
	return word_skip(at);
}

struct frame_options {
	int flags;
	uint32_t pad, split, bytes, table;
	const char *messages;
};

static const char *options_take(const char *at, struct frame_options *o)
{
	*o = (struct frame_options){0};
	for (;; at = word_skip(at)) {
		if (strncmp(at, "end", 3) == 0)
			o->flags |= END_STREAM;
		else if (strncmp(at, "priority", 8) == 0)
			o->flags |= WITH_PRIORITY;
		else if (sscanf(at, "pad=%u", &o->pad) == 1)
			o->flags |= PADDED;
		else if (strncmp(at, "messages=", 9) == 0)
			o->messages = at + 9;
		else if (sscanf(at, "split=%u", &o->split) != 1 && sscanf(at, "bytes=%u", &o->bytes) != 1 &&
			 sscanf(at, "table=%u", &o->table) != 1)
			return at;
	}
}

/* ---- frames ---- */

static size_t deflate(struct http2_speech *s, const char *text, unsigned char *block, size_t capacity)
{
	static char copy[TEXT_BYTES];
	nghttp2_nv fields[FIELDS_MAX];
	size_t count = 0;

	if (strlen(text) >= sizeof(copy))
		abort();
	strcpy(copy, text);
	for (char *field = strtok(copy, "|"); field != NULL; field = strtok(NULL, "|")) {
		char *value = strchr(field + 1, '=');

		if (value == NULL || count == FIELDS_MAX)
			abort();
		*value++ = '\0';
		fields[count++] = (nghttp2_nv){(uint8_t *)field, (uint8_t *)value, strlen(field), strlen(value),
					       NGHTTP2_NV_FLAG_NONE};
	}
	ssize_t length = nghttp2_hd_deflate_hd(s->deflater, block, capacity, fields, count);

	if (length < 0)
		abort();
	return (size_t)length;
}

static void say_headers(struct http2_speech *s, const char *at)
{
	static unsigned char block[2 * TEXT_BYTES];
	struct frame_options o;
	uint32_t stream;

	at = number_take(at, &stream);
	at = options_take(at, &o);
	size_t length = deflate(s, at, block, sizeof(block));
	size_t first = o.split != 0 && o.split < length ? o.split : length;
	size_t extra = (o.flags & PADDED ? 1 + o.pad : 0) + (o.flags & WITH_PRIORITY ? 5 : 0);

	put_frame(s, first + extra, HEADERS, o.flags | (first == length ? END_HEADERS : 0), stream);
	if (o.flags & PADDED)
		put(s, &(unsigned char){(unsigned char)o.pad}, 1, 0);
	if (o.flags & WITH_PRIORITY)
		put(s, "\0\0\0\0\020", 5, 0);
	put(s, block, first, 0);
	put_zeros(s, o.flags & PADDED ? o.pad : 0, 0);
	for (size_t n; first < length; first += n) {
		n = length - first < o.split ? length - first : o.split;
		put_frame(s, n, CONTINUATION, first + n == length ? END_HEADERS : 0, stream);
		put(s, block + first, n, 0);
	}
}

static void say_push(struct http2_speech *s, const char *at)
{
	static unsigned char block[TEXT_BYTES];
	uint32_t stream, promised;

	at = number_take(at, &stream);
	at = number_take(at, &promised);
	size_t length = deflate(s, at, block, sizeof(block));

	put_frame(s, length + 4, PUSH_PROMISE, END_HEADERS, stream);
	put_u32(s, promised);
	put(s, block, length, 0);
}

static void put_messages(struct http2_speech *s, const char *lengths)
{
	while (lengths != NULL && *lengths >= '0' && *lengths <= '9') {
		char *end;
		uint32_t length = (uint32_t)strtoul(lengths, &end, 10);

		put(s, "", 1, 0);
		put_u32(s, length);
		put_zeros(s, length, FEED_MARK_HOLE);
		lengths = *end == ',' ? end + 1 : NULL;
	}
}

static void say_data(struct http2_speech *s, const char *at)
{
	struct frame_options o;
	uint32_t stream;

	at = number_take(at, &stream);
	options_take(at, &o);
	size_t frame = s->length;

	put_frame(s, 0, DATA, o.flags, stream);
	if (o.flags & PADDED)
		put(s, &(unsigned char){(unsigned char)o.pad}, 1, 0);
	put_messages(s, o.messages);
	put_zeros(s, o.bytes, FEED_MARK_HOLE);
	put_zeros(s, o.flags & PADDED ? o.pad : 0, FEED_MARK_HOLE);
	size_t length = s->length - frame - 9;

	s->bytes[frame] = (char)(length >> 16);
	s->bytes[frame + 1] = (char)(length >> 8);
	s->bytes[frame + 2] = (char)length;
}

static void say_settings(struct http2_speech *s, const char *at)
{
	struct frame_options o;

	options_take(at, &o);
	put_frame(s, o.table != 0 ? 6 : 0, SETTINGS, 0, 0);
	if (o.table != 0) {
		put(s, "\0\001", 2, 0);
		put_u32(s, o.table);
	}
}

static void say_raw(struct http2_speech *s, const char *at)
{
	size_t start = s->length;
	unsigned byte;

	for (; sscanf(at, "%2x", &byte) == 1; at += 2)
		put(s, &(unsigned char){(unsigned char)byte}, 1, 0);
	s->marks[start] = FEED_MARK_FRAME;
}

static void say_text(struct http2_speech *s, const char *at)
{
	for (; *at != '\0'; at++)
		put(s, *at == '\n' ? "\r\n" : at, *at == '\n' ? 2 : 1, 0);
}

struct http2_speech *http2_script_say(struct http2_script *script, const char *step)
{
	struct http2_speech *s = step[0] == '>' ? &script->client : &script->server;
	const char *what = step + 1, *at = word_skip(what);
	uint32_t a = 0, b = 0;

	sscanf(at, "%u %u", &a, &b);
	if (strncmp(what, "preface", 7) == 0) {
		put(s, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN, 0);
		s->marks[s->length - NGHTTP2_CLIENT_MAGIC_LEN] = FEED_MARK_FRAME;
	} else if (strncmp(what, "headers", 7) == 0) {
		say_headers(s, at);
	} else if (strncmp(what, "push", 4) == 0) {
		say_push(s, at);
	} else if (strncmp(what, "data", 4) == 0) {
		say_data(s, at);
	} else if (strncmp(what, "reset", 5) == 0) {
		put_frame(s, 4, RST_STREAM, 0, a);
		put_u32(s, b);
	} else if (strncmp(what, "goaway", 6) == 0) {
		put_frame(s, 8 + 5, GOAWAY, 0, 0);
		put_u32(s, a);
		put_u32(s, 0);
		put(s, "debug", 5, 0);
	} else if (strncmp(what, "settings", 8) == 0) {
		say_settings(s, at);
	} else if (strncmp(what, "ping", 4) == 0) {
		put_frame(s, 8, PING, 0, 0);
		put_zeros(s, 8, 0);
	} else if (strncmp(what, "window", 6) == 0) {
		put_frame(s, 4, WINDOW_UPDATE, 0, a);
		put_u32(s, 1);
	} else if (strncmp(what, "priority", 8) == 0) {
		put_frame(s, 5, PRIORITY, 0, a);
		put_zeros(s, 5, 0);
	} else if (strncmp(what, "table", 5) == 0) {
		nghttp2_hd_deflate_change_table_size(s->deflater, a);
	} else if (strncmp(what, "text", 4) == 0) {
		say_text(s, at);
	} else if (strncmp(what, "raw", 3) == 0) {
		say_raw(s, at);
	} else {
		abort();
	}
	return s;
}

void http2_script_feed(struct feed *feed, int direction, const struct http2_speech *speech, size_t from, size_t to,
		       bool shown)
{
	feed_marked(feed, direction, speech->bytes + from, speech->marks + from, to - from, shown);
}
