/* Headers are checked before the first call is made. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "export/otlp_headers.h"

static void names_are_lowered_and_values_kept(void **state)
{
	static const char *const texts[] = {"X-Scope-OrgID=Tenant=1", "authorization=Bearer x", "empty="};
	struct otlp_headers headers;
	char message[256];

	(void)state;
	assert_int_equal(otlp_headers_init(&headers, texts, 3, message, sizeof(message)), 0);
	assert_int_equal(headers.count, 3);
	assert_string_equal(headers.list[0].name, "x-scope-orgid");
	assert_string_equal(headers.list[0].value, "Tenant=1");
	assert_string_equal(headers.list[2].value, "");
	otlp_headers_free(&headers);
}

static void wrong_headers_get_a_sentence_without_their_value(void **state)
{
	static const struct {
		const char *text;
		const char *part;
	} rows[] = {
		{"novalue", "is written name=value"},
		{"=value", "is written name=value"},
		{"a b=secret", "\"a b\" has characters"},
		{":path=secret", "has characters"},
		{"na\nme=secret", "has characters"},
		{"x=secret\r\ny: z", "The value of the header \"x\""},
		{"grpc-timeout=secret", "set by the exporter itself"},
		{"TE=secret", "set by the exporter itself"},
		{"Connection=secret", "set by the exporter itself"},
	};
	struct otlp_headers headers;
	char message[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *texts[] = {"good=1", rows[i].text};

		assert_int_equal(otlp_headers_init(&headers, texts, 2, message, sizeof(message)), -EINVAL);
		assert_non_null(strstr(message, rows[i].part));
		assert_null(strstr(message, "secret"));
	}
}

static void one_header_too_many_is_refused(void **state)
{
	const char *texts[CALL_EXTRA_HEADERS_MAX + 1];
	struct otlp_headers headers;
	char message[256];

	(void)state;
	for (size_t i = 0; i <= CALL_EXTRA_HEADERS_MAX; i++)
		texts[i] = "a=b";
	assert_int_equal(otlp_headers_init(&headers, texts, CALL_EXTRA_HEADERS_MAX, message, sizeof(message)), 0);
	otlp_headers_free(&headers);
	assert_int_equal(otlp_headers_init(&headers, texts, CALL_EXTRA_HEADERS_MAX + 1, message, sizeof(message)),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_lowered_and_values_kept),
		cmocka_unit_test(wrong_headers_get_a_sentence_without_their_value),
		cmocka_unit_test(one_header_too_many_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
