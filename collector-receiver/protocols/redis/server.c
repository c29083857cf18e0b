/* Follow the replies of a Redis connection. */
#include "protocols/redis/redis.h"

static bool answers_sync(const struct redis *redis)
{
	return redis->commands.pairing.answering && commands_unanswered(&redis->commands)->kind == REDIS_SYNC;
}

/* A replication stream follows: its commands have no replies. */
static enum step switch_to_replication(struct redis *redis, const struct flow *flow)
{
	pairing_reply_ended(&redis->commands.pairing, flow);
	commands_forget_receiving(&redis->commands, flow);
	pairing_cut_all(&redis->commands.pairing, flow, EXCHANGE_CUT_BY_SHUTDOWN);
	return STEP_OPAQUE;
}

static enum step reply_ended(struct redis *redis, const struct flow *flow)
{
	if (!redis_reply_answers(redis)) {
		pairing_reply_is_push(&redis->commands.pairing);
		return STEP_TOOK;
	}
	if (!redis->commands.pairing.answering)
		redis->replies_off = false; /* the command that turned them on again was not seen */
	pairing_reply_ended(&redis->commands.pairing, flow);
	return STEP_TOOK;
}

/* Whose reply is it? STEP_WAIT if its command must come first. */
static enum step reply_begins(struct redis *redis, const struct flow *flow, const struct cursor *in)
{
	if (!pairing_expects_reply(&redis->commands.pairing) && !redis_push_is_expected(redis, cursor_peek(in))) {
		if (flow->may_wait && !redis->replies_off)
			return STEP_WAIT;
		redis_client_wait_early(redis);
	}
	pairing_reply_begins(&redis->commands.pairing, flow);
	return STEP_TOOK;
}

enum step redis_server_next(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	size_t start = in->position;

	if (redis->commands.pairing.sides[FROM_SERVER].lost)
		return STEP_LOST;
	if (redis->reply.values_left == 0) {
		if (reply_begins(redis, flow, in) == STEP_WAIT)
			return STEP_WAIT;
		if (answers_sync(redis) && cursor_peek(in) == '\n') {
			cursor_skip(in, 1); /* the server says that it is not dead yet */
			return STEP_TOOK;
		}
	}
	pairing_reply_goes_on(&redis->commands.pairing, flow);
	enum redis_reply_step step = redis_reply_take(&redis->reply, in);

	if (step != REDIS_REPLY_BROKEN && redis->reply.type != 0 && !redis->reply.failed && answers_sync(redis))
		return switch_to_replication(redis, flow);
	switch (step) {
	case REDIS_REPLY_ENDED:
		return reply_ended(redis, flow);
	case REDIS_REPLY_GOES_ON:
		return STEP_TOOK;
	case REDIS_REPLY_MORE:
		return in->position > start ? STEP_TOOK : STEP_MORE;
	case REDIS_REPLY_BROKEN:
		break;
	}
	return pairing_refuse(&redis->commands.pairing, flow, FROM_SERVER);
}

enum step redis_server_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	enum redis_reply_step step = REDIS_REPLY_BROKEN;

	pairing_note_server_hole(&redis->commands.pairing, flow);
	if (redis->commands.pairing.sides[FROM_SERVER].lost)
		return STEP_LOST;
	if (unfinished.length == 0)
		step = redis_reply_hole(&redis->reply, &bytes);
	if (step == REDIS_REPLY_ENDED)
		reply_ended(redis, flow);
	if (step != REDIS_REPLY_BROKEN && bytes == 0)
		return STEP_TOOK;
	return pairing_lose(&redis->commands.pairing, flow, FROM_SERVER);
}
