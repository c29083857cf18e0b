/* Follow both senders of an HTTP/1.x connection from message to message, and find the way back after losses.
 *
 * What a loss means for pairing: an exchange is only handed over as complete if its request and its response are
 * known to belong together. Where a hole may have swallowed messages, requests are reported without response and
 * responses are counted as unmatched, unless what follows proves which of them belong together (pair.c). */
#include "counters.h"
#include "protocols/http1/http1.h"

static void http1_open(void *state, const bool lost[2])
{
	struct http1 *http = state;

	for (int from = 0; from < 2; from++)
		http->sides[from].phase = lost[from] ? HTTP1_LOST : HTTP1_AT_HEAD;
}

/* Requests that are not seen may have their responses between those that are. */
static enum step lose_client(struct http1 *http, const struct flow *flow)
{
	http1_pair_refute(http, flow, EXCHANGE_CUT_BY_LOSS);
	http->sides[FROM_CLIENT].phase = HTTP1_LOST;
	return STEP_LOST;
}

static enum step refuse_client(struct http1 *http, const struct flow *flow)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	return lose_client(http, flow);
}

static enum step lose_server(struct http1 *http)
{
	http->sides[FROM_SERVER].phase = HTTP1_LOST;
	http->sides[FROM_SERVER].body.framing = HTTP1_BODY_UNKNOWN;
	return STEP_LOST;
}

static enum step refuse_server(struct http1 *http)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	return lose_server(http);
}

/* ---- the client's side ---- */

/* The response whose framing was lost is over: the bytes that passed since were its tail. */
static void end_is_inferred(struct http1 *http, const struct flow *flow)
{
	http1_pair_finish(http, flow, EXCHANGE_ENDED_BY_MESSAGE,
			  EXCHANGE_END_INFERRED | (http->response_tail_unseen ? EXCHANGE_END_UNSEEN : 0));
}

/* A client that does not pipeline sends a request when it has got all it waited for. */
static void request_opens_turn(struct http1 *http, const struct flow *flow)
{
	struct http1_side *server = &http->sides[FROM_SERVER];

	if (server->phase == HTTP1_LOST) {
		if (http->answering && http->outstanding == 1 && http->oldest->turn != flow->turn)
			end_is_inferred(http, flow);
		http1_pair_cut_before(http, flow, flow->turn, EXCHANGE_CUT_BY_LOSS);
	} else if (server->phase == HTTP1_IN_BODY && !http->answering) {
		lose_server(http); /* its framing was a guess: the method that it answers is not known */
	}
}

static void request_begins(struct http1 *http, const struct flow *flow, const struct http1_head *head)
{
	struct http1_side *client = &http->sides[FROM_CLIENT];

	request_opens_turn(http, flow);
	http1_pair_prove(http, flow);
	http1_pair_request(http, flow, head);
	http1_request_body(&client->body, head);
	http->continue_expected = head->expect_continue && client->body.framing != HTTP1_BODY_NONE;
	client->phase = HTTP1_IN_BODY;
	if (http->receiving != NULL && http->receiving->is_connect) {
		client->phase = HTTP1_IN_TUNNEL;
		http->tunnel_bytes_passed = false;
		http->receiving->http.request_body_bytes = 0; /* CONNECT has no content (RFC 9110 9.3.6) */
		http->receiving = NULL;
	}
}

static void request_ended(struct http1 *http)
{
	if (http->receiving != NULL)
		http->receiving->http.request_body_bytes = (int64_t)http->sides[FROM_CLIENT].body.bytes;
	http->receiving = NULL;
	http->continue_expected = false;
	http->sides[FROM_CLIENT].phase = HTTP1_AT_HEAD;
}

static enum step next_request_head(struct http1 *http, const struct flow *flow, struct cursor *in)
{
	struct http1_side *client = &http->sides[FROM_CLIENT];
	struct http1_head head;
	size_t head_bytes;

	switch (http1_parse_head(FROM_CLIENT, cursor_rest(in), in->examined, &head, &head_bytes)) {
	case HTTP1_PARSE_MORE:
		return STEP_MORE;
	case HTTP1_PARSE_MALFORMED:
		return refuse_client(http, flow);
	case HTTP1_PARSED:
		break;
	}
	cursor_skip(in, head_bytes);
	request_begins(http, flow, &head);
	if (client->body.framing == HTTP1_BODY_UNKNOWN)
		return refuse_client(http, flow);
	if (client->phase == HTTP1_IN_BODY && client->body.framing == HTTP1_BODY_NONE)
		request_ended(http);
	return STEP_TOOK;
}

