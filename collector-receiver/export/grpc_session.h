/* A gRPC client's connection and its call: shared by the two files that make up the client, grpc_client.c (socket,
 * loop, timeout) and grpc_session.c (HTTP/2). */
#ifndef EXPORT_GRPC_SESSION_H
#define EXPORT_GRPC_SESSION_H

#include <nghttp2/nghttp2.h>

#include "export/grpc_client.h"

enum {
	GRPC_CLIENT_OUT_BYTES = 64 * 1024, /* several DATA frames in one send */
};

/* The call in progress, or none. */
struct client_call {
	bool active;
	bool over; /* its end is known and not yet told */
	bool stream_closed;
	enum grpc_ending ending;
	uint32_t reset_error;
	int32_t stream_id;
	const uint8_t *message;
	size_t length;
	size_t offset; /* into prefix and message together */
	uint8_t prefix[GRPC_MESSAGE_PREFIX_BYTES];
	struct grpc_response response;
};

struct grpc_client {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer timeout;
	struct grpc_client_options options;
	nghttp2_session *session;
	bool connecting;
	bool lost;
	bool going_away;    /* the server said so */
	bool reset_by_peer; /* the server sent RST_STREAM for the call */
	int connect_error;
	uint64_t answered; /* calls that the server answered on this connection */
	struct client_call call;
	size_t out_begin;
	size_t out_end;
	uint8_t out[GRPC_CLIENT_OUT_BYTES];
};

/* The first end that is seen counts. */
void grpc_call_over(struct client_call *call, enum grpc_ending ending, uint32_t reset_error);

/* Make the nghttp2 session, whose output collects in client->out. 0 or -ENOMEM. */
int grpc_session_open(struct grpc_client *client) __attribute__((warn_unused_result));
/* Queue a request. Its stream, or -ENOMEM. */
int32_t grpc_session_submit(struct grpc_client *client, const struct grpc_call *call)
	__attribute__((warn_unused_result));

#endif
