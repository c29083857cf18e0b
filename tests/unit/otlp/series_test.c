/* Histograms: which bucket, which series, and what happens at the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "counters.h"
#include "otlp/series.h"

static const struct duration_bounds *bounds;
static struct series_table table;
static struct series_limits limits;

static int fresh(void **state)
{
	(void)state;
	bounds = instruments[METRIC_HTTP_SERVER].bounds;
	limits = (struct series_limits){.per_metric_max = 2000, .total_max = 16384, .hash_seed = 42};
	return 0;
}

static int clear(void **state)
{
	(void)state;
	series_table_clear(&table, &limits);
	return limits.total == 0 ? 0 : -1;
}

static void record(const char *attributes, double seconds)
{
	assert_int_equal(
		series_record(&table, &limits, bounds, (struct slice){attributes, strlen(attributes)}, seconds), 0);
}

static const struct series *only_series(void)
{
	uint32_t position = 0;
	const struct series *series = series_next(&table, &position);

	assert_non_null(series);
	assert_null(series_next(&table, &position));
	return series;
}

static void a_bucket_takes_its_upper_bound_and_not_its_lower(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < bounds->count; i++) {
		record("a", bounds->seconds[i]);
		record("a", bounds->seconds[i] * 1.0000001);
	}
	const struct series *series = only_series();

	/* the first takes its bound only, each next one what is just above the bound before, and its own */
	assert_int_equal(series->buckets[0], 1);
	for (uint32_t i = 1; i < bounds->count; i++)
		assert_int_equal(series->buckets[i], 2);
	assert_int_equal(series->buckets[bounds->count], 1);
}

static void the_bounds_are_those_of_the_conventions(void **state)
{
	static const struct duration_bounds request = {
		14, {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}};
	static const struct duration_bounds database = {9, {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}};

	(void)state;
	for (int i = 0; i < DURATION_METRIC_COUNT; i++)
		assert_memory_equal(instruments[i].bounds, i == METRIC_DATABASE_CLIENT ? &database : &request,
				    sizeof(request));
}

static void a_table_with_fewer_buckets_uses_no_more(void **state)
{
	(void)state;
	bounds = instruments[METRIC_DATABASE_CLIENT].bounds;
	record("a", 11);
	assert_int_equal(only_series()->buckets[9], 1);
}

static void count_sum_min_and_max_follow_the_measurements(void **state)
{
	(void)state;
	record("a", 0.25);
	record("a", 0.5);
	record("a", 0.125);
	assert_int_equal(only_series()->count, 3);
	assert_true(only_series()->sum == 0.875);
	assert_true(only_series()->min == 0.125);
	assert_true(only_series()->max == 0.5);
}

static void a_measurement_of_zero_is_a_minimum(void **state)
{
	(void)state;
	record("a", 1);
	record("a", 0);
	assert_true(only_series()->min == 0);
	assert_int_equal(only_series()->buckets[0], 1);
}

static uint32_t count_series(uint64_t *measurements)
{
	const struct series *series;
	uint32_t position = 0;
	uint32_t count = 0;

	*measurements = 0;
	while ((series = series_next(&table, &position)) != NULL) {
		*measurements += series->count;
		count++;
	}
	return count;
}

static void every_set_of_attributes_has_its_own_series(void **state)
{
	uint64_t measurements;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			char attributes[16];

			snprintf(attributes, sizeof(attributes), "%d", i);
			record(attributes, 1);
		}
	}
	assert_int_equal(count_series(&measurements), 1000);
	assert_int_equal(measurements, 2000);
}

static void fill(int count)
{
	for (int i = 0; i < count; i++) {
		char attributes[16];

		snprintf(attributes, sizeof(attributes), "%d", i);
		record(attributes, 1);
	}
}

static void beyond_the_limit_measurements_go_to_one_overflow_series(void **state)
{
	uint64_t before = counters[COUNTER_SERIES_OVERFLOW];
	uint64_t measurements;

	(void)state;
	limits.per_metric_max = 10;
	fill(100);
	fill(9); /* those that were there first go on as before */
	assert_int_equal(count_series(&measurements), 10);
	assert_int_equal(measurements, 109);
	assert_int_equal(table.overflow->count, 91);
	assert_int_equal(counters[COUNTER_SERIES_OVERFLOW] - before, 91);
}

static void the_limit_of_all_tables_overflows_too(void **state)
{
	uint64_t measurements;

	(void)state;
	limits.total_max = 5;
	fill(20);
	assert_int_equal(count_series(&measurements), 6);
	assert_int_equal(measurements, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_bucket_takes_its_upper_bound_and_not_its_lower, fresh, clear),
		cmocka_unit_test(the_bounds_are_those_of_the_conventions),
		cmocka_unit_test_setup_teardown(a_table_with_fewer_buckets_uses_no_more, fresh, clear),
		cmocka_unit_test_setup_teardown(count_sum_min_and_max_follow_the_measurements, fresh, clear),
		cmocka_unit_test_setup_teardown(a_measurement_of_zero_is_a_minimum, fresh, clear),
		cmocka_unit_test_setup_teardown(every_set_of_attributes_has_its_own_series, fresh, clear),
		cmocka_unit_test_setup_teardown(beyond_the_limit_measurements_go_to_one_overflow_series, fresh, clear),
		cmocka_unit_test_setup_teardown(the_limit_of_all_tables_overflows_too, fresh, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
