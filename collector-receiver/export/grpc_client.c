/* Drive an HTTP/2 session with unary gRPC calls from the loop. Reading never waits for writing: a server that stops
 * reading may be one that has already answered. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/grpc_session.h"
#include "export/transport.h"

enum {
	CLIENT_IN_BYTES = 16 * 1024,
	CLIENT_READS_PER_PASS = 16, /* so that a server that never stops sending does not hold the loop */
};

static void client_disconnect(struct grpc_client *client)
{
	client->lost = true;
	if (client->watch.fd < 0)
		return;
	loop_watch_remove(client->loop, &client->watch);
	close(client->watch.fd);
	client->watch.fd = -1;
}

static void client_lose(struct grpc_client *client, enum grpc_ending ending)
{
	grpc_call_over(&client->call, ending, 0);
	client_disconnect(client);
}

static void client_read(struct grpc_client *client)
{
	uint8_t in[CLIENT_IN_BYTES];

	for (int i = 0; i < CLIENT_READS_PER_PASS && !client->lost; i++) {
		const ssize_t n = recv(client->watch.fd, in, sizeof(in), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			client_lose(client, GRPC_DISCONNECTED);
		else if (nghttp2_session_mem_recv(client->session, in, (size_t)n) < 0)
			client_lose(client, GRPC_VIOLATED);
	}
}

/* Move frames from nghttp2 to the socket until one of them has enough. 0 or -errno. */
static int client_write(struct grpc_client *client)
{
	for (;;) {
		ssize_t n;

		if (client->out_begin == client->out_end) {
			client->out_begin = client->out_end = 0;
			if (nghttp2_session_send(client->session) < 0)
				return -ENOMEM;
			if (client->out_end == 0)
				return 0;
		}
		n = send(client->watch.fd, client->out + client->out_begin, client->out_end - client->out_begin,
			 MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		client->out_begin += n < 0 ? 0 : (size_t)n;
	}
}

/* The server has answered before it had the whole request, or the answer was too large: take the stream back. */
static void client_abandon_stream(struct grpc_client *client)
{
	const uint32_t error = client->call.ending == GRPC_ENDED ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL;

	if (client->call.over && !client->call.stream_closed && !client->lost)
		(void)nghttp2_submit_rst_stream(client->session, NGHTTP2_FLAG_NONE, client->call.stream_id, error);
}

/* Tell how the call ended, if it has. The last thing any path does: the callback may free the client. */
static void client_deliver(struct grpc_client *client)
{
	struct client_call call = client->call;
	const struct grpc_result result = {
		.response = &call.response,
		.ending = call.ending,
		.connect_error = client->connect_error,
		.stale = call.ending == GRPC_DISCONNECTED && client->answered > 0 && !call.response.begun,
	};

	if (!call.over)
		return;
	loop_timer_cancel(client->loop, &client->timeout);
	client->call = (struct client_call){0};
	client->answered += call.ending == GRPC_ENDED;
	grpc_response_end(&call.response, call.ending, call.reset_error);
	client->options.done(client->options.context, &result);
	grpc_response_free(&call.response);
}

/* After the session's state may have changed: write, ask for the right events, deliver. */
static void client_settle(struct grpc_client *client)
{
	client_abandon_stream(client);
	/* A server that answers and closes breaks the write: what it said before is still to be read. */
	if (!client->lost && client_write(client) < 0) {
		client_read(client);
		if (!client->lost)
			client_lose(client, GRPC_DISCONNECTED);
	}
	if (!client->lost && !nghttp2_session_want_read(client->session) &&
	    !nghttp2_session_want_write(client->session) && client->out_begin == client->out_end)
		client_lose(client, client->going_away ? GRPC_DISCONNECTED : GRPC_VIOLATED);
	if (!client->lost && loop_watch_modify(client->loop, &client->watch,
					       LOOP_READ | (client->out_begin < client->out_end ? LOOP_WRITE : 0u)) < 0)
		client_lose(client, GRPC_UNSENDABLE);
	client_deliver(client);
}

static void client_ready(void *context, unsigned events)
{
	struct grpc_client *client = context;

	if (client->connecting) {
		client->connect_error = transport_finish(client->watch.fd);
		client->connecting = false;
		if (client->connect_error < 0)
			client_lose(client, GRPC_DISCONNECTED);
	}
	if (!client->lost && (events & (LOOP_READ | LOOP_HANGUP)) != 0)
		client_read(client);
	client_settle(client);
}

/* A connection that did not answer in time is not trusted with another call. */
static void client_timed_out(void *context)
{
	struct grpc_client *client = context;

	client_lose(client, GRPC_TIMED_OUT);
	client_deliver(client);
}

int grpc_client_open(struct grpc_client **out, struct loop *loop, int fd, const struct grpc_client_options *options)
{
	struct grpc_client *client = calloc(1, sizeof(*client));
	int error;

	assert(options->header_count <= GRPC_EXTRA_HEADERS_MAX);
	if (client == NULL) {
		close(fd);
		return -ENOMEM;
	}
	client->loop = loop;
	client->options = *options;
	client->connecting = true;
	client->watch = (struct loop_watch){.fd = fd, .events = LOOP_WRITE, .ready = client_ready, .context = client};
	client->timeout = (struct loop_timer){.fire = client_timed_out, .context = client};
	error = grpc_session_open(client);
	if (error == 0)
		error = loop_watch_add(loop, &client->watch);
	if (error < 0) {
		grpc_client_close(client);
		return error;
	}
	*out = client;
	return 0;
}

void grpc_client_close(struct grpc_client *client)
{
	if (client == NULL)
		return;
	loop_timer_cancel(client->loop, &client->timeout);
	client_disconnect(client);
	nghttp2_session_del(client->session);
	grpc_response_free(&client->call.response);
	free(client);
}

bool grpc_client_usable(const struct grpc_client *client)
{
	return !client->lost && !client->going_away && !client->call.active &&
	       nghttp2_session_check_request_allowed(client->session);
}

int grpc_client_call(struct grpc_client *client, const struct grpc_call *call)
{
	const uint32_t length = (uint32_t)call->length;
	int32_t stream_id;
	int error;

	assert(grpc_client_usable(client) && call->length <= UINT32_MAX);
	stream_id = grpc_session_submit(client, call);
	if (stream_id < 0)
		return stream_id;
	/* Written from the loop, so that no callback comes from in here. */
	error = loop_watch_modify(client->loop, &client->watch, LOOP_READ | LOOP_WRITE);
	if (error < 0) {
		client_disconnect(client);
		return error;
	}
	client->reset_by_peer = false;
	client->call = (struct client_call){
		.active = true,
		.stream_id = stream_id,
		.message = call->message,
		.length = call->length,
		.prefix = {call->gzip, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
			   (uint8_t)length},
	};
	loop_timer_set(client->loop, &client->timeout, loop_now_ns() + call->timeout_ns);
	return 0;
}
