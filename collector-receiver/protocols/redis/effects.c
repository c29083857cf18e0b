/* What commands and replies do to the connection: subscriptions, MONITOR, the selected database, silent replies. */
#include <strings.h>

#include "protocols/redis/redis.h"

static bool says(struct slice word, const char *text)
{
	return word.length == strlen(text) && strncasecmp(word.bytes, text, word.length) == 0;
}

static bool word_is_one_of(const struct redis_reply *reply, const char *const words[])
{
	struct slice word = {reply->word, reply->word_length};

	for (size_t i = 0; words[i] != NULL; i++) {
		if (slice_equal(word, (struct slice){words[i], strlen(words[i])}))
			return true;
	}
	return false;
}

/* ---- what is no answer ---- */

/* In RESP2 these are arrays as any other: only a subscriber gets them. */
static bool may_be_push(const struct redis *redis, bool asked)
{
	bool subscribed = redis->subscribed || redis->shard_subscribed;

	return redis->reply.type == '>' ||
	       (redis->reply.type == '*' && (subscribed || asked || redis->commands.pairing.unanswered == NULL));
}

static bool is_confirmation(const struct redis *redis, bool asked)
{
	static const char *const words[] = {"subscribe",    "unsubscribe", "psubscribe",   "punsubscribe",
					    "ssubscribe", "sunsubscribe", NULL};

	return may_be_push(redis, asked) && word_is_one_of(&redis->reply, words);
}

static bool is_message(const struct redis *redis)
{
	static const char *const words[] = {"message", "pmessage", "smessage", NULL};

	return redis->reply.type == '>' || (may_be_push(redis, false) && word_is_one_of(&redis->reply, words));
}

/* "+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"" */
static bool is_monitor_line(const struct redis *redis)
{
	const struct redis_reply *reply = &redis->reply;

	return (redis->monitoring || redis->commands.pairing.unanswered == NULL) && reply->type == '+' &&
	       reply->word_length > 0 && reply->word[0] >= '0' && reply->word[0] <= '9';
}

static void note_subscription(struct redis *redis)
{
	bool shard = memcmp(redis->reply.word, "ssub", 4) == 0 || memcmp(redis->reply.word, "suns", 4) == 0;

	*(shard ? &redis->shard_subscribed : &redis->subscribed) = redis->reply.number > 0;
}

bool redis_reply_answers(struct redis *redis)
{
	struct command *waiting = commands_unanswered(&redis->commands);
	bool asked = waiting != NULL && waiting->kind == REDIS_SUBSCRIBE;

	if (is_confirmation(redis, asked)) {
		note_subscription(redis);
		return asked && --waiting->number == 0;
	}
	return !is_message(redis) && !is_monitor_line(redis);
}

bool redis_push_is_expected(const struct redis *redis, int first_byte)
{
	return first_byte == '>' || (first_byte == '*' && (redis->subscribed || redis->shard_subscribed)) ||
	       (first_byte == '+' && redis->monitoring);
}

/* ---- what a command changes ---- */

static void copy_database(char *to, uint8_t *length, struct slice index)
{
	*length = 0;
	if (index.length == 0 || index.length > REDIS_DATABASE_BYTES_MAX)
		return;
	for (size_t i = 0; i < index.length; i++) {
		if (index.bytes[i] < '0' || index.bytes[i] > '9')
			return;
	}
	memcpy(to, index.bytes, index.length);
	*length = (uint8_t)index.length;
}

static void note_select(struct redis *redis, const struct command *command)
{
	struct slice index = command_word(command, 1);

	if (command->note & REDIS_QUEUED)
		copy_database(redis->queued_database, &redis->queued_database_length, index);
	else
		copy_database(redis->database, &redis->database_length, index);
}

static void note_exec(struct redis *redis, const struct command *command)
{
	struct slice index = {redis->queued_database, redis->queued_database_length};

	if (index.length > 0 && (command->note & REDIS_NO_ELEMENTS) == 0)
		copy_database(redis->database, &redis->database_length, index);
	redis->queued_database_length = 0;
}

static void answered(struct pairing *pairing, const struct flow *flow, const struct request *request)
{
	const struct command *command = (const struct command *)request;
	struct redis *redis = (struct redis *)pairing;

	(void)flow;
	if (command->kind == REDIS_EXEC)
		note_exec(redis, command);
	if (command->failed)
		return;
	switch ((enum redis_kind)command->kind) {
	case REDIS_SELECT:
		note_select(redis, command);
		break;
	case REDIS_DISCARD:
		redis->queued_database_length = 0;
		break;
	case REDIS_RESET:
		copy_database(redis->database, &redis->database_length, SLICE_LITERAL("0"));
		redis->queued_database_length = 0;
		redis->subscribed = redis->shard_subscribed = redis->monitoring = false;
		break;
	case REDIS_MONITOR:
		redis->monitoring = true;
		break;
	default:
		break;
	}
	if (pairing->given_up > 0) /* later ones, which may select another one */
		redis_forget_database(redis);
}

static void unanswered(struct pairing *pairing, const struct request *request)
{
	const struct command *command = (const struct command *)request;
	struct redis *redis = (struct redis *)pairing;

	if (command->kind == REDIS_SELECT || command->kind == REDIS_RESET ||
	    (command->kind == REDIS_EXEC && redis->queued_database_length > 0))
		redis_forget_database(redis);
}

void redis_forget_database(struct redis *redis)
{
	redis->database_length = redis->queued_database_length = 0;
}

bool redis_reply_will_come(struct redis *redis, const struct command *command)
{
	bool will_come = !redis->replies_off && !redis->reply_skipped;
	struct slice how = command_word(command, 2);

	redis->reply_skipped = false;
	if (command->kind != REDIS_CLIENT || !says(command_word(command, 1), "reply"))
		return will_come;
	if (says(how, "on") || says(how, "off")) {
		redis->replies_off = says(how, "off");
		return !redis->replies_off;
	}
	redis->reply_skipped = says(how, "skip");
	return will_come && !redis->reply_skipped;
}

/* ---- what is told about a command ---- */

static void note_reply(const struct pairing *pairing, struct request *request)
{
	const struct redis_reply *reply = &((const struct redis *)pairing)->reply;
	struct command *command = (struct command *)request;
	struct slice word = {reply->word, reply->word_length};

	command->failed = reply->failed || (reply->failed_within && command->kind == REDIS_EXEC);
	if (reply->type == 0 || (command->kind == REDIS_EXEC && reply->values_left > 0))
		request->flags |= EXCHANGE_RESPONSE_CUT;
	if (command->failed) {
		memcpy(command->code, reply->code, reply->code_length);
		command->code_length = reply->code_length;
	}
	command->note = reply->elements == 0 ? REDIS_NO_ELEMENTS : 0;
	if (reply->type == '+' && slice_equal(word, SLICE_LITERAL("QUEUED")))
		command->note |= REDIS_QUEUED;
}

static bool describe(const struct pairing *pairing, const struct request *request, struct exchange *to)
{
	const struct command *command = (const struct command *)request;
	const struct redis *redis = (const struct redis *)pairing;

	command_describe(command, DATABASE_REDIS, to);
	if (redis->database_length > 0)
		to->database.name_space = (struct slice){redis->database, redis->database_length};
	if (command->kind == REDIS_SCRIPT)
		to->database.stored_procedure = command_word(command, 1);
	return true;
}

const struct pairing_rules redis_rules = {
	.waiting_max = COMMANDS_WAITING_MAX,
	.note_reply = note_reply,
	.describe = describe,
	.answered = answered,
	.unanswered = unanswered,
};
