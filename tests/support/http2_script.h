/* HTTP/2 connections written as text: what each end says, encoded by nghttp2's deflater, cut into records like the
 * kernel side cuts them: flagged where a frame begins, with holes for the content of DATA. */
#ifndef SUPPORT_HTTP2_SCRIPT_H
#define SUPPORT_HTTP2_SCRIPT_H

#include <nghttp2/nghttp2.h>

#include "support/record_feed.h"

enum { HTTP2_SCRIPT_BYTES = 1 << 18 };

/* What one end has said. */
struct http2_speech {
	nghttp2_hd_deflater *deflater;
	size_t length;
	char bytes[HTTP2_SCRIPT_BYTES];
	unsigned char marks[HTTP2_SCRIPT_BYTES]; /* enum feed_mark */
};

struct http2_script {
	struct http2_speech client, server;
};

struct http2_script *http2_script_create(void);
void http2_script_destroy(struct http2_script *script);

/* Forget what was said, and all header table state. */
void http2_script_reset(struct http2_script *script);

/* Append one step, and return whose it is. '>' the client, '<' the server, then one of
 *	preface
 *	headers STREAM [end] [pad=N] [priority] [split=N] NAME=VALUE|NAME=VALUE...
 *	push STREAM PROMISED NAME=VALUE|...
 *	data STREAM [end] [pad=N] [bytes=N] [messages=N,N...]
 *	reset STREAM CODE
 *	goaway LAST
 *	settings [table=N]    ping    window STREAM    priority STREAM
 *	table N               the encoder changes the size of its table
 *	raw HEX               bytes, a frame begins at the first
 *	text ...              the rest of the line, a line feed standing for a line end: HTTP/1.1 before an upgrade
 * `split` spreads the block over CONTINUATION frames of so many bytes. */
struct http2_speech *http2_script_say(struct http2_script *script, const char *step);

/* Records for [from, to) of what was said: feed_marked. */
void http2_script_feed(struct feed *feed, int direction, const struct http2_speech *speech, size_t from, size_t to,
		       bool shown);

#endif
