/* Put requests and responses together: what carries one stream's number belongs to one exchange. */
#include "counters.h"
#include "protocols/http2/http2.h"

/* ---- to the sink ---- */

static struct http_exchange http_of(const struct http2_stream *s)
{
	const struct slice *f = s->fields;
	const struct http2_body *request = &s->bodies[FROM_CLIENT], *response = &s->bodies[FROM_SERVER];

	return (struct http_exchange){
		.version_major = 2,
		.status = s->status,
		.method = f[HTTP2_METHOD],
		.target = f[HTTP2_PATH].bytes != NULL || !s->is_connect ? f[HTTP2_PATH] : f[HTTP2_AUTHORITY],
		.scheme = f[HTTP2_SCHEME],
		.host = f[HTTP2_AUTHORITY].bytes != NULL ? f[HTTP2_AUTHORITY] : f[HTTP2_HOST],
		.user_agent = f[HTTP2_USER_AGENT],
		.x_forwarded_for = f[HTTP2_X_FORWARDED_FOR],
		.forwarded = f[HTTP2_FORWARDED],
		.x_forwarded_proto = f[HTTP2_X_FORWARDED_PROTO],
		.x_forwarded_host = f[HTTP2_X_FORWARDED_HOST],
		.request_body_bytes = request->ended && !request->uncertain ? (int64_t)request->bytes : -1,
		.response_body_bytes = response->ended && !response->uncertain ? (int64_t)response->bytes : -1,
		.upgraded = s->is_connect && s->status / 100 == 2,
	};
}

static int64_t messages_of(const struct http2_body *body)
{
	return body->uncertain ? -1 : grpc_counter_messages(&body->messages);
}

static struct rpc_exchange rpc_of(const struct http2_stream *s, struct slice message)
{
	const struct slice *f = s->fields;

	return (struct rpc_exchange){
		.path = f[HTTP2_PATH],
		.authority = f[HTTP2_AUTHORITY].bytes != NULL ? f[HTTP2_AUTHORITY] : f[HTTP2_HOST],
		.scheme = f[HTTP2_SCHEME],
		.user_agent = f[HTTP2_USER_AGENT],
		.status = s->rpc_status,
		.reset_code = s->reset_code,
		.timeout_ns = s->rpc_timeout_ns,
		.status_message = message,
		.http_status = s->status,
		.request_messages = messages_of(&s->bodies[FROM_CLIENT]),
		.response_messages = messages_of(&s->bodies[FROM_SERVER]),
		.web = s->is_web,
	};
}

/* A stream that was given up has its end there. */
static bool is_reset(enum exchange_end end)
{
	return end == EXCHANGE_RESET_BY_CLIENT || end == EXCHANGE_RESET_BY_SERVER;
}

static uint32_t flags_of(const struct http2_stream *s, enum exchange_end end)
{
	uint32_t flags = s->flags;

	if (!s->answered)
		flags |= EXCHANGE_RESPONSE_UNSEEN;
	if (end == EXCHANGE_ENDED_BY_MESSAGE ? s->tail_unseen : !is_reset(end))
		flags |= EXCHANGE_END_UNSEEN;
	if (s->answered && (s->status == 0 || (s->is_rpc && s->trailers_uncertain)))
		flags |= EXCHANGE_HEAD_UNCERTAIN;
	return flags;
}

/* Hand over and forget. */
static void finish(struct http2 *http, const struct flow *flow, struct http2_stream *s, enum exchange_end end,
		   uint64_t end_ns)
{
	if (s->answered && s->start_ns > s->response_first_ns)
		s->start_ns = s->response_first_ns; /* a client's send may be recorded after the receipt of the answer */
	struct exchange exchange = {
		.process = flow->process,
		.endpoints = flow->endpoints,
		.connection_id = flow->connection_id,
		.start_ns = s->start_ns,
		.end_ns = end_ns > s->start_ns ? end_ns : s->start_ns,
		.role = flow->role,
		.end = end,
		.flags = flags_of(s, end),
		.traceparent = s->fields[HTTP2_TRACEPARENT],
		.tracestate = s->fields[HTTP2_TRACESTATE],
		.protocol = s->is_rpc ? EXCHANGE_RPC : EXCHANGE_HTTP,
	};

	if (s->is_rpc)
		exchange.rpc = rpc_of(s, (struct slice){s->rpc_message, s->rpc_message_length});
	else
		exchange.http = http_of(s);
	counter_add(exchange.flags & (EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN) ? COUNTER_EXCHANGES_INCOMPLETE
										       : COUNTER_EXCHANGES, 1);
	http2_streams_remove(&http->streams, s);
	flow->sink->take(flow->sink->context, &exchange);
	http2_stream_destroy(flow->pool, s);
}

