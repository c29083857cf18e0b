/* Put HTTP/1.x requests and responses together: answers come in the order of the requests (RFC 9112 9.3.2). */
#include <assert.h>

#include "counters.h"
#include "protocols/hand_over.h"
#include "protocols/http1/http1.h"

/* ---- requests ---- */

static struct slice *kept_field(struct http1_request *request, enum http1_field field)
{
	struct http_exchange *http = &request->http;

	switch (field) {
	case HTTP1_HOST:
		return &http->host;
	case HTTP1_USER_AGENT:
		return &http->user_agent;
	case HTTP1_TRACEPARENT:
		return &request->traceparent;
	case HTTP1_TRACESTATE:
		return &request->tracestate;
	case HTTP1_X_FORWARDED_FOR:
		return &http->x_forwarded_for;
	case HTTP1_FORWARDED:
		return &http->forwarded;
	case HTTP1_X_FORWARDED_PROTO:
		return &http->x_forwarded_proto;
	case HTTP1_X_FORWARDED_HOST:
		return &http->x_forwarded_host;
	case HTTP1_FIELDS:
		break;
	}
	return NULL;
}

static void replace_by_space(char *from, size_t length, char c)
{
	char *end = from + length;

	while ((from = memchr(from, c, (size_t)(end - from))) != NULL)
		*from = ' ';
}

/* Copy to *at and move it on. The line ends of a folded value become spaces (RFC 9112 5.2). */
static struct slice keep(struct slice s, char **at)
{
	struct slice kept = {*at, s.length};

	if (s.bytes == NULL)
		return s;
	memcpy(*at, s.bytes, s.length);
	replace_by_space(*at, s.length, '\r');
	replace_by_space(*at, s.length, '\n');
	*at += s.length;
	return kept;
}

static size_t kept_bytes(const struct http1_head *head)
{
	size_t bytes = head->method.length + head->target.length;

	for (unsigned i = 0; i < HTTP1_FIELDS; i++)
		bytes += head->fields[i].length;
	return bytes;
}

/* The part of an absolute target before "://" (RFC 9112 3.2.2). */
static struct slice target_scheme(struct slice target)
{
	bool origin_form = target.length == 0 || target.bytes[0] == '/';
	const char *colon = origin_form ? NULL : memchr(target.bytes, ':', target.length);
	size_t scheme = colon == NULL ? 0 : (size_t)(colon - target.bytes);

	if (scheme == 0 || target.length - scheme < 3 || memcmp(colon, "://", 3) != 0)
		return (struct slice){0};
	return (struct slice){target.bytes, scheme};
}

static struct http1_request *request_create(const struct flow *flow, const struct http1_head *head)
{
	size_t bytes = sizeof(struct http1_request) + kept_bytes(head);
	struct http1_request *request = block_pool_take(flow->pool, bytes);

