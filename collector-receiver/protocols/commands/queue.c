/* Put commands and replies together. */
#include <assert.h>

#include "counters.h"
#include "protocols/commands/commands.h"

void commands_open(struct commands *commands, const struct commands_rules *rules, const bool lost[2])
{
	commands->rules = rules;
	commands->sides[FROM_CLIENT].lost = lost[FROM_CLIENT];
	commands->sides[FROM_SERVER].lost = lost[FROM_SERVER];
}

/* ---- handing over ---- */

static void describe(const struct commands *commands, const struct command *command, struct database_exchange *to)
{
	*to = (struct database_exchange){
		.system = commands->rules->system,
		.language = DATABASE_COMMAND,
		.query_text = {command->text, command->text_length},
		.operations = 1,
		.arguments = command->arguments,
		.failed = command->failed,
		.returned_rows = -1,
	};
	if (command->operation_length > 0)
		to->operation = (struct slice){command->text, command->operation_length};
	if (command->code_length > 0)
		to->status_code = (struct slice){command->code, command->code_length};
	if (commands->rules->describe != NULL)
		commands->rules->describe(commands, command, to);
}

static void report(const struct commands *commands, const struct flow *flow, const struct command *command,
		   enum exchange_end end, uint32_t flags, uint64_t end_ns)
{
	struct exchange exchange;

	exchange.process = flow->process;
	exchange.endpoints = flow->endpoints;
	exchange.connection_id = flow->connection_id;
	exchange.start_ns = command->start_ns;
	exchange.end_ns = end_ns > command->start_ns ? end_ns : command->start_ns;
	exchange.role = flow->role;
	exchange.end = end;
	exchange.flags = command->flags | flags;
	exchange.traceparent = exchange.tracestate = (struct slice){0};
	exchange.protocol = EXCHANGE_DATABASE;
	describe(commands, command, &exchange.database);
	counter_add(exchange.flags & (EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN) ? COUNTER_EXCHANGES_INCOMPLETE
										       : COUNTER_EXCHANGES, 1);
	flow->sink->take(flow->sink->context, &exchange);
}

static void end_without_answer(struct commands *commands, const struct flow *flow, struct command *command)
{
	if (commands->rules->unanswered != NULL)
		commands->rules->unanswered(commands, command);
	command_destroy(flow, command);
}

/* How long nobody answered is known if it was the close that ended the waiting, which is an answer to some. */
static void hand_over_unanswered(struct commands *commands, const struct flow *flow, struct command *command,
				 enum exchange_end reason)
{
	command->failed = false;
	command->code_length = 0;
	if (command->answer != COMMAND_REPLY && reason == EXCHANGE_CUT_BY_CLOSE)
		report(commands, flow, command, EXCHANGE_ENDED_BY_CLOSE, 0, flow->last_ns);
	else
		report(commands, flow, command, reason, EXCHANGE_RESPONSE_UNSEEN | EXCHANGE_END_UNSEEN,
		       reason == EXCHANGE_CUT_BY_CLOSE ? flow->last_ns : 0);
	end_without_answer(commands, flow, command);
}

static void hand_over_answered(struct commands *commands, const struct flow *flow, struct command *command)
{
	report(commands, flow, command, EXCHANGE_ENDED_BY_MESSAGE, 0, command->end_ns);
	if (commands->rules->answered != NULL)
		commands->rules->answered(commands, command);
	command_destroy(flow, command);
}

static struct command *take_oldest(struct commands *commands)
{
	struct command *command = commands->oldest;

	assert(command != NULL && commands->outstanding > 0);
	commands->oldest = command->next;
	if (commands->unanswered == command)
		commands->unanswered = command->next;
	if (commands->oldest == NULL)
		commands->newest = NULL;
	commands->outstanding--;
	return command;
}

/* ---- commands ---- */

void commands_begin(struct commands *commands, const struct flow *flow)
{
	struct command *waiting = commands->unanswered;

	commands_turn(commands, flow);
	if (commands->outstanding == COMMANDS_OUTSTANDING_MAX && waiting != NULL && !commands->answering &&
	    waiting->answer == COMMAND_REPLY_OR_SILENCE)
		commands_skip_silent(commands, flow); /* nobody asks for an end of the silence */
	if (commands->outstanding < COMMANDS_OUTSTANDING_MAX && commands->given_up == 0)
		commands->receiving = command_create(flow);
	else
		counter_add(COUNTER_PIPELINE_FULL, 1);
}

void commands_wait(struct commands *commands)
{
	struct command *command = commands->receiving;

	commands->receiving = NULL;
	if (command == NULL) {
		commands->given_up++;
		return;
	}
	if (commands->newest == NULL)
		commands->oldest = command;
	else
		commands->newest->next = command;
	commands->newest = command;
	if (commands->unanswered == NULL)
		commands->unanswered = command;
	commands->outstanding++;
}

