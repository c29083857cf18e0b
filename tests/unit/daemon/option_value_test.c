/* Test that texts become values, and wrong texts sentences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "daemon/option_value.h"

struct values {
	uint64_t number;
	uint32_t narrow;
	double real;
	int choice;
	bool truth;
	uid_t user;
	struct option_ports ports;
	struct option_texts texts;
	char *text;
};

static const struct option_choice colours[] = {{"red", 1}, {"green", 2}, {"verdant", 2}, {NULL, 0}};

static const char *check_absolute(const char *text)
{
	return text[0] == '/' ? NULL : "is not an absolute path; give one";
}

enum { DURATION, BYTES, RING, NARROW, REAL, CHOICE, TRUTH, USER, PORTS, TEXTS, SECRETS, PATH };

static const struct option rows[] = {
	[DURATION] = {.least = "1ms", .most = "1h", .type = OPTION_DURATION, OPTION_AT(struct values, number)},
	[BYTES] = {.type = OPTION_BYTES, OPTION_AT(struct values, number)},
	[RING] = {.least = "64KiB",
		  .most = "1GiB",
		  .power_of_two = true,
		  .type = OPTION_BYTES,
		  OPTION_AT(struct values, number)},
	[NARROW] = {.type = OPTION_COUNT, OPTION_AT(struct values, narrow)},
	[REAL] = {.least = "0", .most = "1", .type = OPTION_REAL, OPTION_AT(struct values, real)},
	[CHOICE] = {.choices = colours, .type = OPTION_CHOICE, OPTION_AT(struct values, choice)},
	[TRUTH] = {.type = OPTION_BOOLEAN, OPTION_AT(struct values, truth)},
	[USER] = {.type = OPTION_USER, OPTION_AT(struct values, user)},
	[PORTS] = {.type = OPTION_PORTS, OPTION_AT(struct values, ports)},
	[TEXTS] = {.type = OPTION_TEXTS, OPTION_AT(struct values, texts)},
	[SECRETS] = {.secret = true, .type = OPTION_TEXTS, OPTION_AT(struct values, texts)},
	[PATH] = {.type = OPTION_TEXT, .check = check_absolute, OPTION_AT(struct values, text)},
};

/* What the value prints as after `text` was set, or the complaint. */
static char *outcome(const struct option *row, const char *text, enum option_source source)
{
	static char said[OPTION_COMPLAINT_BYTES];
	struct values values = {0};
	FILE *out = fmemopen(said, sizeof(said), "w");

	assert_non_null(out);
	if (option_value_set_all(row, &values, text, source, said)) {
		memset(said, 0, sizeof(said));
		option_value_print(row, &values, out);
		fclose(out);
	} else {
		char kept[OPTION_COMPLAINT_BYTES];

		memcpy(kept, said, sizeof(kept));
		fclose(out);
		memcpy(said, kept, sizeof(said));
	}
	option_value_clear(row, &values);
	return said;
}

static void a_text_becomes_the_value_it_stands_for(void **state)
{
	static const struct {
		int row;
		const char *text;
		const char *printed;
	} cases[] = {
		{DURATION, "5s", "5s"},
		{DURATION, "1m30s", "90s"},
		{DURATION, "200ms", "200ms"},
		{DURATION, "1.5s", "1500ms"},
		{DURATION, "60m", "1h"},
		{BYTES, "4096", "4KiB"},
		{BYTES, "1MiB", "1MiB"},
		{BYTES, "100B", "100B"},
		{BYTES, "0", "0B"},
		{RING, "65536", "64KiB"},
		{NARROW, "4294967295", "4294967295"},
		{REAL, "0.5", "0.5"},
		{CHOICE, "Red", "red"},
		{CHOICE, "verdant", "green"},
		{TRUTH, "yes", "true"},
		{TRUTH, "off", "false"},
		{USER, "0", "root"},
		{USER, "root", "root"},
		{USER, "4294967294", "4294967294"},
		{PORTS, "80", "[80]"},
		{PORTS, "80,8000-8100", "[80, 8000-8100]"},
		{PORTS, "1-65535", "[1-65535]"},
		{TEXTS, "a,b", "[\"a\", \"b\"]"},
		{TEXTS, "", "[]"},
		{SECRETS, "a=b,token=c", "[\"a=...\", \"token=...\"]"},
		{PATH, "/x,y", "\"/x,y\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(outcome(&rows[cases[i].row], cases[i].text, OPTION_FROM_FLAG), cases[i].printed);
}

static void a_wrong_text_says_what_is_wrong_and_what_to_do(void **state)
{
	static const struct {
		int row;
		const char *text;
		const char *said;
	} cases[] = {
		{DURATION, "5", "is not a duration; write a number with its unit"},
		{DURATION, "", "is not a duration"},
		{DURATION, "5msec", "is not a duration"},
		{DURATION, "-5s", "is not a duration"},
		{DURATION, "5s ", "is not a duration"},
		{DURATION, "1us", "is out of range; give a value from 1ms to 1h"},
		{DURATION, "0", "is out of range"},
		{DURATION, "99999999999999999999h", "is out of range"},
		{BYTES, "4MB", "is not a size"},
		{BYTES, "99999999999999999999", "is too large"},
		{RING, "3MiB", "is not a power of two"},
		{RING, "64KiBs", "is not a size"},
		{RING, "32768", "is out of range; give a value from 64KiB to 1GiB"},
		{NARROW, "4294967296", "is too large"},
		{NARROW, "1.5", "is not a whole number"},
		{NARROW, "0x10", "is not a whole number"},
		{REAL, "1.01", "is out of range"},
		{REAL, "nan", "is not a number"},
		{CHOICE, "blue", "is not a choice here; give one of red, green, verdant"},
		{TRUTH, "maybe", "give one of true, false"},
		{USER, "no-such-user-here", "is not a user of this machine; create it"},
		{USER, "4294967295", "is not a user number"},
		{USER, "12x", "is not a user number"},
		{USER, "99999999999999999999", "is not a user number"},
		{PORTS, "0", "is not a port"},
		{PORTS, "65536", "is not a port"},
		{PORTS, "90-80", "is not a port"},
		{PORTS, "80-", "is not a port"},
		{PORTS, "80,", "is not a port"},
		{PORTS, "http", "is not a port"},
		{PORTS, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "is one range too many; give at most 16"},
		{PATH, "x", "\"x\" is not an absolute path; give one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *said = outcome(&rows[cases[i].row], cases[i].text, OPTION_FROM_FLAG);

		if (strstr(said, cases[i].said) == NULL)
			fail_msg("\"%s\" gave: %s", cases[i].text, said);
	}
}

static void a_bare_number_is_milliseconds_in_the_environment_only(void **state)
{
	(void)state;
	assert_string_equal(outcome(&rows[DURATION], "10000", OPTION_FROM_ENVIRONMENT), "10s");
	assert_string_equal(outcome(&rows[DURATION], "10s", OPTION_FROM_ENVIRONMENT), "10s");
	assert_non_null(strstr(outcome(&rows[DURATION], "10000", OPTION_FROM_FILE), "is not a duration"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_becomes_the_value_it_stands_for),
		cmocka_unit_test(a_wrong_text_says_what_is_wrong_and_what_to_do),
		cmocka_unit_test(a_bare_number_is_milliseconds_in_the_environment_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
