/* Follow both senders of a Memcached connection from message to message, and find the way back after losses. */
#include "protocols/memcached/memcached.h"

#include "counters.h"

/* ---- commands and replies of both protocols ---- */

void memcached_command_ended(struct memcached *memcached, const struct flow *flow)
{
	bool waits_early = memcached->waits_early;

	memcached->in_command = false;
	memcached->waits_early = false;
	if (waits_early)
		return;
	if (!memcached->one_way)
		commands_wait(&memcached->commands);
	else if (memcached->commands.receiving != NULL)
		commands_report_one_way(&memcached->commands, flow);
}

/* The server may refuse what it has not read to its end. */
static void wait_early(struct memcached *memcached)
{
	if (!memcached->in_command || memcached->waits_early || memcached->one_way)
		return;
	if (memcached->key_left > 0)
		command_cut(memcached->commands.receiving);
	commands_wait(&memcached->commands);
	memcached->waits_early = true;
}

enum step memcached_reply_begins(struct memcached *memcached, const struct flow *flow)
{
	if (!pairing_expects_reply(&memcached->commands.pairing)) {
		if (flow->may_wait)
			return STEP_WAIT;
		wait_early(memcached);
	}
	pairing_reply_begins(&memcached->commands.pairing, flow);
	memcached->outcome_seen = memcached->failed = false;
	memcached->code_length = 0;
	return STEP_TOOK;
}

void memcached_reply_ended(struct memcached *memcached, const struct flow *flow)
{
	memcached->in_reply = false;
	if (memcached->reply_goes_on)
		pairing_reply_is_push(&memcached->commands.pairing); /* the response that ends it answers */
	else
		pairing_reply_ended(&memcached->commands.pairing, flow);
}

static void note_reply(const struct pairing *pairing, struct request *request)
{
	const struct memcached *memcached = (const struct memcached *)pairing;
	struct command *command = (struct command *)request;

	if (!memcached->outcome_seen)
		request->flags |= EXCHANGE_RESPONSE_CUT;
	command->failed = memcached->failed;
	command->code_length = memcached->code_length;
	memcpy(command->code, memcached->code, memcached->code_length);
}

static bool describe(const struct pairing *pairing, const struct request *request, struct exchange *to)
{
	(void)pairing;
	command_describe((const struct command *)request, DATABASE_MEMCACHED, to);
	return true;
}

const struct pairing_rules memcached_rules = {
	.waiting_max = COMMANDS_WAITING_MAX,
	.describe = describe,
	.note_reply = note_reply,
};

/* ---- holes ---- */

static void step_over(uint64_t *bytes, uint64_t *left)
{
	uint64_t n = *bytes < *left ? *bytes : *left;

	*bytes -= n;
	*left -= n;
}

/* True if the command has ended. */
static bool step_over_command(struct memcached *memcached, uint64_t *bytes)
{
	uint64_t extras = memcached->extras_left, key = memcached->key_left;

	step_over(bytes, &extras);
	step_over(bytes, &key);
	if (key < memcached->key_left)
		command_cut(memcached->commands.receiving);
	memcached->extras_left = (uint32_t)extras;
	memcached->key_left = (uint32_t)key;
	step_over(bytes, &memcached->data_left);
	return extras == 0 && key == 0 && memcached->data_left == 0;
}

static void forget_command(struct memcached *memcached, const struct flow *flow)
{
	commands_forget_receiving(&memcached->commands, flow);
	memcached->in_command = memcached->waits_early = false;
	memcached->extras_left = memcached->key_left = 0;
	memcached->data_left = 0;
}

static void forget_reply(struct memcached *memcached)
{
	memcached->in_reply = memcached->reply_goes_on = memcached->reply_line_passes = false;
	memcached->reply_data_left = 0;
}

enum step memcached_refuse(struct memcached *memcached, const struct flow *flow, enum sender from)
{
	if (from == FROM_CLIENT) {
		forget_command(memcached, flow);
		return pairing_refuse(&memcached->commands.pairing, flow, FROM_CLIENT);
	}
	forget_reply(memcached);
	return pairing_refuse(&memcached->commands.pairing, flow, FROM_SERVER);
}

static enum step lose_client(struct memcached *memcached, const struct flow *flow)
{
	forget_command(memcached, flow);
	return pairing_lose(&memcached->commands.pairing, flow, FROM_CLIENT);
}

static enum step lose_server(struct memcached *memcached, const struct flow *flow)
{
	forget_reply(memcached);
	return pairing_lose(&memcached->commands.pairing, flow, FROM_SERVER);
}

static void decide(struct memcached *memcached, struct slice bytes)
{
	if (memcached->decided || bytes.length == 0)
		return;
	memcached->decided = true;
	memcached->binary = memcached_is_binary(bytes);
}