/* A final answer to "Expect: 100-continue" lets the client go on without the body that it had announced. */
static enum match body_was_kept_back(const struct http1 *http, const struct cursor *in)
{
	if (!http->continue_expected || http->receiving != NULL)
		return MATCH_NO;
	return http1_recognise_from(FROM_CLIENT, cursor_rest(in), true);
}

static enum step next_request_body(struct http1 *http, const struct flow *flow, struct cursor *in)
{
	struct http1_side *client = &http->sides[FROM_CLIENT];

	switch (body_was_kept_back(http, in)) {
	case MATCH_MORE:
		return STEP_MORE;
	case MATCH_FROM_CLIENT:
		request_ended(http);
		return STEP_TOOK;
	default:
		break;
	}
	http->continue_expected = false;
	switch (http1_body_take(&client->body, in)) {
	case HTTP1_BODY_ENDED:
		request_ended(http);
		return STEP_TOOK;
	case HTTP1_BODY_BROKEN:
		return refuse_client(http, flow);
	case HTTP1_BODY_GOES_ON:
		break;
	}
	return STEP_TOOK;
}

static enum step next_from_client(struct http1 *http, const struct flow *flow, struct cursor *in)
{
	switch (http->sides[FROM_CLIENT].phase) {
	case HTTP1_AT_HEAD:
		if (in->position == 0 && in->examined == 0) {
			cursor_skip_line_ends(in);
			if (in->position > 0)
				return STEP_TOOK;
		}
		return next_request_head(http, flow, in);
	case HTTP1_IN_BODY:
		return next_request_body(http, flow, in);
	case HTTP1_IN_TUNNEL:
		http->tunnel_bytes_passed = true;
		cursor_skip(in, UINT64_MAX);
		return STEP_TOOK;
	case HTTP1_LOST:
		break;
	}
	return STEP_LOST;
}

/* ---- the server's side ---- */

static enum step response_ended(struct http1 *http, const struct flow *flow, enum exchange_end end)
{
	http1_pair_finish(http, flow, end, http->response_tail_unseen ? EXCHANGE_END_UNSEEN : 0);
	http->sides[FROM_SERVER].phase = HTTP1_AT_HEAD;
	return STEP_TOOK;
}

/* 101, or 2xx to CONNECT: the exchange ends with the head, and so does HTTP on this connection. */
static enum step switch_protocols(struct http1 *http, const struct flow *flow)
{
	if (http->answering)
		http->oldest->http.upgraded = true;
	response_ended(http, flow, EXCHANGE_ENDED_BY_MESSAGE);
	http1_pair_prove(http, flow); /* no request follows */
	http1_pair_cut_all(http, flow, EXCHANGE_CUT_BY_SHUTDOWN);
	return STEP_OPAQUE;
}

static enum step response_begins(struct http1 *http, const struct flow *flow, const struct http1_head *head)
{
	struct http1_side *server = &http->sides[FROM_SERVER];
	struct http1_side *client = &http->sides[FROM_CLIENT];

	if (head->status / 100 == 1 && head->status != 101)
		return STEP_TOOK; /* the final one follows */
	http1_pair_response(http, flow, head);
	bool to_head = http->answering && http->oldest->is_head;
	bool to_connect = http->answering && http->oldest->is_connect;

	http1_response_body(&server->body, head, to_head, to_connect);
	server->phase = HTTP1_IN_BODY;
	if (head->status == 101 || (to_connect && head->status / 100 == 2))
		return switch_protocols(http, flow);
	if (to_connect && client->phase == HTTP1_IN_TUNNEL)
		client->phase = http->tunnel_bytes_passed ? HTTP1_LOST : HTTP1_AT_HEAD;
	if (server->body.framing == HTTP1_BODY_NONE)
		return response_ended(http, flow, EXCHANGE_ENDED_BY_MESSAGE);
	return STEP_TOOK;
}

static enum step next_response_head(struct http1 *http, const struct flow *flow, struct cursor *in)
{
	struct http1_side *server = &http->sides[FROM_SERVER];
	struct http1_head head;
	size_t head_bytes;

