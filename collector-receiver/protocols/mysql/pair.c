/* Put MySQL commands and their answers together: a server answers in the order of the commands. */
#include <assert.h>
#include <stdio.h>

#include "counters.h"
#include "protocols/mysql/mysql.h"

enum { DIRECT_STATEMENT = UINT32_MAX }; /* MariaDB: the statement that was prepared last */

/* ---- commands ---- */

static bool is_execution(uint8_t code)
{
	return code == MYSQL_COM_STMT_EXECUTE || code == MARIADB_COM_STMT_BULK_EXECUTE;
}

static struct mysql_request *newest_prepare(struct mysql *my)
{
	struct mysql_request *found = NULL;

	for (struct mysql_request *r = my->oldest; r != NULL; r = r->next) {
		if (r->code == MYSQL_COM_STMT_PREPARE)
			found = r;
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
		command->cut = prepare->flags & EXCHANGE_REQUEST_CUT;
		return;
	}
	const struct mysql_statement *statement = mysql_statements_find(&my->statements, id);

	if (statement == NULL)
		return;
	command->text = (struct slice){statement->text, statement->text_bytes};
	command->cut = statement->cut;
	command->parameterised = statement->parameterised;
}

static struct slice keep(struct slice s, char **at)
{
	struct slice kept = {*at, s.length};

	if (s.bytes == NULL)
		return s;
	memcpy(*at, s.bytes, s.length);
	*at += s.length;
	return kept;
}

static struct mysql_request *request_create(const struct flow *flow, const struct mysql_command *command)
{
	size_t bytes = sizeof(struct mysql_request) + command->text.length + command->traceparent.length;
	struct mysql_request *request = block_pool_take(flow->pool, bytes);

	if (request == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return NULL;
	}
	char *at = request->bytes;

	*request = (struct mysql_request){
		.block_bytes = bytes,
		.start_ns = flow->first_ns,
		.turn = flow->first_turn,
		.flags = command->cut ? EXCHANGE_REQUEST_CUT : 0,
		.code = command->code,
		.last_sequence = command->last_sequence,
		.any_sequence = command->long_command,
		.executes_last = command->statement_id == DIRECT_STATEMENT,
		.parameterised = command->parameterised,
		.text = keep(command->text, &at),
		.traceparent = keep(command->traceparent, &at),
	};
	return request;
}

void mysql_pair_request(struct mysql *my, const struct flow *flow, const struct mysql_command *seen)
{
	struct mysql_command command = *seen;

	if (my->outstanding >= MYSQL_OUTSTANDING_MAX || my->given_up > 0) {
		counter_add(COUNTER_PIPELINE_FULL, 1);
		my->given_up++;
		return;
	}
	if (is_execution(command.code))
		find_text(my, &command);
	struct mysql_request *request = request_create(flow, &command);

	if (request == NULL) {
		my->given_up++;
		return;
	}
	request->after_gap = my->next_after_gap;
	my->next_after_gap = false;
	if (my->newest == NULL)
		my->oldest = request;
	else
		my->newest->next = request;
	my->newest = request;
	my->outstanding++;
}

/* ---- exchanges ---- */

static int64_t returned_rows(const struct mysql_reply *reply, enum exchange_end end, uint32_t flags)
{
	bool certain = end == EXCHANGE_ENDED_BY_MESSAGE && !(flags & (EXCHANGE_END_INFERRED | EXCHANGE_RESPONSE_UNSEEN));

	return certain && reply->result_set && !reply->rows_unknown ? reply->rows : -1;
}

static struct database_exchange describe(const struct mysql *my, const struct mysql_request *request, int64_t rows)
{
	bool sql = mysql_is_operation(request->code) || request->code == MYSQL_COM_STMT_PREPARE;

	return (struct database_exchange){
		.system = my->mariadb ? DATABASE_MARIADB : DATABASE_MYSQL,
		.language = DATABASE_SQL,
		.name_space = {my->schema_bytes == 0 ? NULL : my->schema, my->schema_bytes},
		.query_text = sql && request->text.length > 0 ? request->text : (struct slice){0},
		.parameterised = request->parameterised,
		.operations = 1,
		.failed = request->reply.failed,
		.returned_rows = rows,
	};
}

static void report(struct mysql *my, const struct flow *flow, const struct mysql_request *request,
		   enum exchange_end end, uint32_t flags, uint64_t end_ns)
{
	char code[8];
	struct exchange exchange = {
		.process = flow->process,
		.endpoints = flow->endpoints,
		.connection_id = flow->connection_id,
		.start_ns = request->start_ns,
		.end_ns = end_ns > request->start_ns ? end_ns : request->start_ns,
		.role = flow->role,
		.end = end,
		.flags = request->flags | flags,
		.traceparent = request->traceparent,
		.protocol = EXCHANGE_DATABASE,
		.database = describe(my, request, returned_rows(&request->reply, end, flags)),
	};

	if (request->reply.failed) {
		int length = snprintf(code, sizeof(code), "%u", request->reply.error);

		exchange.database.status_code = (struct slice){code, (size_t)length};
	}
	counter_add(exchange.flags & (EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN) ? COUNTER_EXCHANGES_INCOMPLETE
										       : COUNTER_EXCHANGES, 1);
	flow->sink->take(flow->sink->context, &exchange);
}

