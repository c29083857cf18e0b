/* Put commands and replies together: replies come in the order of the commands. */
#include <assert.h>

#include "counters.h"
#include "protocols/redis/redis.h"

/* A client that does not wait for replies has certainly got all of them after such a pause. */
static const uint64_t quiet_ns = 10 * 1000 * 1000;

/* ---- handing over ---- */

static void fill(struct database_exchange *db, const struct redis *redis, const struct redis_request *request)
{
	*db = (struct database_exchange){
		.system = DATABASE_REDIS,
		.language = DATABASE_COMMAND,
		.query_text = {request->text, request->text_length},
		.operations = 1,
		.arguments = request->arguments,
		.failed = request->failed,
		.returned_rows = -1,
	};
	if (redis->database_length > 0)
		db->name_space = (struct slice){redis->database, redis->database_length};
	if (request->operation_length > 0)
		db->operation = (struct slice){request->text, request->operation_length};
	if (request->code_length > 0)
		db->status_code = (struct slice){request->code, request->code_length};
	if (request->kind == REDIS_SCRIPT)
		db->stored_procedure = redis_request_word(request, 1);
}

static void report(const struct redis *redis, const struct flow *flow, const struct redis_request *request,
		   enum exchange_end end, uint32_t flags, uint64_t end_ns)
{
	struct exchange exchange;

	exchange.process = flow->process;
	exchange.endpoints = flow->endpoints;
	exchange.connection_id = flow->connection_id;
	exchange.start_ns = request->start_ns;
	exchange.end_ns = end_ns > request->start_ns ? end_ns : request->start_ns;
	exchange.role = flow->role;
	exchange.end = end;
	exchange.flags = request->flags | flags;
	exchange.traceparent = exchange.tracestate = (struct slice){0};
	exchange.protocol = EXCHANGE_DATABASE;
	fill(&exchange.database, redis, request);
	counter_add(exchange.flags & (EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN) ? COUNTER_EXCHANGES_INCOMPLETE
										       : COUNTER_EXCHANGES, 1);
	flow->sink->take(flow->sink->context, &exchange);
}

/* How long nobody answered is known if it was the close that ended the waiting, which is how SHUTDOWN succeeds. */
static void hand_over_unanswered(struct redis *redis, const struct flow *flow, struct redis_request *request,
				 enum exchange_end reason)
{
	request->failed = false;
	request->code_length = 0;
	if (request->kind == REDIS_SHUTDOWN && reason == EXCHANGE_CUT_BY_CLOSE)
		report(redis, flow, request, EXCHANGE_ENDED_BY_CLOSE, 0, flow->last_ns);
	else
		report(redis, flow, request, reason, EXCHANGE_RESPONSE_UNSEEN | EXCHANGE_END_UNSEEN,
		       reason == EXCHANGE_CUT_BY_CLOSE ? flow->last_ns : 0);
	redis_note_unanswered(redis, request);
	redis_request_destroy(flow, request);
}

/* It ran on the database that was selected before it. */
static void hand_over_answered(struct redis *redis, const struct flow *flow, struct redis_request *request)
{
	report(redis, flow, request, EXCHANGE_ENDED_BY_MESSAGE, 0, request->end_ns);
	redis_note_answer(redis, request);
	redis_request_destroy(flow, request);
}

/* ---- commands ---- */

bool redis_pair_has_room(const struct redis *redis)
{
	if (redis->outstanding < REDIS_OUTSTANDING_MAX && redis->given_up == 0)
		return true;
	counter_add(COUNTER_PIPELINE_FULL, 1);
	return false;
}

void redis_pair_request(struct redis *redis, const struct flow *flow)
{
	struct redis_request *request = redis->receiving;

	(void)flow;
	redis->receiving = NULL;
	if (request == NULL) {
		redis->given_up += !redis->replies_off;
		return;
	}
	if (redis->newest == NULL)
		redis->oldest = request;
	else
		redis->newest->next = request;
	redis->newest = request;
	if (redis->unanswered == NULL)
		redis->unanswered = request;
	redis->outstanding++;
}

void redis_pair_one_way(struct redis *redis, const struct flow *flow)
{
	report(redis, flow, redis->receiving, EXCHANGE_ENDED_BY_MESSAGE, 0, flow->last_ns);
	redis_note_unanswered(redis, redis->receiving);
	redis_request_destroy(flow, redis->receiving);
	redis->receiving = NULL;
}

/* ---- replies ---- */

static struct redis_request *take_oldest(struct redis *redis)
{
	struct redis_request *request = redis->oldest;

	assert(request != NULL && redis->outstanding > 0);
	redis->oldest = request->next;
	if (redis->unanswered == request)
		redis->unanswered = request->next;
	if (redis->oldest == NULL)
		redis->newest = NULL;
	redis->outstanding--;
	return request;
}

