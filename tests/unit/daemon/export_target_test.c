/* Test that export specifications are taken apart, and wrong ones explained. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "export_target.h"

static void a_specification_names_exporter_and_place(void **state)
{
	static const struct {
		const char *text;
		enum export_kind kind;
		enum export_place place;
		const char *where; /* path or host */
		uint16_t port;
	} cases[] = {
		{"console", EXPORT_CONSOLE, EXPORT_PLACE_NONE, "", 0},
		{"file:out.jsonl", EXPORT_FILE, EXPORT_PLACE_PATH, "out.jsonl", 0},
		{"file:/var/log/a:b", EXPORT_FILE, EXPORT_PLACE_PATH, "/var/log/a:b", 0},
		{"otlp-grpc:unix:///run/c.sock", EXPORT_OTLP_GRPC, EXPORT_PLACE_PATH, "/run/c.sock", 0},
		{"otlp-http:unix:///run/c.sock", EXPORT_OTLP_HTTP, EXPORT_PLACE_PATH, "/run/c.sock", 0},
		{"otlp-grpc:unix-abstract:collector", EXPORT_OTLP_GRPC, EXPORT_PLACE_ABSTRACT, "collector", 0},
		{"otlp-grpc:http://localhost:4000", EXPORT_OTLP_GRPC, EXPORT_PLACE_TCP, "localhost", 4000},
		{"otlp-grpc:http://localhost", EXPORT_OTLP_GRPC, EXPORT_PLACE_TCP, "localhost", 4317},
		{"otlp-http:http://10.0.0.1/", EXPORT_OTLP_HTTP, EXPORT_PLACE_TCP, "10.0.0.1", 4318},
		{"otlp-http:http://[fe80::1]:1/", EXPORT_OTLP_HTTP, EXPORT_PLACE_TCP, "fe80::1", 1},
		{"otlp-http:https://host", EXPORT_OTLP_HTTP, EXPORT_PLACE_TCP, "host", 4318},
		{"otlp-grpc:collector:4000", EXPORT_OTLP_GRPC, EXPORT_PLACE_TCP, "collector", 4000},
		{"otlp-grpc:[::1]", EXPORT_OTLP_GRPC, EXPORT_PLACE_TCP, "::1", 4317},
		{"traces/otlp-grpc:unix:///run/c.sock", EXPORT_OTLP_GRPC, EXPORT_PLACE_PATH, "/run/c.sock", 0},
		{"metrics/file:out", EXPORT_FILE, EXPORT_PLACE_PATH, "out", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct export_target target;

		assert_null(export_target_parse(&target, cases[i].text));
		assert_int_equal(target.kind, cases[i].kind);
		assert_int_equal(target.place, cases[i].place);
		assert_string_equal(cases[i].place == EXPORT_PLACE_TCP ? target.host : target.path, cases[i].where);
		assert_int_equal(target.port, cases[i].port);
	}
}

static void tls_follows_the_scheme_and_without_one_the_option(void **state)
{
	static const struct {
		const char *text;
		bool has_tls, has_tls_if_insecure;
	} cases[] = {
		{"otlp-grpc:https://h", true, true},
		{"otlp-grpc:http://h", false, false},
		{"otlp-grpc:h:4317", true, false},
		{"otlp-http:https://h", true, true},
		{"otlp-grpc:unix:///x", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct export_target target;

		assert_null(export_target_parse(&target, cases[i].text));
		assert_int_equal(export_target_has_tls(&target, false), cases[i].has_tls);
		assert_int_equal(export_target_has_tls(&target, true), cases[i].has_tls_if_insecure);
	}
}

static void the_path_of_a_url_is_a_base_for_both_signals_and_whole_for_one(void **state)
{
	static const struct {
		const char *text;
		enum export_signals signals;
		const char *url_path;
		bool whole;
	} cases[] = {
		{"otlp-http:http://h", EXPORT_SIGNALS_ALL, "", false},
		{"otlp-http:http://h/", EXPORT_SIGNALS_ALL, "", false},
		{"otlp-http:http://h:1/otlp/", EXPORT_SIGNALS_ALL, "/otlp", false},
		{"traces/otlp-http:http://h", EXPORT_TRACES, "", false},
		{"traces/otlp-http:http://h/", EXPORT_TRACES, "/", true},
		{"metrics/otlp-http:https://h:9090/api/v1/otlp/v1/metrics", EXPORT_METRICS, "/api/v1/otlp/v1/metrics",
		 true},
		{"traces/otlp-http:unix:///run/x.sock", EXPORT_TRACES, "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct export_target target;

		assert_null(export_target_parse(&target, cases[i].text));
		assert_int_equal(target.signals, cases[i].signals);
		assert_string_equal(target.url_path, cases[i].url_path);
		assert_int_equal(target.path_is_whole, cases[i].whole);
	}
}

static void a_wrong_specification_says_what_to_write(void **state)
{
	static const char *const cases[][2] = {
		{"", "is not an exporter"},
		{"consoles", "is not an exporter"},
		{"otlp:unix:///x", "is not an exporter"},
		{"file:", "file:PATH"},
		{"otlp-grpc:", "has no endpoint"},
		{"otlp-grpc:/run/c.sock", "has no endpoint"},
		{"otlp-grpc:unix://run/c.sock", "three slashes"},
		{"otlp-grpc:unix://", "1 to 107 bytes"},
		{"otlp-grpc:unix:///0123456789012345678901234567890123456789012345678901234567890123456789"
		 "01234567890123456789012345678901234567",
		 "1 to 107 bytes"},
		{"otlp-grpc:unix-abstract:", "1 to 107 bytes"},
		{"otlp-grpc:ftp://collector", "has no endpoint"},
		{"otlp-http:collector:4318", "has no endpoint"},
		{"logs/console", "is not an exporter"},
		{"traces/traces/console", "is not an exporter"},
		{"otlp-grpc:http://", "does not name a host"},
		{"otlp-grpc:http://:4317", "does not name a host"},
		{"otlp-grpc:http://user@host:1", "does not name a host"},
		{"otlp-grpc:http://[::1", "does not name a host"},
		{"otlp-grpc:http://host:0", "no valid port"},
		{"otlp-grpc:http://host:65536", "no valid port"},
		{"otlp-grpc:http://host:-1", "no valid port"},
		{"otlp-grpc:http://host:", "no valid port"},
		{"otlp-grpc:http://host:4318/v1/traces", "something behind the port"},
		{"otlp-http:http://host:4318x", "something behind the port"},
		{"otlp-http:http://host/a b", "is no path"},
		{"otlp-http:http://host/?q", "is no path"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct export_target target;
		const char *wrong = export_target_parse(&target, cases[i][0]);

		if (wrong == NULL || strstr(wrong, cases[i][1]) == NULL)
			fail_msg("\"%s\" gave: %s", cases[i][0], wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_specification_names_exporter_and_place),
		cmocka_unit_test(tls_follows_the_scheme_and_without_one_the_option),
		cmocka_unit_test(the_path_of_a_url_is_a_base_for_both_signals_and_whole_for_one),
		cmocka_unit_test(a_wrong_specification_says_what_to_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