	if (request == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	char *at = request->text;

	*request = (struct http1_request){
		.block_bytes = bytes,
		.start_ns = flow->first_ns,
		.turn = flow->turn,
		.flags = head->cut ? EXCHANGE_REQUEST_CUT : 0,
		.is_head = slice_equal(head->method, SLICE_LITERAL("HEAD")),
		.is_connect = slice_equal(head->method, SLICE_LITERAL("CONNECT")),
		.http = {
			.version_major = 1,
			.version_minor = head->version_minor,
			.method = keep(head->method, &at),
			.target = keep(head->target, &at),
			.request_body_bytes = -1,
			.response_body_bytes = -1,
		},
	};
	for (unsigned i = 0; i < HTTP1_FIELDS; i++)
		*kept_field(request, (enum http1_field)i) = keep(head->fields[i], &at);
	request->http.scheme = target_scheme(request->http.target);
	request->call = http1_call_create(flow->pool, head);
	return request;
}

static void request_destroy(const struct flow *flow, struct http1_request *request)
{
	http1_call_destroy(flow->pool, request->call);
	block_pool_give(flow->pool, request, request->block_bytes);
}

static struct exchange exchange_of(const struct flow *flow, const struct http1_request *request, enum exchange_end end,
				   uint32_t flags, uint64_t end_ns)
{
	struct exchange exchange = exchange_begin(flow, request->start_ns, end_ns, end, request->flags | flags);

	exchange.traceparent = request->traceparent;
	exchange.tracestate = request->tracestate;
	exchange.protocol = EXCHANGE_HTTP;
	exchange.http = request->http;
	return exchange;
}

static void hand_over(const struct flow *flow, struct http1_request *request, enum exchange_end end, uint32_t flags,
		      uint64_t end_ns)
{
	struct exchange exchange = exchange_of(flow, request, end, flags, end_ns);

	if (request->call != NULL)
		http1_call_report(request->call, &exchange);
	exchange_hand_over(flow, &exchange);
	request_destroy(flow, request);
}

/* How long nobody answered is known if it was the close that ended the waiting. */
static void hand_over_unanswered(const struct flow *flow, struct http1_request *request, enum exchange_end reason)
{
	hand_over(flow, request, reason, EXCHANGE_RESPONSE_UNSEEN | EXCHANGE_END_UNSEEN,
		  reason == EXCHANGE_CUT_BY_CLOSE ? flow->last_ns : 0);
}

void http1_pair_request(struct http1 *http, const struct flow *flow, const struct http1_head *head)
{
	http->receiving = NULL;
	if (http->outstanding >= HTTP1_OUTSTANDING_MAX || http->given_up > 0) {
		counter_add(COUNTER_PIPELINE_FULL, 1);
		http->given_up++;
		return;
	}
	struct http1_request *request = request_create(flow, head);

	if (request == NULL) {
		http->given_up++;
		return;
	}
	request->after_gap = http->next_after_gap;
	http->next_after_gap = false;
	if (http->newest == NULL)
		http->oldest = request;
	else
		http->newest->next = request;
	http->newest = request;
	http->receiving = request;
	http->outstanding++;
}

/* ---- responses ---- */

static struct http1_request *take_oldest(struct http1 *http)
{
	struct http1_request *request = http->oldest;
	struct http1_body *body = &http->sides[FROM_CLIENT].body;