	if (http->oldest == NULL && http->given_up == 0 && flow->may_wait)
		return STEP_WAIT;
	switch (http1_parse_head(FROM_SERVER, cursor_rest(in), in->examined, &head, &head_bytes)) {
	case HTTP1_PARSE_MORE:
		return STEP_MORE;
	case HTTP1_PARSE_MALFORMED:
		http1_pair_cut_all(http, flow, EXCHANGE_CUT_BY_LOSS);
		return refuse_server(http);
	case HTTP1_PARSED:
		break;
	}
	cursor_skip(in, head_bytes);
	enum step step = response_begins(http, flow, &head);

	if (step == STEP_TOOK && server->phase == HTTP1_IN_BODY && server->body.framing == HTTP1_BODY_UNKNOWN)
		return refuse_server(http);
	return step;
}

static enum step next_response_body(struct http1 *http, const struct flow *flow, struct cursor *in)
{
	struct http1_side *server = &http->sides[FROM_SERVER];

	http->response_last_ns = flow->last_ns;
	http->response_tail_unseen = false;
	switch (http1_body_take(&server->body, in)) {
	case HTTP1_BODY_ENDED:
		return response_ended(http, flow, EXCHANGE_ENDED_BY_MESSAGE);
	case HTTP1_BODY_BROKEN:
		return refuse_server(http);
	case HTTP1_BODY_GOES_ON:
		break;
	}
	return STEP_TOOK;
}

static enum step next_from_server(struct http1 *http, const struct flow *flow, struct cursor *in)
{
	switch (http->sides[FROM_SERVER].phase) {
	case HTTP1_AT_HEAD:
		if (in->position == 0 && in->examined == 0) {
			cursor_skip_line_ends(in);
			if (in->position > 0)
				return STEP_TOOK;
		}
		return next_response_head(http, flow, in);
	case HTTP1_IN_BODY:
		return next_response_body(http, flow, in);
	case HTTP1_IN_TUNNEL:
	case HTTP1_LOST:
		break;
	}
	return STEP_LOST;
}

static enum step http1_next(void *state, const struct flow *flow, enum sender from, struct cursor *in)
{
	return from == FROM_CLIENT ? next_from_client(state, flow, in) : next_from_server(state, flow, in);
}

/* ---- losses ---- */

static void whole_request_lost(struct http1 *http)
{
	counter_add(COUNTER_PARSER_HOLES, 1);
	http->next_after_gap = true;
}

static enum step client_hole(struct http1 *http, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	struct http1_side *client = &http->sides[FROM_CLIENT];
	struct http1_head head;

	switch (client->phase) {
	case HTTP1_AT_HEAD:
		if (unfinished.length > 0 &&
		    http1_parse_cut_head(FROM_CLIENT, unfinished, &head) == HTTP1_PARSED)
			request_begins(http, flow, &head);
		else
			whole_request_lost(http);
		return lose_client(http, flow);
	case HTTP1_IN_BODY:
		bytes += unfinished.length; /* kept to see whether the body is kept back */
		http->continue_expected = false;
		switch (http1_body_hole(&client->body, &bytes)) {
		case HTTP1_BODY_ENDED:
			request_ended(http);
			break;
		case HTTP1_BODY_BROKEN:
			return lose_client(http, flow);
		case HTTP1_BODY_GOES_ON:
			break;
		}
		return bytes == 0 ? STEP_TOOK : client_hole(http, flow, (struct slice){0}, bytes);
	case HTTP1_IN_TUNNEL:
		http->tunnel_bytes_passed = true;
		return STEP_TOOK;
	case HTTP1_LOST:
		break;
	}
	return STEP_LOST;
}

/* Between two responses: whole ones are gone, and nobody knows how many. */
static enum step responses_swallowed(struct http1 *http, const struct flow *flow)
{
	http1_pair_doubt(http, flow);
	return lose_server(http);
}

