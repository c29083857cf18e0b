/* gRPC over HTTP/2: what nghttp2 asks for and tells, and the head of a request. */
#include <errno.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/call_protocol.h"
#include "export/grpc_response.h"

enum {
	GRPC_TIMEOUT_TEXT_MAX = 16,
	GRPC_TIMEOUT_MS_MAX = 99999999, /* grpc-timeout has at most eight digits */
};

struct grpc_session {
	nghttp2_session *http2;
	bool going_away; /* the server said so */

	/* Of the call in progress. */
	int32_t stream_id;
	bool stream_closed;
	bool reset_by_peer; /* the server sent RST_STREAM */
	size_t offset;	    /* into prefix and message together */
	uint8_t prefix[GRPC_MESSAGE_PREFIX_BYTES];
	struct grpc_response response;
};

static struct grpc_session *session_of(const struct call_client *client)
{
	return client->session;
}

static bool call_is(const struct call_client *client, int32_t stream_id)
{
	return client->call.active && session_of(client)->stream_id == stream_id;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t length, int flags, void *context)
{
	struct call_client *client = context;
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
	struct call_client *client = context;
	struct call_state *call = &client->call;
	struct grpc_session *self = client->session;
	const size_t total = sizeof(self->prefix) + call->length;
	size_t n = 0;

	(void)session;
	(void)source;
	/* The server has answered already: nobody owns the message any more. */
	if (!call_is(client, stream_id) || call->over)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	while (n < size && self->offset < sizeof(self->prefix))
		out[n++] = self->prefix[self->offset++];
	if (self->offset >= sizeof(self->prefix)) {
		const size_t at = self->offset - sizeof(self->prefix);
		const size_t rest = size - n < call->length - at ? size - n : call->length - at;

		memcpy(out + n, call->message + at, rest);
		self->offset += rest;
		n += rest;
	}
	if (self->offset == total) {
		call->sent = true;
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_length,
		     const uint8_t *value, size_t value_length, uint8_t flags, void *context)
{
	struct call_client *client = context;

	(void)session;
	(void)flags;
	if (!call_is(client, frame->hd.stream_id) || client->call.over)
		return 0;
	client->call.begun = true;
	if (grpc_response_field(&session_of(client)->response, name, name_length, value, value_length))
		return 0;
	call_over(&client->call, CALL_OVER_LIMIT, 0);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t length,
		   void *context)
{
	struct call_client *client = context;

	(void)session;
	(void)flags;
	if (call_is(client, stream_id) && !client->call.over &&
	    !grpc_response_data(&session_of(client)->response, data, length))
		call_over(&client->call, CALL_OVER_LIMIT, 0);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct call_client *client = context;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		session_of(client)->going_away = true;
	if (frame->hd.type == NGHTTP2_RST_STREAM && call_is(client, frame->hd.stream_id))
		session_of(client)->reset_by_peer = true;
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && call_is(client, frame->hd.stream_id))
		call_over(&client->call, CALL_ENDED, 0);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *context)
{
	struct call_client *client = context;
	struct grpc_session *self = client->session;

	(void)session;
	if (!call_is(client, stream_id))
		return 0;
	self->stream_closed = true;
	/* nghttp2 refuses by itself what it can no longer send on a connection that it ends because of an error. */
	if (error == NGHTTP2_REFUSED_STREAM && !self->reset_by_peer && !self->going_away)
		call_over(&client->call, CALL_VIOLATED, 0);
	else
		call_over(&client->call, CALL_RESET, error);
	return 0;
}

static nghttp2_session_callbacks *session_callbacks(void)
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

static int session_start(struct call_client *client)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, CALL_HEADERS_MAX_BYTES},
	};
	nghttp2_session_callbacks *callbacks = session_callbacks();
	struct grpc_session *self = client->session;
	nghttp2_option *option = NULL;
	int error = NGHTTP2_ERR_NOMEM;

	if (callbacks != NULL && nghttp2_option_new(&option) == 0) {
		/* A push that comes before the server has seen ENABLE_PUSH gets no memory here either. */
		nghttp2_option_set_max_reserved_remote_streams(option, 0);
		error = nghttp2_session_client_new2(&self->http2, callbacks, client, option);
	}
	if (error == 0)
		error = nghttp2_submit_settings(self->http2, NGHTTP2_FLAG_NONE, settings,
						sizeof(settings) / sizeof(settings[0]));
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return error == 0 ? 0 : -ENOMEM;
}

static int grpc_open(struct call_client *client)
{
	client->session = calloc(1, sizeof(struct grpc_session));
	return client->session == NULL ? -ENOMEM : session_start(client);
}

