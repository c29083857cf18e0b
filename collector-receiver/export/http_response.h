/* The answer to one HTTP/1.1 request, put together from bytes as they come (RFC 9112), within bounds. */
#ifndef EXPORT_HTTP_RESPONSE_H
#define EXPORT_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/call_protocol.h"

enum {
	HTTP_LINE_MAX = 1024, /* of a field line; what is longer is cut, which the framing fields must not be */
};

#define HTTP_RETRY_AFTER_MAX_NS 3600000000000ULL /* an hour: a server cannot silence a client for ever */

enum http_state {
	HTTP_STATUS_LINE, /* as zeroed */
	HTTP_FIELDS,
	HTTP_BODY_LENGTH,
	HTTP_BODY_TO_END, /* of the connection */
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END, /* the line end behind the data */
	HTTP_TRAILERS,
	HTTP_DONE,
	HTTP_VIOLATED,
	HTTP_OVER_LIMIT,
};

struct http_response {
	enum http_state state;
	unsigned status;
	bool keep_alive; /* the connection may be used again after this answer */
	bool is_protobuf;
	bool chunked;
	bool has_length;
	uint64_t rest; /* of the body, or of the chunk */
	uint64_t retry_after_ns;
	int64_t retry_at_s; /* Retry-After as a date, Unix time; 0: none */
	int64_t date_s;	    /* the server's own clock; 0: not said */
	char line[HTTP_LINE_MAX];
	size_t line_length;
	bool line_cut;
	size_t header_bytes;
	uint8_t *body; /* owned */
	size_t body_length;
	size_t body_capacity;
};

/* Zero-initialise, and again after this. */
void http_response_free(struct http_response *response);

/* Take bytes; how many belonged to this answer. Fewer than given once the state is HTTP_DONE or worse. */
size_t http_response_take(struct http_response *response, const uint8_t *bytes, size_t length);
/* The connection ends. True if that ends the answer. */
bool http_response_end(struct http_response *response);

/* What the answer means to whoever made the call. `now_s` is this side's Unix time. Borrows from the response. */
void http_response_answer(const struct http_response *response, const struct call_state *call, int64_t now_s,
			  struct call_answer *answer);

/* An HTTP date in its three forms (RFC 9110, 5.6.7) as Unix time; 0 if it is none. */
int64_t http_date_parse(const char *text);

#endif