/* What the reply says so far. */
static void note_reply(const struct redis *redis, struct redis_request *request)
{
	const struct redis_reply *reply = &redis->reply;
	struct slice word = {reply->word, reply->word_length};

	request->end_ns = redis->reply_last_ns;
	request->failed = reply->failed || (reply->failed_within && request->kind == REDIS_EXEC);
	if (request->failed) {
		memcpy(request->code, reply->code, reply->code_length);
		request->code_length = reply->code_length;
	}
	request->queued = reply->type == '+' && slice_equal(word, SLICE_LITERAL("QUEUED"));
	request->empty = reply->elements == 0;
	request->flags |= redis->tail_unseen ? EXCHANGE_END_UNSEEN : 0;
	if (request->start_ns > redis->reply_first_ns) /* a client's send may be recorded after the receipt of the answer */
		request->start_ns = redis->reply_first_ns;
}

static void pair_unmatched(struct redis *redis, const struct flow *flow)
{
	if (redis->given_up > 0) {
		redis->given_up--;
		return;
	}
	redis->replies_off = false; /* the command that turned them on again was not seen */
	counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
	redis_pair_refute(redis, flow, EXCHANGE_CUT_BY_LOSS);
}

void redis_pair_reply(struct redis *redis, const struct flow *flow)
{
	struct redis_request *request = redis->unanswered;

	if (!redis->answering) {
		pair_unmatched(redis, flow);
		return;
	}
	redis->answering = false;
	note_reply(redis, request);
	redis->unanswered = request->next;
	if (!redis->doubt)
		hand_over_answered(redis, flow, take_oldest(redis));
}

void redis_pair_end_inferred(struct redis *redis, const struct flow *flow)
{
	struct redis_request *request = redis->unanswered;

	if (!redis->answering || redis->outstanding != 1 || redis->overlapping)
		return;
	redis->answering = false;
	note_reply(redis, request);
	request->flags |= EXCHANGE_END_INFERRED;
	hand_over_answered(redis, flow, take_oldest(redis));
}

/* ---- losses ---- */

void redis_pair_prove(struct redis *redis, const struct flow *flow)
{
	if (redis->oldest == NULL || redis->unanswered != NULL)
		return;
	redis->doubt = false;
	while (redis->oldest != NULL)
		hand_over_answered(redis, flow, take_oldest(redis));
}

void redis_pair_refute(struct redis *redis, const struct flow *flow, enum exchange_end reason)
{
	while (redis->oldest != redis->unanswered) {
		struct redis_request *request = take_oldest(redis);

		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
		request->flags &= ~(uint32_t)EXCHANGE_END_UNSEEN;
		hand_over_unanswered(redis, flow, request, reason);
	}
}

static void cut_oldest(struct redis *redis, const struct flow *flow, enum exchange_end reason)
{
	bool begun = redis->answering && redis->oldest == redis->unanswered;
	struct redis_request *request = take_oldest(redis);

	if (!begun) {
		hand_over_unanswered(redis, flow, request, reason);
		return;
	}
	redis->answering = false;
	note_reply(redis, request);
	report(redis, flow, request, reason, EXCHANGE_END_UNSEEN, request->end_ns);
	redis_note_unanswered(redis, request);
	redis_request_destroy(flow, request);
}

void redis_pair_cut_before(struct redis *redis, const struct flow *flow, uint32_t turn)
{
	redis_pair_refute(redis, flow, EXCHANGE_CUT_BY_LOSS);
	while (redis->oldest != NULL && redis->oldest->turn != turn)
		cut_oldest(redis, flow, EXCHANGE_CUT_BY_LOSS);
	if (redis->oldest == NULL)
		redis->given_up = 0;
}

void redis_pair_cut_all(struct redis *redis, const struct flow *flow, enum exchange_end reason)
{
	redis_pair_refute(redis, flow, reason);
	while (redis->oldest != NULL)
		cut_oldest(redis, flow, reason);
	redis->given_up = 0;
}

/* The client goes on: were there as many replies as commands? */
static void settle_doubt(struct redis *redis, const struct flow *flow)
{
	bool paused = flow->first_ns > redis->reply_last_ns && flow->first_ns - redis->reply_last_ns >= quiet_ns;

	if (!redis->overlapping || paused)
		redis_pair_prove(redis, flow);
	redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_LOSS);
}

void redis_pair_begins(struct redis *redis, const struct flow *flow)
{
	if (flow->turn == redis->client_turn)
		return;
	redis->client_turn = flow->turn;
	if (redis->sides[FROM_SERVER].phase == REDIS_LOST) {
		redis_pair_end_inferred(redis, flow);
		redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_LOSS);
	} else if (redis->doubt) {
		settle_doubt(redis, flow);
	} else if (redis->unanswered != NULL) {
		redis->may_overlap = true;
	}
}
