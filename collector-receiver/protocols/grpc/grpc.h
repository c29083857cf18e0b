/* gRPC: what it adds to HTTP/2, and gRPC-Web to HTTP. Reference: grpc's doc/PROTOCOL-HTTP2.md and doc/PROTOCOL-WEB.md. */
#ifndef PROTOCOLS_GRPC_GRPC_H
#define PROTOCOLS_GRPC_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchanges/slice.h"

enum { GRPC_PREFIX_BYTES = 5 };

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
};

/* What a content-type says. */
enum grpc_kind grpc_kind_of(struct slice content_type);

/* grpc-status: 0 to INT32_MAX; RPC_STATUS_UNSEEN if absent or no number. */
int32_t grpc_parse_status(struct slice text);

/* Undo the percent-encoding of grpc-message in place; what is no encoding stays. Returns the length left. */
size_t grpc_decode_message(char *text, size_t length);

#endif
