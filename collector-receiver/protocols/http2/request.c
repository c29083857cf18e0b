/* A header block of the client opens a stream: keep what an exchange needs of it. */
#include "counters.h"
#include "protocols/http2/http2.h"

static struct slice keep(struct slice s, char **at)
{
	struct slice kept = {*at, s.length};

	if (s.bytes == NULL)
		return s;
	memcpy(*at, s.bytes, s.length);
	*at += s.length;
	return kept;
}

static size_t fields_bytes(const struct slice *fields)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < HTTP2_REQUEST_FIELDS; i++)
		bytes += fields[i].length;
	return bytes;
}

static void keep_fields(struct http2_stream *s, const struct slice *fields)
{
	char *at = s->text;

	for (unsigned i = 0; i < HTTP2_REQUEST_FIELDS; i++)
		s->fields[i] = keep(fields[i], &at);
}

/* The response was recorded before its request: what is known of it moves over. */
static void take_over(struct http2 *http, const struct flow *flow, struct http2_stream *to, struct http2_stream *from)
{
	to->response_first_ns = from->response_first_ns;
	to->response_last_ns = from->response_last_ns;
	to->status = from->status;
	to->answered = from->answered;
	to->tail_unseen = from->tail_unseen;
	to->is_rpc |= to->kind_unknown && from->rpc_status != RPC_STATUS_UNSEEN;
	to->rpc_status = from->rpc_status;
	to->rpc_message = from->rpc_message;
	to->rpc_message_bytes = from->rpc_message_bytes;
	to->rpc_message_length = from->rpc_message_length;
	to->trailers_uncertain = from->trailers_uncertain;
	to->bodies[FROM_SERVER] = from->bodies[FROM_SERVER];
	from->rpc_message = NULL;
	http->unrequested--;
	http2_streams_remove(&http->streams, from);
	http2_stream_destroy(flow->pool, from);
}

/* Requests come in the order of their numbers: those that were waited for are lost. */
static void drop_overtaken(struct http2 *http, const struct flow *flow, uint32_t id)
{
	struct http2_stream *s = http->streams.oldest;

	while (s != NULL && http->unrequested > 0) {
		struct http2_stream *newer = s->newer;

		if (!s->requested && s->id < id)
			http2_pair_drop(http, flow, s);
		s = newer;
	}
}

void http2_request_begins(struct http2 *http, const struct flow *flow, uint32_t id, uint64_t first_ns,
			  const struct http2_head *head)
{
	enum grpc_kind kind = grpc_kind_of(head->fields[HTTP2_CONTENT_TYPE]);

	http->request_id_max = id;
	http->requests_lost = false;
	if (http->unrequested > 0)
		drop_overtaken(http, flow, id);
	if (head->fields[HTTP2_METHOD].bytes == NULL && !head->uncertain && !head->cut) {
		counter_add(COUNTER_PARSER_MALFORMED, 1); /* RFC 9113 8.3.1 */
		return;
	}
	struct http2_stream *early = http->unrequested > 0 ? http2_streams_find(&http->streams, id) : NULL;
	struct http2_stream *s = http2_pair_open(http, flow, id, fields_bytes(head->fields));

	if (s == NULL) {
		if (early != NULL)
			http2_pair_drop(http, flow, early);
		return;
	}
	keep_fields(s, head->fields);
	s->requested = true;
	s->start_ns = first_ns;
	s->flags = (head->cut ? EXCHANGE_REQUEST_CUT : 0) | (head->uncertain ? EXCHANGE_HEAD_UNCERTAIN : 0);
	s->is_connect = slice_equal(s->fields[HTTP2_METHOD], SLICE_LITERAL("CONNECT"));
	s->is_rpc = kind != GRPC_NOT;
	s->is_web = kind == GRPC_WEB || kind == GRPC_WEB_TEXT;
	s->bodies[FROM_CLIENT].messages.uncertain = kind == GRPC_WEB_TEXT;
	s->bodies[FROM_SERVER].messages.uncertain = kind == GRPC_WEB_TEXT;
	s->rpc_timeout_ns = grpc_parse_timeout(head->fields[HTTP2_GRPC_TIMEOUT]);
	s->kind_unknown = head->fields[HTTP2_CONTENT_TYPE].bytes == NULL && (head->uncertain || head->cut);
	s->bodies[FROM_CLIENT].ended = head->end_stream;
	if (early != NULL)
		take_over(http, flow, s, early);
	http2_streams_add(&http->streams, flow->pool, s);
	if (s->bodies[FROM_SERVER].ended)
		http2_pair_finish(http, flow, s, EXCHANGE_ENDED_BY_MESSAGE, s->response_last_ns);
}

void http2_request_adopt(struct http2 *http, const struct flow *flow, const struct exchange *request)
{
	const struct http_exchange *from = &request->http;
	const struct slice fields[HTTP2_REQUEST_FIELDS] = {
		[HTTP2_METHOD] = from->method,
		[HTTP2_PATH] = from->target,
		[HTTP2_SCHEME] = from->scheme,
		[HTTP2_HOST] = from->host,
		[HTTP2_USER_AGENT] = from->user_agent,
		[HTTP2_TRACEPARENT] = request->traceparent,
		[HTTP2_TRACESTATE] = request->tracestate,
		[HTTP2_X_FORWARDED_FOR] = from->x_forwarded_for,
		[HTTP2_FORWARDED] = from->forwarded,
		[HTTP2_X_FORWARDED_PROTO] = from->x_forwarded_proto,
		[HTTP2_X_FORWARDED_HOST] = from->x_forwarded_host,
	};
	struct http2_stream *s = http2_pair_open(http, flow, 1, fields_bytes(fields));

	http->request_id_max = 1;
	if (s == NULL)
		return;
	keep_fields(s, fields);
	s->requested = true;
	s->start_ns = request->start_ns;
	s->flags = request->flags;
	s->bodies[FROM_CLIENT] = (struct http2_body){
		.bytes = (uint64_t)from->request_body_bytes,
		.uncertain = from->request_body_bytes < 0,
		.ended = true,
	};
	http2_streams_add(&http->streams, flow->pool, s);
}
