/* Follow the responses of an HTTP/1.x connection. */
#include "counters.h"
#include "protocols/http1/http1.h"

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

/* The response whose framing was lost is over: the bytes that passed since were its tail. */
static void end_is_inferred(struct http1 *http, const struct flow *flow)
{
	http1_pair_finish(http, flow, EXCHANGE_ENDED_BY_MESSAGE,
			  EXCHANGE_END_INFERRED | (http->response_tail_unseen ? EXCHANGE_END_UNSEEN : 0));
}

/* A client that does not pipeline sends a request when it has got all it waited for. */
void http1_server_turn_is_over(struct http1 *http, const struct flow *flow)
{
	struct http1_side *server = &http->sides[FROM_SERVER];

	if (server->phase == HTTP1_LOST) {
		bool in_turns = http1_pair_turns_tell(http);

		if (in_turns && http->answering && http->outstanding == 1 && http->oldest->turn != flow->turn)
			end_is_inferred(http, flow);
		http1_pair_cut_before(http, flow, flow->turn, EXCHANGE_CUT_BY_LOSS);
		http->unproven |= !in_turns;
	} else if (server->phase == HTTP1_IN_BODY && !http->answering) {
		lose_server(http); /* its framing was a guess: the method that it answers is not known */
	}
}

static enum step response_ended(struct http1 *http, const struct flow *flow, enum exchange_end end)
{
	http1_pair_finish(http, flow, end, http->response_tail_unseen ? EXCHANGE_END_UNSEEN : 0);
	http->sides[FROM_SERVER].phase = HTTP1_AT_HEAD;
	return STEP_TOOK;
}

/* The request that asked for HTTP/2 is answered there (RFC 7540 3.2). One that asked among others is not understood. */
static bool goes_on_as_http2(const struct http1 *http, const struct http1_head *head)
{
	return head->status == 101 && head->upgrade_http2 && http->answering && http->outstanding == 1 &&
	       http->kept == NULL;
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
	if (goes_on_as_http2(http, head))
		return STEP_UPGRADE;
	bool to_head = http->answering && http->oldest->is_head;
	bool to_connect = http->answering && http->oldest->is_connect;

	http1_response_body(&server->body, head, to_head, to_connect);
	if (http->answering && http->oldest->call != NULL)
		server->body.web = &http->oldest->call->response;
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

enum step http1_server_next(struct http1 *http, const struct flow *flow, struct cursor *in)
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

/* Between two responses: whole ones are gone, and nobody knows how many. */
static enum step responses_swallowed(struct http1 *http, const struct flow *flow)
{
	http1_pair_doubt(http, flow);
	return lose_server(http);
}

enum step http1_server_hole(struct http1 *http, const struct flow *flow, struct slice unfinished, uint64_t bytes)
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

/* Whose response is this? The hole began in a response's body: that one is over, and so are those of its turn, but a
 * single one that is left of the same turn can only be answered by this. If the client does not wait nobody knows. */
void http1_server_found_again(struct http1 *http, const struct flow *flow)
{
	if (http->answering) {
		uint32_t turn = http->oldest->turn;

		http1_pair_finish(http, flow, EXCHANGE_CUT_BY_LOSS, EXCHANGE_END_UNSEEN);
		if (!http1_pair_turns_tell(http))
			http1_pair_doubt(http, flow);
		else if (http->newest != NULL && http->newest->turn != turn)
			http1_pair_cut_before(http, flow, http->newest->turn, EXCHANGE_CUT_BY_LOSS);
		else if (http->outstanding > 1)
			http1_pair_cut_all(http, flow, EXCHANGE_CUT_BY_LOSS);
	}
	http->sides[FROM_SERVER].phase = HTTP1_AT_HEAD;
}

void http1_server_ended(struct http1 *http, const struct flow *flow, struct slice unfinished, bool clean)
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
