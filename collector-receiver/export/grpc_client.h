/* gRPC over one HTTP/2 connection, without TLS: one unary call at a time, driven by the loop. One at a time is what the
 * OTLP specification recommends towards an agent on the same host. */
#ifndef EXPORT_GRPC_CLIENT_H
#define EXPORT_GRPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/grpc_response.h"
#include "loop.h"

struct grpc_client;

enum {
	GRPC_EXTRA_HEADERS_MAX = 16,
};

struct grpc_header {
	const char *name; /* lower case */
	const char *value;
};

/* How a call went. Borrowed for the duration of the callback. */
struct grpc_result {
	const struct grpc_response *response; /* ended */
	enum grpc_ending ending;
	int connect_error; /* -errno if the connection never came about, else 0 */
	bool stale;	   /* lost before any answer on a connection that had worked: worth one more try at once */
};

struct grpc_client_options {
	const char *authority; /* strings and headers are borrowed for the client's life */
	const char *user_agent;
	const struct grpc_header *headers;
	size_t header_count; /* at most GRPC_EXTRA_HEADERS_MAX */
	/* Exactly once for each call that was begun, from the loop, never from within grpc_client_call. May close the
	 * client, or begin another call. */
	void (*done)(void *context, const struct grpc_result *result);
	void *context;
};

/* Speak HTTP/2 on fd, which may still be connecting. Takes the descriptor, also on failure. 0 or -errno. */
int grpc_client_open(struct grpc_client **client, struct loop *loop, int fd, const struct grpc_client_options *options)
	__attribute__((warn_unused_result));
/* Closes the connection. A call in progress ends without its callback. NULL is allowed. */
void grpc_client_close(struct grpc_client *client);

/* Another call may be begun. False once the connection is lost or the server said that it goes away. */
bool grpc_client_usable(const struct grpc_client *client);

struct grpc_call {
	const char *path;	/* "/package.Service/Method" */
	const uint8_t *message; /* borrowed until done, or until the client is closed */
	size_t length;		/* at most UINT32_MAX */
	bool gzip;		/* the message is compressed with gzip */
	uint64_t timeout_ns;	/* includes connecting */
};

/* 0 or -errno; on failure done is not called. */
int grpc_client_call(struct grpc_client *client, const struct grpc_call *call) __attribute__((warn_unused_result));

#endif
