/* Place bytes before a PROT_NONE page. */
#include "support/guard_page.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

struct guard_page guard_page_create(size_t capacity)
{
	size_t page = page_bytes();
	size_t rounded = (capacity + page - 1) / page * page;
	char *bytes = mmap(NULL, rounded + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED || mprotect(bytes + rounded, page, PROT_NONE) != 0)
		abort();
	return (struct guard_page){bytes, rounded};
}

void guard_page_destroy(struct guard_page *guard)
{
	munmap(guard->bytes, guard->capacity + page_bytes());
}

const char *guard_page_place(const struct guard_page *guard, const char *bytes, size_t length)
{
	if (length > guard->capacity)
		abort();
	char *at = guard->bytes + guard->capacity - length;

	if (length > 0)
		memcpy(at, bytes, length);
	return at;
}
