/* Follow the commands of a Redis connection. */
#include <strings.h>

#include "counters.h"
#include "protocols/redis/redis.h"

/* Commands that are not seen have their replies between those of others, and may select another database. */
static enum step lose_client(struct redis *redis, const struct flow *flow)
{
	struct redis_side *client = &redis->sides[FROM_CLIENT];

	redis_request_destroy(flow, redis->receiving);
	redis->receiving = NULL;
	redis->words = 0;
	redis->bulk_left = 0;
	redis->queued_early = false;
	redis->database_length = redis->queued_database_length = 0;
	redis_pair_refute(redis, flow, EXCHANGE_CUT_BY_LOSS);
	client->phase = REDIS_LOST;
	client->budget = flow->time_known;
	client->lost_turn = flow->turn;
	return STEP_LOST;
}

static enum step refuse_client(struct redis *redis, const struct flow *flow)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	return lose_client(redis, flow);
}

/* ---- whole commands ---- */

/* Only a replica on an established link says so: what comes the other way are commands without replies. */
static bool is_replication(const struct redis_request *request)
{
	struct slice what = redis_request_word(request, 1);

	return request->kind == REDIS_REPLICATION_STATE && what.length == 3 && strncasecmp(what.bytes, "ack", 3) == 0;
}

enum step redis_command_ended(struct redis *redis, const struct flow *flow, uint32_t words)
{
	redis->words = 0;
	if (redis->queued_early) {
		redis->queued_early = false;
		return STEP_TOOK;
	}
	if (redis->receiving != NULL) {
		redis_request_complete(redis->receiving, words);
		if (is_replication(redis->receiving)) {
			redis_request_destroy(flow, redis->receiving);
			redis->receiving = NULL;
			redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_SHUTDOWN);
			return STEP_OPAQUE;
		}
		if (!redis_reply_will_come(redis, redis->receiving)) {
			redis_pair_one_way(redis, flow);
			return STEP_TOOK;
		}
	}
	redis_pair_request(redis, flow);
	return STEP_TOOK;
}

void redis_client_queue_early(struct redis *redis, const struct flow *flow)
{
	if (redis->words == 0 || redis->queued_early)
		return;
	if (redis->receiving != NULL) {
		redis->receiving->flags |= EXCHANGE_REQUEST_CUT;
		redis_request_complete(redis->receiving, redis->words);
	}
	redis_pair_request(redis, flow);
	redis->queued_early = true;
}

/* ---- RESP ---- */

static enum step begin_command(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	int64_t words;

	switch (redis_parse_number(in, &words)) {
	case REDIS_PARSE_MORE:
		return STEP_MORE;
	case REDIS_PARSE_MALFORMED:
		return refuse_client(redis, flow);
	case REDIS_PARSED:
		break;
	}
	if (words > REDIS_ARGUMENTS_MAX)
		return refuse_client(redis, flow);
	if (words <= 0)
		return STEP_TOOK; /* the server passes over it */
	redis_pair_begins(redis, flow);
	redis->words = redis->words_left = (uint32_t)words;
	redis->receiving = redis_pair_has_room(redis) ? redis_request_create(flow) : NULL;
	return STEP_TOOK;
}

static enum redis_parse begin_word(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	int64_t length;

	if (cursor_peek(in) != '$')
		return REDIS_PARSE_MALFORMED;
	enum redis_parse parse = redis_parse_number(in, &length);

	if (parse != REDIS_PARSED)
		return parse;
	if (length < 0)
		return REDIS_PARSE_MALFORMED;
	redis->bulk_left = (uint64_t)length + 2;
	redis_request_word_begins(flow, &redis->receiving);
	return REDIS_PARSED;
}

static void word_ended(struct redis *redis)
{
	redis_request_word_ended(redis->receiving);
	redis->words_left--;
}

static bool take_word(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	if (redis->bulk_left > 2) {
		const char *bytes = cursor_rest(in).bytes;
		size_t n = cursor_skip(in, redis->bulk_left - 2);

		redis_request_add(flow, &redis->receiving, bytes, n);
		redis->bulk_left -= n;
		return true;
	}
	if (cursor_peek(in) != (redis->bulk_left == 2 ? '\r' : '\n'))
		return false;
	cursor_skip(in, 1);
	if (--redis->bulk_left == 0)
		word_ended(redis);
	return true;
}

