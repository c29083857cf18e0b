/* Decide what can be told of PostgreSQL's operations and replies after bytes passed unseen.
 *
 * A client that waits for ReadyForQuery before it goes on - all but those that pipeline over several batches - shows by
 * its next turn that the replies to the one before are over, seen or not. */
#include "counters.h"
#include "protocols/postgresql/postgresql.h"

/* Preparations and Syncs are not waited for by anybody who asks what has become of an operation. */
static bool is_asked(const struct postgresql_operation *operation)
{
	return operation->kind == POSTGRESQL_QUERY || operation->kind == POSTGRESQL_FUNCTION || operation->executes;
}

/* The one operation that waits; NULL if there are none or several. */
static struct postgresql_operation *only_asked(const struct postgresql *pg)
{
	struct postgresql_operation *only = NULL;

	for (struct postgresql_operation *o = pg->oldest; o != NULL; o = o->next) {
		if ((is_asked(o) || o->open_ended) && only != NULL)
			return NULL;
		if (is_asked(o) || o->open_ended)
			only = o;
	}
	return only;
}

/* Are all replies there when the client goes on? */
static bool turns_tell(const struct postgresql *pg)
{
	return !pg->pipelined || pg->waited >= POSTGRESQL_WAITED_ENOUGH;
}

/* Has the client waited, as far as can be told? */
static void note_waiting(struct postgresql *pg)
{
	bool several = pg->batch;

	pg->batch = false;
	if (pg->adrift && (pg->batches == 0 || pg->readies != pg->batches))
		pg->waited = turns_tell(pg) ? pg->waited : 0;
	else if (!pg->adrift && pg->oldest != NULL)
		pg->waited = 0;
	else if ((several || pg->adrift) && pg->waited < POSTGRESQL_WAITED_ENOUGH)
		pg->waited++;
	pg->readies = 0;
}

/* The replies whose place was lost are over: the bytes that passed since were their tail. */
static void infer_end(struct postgresql *pg, const struct flow *flow)
{
	struct postgresql_operation *only = only_asked(pg);

	if (only == NULL || !is_asked(only) || !only->begun || only->failed || !turns_tell(pg))
		return;
	while (pg->oldest != only)
		postgresql_finish(pg, flow, EXCHANGE_CUT_BY_LOSS, 0);
	only->end_ns = pg->reply_last_ns;
	only->reply_holed = true;
	postgresql_finish(pg, flow, EXCHANGE_ENDED_BY_MESSAGE,
			  EXCHANGE_END_INFERRED | EXCHANGE_RESPONSE_CUT |
				  (pg->reply_tail_unseen ? EXCHANGE_END_UNSEEN : 0));
}

void postgresql_turn_begins(struct postgresql *pg, const struct flow *flow)
{
	bool gap_is_recent = pg->gap && pg->gap_turn == flow->turn && pg->batched;

	note_waiting(pg);
	if (pg->sides[FROM_SERVER].phase == POSTGRESQL_LOST) {
		infer_end(pg, flow);
		postgresql_cut_all(pg, flow, EXCHANGE_CUT_BY_LOSS);
		pg->adrift = !turns_tell(pg);
		pg->starting = false;
		pg->unproven = pg->kept != NULL;
		pg->fresh = !pg->adrift;
	} else if ((pg->idle || !turns_tell(pg)) && (pg->adrift || pg->gap || pg->gap_between)) {
		postgresql_cut_all(pg, flow, EXCHANGE_CUT_BY_LOSS);
		pg->adrift = !turns_tell(pg);
	}
	pg->gap |= gap_is_recent;
}

void postgresql_reply_misfits(struct postgresql *pg, const struct flow *flow)
{
	counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
	postgresql_cut_all(pg, flow, EXCHANGE_CUT_BY_LOSS);
	pg->adrift = true;
}

/* What followed the messages that are seen of it may have been its Execute. */
static void leave_open(struct postgresql *pg)
{
	if (pg->gathering != NULL)
		pg->gathering->open_ended = !pg->gathering->executes && !pg->gathering->failed;
	pg->gathering = NULL;
}

enum step postgresql_lose(struct postgresql *pg, const struct flow *flow, enum sender from)
{
	pg->sides[from].phase = POSTGRESQL_LOST;
	pg->sides[from].remaining = 0;
	if (from == FROM_SERVER) {
		pg->idle = pg->fresh = false;
		return STEP_LOST;
	}
	postgresql_refute(pg, flow, EXCHANGE_CUT_BY_LOSS);
	if (!pg->copying_in) { /* the data that is copied is no message that anybody waits for */
		counter_add(COUNTER_PARSER_HOLES, 1);
		leave_open(pg);
		pg->gap = true;
		pg->gap_turn = flow->turn;
	}
	return STEP_LOST;
}

/* Batches that came before the newest have had their replies, unseen. */
static void cut_before_newest_batch(struct postgresql *pg, const struct flow *flow)
{
	struct postgresql_operation *newest = pg->oldest;

	for (struct postgresql_operation *o = pg->oldest; o != NULL; o = o->next) {
		if (o->kind != POSTGRESQL_EXTENDED && o->next != NULL)
			newest = o->next;
	}
	while (pg->oldest != newest)
		postgresql_cut_oldest(pg, flow, EXCHANGE_CUT_BY_LOSS);
}

/* Whose replies are these? If the hole began before the turn of what waits, its. Else they may also be those to
 * messages that were not seen, and if several wait it is not known to which they belong. */
void postgresql_server_found_again(struct postgresql *pg, const struct flow *flow)
{
	pg->sides[FROM_SERVER].phase = POSTGRESQL_AT_MESSAGES;
	pg->aborted = pg->starting = false;
	pg->encryption_answers_due = 0;
	if (pg->fresh || pg->oldest == NULL) {
		pg->fresh = false;
		return;
	}
	if (turns_tell(pg))
		cut_before_newest_batch(pg, flow);
	struct postgresql_operation *only = turns_tell(pg) ? only_asked(pg) : NULL;

	if (only == NULL || (only->after_gap && pg->batched)) {
		postgresql_cut_all(pg, flow, EXCHANGE_CUT_BY_LOSS);
		pg->adrift = true;
		return;
	}
	while (pg->oldest != only)
		postgresql_finish(pg, flow, EXCHANGE_CUT_BY_LOSS, 0);
	only->reply_holed = true;
	only->after_gap = false;
	pg->unproven = true;
}

void postgresql_server_ended(struct postgresql *pg, const struct flow *flow, bool clean)
{
	bool lost = pg->sides[FROM_SERVER].phase == POSTGRESQL_LOST;

	if (lost && clean)
		infer_end(pg, flow);
	postgresql_cut_all(pg, flow, lost ? EXCHANGE_CUT_BY_LOSS : EXCHANGE_CUT_BY_CLOSE);
}
