/* Keep MySQL commands until they are answered, and tell what they were. */
#include "protocols/mysql/mysql.h"

enum { DIRECT_STATEMENT = UINT32_MAX }; /* MariaDB: the statement that was prepared last */

static bool is_execution(uint8_t code)
{
	return code == MYSQL_COM_STMT_EXECUTE || code == MARIADB_COM_STMT_BULK_EXECUTE;
}

static struct mysql_request *newest_prepare(struct mysql *my)
{
	struct mysql_request *found = NULL;

	for (struct request *r = my->pairing.oldest; r != NULL; r = r->next) {
		struct mysql_request *request = (struct mysql_request *)r;

		if (request->code == MYSQL_COM_STMT_PREPARE)
			found = request;
	}
	return found;
}

/* The text that was prepared, if that was seen. */
static void find_text(struct mysql *my, struct mysql_command *command)
{
	const struct mysql_request *prepare = NULL;
	uint32_t id = command->statement_id;

	if (id == DIRECT_STATEMENT) {
		prepare = newest_prepare(my);
		id = my->statements.last_id;
	}
	if (prepare != NULL) {
		command->text = prepare->text;
		command->cut = prepare->request.flags & EXCHANGE_REQUEST_CUT;
		return;
	}
	const struct mysql_statement *statement = mysql_statements_find(&my->statements, id);

	if (statement == NULL)
		return;
	command->text = (struct slice){statement->text, statement->text_bytes};
	command->cut = statement->cut;
	command->parameterised = statement->parameterised;
}

static struct request *create(const struct flow *flow, const struct mysql_command *command)
{
	struct mysql_request *request =
		request_create(flow, sizeof(*request), command->text.length + command->traceparent.length);

	if (request == NULL)
		return NULL;
	char *at = request->bytes;

	request->request.flags = command->cut ? EXCHANGE_REQUEST_CUT : 0;
	request->code = command->code;
	request->last_sequence = command->last_sequence;
	request->any_sequence = command->long_command;
	request->executes_last = command->statement_id == DIRECT_STATEMENT;
	request->parameterised = command->parameterised;
	request->text = request_keep(command->text, &at);
	request->traceparent = request_keep(command->traceparent, &at);
	return &request->request;
}

void mysql_request_wait(struct mysql *my, const struct flow *flow, const struct mysql_command *seen)
{
	struct mysql_command command = *seen;
	bool room = pairing_begin(&my->pairing, flow);

	if (room && is_execution(command.code))
		find_text(my, &command);
	pairing_wait(&my->pairing, room ? create(flow, &command) : NULL);
}

/* ---- what is told about a command ---- */

static int64_t returned_rows(const struct mysql_reply *reply, const struct exchange *exchange)
{
	bool certain = exchange->end == EXCHANGE_ENDED_BY_MESSAGE && (exchange->flags & EXCHANGE_END_INFERRED) == 0;

	return certain && reply->result_set && !reply->rows_unknown ? reply->rows : -1;
}

/* A statement that was prepared is reported when it is executed; one that could not be, now. */
static bool describe(const struct pairing *pairing, const struct request *waited, struct exchange *to)
{
	const struct mysql *my = (const struct mysql *)pairing;
	const struct mysql_request *request = (const struct mysql_request *)waited;
	const struct mysql_reply *reply = &request->reply;
	bool failed = reply->failed && (to->flags & EXCHANGE_RESPONSE_UNSEEN) == 0;

	if (!mysql_is_operation(request->code) && !(request->code == MYSQL_COM_STMT_PREPARE && failed))
		return false;
	if ((to->flags & EXCHANGE_END_INFERRED) != 0 && !failed) /* an error may end rows, too */
		to->flags |= EXCHANGE_RESPONSE_CUT;
	to->traceparent = request->traceparent;
	to->protocol = EXCHANGE_DATABASE;
	to->database = (struct database_exchange){
		.system = my->mariadb ? DATABASE_MARIADB : DATABASE_MYSQL,
		.language = DATABASE_SQL,
		.name_space = {my->schema_bytes == 0 ? NULL : my->schema, my->schema_bytes},
		.query_text = request->text.length > 0 ? request->text : (struct slice){0},
		.parameterised = request->parameterised,
		.operations = 1,
		.failed = failed,
		.returned_rows = returned_rows(reply, to),
	};
	if (failed)
		to->database.status_code = (struct slice){reply->code, reply->code_bytes};
	return true;
}

const struct pairing_rules mysql_rules = {
	.waiting_max = MYSQL_OUTSTANDING_MAX,
	.one_at_a_time = true,
	.describe = describe,
	.answered = mysql_apply,
	.unanswered = mysql_apply_unknown,
};
