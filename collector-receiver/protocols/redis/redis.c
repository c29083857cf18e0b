/* Follow both senders of a Redis connection from message to message, and find the way back after losses. */
#include "protocols/redis/redis.h"

#include "counters.h"

/* A connection begins with database 0; which one is selected on an older one is not known. */
static void redis_open(void *state, const bool lost[2])
{
	struct redis *redis = state;

	pairing_open(&redis->commands.pairing, &redis_rules, lost);
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

static enum match find_command(struct redis *redis, const struct flow *flow, struct slice bytes, bool more_may_come)
{
	enum match match = redis_recognise_command(bytes, more_may_come, true);

	if (match == MATCH_NO && redis->speaks_inline && redis_is_inline_command(bytes))
		match = MATCH_FROM_CLIENT;
	if (match == MATCH_FROM_CLIENT)
		pairing_client_found(&redis->commands.pairing, flow);
	return match;
}

static enum match find_reply(struct redis *redis, const struct flow *flow, struct slice bytes, bool more_may_come)
{
	enum match match = redis_recognise_reply(bytes, more_may_come);

	if (match == MATCH_FROM_SERVER) {
		pairing_server_found(&redis->commands.pairing, flow); /* may report what the old reply said so far */
		redis->reply = (struct redis_reply){0};
	}
	if (match == MATCH_NO)
		pairing_server_not_found(&redis->commands.pairing, flow);
	return match;
}

static enum match redis_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			       bool more_may_come)
{
	return from == FROM_CLIENT ? find_command(state, flow, bytes, more_may_come)
				   : find_reply(state, flow, bytes, more_may_come);
}

static void redis_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	struct redis *redis = state;

	if (from == FROM_SERVER)
		pairing_server_ended(&redis->commands.pairing, flow, clean);
	else if (unfinished.length > 0 || redis->words > 0)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void redis_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	struct redis *redis = state;

	commands_forget_receiving(&redis->commands, flow);
	pairing_cut_all(&redis->commands.pairing, flow, reason);
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