static enum step memcached_next(void *state, const struct flow *flow, enum sender from, struct cursor *in)
{
	struct memcached *memcached = state;

	if (memcached->commands.pairing.sides[from].lost)
		return STEP_LOST;
	decide(memcached, cursor_rest(in));
	if (from == FROM_CLIENT)
		return memcached->binary ? memcached_binary_command(memcached, flow, in)
					 : memcached_text_command(memcached, flow, in);
	return memcached->binary ? memcached_binary_reply(memcached, flow, in)
				 : memcached_text_reply(memcached, flow, in);
}

/* Commands were kept because the server's answer had to say first what they are. */
static bool take_kept(struct memcached *memcached, const struct flow *flow, struct slice unfinished)
{
	struct cursor in = cursor_over(unfinished.bytes, unfinished.length);

	while (cursor_left(&in) > 0) {
		if (memcached_next(memcached, flow, FROM_CLIENT, &in) != STEP_TOOK)
			return false;
	}
	return true;
}

static enum step client_hole(struct memcached *memcached, const struct flow *flow, struct slice unfinished,
			     uint64_t bytes)
{
	if (bytes == 0 && !memcached->in_command && take_kept(memcached, flow, unfinished))
		return STEP_TOOK;
	if (memcached->commands.pairing.sides[FROM_CLIENT].lost)
		return STEP_LOST;
	if (memcached->in_command && unfinished.length == 0) {
		bool ended = step_over_command(memcached, &bytes);

		if (ended)
			memcached_command_ended(memcached, flow);
		if (bytes == 0)
			return STEP_TOOK;
	}
	if (memcached->in_command) {
		command_cut(memcached->commands.receiving);
		memcached_command_ended(memcached, flow);
	} else if (memcached->binary || !memcached_text_command_cut(memcached, flow, unfinished)) {
		counter_add(COUNTER_PARSER_HOLES, 1);
	}
	return lose_client(memcached, flow);
}

static enum step server_hole(struct memcached *memcached, const struct flow *flow, struct slice unfinished,
			     uint64_t bytes)
{
	pairing_note_server_hole(&memcached->commands.pairing, flow);
	if (memcached->commands.pairing.sides[FROM_SERVER].lost)
		return STEP_LOST;
	bool in_data = unfinished.length == 0 && memcached->reply_data_left > 0;

	if (in_data)
		step_over(&bytes, &memcached->reply_data_left);
	if (in_data && memcached->reply_data_left == 0 && (memcached->binary || !memcached->reply_goes_on))
		memcached_reply_ended(memcached, flow);
	if (in_data && bytes == 0)
		return STEP_TOOK;
	return lose_server(memcached, flow);
}

/* ---- struct protocol ---- */

static void memcached_open(void *state, const bool lost[2])
{
	struct memcached *memcached = state;

	pairing_open(&memcached->commands.pairing, &memcached_rules, lost);
}

static enum step memcached_hole(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
				uint64_t bytes)
{
	struct memcached *memcached = state;

	if (from == FROM_SERVER)
		return server_hole(memcached, flow, unfinished, bytes);
	return memcached->commands.pairing.sides[FROM_CLIENT].lost ? STEP_LOST
								   : client_hole(memcached, flow, unfinished, bytes);
}

static enum match memcached_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
				   bool more_may_come)
{
	struct memcached *memcached = state;

	decide(memcached, bytes);
	enum match match = memcached_recognise_from(from, memcached->binary, bytes, more_may_come);

	if (match == MATCH_FROM_CLIENT)
		pairing_client_found(&memcached->commands.pairing, flow);
	if (match == MATCH_FROM_SERVER)
		pairing_server_found(&memcached->commands.pairing, flow);
	if (match == MATCH_NO && from == FROM_SERVER)
		pairing_server_not_found(&memcached->commands.pairing, flow);
	return match;
}

static void memcached_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	struct memcached *memcached = state;

	if (from == FROM_SERVER)
		pairing_server_ended(&memcached->commands.pairing, flow, clean);
	else if (unfinished.length > 0 || memcached->in_command)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void memcached_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	struct memcached *memcached = state;

	commands_forget_receiving(&memcached->commands, flow);
	pairing_cut_all(&memcached->commands.pairing, flow, reason);
}

const struct protocol memcached_protocol = {
	.name = "memcached",
	.state_bytes = sizeof(struct memcached),
	.unit_bytes_max = MEMCACHED_LINE_BYTES_MAX,
	.recognise = memcached_recognise,
	.open = memcached_open,
	.next = memcached_next,
	.resync = memcached_resync,
	.hole = memcached_hole,
	.end = memcached_end,
	.close = memcached_close,
};
