/* The answer to one unary call, put together from header fields, data and the way the stream ended. */
#ifndef EXPORT_GRPC_RESPONSE_H
#define EXPORT_GRPC_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchanges/grpc_status.h"
#include "export/call_protocol.h"

enum {
	GRPC_MESSAGE_PREFIX_BYTES = 5, /* compressed flag, length in network byte order */
};

struct grpc_response {
	bool has_status;
	bool has_retry_info;
	bool is_gzip; /* the encoding of messages that say they are compressed */
	unsigned http_status; /* 0: none seen */
	enum grpc_status status;
	uint64_t retry_delay_ns;
	char text[CALL_TEXT_MAX]; /* grpc-message, or how it ended; safe to print */
	size_t header_bytes;
	uint8_t *body; /* owned */
	size_t body_length;
	size_t body_capacity;
};

/* Zero-initialise. */
void grpc_response_free(struct grpc_response *response);

/* One field of the head or of the trailers. False: over the limit. */
bool grpc_response_field(struct grpc_response *response, const uint8_t *name, size_t name_length, const uint8_t *value,
			 size_t value_length) __attribute__((warn_unused_result));
/* Bytes of the body. False: over the limit, or no memory. */
bool grpc_response_data(struct grpc_response *response, const uint8_t *bytes, size_t length)
	__attribute__((warn_unused_result));
/* Nothing more will come: status and text are final. `detail` is the HTTP/2 error of a reset. A status of OK means that
 * exactly one whole message is in the body, not compressed any more. */
void grpc_response_end(struct grpc_response *response, enum call_ending ending, uint32_t detail);

/* What an ended response means to whoever made the call. Borrows from the response. */
void grpc_response_answer(const struct grpc_response *response, const struct call_state *call,
			  struct call_answer *answer);

#endif
