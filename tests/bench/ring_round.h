/* Run one mover once: a writer and a reader, two processes on two processors, over a fresh segment. */
#ifndef TESTS_BENCH_RING_ROUND_H
#define TESTS_BENCH_RING_ROUND_H

#include "ring_mover.h"

struct ring_round {
	double ns_per_record; /* from the first write to the last copy */
	bool disturbed;	      /* the scheduler took the processor away from either side meanwhile */
};

/* False: the round could not be run. */
bool ring_round_run(const struct ring_mover *mover, const int cpus[2], uint32_t record_bytes, uint32_t batch,
		    struct ring_round *round) __attribute__((warn_unused_result));

#endif