	assert(request != NULL && http->outstanding > 0);
	if (request->call != NULL) {
		http->sides[FROM_SERVER].body.web = NULL; /* only the oldest is answered */
		if (body->web == &request->call->request)
			body->web = NULL;
	}
	if (http->receiving == request) {
		/* the answer came first, or the rest of the body was not worth a record: what was announced counts */
		if (body->framing == HTTP1_BODY_LENGTH)
			request->http.request_body_bytes = (int64_t)(body->bytes + body->remaining);
		http->receiving = NULL;
	}
	http->oldest = request->next;
	if (http->oldest == NULL)
		http->newest = NULL;
	http->outstanding--;
	return request;
}

/* Of those that wait, only the newest can be told to be answered by the next response. */
static void leave_newest(struct http1 *http, const struct flow *flow)
{
	if (!http->unproven && http->oldest != NULL && http->oldest->after_gap)
		http1_pair_doubt(http, flow);
	if (!http->unproven) {
		http->batch |= http->outstanding > 1 && http->newest->turn < flow->first_turn;
		http->pipelined |= http->batch;
		return;
	}
	if (http->oldest != http->newest && !http1_pair_turns_tell(http))
		http->waited = 0;
	http1_pair_refute(http, flow, EXCHANGE_CUT_BY_LOSS);
	while (http->oldest != http->newest)
		hand_over_unanswered(flow, take_oldest(http), EXCHANGE_CUT_BY_LOSS);
}

void http1_pair_response(struct http1 *http, const struct flow *flow, const struct http1_head *head)
{
	leave_newest(http, flow);
	http->answering = http->oldest != NULL;
	http->response_first_ns = flow->first_ns;
	http->response_last_ns = flow->last_ns;
	http->response_tail_unseen = false;
	if (http->answering) {
		http->oldest->http.status = head->status;
		http->oldest->flags |= head->cut ? EXCHANGE_RESPONSE_CUT : 0;
		if (http->oldest->call != NULL)
			http1_call_answered(http->oldest->call, head);
	} else if (http->given_up > 0) {
		http->given_up--;
	} else {
		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
	}
}

void http1_pair_finish(struct http1 *http, const struct flow *flow, enum exchange_end end, uint32_t flags)
{
	struct http1_body *body = &http->sides[FROM_SERVER].body;

	if (!http->answering)
		return;
	struct http1_request *request = take_oldest(http);

	http->answering = false;
	if (body->framing != HTTP1_BODY_UNKNOWN &&
	    (end == EXCHANGE_ENDED_BY_MESSAGE || end == EXCHANGE_ENDED_BY_CLOSE))
		request->http.response_body_bytes = (int64_t)body->bytes;
	/* a client's send may be recorded after the receipt of the answer */
	if (request->start_ns > http->response_first_ns)
		request->start_ns = http->response_first_ns;
	if (!http->unproven) {
		hand_over(flow, request, end, flags, http->response_last_ns);
		return;
	}
	http->kept = request;
	http->kept_end = end;
	http->kept_flags = flags;
	http->kept_end_ns = http->response_last_ns;
	if (http->sides[FROM_CLIENT].phase == HTTP1_LOST)
		http1_pair_refute(http, flow, EXCHANGE_CUT_BY_LOSS);
}

/* ---- losses ---- */

void http1_pair_doubt(struct http1 *http, const struct flow *flow)
{
	http1_pair_refute(http, flow, EXCHANGE_CUT_BY_LOSS);
	if (http->pipelined || http->given_up > 0)
		http1_pair_cut_all(http, flow, EXCHANGE_CUT_BY_LOSS);
	http->unproven = http->oldest != NULL || !http1_pair_turns_tell(http);
}

bool http1_pair_turns_tell(const struct http1 *http)
{
	return !http->pipelined || http->waited >= HTTP1_WAITED_ENOUGH;
}

static void note_waited(struct http1 *http)
{
	if (http->waited < HTTP1_WAITED_ENOUGH)
		http->waited++;
}

/* Was the one request before this turn answered by one response? */
static void settle_doubt(struct http1 *http, const struct flow *flow)
{
	if (http->kept != NULL && http->oldest == NULL)
		note_waited(http);
	else if (!http1_pair_turns_tell(http))
		http->waited = 0;
	if (http1_pair_turns_tell(http))
		http1_pair_prove(http, flow);
	else
		http1_pair_refute(http, flow, EXCHANGE_CUT_BY_LOSS);
}

void http1_pair_turn(struct http1 *http, const struct flow *flow)
{
	if (flow->turn == http->client_turn)
		return;
	http->client_turn = flow->turn;
	if (http->unproven)
		settle_doubt(http, flow);
	else if (http->oldest != NULL)
		http->waited = 0;
	else if (http->batch)
		note_waited(http);
	http->batch = false;
}

void http1_pair_prove(struct http1 *http, const struct flow *flow)
{
	struct http1_request *request = http->kept;

	if (request == NULL && !http->answering)
		return;
	http->kept = NULL;
	http->unproven = false;
	if (request != NULL)
		hand_over(flow, request, http->kept_end, http->kept_flags, http->kept_end_ns);
}

void http1_pair_refute(struct http1 *http, const struct flow *flow, enum exchange_end reason)
{
	struct http1_request *request = http->kept;

	if (request == NULL)
		return;
	http->kept = NULL;
	counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
	request->http.status = 0;
	request->http.response_body_bytes = -1;
	if (request->call != NULL)
		http1_call_refuted(request->call);
	request->flags &= ~(uint32_t)EXCHANGE_RESPONSE_CUT;
	hand_over_unanswered(flow, request, reason);
}

static void cut_oldest(struct http1 *http, const struct flow *flow, enum exchange_end reason)
{
	if (http->answering)
		http1_pair_finish(http, flow, reason, EXCHANGE_END_UNSEEN);
	else
		hand_over_unanswered(flow, take_oldest(http), reason);
}

void http1_pair_cut_before(struct http1 *http, const struct flow *flow, uint32_t turn, enum exchange_end reason)
{
	while (http->oldest != NULL && http->oldest->turn != turn)
		cut_oldest(http, flow, reason);
	if (http->oldest == NULL)
		http1_pair_cut_all(http, flow, reason);
}

void http1_pair_cut_all(struct http1 *http, const struct flow *flow, enum exchange_end reason)
{
	while (http->oldest != NULL)
		cut_oldest(http, flow, reason);
	http->given_up = 0;
	http->unproven = http->kept != NULL || (http->unproven && !http1_pair_turns_tell(http));
}

void http1_pair_leave(struct http1 *http, const struct flow *flow)
{
	struct http1_request *request = take_oldest(http);
	struct exchange exchange = exchange_of(flow, request, EXCHANGE_ENDED_BY_MESSAGE, 0, 0);

	flow->sink->take(flow->sink->context, &exchange);
	request_destroy(flow, request);
}
