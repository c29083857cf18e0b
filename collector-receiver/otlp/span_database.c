/* Apply the database span conventions to an exchange. */
#include "otlp/span_conventions.h"
#include "otlp/span_end.h"
#include "otlp/span_endpoints.h"

/* What the conventions of each system say. */
static const struct system {
	struct slice name;
	uint16_t default_port;
	enum sql_dialect dialect;
	bool has_peer;		/* network.peer.* is among its attributes */
	bool namespace_is_name; /* and fit for span names; Redis's is a number */
} systems[DATABASE_SYSTEMS] = {
	[DATABASE_POSTGRESQL] = {SLICE_LITERAL("postgresql"), 5432, SQL_POSTGRESQL, .namespace_is_name = true},
	[DATABASE_MYSQL] = {SLICE_LITERAL("mysql"), 3306, SQL_MYSQL, .namespace_is_name = true},
	[DATABASE_MARIADB] = {SLICE_LITERAL("mariadb"), 3306, SQL_MYSQL, .namespace_is_name = true},
	[DATABASE_REDIS] = {SLICE_LITERAL("redis"), 6379, .has_peer = true},
	[DATABASE_MEMCACHED] = {SLICE_LITERAL("memcached"), 11211, .has_peer = true},
};

/* What the name is made from; absent parts have length 0. */
struct database_names {
	struct slice summary;
	struct slice operation;
	struct slice procedure;
	struct slice name_space;
};

static void add_present(struct span *span, enum attribute_name name, struct slice text)
{
	if (text.length > 0)
		span_add_text(span, name, text);
}

static struct slice clean_name(struct span *span, struct slice raw)
{
	return redaction_text(&span->space, raw, REDACTION_DATABASE_NAME_MAX);
}

/* "{first} {second}", the parts being clean. */
static struct slice join(struct span *span, struct slice first, struct slice second)
{
	char *start = span->space.bytes + span->space.length;

	if (span->space.capacity - span->space.length < first.length + 1 + second.length)
		return first;
	memcpy(start, first.bytes, first.length);
	start[first.length] = ' ';
	memcpy(start + first.length + 1, second.bytes, second.length);
	span->space.length += first.length + 1 + second.length;
	return (struct slice){start, first.length + 1 + second.length};
}

static void set_name(struct span *span, const struct system *system, const struct database_names *names)
{
	struct slice target = names->procedure;

	if (target.length == 0 && system->namespace_is_name)
		target = names->name_space;
	if (names->summary.length > 0)
		span->name = names->summary;
	else if (names->operation.length > 0)
		span->name = target.length > 0 ? join(span, names->operation, target) : names->operation;
	else
		span->name = target.length > 0 ? target : system->name;
}

static void set_server(struct span *span, const struct system *system, const struct exchange *exchange)
{
	struct slice address = span_write_server_address(span, exchange);
	uint16_t port = span_server_port(exchange);

	if (address.length == 0)
		return;
	span_add_text(span, ATTRIBUTE_SERVER_ADDRESS, address);
	if (port != 0 && port != system->default_port)
		span_add_integer(span, ATTRIBUTE_SERVER_PORT, port);
}

static void set_outcome(struct span *span, const struct database_exchange *database)
{
	struct slice code = redaction_code(database->status_code);

	add_present(span, ATTRIBUTE_DB_RESPONSE_STATUS_CODE, code);
	if (database->failed)
		span_set_error(span, code.length > 0 ? code : SLICE_LITERAL("_OTHER"));
}

static struct sql_text sql_of(const struct exchange *exchange)
{
	return (struct sql_text){
		.text = exchange->database.query_text,
		.dialect = systems[exchange->database.system].dialect,
		.cut = (exchange->flags & EXCHANGE_REQUEST_CUT) != 0,
	};
}

/* A batch has a summary even if nothing is known of its statements. */
static struct slice summary_of(struct span *span, const struct exchange *exchange)
{
	const struct database_exchange *database = &exchange->database;
	const struct sql_text sql = sql_of(exchange);

	if (database->language != DATABASE_SQL)
		return (struct slice){0};
	if (sql.text.length == 0)
		return database->operations >= 2 && database->operation.length == 0 ? SLICE_LITERAL("BATCH")
										    : (struct slice){0};
	return redaction_query_summary(&span->space, &sql, database->operations >= 2);
}

/* A command's arguments are keys and values: without them the text is what the protocol's parser counted. */
static struct slice command_text(struct span *span, const struct database_exchange *database,
				 const struct redaction *rules, struct slice operation)
{
	if (rules->query_text == QUERY_TEXT_OFF)
		return (struct slice){0};
	if (rules->query_text == QUERY_TEXT_RAW && database->query_text.length > 0 &&
	    redaction_arguments_may_leave(operation))
		return redaction_text(&span->space, database->query_text, REDACTION_QUERY_TEXT_MAX);
	if (operation.length == 0)
		return (struct slice){0};
	return redaction_command(&span->space, operation, database->arguments);
}

static struct slice query_text(struct span *span, const struct exchange *exchange, const struct redaction *rules,
			       struct slice operation)
{
	const struct sql_text sql = sql_of(exchange);

	if (exchange->database.language == DATABASE_COMMAND)
		return command_text(span, &exchange->database, rules, operation);
	return redaction_query_text(&span->space, rules, &sql, exchange->database.parameterised);
}

void span_set_database(struct span *span, const struct exchange *exchange, const struct span_rules *rules)
{
	const struct database_exchange *database = &exchange->database;
	const struct system *system = &systems[database->system];
	struct database_names names = {
		.summary = summary_of(span, exchange),
		.operation = redaction_code(database->operation),
		.procedure = clean_name(span, database->stored_procedure),
		.name_space = clean_name(span, database->name_space),
	};

	span->scope = OTLP_SCOPE_DATABASE;
	span->metric = exchange->role == EXCHANGE_SERVER ? METRIC_NONE : METRIC_DATABASE_CLIENT;
	span_add_text(span, ATTRIBUTE_DB_SYSTEM_NAME, system->name);
	add_present(span, ATTRIBUTE_DB_NAMESPACE, names.name_space);
	add_present(span, ATTRIBUTE_DB_OPERATION_NAME, names.operation);
	add_present(span, ATTRIBUTE_DB_STORED_PROCEDURE_NAME, names.procedure);
	add_present(span, ATTRIBUTE_DB_QUERY_SUMMARY, names.summary);
	add_present(span, ATTRIBUTE_DB_QUERY_TEXT, query_text(span, exchange, &rules->redaction, names.operation));
	if (database->operations >= 2)
		span_add_integer(span, ATTRIBUTE_DB_OPERATION_BATCH_SIZE, database->operations);
	set_name(span, system, &names);
	set_server(span, system, exchange);
	if (system->has_peer)
		span_set_peer(span, exchange);
	set_outcome(span, database);
	if (!database->failed && (exchange->flags & EXCHANGE_RESPONSE_CUT) != 0)
		span_add_text(span, ATTRIBUTE_SHMOTEL_OUTCOME, SLICE_LITERAL("unseen"));
	if (rules->returned_rows && database->returned_rows >= 0)
		span_add_integer(span, ATTRIBUTE_DB_RESPONSE_RETURNED_ROWS, database->returned_rows);
}
