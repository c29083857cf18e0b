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
	       (redis->reply.type == '*' && (subscribed || asked || redis->unanswered == NULL));
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

	return (redis->monitoring || redis->unanswered == NULL) && reply->type == '+' && reply->word_length > 0 &&
	       reply->word[0] >= '0' && reply->word[0] <= '9';
}

static void note_subscription(struct redis *redis)
{
	bool shard = memcmp(redis->reply.word, "ssub", 4) == 0 || memcmp(redis->reply.word, "suns", 4) == 0;

	*(shard ? &redis->shard_subscribed : &redis->subscribed) = redis->reply.number > 0;
}

bool redis_reply_answers(struct redis *redis)
{
	struct redis_request *waiting = redis->unanswered;
	bool asked = waiting != NULL && waiting->kind == REDIS_SUBSCRIBE;

	if (is_confirmation(redis, asked)) {
		note_subscription(redis);
		return asked && --waiting->confirmations == 0;
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

static void note_select(struct redis *redis, const struct redis_request *request)
{
	struct slice index = redis_request_word(request, 1);

	if (request->queued)
		copy_database(redis->queued_database, &redis->queued_database_length, index);
	else
		copy_database(redis->database, &redis->database_length, index);
}

static void note_exec(struct redis *redis, const struct redis_request *request)
{
	struct slice index = {redis->queued_database, redis->queued_database_length};

	if (index.length > 0 && !request->empty)
		copy_database(redis->database, &redis->database_length, index);
	redis->queued_database_length = 0;
}

void redis_note_answer(struct redis *redis, const struct redis_request *request)
{
	if (request->kind == REDIS_EXEC)
		note_exec(redis, request);
	if (request->failed)
		return;
	switch ((enum redis_kind)request->kind) {
	case REDIS_SELECT:
		note_select(redis, request);
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
}

void redis_note_unanswered(struct redis *redis, const struct redis_request *request)
{
	if (request->kind == REDIS_SELECT || request->kind == REDIS_RESET ||
	    (request->kind == REDIS_EXEC && redis->queued_database_length > 0)) {
		redis->database_length = 0;
		redis->queued_database_length = 0;
	}
}

bool redis_reply_will_come(struct redis *redis, const struct redis_request *request)
{
	bool will_come = !redis->replies_off && !redis->reply_skipped;
	struct slice how = redis_request_word(request, 2);

	redis->reply_skipped = false;
	if (request->kind != REDIS_CLIENT || !says(redis_request_word(request, 1), "reply"))
		return will_come;
	if (says(how, "on") || says(how, "off")) {
		redis->replies_off = says(how, "off");
		return !redis->replies_off;
	}
	redis->reply_skipped = says(how, "skip");
	return will_come && !redis->reply_skipped;
}
