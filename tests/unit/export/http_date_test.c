/* Dates in HTTP's three forms, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/http_response.h"

static void the_three_forms_of_a_date_are_the_same_moment(void **state)
{
	(void)state;
	/* RFC 9110, 5.6.7. */
	assert_int_equal(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	assert_int_equal(http_date_parse("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	assert_int_equal(http_date_parse("Sun Nov  6 08:49:37 1994"), 784111777);
}

static void leap_days_and_centuries_are_counted(void **state)
{
	static const struct {
		const char *text;
		int64_t unix_s;
	} rows[] = {
		{"Thu, 01 Jan 1970 00:00:01 GMT", 1},	       {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
		{"Wed, 01 Mar 2000 00:00:00 GMT", 951868800},  {"Thu, 31 Dec 2026 23:59:59 GMT", 1798761599},
		{"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(http_date_parse(rows[i].text), rows[i].unix_s);
}

static void what_is_no_date_is_none(void **state)
{
	static const char *const texts[] = {
		"", "soon", "Sun, 06 Nov 1994", "Sun, 06 Nux 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT", "-1", "Sun, -6 Nov 1994 08:49:37 GMT",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(http_date_parse(texts[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_three_forms_of_a_date_are_the_same_moment),
		cmocka_unit_test(leap_days_and_centuries_are_counted),
		cmocka_unit_test(what_is_no_date_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
