/* One connection to an OTLP endpoint, driven by the loop: one call at a time, over gRPC or HTTP/1.1, with TLS or
 * without. One at a time is what the OTLP specification recommends towards an agent on the same host. */
#ifndef EXPORT_CALL_CLIENT_H
#define EXPORT_CALL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/stream.h"
#include "loop.h"

struct call_client;
struct call_protocol; /* call_protocol.h; a client speaks one of them */

extern const struct call_protocol call_protocol_grpc;
extern const struct call_protocol call_protocol_http;
const char *call_protocol_alpn(const struct call_protocol *protocol); /* "h2", "http/1.1" */

enum {
	CALL_EXTRA_HEADERS_MAX = 16,
	CALL_RESPONSE_MAX_BYTES = 4 * 1024 * 1024,
	CALL_HEADERS_MAX_BYTES = 64 * 1024, /* names and values of all fields and trailers of one answer */
	CALL_TEXT_MAX = 256,
};

struct call_header {
	const char *name; /* lower case */
	const char *value;
};

enum call_verdict {
	CALL_DELIVERED, /* `message` is what the server answered */
	CALL_RETRY,	/* not delivered, in a way that may pass */
	CALL_REFUSED,	/* for good */
	CALL_TOO_LARGE, /* refused for good, for its size alone */
};

/* How a call went. Borrowed for the duration of the callback. */
struct call_answer {
	enum call_verdict verdict;
	char status[32];	  /* "UNAVAILABLE", "HTTP 503" */
	char text[CALL_TEXT_MAX]; /* what the server said about it, or how it ended; safe to print */
	uint64_t retry_delay_ns;  /* before the next try, as the server asked for; 0 if it did not */
	const uint8_t *message;	  /* of a delivered call: the response, not yet looked into */
	size_t length;
	int connect_error;   /* -errno if the connection never came about, else 0 */
	const char *problem; /* of a connect_error of -EPROTO: the sentence of TLS */
	bool stale;	     /* lost before any answer on a connection that had worked: worth one more try at once */
	bool uncertain;	     /* not delivered as far as is known, but the server had all of it: it may have taken it */
};

struct call_client_options {
	const struct call_protocol *protocol;
	const char *authority; /* strings and headers are borrowed for the client's life */
	const char *user_agent;
	const struct call_header *headers;
	size_t header_count; /* at most CALL_EXTRA_HEADERS_MAX */
	/* Exactly once for each call that was begun, from the loop, never from within call_client_call. May close the
	 * client, or begin another call. */
	void (*done)(void *context, const struct call_answer *answer);
	void *context;
};

/* Speak over the stream, which may still be connecting. Takes the stream, also on failure. 0 or -errno. */
int call_client_open(struct call_client **client, struct loop *loop, struct stream *stream,
		     const struct call_client_options *options) __attribute__((warn_unused_result));
/* Closes the connection. A call in progress ends without its callback. NULL is allowed. */
void call_client_close(struct call_client *client);

/* Another call may be begun. False once the connection is lost or the server said that it goes away. */
bool call_client_usable(const struct call_client *client);

struct call {
	const char *path;	/* of the URL: "/v1/traces", "/package.Service/Method" */
	const uint8_t *message; /* borrowed until done, or until the client is closed */
	size_t length;		/* at most UINT32_MAX */
	bool gzip;		/* the message is compressed with gzip */
	uint64_t timeout_ns;	/* includes connecting */
};

/* 0 or -errno; on failure done is not called. */
int call_client_call(struct call_client *client, const struct call *call) __attribute__((warn_unused_result));

#endif
