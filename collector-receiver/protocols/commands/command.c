/* Collect a command of a database word by word in a block that grows with it. */
#include "protocols/commands/commands.h"

enum { TEXT_BYTES_MAX = COMMAND_BYTES_MAX - sizeof(struct command) };

static size_t room(const struct command *command)
{
	return command->request.block_bytes - sizeof(*command) - command->text_length;
}

/* As far as the limit and the pool allow. */
static void grow(const struct flow *flow, struct command **command, size_t more)
{
	struct command *old = *command;
	size_t text = old->text_length + more < TEXT_BYTES_MAX ? old->text_length + more : TEXT_BYTES_MAX;
	size_t bytes = BLOCK_BYTES_MIN;

	while (bytes < sizeof(*old) + text)
		bytes *= 2;
	struct command *grown = bytes > old->request.block_bytes ? block_pool_take(flow->pool, bytes) : NULL;

	if (grown == NULL)
		return;
	memcpy(grown, old, sizeof(*old) + old->text_length);
	grown->request.block_bytes = (uint32_t)bytes;
	*command = grown;
	request_destroy(flow, &old->request);
}

void command_add(const struct flow *flow, struct command **command, const char *bytes, size_t length)
{
	if (*command == NULL || (*command)->request.flags & EXCHANGE_REQUEST_CUT)
		return;
	if (length > room(*command))
		grow(flow, command, length);
	struct command *r = *command;

	if (length > room(r)) {
		length = room(r);
		r->request.flags |= EXCHANGE_REQUEST_CUT;
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
	if (command != NULL && command->words < COMMAND_WORDS_NOTED &&
	    (command->request.flags & EXCHANGE_REQUEST_CUT) == 0)
		command->word_end[command->words++] = command->text_length;
}

void command_cut(struct command *command)
{
	if (command != NULL)
		command->request.flags |= EXCHANGE_REQUEST_CUT;
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

/* A reply to another one, or none, says nothing about it. */
void command_describe(const struct command *command, enum database_system system, struct exchange *to)
{
	bool replied = (to->flags & EXCHANGE_RESPONSE_UNSEEN) == 0 && to->end != EXCHANGE_ENDED_BY_CLOSE;

	to->protocol = EXCHANGE_DATABASE;
	to->database = (struct database_exchange){
		.system = system,
		.language = DATABASE_COMMAND,
		.query_text = {command->text, command->text_length},
		.operations = 1,
		.arguments = command->arguments,
		.failed = replied && command->failed,
		.returned_rows = -1,
	};
	if (command->operation_length > 0)
		to->database.operation = (struct slice){command->text, command->operation_length};
	if (replied && command->code_length > 0)
		to->database.status_code = (struct slice){command->code, command->code_length};
}

/* ---- the one that passes ---- */

void commands_begin(struct commands *commands, const struct flow *flow)
{
	if (pairing_begin(&commands->pairing, flow))
		commands->receiving =
			request_create(flow, sizeof(struct command), BLOCK_BYTES_MIN - sizeof(struct command));
}

static struct request *take_receiving(struct commands *commands)
{
	struct command *command = commands->receiving;

	commands->receiving = NULL;
	return command == NULL ? NULL : &command->request;
}

void commands_wait(struct commands *commands)
{
	pairing_wait(&commands->pairing, take_receiving(commands));
}

void commands_report_one_way(struct commands *commands, const struct flow *flow)
{
	pairing_report_one_way(&commands->pairing, flow, take_receiving(commands));
}

void commands_forget_receiving(struct commands *commands, const struct flow *flow)
{
	request_destroy(flow, take_receiving(commands));
}
