/* The RPC conventions, as gRPC has them, one case a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "span_rule.h"

enum {
	UNSEEN_END = EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN,
};

SET(nothing, (void)e)
SET(unix_socket, e->endpoints = &unix_ends; e->rpc.authority = S("localhost"))
SET(no_authority, e->rpc.authority = (struct slice){0})
SET(authority_without_port, e->rpc.authority = S("shop.example"))
SET(no_path, e->rpc.path = (struct slice){0}; e->flags = EXCHANGE_HEAD_UNCERTAIN)
SET(strange_path, e->rpc.path = S("/favicon.ico"))
SET(empty_method, e->rpc.path = S("/shop.Cart/"))
SET(asterisk_path, e->rpc.path = S("*"))
SET(cancelled, e->rpc.status = 1)
SET(unknown, e->rpc.status = 2; e->rpc.status_message = S("out of \x1b"
							  "cheese"))
SET(invalid_argument, e->rpc.status = 3)
SET(deadline, e->rpc.status = 4)
SET(not_found, e->rpc.status = 5; e->rpc.status_message = S("no such cart"))
SET(unimplemented, e->rpc.status = 12)
SET(unavailable, e->rpc.status = 14)
SET(unauthenticated, e->rpc.status = 16)
SET(status_99, e->rpc.status = 99)
SET(status_largest, e->rpc.status = INT32_MAX)
SET(status_negative, e->rpc.status = INT32_MIN)
SET(no_status, e->rpc.status = RPC_STATUS_UNSEEN)
SET(no_status_uncertain, no_status(e); e->flags = EXCHANGE_HEAD_UNCERTAIN)
SET(no_status_end_unseen, no_status(e); e->flags = EXCHANGE_END_UNSEEN)
SET(http_503, no_status(e); e->rpc.http_status = 503)
SET(http_404, no_status(e); e->rpc.http_status = 404)
SET(http_401, no_status(e); e->rpc.http_status = 401)
SET(client_reset, no_status(e); e->rpc.http_status = 0; e->end = EXCHANGE_RESET_BY_CLIENT; e->flags = UNSEEN_END)
SET(client_reset_in_time, client_reset(e); e->rpc.timeout_ns = 13714288)
SET(client_reset_late, client_reset(e); e->rpc.timeout_ns = 13714285)
SET(server_reset, client_reset(e); e->end = EXCHANGE_RESET_BY_SERVER)
SET(server_refused, server_reset(e); e->rpc.reset_code = 7)
SET(server_calm, server_reset(e); e->rpc.reset_code = 11)
SET(server_cancel, server_reset(e); e->rpc.reset_code = 8)
SET(server_cancel_late, server_cancel(e); e->rpc.timeout_ns = 12000000)
SET(reset_behind_trailers, e->end = EXCHANGE_RESET_BY_SERVER)
SET(closed, client_reset(e); e->end = EXCHANGE_CUT_BY_CLOSE)
SET(lost, client_reset(e); e->end = EXCHANGE_CUT_BY_LOSS)
SET(uncounted, e->rpc.request_messages = -1; e->rpc.response_messages = 4)

static const struct rule rules_of_grpc[] = {
	{"the plain case: server",
	 SERVER,
	 nothing,
	 {"name", "shop.Cart/Add", "rpc.system.name", "grpc", "rpc.method", "shop.Cart/Add", "rpc.response.status_code",
	  "OK", "server.address", "shop.example", "server.port", "50051", "network.peer.address", "10.0.0.2", "status",
	  "Unset"}},
	{"the plain case: client",
	 CLIENT,
	 nothing,
	 {"name", "shop.Cart/Add", "rpc.method", "shop.Cart/Add", "rpc.response.status_code", "OK", "server.address",
	  "shop.example", "server.port", "50051", "network.peer.address", "10.0.0.1", "network.peer.port", "8080",
	  "error.type", "-"}},
	{"what is not there", CLIENT, nothing, {"rpc.method_original", "-", "shmotel.end", "-", "description", "-"}},
	{"messages are counted",
	 SERVER,
	 nothing,
	 {"shmotel.rpc.request.messages", "1", "shmotel.rpc.response.messages", "1"}},
	{"messages that were not all seen are not",
	 SERVER,
	 uncounted,
	 {"shmotel.rpc.request.messages", "-", "shmotel.rpc.response.messages", "4"}},

	{"a Unix socket: client",
	 CLIENT,
	 unix_socket,
	 {"server.address", "/run/app.sock", "server.port", "-", "network.transport", "unix", "network.peer.address",
	  "/run/app.sock"}},
	{"a Unix socket: server",
	 SERVER,
	 unix_socket,
	 {"server.address", "/run/app.sock", "network.peer.address", "-"}},
	{"no authority: the server's end: client",
	 CLIENT,
	 no_authority,
	 {"server.address", "10.0.0.1", "server.port", "8080"}},
	{"no authority: the server's end: server",
	 SERVER,
	 no_authority,
	 {"server.address", "10.0.0.1", "server.port", "8080"}},
	{"an authority's port is not guessed",
	 CLIENT,
	 authority_without_port,
	 {"server.address", "shop.example", "server.port", "-"}},

	{"a path that was not decoded",
	 SERVER,
	 no_path,
	 {"name", "grpc", "rpc.method", "-", "shmotel.head", "uncertain"}},
	{"a path of one part",
	 CLIENT,
	 strange_path,
	 {"name", "grpc", "rpc.method", "_OTHER", "rpc.method_original", "/favicon.ico"}},
	{"a path without a method",
	 CLIENT,
	 empty_method,
	 {"name", "grpc", "rpc.method", "_OTHER", "rpc.method_original", "/shop.Cart/"}},
	{"no path at all", SERVER, asterisk_path, {"name", "grpc", "rpc.method", "_OTHER", "rpc.method_original", "*"}},
	{"a server's method that it does not have",
	 SERVER,
	 unimplemented,
	 {"name", "grpc", "rpc.method", "_OTHER", "rpc.method_original", "shop.Cart/Add", "rpc.response.status_code",
	  "UNIMPLEMENTED", "status", "Error"}},
	{"a client's stub has it all the same",
	 CLIENT,
	 unimplemented,
	 {"name", "shop.Cart/Add", "rpc.method", "shop.Cart/Add", "error.type", "UNIMPLEMENTED"}},

	{"CANCELLED: server", SERVER, cancelled, {"status", "Unset", "rpc.response.status_code", "CANCELLED"}},
	{"CANCELLED: client", CLIENT, cancelled, {"status", "Error", "error.type", "CANCELLED"}},
	{"UNKNOWN: server", SERVER, unknown, {"status", "Error", "error.type", "UNKNOWN"}},
	{"the message is the description",
	 CLIENT,
	 unknown,
	 {"description", "out of \xef\xbf\xbd"
			 "cheese"}},
	{"INVALID_ARGUMENT: server", SERVER, invalid_argument, {"status", "Unset", "error.type", "-"}},
	{"INVALID_ARGUMENT: client", CLIENT, invalid_argument, {"status", "Error", "error.type", "INVALID_ARGUMENT"}},
	{"DEADLINE_EXCEEDED: server", SERVER, deadline, {"status", "Error", "error.type", "DEADLINE_EXCEEDED"}},
	{"NOT_FOUND: server",
	 SERVER,
	 not_found,
	 {"status", "Unset", "rpc.response.status_code", "NOT_FOUND", "description", "-"}},
	{"NOT_FOUND: client", CLIENT, not_found, {"status", "Error", "description", "no such cart"}},
	{"UNAVAILABLE: server", SERVER, unavailable, {"status", "Error"}},
	{"UNAUTHENTICATED: server", SERVER, unauthenticated, {"status", "Unset"}},
	{"a number without a name: server",
	 SERVER,
	 status_99,
	 {"status", "Error", "rpc.response.status_code", "99", "error.type", "99"}},
	{"the largest number", CLIENT, status_largest, {"rpc.response.status_code", "2147483647"}},
	{"a negative one is none", CLIENT, status_negative, {"rpc.response.status_code", "UNKNOWN"}},

	{"complete, without grpc-status",
	 CLIENT,
	 no_status,
	 {"rpc.response.status_code", "UNKNOWN", "status", "Error"}},
	{"trailers that could not be decoded",
	 CLIENT,
	 no_status_uncertain,
	 {"rpc.response.status_code", "-", "status", "Unset", "shmotel.head", "uncertain"}},
	{"an end that was not seen",
	 CLIENT,
	 no_status_end_unseen,
	 {"rpc.response.status_code", "-", "status", "Unset", "shmotel.end", "unseen"}},
	{"a proxy's 503", CLIENT, http_503, {"rpc.response.status_code", "UNAVAILABLE", "error.type", "UNAVAILABLE"}},
	{"a proxy's 404", CLIENT, http_404, {"rpc.response.status_code", "UNIMPLEMENTED"}},
	{"a proxy's 401", CLIENT, http_401, {"rpc.response.status_code", "UNAUTHENTICATED"}},

	{"given up by the client: client",
	 CLIENT,
	 client_reset,
	 {"rpc.response.status_code", "CANCELLED", "status", "Error", "shmotel.end", "reset_by_client"}},
	{"given up by the client: server",
	 SERVER,
	 client_reset,
	 {"rpc.response.status_code", "CANCELLED", "status", "Unset", "shmotel.end", "reset_by_client"}},
	{"given up well before its deadline", CLIENT, client_reset_in_time, {"rpc.response.status_code", "CANCELLED"}},
	{"given up at its deadline, as the wire shows it", SERVER, client_reset_late,
	 {"rpc.response.status_code", "DEADLINE_EXCEEDED"}},
	{"given up by the server", CLIENT, server_reset, {"rpc.response.status_code", "INTERNAL"}},
	{"refused", CLIENT, server_refused, {"rpc.response.status_code", "UNAVAILABLE", "error.type", "UNAVAILABLE"}},
	{"cancelled by the server", CLIENT, server_cancel, {"rpc.response.status_code", "CANCELLED"}},
	{"cancelled by the server at the deadline", CLIENT, server_cancel_late,
	 {"rpc.response.status_code", "DEADLINE_EXCEEDED"}},
	{"told to keep calm", CLIENT, server_calm, {"rpc.response.status_code", "RESOURCE_EXHAUSTED"}},
	{"a status goes before a reset",
	 SERVER,
	 reset_behind_trailers,
	 {"rpc.response.status_code", "OK", "shmotel.end", "reset_by_server"}},
	{"closed: nobody said a status",
	 CLIENT,
	 closed,
	 {"rpc.response.status_code", "-", "error.type", "connection_closed", "shmotel.end", "close"}},
	{"lost: nothing is invented",
	 CLIENT,
	 lost,
	 {"rpc.response.status_code", "-", "error.type", "-", "shmotel.end", "loss"}},
};

static void attributes_follow_the_conventions(void **state)
{
	(void)state;
	check_rules(rules_of_grpc, sizeof(rules_of_grpc) / sizeof(rules_of_grpc[0]), rpc_fixture);
}

static void scope_and_metric_are_those_of_rpc(void **state)
{
	struct exchange exchange = rpc_fixture(SERVER, NULL);

	(void)state;
	make(&exchange);
	assert_int_equal(span.scope, OTLP_SCOPE_RPC);
	assert_int_equal(span.metric, METRIC_RPC_SERVER);
	exchange.role = CLIENT;
	make(&exchange);
	assert_int_equal(span.metric, METRIC_RPC_CLIENT);
	assert_int_equal(span.kind, SPAN_KIND_CLIENT);
}

static void the_longest_dirtiest_call_stays_within_the_span(void **state)
{
	static char dirt[70000];
	struct slice all = {dirt, sizeof(dirt)};
	struct exchange exchange = rpc_fixture(CLIENT, NULL);

	(void)state;
	memset(dirt, 0x1b, sizeof(dirt));
	dirt[0] = dirt[2] = '/';
	exchange.rpc.path = exchange.rpc.authority = exchange.rpc.status_message = all;
	exchange.rpc.status = 13;
	make(&exchange);
	assert_true(span.space.length <= sizeof(span.text));
	assert_true(span.name.length > 0 && span.name.length <= REDACTION_RPC_METHOD_MAX);
	assert_true(span.status_message.length <= REDACTION_STATUS_MESSAGE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(attributes_follow_the_conventions, seed),
		cmocka_unit_test_setup(scope_and_metric_are_those_of_rpc, seed),
		cmocka_unit_test_setup(the_longest_dirtiest_call_stays_within_the_span, seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
