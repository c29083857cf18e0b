/* What may leave the host: clean text, bounded, without the secrets of URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counters.h"
#include "exchanges/redaction.h"

#define FFFD "\xef\xbf\xbd"

static char bytes[8192];

static struct redaction_space fresh_space(void)
{
	return (struct redaction_space){bytes, 0, sizeof(bytes)};
}

static struct slice text(const char *string)
{
	return (struct slice){string, strlen(string)};
}

static void expect(const char *what, struct slice got, const char *wanted)
{
	if (!slice_equal(got, text(wanted)))
		fail_msg("%s: got \"%.*s\", wanted \"%s\"", what, (int)got.length, got.bytes, wanted);
}

static const struct {
	const char *what;
	const char *raw;
	const char *clean;
} texts[] = {
	{"plain text is as it was", "Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"},
	{"UTF-8 is as it was", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
	{"a tab is a space", "a\tb", "a b"},
	{"escape sequences lose their escape", "a\x1b[31mb", "a" FFFD "[31mb"},
	{"line ends cannot forge lines", "a\r\nb", "a" FFFD FFFD "b"},
	{"delete", "a\x7f", "a" FFFD},
	{"C1 control characters",
	 "a\xc2\x9b"
	 "31m",
	 "a" FFFD FFFD "31m"},
	{"a stray continuation byte", "a\x80z", "a" FFFD "z"},
	{"Latin-1", "caf\xe9", "caf" FFFD},
	{"a sequence cut short", "\xe2\x82", FFFD FFFD},
	{"an overlong slash", "\xc0\xaf", FFFD FFFD},
	{"an overlong of three bytes", "\xe0\x80\xaf", FFFD FFFD FFFD},
	{"a surrogate", "\xed\xa0\x80", FFFD FFFD FFFD},
	{"beyond U+10FFFF", "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},
	{"the last code point", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
};

static void text_becomes_valid_utf8_without_control_characters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct redaction_space space = fresh_space();

		expect(texts[i].what, redaction_text(&space, text(texts[i].raw), 512), texts[i].clean);
	}
}

static void nul_bytes_do_not_end_a_text(void **state)
{
	struct redaction_space space = fresh_space();

	(void)state;
	expect("NUL", redaction_text(&space, (struct slice){"a\0b", 3}, 512), "a" FFFD "b");
}

static void clean_text_is_not_copied(void **state)
{
	struct redaction_space space = fresh_space();
	struct slice raw = text("/index.html?lang=en&page=1");

	(void)state;
	assert_ptr_equal(redaction_text(&space, raw, 512).bytes, raw.bytes);
	assert_ptr_equal(redaction_query(&space, &redaction_default, raw, 512).bytes, raw.bytes);
	assert_int_equal(space.length, 0);
}

static void any_byte_at_any_place_is_noticed(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < 20; at++) {
			char raw[20];
			struct redaction_space space = fresh_space();
			bool plain = c >= 0x20 && c < 0x7f;

			memset(raw, 'x', sizeof(raw));
			raw[at] = (char)c;
			struct slice got = redaction_text(&space, (struct slice){raw, sizeof(raw)}, 512);

			assert_int_equal(got.bytes == raw, plain);
		}
	}
}

static void long_text_is_cut_at_a_character_and_counted(void **state)
{
	uint64_t before = counters[COUNTER_ATTRIBUTES_CUT];
	struct redaction_space space = fresh_space();

	(void)state;
	expect("ASCII", redaction_text(&space, text("0123456789"), 4), "0123");
	expect("two bytes do not fit", redaction_text(&space, text("012\xc3\xa9"), 4), "012");
	expect("a replacement does not fit", redaction_text(&space, text("012\xff"), 4), "012");
	expect("just fits", redaction_text(&space, text("01\xc3\xa9"), 4), "01\xc3\xa9");
	assert_int_equal(counters[COUNTER_ATTRIBUTES_CUT] - before, 3);
}

static void a_full_space_cuts_and_never_overruns(void **state)
{
	struct redaction_space space = {bytes, 0, 5};

	(void)state;
	bytes[5] = 'G';
	expect("first", redaction_text(&space, text("\t\t\t"), 512), "   ");
	expect("second", redaction_text(&space, text("\t\t\t"), 512), "  ");
	expect("third", redaction_text(&space, text("\t\t\t"), 512), "");
	assert_int_equal(bytes[5], 'G');
}

static const struct {
	const char *raw;
	const char *redacted;
} queries[] = {
	{"", ""},
	{"a=1&b=2", "a=1&b=2"},
	{"sig=abc", "sig=REDACTED"},
	{"sig=", "sig=REDACTED"},
	{"sig", "sig"},
	{"color=blue&sig=abc&size=3", "color=blue&sig=REDACTED&size=3"},
	{"X-Amz-Signature=a&X-Amz-Credential=b&X-Amz-Security-Token=c",
	 "X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED"},
	{"X-Goog-Signature=a&AWSAccessKeyId=b&Signature=c",
	 "X-Goog-Signature=REDACTED&AWSAccessKeyId=REDACTED&Signature=REDACTED"},
	{"SIG=abc&Sig=d", "SIG=abc&Sig=d"},
	{"design=abc&sigh=d&xsig=e", "design=abc&sigh=d&xsig=e"},
	{"%73ig=abc&s%69%67=d", "%73ig=REDACTED&s%69%67=REDACTED"},
	{"a=1;sig=abc", "a=1;sig=REDACTED"},
	{"sig=abc;def&b=2", "sig=REDACTED&b=2"},
	{"sig=a=b=c&d=e", "sig=REDACTED&d=e"},
	{"&&sig=abc&&", "&&sig=REDACTED&&"},
	{"sig=1&sig=2", "sig=REDACTED&sig=REDACTED"},
	{"%=1&%7=2&sig=3", "%=1&%7=2&sig=REDACTED"},
	{"sig=\x1b&a=\x1b", "sig=REDACTED&a=" FFFD},
};

static void values_of_sensitive_query_keys_are_replaced(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct redaction_space space = fresh_space();

		expect(queries[i].raw, redaction_query(&space, &redaction_default, text(queries[i].raw), 512),
		       queries[i].redacted);
	}
}

static void the_list_of_sensitive_keys_can_be_replaced(void **state)
{
	static const struct slice keys[] = {SLICE_LITERAL("token")};
	const struct redaction rules = {.sensitive_keys = keys, .sensitive_key_count = 1};
	struct redaction_space space = fresh_space();

	(void)state;
	expect("override", redaction_query(&space, &rules, text("token=a&sig=b"), 512), "token=REDACTED&sig=b");
}

static void user_information_never_leaves(void **state)
{
	static const char *const authorities[] = {"user:password@example.com:80", "user@example.com:80",
						  ":@example.com:80", "a@b:c@example.com:80"};

	(void)state;
	for (size_t i = 0; i < sizeof(authorities) / sizeof(authorities[0]); i++) {
		struct redaction_space space = fresh_space();
		const struct redaction_url url = {SLICE_LITERAL("http"), text(authorities[i]), SLICE_LITERAL("/p"),
						  SLICE_LITERAL("sig=x")};

		expect(authorities[i], redaction_url(&space, &redaction_default, &url, 512),
		       "http://REDACTED:REDACTED@example.com:80/p?sig=REDACTED");
	}
}

static void a_url_without_scheme_or_query_has_none(void **state)
{
	struct redaction_space space = fresh_space();
	const struct redaction_url url = {.authority = SLICE_LITERAL("example.com:443")};

	(void)state;
	expect("authority", redaction_url(&space, &redaction_default, &url, 512), "//example.com:443");
}

/* --- databases ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	enum redaction_query_text mode;
	bool is_parameterised;
	const char *query;
	const char *wanted;
} statements[] = {
	{"literals are replaced", QUERY_TEXT_SANITISED, false, "SELECT 'x' -- y", "SELECT ? "},
	{"text whose values travel apart is kept", QUERY_TEXT_PARAMETERISED, true, "a = $1 LIMIT 5", "a = $1 LIMIT 5"},
	{"but for its comments", QUERY_TEXT_PARAMETERISED, true, "a = $1 /* secret */", "a = $1 "},
	{"one without a place for a value is not believed", QUERY_TEXT_PARAMETERISED, true, "a = 'secret'", "a = ?"},
	{"without that rule too", QUERY_TEXT_SANITISED, true, "a = $1 AND b = 'secret'", "a = $1 AND b = ?"},
	{"off", QUERY_TEXT_OFF, false, "SELECT 1", ""},
	{"raw", QUERY_TEXT_RAW, false, "SELECT 'x' -- y", "SELECT 'x' -- y"},
	{"lines and tabs stay", QUERY_TEXT_SANITISED, false, "SELECT\n\ta", "SELECT\n\ta"},
	{"control characters do not", QUERY_TEXT_RAW, false, "SELECT\x1b[2J\r", "SELECT" FFFD "[2J" FFFD},
	{"a text that nobody can read is not shown", QUERY_TEXT_SANITISED, false, "a \"secret", ""},
};

