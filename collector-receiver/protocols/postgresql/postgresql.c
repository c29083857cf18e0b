/* Follow both senders of a PostgreSQL connection from message to message, and find the way back after losses. */
#include "counters.h"
#include "protocols/postgresql/postgresql.h"

static void pg_open(void *state, const bool lost[2])
{
	struct postgresql *pg = state;

	for (int from = 0; from < 2; from++)
		pg->sides[from].phase = lost[from] ? POSTGRESQL_LOST : POSTGRESQL_AT_STARTUP;
	if (!lost[FROM_SERVER])
		pg->sides[FROM_SERVER].phase = POSTGRESQL_AT_MESSAGES;
}

static void give_everything_back(struct postgresql *pg, const struct flow *flow, enum exchange_end reason)
{
	postgresql_cut_all(pg, flow, reason);
	if (reason == EXCHANGE_CUT_BY_CLOSE)
		postgresql_prove(pg, flow); /* no message followed, and by the final offsets none is missing */
	postgresql_refute(pg, flow, reason);
	postgresql_names_clear(&pg->names, flow);
	postgresql_text_release(flow, pg->database);
	pg->database = NULL;
}

static enum step become_opaque(struct postgresql *pg, const struct flow *flow)
{
	give_everything_back(pg, flow, EXCHANGE_CUT_BY_SHUTDOWN);
	return STEP_OPAQUE;
}

/* ---- messages ---- */

static enum step take_message(struct postgresql *pg, const struct flow *flow, enum sender from,
			      const struct postgresql_message *message)
{
	enum step step = from == FROM_CLIENT ? postgresql_client_message(pg, flow, message)
					     : postgresql_server_message(pg, flow, message);

	if (step == STEP_OPAQUE)
		return become_opaque(pg, flow);
	if (step == STEP_TOOK)
		pg->sides[from].remaining = message->bytes - POSTGRESQL_HEAD_BYTES - message->body.length;
	return step;
}

static void note_reply_bytes(struct postgresql *pg, const struct flow *flow)
{
	pg->reply_tail_unseen = !flow->time_known;
	if (!flow->time_known)
		return;
	pg->reply_last_ns = flow->last_ns;
	if (pg->oldest != NULL && pg->oldest->begun)
		pg->oldest->end_ns = flow->last_ns;
}

static enum step next_message(struct postgresql *pg, const struct flow *flow, enum sender from, struct cursor *in)
{
	struct postgresql_side *side = &pg->sides[from];
	struct postgresql_message message;

	if (side->remaining > 0) {
		side->remaining -= cursor_skip(in, side->remaining);
		if (from == FROM_SERVER)
			note_reply_bytes(pg, flow);
		return STEP_TOOK;
	}
	switch (postgresql_message_read(from, cursor_rest(in), true, &message)) {
	case POSTGRESQL_MORE:
		return STEP_MORE;
	case POSTGRESQL_MALFORMED:
		counter_add(COUNTER_PARSER_MALFORMED, 1);
		return postgresql_lose(pg, flow, from);
	case POSTGRESQL_PARSED:
		break;
	}
	enum step step = take_message(pg, flow, from, &message);

	if (step == STEP_TOOK)
		cursor_skip(in, POSTGRESQL_HEAD_BYTES + message.body.length);
	return step;
}

/* ---- start-up ---- */

static enum step begin_session(struct postgresql *pg, const struct flow *flow, const struct postgresql_startup *startup)
{
	if (startup->replication)
		return become_opaque(pg, flow);
	pg->database = postgresql_text_create(flow, startup->database, false);
	pg->sides[FROM_CLIENT].phase = POSTGRESQL_AT_MESSAGES;
	pg->starting = true;
	pg->encryption_answers_due = 0;
	return STEP_TOOK;
}

static enum step next_startup(struct postgresql *pg, const struct flow *flow, struct cursor *in)
{
	struct postgresql_startup startup;

