/* Drive an nghttp2 client session with unary gRPC calls. Reading never waits for writing: a server that stops reading
 * may be one that has already answered. */
#include "export/grpc_client.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/transport.h"

enum {
	CLIENT_OUT_BYTES = 64 * 1024, /* several DATA frames in one send */
	CLIENT_IN_BYTES = 16 * 1024,
	CLIENT_READS_PER_PASS = 16, /* so that a server that never stops sending does not hold the loop */
	CLIENT_TIMEOUT_TEXT_MAX = 16,
	CLIENT_TIMEOUT_MS_MAX = 99999999, /* grpc-timeout has at most eight digits */
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
	bool going_away;  /* the server said so */
	bool reset_by_peer; /* the server sent RST_STREAM for the call */
	int connect_error;
	uint64_t answered; /* calls that the server answered on this connection */
	struct client_call call;
	size_t out_begin;
	size_t out_end;
	uint8_t out[CLIENT_OUT_BYTES];
};

/* The first end that is seen counts. */
static void call_over(struct client_call *call, enum grpc_ending ending, uint32_t reset_error)
{
	if (!call->active || call->over)
		return;
	call->over = true;
	call->ending = ending;
	call->reset_error = reset_error;
}

static bool call_is(const struct grpc_client *client, int32_t stream_id)
{
	return client->call.active && client->call.stream_id == stream_id;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t length, int flags, void *context)
{
	struct grpc_client *client = context;
	const size_t room = sizeof(client->out) - client->out_end;

	(void)session;
	(void)flags;
	if (room == 0)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (length > room)
		length = room;
	memcpy(client->out + client->out_end, data, length);
	client->out_end += length;
	return (ssize_t)length;
}

/* The request's body: prefix, then message. */
static ssize_t on_read_request(nghttp2_session *session, int32_t stream_id, uint8_t *out, size_t size, uint32_t *flags,
			       nghttp2_data_source *source, void *context)
{
	struct grpc_client *client = context;
	struct client_call *call = &client->call;
	const size_t total = sizeof(call->prefix) + call->length;
	size_t n = 0;

	(void)session;
	(void)source;
	/* The server has answered already: nobody owns the message any more. */
	if (!call_is(client, stream_id) || call->over)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	while (n < size && call->offset < sizeof(call->prefix))
		out[n++] = call->prefix[call->offset++];
	if (call->offset >= sizeof(call->prefix)) {
		const size_t at = call->offset - sizeof(call->prefix);
		const size_t rest = size - n < call->length - at ? size - n : call->length - at;

		memcpy(out + n, call->message + at, rest);
		call->offset += rest;
		n += rest;
	}
	if (call->offset == total)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_length,
		     const uint8_t *value, size_t value_length, uint8_t flags, void *context)
{
	struct grpc_client *client = context;

	(void)session;
	(void)flags;
	if (!call_is(client, frame->hd.stream_id) || client->call.over)
		return 0;
	if (grpc_response_field(&client->call.response, name, name_length, value, value_length))
		return 0;
	call_over(&client->call, GRPC_OVER_LIMIT, 0);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t length,
		   void *context)
{
	struct grpc_client *client = context;

	(void)session;
	(void)flags;
	if (call_is(client, stream_id) && !client->call.over && !grpc_response_data(&client->call.response, data, length))
		call_over(&client->call, GRPC_OVER_LIMIT, 0);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct grpc_client *client = context;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		client->going_away = true;
	if (frame->hd.type == NGHTTP2_RST_STREAM && call_is(client, frame->hd.stream_id))
		client->reset_by_peer = true;
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && call_is(client, frame->hd.stream_id))
		call_over(&client->call, GRPC_ENDED, 0);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *context)
{
	struct grpc_client *client = context;

	(void)session;
	if (!call_is(client, stream_id))
		return 0;
	client->call.stream_closed = true;
	/* nghttp2 refuses by itself what it can no longer send on a connection that it ends because of an error. */
	if (error == NGHTTP2_REFUSED_STREAM && !client->reset_by_peer && !client->going_away)
		call_over(&client->call, GRPC_VIOLATED, 0);
	else
		call_over(&client->call, GRPC_RESET, error);
	return 0;
}

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
	call_over(&client->call, ending, 0);
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
		n = send(client->watch.fd, client->out + client->out_begin, client->out_end - client->out_begin, MSG_NOSIGNAL);
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
	if (!client->lost && !nghttp2_session_want_read(client->session) && !nghttp2_session_want_write(client->session) &&
	    client->out_begin == client->out_end)
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

static nghttp2_session_callbacks *client_callbacks(void)
{
	nghttp2_session_callbacks *callbacks;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	return callbacks;
}

static int client_session_open(struct grpc_client *client)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_HEADERS_MAX_BYTES},
	};
	nghttp2_session_callbacks *callbacks = client_callbacks();
	nghttp2_option *option = NULL;
	int error = NGHTTP2_ERR_NOMEM;

	if (callbacks != NULL && nghttp2_option_new(&option) == 0) {
		/* A push that comes before the server has seen ENABLE_PUSH gets no memory here either. */
		nghttp2_option_set_max_reserved_remote_streams(option, 0);
		error = nghttp2_session_client_new2(&client->session, callbacks, client, option);
	}
	if (error == 0)
		error = nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings,
						sizeof(settings) / sizeof(settings[0]));
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return error == 0 ? 0 : -ENOMEM;
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
	error = client_session_open(client);
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

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){
		.name = (uint8_t *)name,
		.value = (uint8_t *)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
		.flags = NGHTTP2_NV_FLAG_NONE,
	};
}

/* nghttp2 copies the fields. */
static int32_t client_submit(struct grpc_client *client, const struct grpc_call *call)
{
	const uint64_t timeout_ms = call->timeout_ns / 1000000;
	const nghttp2_data_provider body = {.read_callback = on_read_request};
	nghttp2_nv fields[10 + GRPC_EXTRA_HEADERS_MAX];
	char timeout[CLIENT_TIMEOUT_TEXT_MAX];
	size_t n = 0;

	snprintf(timeout, sizeof(timeout), "%" PRIu64 "m",
		 timeout_ms > CLIENT_TIMEOUT_MS_MAX ? CLIENT_TIMEOUT_MS_MAX : timeout_ms);
	fields[n++] = header(":method", "POST");
	fields[n++] = header(":scheme", "http");
	fields[n++] = header(":path", call->path);
	fields[n++] = header(":authority", client->options.authority);
	fields[n++] = header("te", "trailers");
	fields[n++] = header("content-type", "application/grpc");
	fields[n++] = header("user-agent", client->options.user_agent);
	fields[n++] = header("grpc-timeout", timeout);
	fields[n++] = header("grpc-accept-encoding", "identity");
	if (call->gzip)
		fields[n++] = header("grpc-encoding", "gzip");
	for (size_t i = 0; i < client->options.header_count; i++)
		fields[n++] = header(client->options.headers[i].name, client->options.headers[i].value);
	return nghttp2_submit_request(client->session, NULL, fields, n, &body, NULL);
}

int grpc_client_call(struct grpc_client *client, const struct grpc_call *call)
{
	const uint32_t length = (uint32_t)call->length;
	int32_t stream_id;
	int error;

	assert(grpc_client_usable(client) && call->length <= UINT32_MAX);
	stream_id = client_submit(client, call);
	if (stream_id < 0)
		return -ENOMEM;
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
