/* Back-off by the Collector's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/retry.h"

static const uint64_t S = 1000000000;
static const uint32_t MIDDLE = UINT32_MAX / 2 + 1; /* no jitter, as near as it gets */

static const struct retry_options defaults = RETRY_OPTIONS_DEFAULT;

static void assert_near(uint64_t value, uint64_t expected)
{
	assert_in_range(value, expected - 100, expected + 100);
}

static void the_interval_grows_by_the_multiplier_up_to_its_maximum(void **state)
{
	static const uint64_t expected_ms[] = {5000, 7500, 11250, 16875, 25312, 30000, 30000};
	struct retry retry;

	(void)state;
	retry_begin(&retry, &defaults, 7);
	for (size_t i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++) {
		uint64_t delay_ns;

		assert_true(retry_next(&retry, &defaults, 7, 0, MIDDLE, &delay_ns));
		assert_int_equal(delay_ns / 1000000, expected_ms[i]);
	}
}

static void jitter_takes_the_interval_by_half_either_way(void **state)
{
	struct retry retry;
	uint64_t delay_ns;

	(void)state;
	retry_begin(&retry, &defaults, 0);
	assert_true(retry_next(&retry, &defaults, 0, 0, 0, &delay_ns));
	assert_near(delay_ns, 5 * S / 2);
	retry_begin(&retry, &defaults, 0);
	assert_true(retry_next(&retry, &defaults, 0, 0, UINT32_MAX, &delay_ns));
	assert_near(delay_ns, 15 * S / 2);
}

static void the_servers_delay_is_waited_for_in_full_but_does_not_shorten_the_back_off(void **state)
{
	struct retry retry;
	uint64_t delay_ns;

	(void)state;
	retry_begin(&retry, &defaults, 0);
	assert_true(retry_next(&retry, &defaults, 0, 60 * S, 0, &delay_ns));
	assert_int_equal(delay_ns, 60 * S);
	assert_true(retry_next(&retry, &defaults, 0, S, MIDDLE, &delay_ns));
	assert_near(delay_ns, 15 * S / 2);
}

static void a_wait_that_would_end_after_max_elapsed_time_is_not_begun(void **state)
{
	struct retry retry;
	uint64_t delay_ns;

	(void)state;
	retry_begin(&retry, &defaults, 100 * S);
	assert_true(retry_next(&retry, &defaults, 100 * S, 300 * S, 0, &delay_ns));
	assert_false(retry_next(&retry, &defaults, 100 * S, 300 * S + 1, 0, &delay_ns));
	assert_false(retry_next(&retry, &defaults, 399 * S, 2 * S, 0, &delay_ns));
	assert_false(retry_next(&retry, &defaults, 1000 * S, 0, 0, &delay_ns));
	assert_false(retry_next(&retry, &defaults, 100 * S, UINT64_MAX, 0, &delay_ns));
}

static void max_elapsed_time_of_zero_retries_for_ever(void **state)
{
	struct retry_options options = defaults;
	struct retry retry;
	uint64_t delay_ns;

	(void)state;
	options.max_elapsed_time_ns = 0;
	retry_begin(&retry, &options, 0);
	for (uint64_t day = 0; day < 1000; day++)
		assert_true(retry_next(&retry, &options, day * 86400 * S, 0, MIDDLE, &delay_ns));
	assert_near(delay_ns, 30 * S);
}

static void without_retry_there_is_no_next_time(void **state)
{
	struct retry_options options = defaults;
	struct retry retry;
	uint64_t delay_ns;

	(void)state;
	options.enabled = false;
	retry_begin(&retry, &options, 0);
	assert_false(retry_next(&retry, &options, 0, 0, 0, &delay_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interval_grows_by_the_multiplier_up_to_its_maximum),
		cmocka_unit_test(jitter_takes_the_interval_by_half_either_way),
		cmocka_unit_test(the_servers_delay_is_waited_for_in_full_but_does_not_shorten_the_back_off),
		cmocka_unit_test(a_wait_that_would_end_after_max_elapsed_time_is_not_begun),
		cmocka_unit_test(max_elapsed_time_of_zero_retries_for_ever),
		cmocka_unit_test(without_retry_there_is_no_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
