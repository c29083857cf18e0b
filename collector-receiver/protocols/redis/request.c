/* Collect a command word by word in a block that grows with it. */
#include "counters.h"
#include "protocols/redis/redis.h"

enum {
	WORDS_NOTED = 3,
	TEXT_BYTES_MAX = REDIS_REQUEST_BYTES_MAX - sizeof(struct redis_request),
};

struct redis_request *redis_request_create(const struct flow *flow)
{
	struct redis_request *request = block_pool_take(flow->pool, BLOCK_BYTES_MIN);

	if (request == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	memset(request, 0, sizeof(*request));
	request->block_bytes = BLOCK_BYTES_MIN;
	request->start_ns = flow->first_ns;
	request->turn = flow->turn;
	return request;
}

void redis_request_destroy(const struct flow *flow, struct redis_request *request)
{
	if (request != NULL)
		block_pool_give(flow->pool, request, request->block_bytes);
}

static size_t room(const struct redis_request *request)
{
	return request->block_bytes - sizeof(*request) - request->text_length;
}

/* As far as the limit and the pool allow. */
static void grow(const struct flow *flow, struct redis_request **request, size_t more)
{
	struct redis_request *old = *request;
	size_t text = old->text_length + more < TEXT_BYTES_MAX ? old->text_length + more : TEXT_BYTES_MAX;
	size_t bytes = BLOCK_BYTES_MIN;

	while (bytes < sizeof(*old) + text)
		bytes *= 2;
	struct redis_request *grown = bytes > old->block_bytes ? block_pool_take(flow->pool, bytes) : NULL;

	if (grown == NULL)
		return;
	memcpy(grown, old, sizeof(*old) + old->text_length);
	grown->block_bytes = (uint16_t)bytes;
	*request = grown;
	redis_request_destroy(flow, old);
}

void redis_request_add(const struct flow *flow, struct redis_request **request, const char *bytes, size_t length)
{
	if (*request == NULL || (*request)->flags & EXCHANGE_REQUEST_CUT)
		return;
	if (length > room(*request))
		grow(flow, request, length);
	struct redis_request *r = *request;

	if (length > room(r)) {
		length = room(r);
		r->flags |= EXCHANGE_REQUEST_CUT;
	}
	memcpy(r->text + r->text_length, bytes, length);
	r->text_length = (uint16_t)(r->text_length + length);
}

void redis_request_word_begins(const struct flow *flow, struct redis_request **request)
{
	if (*request != NULL && (*request)->text_length > 0)
		redis_request_add(flow, request, " ", 1);
}

void redis_request_word_ended(struct redis_request *request)
{
	if (request != NULL && request->words < WORDS_NOTED && (request->flags & EXCHANGE_REQUEST_CUT) == 0)
		request->word_end[request->words++] = request->text_length;
}

struct slice redis_request_word(const struct redis_request *request, unsigned i)
{
	if (i >= request->words)
		return (struct slice){0};
	uint16_t start = i == 0 ? 0 : (uint16_t)(request->word_end[i - 1] + 1);

	if (start > request->word_end[i]) /* an empty first word has no blank behind it */
		start = request->word_end[i];
	return (struct slice){request->text + start, request->word_end[i] - start};
}

void redis_request_complete(struct redis_request *request, uint32_t words)
{
	struct slice name = redis_request_word(request, 0), second = redis_request_word(request, 1);

	request->arguments = words > 0 ? words - 1 : 0;
	if (!redis_name_is_plausible(name))
		return;
	request->kind = (uint8_t)redis_command_kind(name);
	request->operation_length = (uint8_t)name.length;
	if ((request->kind == REDIS_CONTAINER || request->kind == REDIS_CLIENT) && redis_name_is_plausible(second)) {
		request->operation_length = (uint8_t)(name.length + 1 + second.length);
		request->arguments--;
	}
	if (request->kind == REDIS_SUBSCRIBE)
		request->confirmations = request->arguments > 0 ? request->arguments : 1;
}
