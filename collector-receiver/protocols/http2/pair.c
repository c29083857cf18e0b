/* Put requests and responses together: what carries one stream's number belongs to one exchange. */
#include "counters.h"
#include "protocols/hand_over.h"
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
void http2_pair_finish(struct http2 *http, const struct flow *flow, struct http2_stream *s, enum exchange_end end,
		       uint64_t end_ns)
{
	/* a client's send may be recorded after the receipt of the answer */
	if (s->answered && s->start_ns > s->response_first_ns)
		s->start_ns = s->response_first_ns;
	struct exchange exchange = exchange_begin(flow, s->start_ns, end_ns, end, flags_of(s, end));

	exchange.traceparent = s->fields[HTTP2_TRACEPARENT];
	exchange.tracestate = s->fields[HTTP2_TRACESTATE];
	exchange.protocol = s->is_rpc ? EXCHANGE_RPC : EXCHANGE_HTTP;
	if (s->is_rpc)
		exchange.rpc = rpc_of(s, (struct slice){s->rpc_message, s->rpc_message_length});
	else
		exchange.http = http_of(s);
	http2_streams_remove(&http->streams, s);
	exchange_hand_over(flow, &exchange);
	http2_stream_destroy(flow->pool, s);
}

/* A response whose request never came. */
void http2_pair_drop(struct http2 *http, const struct flow *flow, struct http2_stream *s)
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
		http2_pair_drop(http, flow, s);
		return;
	}
	uint64_t end_ns = s->response_last_ns;

	if (reason == EXCHANGE_CUT_BY_CLOSE && s->responses_lost != http->responses_lost)
		reason = EXCHANGE_CUT_BY_LOSS; /* its end may have been among what was lost */
	if (is_reset(reason) || (reason == EXCHANGE_CUT_BY_CLOSE && !s->answered))
		end_ns = flow->last_ns; /* that is what ended the waiting */
	http2_pair_finish(http, flow, s, reason, end_ns);
}

void http2_pair_cut_all(struct http2 *http, const struct flow *flow, enum exchange_end reason)
{
	while (http->streams.oldest != NULL)
		cut(http, flow, http->streams.oldest, reason);
}

static void make_room(struct http2 *http, const struct flow *flow)
{
	if (http->streams.count < HTTP2_STREAMS_MAX)
		return;
	counter_add(COUNTER_PIPELINE_FULL, 1);
	cut(http, flow, http->streams.oldest, EXCHANGE_CUT_BY_SHUTDOWN);
}

struct http2_stream *http2_pair_open(struct http2 *http, const struct flow *flow, uint32_t id, size_t text_bytes)
{
	make_room(http, flow);
	struct http2_stream *s = http2_stream_create(flow->pool, id, text_bytes);

	if (s == NULL)
		return NULL;
	s->responses_lost = http->responses_lost;
	s->rpc_status = RPC_STATUS_UNSEEN;
	return s;
}

/* ---- events ---- */

void http2_pair_head(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id, uint64_t first_ns,
		     const struct http2_head *head)
{
	if (from == FROM_SERVER)
		http2_response_head(http, flow, id, first_ns, head);
	else if (id > http->request_id_max && id % 2 == 1)
		http2_request_begins(http, flow, id, first_ns, head);
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
	http2_response_passes(s, flow);
	if (s->requested)
		http2_pair_finish(http, flow, s, EXCHANGE_ENDED_BY_MESSAGE, s->response_last_ns);
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
		http2_response_passes(s, flow);
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
