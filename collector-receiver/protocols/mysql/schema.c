/* Follow which schema a MySQL session uses, and which statements it has prepared. */
#include "counters.h"
#include "protocols/mysql/mysql.h"

void mysql_schema_set(struct mysql *my, struct slice schema)
{
	if (schema.length > sizeof(my->schema))
		schema.length = 0; /* no name is so long */
	if (schema.length > 0)
		memcpy(my->schema, schema.bytes, schema.length);
	my->schema_bytes = (uint16_t)schema.length;
}

void mysql_schema_forget(struct mysql *my)
{
	my->schema_bytes = 0;
}

/* Does an answer that waits for proof report one, too? */
static bool reported_before(const struct mysql *my)
{
	for (const struct request *r = my->pairing.oldest; r != my->pairing.unanswered; r = r->next) {
		if (((const struct mysql_request *)r)->reply.schema_reported)
			return true;
	}
	return false;
}

void mysql_schema_report(struct mysql *my, struct slice schema)
{
	if (schema.length > sizeof(my->next_schema) || reported_before(my))
		schema.length = 0;
	if (schema.length > 0)
		memcpy(my->next_schema, schema.bytes, schema.length);
	my->next_schema_bytes = (uint16_t)schema.length;
	mysql_unanswered(my)->reply.schema_reported = true;
}

/* The schema that the command asks for, if it is one that does. */
static bool asks_for_schema(const struct mysql_request *request, struct slice *schema)
{
	switch (request->code) {
	case MYSQL_COM_INIT_DB:
	case MYSQL_COM_CHANGE_USER:
		*schema = request->text;
		return true;
	case MYSQL_COM_QUERY:
	case MYSQL_COM_STMT_EXECUTE:
		return mysql_parse_use(request->text, schema);
	default:
		return false;
	}
}

static void apply_schema(struct mysql *my, const struct mysql_request *request)
{
	struct slice schema;
	bool asked = asks_for_schema(request, &schema);

	my->schema_moves |= asked && request->code != MYSQL_COM_CHANGE_USER;
	if (request->reply.schema_reported) {
		mysql_schema_set(my, (struct slice){my->next_schema, my->next_schema_bytes});
		my->schema_moves = true;
	} else if (asked && !request->reply.failed) {
		mysql_schema_set(my, schema);
	}
	if (request->reply.schema_dropped)
		mysql_schema_forget(my);
}

static void apply_prepared(struct mysql *my, const struct flow *flow, const struct mysql_request *request)
{
	const struct mysql_reply *reply = &request->reply;

	mysql_statements_add(&my->statements, flow->pool, reply->statement_id, request->text, reply->parameters > 0,
			     request->request.flags & EXCHANGE_REQUEST_CUT);
	/* executed before this answer came: MariaDB's direct execution */
	for (struct request *r = my->pairing.oldest; r != NULL; r = r->next) {
		struct mysql_request *next = (struct mysql_request *)r;

		if (next->code == MYSQL_COM_STMT_PREPARE)
			return;
		if (next->executes_last)
			next->parameterised = reply->parameters > 0;
	}
}

void mysql_apply(struct pairing *pairing, const struct flow *flow, const struct request *answered)
{
	const struct mysql_request *request = (const struct mysql_request *)answered;
	const struct mysql_reply *reply = &request->reply;
	struct mysql *my = (struct mysql *)pairing;

	if ((answered->flags & EXCHANGE_END_INFERRED) != 0 && !reply->failed && !reply->prepared) {
		mysql_apply_unknown(pairing, answered);
		return;
	}
	apply_schema(my, request);
	if (reply->failed)
		return;
	if (request->code == MYSQL_COM_STMT_PREPARE && reply->prepared)
		apply_prepared(my, flow, request);
	if (request->code == MYSQL_COM_RESET_CONNECTION || request->code == MYSQL_COM_CHANGE_USER)
		mysql_statements_clear(&my->statements, flow->pool);
}

void mysql_apply_unknown(struct pairing *pairing, const struct request *unanswered)
{
	struct mysql *my = (struct mysql *)pairing;
	struct slice schema;

	my->infile = false;
	if (asks_for_schema((const struct mysql_request *)unanswered, &schema))
		mysql_schema_forget(my);
}
