/* Put bytes right before a page that must not be touched: reading one byte too many faults at once. */
#ifndef SUPPORT_GUARD_PAGE_H
#define SUPPORT_GUARD_PAGE_H

#include <stddef.h>

struct guard_page {
	char *bytes; /* start of the usable area */
	size_t capacity;
};

/* Usable area of at least `capacity` bytes. Fails the test without memory. */
struct guard_page guard_page_create(size_t capacity);
void guard_page_destroy(struct guard_page *guard);

/* A copy whose last byte touches the guard. Valid until the next call. */
const char *guard_page_place(const struct guard_page *guard, const char *bytes, size_t length);

#endif