static void grpc_close(struct call_client *client)
{
	nghttp2_session_del(session_of(client)->http2);
	grpc_response_free(&session_of(client)->response);
	free(client->session);
}

static bool grpc_usable(const struct call_client *client)
{
	return !session_of(client)->going_away && nghttp2_session_check_request_allowed(session_of(client)->http2);
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
static int32_t session_submit(struct call_client *client, const struct call *call)
{
	const uint64_t timeout_ms = call->timeout_ns / 1000000;
	const nghttp2_data_provider body = {.read_callback = on_read_request};
	nghttp2_nv fields[10 + CALL_EXTRA_HEADERS_MAX];
	char timeout[GRPC_TIMEOUT_TEXT_MAX];
	size_t n = 0;

	snprintf(timeout, sizeof(timeout), "%" PRIu64 "m",
		 timeout_ms > GRPC_TIMEOUT_MS_MAX ? GRPC_TIMEOUT_MS_MAX : timeout_ms);
	fields[n++] = header(":method", "POST");
	fields[n++] = header(":scheme", client->stream.tls != NULL ? "https" : "http");
	fields[n++] = header(":path", call->path);
	fields[n++] = header(":authority", client->options.authority);
	fields[n++] = header("te", "trailers");
	fields[n++] = header("content-type", "application/grpc");
	fields[n++] = header("user-agent", client->options.user_agent);
	fields[n++] = header("grpc-timeout", timeout);
	fields[n++] = header("grpc-accept-encoding", "identity,gzip");
	if (call->gzip)
		fields[n++] = header("grpc-encoding", "gzip");
	for (size_t i = 0; i < client->options.header_count; i++)
		fields[n++] = header(client->options.headers[i].name, client->options.headers[i].value);
	return nghttp2_submit_request(session_of(client)->http2, NULL, fields, n, &body, NULL);
}

static int grpc_begin(struct call_client *client, const struct call *call)
{
	struct grpc_session *self = client->session;
	const uint32_t length = (uint32_t)call->length;
	const uint8_t prefix[] = {call->gzip, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
				  (uint8_t)length};

	self->stream_closed = self->reset_by_peer = false;
	self->offset = 0;
	memcpy(self->prefix, prefix, sizeof(prefix));
	self->stream_id = session_submit(client, call);
	return self->stream_id < 0 ? -ENOMEM : 0;
}

static bool grpc_receive(struct call_client *client, const uint8_t *bytes, size_t length)
{
	return nghttp2_session_mem_recv(session_of(client)->http2, bytes, length) >= 0;
}

static bool grpc_receive_end(struct call_client *client)
{
	(void)client;
	return false;
}

static int grpc_produce(struct call_client *client)
{
	return nghttp2_session_send(session_of(client)->http2) < 0 ? -ENOMEM : 0;
}

/* The server has answered before it had the whole request, or the answer was too large: take the stream back. */
static void grpc_abandon_stream(struct call_client *client)
{
	struct grpc_session *self = client->session;
	const uint32_t error = client->call.ending == CALL_ENDED ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL;

	if (!client->call.over || self->stream_closed)
		return;
	self->stream_closed = true;
	(void)nghttp2_submit_rst_stream(self->http2, NGHTTP2_FLAG_NONE, self->stream_id, error);
}

/* A server that goes away, and owes nothing any more, is as good as gone. */
static bool grpc_settle(struct call_client *client)
{
	struct grpc_session *self = client->session;

	grpc_abandon_stream(client);
	if (nghttp2_session_want_read(self->http2) || nghttp2_session_want_write(self->http2) ||
	    client->out_begin != client->out_end)
		return true;
	if (self->going_away)
		call_over(&client->call, CALL_DISCONNECTED, 0);
	return false;
}

static void grpc_judge(struct call_client *client, const struct call_state *call, struct call_answer *answer)
{
	struct grpc_response *response = &session_of(client)->response;

	grpc_response_end(response, call->ending, call->detail);
	grpc_response_answer(response, call, answer);
}

static void grpc_forget(struct call_client *client)
{
	grpc_response_free(&session_of(client)->response);
	memset(&session_of(client)->response, 0, sizeof(session_of(client)->response));
}

const struct call_protocol call_protocol_grpc = {
	.alpn = "h2",
	.open = grpc_open,
	.close = grpc_close,
	.usable = grpc_usable,
	.begin = grpc_begin,
	.receive = grpc_receive,
	.receive_end = grpc_receive_end,
	.produce = grpc_produce,
	.settle = grpc_settle,
	.judge = grpc_judge,
	.forget = grpc_forget,
};
