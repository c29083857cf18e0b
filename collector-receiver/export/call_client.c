/* Drive a connection with calls from the loop. Reading never waits for writing: a server that stops reading may be one
 * that has already answered. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "export/call_protocol.h"

enum {
	CLIENT_IN_BYTES = STREAM_RECEIVE_MIN_BYTES,
	CLIENT_READS_PER_PASS = 16, /* so that a server that never stops sending does not hold the loop */
};

void call_over(struct call_state *call, enum call_ending ending, uint32_t detail)
{
	if (!call->active || call->over)
		return;
	call->over = true;
	call->ending = ending;
	call->detail = detail;
}

const char *call_ending_text(enum call_ending ending)
{
	switch (ending) {
	case CALL_DISCONNECTED:
		return "the connection was closed before the answer";
	case CALL_TIMED_OUT:
		return "no answer within the timeout";
	case CALL_UNSENDABLE:
		return "the call could not be made for want of memory";
	case CALL_OVER_LIMIT:
		return "the answer is larger than this client accepts";
	case CALL_ENDED:
	case CALL_RESET:
	case CALL_VIOLATED:
		break;
	}
	return NULL;
}

const char *call_protocol_alpn(const struct call_protocol *protocol)
{
	return protocol->alpn;
}

static const struct call_protocol *protocol_of(const struct call_client *client)
{
	return client->options.protocol;
}

static void client_disconnect(struct call_client *client)
{
	client->lost = true;
	loop_watch_remove(client->loop, &client->watch);
	stream_close(&client->stream);
}

static void client_lose(struct call_client *client, enum call_ending ending)
{
	call_over(&client->call, ending, 0);
	client_disconnect(client);
}

static void client_read(struct call_client *client)
{
	uint8_t in[CLIENT_IN_BYTES];

	for (int i = 0; i < CLIENT_READS_PER_PASS && !client->lost; i++) {
		const ssize_t n = stream_receive(&client->stream, in, sizeof(in));

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			if (n == 0 && protocol_of(client)->receive_end(client))
				call_over(&client->call, CALL_ENDED, 0);
			/* A server that does not like this side's certificate says so when the handshake is over. */
			if (n == -EPROTO)
				client->connect_error = -EPROTO;
			client_lose(client, CALL_DISCONNECTED);
		} else if (!protocol_of(client)->receive(client, in, (size_t)n)) {
			client_lose(client, CALL_VIOLATED);
		}
	}
}

/* Move bytes from the protocol to the stream until one of them has enough. 0 or -errno. */
static int client_write(struct call_client *client)
{
	for (;;) {
		ssize_t n;

		if (client->out_begin == client->out_end) {
			int error;

			client->out_begin = client->out_end = 0;
			error = protocol_of(client)->produce(client);
			if (error < 0 || client->out_end == 0)
				return error;
		}
		n = stream_send(&client->stream, client->out + client->out_begin, client->out_end - client->out_begin);
		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return (int)n;
		client->out_begin += (size_t)n;
	}
}

/* Tell how the call ended, if it has. The last thing any path does: the callback may free the client. */
static void client_deliver(struct call_client *client)
{
	const struct call_state call = client->call;
	const struct call_client_options options = client->options;
	struct call_answer answer = {.connect_error = client->connect_error, .problem = client->stream.problem};

	if (!call.over)
		return;
	loop_timer_cancel(client->loop, &client->timeout);
	options.protocol->judge(client, &call, &answer);
	answer.stale = call.ending == CALL_DISCONNECTED && client->answered > 0 && !call.begun;
	client->call = (struct call_state){0};
	client->answered += call.ending == CALL_ENDED;
	options.done(options.context, &answer);
}

/* After the session's state may have changed: write, ask for the right events, deliver. */
static void client_settle(struct call_client *client)
{
	/* A server that answers and closes breaks the write: what it said before is still to be read. */
	if (!client->lost && !protocol_of(client)->settle(client))
		client_lose(client, CALL_VIOLATED);
	if (!client->lost && client_write(client) < 0) {
		client_read(client);
		if (!client->lost)
			client_lose(client, CALL_DISCONNECTED);
	}
	if (!client->lost && !protocol_of(client)->settle(client))
		client_lose(client, CALL_VIOLATED);
	if (!client->lost &&
	    loop_watch_modify(client->loop, &client->watch,
			      stream_events(&client->stream, client->out_begin < client->out_end)) < 0)
		client_lose(client, CALL_UNSENDABLE);
	client_deliver(client);
}

/* Connect and shake hands. False: not yet, or never. */
static bool client_establish(struct call_client *client)
{
	const int error = stream_establish(&client->stream);

	if (error == 0) {
		client->established = true;
		return true;
	}
	if (error == -EAGAIN &&
	    loop_watch_modify(client->loop, &client->watch, stream_events(&client->stream, false)) == 0)
		return false;
	client->connect_error = error == -EAGAIN ? -ENOMEM : error;
	client_lose(client, CALL_DISCONNECTED);
	client_deliver(client);
	return false;
}

static void client_ready(void *context, unsigned events)
{
	struct call_client *client = context;

	if (!client->established && !client_establish(client))
		return;
	if ((events & (LOOP_READ | LOOP_HANGUP)) != 0 || stream_wants_write(&client->stream))
		client_read(client);
	client_settle(client);
}

/* A connection that did not answer in time is not trusted with another call. */
static void client_timed_out(void *context)
{
	struct call_client *client = context;

	if (!client->established && client->stream.connecting)
		client->connect_error = -ETIMEDOUT;
	client_lose(client, CALL_TIMED_OUT);
	client_deliver(client);
}

int call_client_open(struct call_client **out, struct loop *loop, struct stream *stream,
		     const struct call_client_options *options)
{
	struct call_client *client = calloc(1, sizeof(*client));
	int error;

	assert(options->header_count <= CALL_EXTRA_HEADERS_MAX);
	if (client == NULL) {
		stream_close(stream);
		return -ENOMEM;
	}
	client->loop = loop;
	client->options = *options;
	stream_move(&client->stream, stream);
	client->watch = (struct loop_watch){
		.fd = client->stream.fd, .events = LOOP_WRITE, .ready = client_ready, .context = client};
	client->timeout = (struct loop_timer){.fire = client_timed_out, .context = client};
	error = options->protocol->open(client);
	if (error == 0)
		error = loop_watch_add(loop, &client->watch);
	if (error < 0) {
		call_client_close(client);
		return error;
	}
	*out = client;
	return 0;
}

void call_client_close(struct call_client *client)
{
	if (client == NULL)
		return;
	loop_timer_cancel(client->loop, &client->timeout);
	client_disconnect(client);
	if (client->session != NULL)
		client->options.protocol->close(client);
	free(client);
}

bool call_client_usable(const struct call_client *client)
{
	return !client->lost && !client->call.active && protocol_of(client)->usable(client);
}

int call_client_call(struct call_client *client, const struct call *call)
{
	int error;

	assert(call_client_usable(client) && call->length <= UINT32_MAX);
	protocol_of(client)->forget(client);
	client->call = (struct call_state){
		.active = true, .message = call->message, .length = call->length, .gzip = call->gzip};
	error = protocol_of(client)->begin(client, call);
	/* Written from the loop, so that no callback comes from in here. */
	if (error == 0)
		error = loop_watch_modify(client->loop, &client->watch, LOOP_READ | LOOP_WRITE);
	if (error < 0) {
		client->call = (struct call_state){0};
		client_disconnect(client);
		return error;
	}
	loop_timer_set(client->loop, &client->timeout, loop_now_ns() + call->timeout_ns);
	return 0;
}
