/* Follow the binary protocol: requests, and responses that repeat their opcode and opaque. */
#include <stdio.h>

#include "protocols/memcached/memcached.h"

/* ---- requests ---- */

static void begin_command(struct memcached *memcached, const struct flow *flow, const struct memcached_header *header)
{
	struct command **command = &memcached->commands.receiving;
	const char *name = memcached_opcode_name(header->opcode);

	commands_begin(&memcached->commands, flow);
	command_add(flow, command, name, strlen(name));
	command_word_ended(*command);
	if (*command != NULL) {
		(*command)->operation_length = (uint8_t)strlen(name);
		(*command)->arguments = header->key_bytes > 0 ? 1 : 0;
		(*command)->kind = header->opcode;
		(*command)->number = header->opaque;
		if (memcached_opcode_is_quiet(header->opcode))
			(*command)->request.answer = REQUEST_REPLY_OR_SILENCE;
	}
	if (header->key_bytes > 0)
		command_word_begins(flow, command);
	memcached->one_way = header->opcode == MEMCACHED_QUITQ;
	memcached->in_command = true;
	memcached->extras_left = header->extras_bytes;
	memcached->key_left = header->key_bytes;
	memcached->data_left = header->body_bytes - header->extras_bytes - header->key_bytes;
}

static void take_body(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	memcached->extras_left -= (uint32_t)cursor_skip(in, memcached->extras_left);
	if (memcached->key_left > 0 && cursor_left(in) > 0) {
		const char *bytes = cursor_rest(in).bytes;
		size_t n = cursor_skip(in, memcached->key_left);

		command_add(flow, &memcached->commands.receiving, bytes, n);
		memcached->key_left -= (uint32_t)n;
		if (memcached->key_left == 0)
			command_word_ended(memcached->commands.receiving);
	}
	memcached->data_left -= cursor_skip(in, memcached->data_left);
}

enum step memcached_binary_command(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	struct memcached_header header;

	if (!memcached->in_command) {
		switch (memcached_take_header(FROM_CLIENT, in, &header)) {
		case MEMCACHED_PARSE_MORE:
			return STEP_MORE;
		case MEMCACHED_PARSE_MALFORMED:
			return memcached_refuse(memcached, flow, FROM_CLIENT);
		case MEMCACHED_PARSED:
			break;
		}
		begin_command(memcached, flow, &header);
	}
	take_body(memcached, flow, in);
	if (memcached->extras_left == 0 && memcached->key_left == 0 && memcached->data_left == 0)
		memcached_command_ended(memcached, flow);
	return STEP_TOOK;
}

/* ---- responses ---- */

static bool is_answered_by(const struct command *command, const struct memcached_header *header)
{
	return command->kind == header->opcode && command->number == header->opaque;
}

/* Which request is it? Quiet ones before it said nothing. If it is not the next of the others, responses or requests
 * are missing. */
static void find_request(struct memcached *memcached, const struct flow *flow, const struct memcached_header *header)
{
	struct pairing *pairing = &memcached->commands.pairing;

	while (pairing->answering && !is_answered_by(commands_unanswered(&memcached->commands), header)) {
		if (pairing->unanswered->answer == REQUEST_REPLY_OR_SILENCE) {
			pairing_skip_silent(pairing, flow);
			continue;
		}
		pairing->answering = false;
		pairing_cut_all(pairing, flow, EXCHANGE_CUT_BY_LOSS);
		pairing->doubt = true;
	}
}

static void begin_reply(struct memcached *memcached, const struct flow *flow, const struct memcached_header *header)
{
	find_request(memcached, flow, header);
	memcached->in_reply = true;
	memcached->reply_data_left = header->body_bytes;
	memcached->reply_goes_on = header->opcode == MEMCACHED_STAT && header->key_bytes > 0;
	memcached->outcome_seen = true;
	memcached->failed = memcached_status_is_error(header->status);
	memcached->code_length = 0;
	if (memcached->failed)
		memcached->code_length = (uint8_t)snprintf(memcached->code, sizeof(memcached->code), "%u",
							   (unsigned)header->status);
}

static enum step take_reply_header(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	struct memcached_header header;

	if (memcached_reply_begins(memcached, flow) == STEP_WAIT)
		return STEP_WAIT;
	pairing_reply_goes_on(&memcached->commands.pairing, flow);
	switch (memcached_take_header(FROM_SERVER, in, &header)) {
	case MEMCACHED_PARSE_MORE:
		return STEP_MORE;
	case MEMCACHED_PARSE_MALFORMED:
		return memcached_refuse(memcached, flow, FROM_SERVER);
	case MEMCACHED_PARSED:
		break;
	}
	begin_reply(memcached, flow, &header);
	return STEP_TOOK;
}

enum step memcached_binary_reply(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	if (!memcached->in_reply) {
		enum step step = take_reply_header(memcached, flow, in);

		if (step != STEP_TOOK)
			return step;
	}
	pairing_reply_goes_on(&memcached->commands.pairing, flow);
	memcached->reply_data_left -= cursor_skip(in, memcached->reply_data_left);
	if (memcached->reply_data_left == 0)
		memcached_reply_ended(memcached, flow);
	return STEP_TOOK;
}
