/* Put PostgreSQL's operations and their replies together: the server answers in order. */
#include <assert.h>

#include "counters.h"
#include "protocols/hand_over.h"
#include "protocols/postgresql/postgresql.h"

static bool ends_batch(const struct postgresql_operation *operation)
{
	return operation->kind != POSTGRESQL_EXTENDED;
}

/* A preparation that succeeds is no operation of a client, and neither is a Sync. */
static bool is_reported(const struct postgresql_operation *operation)
{
	return operation->kind == POSTGRESQL_QUERY || operation->kind == POSTGRESQL_FUNCTION || operation->executes ||
	       operation->failed;
}

/* ---- waiting ---- */

struct postgresql_operation *postgresql_wait(struct postgresql *pg, const struct flow *flow, enum postgresql_kind kind,
					     struct postgresql_text *text)
{
	bool full = pg->waiting >= POSTGRESQL_WAITING_MAX;
	struct postgresql_operation *operation = full ? NULL : block_pool_take(flow->pool, sizeof(*operation));

	if (operation == NULL) {
		counter_add(full ? COUNTER_PIPELINE_FULL : COUNTER_STREAM_BUFFERS_FULL, 1);
		postgresql_text_release(flow, text);
		pg->gap = true;
		return NULL;
	}
	*operation = (struct postgresql_operation){
		.kind = (uint8_t)kind,
		.text = text,
		.start_ns = flow->first_ns,
		.flags = text != NULL && text->cut ? EXCHANGE_REQUEST_CUT : 0,
		.after_gap = pg->gap,
	};
	pg->gap_between |= pg->gap;
	pg->gap = false;
	*(pg->newest == NULL ? &pg->oldest : &pg->newest->next) = operation;
	pg->newest = operation;
	pg->waiting++;
	pg->batches += ends_batch(operation);
	return operation;
}

struct postgresql_operation *postgresql_front(const struct postgresql *pg)
{
	return pg->oldest == NULL || pg->oldest->after_gap ? NULL : pg->oldest;
}

static void drop(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *operation)
{
	if (pg->kept == operation)
		pg->kept = NULL;
	postgresql_text_release(flow, operation->text);
	block_pool_give(flow->pool, operation, sizeof(*operation));
}

static struct postgresql_operation *take_oldest(struct postgresql *pg)
{
	struct postgresql_operation *operation = pg->oldest;

	assert(operation != NULL && pg->waiting > 0);
	if (pg->gathering == operation)
		pg->gathering = NULL;
	pg->oldest = operation->next;
	if (pg->oldest == NULL)
		pg->newest = NULL;
	pg->waiting--;
	pg->batches -= ends_batch(operation);
	return operation;
}

/* ---- reporting ---- */

static struct slice slice_of(const struct postgresql_text *text)
{
	return text == NULL ? (struct slice){0} : (struct slice){text->bytes, text->length};
}

/* Only what was seen from its first reply to its last can be counted. */
static int64_t rows_of(const struct postgresql_operation *operation)
{
	bool whole = !operation->reply_holed && !operation->nameless && (operation->flags & EXCHANGE_END_UNSEEN) == 0;
	bool any = operation->returns_rows || operation->rows > 0;

	return whole && any && !operation->failed ? operation->rows : -1;
}

static void hand_over(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *operation)
{
	struct exchange exchange = exchange_begin(flow, operation->start_ns, operation->end_ns,
						  (enum exchange_end)operation->end, operation->flags);

	exchange.protocol = EXCHANGE_DATABASE;
	exchange.database = (struct database_exchange){
		.system = DATABASE_POSTGRESQL,
		.language = DATABASE_SQL,
		.name_space = slice_of(pg->database),
		.query_text = slice_of(operation->text),
		.parameterised = operation->parameterised,
		.operations = operation->statements > 1 && !operation->reply_holed ? operation->statements : 1,
		.failed = operation->failed,
		.returned_rows = rows_of(operation),
	};
	if (operation->sqlstate[0] != '\0')
		exchange.database.status_code = (struct slice){operation->sqlstate, POSTGRESQL_SQLSTATE_BYTES};
	exchange_hand_over(flow, &exchange);
	drop(pg, flow, operation);
}

static void hand_over_unanswered(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *operation,
				 enum exchange_end reason)
{
	operation->flags &= ~(uint32_t)(EXCHANGE_END_INFERRED | EXCHANGE_RESPONSE_CUT);
	operation->flags |= EXCHANGE_RESPONSE_UNSEEN | EXCHANGE_END_UNSEEN;
	operation->failed = false;
	operation->sqlstate[0] = '\0';
	operation->statements = 0;
	operation->end = (uint8_t)reason;
	/* how long nobody answered is known if it was the close that ended the waiting */
	operation->end_ns = reason == EXCHANGE_CUT_BY_CLOSE ? flow->last_ns : 0;
	hand_over(pg, flow, operation);
}

