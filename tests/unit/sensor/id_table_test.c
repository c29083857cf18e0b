/* The table of ids: what is put in is found, what is taken out is not, whatever shares its run of slots. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "id_table.h"

enum { IDS = 5000 };

static char values[IDS];

/* A model of one flag per id beside the table, and a fixed sequence of additions and removals. */
static void the_table_agrees_with_a_plain_array_after_any_sequence(void **state)
{
	(void)state;
	static bool held[IDS];
	struct id_table table;
	uint64_t random = 1;
	size_t count = 0;

	id_table_init(&table, IDS, 7);
	for (int step = 0; step < 100000; step++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		size_t id = (random >> 33) % IDS;
		bool add = (random >> 20 & 3) != 0 ? step / 20000 % 2 == 0 : step / 20000 % 2 != 0;
		void *replaced;

		if (add) {
			assert_int_equal(id_table_set(&table, id, &values[id], &replaced), 0);
			assert_ptr_equal(replaced, held[id] ? &values[id] : NULL);
			count += !held[id];
		} else {
			assert_ptr_equal(id_table_remove(&table, id), held[id] ? &values[id] : NULL);
			count -= held[id];
		}
		held[id] = add;
		assert_int_equal(table.count, count);
	}
	for (size_t id = 0; id < IDS; id++)
		assert_ptr_equal(id_table_find(&table, id), held[id] ? &values[id] : NULL);
	size_t at = 0, walked = 0;

	while (id_table_next(&table, &at) != NULL)
		walked++;
	assert_int_equal(walked, count);
	id_table_free(&table);
}

static void a_full_table_refuses_and_keeps_what_it_has(void **state)
{
	(void)state;
	struct id_table table;
	void *replaced;

	id_table_init(&table, 3, 0);
	for (uint64_t id = 0; id < 3; id++)
		assert_int_equal(id_table_set(&table, id, &values[id], &replaced), 0);
	assert_int_equal(id_table_set(&table, 3, &values[3], &replaced), -ENOSPC);
	assert_int_equal(id_table_set(&table, 2, &values[3], &replaced), 0);
	assert_ptr_equal(replaced, &values[2]);
	assert_ptr_equal(id_table_find(&table, 0), &values[0]);
	assert_null(id_table_find(&table, 3));
	id_table_free(&table);
}

static void any_goes_round_all_entries(void **state)
{
	(void)state;
	bool seen[20] = {false};
	struct id_table table;
	void *replaced;

	id_table_init(&table, 20, 99);
	for (uint64_t id = 0; id < 20; id++)
		assert_int_equal(id_table_set(&table, id, &values[id], &replaced), 0);
	for (int i = 0; i < 20; i++) {
		uint64_t id = id_table_any(&table);

		assert_false(seen[id]);
		seen[id] = true;
	}
	id_table_free(&table);
}

static void an_empty_table_holds_no_memory_and_finds_nothing(void **state)
{
	(void)state;
	struct id_table table;
	size_t at = 0;

	id_table_init(&table, 10, 0);
	assert_null(table.slots);
	assert_null(id_table_find(&table, 0));
	assert_null(id_table_remove(&table, 0));
	assert_null(id_table_next(&table, &at));
	id_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_agrees_with_a_plain_array_after_any_sequence),
		cmocka_unit_test(a_full_table_refuses_and_keeps_what_it_has),
		cmocka_unit_test(any_goes_round_all_entries),
		cmocka_unit_test(an_empty_table_holds_no_memory_and_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
