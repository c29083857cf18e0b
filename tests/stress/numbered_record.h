/* Give every record a number, and a length and content that follow from it, so that a reader can tell what it
 * misses. */
#ifndef TESTS_NUMBERED_RECORD_H
#define TESTS_NUMBERED_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "shm_protocol/record.h"

/* Mostly small, sometimes large, never the same twice in a row: 16 to 4096 bytes. */
static inline uint32_t numbered_record_length(uint64_t number)
{
	uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15) >> 40;

	return 16 + 8 * (uint32_t)(mixed % 64 == 0 ? mixed % 511 : mixed % 40);
}

/* Everything behind the header, which is already there. */
static inline void numbered_record_fill(void *record, uint64_t number)
{
	uint64_t *words = record;

	for (uint32_t i = 1; i < numbered_record_length(number) / sizeof(*words); i++)
		words[i] = number * i;
}

static inline uint64_t numbered_record_number(const void *record)
{
	return ((const uint64_t *)record)[1];
}

static inline bool numbered_record_is_whole(const void *record)
{
	const uint64_t *words = record;
	const uint64_t number = words[1];
	const uint32_t length = ((const struct shm_record_header *)record)->length;

	if (length != numbered_record_length(number))
		return false;
	for (uint32_t i = 1; i < length / sizeof(*words); i++)
		if (words[i] != number * i)
			return false;
	return true;
}

#endif
