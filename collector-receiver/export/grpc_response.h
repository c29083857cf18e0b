/* The answer to one unary call, put together from header fields, data and the way the stream ended. */
#ifndef EXPORT_GRPC_RESPONSE_H
#define EXPORT_GRPC_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchanges/grpc_status.h"

enum {
	GRPC_MESSAGE_PREFIX_BYTES = 5, /* compressed flag, length in network byte order */
	GRPC_RESPONSE_MAX_BYTES = 4 * 1024 * 1024,
	GRPC_HEADERS_MAX_BYTES = 64 * 1024, /* names and values of all fields and trailers of one answer */
	GRPC_TEXT_MAX = 256,
};

enum grpc_ending {
	GRPC_ENDED,	   /* the server ended its side of the stream */
	GRPC_RESET,	   /* RST_STREAM */
	GRPC_DISCONNECTED, /* the connection was lost, or never came about */
	GRPC_TIMED_OUT,
	GRPC_UNSENDABLE, /* this side could not make the call */
	GRPC_OVER_LIMIT, /* the answer passed a limit of this side */
	GRPC_VIOLATED,	 /* the server broke HTTP/2 */
};

struct grpc_response {
	bool begun; /* any field has come */
	bool has_status;
	bool has_retry_info;
	unsigned http_status; /* 0: none seen */
	enum grpc_status status;
	uint64_t retry_delay_ns;
	char text[GRPC_TEXT_MAX]; /* grpc-message, or how it ended; safe to print */
	size_t header_bytes;
	uint8_t *body; /* owned */
	size_t body_length;
	size_t body_capacity;
};

void grpc_response_init(struct grpc_response *response);
void grpc_response_free(struct grpc_response *response);

/* One field of the head or of the trailers. False: over the limit. */
bool grpc_response_field(struct grpc_response *response, const uint8_t *name, size_t name_length, const uint8_t *value,
			 size_t value_length) __attribute__((warn_unused_result));
/* Bytes of the body. False: over the limit, or no memory. */
bool grpc_response_data(struct grpc_response *response, const uint8_t *bytes, size_t length)
	__attribute__((warn_unused_result));
/* Nothing more will come: status and text are final. `detail` is the HTTP/2 error of a reset. A status of OK means that
 * exactly one whole uncompressed message is in the body. */
void grpc_response_end(struct grpc_response *response, enum grpc_ending ending, uint32_t detail);

/* After an OK: the message, without its prefix. */
static inline const uint8_t *grpc_response_message(const struct grpc_response *response, size_t *length)
{
	*length = response->body_length - GRPC_MESSAGE_PREFIX_BYTES;
	return response->body + GRPC_MESSAGE_PREFIX_BYTES;
}

#endif