static enum step take_words(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	while (redis->words_left > 0 && cursor_left(in) > 0) {
		if (redis->bulk_left > 0) {
			if (!take_word(redis, flow, in))
				return refuse_client(redis, flow);
			continue;
		}
		switch (begin_word(redis, flow, in)) {
		case REDIS_PARSE_MORE:
			return in->position > 0 ? STEP_TOOK : STEP_MORE;
		case REDIS_PARSE_MALFORMED:
			return refuse_client(redis, flow);
		case REDIS_PARSED:
			break;
		}
	}
	return redis->words_left == 0 ? redis_command_ended(redis, flow, redis->words) : STEP_TOOK;
}

static enum step take_inline(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	enum step step = redis_inline_next(redis, flow, in);

	return step == STEP_LOST ? lose_client(redis, flow) : step;
}

enum step redis_client_next(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	if (redis->sides[FROM_CLIENT].phase == REDIS_LOST)
		return STEP_LOST;
	if (redis->words == 0) {
		if (cursor_peek(in) != '*')
			return take_inline(redis, flow, in);
		enum step step = begin_command(redis, flow, in);

		if (step != STEP_TOOK || redis->words == 0)
			return step;
	}
	return take_words(redis, flow, in);
}

/* ---- holes ---- */

/* A command was kept because the server's answer had to say first what it is. */
static bool take_kept(struct redis *redis, const struct flow *flow, struct slice unfinished)
{
	struct cursor in = cursor_over(unfinished.bytes, unfinished.length);

	while (cursor_left(&in) > 0) {
		if (redis_client_next(redis, flow, &in) != STEP_TOOK)
			return false;
	}
	return true;
}

static void step_over_word(struct redis *redis, uint64_t *bytes)
{
	uint64_t step = *bytes < redis->bulk_left ? *bytes : redis->bulk_left;

	if (step > 0 && redis->bulk_left > 2 && redis->receiving != NULL)
		redis->receiving->flags |= EXCHANGE_REQUEST_CUT;
	*bytes -= step;
	redis->bulk_left -= step;
	if (step > 0 && redis->bulk_left == 0)
		word_ended(redis);
}

/* The rest of the command passes unseen. Without a name it tells nothing. */
static void cut_command(struct redis *redis, const struct flow *flow)
{
	if (redis->receiving != NULL && !redis->queued_early) {
		redis->receiving->flags |= EXCHANGE_REQUEST_CUT;
		if (redis->receiving->words == 0) {
			redis_request_destroy(flow, redis->receiving);
			redis->receiving = NULL;
			counter_add(COUNTER_PARSER_HOLES, 1);
		}
	}
	redis_command_ended(redis, flow, redis->words);
}

enum step redis_client_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	if (redis->sides[FROM_CLIENT].phase == REDIS_LOST)
		return STEP_LOST;
	if (bytes == 0 && redis->words == 0 && take_kept(redis, flow, unfinished))
		return STEP_TOOK;
	if (redis->sides[FROM_CLIENT].phase == REDIS_LOST)
		return STEP_LOST;
	if (redis->words > 0 && unfinished.length == 0) {
		step_over_word(redis, &bytes);
		if (redis->words_left == 0)
			redis_command_ended(redis, flow, redis->words);
		if (bytes == 0)
			return STEP_TOOK;
	}
	if (redis->words > 0)
		cut_command(redis, flow);
	else
		counter_add(COUNTER_PARSER_HOLES, 1);
	return lose_client(redis, flow);
}

void redis_client_found_again(struct redis *redis, const struct flow *flow)
{
	struct redis_side *client = &redis->sides[FROM_CLIENT];
	bool turns_tell = client->budget && client->lost_turn != flow->turn && !redis->overlapping;

	redis_pair_cut_all(redis, flow, EXCHANGE_CUT_BY_LOSS);
	redis->doubt = !turns_tell;
	client->phase = REDIS_IN_STEP;
}
