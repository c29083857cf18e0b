/* Make the n-th allocation fail. Link with -Wl,--wrap=malloc,--wrap=calloc (see shmotel_failing_alloc in CMake). */
#ifndef SUPPORT_FAILING_ALLOC_H
#define SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* Let `successes` allocations pass and fail the next; all after that too if `for_good`. */
void failing_alloc_arm(uint64_t successes, bool for_good);
void failing_alloc_disarm(void);

/* Has an allocation failed since it was armed? */
bool failing_alloc_fired(void);

/* Allocations since the program began. */
uint64_t failing_alloc_count(void);

#endif
