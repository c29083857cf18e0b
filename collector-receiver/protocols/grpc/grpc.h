/* gRPC: what it adds to HTTP/2, and gRPC-Web to HTTP. Reference: PROTOCOL-HTTP2.md and PROTOCOL-WEB.md of gRPC. */
#ifndef PROTOCOLS_GRPC_GRPC_H
#define PROTOCOLS_GRPC_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchanges/slice.h"

enum {
	GRPC_PREFIX_BYTES = 5,
	GRPC_WEB_TRAILERS_BYTES_MAX = 1024, /* that are kept of gRPC-Web's trailers */
};

/* ---- message.c: counting messages by their prefixes ---- */

/* Zeroed before the first byte of a direction. */
struct grpc_counter {
	uint64_t messages;
	uint32_t left;         /* of the message that passes */
	uint8_t prefix_bytes;  /* of the next prefix, seen so far */
	bool uncertain;        /* a prefix was not seen, or is none */
	bool trailers;         /* what passes is gRPC-Web's trailers, not a message */
	char prefix[GRPC_PREFIX_BYTES];
};

/* Bytes of the direction, in order; `bytes` == NULL if they pass unseen. */
void grpc_counter_take(struct grpc_counter *counter, const char *bytes, uint64_t length);

/* -1 if not every one could be counted. */
int64_t grpc_counter_messages(const struct grpc_counter *counter);

/* ---- status.c: fields ---- */

enum grpc_kind {
	GRPC_NOT,
	GRPC_HTTP2,
	GRPC_WEB,
	GRPC_WEB_TEXT,
};

/* What a content-type says. */
enum grpc_kind grpc_kind_of(struct slice content_type);

/* grpc-status: 0 to INT32_MAX; RPC_STATUS_UNSEEN if absent or no number. */
int32_t grpc_parse_status(struct slice text);

/* grpc-timeout, in nanoseconds; 0 if absent or malformed. */
uint64_t grpc_parse_timeout(struct slice text);

/* Undo the percent-encoding of grpc-message in place; what is no encoding stays. Returns the length left. */
size_t grpc_decode_message(char *text, size_t length);

/* ---- web.c: the body of gRPC-Web over HTTP/1.1 ---- */

struct grpc_web {
	struct grpc_counter messages;
	bool text;           /* in base64 */
	uint8_t group_chars; /* of the four that make three bytes */
	uint32_t group;
	uint32_t trailers_bytes;
	char trailers[GRPC_WEB_TRAILERS_BYTES_MAX];
};

void grpc_web_begin(struct grpc_web *web, bool text);

/* Bytes of the body, in order; `bytes` == NULL if they pass unseen. */
void grpc_web_take(struct grpc_web *web, const char *bytes, uint64_t length);

/* Fields of the trailers, as far as they were seen; absent: bytes == NULL. */
struct grpc_trailers {
	struct slice status, message;
};
struct grpc_trailers grpc_web_trailers(const struct grpc_web *web);

#endif