/* A response whose request never came. */
static void drop_unrequested(struct http2 *http, const struct flow *flow, struct http2_stream *s)
{
	counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
	http->unrequested--;
	http2_streams_remove(&http->streams, s);
	http2_stream_destroy(flow->pool, s);
}

/* Without the end of its response. */
static void cut(struct http2 *http, const struct flow *flow, struct http2_stream *s, enum exchange_end reason)
{
	if (!s->requested) {
		drop_unrequested(http, flow, s);
		return;
	}
	uint64_t end_ns = s->response_last_ns;

	if (reason == EXCHANGE_CUT_BY_CLOSE && s->responses_lost != http->responses_lost)
		reason = EXCHANGE_CUT_BY_LOSS; /* its end may have been among what was lost */
	if (is_reset(reason) || (reason == EXCHANGE_CUT_BY_CLOSE && !s->answered))
		end_ns = flow->last_ns; /* that is what ended the waiting */
	finish(http, flow, s, reason, end_ns);
}

void http2_pair_cut_all(struct http2 *http, const struct flow *flow, enum exchange_end reason)
{
	while (http->streams.oldest != NULL)
		cut(http, flow, http->streams.oldest, reason);
}

/* ---- requests ---- */

static void make_room(struct http2 *http, const struct flow *flow)
{
	if (http->streams.count < HTTP2_STREAMS_MAX)
		return;
	counter_add(COUNTER_PIPELINE_FULL, 1);
	cut(http, flow, http->streams.oldest, EXCHANGE_CUT_BY_SHUTDOWN);
}

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
			drop_unrequested(http, flow, s);
		s = newer;
	}
}

static struct http2_stream *stream_open(struct http2 *http, const struct flow *flow, uint32_t id, size_t text_bytes)
{
	make_room(http, flow);
	struct http2_stream *s = http2_stream_create(flow->pool, id, text_bytes);

	if (s == NULL)
		return NULL;
	s->responses_lost = http->responses_lost;
	s->rpc_status = RPC_STATUS_UNSEEN;
	return s;
}

