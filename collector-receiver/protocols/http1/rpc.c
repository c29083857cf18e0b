/* Requests of HTTP/1.1 that are calls of gRPC-Web. */
#include "counters.h"
#include "protocols/http1/http1.h"

static bool is_web(enum grpc_kind kind)
{
	return kind == GRPC_WEB || kind == GRPC_WEB_TEXT;
}

struct http1_call *http1_call_create(struct block_pool *pool, const struct http1_head *request)
{
	if (!is_web(request->rpc))
		return NULL;
	struct http1_call *call = block_pool_take(pool, sizeof(*call));

	if (call == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	grpc_web_begin(&call->request, request->rpc == GRPC_WEB_TEXT);
	grpc_web_begin(&call->response, request->rpc == GRPC_WEB_TEXT);
	call->status = RPC_STATUS_UNSEEN;
	call->message_bytes = 0;
	return call;
}

void http1_call_destroy(struct block_pool *pool, struct http1_call *call)
{
	block_pool_give(pool, call, sizeof(*call));
}

static void take_message(struct http1_call *call, struct slice message)
{
	size_t length = message.length < sizeof(call->message) ? message.length : sizeof(call->message);

	if (length == 0)
		return;
	memcpy(call->message, message.bytes, length);
	call->message_bytes = (uint32_t)grpc_decode_message(call->message, length);
}

void http1_call_answered(struct http1_call *call, const struct http1_head *response)
{
	call->status = grpc_parse_status(response->rpc_status);
	take_message(call, response->rpc_message);
	if (is_web(response->rpc))
		call->response.text = response->rpc == GRPC_WEB_TEXT;
	else
		call->response.messages.uncertain = true; /* a proxy's page */
}

void http1_call_refuted(struct http1_call *call)
{
	call->status = RPC_STATUS_UNSEEN;
	call->message_bytes = 0;
	grpc_web_begin(&call->response, false);
}

void http1_call_report(struct http1_call *call, struct exchange *exchange)
{
	const struct http_exchange http = exchange->http;
	const bool seen[2] = {http.request_body_bytes >= 0, http.response_body_bytes >= 0};

	if (call->status == RPC_STATUS_UNSEEN) {
		struct grpc_trailers trailers = grpc_web_trailers(&call->response);

		call->status = grpc_parse_status(trailers.status);
		take_message(call, trailers.message);
	}
	exchange->protocol = EXCHANGE_RPC;
	exchange->rpc = (struct rpc_exchange){
		.path = http.target,
		.authority = http.host,
		.scheme = http.scheme,
		.user_agent = http.user_agent,
		.status = call->status,
		.status_message = {call->message_bytes > 0 ? call->message : NULL, call->message_bytes},
		.http_status = http.status,
		.request_messages = seen[FROM_CLIENT] ? grpc_counter_messages(&call->request.messages) : -1,
		.response_messages = seen[FROM_SERVER] ? grpc_counter_messages(&call->response.messages) : -1,
		.web = true,
	};
}
