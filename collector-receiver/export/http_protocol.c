/* OTLP over HTTP/1.1 (RFC 9112): POST requests one after the other on a connection that is kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/call_protocol.h"
#include "export/http_response.h"
#include "otlp/wire.h"

struct http_session {
	bool closing; /* no further request: the server said so, or the connection has lost its place */
	struct wire_buffer head;
	size_t head_offset;
	size_t offset; /* into the message */
	struct http_response response;
};

static struct http_session *session_of(const struct call_client *client)
{
	return client->session;
}

static int http_open(struct call_client *client)
{
	client->session = calloc(1, sizeof(struct http_session));
	return client->session == NULL ? -ENOMEM : 0;
}

static void http_close(struct call_client *client)
{
	wire_buffer_free(&session_of(client)->head);
	http_response_free(&session_of(client)->response);
	free(client->session);
}

static bool http_usable(const struct call_client *client)
{
	return !session_of(client)->closing;
}

static void head_add(struct wire_buffer *head, const char *text)
{
	wire_add_raw(head, text, strlen(text));
}

static void head_add_field(struct wire_buffer *head, const char *name, const char *value)
{
	head_add(head, name);
	head_add(head, ": ");
	head_add(head, value);
	head_add(head, "\r\n");
}

static int http_begin(struct call_client *client, const struct call *call)
{
	struct http_session *self = client->session;
	struct wire_buffer *head = &self->head;
	char length[24];

	snprintf(length, sizeof(length), "%zu", call->length);
	wire_buffer_reset(head);
	head_add(head, "POST ");
	head_add(head, call->path);
	head_add(head, " HTTP/1.1\r\n");
	head_add_field(head, "Host", client->options.authority);
	head_add_field(head, "User-Agent", client->options.user_agent);
	head_add_field(head, "Content-Type", "application/x-protobuf");
	if (call->gzip)
		head_add_field(head, "Content-Encoding", "gzip");
	head_add_field(head, "Content-Length", length);
	for (size_t i = 0; i < client->options.header_count; i++)
		head_add_field(head, client->options.headers[i].name, client->options.headers[i].value);
	head_add(head, "\r\n");
	self->head_offset = self->offset = 0;
	return head->failed ? -ENOMEM : 0;
}

/* An answer that comes before its request was all sent leaves a connection whose next bytes nobody could place. */
static void http_answered(struct call_client *client, enum call_ending ending)
{
	struct http_session *self = client->session;

	self->closing = self->closing || ending != CALL_ENDED || !self->response.keep_alive || !client->call.sent;
	call_over(&client->call, ending, 0);
}

static bool http_receive(struct call_client *client, const uint8_t *bytes, size_t length)
{
	struct http_session *self = client->session;
	size_t taken;

	/* Nothing was asked: the server speaks out of turn, as with 408 before it closes. */
	if (!client->call.active || client->call.over)
		return false;
	/* The same, but a call has begun since and nothing of it was sent: those words are no answer to it. */
	if (client->answered > 0 && self->head_offset == 0) {
		self->closing = true;
		call_over(&client->call, CALL_DISCONNECTED, 0);
		return true;
	}
	client->call.begun = true;
	taken = http_response_take(&self->response, bytes, length);
	if (taken < length)
		self->closing = true;
	if (self->response.state == HTTP_VIOLATED)
		return false;
	if (self->response.state == HTTP_OVER_LIMIT)
		http_answered(client, CALL_OVER_LIMIT);
	else if (self->response.state == HTTP_DONE)
		http_answered(client, CALL_ENDED);
	return true;
}

static bool http_receive_end(struct call_client *client)
{
	return http_response_end(&session_of(client)->response);
}

static size_t copy_piece(struct call_client *client, const uint8_t *bytes, size_t length)
{
	const size_t room = sizeof(client->out) - client->out_end;
	const size_t n = length < room ? length : room;

	memcpy(client->out + client->out_end, bytes, n);
	client->out_end += n;
	return n;
}

static int http_produce(struct call_client *client)
{
	struct http_session *self = client->session;
	struct call_state *call = &client->call;

	if (!call->active || call->over || call->sent)
		return 0;
	self->head_offset +=
		copy_piece(client, self->head.bytes + self->head_offset, self->head.length - self->head_offset);
	self->offset += copy_piece(client, call->message + self->offset, call->length - self->offset);
	call->sent = self->head_offset == self->head.length && self->offset == call->length;
	return 0;
}

static bool http_settle(struct call_client *client)
{
	/* What is closing is let go of as soon as its call is over. */
	return !(session_of(client)->closing && (client->call.over || !client->call.active));
}

static void http_judge(struct call_client *client, const struct call_state *call, struct call_answer *answer)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	http_response_answer(&session_of(client)->response, call, now.tv_sec, answer);
}

static void http_forget(struct call_client *client)
{
	http_response_free(&session_of(client)->response);
}

const struct call_protocol call_protocol_http = {
	.alpn = "http/1.1",
	.open = http_open,
	.close = http_close,
	.usable = http_usable,
	.begin = http_begin,
	.receive = http_receive,
	.receive_end = http_receive_end,
	.produce = http_produce,
	.settle = http_settle,
	.judge = http_judge,
	.forget = http_forget,
};
