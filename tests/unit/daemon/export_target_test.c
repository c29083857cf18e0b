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
		{"otlp-grpc:https://collector:4317", "TLS"},
		{"otlp-grpc:http://", "does not name a host"},
		{"otlp-grpc:http://:4317", "does not name a host"},
		{"otlp-grpc:http://user@host:1", "does not name a host"},
		{"otlp-grpc:http://[::1", "does not name a host"},
		{"otlp-grpc:http://host:0", "no valid port"},
		{"otlp-grpc:http://host:65536", "no valid port"},
		{"otlp-grpc:http://host:-1", "no valid port"},
		{"otlp-grpc:http://host:", "no valid port"},
		{"otlp-http:http://host:4318/v1/traces", "something behind the port"},
		{"otlp-http:http://host:4318x", "something behind the port"},
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
		cmocka_unit_test(a_wrong_specification_says_what_to_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
