/* The HTTP/2 side of a gRPC client: what nghttp2 asks for and tells, and the head of a request. */
#include "export/grpc_session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	GRPC_TIMEOUT_TEXT_MAX = 16,
	GRPC_TIMEOUT_MS_MAX = 99999999, /* grpc-timeout has at most eight digits */
};

void grpc_call_over(struct client_call *call, enum grpc_ending ending, uint32_t reset_error)
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
	grpc_call_over(&client->call, GRPC_OVER_LIMIT, 0);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t length,
		   void *context)
{
	struct grpc_client *client = context;

	(void)session;
	(void)flags;
	if (call_is(client, stream_id) && !client->call.over &&
	    !grpc_response_data(&client->call.response, data, length))
		grpc_call_over(&client->call, GRPC_OVER_LIMIT, 0);
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
		grpc_call_over(&client->call, GRPC_ENDED, 0);
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
		grpc_call_over(&client->call, GRPC_VIOLATED, 0);
	else
		grpc_call_over(&client->call, GRPC_RESET, error);
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

int grpc_session_open(struct grpc_client *client)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_HEADERS_MAX_BYTES},
	};
	nghttp2_session_callbacks *callbacks = session_callbacks();
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
int32_t grpc_session_submit(struct grpc_client *client, const struct grpc_call *call)
{
	const uint64_t timeout_ms = call->timeout_ns / 1000000;
	const nghttp2_data_provider body = {.read_callback = on_read_request};
	nghttp2_nv fields[10 + GRPC_EXTRA_HEADERS_MAX];
	char timeout[GRPC_TIMEOUT_TEXT_MAX];
	size_t n = 0;

	snprintf(timeout, sizeof(timeout), "%" PRIu64 "m",
		 timeout_ms > GRPC_TIMEOUT_MS_MAX ? GRPC_TIMEOUT_MS_MAX : timeout_ms);
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
	const int32_t stream_id = nghttp2_submit_request(client->session, NULL, fields, n, &body, NULL);

	return stream_id < 0 ? -ENOMEM : stream_id;
}
