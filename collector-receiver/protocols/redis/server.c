/* Follow the replies of a Redis connection. */
#include "counters.h"
#include "protocols/redis/redis.h"

static enum step lose_server(struct redis *redis, const struct flow *flow)
{
	struct redis_side *server = &redis->sides[FROM_SERVER];

	redis_pair_refute(redis, flow, EXCHANGE_CUT_BY_LOSS);
	redis->may_overlap = false;
	server->phase = REDIS_LOST;
	server->budget = flow->time_known;
	server->lost_turn = flow->turn;
	return STEP_LOST;
}

static enum step refuse_server(struct redis *redis, const struct flow *flow)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_LOSS);
	return lose_server(redis, flow);
}

static bool answers_sync(const struct redis *redis)
{
	return redis->answering && redis->unanswered->kind == REDIS_SYNC;
}

/* A replication stream follows: its commands have no replies. */
static enum step switch_to_replication(struct redis *redis, const struct flow *flow)
{
	redis_pair_reply(redis, flow);
	redis_request_destroy(flow, redis->receiving);
	redis->receiving = NULL;
	redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_SHUTDOWN);
	return STEP_OPAQUE;
}

static void reply_ended(struct redis *redis, const struct flow *flow)
{
	if (redis_reply_answers(redis))
		redis_pair_reply(redis, flow);
	redis->answering = false;
}

/* Whose reply is it? STEP_WAIT if its command must come first. */
static enum step reply_begins(struct redis *redis, const struct flow *flow, const struct cursor *in)
{
	if (redis->unanswered == NULL && redis->given_up == 0 && !redis_push_is_expected(redis, cursor_peek(in))) {
		if (flow->may_wait && !redis->replies_off)
			return STEP_WAIT;
		redis_client_queue_early(redis, flow);
	}
	redis->answering = redis->unanswered != NULL;
	redis->reply_first_ns = flow->first_ns;
	return STEP_TOOK;
}

static void note_bytes(struct redis *redis, const struct flow *flow)
{
	redis->reply_last_ns = flow->last_ns;
	redis->tail_unseen = false;
	redis->overlapping |= redis->may_overlap;
	redis->may_overlap = false;
}

enum step redis_server_next(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	if (redis->sides[FROM_SERVER].phase == REDIS_LOST)
		return STEP_LOST;
	if (redis->reply.values_left == 0) {
		if (reply_begins(redis, flow, in) == STEP_WAIT)
			return STEP_WAIT;
		if (answers_sync(redis) && cursor_peek(in) == '\n') {
			cursor_skip(in, 1); /* the server says that it is not dead yet */
			return STEP_TOOK;
		}
	}
	note_bytes(redis, flow);
	enum redis_reply_step step = redis_reply_take(&redis->reply, in);

	if (step != REDIS_REPLY_BROKEN && redis->reply.type != 0 && !redis->reply.failed && answers_sync(redis))
		return switch_to_replication(redis, flow);
	switch (step) {
	case REDIS_REPLY_ENDED:
		reply_ended(redis, flow);
		return STEP_TOOK;
	case REDIS_REPLY_GOES_ON:
		return STEP_TOOK;
	case REDIS_REPLY_MORE:
		return in->position > 0 ? STEP_TOOK : STEP_MORE;
	case REDIS_REPLY_BROKEN:
		break;
	}
	return refuse_server(redis, flow);
}

enum step redis_server_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	redis->tail_unseen = !flow->time_known;
	if (flow->time_known)
		redis->reply_last_ns = flow->last_ns;
	if (redis->sides[FROM_SERVER].phase == REDIS_LOST)
		return STEP_LOST;
	enum redis_reply_step step = REDIS_REPLY_BROKEN;

	if (unfinished.length == 0)
		step = redis_reply_hole(&redis->reply, &bytes);
	if (step == REDIS_REPLY_ENDED)
		reply_ended(redis, flow);
	if (step != REDIS_REPLY_BROKEN && bytes == 0)
		return STEP_TOOK;
	return lose_server(redis, flow);
}

/* Without a gap that nobody saw begin, and with a client that waits for its replies, turns tell which reply this is.
 * Else what waits of earlier turns is over, and the rest has to be proven. */
void redis_server_found_again(struct redis *redis, const struct flow *flow)
{
	struct redis_side *server = &redis->sides[FROM_SERVER];

	if (redis->overlapping || (server->budget && server->lost_turn == flow->turn)) {
		redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_LOSS);
		redis->doubt = true;
	} else if (!server->budget) {
		if (redis->newest != NULL)
			redis_pair_cut_before(redis, flow, redis->newest->turn);
		if (redis->answering) /* of the newest turn: how many of its replies are gone is not known */
			redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_LOSS);
		redis->doubt = true;
	}
	redis->answering = false;
	redis->reply.values_left = 0;
	server->phase = REDIS_IN_STEP;
}

void redis_server_ended(struct redis *redis, const struct flow *flow, bool clean)
{
	bool lost = redis->sides[FROM_SERVER].phase == REDIS_LOST;

	if (lost && clean)
		redis_pair_end_inferred(redis, flow);
	if (!lost && clean && redis->doubt)
		redis_pair_prove(redis, flow); /* no command followed, and by the final offsets none is missing */
	redis_pair_cut_all(redis, flow, lost ? EXCHANGE_CUT_BY_LOSS : EXCHANGE_CUT_BY_CLOSE);
}