static void query_text_leaves_as_far_as_configured(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		const struct redaction rules = {.query_text = statements[i].mode};
		const struct sql_text sql = {text(statements[i].query), SQL_POSTGRESQL, false};
		struct redaction_space space = fresh_space();

		expect(statements[i].what, redaction_query_text(&space, &rules, &sql, statements[i].is_parameterised),
		       statements[i].wanted);
	}
}

static void a_long_query_text_is_cut_and_counted(void **state)
{
	static char query[20000];
	static char room[20000];
	const struct sql_text sql = {{query, sizeof(query)}, SQL_POSTGRESQL, false};
	struct redaction_space space = {room, 0, sizeof(room)};
	uint64_t before = counters[COUNTER_ATTRIBUTES_CUT];

	(void)state;
	memset(query, 'a', sizeof(query));
	assert_int_equal(redaction_query_text(&space, &redaction_default, &sql, false).length,
			 REDACTION_QUERY_TEXT_MAX);
	assert_int_equal(counters[COUNTER_ATTRIBUTES_CUT], before + 1);
}

static void a_summary_has_neither_literals_nor_control_characters(void **state)
{
	const struct sql_text sql = {text("SELECT 'secret' FROM \"a\nb\", 'secret'"), SQL_POSTGRESQL, false};
	struct redaction_space space = fresh_space();

	(void)state;
	expect("summary", redaction_query_summary(&space, &sql, false), "SELECT \"a" FFFD "b\"");
	expect("batch", redaction_query_summary(&space, &sql, true), "BATCH SELECT \"a" FFFD "b\"");
}