static void request_begins(struct http2 *http, const struct flow *flow, uint32_t id, uint64_t first_ns,
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
	struct http2_stream *s = stream_open(http, flow, id, fields_bytes(head->fields));

	if (s == NULL) {
		if (early != NULL)
			drop_unrequested(http, flow, early);
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
	if (early != NULL)
		take_over(http, flow, s, early);
	http2_streams_add(&http->streams, flow->pool, s);
	if (s->bodies[FROM_SERVER].ended)
		finish(http, flow, s, EXCHANGE_ENDED_BY_MESSAGE, s->response_last_ns);
}

void http2_pair_adopt(struct http2 *http, const struct flow *flow, const struct exchange *request)
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
	struct http2_stream *s = stream_open(http, flow, 1, fields_bytes(fields));

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

/* ---- responses ---- */

static void response_passes(struct http2_stream *s, const struct flow *flow)
{
	if (!s->answered) {
		s->answered = true;
		s->response_first_ns = flow->first_ns;
		s->response_last_ns = flow->last_ns;
	}
	s->tail_unseen = !flow->time_known;
	if (flow->time_known)
		s->response_last_ns = flow->last_ns;
}

/* Trailers, or a head that ends the stream at once (Trailers-Only). */
static void read_rpc_status(struct http2_stream *s, const struct flow *flow, const struct http2_head *head)
{
	struct slice message = head->fields[HTTP2_GRPC_MESSAGE];

	if (head->fields[HTTP2_GRPC_STATUS].bytes == NULL) {
		s->trailers_uncertain |= head->uncertain;
		return;
	}
	s->trailers_uncertain = false;
	s->is_rpc |= s->kind_unknown;
	s->rpc_status = grpc_parse_status(head->fields[HTTP2_GRPC_STATUS]);
	if (message.length == 0 || s->rpc_message != NULL)
		return;
	s->rpc_message = block_pool_take(flow->pool, message.length);
	if (s->rpc_message == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return;
	}
	memcpy(s->rpc_message, message.bytes, message.length);
	s->rpc_message_bytes = (uint32_t)message.length;
	s->rpc_message_length = (uint32_t)grpc_decode_message(s->rpc_message, message.length);
}

static void response_head(struct http2 *http, const struct flow *flow, uint32_t id, uint64_t first_ns,
			  const struct http2_head *head)
{
	struct http2_stream *s = http2_streams_find(&http->streams, id);
	uint16_t status = http2_head_status(head);

	if (s == NULL) {
		if (id % 2 == 0 || (id <= http->request_id_max && status < 200))
			return; /* pushed, or trailers of an exchange that is over */
		if (id <= http->request_id_max || http->requests_lost || flow->role == EXCHANGE_SERVER) {
			counter_add(COUNTER_RESPONSES_UNMATCHED, status >= 200);
			return;
		}
		s = stream_open(http, flow, id, 0);
		if (s == NULL)
			return;
		http->unrequested++;
		http2_streams_add(&http->streams, flow->pool, s);
	}
	if (status / 100 == 1)
		return;
	if (!s->answered) {
		s->response_first_ns = first_ns;
		s->answered = true;
	}
	response_passes(s, flow);
	if (s->status == 0)
		s->status = status;
	if (head->fields[HTTP2_CONTENT_TYPE].bytes != NULL) {
		bool rpc = grpc_kind_of(head->fields[HTTP2_CONTENT_TYPE]) != GRPC_NOT;

		s->is_rpc |= rpc && s->kind_unknown;
		s->bodies[FROM_SERVER].messages.uncertain |= !rpc;
	}
	read_rpc_status(s, flow, head);
	if (s->requested && s->is_connect && s->status / 100 == 2) { /* what follows is a tunnel */
		s->bodies[FROM_CLIENT].ended = s->bodies[FROM_SERVER].ended = true;
		finish(http, flow, s, EXCHANGE_ENDED_BY_MESSAGE, s->response_last_ns);
	}
}

/* ---- events ---- */

void http2_pair_head(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id, uint64_t first_ns,
		     const struct http2_head *head)
{
	if (from == FROM_SERVER)
		response_head(http, flow, id, first_ns, head);
	else if (id > http->request_id_max && id % 2 == 1)
		request_begins(http, flow, id, first_ns, head);
	/* else trailers of a request, which say nothing that is kept */
}

void http2_pair_end_stream(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id)
{
	struct http2_stream *s = http2_streams_find(&http->streams, id);

	if (s == NULL)
		return;
	s->bodies[from].ended = true;
	if (from == FROM_CLIENT)
		return;
	response_passes(s, flow);
	if (s->requested)
		finish(http, flow, s, EXCHANGE_ENDED_BY_MESSAGE, s->response_last_ns);
}

void http2_pair_data(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id, const char *bytes,
		     size_t length)
{
	struct http2_stream *s = http2_streams_find(&http->streams, id);

	if (s == NULL)
		return;
	s->bodies[from].bytes += length;
	if (s->is_rpc || s->kind_unknown || !s->requested)
		grpc_counter_take(&s->bodies[from].messages, bytes, length);
	if (from == FROM_SERVER)
		response_passes(s, flow);
}

void http2_pair_data_unknown(struct http2 *http, enum sender from, uint32_t id)
{
	struct http2_stream *s = http2_streams_find(&http->streams, id);

	if (s != NULL)
		s->bodies[from].uncertain = true;
}

void http2_pair_reset(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id, uint32_t code)
{
	struct http2_stream *s = http2_streams_find(&http->streams, id);

	if (s == NULL)
		return;
	s->reset_code = code;
	cut(http, flow, s, from == FROM_CLIENT ? EXCHANGE_RESET_BY_CLIENT : EXCHANGE_RESET_BY_SERVER);
}

void http2_pair_goaway(struct http2 *http, const struct flow *flow, uint32_t last_id)
{
	struct http2_stream *s = http->streams.oldest;

	while (s != NULL) {
		struct http2_stream *newer = s->newer;

		if (s->id > last_id) {
			s->reset_code = HTTP2_REFUSED_STREAM;
			cut(http, flow, s, EXCHANGE_RESET_BY_SERVER);
		}
		s = newer;
	}
}

void http2_pair_lost(struct http2 *http, enum sender from)
{
	if (from == FROM_SERVER)
		http->responses_lost++;
	else
		http->requests_lost = true;
	for (struct http2_stream *s = http->streams.newest; s != NULL; s = s->older)
		s->bodies[from].uncertain |= !s->bodies[from].ended;
}
