/* Measure what a reader that sleeps costs: how often it is woken, how long that takes. */
#ifndef TESTS_BENCH_RING_WAKEUP_H
#define TESTS_BENCH_RING_WAKEUP_H

#include <stdbool.h>

/* Print both measurements. False after having complained. */
bool ring_wakeup_measure(const int cpus[2], bool json);

#endif
