/* Follow the requests of an HTTP/1.x connection. */
#include "counters.h"
#include "protocols/http1/http1.h"

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

static void request_begins(struct http1 *http, const struct flow *flow, const struct http1_head *head)
{
	struct http1_side *client = &http->sides[FROM_CLIENT];

	http1_server_turn_is_over(http, flow);
	http1_pair_turn(http, flow);
	http1_pair_request(http, flow, head);
	http1_request_body(&client->body, head);
	if (http->receiving != NULL && http->receiving->call != NULL)
		client->body.web = &http->receiving->call->request;
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

enum step http1_client_next(struct http1 *http, const struct flow *flow, struct cursor *in)
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

static void whole_request_lost(struct http1 *http)
{
	counter_add(COUNTER_PARSER_HOLES, 1);
	http->next_after_gap = true;
}

enum step http1_client_hole(struct http1 *http, const struct flow *flow, struct slice unfinished, uint64_t bytes)
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
		return bytes == 0 ? STEP_TOOK : http1_client_hole(http, flow, (struct slice){0}, bytes);
	case HTTP1_IN_TUNNEL:
		http->tunnel_bytes_passed = true;
		return STEP_TOOK;
	case HTTP1_LOST:
		break;
	}
	return STEP_LOST;
}

void http1_client_found_again(struct http1 *http)
{
	http->next_after_gap |= http->outstanding > 0 || !http1_pair_turns_tell(http);
	http->sides[FROM_CLIENT].phase = HTTP1_AT_HEAD;
	http->receiving = NULL;
}
