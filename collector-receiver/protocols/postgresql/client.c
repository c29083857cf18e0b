/* Follow what a PostgreSQL client sends: gather the messages that make up an operation.
 *
 * An operation is a Query, a FunctionCall or an Execute. To an Execute belong the Bind of its portal and the Parse of
 * that Bind's statement, with their Describes, if nothing but these comes between them. */
#include "counters.h"
#include "protocols/postgresql/postgresql.h"

/* The newest operation if a message may join it, else a new one. NULL if there is no room. */
static struct postgresql_operation *join_or_wait(struct postgresql *pg, const struct flow *flow, bool joins)
{
	if (!joins || pg->gathering == NULL) {
		postgresql_gathered(pg, flow);
		pg->gathering = postgresql_wait(pg, flow, POSTGRESQL_EXTENDED, NULL);
	}
	if (pg->gathering != NULL && !pg->gathering->failed) /* of what has failed the rest is not answered */
		pg->gathering->replies_due++;
	return pg->gathering;
}

static void wait_alone(struct postgresql *pg, const struct flow *flow, enum postgresql_kind kind,
		       struct postgresql_text *text)
{
	postgresql_gathered(pg, flow);
	postgresql_wait(pg, flow, kind, text);
}

static void take_query(struct postgresql *pg, const struct flow *flow, struct slice body)
{
	struct slice text;
	bool whole = postgresql_take_string(&body, &text);

	wait_alone(pg, flow, POSTGRESQL_QUERY, postgresql_text_create(flow, text, !whole));
}

static void take_parse(struct postgresql *pg, const struct flow *flow, struct slice body)
{
	struct slice name, text;
	struct postgresql_operation *operation = join_or_wait(pg, flow, false);

	if (!postgresql_take_string(&body, &name) || operation == NULL)
		return;
	bool whole = postgresql_take_string(&body, &text);

	operation->parses = true;
	operation->statement_hash = postgresql_name_hash('S', name);
	operation->text = postgresql_text_create(flow, text, !whole);
	operation->flags |= whole ? 0 : EXCHANGE_REQUEST_CUT;
	postgresql_names_set(&pg->names, flow, 'S', name, operation->text, false);
}

static void use_text_of(struct postgresql_operation *operation, const struct postgresql_named *known)
{
	if (known == NULL || known->text == NULL)
		return;
	operation->text = postgresql_text_hold(known->text);
	operation->flags |= known->text->cut ? EXCHANGE_REQUEST_CUT : 0;
}

static void take_bind(struct postgresql *pg, const struct flow *flow, struct slice body)
{
	struct postgresql_operation *gathering = pg->gathering;
	struct slice portal, statement;
	bool named = postgresql_take_string(&body, &portal) && postgresql_take_string(&body, &statement);
	bool joins = named && gathering != NULL && gathering->parses && !gathering->binds &&
		     gathering->statement_hash == postgresql_name_hash('S', statement);
	struct postgresql_operation *operation = join_or_wait(pg, flow, joins);

	if (operation == NULL)
		return;
	operation->binds = true;
	if (!named) {
		operation->flags |= EXCHANGE_REQUEST_CUT;
		return;
	}
	const struct postgresql_named *known = postgresql_names_find(&pg->names, 'S', statement);

	operation->portal_hash = postgresql_name_hash('P', portal);
	operation->parameterised = postgresql_bind_has_parameters(body);
	if (operation->text == NULL)
		use_text_of(operation, known);
	postgresql_names_set(&pg->names, flow, 'P', portal, operation->text, operation->parameterised);
}

static void take_execute(struct postgresql *pg, const struct flow *flow, struct slice body)
{
	struct postgresql_operation *gathering = pg->gathering;
	struct slice portal;
	bool named = postgresql_take_string(&body, &portal);
	bool joins = named && gathering != NULL && gathering->binds &&
		     gathering->portal_hash == postgresql_name_hash('P', portal);
	struct postgresql_operation *operation = join_or_wait(pg, flow, joins);

	if (operation == NULL)
		return;
	operation->executes = true;
	if (!named) {
		operation->flags |= EXCHANGE_REQUEST_CUT;
		operation->nameless = true;
	}
	pg->batched |= pg->executed;
	pg->executed = true;
	if (named && !joins) { /* a portal that was bound before, and fetched in part */
		const struct postgresql_named *known = postgresql_names_find(&pg->names, 'P', portal);

		use_text_of(operation, known);
		operation->parameterised = known != NULL && known->parameterised;
	}
	postgresql_gathered(pg, flow);
}

static void take_close(struct postgresql *pg, const struct flow *flow, struct slice body)
{
	struct slice name;

	join_or_wait(pg, flow, false);
	postgresql_gathered(pg, flow);
	if (body.length == 0)
		return;
	char kind = body.bytes[0];

	body.bytes++;
	body.length--;
	if (postgresql_take_string(&body, &name))
		postgresql_names_forget(&pg->names, flow, kind, name);
}

static void take_message(struct postgresql *pg, const struct flow *flow, const struct postgresql_message *message)
{
	bool has_text = message->type == 'Q' || message->type == 'P';

	if (has_text && message->bytes > POSTGRESQL_UNIT_BYTES_MAX &&
	    message->body.length + POSTGRESQL_HEAD_BYTES == POSTGRESQL_UNIT_BYTES_MAX)
		counter_add(COUNTER_HEADS_TOO_LONG, 1);
	switch (message->type) {
	case 'Q':
		take_query(pg, flow, message->body);
		break;
	case 'P':
		take_parse(pg, flow, message->body);
		break;
	case 'B':
		take_bind(pg, flow, message->body);
		break;
	case 'D':
		join_or_wait(pg, flow, true);
		break;
	case 'E':
		take_execute(pg, flow, message->body);
		break;
	case 'C':
		take_close(pg, flow, message->body);
		break;
	case 'F':
		wait_alone(pg, flow, POSTGRESQL_FUNCTION, NULL);
		break;
	case 'S':
		if (!pg->copying_in) /* there it is not answered */
			wait_alone(pg, flow, POSTGRESQL_SYNC, NULL);
		break;
	default: /* Flush, Terminate */
		postgresql_gathered(pg, flow);
		break;
	}
}

enum step postgresql_client_message(struct postgresql *pg, const struct flow *flow,
				    const struct postgresql_message *message)
{
	switch (message->type) {
	case 'd':
		return STEP_TOOK;
	case 'c':
	case 'f':
		pg->copying_in = false;
		return STEP_TOOK;
	case 'p':
		return STEP_TOOK;
	default:
		break;
	}
	if (flow->first_turn != pg->client_turn)
		postgresql_turn_begins(pg, flow);
	pg->client_turn = flow->first_turn;
	pg->executed &= message->type != 'S' && message->type != 'Q';
	postgresql_prove(pg, flow);
	take_message(pg, flow, message);
	return STEP_TOOK;
}
