/* The database conventions, one case a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "span_rule.h"

#define ON_PORT(number)                                                                                                \
	static const struct exchange_endpoints ends_##number = {                                                       \
		.network = EXCHANGE_NETWORK_IPV4,                                                                      \
		.local_port = 51234,                                                                                   \
		.remote_port = (number),                                                                               \
		.local_address = {10, 0, 0, 2},                                                                        \
		.remote_address = {10, 0, 0, 1},                                                                       \
	}
ON_PORT(5432);
ON_PORT(3306);
ON_PORT(6379);
ON_PORT(11211);

SET(nothing, (void)e)
SET(default_port, e->endpoints = &ends_5432)
SET(another_systems_port, e->endpoints = &ends_3306)
SET(unix_socket, e->endpoints = &unix_ends)
SET(mysql, e->database.system = DATABASE_MYSQL; e->endpoints = &ends_3306)
SET(mariadb, e->database.system = DATABASE_MARIADB; e->endpoints = &ends_3306)
SET(copy, e->database.operation = S("COPY"); e->database.query_text = (struct slice){0})
SET(copy_nowhere, copy(e); e->database.name_space = (struct slice){0})
SET(unknown_statement, e->database.query_text = (struct slice){0})
SET(nothing_known, unknown_statement(e); e->database.name_space = (struct slice){0})
SET(procedure, unknown_statement(e); e->database.stored_procedure = S("add_user"); e->database.operation = S("CALL"))
SET(refused, e->database.failed = true; e->database.status_code = S("42P01"))
SET(refused_without_code, e->database.failed = true)
SET(warned, e->database.status_code = S("01000"))
SET(chatty_code, e->database.failed = true; e->database.status_code = S("ERR no user bob@example.com"))
SET(cut, e->flags = EXCHANGE_REQUEST_CUT; e->database.query_text = S("SELECT a FROM t WHERE b = 'sec"))
SET(cut_in_name, e->flags = EXCHANGE_REQUEST_CUT; e->database.query_text = S("SELECT a FROM use"))
SET(outcome_unseen, e->flags |= EXCHANGE_END_INFERRED | EXCHANGE_RESPONSE_CUT)
SET(parameterised, e->database.parameterised = true; e->database.query_text = S("SELECT a FROM t WHERE b = $1 LIMIT 5"))
SET(parameterised_for_show, e->database.parameterised = true)
SET(unreadable, mysql(e); e->database.query_text = S("SELECT a FROM t WHERE b = \"secret"))
SET(mysql_quotes, mysql(e); e->database.query_text = S("SELECT `a` FROM `t` WHERE b = \"secret\""))
SET(unknown_words, e->database.query_text = S("frobnicate t"))
SET(batch, e->database.operations = 3)
SET(batch_of_different, batch(e); e->database.query_text = S("SELECT a FROM t; DELETE FROM u; SELECT 1"))
SET(batch_unknown, batch(e); e->database.query_text = (struct slice){0})
SET(batch_of_one, e->database.operations = 1)
SET(closed, e->end = EXCHANGE_CUT_BY_CLOSE; e->flags = EXCHANGE_END_UNSEEN)
SET(dirty_namespace, e->database.name_space = S("sh\x1bop"))

SET(redis_default_port, e->endpoints = &ends_6379)
SET(redis_unix, e->endpoints = &unix_ends)
SET(no_arguments, e->database.operation = S("PING"); e->database.arguments = 0)
SET(two_words, e->database.operation = S("CONFIG GET"))
SET(many_arguments, e->database.operation = S("MGET"); e->database.arguments = 17)
SET(most_arguments, e->database.operation = S("MGET"); e->database.arguments = 16)
SET(a_value_for_operation, e->database.operation = S("secret:with:colons"))
SET(function_call, e->database.operation = S("FCALL"); e->database.stored_procedure = S("mylib_add"))
SET(wrong_type, e->database.failed = true; e->database.status_code = S("WRONGTYPE"))
SET(memcached, e->database.system = DATABASE_MEMCACHED; e->endpoints = &ends_11211;
    e->database.name_space = (struct slice){0}; e->database.operation = S("get"); e->database.arguments = 2)
SET(pipeline, e->database.operation = S("PIPELINE GET"); e->database.operations = 16)

static const struct rule rules_of_sql[] = {
	{"the plain case",
	 CLIENT,
	 nothing,
	 {"name", "SELECT users", "db.query.summary", "SELECT users", "db.query.text",
	  "SELECT name FROM users WHERE mail = ?", "db.system.name", "postgresql", "db.namespace", "shop", "status",
	  "Unset"}},
	{"the server's end", CLIENT, nothing, {"server.address", "10.0.0.1", "server.port", "8080", "error.type", "-"}},
	{"what is not there or not by default",
	 CLIENT,
	 nothing,
	 {"db.operation.name", "-", "db.operation.batch.size", "-", "db.response.returned_rows", "-",
	  "db.response.status_code", "-", "db.stored_procedure.name", "-", "network.peer.address", "-",
	  "network.peer.port", "-"}},
	{"the default port is left out", CLIENT, default_port, {"server.address", "10.0.0.1", "server.port", "-"}},
	{"another system's default is not", CLIENT, another_systems_port, {"server.port", "3306"}},
	{"MySQL", CLIENT, mysql, {"db.system.name", "mysql", "server.port", "-"}},
	{"MariaDB", CLIENT, mariadb, {"db.system.name", "mariadb", "server.port", "-"}},
	{"a Unix socket", CLIENT, unix_socket, {"server.address", "/run/app.sock", "server.port", "-"}},
	{"the server's own span",
	 SERVER,
	 nothing,
	 {"db.system.name", "postgresql", "server.address", "10.0.0.1", "server.port", "8080"}},

	{"operation and namespace", CLIENT, copy, {"name", "COPY shop", "db.operation.name", "COPY"}},
	{"operation alone", CLIENT, copy_nowhere, {"name", "COPY"}},
	{"a statement prepared before anybody watched",
	 CLIENT,
	 unknown_statement,
	 {"name", "shop", "db.query.text", "-"}},
	{"nothing known at all", CLIENT, nothing_known, {"name", "postgresql"}},
	{"a stored procedure goes before the namespace",
	 CLIENT,
	 procedure,
	 {"name", "CALL add_user", "db.stored_procedure.name", "add_user"}},

	{"refused", CLIENT, refused, {"db.response.status_code", "42P01", "error.type", "42P01", "status", "Error"}},
	{"refused without a code",
	 CLIENT,
	 refused_without_code,
	 {"db.response.status_code", "-", "error.type", "_OTHER", "status", "Error"}},
	{"an outcome that was not seen says so",
	 CLIENT,
	 outcome_unseen,
	 {"shmotel.outcome", "unseen", "error.type", "-", "status", "Unset"}},
	{"a warning is no error",
	 CLIENT,
	 warned,
	 {"db.response.status_code", "01000", "error.type", "-", "status", "Unset"}},
	{"what is not a code does not leave",
	 CLIENT,
	 chatty_code,
	 {"db.response.status_code", "-", "error.type", "_OTHER", "status", "Error"}},
	{"a text that is cut", CLIENT, cut, {"name", "SELECT t", "db.query.text", "SELECT a FROM t WHERE b = ?"}},
	{"a text that is cut within a name",
	 CLIENT,
	 cut_in_name,
	 {"name", "SELECT", "db.query.text", "SELECT a FROM "}},
	{"values that travel apart",
	 CLIENT,
	 parameterised,
	 {"name", "SELECT t", "db.query.text", "SELECT a FROM t WHERE b = $1 LIMIT ?"}},
	{"values that are said to",
	 CLIENT,
	 parameterised_for_show,
	 {"db.query.text", "SELECT name FROM users WHERE mail = ?"}},
	{"a text that nobody can read",
	 CLIENT,
	 unreadable,
	 {"name", "shop", "db.query.text", "-", "db.query.summary", "-"}},
	{"MySQL's quotes",
	 CLIENT,
	 mysql_quotes,
	 {"name", "SELECT `t`", "db.query.text", "SELECT `a` FROM `t` WHERE b = ?"}},
	{"a statement of no known kind", CLIENT, unknown_words, {"name", "shop", "db.query.summary", "-"}},
	{"a batch of the same",
	 CLIENT,
	 batch,
	 {"name", "BATCH SELECT users", "db.query.summary", "BATCH SELECT users", "db.operation.batch.size", "3"}},
	{"a batch of different statements", CLIENT, batch_of_different, {"name", "BATCH"}},
	{"a batch of nobody knows what", CLIENT, batch_unknown, {"name", "BATCH", "db.query.text", "-"}},
	{"a batch of one is none", CLIENT, batch_of_one, {"db.operation.batch.size", "-"}},
	{"closed before the response's end",
	 CLIENT,
	 closed,
	 {"error.type", "connection_closed", "status", "Error", "shmotel.end", "close"}},
	{"names are clean text",
	 CLIENT,
	 dirty_namespace,
	 {"db.namespace", "sh\xef\xbf\xbd"
			  "op"}},
};

static const struct rule rules_of_commands[] = {
	{"the plain case",
	 CLIENT,
	 nothing,
	 {"name", "GET", "db.system.name", "redis", "db.namespace", "3", "db.operation.name", "GET", "db.query.text",
	  "GET ?", "db.query.summary", "-", "network.peer.address", "10.0.0.1", "network.peer.port", "8080"}},
	{"the default port is left out: of the server, not of the peer",
	 CLIENT,
	 redis_default_port,
	 {"server.port", "-", "network.peer.port", "6379"}},
	{"a Unix socket",
	 CLIENT,
	 redis_unix,
	 {"server.address", "/run/app.sock", "network.peer.address", "/run/app.sock", "network.transport", "unix"}},
	{"no arguments", CLIENT, no_arguments, {"db.query.text", "PING"}},
	{"two words", CLIENT, two_words, {"name", "CONFIG GET", "db.query.text", "CONFIG GET ?"}},
	{"as many arguments as are shown",
	 CLIENT,
	 most_arguments,
	 {"db.query.text", "MGET ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ?"}},
	{"one more", CLIENT, many_arguments, {"db.query.text", "MGET ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ..."}},
	{"what is not an operation's name does not leave",
	 CLIENT,
	 a_value_for_operation,
	 {"name", "redis", "db.operation.name", "-", "db.query.text", "-"}},
	{"a function", CLIENT, function_call, {"name", "FCALL mylib_add", "db.stored_procedure.name", "mylib_add"}},
	{"an error's prefix", CLIENT, wrong_type, {"db.response.status_code", "WRONGTYPE", "error.type", "WRONGTYPE"}},
	{"memcached",
	 CLIENT,
	 memcached,
	 {"name", "get", "db.system.name", "memcached", "db.namespace", "-", "db.query.text", "get ? ?", "server.port",
	  "-", "network.peer.port", "11211"}},
	{"a pipeline", CLIENT, pipeline, {"name", "PIPELINE GET", "db.operation.batch.size", "16"}},
};

static void sql_systems_follow_the_conventions(void **state)
{
	(void)state;
	check_rules(rules_of_sql, sizeof(rules_of_sql) / sizeof(rules_of_sql[0]), database_fixture);
}

static void command_systems_follow_the_conventions(void **state)
{
	(void)state;
	check_rules(rules_of_commands, sizeof(rules_of_commands) / sizeof(rules_of_commands[0]), command_fixture);
}

static void only_clients_have_a_metric(void **state)
{
	struct exchange exchange = database_fixture(CLIENT, NULL);

	(void)state;
	make(&exchange);
	assert_int_equal(span.scope, OTLP_SCOPE_DATABASE);
	assert_int_equal(span.kind, SPAN_KIND_CLIENT);
	assert_int_equal(span.metric, METRIC_DATABASE_CLIENT);
	exchange.role = SERVER;
	make(&exchange);
	assert_int_equal(span.kind, SPAN_KIND_SERVER);
	assert_int_equal(span.metric, METRIC_NONE);
}

static void returned_rows_are_opt_in(void **state)
{
	struct exchange exchange = database_fixture(CLIENT, NULL);

	(void)state;
	rules.returned_rows = true;
	make(&exchange);
	assert_string_equal(value("db.response.returned_rows"), "3");
	exchange.database.returned_rows = -1;
	make(&exchange);
	assert_string_equal(value("db.response.returned_rows"), "-");
}

static void keys_and_values_leave_only_when_configured(void **state)
{
	struct exchange exchange = command_fixture(CLIENT, NULL);

	(void)state;
	rules.redaction.query_text = QUERY_TEXT_SANITISED;
	make(&exchange);
	assert_string_equal(value("db.query.text"), "GET ?");
	rules.redaction.query_text = QUERY_TEXT_RAW;
	make(&exchange);
	assert_string_equal(value("db.query.text"), "GET user:42");
	rules.redaction.query_text = QUERY_TEXT_OFF;
	make(&exchange);
	assert_string_equal(value("db.query.text"), "-");
	assert_string_equal(value("name"), "GET");
}

static void credentials_never_leave_whatever_is_configured(void **state)
{
	static const char *const operations[] = {"AUTH",      "auth",	    "HELLO",	    "ACL SETUSER", "CONFIG SET",
						 "config set", "MIGRATE",   "SENTINEL SET", "MODULE LOADEX",
						 "sasl_auth",
						 "sasl_step", "not-a:name"};
	static const char *const statements[] = {
		"CREATE USER u IDENTIFIED BY 'hunter2'",
		"ALTER ROLE u WITH ENCRYPTED PASSWORD 'hunter2' VALID UNTIL $1",
		"set password for 'u'@'%' = 'hunter2'",
		"CHANGE MASTER TO MASTER_PASSWORD='hunter2'",
		"CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p",
		"SELECT dblink_connect('user=u pwd=hunter2', $1)",
	};

	(void)state;
	for (rules.redaction.query_text = QUERY_TEXT_SANITISED; rules.redaction.query_text <= QUERY_TEXT_RAW;
	     rules.redaction.query_text++) {
		struct exchange command = command_fixture(CLIENT, NULL), sql = database_fixture(CLIENT, NULL);

		command.database.query_text = S("x SETUSER u >hunter2");
		for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
			command.database.operation = (struct slice){operations[i], strlen(operations[i])};
			make(&command);
			assert_null(strstr(value("db.query.text"), "hunter2"));
		}
		sql.database.parameterised = true;
		for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
			sql.database.query_text = (struct slice){statements[i], strlen(statements[i])};
			make(&sql);
			assert_null(strstr(value("db.query.text"), "hunter2"));
			assert_null(strstr(value("name"), "hunter2"));
		}
	}
}

static void without_query_text_there_is_its_summary(void **state)
{
	struct exchange exchange = database_fixture(CLIENT, NULL);

	(void)state;
	rules.redaction.query_text = QUERY_TEXT_OFF;
	make(&exchange);
	assert_string_equal(value("db.query.text"), "-");
	assert_string_equal(value("db.query.summary"), "SELECT users");
}

static void a_comment_of_sqlcommenter_continues_the_trace(void **state)
{
	struct exchange exchange = database_fixture(CLIENT, NULL);

	(void)state;
	exchange.database.query_text =
		S("SELECT 1 /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/");
	make(&exchange);
	assert_true(span.has_parent);
	assert_int_equal(span.trace_id[0], 0x4b);
	assert_string_equal(value("db.query.text"), "SELECT ? ");
}

static void the_longest_dirtiest_operation_stays_within_the_span(void **state)
{
	static char dirt[70000];
	struct slice all = {dirt, sizeof(dirt)};
	struct exchange exchange = database_fixture(CLIENT, NULL);

	(void)state;
	memset(dirt, 0x1b, sizeof(dirt));
	exchange.database.name_space = exchange.database.stored_procedure = exchange.database.operation = all;
	exchange.database.status_code = exchange.database.query_text = all;
	for (rules.redaction.query_text = QUERY_TEXT_SANITISED; rules.redaction.query_text <= QUERY_TEXT_RAW;
	     rules.redaction.query_text++) {
		make(&exchange);
		assert_true(span.space.length <= sizeof(span.text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sql_systems_follow_the_conventions, seed),
		cmocka_unit_test_setup(command_systems_follow_the_conventions, seed),
		cmocka_unit_test_setup(only_clients_have_a_metric, seed),
		cmocka_unit_test_setup(returned_rows_are_opt_in, seed),
		cmocka_unit_test_setup(keys_and_values_leave_only_when_configured, seed),
		cmocka_unit_test_setup(credentials_never_leave_whatever_is_configured, seed),
		cmocka_unit_test_setup(without_query_text_there_is_its_summary, seed),
		cmocka_unit_test_setup(a_comment_of_sqlcommenter_continues_the_trace, seed),
		cmocka_unit_test_setup(the_longest_dirtiest_operation_stays_within_the_span, seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
