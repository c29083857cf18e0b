/* Follow the commands of a Redis connection. */
#include <strings.h>

#include "counters.h"
#include "protocols/redis/redis.h"

/* What passes unseen may select another database. */
static void forget_place(struct redis *redis, const struct flow *flow)
{
	commands_forget_receiving(&redis->commands, flow);
	redis->words = 0;
	redis->bulk_left = 0;
	redis->waits_early = false;
	redis_forget_database(redis);
}

static enum step lose_client(struct redis *redis, const struct flow *flow)
{
	forget_place(redis, flow);
	return pairing_lose(&redis->commands.pairing, flow, FROM_CLIENT);
}

static enum step refuse_client(struct redis *redis, const struct flow *flow)
{
	forget_place(redis, flow);
	return pairing_refuse(&redis->commands.pairing, flow, FROM_CLIENT);
}

/* ---- whole commands ---- */

/* Find out what it is. `words`: how many it has in all. */
static void classify(struct command *command, uint32_t words)
{
	struct slice name = command_word(command, 0), second = command_word(command, 1);

	command->arguments = words - 1;
	if (!redis_name_is_plausible(name))
		return;
	command->kind = (uint8_t)redis_command_kind(name);
	command->operation_length = (uint8_t)name.length;
	if ((command->kind == REDIS_CONTAINER || command->kind == REDIS_CLIENT) && redis_name_is_plausible(second)) {
		command->operation_length = (uint8_t)(name.length + 1 + second.length);
		command->arguments--;
	}
	if (command->kind == REDIS_SUBSCRIBE)
		command->number = command->arguments > 0 ? command->arguments : 1;
	if (command->kind == REDIS_SHUTDOWN)
		command->request.answer = REQUEST_REPLY_OR_CLOSE;
}

/* Only a replica on an established link says so: what comes the other way are commands without replies. */
static bool is_replication(const struct command *command)
{
	struct slice what = command_word(command, 1);

	return command->kind == REDIS_REPLICATION_STATE && what.length == 3 && strncasecmp(what.bytes, "ack", 3) == 0;
}

enum step redis_command_ended(struct redis *redis, const struct flow *flow, uint32_t words)
{
	struct command *command = redis->commands.receiving;
	bool waits_early = redis->waits_early, is_inline = redis->words == 0;

	redis->words = 0;
	redis->waits_early = false;
	if (waits_early)
		return STEP_TOOK;
	if (command != NULL) {
		classify(command, words);
		if (is_inline && command->kind == REDIS_UNKNOWN)
			command->operation_length = 0; /* any line of text could be one */
		if (is_replication(command)) {
			commands_forget_receiving(&redis->commands, flow);
			pairing_cut_all(&redis->commands.pairing, flow, EXCHANGE_CUT_BY_SHUTDOWN);
			return STEP_OPAQUE;
		}
		if (!redis_reply_will_come(redis, command)) {
			commands_report_one_way(&redis->commands, flow);
			return STEP_TOOK;
		}
	} else {
		redis_forget_database(redis); /* it may select another one */
	}
	if (command != NULL || !redis->replies_off)
		commands_wait(&redis->commands);
	return STEP_TOOK;
}

void redis_client_wait_early(struct redis *redis)
{
	struct command *command = redis->commands.receiving;

	if (redis->words == 0 || redis->waits_early)
		return;
	if (command != NULL) {
		command_cut(command);
		classify(command, redis->words);
	}
	commands_wait(&redis->commands);
	redis->waits_early = true;
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
	commands_begin(&redis->commands, flow);
	redis->words = redis->words_left = (uint32_t)words;
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
	command_word_begins(flow, &redis->commands.receiving);
	return REDIS_PARSED;
}

static void word_ended(struct redis *redis)
{
	command_word_ended(redis->commands.receiving);
	redis->words_left--;
}

static bool take_word(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	if (redis->bulk_left > 2) {
		const char *bytes = cursor_rest(in).bytes;
		size_t n = cursor_skip(in, redis->bulk_left - 2);

		command_add(flow, &redis->commands.receiving, bytes, n);
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

/* `start`: where the cursor was when these bytes were offered. */
static enum step take_words(struct redis *redis, const struct flow *flow, struct cursor *in, size_t start)
{
	while (redis->words_left > 0 && cursor_left(in) > 0) {
		if (redis->bulk_left > 0) {
			if (!take_word(redis, flow, in))
				return refuse_client(redis, flow);
			continue;
		}
		switch (begin_word(redis, flow, in)) {
		case REDIS_PARSE_MORE:
			return in->position > start ? STEP_TOOK : STEP_MORE;
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

	return step == STEP_LOST ? refuse_client(redis, flow) : step;
}

enum step redis_client_next(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	size_t start = in->position;

	if (redis->commands.pairing.sides[FROM_CLIENT].lost)
		return STEP_LOST;
	if (redis->words == 0) {
		if (cursor_peek(in) != '*')
			return take_inline(redis, flow, in);
		enum step step = begin_command(redis, flow, in);

		if (step != STEP_TOOK || redis->words == 0)
			return step;
	}
	return take_words(redis, flow, in, start);
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

	if (step > 0 && redis->bulk_left > 2)
		command_cut(redis->commands.receiving);
	*bytes -= step;
	redis->bulk_left -= step;
	if (step > 0 && redis->bulk_left == 0)
		word_ended(redis);
}

/* The rest of the command passes unseen. Without a name it tells nothing. */
static void cut_command(struct redis *redis, const struct flow *flow)
{
	struct command *command = redis->commands.receiving;

	command_cut(command);
	if (command != NULL && command->words == 0) {
		commands_forget_receiving(&redis->commands, flow);
		counter_add(COUNTER_PARSER_HOLES, 1);
	}
	redis_command_ended(redis, flow, redis->words);
}

enum step redis_client_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	if (redis->commands.pairing.sides[FROM_CLIENT].lost)
		return STEP_LOST;
	if (bytes == 0 && redis->words == 0 && take_kept(redis, flow, unfinished))
		return STEP_TOOK;
	if (redis->commands.pairing.sides[FROM_CLIENT].lost)
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
