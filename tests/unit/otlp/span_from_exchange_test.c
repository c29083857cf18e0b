/* The HTTP conventions, one case a rule: what is set in an exchange, and what the span then says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "span_rule.h"

static const struct exchange_endpoints ipv6_ends = {
	.network = EXCHANGE_NETWORK_IPV6,
	.local_port = 80,
	.remote_port = 8080,
	.local_address = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
	.remote_address = {0x20, 0x01, 0x0d, 0xb8, [15] = 2},
};
static const struct exchange_endpoints mapped_ends = {
	.network = EXCHANGE_NETWORK_IPV6,
	.local_port = 80,
	.remote_port = 4000,
	.local_address = {[10] = 0xff, 0xff, 192, 0, 2, 1},
	.remote_address = {[10] = 0xff, 0xff, 192, 0, 2, 2},
};
SET(nothing, (void)e)
SET(query, e->http.target = S("/a/b?x=1&sig=s3cr3t"))
SET(empty_query, e->http.target = S("/a?"))
SET(no_host, e->http.host = (struct slice){0})
SET(host_no_port, e->http.host = S("shop.example"))
SET(host_bad_port, e->http.host = S("shop.example:99999"))
SET(host_ipv6, e->http.host = S("[2001:db8::5]:9000"))
SET(host_user, e->http.host = S("user:pass@shop.example:8080"))
SET(absolute, e->http.target = S("http://u:p@other.example/x?y=1"))
SET(absolute_port, e->http.target = S("https://other.example:8443"))
SET(connect_target, e->http.method = S("CONNECT"); e->http.target = S("db.example:5432"))
SET(asterisk, e->http.method = S("OPTIONS"); e->http.target = S("*"))
SET(forwarded, e->http.forwarded = S("For=\"[2001:db8::7]:4711\";Proto=HTTPS;host=\"pub.example:444\", for=10.9.9.9"))
SET(x_forwarded, e->http.x_forwarded_for = S("203.0.113.9:1234, 10.0.0.9"); e->http.x_forwarded_proto = S("https");
    e->http.x_forwarded_host = S("pub.example, inner"))
SET(both_forwarded, e->http.forwarded = S("for=192.0.2.60;proto=http"); e->http.x_forwarded_for = S("203.0.113.9");
    e->http.x_forwarded_proto = S("https"))
SET(hidden_forwarded, e->http.forwarded = S("for=_hidden"); e->http.x_forwarded_for = S("unknown");
    e->http.x_forwarded_proto = S("gopher"))
SET(hostile_forwarded, e->http.forwarded = S("for=\"\\\";;==,"); e->http.x_forwarded_for = S("<script>"))
SET(custom_method, e->http.method = S("PROPFIND"))
SET(lower_method, e->http.method = S("get"))
SET(query_method, e->http.method = S("QUERY"))
SET(no_method, e->http.method = (struct slice){0})
SET(status_404, e->http.status = 404)
SET(status_500, e->http.status = 500)
SET(status_302, e->http.status = 302)
SET(status_101, e->http.status = 101; e->http.upgraded = true)
SET(status_700, e->http.status = 700)
SET(http_1_0, e->http.version_minor = 0)
SET(http_2, e->http.version_major = 2; e->http.version_minor = 0; e->http.scheme = S("https"))
SET(agent, e->http.user_agent = S("curl/7.88.1\x1b"))
SET(over_ipv6, e->endpoints = &ipv6_ends; e->http.host = (struct slice){0})
SET(over_mapped, e->endpoints = &mapped_ends; e->http.host = (struct slice){0})
SET(over_unix, e->endpoints = &unix_ends)
SET(over_unix_no_host, e->endpoints = &unix_ends; e->http.host = (struct slice){0})
SET(cut_close, e->end = EXCHANGE_CUT_BY_CLOSE; e->flags = EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN;
    e->http.status = 0)
SET(cut_close_late, e->end = EXCHANGE_CUT_BY_CLOSE; e->flags = EXCHANGE_END_UNSEEN)
SET(cut_close_503, e->end = EXCHANGE_CUT_BY_CLOSE; e->flags = EXCHANGE_END_UNSEEN; e->http.status = 503)
SET(cut_loss, e->end = EXCHANGE_CUT_BY_LOSS; e->flags = EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN;
    e->http.status = 0)
SET(cut_loss_500, e->end = EXCHANGE_CUT_BY_LOSS; e->flags = EXCHANGE_END_UNSEEN; e->http.status = 500)
SET(cut_shutdown, e->end = EXCHANGE_CUT_BY_SHUTDOWN; e->flags = EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN;
    e->http.status = 0)
SET(ended_by_close, e->end = EXCHANGE_ENDED_BY_CLOSE)
SET(end_unseen, e->flags = EXCHANGE_END_UNSEEN)
SET(reset_by_client, e->end = EXCHANGE_RESET_BY_CLIENT; e->flags = EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN;
    e->http.status = 0)
SET(reset_by_server, e->end = EXCHANGE_RESET_BY_SERVER; e->flags = EXCHANGE_END_UNSEEN)
SET(head_uncertain, e->flags = EXCHANGE_HEAD_UNCERTAIN;
    e->http.method = e->http.target = e->http.host = (struct slice){0})
SET(start_unseen, e->flags = EXCHANGE_START_UNSEEN)

static const struct rule rule_table[] = {
	{"server: the plain case",
	 SERVER,
	 nothing,
	 {"http.request.method", "GET", "url.path", "/items", "url.scheme", "http", "server.address", "shop.example",
	  "server.port", "8080", "client.address", "10.0.0.2", "network.peer.address", "10.0.0.2", "network.peer.port",
	  "51234"}},
	{"server: status code and version",
	 SERVER,
	 nothing,
	 {"http.response.status_code", "200", "network.protocol.version", "1.1", "error.type", "-", "shmotel.end",
	  "-"}},
	{"server: what is never or not by default set",
	 SERVER,
	 nothing,
	 {"http.route", "-", "url.full", "-", "url.query", "-", "http.request.body.size", "-", "network.transport", "-",
	  "http.request.method_original", "-", "user_agent.original", "-"}},
	{"client: the plain case",
	 CLIENT,
	 nothing,
	 {"http.request.method", "GET", "url.full", "http://shop.example:8080/items", "server.address", "shop.example",
	  "server.port", "8080", "network.peer.address", "10.0.0.1", "network.peer.port", "8080"}},
	{"client: what belongs to servers is absent",
	 CLIENT,
	 agent,
	 {"url.path", "-", "url.scheme", "-", "client.address", "-", "user_agent.original", "-"}},

	{"a query is split off and redacted", SERVER, query, {"url.path", "/a/b", "url.query", "x=1&sig=REDACTED"}},
	{"url.full is redacted", CLIENT, query, {"url.full", "http://shop.example:8080/a/b?x=1&sig=REDACTED"}},
	{"an empty query is none for servers", SERVER, empty_query, {"url.path", "/a", "url.query", "-"}},
	{"an empty query stays in url.full", CLIENT, empty_query, {"url.full", "http://shop.example:8080/a?"}},

	{"server without Host: the local end", SERVER, no_host, {"server.address", "10.0.0.1", "server.port", "8080"}},
	{"client without Host: the remote end",
	 CLIENT,
	 no_host,
	 {"server.address", "10.0.0.1", "server.port", "8080", "url.full", "http://10.0.0.1:8080/items"}},
	{"Host without port: that of the scheme",
	 CLIENT,
	 host_no_port,
	 {"server.address", "shop.example", "server.port", "80", "url.full", "http://shop.example/items"}},
	{"Host with an impossible port",
	 SERVER,
	 host_bad_port,
	 {"server.address", "shop.example", "server.port", "80"}},
	{"an IPv6 literal loses its brackets in server.address only",
	 CLIENT,
	 host_ipv6,
	 {"server.address", "2001:db8::5", "server.port", "9000", "url.full", "http://[2001:db8::5]:9000/items"}},
	{"user information in Host",
	 CLIENT,
	 host_user,
	 {"server.address", "shop.example", "url.full", "http://REDACTED:REDACTED@shop.example:8080/items"}},
	{"an absolute target goes before Host: client",
	 CLIENT,
	 absolute,
	 {"server.address", "other.example", "server.port", "80", "url.full",
	  "http://REDACTED:REDACTED@other.example/x?y=1", "network.peer.address", "10.0.0.1"}},
	{"an absolute target goes before Host: server",
	 SERVER,
	 absolute,
	 {"server.address", "other.example", "url.path", "/x", "url.query", "y=1", "url.scheme", "http"}},
	{"an absolute target's scheme and port",
	 CLIENT,
	 absolute_port,
	 {"server.address", "other.example", "server.port", "8443", "url.full", "https://other.example:8443/"}},
	{"an absolute target without a path: server", SERVER, absolute_port, {"url.path", "/"}},
	{"CONNECT names the server and has no path: client",
	 CLIENT,
	 connect_target,
	 {"http.request.method", "CONNECT", "server.address", "db.example", "server.port", "5432", "url.full",
	  "//db.example:5432"}},
	{"CONNECT names the server and has no path: server",
	 SERVER,
	 connect_target,
	 {"server.address", "db.example", "server.port", "5432", "url.path", ""}},
	{"OPTIONS *: client", CLIENT, asterisk, {"url.full", "http://shop.example:8080"}},
	{"OPTIONS *: server", SERVER, asterisk, {"url.path", "*"}},

	{"Forwarded tells client, scheme and server",
	 SERVER,
	 forwarded,
	 {"client.address", "2001:db8::7", "url.scheme", "https", "server.address", "pub.example", "server.port", "444",
	  "network.peer.address", "10.0.0.2"}},
	{"X-Forwarded-* do the same",
	 SERVER,
	 x_forwarded,
	 {"client.address", "203.0.113.9", "url.scheme", "https", "server.address", "pub.example", "server.port",
	  "443"}},
	{"Forwarded goes first", SERVER, both_forwarded, {"client.address", "192.0.2.60", "url.scheme", "http"}},
	{"obfuscated and unknown values are passed over",
	 SERVER,
	 hidden_forwarded,
	 {"client.address", "10.0.0.2", "url.scheme", "http"}},
	{"malformed values are passed over", SERVER, hostile_forwarded, {"client.address", "10.0.0.2"}},
	{"clients do not read forwarding headers",
	 CLIENT,
	 forwarded,
	 {"server.address", "shop.example", "url.full", "http://shop.example:8080/items"}},

	{"a method that is not known",
	 SERVER,
	 custom_method,
	 {"http.request.method", "_OTHER", "http.request.method_original", "PROPFIND"}},
	{"methods are case-sensitive",
	 CLIENT,
	 lower_method,
	 {"http.request.method", "_OTHER", "http.request.method_original", "get"}},
	{"QUERY is known", SERVER, query_method, {"http.request.method", "QUERY", "http.request.method_original", "-"}},
	{"a method that was not seen",
	 SERVER,
	 no_method,
	 {"http.request.method", "_OTHER", "http.request.method_original", "-"}},

	{"4xx is no error of the server", SERVER, status_404, {"http.response.status_code", "404", "error.type", "-"}},
	{"4xx is an error of the client",
	 CLIENT,
	 status_404,
	 {"http.response.status_code", "404", "error.type", "404"}},
	{"5xx is an error of the server", SERVER, status_500, {"error.type", "500"}},
	{"5xx is an error of the client", CLIENT, status_500, {"error.type", "500"}},
	{"3xx is no error", CLIENT, status_302, {"error.type", "-"}},
	{"101 is no error", CLIENT, status_101, {"http.response.status_code", "101", "error.type", "-"}},
	{"a code that no client can interpret", CLIENT, status_700, {"error.type", "700"}},
	{"HTTP/1.0", SERVER, http_1_0, {"network.protocol.version", "1.0"}},
	{"HTTP/2", SERVER, http_2, {"network.protocol.version", "2", "url.scheme", "https"}},
	{"the user agent, cleaned", SERVER, agent, {"user_agent.original", "curl/7.88.1\xef\xbf\xbd"}},

	{"IPv6: server",
	 SERVER,
	 over_ipv6,
	 {"server.address", "2001:db8::1", "server.port", "80", "client.address", "2001:db8::2", "network.peer.port",
	  "8080"}},
	{"IPv6: client",
	 CLIENT,
	 over_ipv6,
	 {"server.address", "2001:db8::2", "url.full", "http://[2001:db8::2]:8080/items"}},
	{"IPv4 mapped into IPv6 is IPv4",
	 SERVER,
	 over_mapped,
	 {"server.address", "192.0.2.1", "client.address", "192.0.2.2", "network.peer.address", "192.0.2.2"}},
	{"IPv4 mapped into IPv6 is IPv4 in a URL too",
	 CLIENT,
	 over_mapped,
	 {"server.address", "192.0.2.2", "url.full", "http://192.0.2.2:4000/items"}},
	{"Unix socket",
	 CLIENT,
	 over_unix,
	 {"network.transport", "unix", "network.peer.address", "/run/app.sock", "network.peer.port", "-",
	  "server.address", "shop.example"}},
	{"the client of a Unix socket has no name",
	 SERVER,
	 over_unix,
	 {"network.transport", "unix", "network.peer.address", "-", "client.address", "-"}},
	{"Unix socket without Host: client",
	 CLIENT,
	 over_unix_no_host,
	 {"server.address", "/run/app.sock", "server.port", "-", "url.full", "http://localhost/items"}},
	{"Unix socket without Host: server",
	 SERVER,
	 over_unix_no_host,
	 {"server.address", "/run/app.sock", "server.port", "-", "client.address", "-"}},

	{"closed before any response",
	 CLIENT,
	 cut_close,
	 {"http.response.status_code", "-", "error.type", "connection_closed", "shmotel.end", "close"}},
	{"closed before any response: server",
	 SERVER,
	 cut_close,
	 {"http.response.status_code", "-", "error.type", "connection_closed", "shmotel.end", "close"}},
	{"closed within the response",
	 SERVER,
	 cut_close_late,
	 {"http.response.status_code", "200", "error.type", "connection_closed", "shmotel.end", "close"}},
	{"closed within an error response", SERVER, cut_close_503, {"error.type", "503", "shmotel.end", "close"}},
	{"lost: nothing is invented",
	 CLIENT,
	 cut_loss,
	 {"http.response.status_code", "-", "error.type", "-", "shmotel.end", "loss"}},
	{"lost behind the status line",
	 CLIENT,
	 cut_loss_500,
	 {"http.response.status_code", "500", "error.type", "500", "shmotel.end", "loss"}},
	{"shutdown: nothing is invented",
	 SERVER,
	 cut_shutdown,
	 {"http.response.status_code", "-", "error.type", "-", "shmotel.end", "shutdown"}},
	{"a response that ends with the connection is whole",
	 SERVER,
	 ended_by_close,
	 {"error.type", "-", "shmotel.end", "-"}},
	{"a start that was not seen", SERVER, start_unseen, {"shmotel.start", "unseen"}},
	{"an end that was not seen", SERVER, end_unseen, {"shmotel.end", "unseen", "error.type", "-"}},

	{"the client gave it up",
	 CLIENT,
	 reset_by_client,
	 {"error.type", "-", "shmotel.end", "reset_by_client", "http.response.status_code", "-"}},
	{"the server gave it up",
	 CLIENT,
	 reset_by_server,
	 {"error.type", "reset_by_server", "shmotel.end", "reset_by_server"}},
	{"a head that could not be decoded: what was not seen is absent: server",
	 SERVER,
	 head_uncertain,
	 {"shmotel.head", "uncertain", "http.request.method", "_OTHER", "http.request.method_original", "-", "url.path",
	  "-", "url.scheme", "http", "server.address", "10.0.0.1"}},
	{"a head that could not be decoded: what was not seen is absent: client",
	 CLIENT,
	 head_uncertain,
	 {"shmotel.head", "uncertain", "url.full", "-", "server.address", "10.0.0.1"}},
};

static void attributes_follow_the_conventions(void **state)
{
	(void)state;
	check_rules(rule_table, sizeof(rule_table) / sizeof(rule_table[0]), exchange_fixture);
}

static const struct {
	const char *what;
	enum exchange_role role;
	void (*change)(struct exchange *exchange);
	enum span_status status;
	bool duration_known;
} outcomes[] = {
	{"200", SERVER, nothing, SPAN_STATUS_UNSET, true},
	{"302", CLIENT, status_302, SPAN_STATUS_UNSET, true},
	{"404 at the server", SERVER, status_404, SPAN_STATUS_UNSET, true},
	{"404 at the client", CLIENT, status_404, SPAN_STATUS_ERROR, true},
	{"500 at the server", SERVER, status_500, SPAN_STATUS_ERROR, true},
	{"closed early", CLIENT, cut_close, SPAN_STATUS_ERROR, true},
	{"closed within the response", SERVER, cut_close_late, SPAN_STATUS_ERROR, true},
	{"lost", CLIENT, cut_loss, SPAN_STATUS_UNSET, false},
	{"lost behind a 500", CLIENT, cut_loss_500, SPAN_STATUS_ERROR, false},
	{"shutdown", SERVER, cut_shutdown, SPAN_STATUS_UNSET, false},
	{"end not seen", SERVER, end_unseen, SPAN_STATUS_UNSET, false},
	{"the client gave it up", SERVER, reset_by_client, SPAN_STATUS_UNSET, true},
	{"the server gave it up", CLIENT, reset_by_server, SPAN_STATUS_ERROR, true},
	{"ended by close", SERVER, ended_by_close, SPAN_STATUS_UNSET, true},
	{"start not seen", SERVER, start_unseen, SPAN_STATUS_UNSET, false},
};

static void status_is_error_only_where_an_error_was_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct exchange exchange = exchange_fixture(outcomes[i].role, NULL);

		outcomes[i].change(&exchange);
		make(&exchange);
		if (span.status != outcomes[i].status || span.duration_known != outcomes[i].duration_known)
			fail_msg("%s: status %d, duration known %d", outcomes[i].what, (int)span.status,
				 span.duration_known);
	}
}

static void a_span_is_named_by_its_method_and_never_by_its_path(void **state)
{
	struct exchange exchange = exchange_fixture(SERVER, NULL);

	(void)state;
	make(&exchange);
	assert_true(slice_equal(span.name, S("GET")));
	assert_int_equal(span.kind, SPAN_KIND_SERVER);
	custom_method(&exchange);
	exchange.role = CLIENT;
	make(&exchange);
	assert_true(slice_equal(span.name, S("HTTP")));
	assert_int_equal(span.kind, SPAN_KIND_CLIENT);
}

static void the_list_of_known_methods_can_be_replaced(void **state)
{
	static const struct slice methods[] = {SLICE_LITERAL("PROPFIND")};
	struct exchange exchange = exchange_fixture(SERVER, NULL);

	(void)state;
	rules.known_methods = methods;
	rules.known_method_count = 1;
	make(&exchange);
	assert_string_equal(value("http.request.method"), "_OTHER");
	custom_method(&exchange);
	make(&exchange);
	assert_string_equal(value("http.request.method"), "PROPFIND");
	assert_true(slice_equal(span.name, S("PROPFIND")));
}

static void body_sizes_are_opt_in(void **state)
{
	struct exchange exchange = exchange_fixture(SERVER, NULL);

	(void)state;
	exchange.http.response_body_bytes = 0;
	rules.body_sizes = true;
	make(&exchange);
	assert_string_equal(value("http.request.body.size"), "-");
	assert_string_equal(value("http.response.body.size"), "0");
}

static void times_are_unix_times(void **state)
{
	struct exchange exchange = exchange_fixture(SERVER, NULL);

	(void)state;
	span_from_exchange(&span, &exchange, &rules, &ids, 1000);
	assert_int_equal(span.start_unix_ns, exchange.start_ns + 1000);
	assert_int_equal(span.end_unix_ns, exchange.end_ns + 1000);
	span_from_exchange(&span, &exchange, &rules, &ids, -1000);
	assert_int_equal(span.start_unix_ns, exchange.start_ns - 1000);
}

#define TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void a_server_span_continues_the_callers_trace(void **state)
{
	struct exchange exchange = exchange_fixture(SERVER, NULL);

	(void)state;
	exchange.traceparent = S(TRACEPARENT);
	exchange.tracestate = S("vendor=1");
	make(&exchange);
	assert_true(span.has_parent);
	assert_true(span.sampled);
	assert_int_equal(span.trace_id[0], 0x4b);
	assert_int_equal(span.parent_span_id[1], 0xf0);
	assert_true(slice_equal(span.trace_state, S("vendor=1")));
	assert_int_equal(span.flags, 0x301);
}

static void a_client_span_is_the_child_of_what_its_request_carries(void **state)
{
	struct exchange exchange = exchange_fixture(CLIENT, NULL);

	(void)state;
	exchange.traceparent = S(TRACEPARENT);
	make(&exchange);
	assert_true(span.has_parent);
	assert_int_equal(span.trace_id[0], 0x4b);
	assert_int_equal(span.flags, 0x101);
}

static void without_a_valid_traceparent_a_new_trace_begins(void **state)
{
	struct exchange exchange = exchange_fixture(SERVER, NULL);
	uint8_t first[16];

	(void)state;
	exchange.traceparent = S("00-00000000000000000000000000000000-00f067aa0ba902b7-01");
	exchange.tracestate = S("vendor=1");
	make(&exchange);
	assert_false(span.has_parent);
	assert_true(span.sampled);
	assert_int_equal(span.flags, 0x101);
	assert_int_equal(span.trace_state.length, 0);
	memcpy(first, span.trace_id, sizeof(first));
	make(&exchange);
	assert_memory_not_equal(first, span.trace_id, sizeof(first));
}

static void an_unsampled_caller_makes_an_unsampled_span(void **state)
{
	struct exchange exchange = exchange_fixture(SERVER, NULL);

	(void)state;
	exchange.traceparent = S("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
	make(&exchange);
	assert_false(span.sampled);
	assert_int_equal(span.flags, 0x300);
}

/* Every field at its longest and dirtiest, so that everything has to be copied. */
static void the_longest_dirtiest_exchange_stays_within_the_span(void **state)
{
	static char dirt[70000];
	static char target[70000];
	struct slice all = {dirt, sizeof(dirt)};
	struct exchange exchange = exchange_fixture(SERVER, NULL);

	(void)state;
	memset(dirt, 0x1b, sizeof(dirt));
	memset(target, 0x1b, sizeof(target));
	target[0] = '/';
	target[30000] = '?';
	exchange.http.method = exchange.http.host = exchange.http.user_agent = exchange.tracestate = all;
	exchange.http.x_forwarded_for = exchange.http.forwarded = exchange.http.x_forwarded_host = all;
	exchange.http.target = (struct slice){target, sizeof(target)};
	exchange.traceparent = S(TRACEPARENT);
	make(&exchange);
	assert_true(span.space.length <= sizeof(span.text));
	assert_true(find("url.path")->text.length <= REDACTION_PATH_MAX);
	assert_true(find("user_agent.original")->text.length > REDACTION_USER_AGENT_MAX - 3);
	exchange.role = CLIENT;
	make(&exchange);
	assert_true(find("url.full")->text.length <= REDACTION_URL_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(attributes_follow_the_conventions, seed),
		cmocka_unit_test_setup(status_is_error_only_where_an_error_was_seen, seed),
		cmocka_unit_test_setup(a_span_is_named_by_its_method_and_never_by_its_path, seed),
		cmocka_unit_test_setup(the_list_of_known_methods_can_be_replaced, seed),
		cmocka_unit_test_setup(body_sizes_are_opt_in, seed),
		cmocka_unit_test_setup(times_are_unix_times, seed),
		cmocka_unit_test_setup(a_server_span_continues_the_callers_trace, seed),
		cmocka_unit_test_setup(a_client_span_is_the_child_of_what_its_request_carries, seed),
		cmocka_unit_test_setup(without_a_valid_traceparent_a_new_trace_begins, seed),
		cmocka_unit_test_setup(an_unsampled_caller_makes_an_unsampled_span, seed),
		cmocka_unit_test_setup(the_longest_dirtiest_exchange_stays_within_the_span, seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
