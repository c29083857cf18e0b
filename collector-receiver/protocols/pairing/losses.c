/* What losses, and the turns after them, say about requests and their replies. */
#include "counters.h"
#include "protocols/pairing/pairing.h"

/* A client that does not wait for replies has certainly got all of them after such a pause. */
static const uint64_t quiet_ns = 10 * 1000 * 1000;

bool pairing_turns_tell(const struct pairing *pairing)
{
	return !pairing->several || pairing->waited >= PAIRING_WAITED_ENOUGH;
}

/* Requests that are not seen may have their replies between those of others. */
enum step pairing_lose(struct pairing *pairing, const struct flow *flow, enum sender from)
{
	pairing_refute(pairing, flow, EXCHANGE_CUT_BY_LOSS);
	pairing->sides[from] = (struct pairing_side){true, flow->time_known, flow->turn};
	return STEP_LOST;
}

enum step pairing_refuse(struct pairing *pairing, const struct flow *flow, enum sender from)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	if (from == FROM_SERVER)
		pairing_cut_all(pairing, flow, EXCHANGE_CUT_BY_LOSS);
	return pairing_lose(pairing, flow, from);
}

void pairing_note_server_hole(struct pairing *pairing, const struct flow *flow)
{
	struct pairing_side *server = &pairing->sides[FROM_SERVER];

	pairing->tail_unseen = !flow->time_known;
	if (flow->time_known)
		pairing->reply_last_ns = flow->last_ns;
	else
		*server = (struct pairing_side){server->lost, false, flow->turn};
}

/* Of a client that waits for its replies, all are there when the next turn begins, if the hole is within the last. */
void pairing_client_found(struct pairing *pairing, const struct flow *flow)
{
	struct pairing_side *client = &pairing->sides[FROM_CLIENT];
	bool over = client->budget && client->lost_turn != flow->turn && pairing_turns_tell(pairing);

	pairing_cut_all(pairing, flow, EXCHANGE_CUT_BY_LOSS);
	pairing->doubt = !over;
	client->lost = false;
}

/* Of a client that waits for its replies, turns tell which one this is, if no hole was found in this turn. Else what
 * waits of earlier turns is over, and the rest has to be proven. */
void pairing_server_found(struct pairing *pairing, const struct flow *flow)
{
	struct pairing_side *server = &pairing->sides[FROM_SERVER];
	bool within = server->lost_turn == flow->turn;

	if (within || !pairing_turns_tell(pairing)) {
		if (!within || !server->budget)
			pairing_cut_old(pairing, flow);
		if (within && (server->budget || pairing->answering)) /* how many are gone is not known */
			pairing_cut_all(pairing, flow, EXCHANGE_CUT_BY_LOSS);
		pairing->doubt = true;
	}
	pairing->answering = false;
	server->lost = false;
}

void pairing_server_not_found(struct pairing *pairing, const struct flow *flow)
{
	pairing->reply_last_ns = flow->last_ns;
	pairing->tail_unseen = false;
}

void pairing_server_ended(struct pairing *pairing, const struct flow *flow, bool clean)
{
	bool lost = pairing->sides[FROM_SERVER].lost;

	if (lost && clean)
		pairing_end_inferred(pairing, flow);
	if (!lost && clean && pairing->doubt)
		pairing_prove(pairing, flow); /* no request followed, and by the final offsets none is missing */
	pairing_cut_all(pairing, flow, lost ? EXCHANGE_CUT_BY_LOSS : EXCHANGE_CUT_BY_CLOSE);
}

static void note_waited(struct pairing *pairing)
{
	if (pairing->waited < PAIRING_WAITED_ENOUGH)
		pairing->waited++;
}

/* The client goes on: were there as many replies as requests? */
static void settle_doubt(struct pairing *pairing, const struct flow *flow)
{
	bool paused = flow->first_ns > pairing->reply_last_ns && flow->first_ns - pairing->reply_last_ns >= quiet_ns;

	if (pairing->oldest != NULL && pairing->unanswered == NULL)
		note_waited(pairing);
	else if (!pairing_turns_tell(pairing))
		pairing->waited = 0;
	if (pairing_turns_tell(pairing) || paused)
		pairing_prove(pairing, flow);
	pairing_cut_all(pairing, flow, EXCHANGE_CUT_BY_LOSS);
}

void pairing_turn(struct pairing *pairing, const struct flow *flow)
{
	if (flow->first_turn == pairing->client_turn)
		return;
	pairing->client_turn = flow->first_turn;
	if (pairing->sides[FROM_SERVER].lost) {
		pairing_end_inferred(pairing, flow);
		pairing_cut_all(pairing, flow, EXCHANGE_CUT_BY_LOSS);
	} else if (pairing->doubt) {
		settle_doubt(pairing, flow);
	} else if (pairing->unanswered != NULL) {
		pairing->waited = 0;
	} else if (pairing->batch) {
		note_waited(pairing);
	}
	pairing->batch = false;
}
