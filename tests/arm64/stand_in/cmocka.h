/* Stand in for cmocka where there is none for the target: as much of it as the tests that are cross-built need. */
#ifndef STAND_IN_CMOCKA_H
#define STAND_IN_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	void *setup_func, *teardown_func;
	void *initial_state;
};

#define cmocka_unit_test(function)                                                                                     \
	{                                                                                                              \
		.name = #function, .test_func = function                                                               \
	}

#define assert_true(holds)                                                                                             \
	((holds) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #holds), exit(1)))
#define assert_int_equal(a, b)     assert_true((a) == (b))
#define assert_int_not_equal(a, b) assert_true((a) != (b))
#define assert_string_equal(a, b)  assert_true(strcmp(a, b) == 0)

static inline int stand_in_run(const struct CMUnitTest *tests, size_t count)
{
	size_t run = 0;

	for (size_t i = 0; i < count; i++) {
		void *state = tests[i].initial_state;

		if (tests[i].test_func == NULL)
			continue;
		tests[i].test_func(&state);
		run++;
	}
	printf("%zu passed\n", run);
	return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown) stand_in_run(tests, sizeof(tests) / sizeof((tests)[0]))

#endif
