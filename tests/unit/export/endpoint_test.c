/* Endpoints become socket addresses; failures to connect become sentences. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "export/endpoint.h"
#include "export/transport.h"

static char message[512];

static struct endpoint resolved(const char *specification)
{
	struct export_target target;
	struct endpoint endpoint;

	assert_null(export_target_parse(&target, specification));
	assert_int_equal(endpoint_resolve(&endpoint, &target, message, sizeof(message)), 0);
	return endpoint;
}

static void a_path_becomes_an_address_and_localhost_the_authority(void **state)
{
	struct endpoint endpoint = resolved("otlp-grpc:unix:///run/x.sock");
	struct sockaddr_un *address = (struct sockaddr_un *)&endpoint.addresses[0].address;

	(void)state;
	assert_int_equal(endpoint.address_count, 1);
	assert_int_equal(address->sun_family, AF_UNIX);
	assert_string_equal(address->sun_path, "/run/x.sock");
	assert_int_equal(endpoint.addresses[0].length, offsetof(struct sockaddr_un, sun_path) + sizeof("/run/x.sock"));
	assert_string_equal(endpoint.authority, "localhost");
	assert_string_equal(endpoint.name, "/run/x.sock");
}

static void the_longest_path_and_the_longest_abstract_name_fill_the_address(void **state)
{
	struct endpoint endpoint;
	char text[200];

	(void)state;
	snprintf(text, sizeof(text), "otlp-grpc:unix:///%0106d", 7);
	endpoint = resolved(text);
	assert_int_equal(strlen(endpoint.name), 107);
	assert_int_equal(endpoint.addresses[0].length, sizeof(struct sockaddr_un));
	snprintf(text, sizeof(text), "otlp-grpc:unix-abstract:%0107d", 7);
	endpoint = resolved(text);
	assert_int_equal(strlen(endpoint.name), 108);
	assert_int_equal(endpoint.addresses[0].length, sizeof(struct sockaddr_un));
}

static void an_abstract_name_has_a_leading_nul_and_no_trailing_one(void **state)
{
	struct endpoint endpoint = resolved("otlp-grpc:unix-abstract:otlp");
	struct sockaddr_un *address = (struct sockaddr_un *)&endpoint.addresses[0].address;

	(void)state;
	assert_int_equal(endpoint.addresses[0].length, offsetof(struct sockaddr_un, sun_path) + 5);
	assert_memory_equal(address->sun_path, "\0otlp", 5);
	assert_string_equal(endpoint.name, "@otlp");
}

static void numeric_hosts_resolve_without_a_resolver(void **state)
{
	struct endpoint endpoint = resolved("otlp-grpc:http://[::1]:4317");

	(void)state;
	assert_int_equal(endpoint.address_count, 1);
	assert_int_equal(endpoint.addresses[0].address.ss_family, AF_INET6);
	assert_string_equal(endpoint.authority, "[::1]:4317");
	endpoint = resolved("otlp-grpc:http://127.0.0.1");
	assert_int_equal(endpoint.addresses[0].address.ss_family, AF_INET);
	assert_string_equal(endpoint.authority, "127.0.0.1:4317");
}

static void a_host_that_does_not_exist_is_said(void **state)
{
	struct export_target target;
	struct endpoint endpoint;

	(void)state;
	assert_null(export_target_parse(&target, "otlp-grpc:http://shmotel.invalid:4317"));
	assert_int_equal(endpoint_resolve(&endpoint, &target, message, sizeof(message)), -EHOSTUNREACH);
	assert_non_null(strstr(message, "The host \"shmotel.invalid\""));
}

static void each_failure_to_connect_has_its_own_sentence_and_reason(void **state)
{
	static const struct {
		const char *endpoint;
		int error;
		enum export_log_reason reason;
		const char *part;
	} rows[] = {
		{"otlp-grpc:unix:///x", ENOENT, EXPORT_LOG_NO_SOCKET, "There is no socket at /x"},
		{"otlp-grpc:unix:///x", ECONNREFUSED, EXPORT_LOG_NO_LISTENER, "remove the file first"},
		{"otlp-grpc:unix-abstract:x", ECONNREFUSED, EXPORT_LOG_NO_LISTENER, "Nobody listens on @x"},
		{"otlp-grpc:http://127.0.0.1:1", ECONNREFUSED, EXPORT_LOG_NO_LISTENER, "Nobody listens on 127.0.0.1:1"},
		{"otlp-grpc:unix:///x", EACCES, EXPORT_LOG_NO_PERMISSION, "UMask=0007"},
		{"otlp-grpc:unix:///x", EAGAIN, EXPORT_LOG_BACKLOG_FULL, "no room for another connection"},
		{"otlp-grpc:http://127.0.0.1:1", EHOSTUNREACH, EXPORT_LOG_CONNECT,
		 "No connection to 127.0.0.1:1: No route to host"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint endpoint = resolved(rows[i].endpoint);

		assert_int_equal(transport_explain(&endpoint, -rows[i].error, "", message, sizeof(message)),
				 rows[i].reason);
		assert_non_null(strstr(message, rows[i].part));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_becomes_an_address_and_localhost_the_authority),
		cmocka_unit_test(the_longest_path_and_the_longest_abstract_name_fill_the_address),
		cmocka_unit_test(an_abstract_name_has_a_leading_nul_and_no_trailing_one),
		cmocka_unit_test(numeric_hosts_resolve_without_a_resolver),
		cmocka_unit_test(a_host_that_does_not_exist_is_said),
		cmocka_unit_test(each_failure_to_connect_has_its_own_sentence_and_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
