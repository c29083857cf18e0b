/* Collect a command word by word in a block that grows with it. */
#include "counters.h"
#include "protocols/commands/commands.h"

enum { TEXT_BYTES_MAX = COMMAND_BYTES_MAX - sizeof(struct command) };

struct command *command_create(const struct flow *flow)
{
	struct command *command = block_pool_take(flow->pool, BLOCK_BYTES_MIN);

	if (command == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	memset(command, 0, sizeof(*command));
	command->block_bytes = BLOCK_BYTES_MIN;
	command->start_ns = flow->first_ns;
	command->turn = flow->first_turn;
	return command;
}

void command_destroy(const struct flow *flow, struct command *command)
{
	if (command != NULL)
		block_pool_give(flow->pool, command, command->block_bytes);
}

static size_t room(const struct command *command)
{
	return command->block_bytes - sizeof(*command) - command->text_length;
}

/* As far as the limit and the pool allow. */
static void grow(const struct flow *flow, struct command **command, size_t more)
{
	struct command *old = *command;
	size_t text = old->text_length + more < TEXT_BYTES_MAX ? old->text_length + more : TEXT_BYTES_MAX;
	size_t bytes = BLOCK_BYTES_MIN;

	while (bytes < sizeof(*old) + text)
		bytes *= 2;
	struct command *grown = bytes > old->block_bytes ? block_pool_take(flow->pool, bytes) : NULL;

	if (grown == NULL)
		return;
	memcpy(grown, old, sizeof(*old) + old->text_length);
	grown->block_bytes = (uint16_t)bytes;
	*command = grown;
	command_destroy(flow, old);
}

void command_add(const struct flow *flow, struct command **command, const char *bytes, size_t length)
{
	if (*command == NULL || (*command)->flags & EXCHANGE_REQUEST_CUT)
		return;
	if (length > room(*command))
		grow(flow, command, length);
	struct command *r = *command;

	if (length > room(r)) {
		length = room(r);
		r->flags |= EXCHANGE_REQUEST_CUT;
	}
	memcpy(r->text + r->text_length, bytes, length);
	r->text_length = (uint16_t)(r->text_length + length);
}

void command_word_begins(const struct flow *flow, struct command **command)
{
	if (*command != NULL && (*command)->text_length > 0)
		command_add(flow, command, " ", 1);
}

void command_word_ended(struct command *command)
{
	if (command != NULL && command->words < COMMAND_WORDS_NOTED && (command->flags & EXCHANGE_REQUEST_CUT) == 0)
		command->word_end[command->words++] = command->text_length;
}

void command_cut(struct command *command)
{
	if (command != NULL)
		command->flags |= EXCHANGE_REQUEST_CUT;
}

struct slice command_word(const struct command *command, unsigned i)
{
	if (i >= command->words)
		return (struct slice){0};
	uint16_t start = i == 0 ? 0 : (uint16_t)(command->word_end[i - 1] + 1);

	if (start > command->word_end[i]) /* an empty first word has no blank behind it */
		start = command->word_end[i];
	return (struct slice){command->text + start, command->word_end[i] - start};
}
