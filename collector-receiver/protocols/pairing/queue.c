/* Put requests and replies together. */
#include <assert.h>

#include "counters.h"
#include "protocols/hand_over.h"
#include "protocols/pairing/pairing.h"

void pairing_open(struct pairing *pairing, const struct pairing_rules *rules, const bool lost[2])
{
	pairing->rules = rules;
	pairing->sides[FROM_CLIENT].lost = lost[FROM_CLIENT];
	pairing->sides[FROM_SERVER].lost = lost[FROM_SERVER];
	pairing->doubt = lost[FROM_SERVER] && !rules->one_at_a_time;
	pairing->waited = rules->one_at_a_time ? PAIRING_WAITED_ENOUGH : 0;
}

/* ---- handing over ---- */

static void report(const struct pairing *pairing, const struct flow *flow, const struct request *request,
		   enum exchange_end end, uint32_t flags, uint64_t end_ns)
{
	struct exchange exchange = exchange_begin(flow, request->start_ns, end_ns, end, request->flags | flags);

	if (pairing->rules->describe(pairing, request, &exchange))
		exchange_hand_over(flow, &exchange);
}

static void end_without_answer(struct pairing *pairing, const struct flow *flow, struct request *request)
{
	if (pairing->rules->unanswered != NULL)
		pairing->rules->unanswered(pairing, request);
	request_destroy(flow, request);
}

/* How long nobody answered is known if it was the close that ended the waiting, which is an answer to some. */
static void hand_over_unanswered(struct pairing *pairing, const struct flow *flow, struct request *request,
				 enum exchange_end reason)
{
	if (request->answer != REQUEST_REPLY && reason == EXCHANGE_CUT_BY_CLOSE)
		report(pairing, flow, request, EXCHANGE_ENDED_BY_CLOSE, 0, flow->last_ns);
	else
		report(pairing, flow, request, reason, EXCHANGE_RESPONSE_UNSEEN | EXCHANGE_END_UNSEEN,
		       reason == EXCHANGE_CUT_BY_CLOSE ? flow->last_ns : 0);
	end_without_answer(pairing, flow, request);
}

static void hand_over_answered(struct pairing *pairing, const struct flow *flow, struct request *request)
{
	report(pairing, flow, request, EXCHANGE_ENDED_BY_MESSAGE, 0, request->end_ns);
	if (pairing->rules->answered != NULL)
		pairing->rules->answered(pairing, flow, request);
	request_destroy(flow, request);
}

static struct request *take_oldest(struct pairing *pairing)
{
	struct request *request = pairing->oldest;

	assert(request != NULL && pairing->waiting > 0);
	pairing->oldest = request->next;
	if (pairing->unanswered == request)
		pairing->unanswered = request->next;
	if (pairing->oldest == NULL)
		pairing->newest = NULL;
	pairing->waiting--;
	return request;
}

/* ---- requests ---- */

