/* Follow both senders of an HTTP/1.x connection from message to message, and find the way back after losses.
 *
 * What a loss means for pairing: an exchange is only handed over as complete if its request and its response are
 * known to belong together. Where a hole may have swallowed messages, requests are reported without response and
 * responses are counted as unmatched, unless what follows proves which of them belong together (pair.c). */
#include "counters.h"
#include "protocols/http1/http1.h"
#include "protocols/http2/http2.h"

static void http1_open(void *state, const bool lost[2])
{
	struct http1 *http = state;

	for (int from = 0; from < 2; from++)
		http->sides[from].phase = lost[from] ? HTTP1_LOST : HTTP1_AT_HEAD;
}

static enum step http1_next(void *state, const struct flow *flow, enum sender from, struct cursor *in)
{
	return from == FROM_CLIENT ? http1_client_next(state, flow, in) : http1_server_next(state, flow, in);
}

static enum step http1_hole(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
			    uint64_t bytes)
{
	struct flow then = *flow;

	/* What is only given up was said before the turn changed; a hole belongs to the turn in which it shows. */
	if (bytes == 0)
		then.turn = flow->first_turn;
	return from == FROM_CLIENT ? http1_client_hole(state, &then, unfinished, bytes)
				   : http1_server_hole(state, &then, unfinished, bytes);
}

static enum match http1_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			       bool more_may_come)
{
	struct http1 *http = state;
	enum match match = http1_recognise_from(from, bytes, more_may_come);

	if (match == MATCH_FROM_CLIENT)
		http1_client_found_again(http);
	if (match == MATCH_FROM_SERVER)
		http1_server_found_again(http, flow);
	if (from == FROM_SERVER && match == MATCH_NO) {
		/* taken for the tail of the response that was lost in its middle */
		http->response_last_ns = flow->last_ns;
		http->response_tail_unseen = false;
	}
	return match;
}

static void http1_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	if (from == FROM_SERVER)
		http1_server_ended(state, flow, unfinished, clean);
	else if (unfinished.length > 0)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void http1_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	http1_pair_cut_all(state, flow, reason);
	if (reason == EXCHANGE_CUT_BY_CLOSE && http1_pair_turns_tell(state))
		http1_pair_prove(state, flow); /* no request followed, and by the final offsets none is missing */
	http1_pair_refute(state, flow, reason);
}

static void http1_leave(void *state, const struct flow *flow)
{
	http1_pair_leave(state, flow);
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
	.leave = http1_leave,
	.successor = &http2_protocol,
};