static enum step server_hole(struct http1 *http, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	struct http1_side *server = &http->sides[FROM_SERVER];
	struct http1_head head;

	http->response_tail_unseen = !flow->time_known;
	if (flow->time_known)
		http->response_last_ns = flow->last_ns;
	switch (server->phase) {
	case HTTP1_AT_HEAD:
		if (unfinished.length == 0 ||
		    http1_parse_cut_head(FROM_SERVER, unfinished, &head) != HTTP1_PARSED || head.status < 200)
			return responses_swallowed(http, flow);
		response_begins(http, flow, &head);
		return lose_server(http);
	case HTTP1_IN_BODY:
		switch (http1_body_hole(&server->body, &bytes)) {
		case HTTP1_BODY_ENDED:
			response_ended(http, flow, EXCHANGE_ENDED_BY_MESSAGE);
			break;
		case HTTP1_BODY_BROKEN:
			return lose_server(http);
		case HTTP1_BODY_GOES_ON:
			break;
		}
		return bytes == 0 ? STEP_TOOK : responses_swallowed(http, flow);
	case HTTP1_IN_TUNNEL:
	case HTTP1_LOST:
		break;
	}
	return STEP_LOST;
}

static enum step http1_hole(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
			    uint64_t bytes)
{
	return from == FROM_CLIENT ? client_hole(state, flow, unfinished, bytes)
				   : server_hole(state, flow, unfinished, bytes);
}

static void request_found_again(struct http1 *http)
{
	http->next_after_gap |= http->outstanding > 0;
	http->sides[FROM_CLIENT].phase = HTTP1_AT_HEAD;
	http->receiving = NULL;
}

/* Whose response is this? The hole began in a response's body: that one is over, and so are those of its turn, but a
 * single one that is left of the same turn can only be answered by this. */
static void response_found_again(struct http1 *http, const struct flow *flow)
{
	if (http->answering) {
		uint32_t turn = http->oldest->turn;

		http1_pair_finish(http, flow, EXCHANGE_CUT_BY_LOSS, EXCHANGE_END_UNSEEN);
		if (http->newest != NULL && http->newest->turn != turn)
			http1_pair_cut_before(http, flow, http->newest->turn, EXCHANGE_CUT_BY_LOSS);
		else if (http->outstanding > 1)
			http1_pair_cut_all(http, flow, EXCHANGE_CUT_BY_LOSS);
	}
	http->sides[FROM_SERVER].phase = HTTP1_AT_HEAD;
}

static enum match http1_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			       bool more_may_come)
{
	struct http1 *http = state;
	enum match match = http1_recognise_from(from, bytes, more_may_come);

	if (match == MATCH_FROM_CLIENT)
		request_found_again(http);
	if (match == MATCH_FROM_SERVER)
		response_found_again(http, flow);
	if (from == FROM_SERVER && match != MATCH_FROM_SERVER) {
		/* taken for the tail of the response that was lost in its middle */
		http->response_last_ns = flow->last_ns;
		http->response_tail_unseen = false;
	}
	return match;
}

/* ---- ends ---- */

static void server_ended(struct http1 *http, const struct flow *flow, struct slice unfinished, bool clean)
{
	struct http1_side *server = &http->sides[FROM_SERVER];
	enum exchange_end reason = server->phase == HTTP1_LOST ? EXCHANGE_CUT_BY_LOSS : EXCHANGE_CUT_BY_CLOSE;
	struct http1_head head;

	if (server->phase == HTTP1_AT_HEAD &&
	    http1_parse_cut_head(FROM_SERVER, unfinished, &head) == HTTP1_PARSED && head.status >= 200)
		response_begins(http, flow, &head);
	else if (server->phase == HTTP1_IN_BODY && server->body.framing == HTTP1_BODY_UNTIL_CLOSE && clean)
		response_ended(http, flow, EXCHANGE_ENDED_BY_CLOSE);
	else if (server->phase == HTTP1_LOST && clean)
		end_is_inferred(http, flow);
	http1_pair_cut_all(http, flow, reason);
}

static void http1_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	if (from == FROM_SERVER)
		server_ended(state, flow, unfinished, clean);
	else if (unfinished.length > 0)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void http1_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	http1_pair_cut_all(state, flow, reason);
	if (reason == EXCHANGE_CUT_BY_CLOSE)
		http1_pair_prove(state, flow); /* no request followed, and none is missing from the final count of bytes */
	http1_pair_refute(state, flow, reason);
}

const struct protocol http1_protocol = {
	.name = "http/1",
	.state_bytes = sizeof(struct http1),
	.unit_bytes_max = HTTP1_HEAD_BYTES_MAX,
	.recognise = http1_recognise,
	.open = http1_open,
	.next = http1_next,
	.resync = http1_resync,
	.hole = http1_hole,
	.end = http1_end,
	.close = http1_close,
};
