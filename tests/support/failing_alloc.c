/* Count allocations and fail the chosen one. */
#include "support/failing_alloc.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static uint64_t count;
static uint64_t fail_at = UINT64_MAX;
static bool for_good;
static bool fired;

void failing_alloc_arm(uint64_t successes, bool every_one)
{
	fail_at = count + successes;
	for_good = every_one;
	fired = false;
}

void failing_alloc_disarm(void)
{
	fail_at = UINT64_MAX;
}

bool failing_alloc_fired(void)
{
	return fired;
}

uint64_t failing_alloc_count(void)
{
	return count;
}

static bool must_fail(void)
{
	bool fails = count == fail_at || (for_good && count > fail_at);

	count++;
	fired |= fails;
	return fails;
}

void *__wrap_malloc(size_t size)
{
	return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __real_calloc(n, size);
}