void postgresql_finish(struct postgresql *pg, const struct flow *flow, enum exchange_end end, uint32_t flags)
{
	struct postgresql_operation *operation = take_oldest(pg);

	if (!is_reported(operation)) {
		drop(pg, flow, operation);
		return;
	}
	/* a client's send may be recorded after the receipt of the answer */
	if (operation->begun && operation->start_ns > operation->first_reply_ns)
		operation->start_ns = operation->first_reply_ns;
	operation->end = (uint8_t)end;
	operation->flags |= flags;
	if (!pg->unproven) {
		hand_over(pg, flow, operation);
		return;
	}
	postgresql_refute(pg, flow, EXCHANGE_CUT_BY_LOSS);
	pg->unproven = true;
	pg->kept = operation;
	if (pg->sides[FROM_CLIENT].phase == POSTGRESQL_LOST)
		postgresql_refute(pg, flow, EXCHANGE_CUT_BY_LOSS);
}

void postgresql_prove(struct postgresql *pg, const struct flow *flow)
{
	if (pg->kept == NULL)
		return;
	pg->unproven = false;
	hand_over(pg, flow, pg->kept);
}

void postgresql_refute(struct postgresql *pg, const struct flow *flow, enum exchange_end reason)
{
	if (pg->kept == NULL)
		return;
	pg->unproven = false;
	counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
	hand_over_unanswered(pg, flow, pg->kept, reason);
}

void postgresql_settle(struct postgresql *pg, const struct flow *flow)
{
	struct postgresql_operation *front;

	while ((front = postgresql_front(pg)) != NULL && front->kind == POSTGRESQL_EXTENDED &&
	       front->replies_due == 0 && front != pg->gathering && !(front->open_ended && !front->failed))
		postgresql_finish(pg, flow, EXCHANGE_ENDED_BY_MESSAGE, 0);
}

void postgresql_gathered(struct postgresql *pg, const struct flow *flow)
{
	if (pg->gathering == NULL)
		return;
	pg->gathering = NULL;
	postgresql_settle(pg, flow);
}

/* ---- ReadyForQuery ---- */

/* After an error the server skips what it gets up to Sync: its Parse has had no effect either. */
static void report_skipped(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *operation)
{
	operation->failed = operation->executes || operation->kind != POSTGRESQL_EXTENDED;
	operation->end_ns = flow->last_ns;
	if (operation->parses && operation->text != NULL)
		operation->text->refused = true;
	postgresql_finish(pg, flow, EXCHANGE_RESET_BY_SERVER, 0);
}

static void finish_at_ready(struct postgresql *pg, const struct flow *flow)
{
	struct postgresql_operation *front = pg->oldest;
	bool outcome_seen = front->failed || front->statements > 0 || !front->reply_holed;

	front->end_ns = flow->last_ns;
	postgresql_finish(pg, flow, EXCHANGE_ENDED_BY_MESSAGE,
			  outcome_seen ? 0 : EXCHANGE_END_INFERRED | EXCHANGE_RESPONSE_CUT);
}

static void answer_batch(struct postgresql *pg, const struct flow *flow, bool aborted)
{
	bool last = false;

	while (!last && postgresql_front(pg) != NULL) {
		struct postgresql_operation *front = pg->oldest;

		last = aborted ? front->kind == POSTGRESQL_SYNC : ends_batch(front);
		if (aborted && !last && !front->failed)
			report_skipped(pg, flow, front);
		else if (last || front->failed || front->reply_holed || !front->executes)
			finish_at_ready(pg, flow);
		else { /* it cannot have been ready */
			postgresql_reply_misfits(pg, flow);
			return;
		}
	}
}

void postgresql_ready(struct postgresql *pg, const struct flow *flow)
{
	bool aborted = pg->aborted;

	pg->aborted = pg->copying_in = false;
	answer_batch(pg, flow, aborted);
	if (aborted)
		postgresql_names_forget_refused(&pg->names, flow);
}

void postgresql_drop_syncs(struct postgresql *pg, const struct flow *flow)
{
	struct postgresql_operation *front = pg->oldest, *next;

	while ((next = front->next) != NULL && next->kind == POSTGRESQL_SYNC && !next->after_gap) {
		front->next = next->next;
		if (pg->newest == next)
			pg->newest = front;
		pg->waiting--;
		pg->batches--;
		drop(pg, flow, next);
	}
}

void postgresql_cut_oldest(struct postgresql *pg, const struct flow *flow, enum exchange_end reason)
{
	struct postgresql_operation *operation = take_oldest(pg);

	operation->end = (uint8_t)reason;
	if (!is_reported(operation)) {
		drop(pg, flow, operation);
	} else if (operation->failed) { /* that was its end, but for ReadyForQuery */
		operation->flags |= EXCHANGE_END_INFERRED;
		operation->end = reason == EXCHANGE_CUT_BY_CLOSE ? EXCHANGE_ENDED_BY_CLOSE : EXCHANGE_ENDED_BY_MESSAGE;
		hand_over(pg, flow, operation);
	} else if (operation->begun) {
		operation->flags |= EXCHANGE_END_UNSEEN;
		hand_over(pg, flow, operation);
	} else {
		hand_over_unanswered(pg, flow, operation, reason);
	}
}

void postgresql_cut_all(struct postgresql *pg, const struct flow *flow, enum exchange_end reason)
{
	while (pg->oldest != NULL)
		postgresql_cut_oldest(pg, flow, reason);
	pg->aborted = pg->gap = pg->gap_between = false;
	pg->copying_in = false;
}
