/* Follow both senders of a Redis connection from message to message, and find the way back after losses.
 *
 * Commands wait in a queue, replies answer them in order. Where losses leave it open which command a reply belongs to,
 * the replies of one turn are kept with the commands of the turn before it, and are believed only if they are as many
 * when the client goes on (pair.c). */
#include "protocols/redis/redis.h"

#include "counters.h"

/* A connection begins with database 0; which one is selected on an older one is not known. */
static void redis_open(void *state, const bool lost[2])
{
	struct redis *redis = state;

	for (int from = 0; from < 2; from++)
		redis->sides[from].phase = lost[from] ? REDIS_LOST : REDIS_IN_STEP;
	redis->speaks_inline = lost[FROM_CLIENT];
	if (!lost[FROM_CLIENT] && !lost[FROM_SERVER]) {
		redis->database[0] = '0';
		redis->database_length = 1;
	}
}

static enum step redis_next(void *state, const struct flow *flow, enum sender from, struct cursor *in)
{
	return from == FROM_CLIENT ? redis_client_next(state, flow, in) : redis_server_next(state, flow, in);
}

static enum step redis_hole(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
			    uint64_t bytes)
{
	return from == FROM_CLIENT ? redis_client_hole(state, flow, unfinished, bytes)
				   : redis_server_hole(state, flow, unfinished, bytes);
}

static enum match redis_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			       bool more_may_come)
{
	struct redis *redis = state;
	enum match match = from == FROM_CLIENT ? redis_recognise_command(bytes, more_may_come, true)
					       : redis_recognise_reply(bytes, more_may_come);

	if (from == FROM_CLIENT && match == MATCH_NO && redis->speaks_inline && redis_is_inline_command(bytes))
		match = MATCH_FROM_CLIENT;
	if (match == MATCH_FROM_CLIENT)
		redis_client_found_again(redis, flow);
	if (match == MATCH_FROM_SERVER)
		redis_server_found_again(redis, flow);
	if (from == FROM_SERVER && match == MATCH_NO) {
		/* taken for the tail of the reply that was lost in its middle */
		redis->reply_last_ns = flow->last_ns;
		redis->tail_unseen = false;
	}
	return match;
}

static void redis_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	struct redis *redis = state;

	if (from == FROM_SERVER)
		redis_server_ended(redis, flow, clean);
	else if (unfinished.length > 0 || redis->words > 0)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void redis_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	struct redis *redis = state;

	redis_request_destroy(flow, redis->receiving);
	redis->receiving = NULL;
	redis_pair_cut_all(redis, flow, reason);
}

const struct protocol redis_protocol = {
	.name = "redis",
	.state_bytes = sizeof(struct redis),
	.unit_bytes_max = REDIS_LINE_BYTES_MAX,
	.recognise = redis_recognise,
	.open = redis_open,
	.next = redis_next,
	.resync = redis_resync,
	.hole = redis_hole,
	.end = redis_end,
	.close = redis_close,
};
