/* Blocks of a few sizes under one limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocols/block_pool.h"
#include "support/failing_alloc.h"

static void a_block_that_was_given_back_is_taken_again_without_an_allocation(void **state)
{
	struct block_pool *pool = block_pool_create(1 << 20);
	void *block = block_pool_take(pool, 300);

	(void)state;
	memset(block, 0xff, 300);
	block_pool_give(pool, block, 300);
	uint64_t before = failing_alloc_count();

	assert_ptr_equal(block_pool_take(pool, 512), block);
	assert_int_equal(failing_alloc_count(), before);
	assert_int_equal(block_pool_bytes_in_use(pool), 512);
	block_pool_give(pool, block, 512);
	block_pool_destroy(pool);
}

static void every_size_up_to_the_largest_is_writable(void **state)
{
	struct block_pool *pool = block_pool_create(BLOCK_BYTES_MAX);

	(void)state;
	for (size_t bytes = 0; bytes <= BLOCK_BYTES_MAX; bytes += 1 + bytes / 7) {
		char *block = block_pool_take(pool, bytes);

		assert_non_null(block);
		memset(block, 1, bytes);
		block_pool_give(pool, block, bytes);
	}
	assert_null(block_pool_take(pool, BLOCK_BYTES_MAX + 1));
	block_pool_destroy(pool);
}

static void the_limit_counts_all_sizes_and_free_blocks_make_room(void **state)
{
	struct block_pool *pool = block_pool_create(1024);
	void *a = block_pool_take(pool, 512), *b = block_pool_take(pool, 512);

	(void)state;
	assert_null(block_pool_take(pool, 1));
	block_pool_give(pool, a, 512);
	block_pool_give(pool, b, 512);
	a = block_pool_take(pool, 1024); /* the two free ones are of the wrong size */
	assert_non_null(a);
	block_pool_give(pool, a, 1024);
	block_pool_destroy(pool);
}

static void without_memory_nothing_is_taken_and_nothing_counted(void **state)
{
	struct block_pool *pool = block_pool_create(1024);

	(void)state;
	failing_alloc_arm(0, true);
	assert_null(block_pool_take(pool, 1));
	assert_null(block_pool_create(1));
	failing_alloc_disarm();
	assert_int_equal(block_pool_bytes_in_use(pool), 0);
	block_pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_that_was_given_back_is_taken_again_without_an_allocation),
		cmocka_unit_test(every_size_up_to_the_largest_is_writable),
		cmocka_unit_test(the_limit_counts_all_sizes_and_free_blocks_make_room),
		cmocka_unit_test(without_memory_nothing_is_taken_and_nothing_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