void commands_report_one_way(struct commands *commands, const struct flow *flow)
{
	struct command *command = commands->receiving;

	commands->receiving = NULL;
	report(commands, flow, command, EXCHANGE_ENDED_BY_MESSAGE, 0, flow->last_ns);
	end_without_answer(commands, flow, command);
}

void commands_forget_receiving(struct commands *commands, const struct flow *flow)
{
	command_destroy(flow, commands->receiving);
	commands->receiving = NULL;
}

/* ---- replies ---- */

bool commands_expect_reply(const struct commands *commands)
{
	return commands->unanswered != NULL || commands->given_up > 0;
}

void commands_reply_begins(struct commands *commands, const struct flow *flow)
{
	commands->answering = commands->unanswered != NULL;
	commands->reply_first_ns = flow->first_ns;
}

void commands_reply_goes_on(struct commands *commands, const struct flow *flow)
{
	commands->reply_last_ns = flow->last_ns;
	commands->tail_unseen = false;
	commands->overlapping |= commands->may_overlap;
	commands->may_overlap = false;
}

void commands_reply_is_push(struct commands *commands)
{
	commands->answering = false;
}

/* What the reply says so far. */
static void note_reply(struct commands *commands, struct command *command)
{
	commands->answering = false;
	command->end_ns = commands->reply_last_ns;
	command->flags |= commands->tail_unseen ? EXCHANGE_END_UNSEEN : 0;
	if (command->start_ns > commands->reply_first_ns) /* a send may be recorded after the receipt of the answer */
		command->start_ns = commands->reply_first_ns;
	commands->rules->note_reply(commands, command);
}

/* `unanswered` is answered. */
static void advance(struct commands *commands, const struct flow *flow)
{
	commands->unanswered = commands->unanswered->next;
	if (!commands->doubt)
		hand_over_answered(commands, flow, take_oldest(commands));
}

void commands_reply_ended(struct commands *commands, const struct flow *flow)
{
	if (commands->answering) {
		note_reply(commands, commands->unanswered);
		advance(commands, flow);
	} else if (commands->given_up > 0) {
		commands->given_up--;
	} else {
		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
		commands_refute(commands, flow, EXCHANGE_CUT_BY_LOSS);
	}
}

void commands_skip_silent(struct commands *commands, const struct flow *flow)
{
	commands->unanswered->end_ns = flow->last_ns;
	advance(commands, flow);
	commands->answering = commands->answering && commands->unanswered != NULL;
}

/* ---- without replies ---- */

void commands_end_inferred(struct commands *commands, const struct flow *flow)
{
	if (!commands->answering || commands->outstanding != 1 || commands->overlapping)
		return;
	note_reply(commands, commands->unanswered);
	commands->unanswered->flags |= EXCHANGE_END_INFERRED;
	advance(commands, flow);
}

void commands_prove(struct commands *commands, const struct flow *flow)
{
	while (commands->unanswered != NULL && commands->unanswered->answer == COMMAND_REPLY_OR_SILENCE)
		commands_skip_silent(commands, flow);
	if (commands->oldest == NULL || commands->unanswered != NULL)
		return;
	commands->doubt = false;
	while (commands->oldest != NULL)
		hand_over_answered(commands, flow, take_oldest(commands));
}

void commands_refute(struct commands *commands, const struct flow *flow, enum exchange_end reason)
{
	while (commands->oldest != commands->unanswered) {
		struct command *command = take_oldest(commands);

		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
		command->flags &= ~(uint32_t)(EXCHANGE_END_UNSEEN | EXCHANGE_END_INFERRED | EXCHANGE_RESPONSE_CUT);
		hand_over_unanswered(commands, flow, command, reason);
	}
}

static void cut_oldest(struct commands *commands, const struct flow *flow, enum exchange_end reason)
{
	bool begun = commands->answering && commands->oldest == commands->unanswered;
	struct command *command = take_oldest(commands);

	if (!begun) {
		hand_over_unanswered(commands, flow, command, reason);
		return;
	}
	note_reply(commands, command);
	report(commands, flow, command, reason, EXCHANGE_END_UNSEEN, command->end_ns);
	end_without_answer(commands, flow, command);
}

void commands_cut_before(struct commands *commands, const struct flow *flow, uint32_t turn)
{
	commands_refute(commands, flow, EXCHANGE_CUT_BY_LOSS);
	while (commands->oldest != NULL && commands->oldest->turn != turn)
		cut_oldest(commands, flow, EXCHANGE_CUT_BY_LOSS);
	if (commands->oldest == NULL)
		commands->given_up = 0;
}

void commands_cut_all(struct commands *commands, const struct flow *flow, enum exchange_end reason)
{
	commands_refute(commands, flow, reason);
	while (commands->oldest != NULL)
		cut_oldest(commands, flow, reason);
	commands->given_up = 0;
}
