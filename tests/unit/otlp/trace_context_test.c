/* W3C Trace Context, level 1: which traceparent headers are valid, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counters.h"
#include "otlp/trace_context.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static const struct {
	const char *what;
	const char *header;
	bool valid;
	uint8_t flags;
} cases[] = {
	{"sampled", "00-" TRACE "-" PARENT "-01", true, 1},
	{"not sampled", "00-" TRACE "-" PARENT "-00", true, 0},
	{"all flags", "00-" TRACE "-" PARENT "-ff", true, 0xff},
	{"a later version of the same length", "01-" TRACE "-" PARENT "-01", true, 1},
	{"a later version with more behind a dash", "cc-" TRACE "-" PARENT "-01-what-the-future-brings", true, 1},
	{"of a later version only the sampled flag counts", "cc-" TRACE "-" PARENT "-0f", true, 1},
	{"a later version with more and no dash", "cc-" TRACE "-" PARENT "-01.what", false, 0},
	{"version 00 with more behind a dash", "00-" TRACE "-" PARENT "-01-more", false, 0},
	{"version 00 with one byte more", "00-" TRACE "-" PARENT "-011", false, 0},
	{"version ff", "ff-" TRACE "-" PARENT "-01", false, 0},
	{"upper-case version", "0A-" TRACE "-" PARENT "-01", false, 0},
	{"upper-case trace id", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false, 0},
	{"upper-case parent id", "00-" TRACE "-00F067AA0BA902B7-01", false, 0},
	{"upper-case flags", "00-" TRACE "-" PARENT "-0A", false, 0},
	{"all-zero trace id", "00-00000000000000000000000000000000-" PARENT "-01", false, 0},
	{"all-zero parent id", "00-" TRACE "-0000000000000000-01", false, 0},
	{"a digit that is none", "00-4bf92f3577b34da6a3ce929d0e0e473g-" PARENT "-01", false, 0},
	{"a wrong separator", "00_" TRACE "-" PARENT "-01", false, 0},
	{"one byte short", "00-" TRACE "-" PARENT "-0", false, 0},
	{"leading space", " 00-" TRACE "-" PARENT "-01", false, 0},
	{"empty", "", false, 0},
};

static void traceparent_is_valid_exactly_as_the_recommendation_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace_context context;
		bool valid = trace_context_parse((struct slice){cases[i].header, strlen(cases[i].header)}, &context);

		if (valid != cases[i].valid || (valid && context.flags != cases[i].flags))
			fail_msg("%s: %s", cases[i].what, cases[i].header);
	}
}

static void traceparent_gives_ids_and_flags(void **state)
{
	static const uint8_t trace_id[16] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
					     0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
	static const uint8_t parent_id[8] = {0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7};
	struct trace_context context;

	(void)state;
	assert_true(trace_context_parse(SLICE_LITERAL("00-" TRACE "-" PARENT "-01"), &context));
	assert_memory_equal(context.trace_id, trace_id, sizeof(trace_id));
	assert_memory_equal(context.parent_id, parent_id, sizeof(parent_id));
	assert_int_equal(context.flags, TRACE_FLAG_SAMPLED);
}

static void every_prefix_of_a_traceparent_is_invalid(void **state)
{
	static const char header[] = "00-" TRACE "-" PARENT "-01";
	struct trace_context context;

	(void)state;
	for (size_t length = 0; length < sizeof(header) - 1; length++)
		assert_false(trace_context_parse((struct slice){header, length}, &context));
	assert_false(trace_context_parse((struct slice){NULL, 0}, &context));
}

static void a_trace_state_is_passed_on_in_whole_entries_or_not_at_all(void **state)
{
	static char longest[TRACE_STATE_MAX + 1];

	(void)state;
	memset(longest, 'v', sizeof(longest));
	memcpy(longest, "a=1,b=", 6);
	assert_true(slice_equal(trace_state_limit(SLICE_LITERAL("a=1, b=2")), SLICE_LITERAL("a=1, b=2")));
	assert_int_equal(trace_state_limit((struct slice){0}).length, 0);
	assert_int_equal(trace_state_limit((struct slice){longest, TRACE_STATE_MAX}).length, TRACE_STATE_MAX);
	assert_int_equal(counters[COUNTER_ATTRIBUTES_CUT], 0);
	assert_true(slice_equal(trace_state_limit((struct slice){longest, sizeof(longest)}), SLICE_LITERAL("a=1")));
	assert_int_equal(counters[COUNTER_ATTRIBUTES_CUT], 1);
	longest[TRACE_STATE_MAX] = ','; /* all before it are whole */
	assert_int_equal(trace_state_limit((struct slice){longest, sizeof(longest)}).length, TRACE_STATE_MAX);
	longest[3] = ';';
	longest[TRACE_STATE_MAX] = 'v';
	assert_int_equal(trace_state_limit((struct slice){longest, sizeof(longest)}).length, 0);
	assert_int_equal(trace_state_limit(SLICE_LITERAL("a=\x1b")).length, 0);
	assert_int_equal(trace_state_limit(SLICE_LITERAL("a=\xc3\xa4")).length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traceparent_is_valid_exactly_as_the_recommendation_says),
		cmocka_unit_test(traceparent_gives_ids_and_flags),
		cmocka_unit_test(every_prefix_of_a_traceparent_is_invalid),
		cmocka_unit_test(a_trace_state_is_passed_on_in_whole_entries_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
