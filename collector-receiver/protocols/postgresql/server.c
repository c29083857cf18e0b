/* Follow what a PostgreSQL server answers. */
#include "counters.h"
#include "protocols/postgresql/postgresql.h"

/* Parse, Bind, Describe and Close are each answered by one message; does the operation wait for this one? */
static bool is_due(const struct postgresql_operation *front, char type)
{
	switch (type) {
	case '1':
		return front->parses && !front->parsed;
	case '2':
		return !front->bound && (front->binds || (front->open_ended && front->parses)) &&
		       front->parsed == front->parses;
	default:
		return front->open_ended || front->replies_due > (front->executes ? 1 : 0);
	}
}

static void take_acknowledgement(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *front,
				 char type)
{
	if (front->reply_holed)
		return;
	if (!is_due(front, type)) {
		if (front->open_ended) { /* it was a preparation: these are replies to what was not seen */
			postgresql_finish(pg, flow, EXCHANGE_CUT_BY_LOSS, 0);
			return;
		}
		postgresql_reply_misfits(pg, flow);
		return;
	}
	front->parsed |= type == '1';
	front->bound |= type == '2';
	if (front->replies_due > 0)
		front->replies_due--;
	postgresql_settle(pg, flow);
}

/* "SELECT 5", also of CREATE TABLE AS: the tag says whether there may be rows, the DataRows how many. */
static bool tag_returns_rows(struct slice tag)
{
	return (tag.length > 7 && memcmp(tag.bytes, "SELECT ", 7) == 0) ||
	       (tag.length > 6 && memcmp(tag.bytes, "FETCH ", 6) == 0);
}

/* CommandComplete, EmptyQueryResponse, PortalSuspended, FunctionCallResponse. */
static void take_completion(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *front,
			    const struct postgresql_message *message)
{
	front->statements++;
	pg->copying_in = false;
	if (front->kind != POSTGRESQL_EXTENDED)
		return; /* rows are announced by a RowDescription there */
	front->returns_rows |= message->type == 'C' && tag_returns_rows(message->body);
	if (front->open_ended && front->bound)
		front->executes = true;
	else if (!front->executes || (front->replies_due != 1 && !front->reply_holed)) {
		postgresql_reply_misfits(pg, flow);
		return;
	}
	postgresql_finish(pg, flow, EXCHANGE_ENDED_BY_MESSAGE, 0);
}

static void take_error(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *front,
		       const struct postgresql_message *message)
{
	struct slice code = postgresql_sqlstate(message->body);

	front->failed = true;
	if (code.length > 0)
		memcpy(front->sqlstate, code.bytes, code.length);
	else if (!postgresql_message_is_whole(message))
		front->flags |= EXCHANGE_RESPONSE_CUT;
	pg->copying_in = false;
	if (front->kind == POSTGRESQL_QUERY)
		front->statements++;
	if (front->kind != POSTGRESQL_EXTENDED)
		return; /* ReadyForQuery follows */
	pg->aborted = true;
	if (front->parses && !front->parsed && front->text != NULL)
		front->text->refused = true;
	front->replies_due = 0;
	postgresql_settle(pg, flow);
}

static enum step take_reply(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *front,
			    const struct postgresql_message *message)
{
	switch (message->type) {
	case '1':
	case '2':
	case '3':
	case 'n':
		take_acknowledgement(pg, flow, front, message->type);
		break;
	case 'T':
		front->returns_rows = true;
		if (front->kind == POSTGRESQL_EXTENDED)
			take_acknowledgement(pg, flow, front, message->type);
		break;
	case 'D':
		front->rows++;
		break;
	case 'C':
	case 'I':
	case 's':
	case 'V':
		take_completion(pg, flow, front, message);
		break;
	case 'E':
		take_error(pg, flow, front, message);
		break;
	case 'G':
		pg->copying_in = true;
		postgresql_drop_syncs(pg, flow);
		break;
	default: /* ParameterDescription, CopyOutResponse and the data that is copied */
		break;
	}
	return STEP_TOOK;
}

/* Did something complete whose request was not seen? */
static void count_unmatched(char type)
{
	if (memchr("CIsVE", type, 5) != NULL)
		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
}

static void begin_reply(struct postgresql *pg, const struct flow *flow, struct postgresql_operation *front)
{
	if (front->begun)
		return;
	front->begun = true;
	front->first_reply_ns = flow->first_ns;
	pg->batch |= pg->batches > 1 && !pg->unproven;
	pg->pipelined |= pg->batch;
}

static enum step ready_for_query(struct postgresql *pg, const struct flow *flow, struct slice status)
{
	pg->idle = true;
	pg->readies++;
	if (pg->starting)
		pg->starting = false;
	else if (!pg->adrift)
		postgresql_ready(pg, flow);
	if (pg->oldest == NULL && slice_equal(status, SLICE_LITERAL("I"))) /* no transaction */
		postgresql_names_forget_portals(&pg->names, flow);
	return STEP_TOOK;
}

/* Has the reply overtaken its request, whole or the rest of it? */
static bool comes_early(const struct postgresql *pg, char type)
{
	const struct postgresql_operation *front = postgresql_front(pg);

	if (pg->starting || pg->adrift || pg->gap)
		return false;
	if (pg->oldest == NULL || (type == 'Z' && pg->batches == 0))
		return true;
	if (front == NULL || front != pg->gathering || front->failed || front->reply_holed)
		return false;
	if (type == 'E')
		return front->replies_due == 0;
	return memchr("CIs", type, 3) != NULL || (memchr("123nT", type, 5) != NULL && !is_due(front, type));
}

enum step postgresql_server_message(struct postgresql *pg, const struct flow *flow,
				    const struct postgresql_message *message)
{
	struct postgresql_operation *front = postgresql_front(pg);

	if (memchr("NSARKv", message->type, 6) != NULL) /* at any time, or during start-up */
		return STEP_TOOK;
	if (flow->may_wait && comes_early(pg, message->type))
		return STEP_WAIT;
	pg->reply_last_ns = flow->last_ns;
	pg->reply_tail_unseen = false;
	if (message->type == 'Z')
		return ready_for_query(pg, flow, message->body);
	pg->idle = false;
	if (message->type == 'W') { /* replication: a protocol of its own from here on */
		postgresql_cut_all(pg, flow, EXCHANGE_CUT_BY_SHUTDOWN);
		return STEP_OPAQUE;
	}
	if (pg->starting || pg->adrift)
		return STEP_TOOK;
	if (front == NULL) {
		count_unmatched(message->type);
		return STEP_TOOK;
	}
	if (pg->aborted || (front->kind == POSTGRESQL_SYNC && message->type != 'E') || front->failed) {
		postgresql_reply_misfits(pg, flow);
		return STEP_TOOK;
	}
	begin_reply(pg, flow, front);
	front->end_ns = flow->last_ns;
	return take_reply(pg, flow, front, message);
}