static void a_code_is_a_word_or_words_and_nothing_else(void **state)
{
	static const struct {
		const char *raw;
		const char *wanted;
	} codes[] = {
		{"42P01", "42P01"},
		{"WRONGTYPE", "WRONGTYPE"},
		{"CONFIG GET", "CONFIG GET"},
		{"json.set", "json.set"},
		{"", ""},
		{" GET", ""},
		{"GET ", ""},
		{"GET  X", ""},
		{"user:42", ""},
		{"a\nb", ""},
		{"caf\xc3\xa9", ""},
		{"a=b", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		expect(codes[i].raw, redaction_code(text(codes[i].raw)), codes[i].wanted);
	static char longest[REDACTION_CODE_MAX + 1];

	memset(longest, 'A', sizeof(longest));
	assert_int_equal(redaction_code((struct slice){longest, REDACTION_CODE_MAX}).length, REDACTION_CODE_MAX);
	assert_int_equal(redaction_code((struct slice){longest, REDACTION_CODE_MAX + 1}).length, 0);
}

static void a_command_has_a_placeholder_for_each_argument_up_to_a_limit(void **state)
{
	struct redaction_space space = fresh_space();

	(void)state;
	expect("none", redaction_command(&space, text("PING"), 0), "PING");
	expect("two", redaction_command(&space, text("SET"), 2), "SET ? ?");
	expect("many", redaction_command(&space, text("DEL"), UINT32_MAX), "DEL ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_valid_utf8_without_control_characters),
		cmocka_unit_test(nul_bytes_do_not_end_a_text),
		cmocka_unit_test(clean_text_is_not_copied),
		cmocka_unit_test(any_byte_at_any_place_is_noticed),
		cmocka_unit_test(long_text_is_cut_at_a_character_and_counted),
		cmocka_unit_test(a_full_space_cuts_and_never_overruns),
		cmocka_unit_test(values_of_sensitive_query_keys_are_replaced),
		cmocka_unit_test(the_list_of_sensitive_keys_can_be_replaced),
		cmocka_unit_test(user_information_never_leaves),
		cmocka_unit_test(a_url_without_scheme_or_query_has_none),
		cmocka_unit_test(query_text_leaves_as_far_as_configured),
		cmocka_unit_test(a_long_query_text_is_cut_and_counted),
		cmocka_unit_test(a_summary_has_neither_literals_nor_control_characters),
		cmocka_unit_test(a_code_is_a_word_or_words_and_nothing_else),
		cmocka_unit_test(a_command_has_a_placeholder_for_each_argument_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
