/* What losses, and the turns after them, say about commands and their replies. */
#include "counters.h"
#include "protocols/commands/commands.h"

/* A client that does not wait for replies has certainly got all of them after such a pause. */
static const uint64_t quiet_ns = 10 * 1000 * 1000;

/* Commands that are not seen may have their replies between those of others. */
enum step commands_lose_client(struct commands *commands, const struct flow *flow)
{
	commands_forget_receiving(commands, flow);
	commands_refute(commands, flow, EXCHANGE_CUT_BY_LOSS);
	commands->sides[FROM_CLIENT] = (struct commands_side){true, flow->time_known, flow->turn};
	return STEP_LOST;
}

enum step commands_lose_server(struct commands *commands, const struct flow *flow)
{
	commands_refute(commands, flow, EXCHANGE_CUT_BY_LOSS);
	commands->may_overlap = false;
	commands->sides[FROM_SERVER] = (struct commands_side){true, flow->time_known, flow->turn};
	return STEP_LOST;
}

enum step commands_refuse_client(struct commands *commands, const struct flow *flow)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	return commands_lose_client(commands, flow);
}

enum step commands_refuse_server(struct commands *commands, const struct flow *flow)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	commands_cut_all(commands, flow, EXCHANGE_CUT_BY_LOSS);
	return commands_lose_server(commands, flow);
}

void commands_note_server_hole(struct commands *commands, const struct flow *flow)
{
	commands->tail_unseen = !flow->time_known;
	if (flow->time_known)
		commands->reply_last_ns = flow->last_ns;
}

/* Of a client that waits for its replies, all are there when the next turn begins, if the hole is within the last. */
void commands_client_found(struct commands *commands, const struct flow *flow)
{
	struct commands_side *client = &commands->sides[FROM_CLIENT];
	bool turns_tell = client->budget && client->lost_turn != flow->turn && !commands->overlapping;

	commands_cut_all(commands, flow, EXCHANGE_CUT_BY_LOSS);
	commands->doubt = !turns_tell;
	client->lost = false;
}

/* Without a gap that nobody saw begin, and with a client that waits for its replies, turns tell which reply this is.
 * Else what waits of earlier turns is over, and the rest has to be proven. */
void commands_server_found(struct commands *commands, const struct flow *flow)
{
	struct commands_side *server = &commands->sides[FROM_SERVER];

	if (commands->overlapping || (server->budget && server->lost_turn == flow->turn)) {
		commands_cut_all(commands, flow, EXCHANGE_CUT_BY_LOSS);
		commands->doubt = true;
	} else if (!server->budget) {
		if (commands->newest != NULL)
			commands_cut_before(commands, flow, commands->newest->turn);
		if (commands->answering) /* of the newest turn: how many of its replies are gone is not known */
			commands_cut_all(commands, flow, EXCHANGE_CUT_BY_LOSS);
		commands->doubt = true;
	}
	commands->answering = false;
	server->lost = false;
}

void commands_server_not_found(struct commands *commands, const struct flow *flow)
{
	commands->reply_last_ns = flow->last_ns;
	commands->tail_unseen = false;
}

void commands_server_ended(struct commands *commands, const struct flow *flow, bool clean)
{
	bool lost = commands->sides[FROM_SERVER].lost;

	if (lost && clean)
		commands_end_inferred(commands, flow);
	if (!lost && clean && commands->doubt)
		commands_prove(commands, flow); /* no command followed, and by the final offsets none is missing */
	commands_cut_all(commands, flow, lost ? EXCHANGE_CUT_BY_LOSS : EXCHANGE_CUT_BY_CLOSE);
}

/* The client goes on: were there as many replies as commands? */
static void settle_doubt(struct commands *commands, const struct flow *flow)
{
	bool paused = flow->first_ns > commands->reply_last_ns && flow->first_ns - commands->reply_last_ns >= quiet_ns;

	if (!commands->overlapping || paused)
		commands_prove(commands, flow);
	commands_cut_all(commands, flow, EXCHANGE_CUT_BY_LOSS);
}

void commands_turn(struct commands *commands, const struct flow *flow)
{
	if (flow->first_turn == commands->client_turn)
		return;
	commands->client_turn = flow->first_turn;
	if (commands->sides[FROM_SERVER].lost) {
		commands_end_inferred(commands, flow);
		commands_cut_all(commands, flow, EXCHANGE_CUT_BY_LOSS);
	} else if (commands->doubt) {
		settle_doubt(commands, flow);
	} else if (commands->unanswered != NULL) {
		commands->may_overlap = true;
	}
}
