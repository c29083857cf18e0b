/* Bytes as a slice that ends where a page begins that must not be touched. */
#ifndef SUPPORT_GUARDED_H
#define SUPPORT_GUARDED_H

#include "exchanges/slice.h"
#include "support/guard_page.h"

enum { GUARDED_BYTES_MAX = 65536 };

/* Valid until the next call. */
static inline struct slice guarded(const char *bytes, size_t length)
{
	static struct guard_page guard;

	if (guard.bytes == NULL)
		guard = guard_page_create(GUARDED_BYTES_MAX);
	return (struct slice){guard_page_place(&guard, bytes, length), length};
}

#endif