/* A statement that was prepared is reported when it is executed; one that could not be, now. */
static bool is_reported(const struct mysql_request *request)
{
	return mysql_is_operation(request->code) ||
	       (request->code == MYSQL_COM_STMT_PREPARE && request->reply.failed);
}

static void complete(struct mysql *my, const struct flow *flow, struct mysql_request *request, enum exchange_end end,
		     uint32_t flags)
{
	bool outcome_seen = (flags & EXCHANGE_RESPONSE_CUT) == 0 || request->reply.prepared;

	if (is_reported(request))
		report(my, flow, request, end, flags, request->reply.last_ns);
	if (end == EXCHANGE_ENDED_BY_MESSAGE && outcome_seen)
		mysql_apply(my, flow, request);
	else
		mysql_apply_unknown(my, request);
	block_pool_give(flow->pool, request, request->block_bytes);
}

/* How long nobody answered is known if it was the close that ended the waiting. */
static void complete_unanswered(struct mysql *my, const struct flow *flow, struct mysql_request *request,
				enum exchange_end reason)
{
	request->reply = (struct mysql_reply){0};
	if (is_reported(request))
		report(my, flow, request, reason, EXCHANGE_RESPONSE_UNSEEN | EXCHANGE_END_UNSEEN,
		       reason == EXCHANGE_CUT_BY_CLOSE ? flow->last_ns : 0);
	mysql_apply_unknown(my, request);
	block_pool_give(flow->pool, request, request->block_bytes);
}

/* ---- answers ---- */

static struct mysql_request *take_oldest(struct mysql *my)
{
	struct mysql_request *request = my->oldest;

	assert(request != NULL && my->outstanding > 0);
	my->oldest = request->next;
	if (my->oldest == NULL)
		my->newest = NULL;
	my->outstanding--;
	my->infile = false;
	return request;
}

/* Of those that wait, only the newest can be told to be answered by the next answer. */
static void leave_newest(struct mysql *my, const struct flow *flow)
{
	if (!my->unproven && my->oldest != NULL && my->oldest->after_gap)
		mysql_pair_doubt(my, flow);
	if (!my->unproven) {
		my->pipelined |= my->outstanding > 1;
		return;
	}
	mysql_pair_refute(my, flow, EXCHANGE_CUT_BY_LOSS);
	while (my->oldest != my->newest)
		complete_unanswered(my, flow, take_oldest(my), EXCHANGE_CUT_BY_LOSS);
}

void mysql_pair_answer(struct mysql *my, const struct flow *flow)
{
	leave_newest(my, flow);
	my->answering = my->oldest != NULL;
	if (my->answering)
		my->oldest->reply = (struct mysql_reply){.first_ns = flow->first_ns, .last_ns = flow->last_ns};
	else if (my->given_up > 0)
		my->given_up--;
	else
		counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
}

void mysql_pair_finish(struct mysql *my, const struct flow *flow, enum exchange_end end, uint32_t flags)
{
	if (!my->answering)
		return;
	struct mysql_request *request = take_oldest(my);

	my->answering = false;
	/* a client's send may be recorded after the receipt of the answer */
	if (request->start_ns > request->reply.first_ns)
		request->start_ns = request->reply.first_ns;
	if (!my->unproven) {
		complete(my, flow, request, end, flags);
		return;
	}
	my->kept = request;
	my->kept_end = end;
	my->kept_flags = flags;
	if (my->client_lost)
		mysql_pair_refute(my, flow, EXCHANGE_CUT_BY_LOSS);
}

/* ---- losses ---- */

void mysql_pair_doubt(struct mysql *my, const struct flow *flow)
{
	mysql_pair_refute(my, flow, EXCHANGE_CUT_BY_LOSS);
	if (my->pipelined || my->given_up > 0)
		mysql_pair_cut_all(my, flow, EXCHANGE_CUT_BY_LOSS);
	my->unproven = my->oldest != NULL;
}

void mysql_pair_prove(struct mysql *my, const struct flow *flow)
{
	struct mysql_request *request = my->kept;

	if (request == NULL && !my->answering)
		return;
	my->kept = NULL;
	my->unproven = false;
	if (request != NULL)
		complete(my, flow, request, my->kept_end, my->kept_flags);
}

void mysql_pair_refute(struct mysql *my, const struct flow *flow, enum exchange_end reason)
{
	struct mysql_request *request = my->kept;

	if (request == NULL)
		return;
	my->kept = NULL;
	counter_add(COUNTER_RESPONSES_UNMATCHED, 1);
	complete_unanswered(my, flow, request, reason);
}

static void cut_oldest(struct mysql *my, const struct flow *flow, enum exchange_end reason)
{
	if (my->answering)
		mysql_pair_finish(my, flow, reason, EXCHANGE_END_UNSEEN);
	else
		complete_unanswered(my, flow, take_oldest(my), reason);
}

void mysql_pair_cut_before(struct mysql *my, const struct flow *flow, uint32_t turn, enum exchange_end reason)
{
	while (my->oldest != NULL && my->oldest->turn != turn)
		cut_oldest(my, flow, reason);
	if (my->oldest == NULL)
		mysql_pair_cut_all(my, flow, reason);
}

void mysql_pair_cut_all(struct mysql *my, const struct flow *flow, enum exchange_end reason)
{
	while (my->oldest != NULL)
		cut_oldest(my, flow, reason);
	my->given_up = 0;
	my->unproven = my->kept != NULL;
}