	switch (postgresql_startup_read(cursor_rest(in), &startup)) {
	case POSTGRESQL_MORE:
		return STEP_MORE;
	case POSTGRESQL_MALFORMED:
		if (pg->encryption_answers_due > 0 || pg->starting)
			return become_opaque(pg, flow); /* encrypted, though the answer was not seen */
		pg->sides[FROM_CLIENT].phase = POSTGRESQL_AT_MESSAGES; /* joined in its middle */
		return next_message(pg, flow, FROM_CLIENT, in);
	case POSTGRESQL_PARSED:
		break;
	}
	cursor_skip(in, startup.bytes);
	switch (startup.kind) {
	case POSTGRESQL_STARTUP:
		return begin_session(pg, flow, &startup);
	case POSTGRESQL_ENCRYPTION_REQUEST:
		pg->encryption_answers_due++;
		return STEP_TOOK;
	case POSTGRESQL_CANCEL_REQUEST: /* it ends with this, and nothing is answered */
		break;
	}
	return become_opaque(pg, flow);
}

static enum step next_encryption_answer(struct postgresql *pg, const struct flow *flow, struct cursor *in)
{
	pg->encryption_answers_due--;
	if (cursor_peek(in) != 'N')
		return become_opaque(pg, flow);
	cursor_skip(in, 1);
	return STEP_TOOK;
}

static enum step pg_next(void *state, const struct flow *flow, enum sender from, struct cursor *in)
{
	struct postgresql *pg = state;

	if (from == FROM_CLIENT && pg->sides[from].phase == POSTGRESQL_AT_STARTUP)
		return next_startup(pg, flow, in);
	if (from == FROM_SERVER && pg->encryption_answers_due > 0)
		return next_encryption_answer(pg, flow, in);
	return next_message(pg, flow, from, in);
}

static enum match pg_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			    bool more_may_come)
{
	struct postgresql *pg = state;
	enum match match = postgresql_find(from, bytes, more_may_come);

	if (match == MATCH_FROM_CLIENT)
		pg->sides[from].phase = POSTGRESQL_AT_MESSAGES;
	if (match == MATCH_FROM_SERVER)
		postgresql_server_found_again(pg, flow);
	if (from == FROM_SERVER && match == MATCH_NO)
		note_reply_bytes(pg, flow);
	return match;
}

/* ---- holes ---- */

/* The length of a message tells where it ends, however little was seen of it. */
static bool take_cut_message(struct postgresql *pg, const struct flow *flow, enum sender from, struct slice unfinished)
{
	struct flow now = *flow;
	struct postgresql_message message;

	now.may_wait = false;
	return postgresql_message_read(from, unfinished, false, &message) == POSTGRESQL_PARSED &&
	       take_message(pg, &now, from, &message) == STEP_TOOK;
}

static enum step pg_hole(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
			 uint64_t bytes)
{
	struct postgresql *pg = state;
	struct postgresql_side *side = &pg->sides[from];

	if (from == FROM_SERVER)
		note_reply_bytes(pg, flow);
	if (side->phase != POSTGRESQL_AT_MESSAGES || (from == FROM_SERVER && pg->encryption_answers_due > 0))
		return postgresql_lose(pg, flow, from);
	if (unfinished.length > 0 && !take_cut_message(pg, flow, from, unfinished))
		return postgresql_lose(pg, flow, from);
	if (bytes > side->remaining)
		return postgresql_lose(pg, flow, from);
	side->remaining -= bytes;
	return STEP_TOOK;
}

static void pg_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	if (from == FROM_SERVER)
		postgresql_server_ended(state, flow, clean);
	else if (unfinished.length > 0)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void pg_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	give_everything_back(state, flow, reason);
}

const struct protocol postgresql_protocol = {
	.name = "postgresql",
	.state_bytes = sizeof(struct postgresql),
	.unit_bytes_max = POSTGRESQL_UNIT_BYTES_MAX,
	.recognise = postgresql_recognise,
	.open = pg_open,
	.next = pg_next,
	.resync = pg_resync,
	.hole = pg_hole,
	.end = pg_end,
	.close = pg_close,
};