void *request_create(const struct flow *flow, size_t bytes, size_t text_bytes)
{
	struct request *request = block_pool_take(flow->pool, bytes + text_bytes);

	assert(bytes >= sizeof(*request));
	if (request == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	memset(request, 0, bytes);
	request->block_bytes = (uint32_t)(bytes + text_bytes);
	request->start_ns = flow->first_ns;
	request->turn = flow->first_turn;
	return request;
}

void request_destroy(const struct flow *flow, struct request *request)
{
	if (request != NULL)
		block_pool_give(flow->pool, request, request->block_bytes);
}

struct slice request_keep(struct slice text, char **at)
{
	struct slice kept = {*at, text.length};

	if (text.bytes == NULL)
		return text;
	memcpy(*at, text.bytes, text.length);
	*at += text.length;
	return kept;
}

/* Nobody asks for an end of the silence. */
static bool is_silent(const struct pairing *pairing)
{
	return pairing->unanswered != NULL && !pairing->answering &&
	       pairing->unanswered->answer == REQUEST_REPLY_OR_SILENCE;
}

bool pairing_begin(struct pairing *pairing, const struct flow *flow)
{
	pairing_turn(pairing, flow);
	if (pairing->waiting == pairing->rules->waiting_max && is_silent(pairing))
		pairing_skip_silent(pairing, flow);
	if (pairing->waiting < pairing->rules->waiting_max && pairing->given_up == 0)
		return true;
	counter_add(COUNTER_PIPELINE_FULL, 1);
	return false;
}

void pairing_wait(struct pairing *pairing, struct request *request)
{
	if (request == NULL) {
		pairing->given_up++;
		return;
	}
	*(pairing->newest == NULL ? &pairing->oldest : &pairing->newest->next) = request;
	pairing->newest = request;
	if (pairing->unanswered == NULL)
		pairing->unanswered = request;
	pairing->waiting++;
}

void pairing_report_one_way(struct pairing *pairing, const struct flow *flow, struct request *request)
{
	report(pairing, flow, request, EXCHANGE_ENDED_BY_MESSAGE, 0, flow->last_ns);
	end_without_answer(pairing, flow, request);
}

/* ---- replies ---- */

bool pairing_expects_reply(const struct pairing *pairing)
{
	return pairing->unanswered != NULL || pairing->given_up > 0;
}

void pairing_reply_begins(struct pairing *pairing, const struct flow *flow)
{
	pairing->answering = pairing->unanswered != NULL;
	pairing->reply_first_ns = flow->first_ns;
	pairing->torn = false;
	pairing->batch |= pairing->waiting > 1 && pairing->newest->turn < flow->first_turn && !pairing->doubt;
	pairing->several |= pairing->batch;
}

void pairing_reply_goes_on(struct pairing *pairing, const struct flow *flow)
{
	pairing->reply_last_ns = flow->last_ns;
	pairing->tail_unseen = false;
}

void pairing_reply_is_push(struct pairing *pairing)
{
	pairing->answering = false;
}

/* What the reply says so far. */
static void note_reply(struct pairing *pairing, struct request *request)
{
	pairing->answering = false;
	request->end_ns = pairing->reply_last_ns;
	request->flags |= pairing->tail_unseen ? EXCHANGE_END_UNSEEN : 0;
	if (request->start_ns > pairing->reply_first_ns) /* a send may be recorded after the receipt of the answer */
		request->start_ns = pairing->reply_first_ns;
	if (pairing->rules->note_reply != NULL)
		pairing->rules->note_reply(pairing, request);
}

/* `unanswered` is answered. */
static void advance(struct pairing *pairing, const struct flow *flow)
{
	pairing->unanswered = pairing->unanswered->next;
	if (!pairing->doubt)
		hand_over_answered(pairing, flow, take_oldest(pairing));
}

void pairing_reply_ended(struct pairing *pairing, const struct flow *flow)
{
	if (pairing->answering) {
		note_reply(pairing, pairing->unanswered);
		advance(pairing, flow);
	} else if (pairing->given_up > 0) {
		pairing->given_up--;
	} else {
		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
		pairing_refute(pairing, flow, EXCHANGE_CUT_BY_LOSS);
	}
}

void pairing_skip_silent(struct pairing *pairing, const struct flow *flow)
{
	pairing->unanswered->end_ns = flow->last_ns;
	advance(pairing, flow);
	pairing->answering = pairing->answering && pairing->unanswered != NULL;
}

/* ---- without replies ---- */

void pairing_end_inferred(struct pairing *pairing, const struct flow *flow)
{
	if (!pairing->answering || pairing->waiting != 1 || pairing->torn || !pairing_turns_tell(pairing))
		return;
	note_reply(pairing, pairing->unanswered);
	pairing->unanswered->flags |= EXCHANGE_END_INFERRED;
	advance(pairing, flow);
}

void pairing_prove(struct pairing *pairing, const struct flow *flow)
{
	while (pairing->unanswered != NULL && pairing->unanswered->answer == REQUEST_REPLY_OR_SILENCE)
		pairing_skip_silent(pairing, flow);
	if (pairing->oldest == NULL || pairing->unanswered != NULL)
		return;
	pairing->doubt = false;
	while (pairing->oldest != NULL)
		hand_over_answered(pairing, flow, take_oldest(pairing));
}

void pairing_refute(struct pairing *pairing, const struct flow *flow, enum exchange_end reason)
{
	while (pairing->oldest != pairing->unanswered) {
		struct request *request = take_oldest(pairing);

		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
		request->flags &= ~(uint32_t)(EXCHANGE_END_UNSEEN | EXCHANGE_END_INFERRED | EXCHANGE_RESPONSE_CUT);
		hand_over_unanswered(pairing, flow, request, reason);
	}
}

static void cut_oldest(struct pairing *pairing, const struct flow *flow, enum exchange_end reason)
{
	bool begun = pairing->answering && pairing->oldest == pairing->unanswered;
	struct request *request = take_oldest(pairing);

	if (begun)
		pairing->answering = false;
	if (!begun || pairing->doubt) {
		hand_over_unanswered(pairing, flow, request, reason);
		return;
	}
	note_reply(pairing, request);
	report(pairing, flow, request, reason, EXCHANGE_END_UNSEEN, request->end_ns);
	end_without_answer(pairing, flow, request);
}

/* Several of the same turn are requests whose replies between were lost, if the client sends one at a time. */
static bool is_old(const struct pairing *pairing, const struct request *request)
{
	bool alone = pairing->rules->one_at_a_time && !pairing->several;

	return request != pairing->newest && (alone || request->turn != pairing->newest->turn);
}

void pairing_cut_old(struct pairing *pairing, const struct flow *flow)
{
	pairing_refute(pairing, flow, EXCHANGE_CUT_BY_LOSS);
	while (pairing->oldest != NULL && is_old(pairing, pairing->oldest))
		cut_oldest(pairing, flow, EXCHANGE_CUT_BY_LOSS);
	if (pairing->oldest == NULL)
		pairing->given_up = 0;
}

void pairing_cut_all(struct pairing *pairing, const struct flow *flow, enum exchange_end reason)
{
	pairing_refute(pairing, flow, reason);
	while (pairing->oldest != NULL)
		cut_oldest(pairing, flow, reason);
	pairing->given_up = 0;
}
