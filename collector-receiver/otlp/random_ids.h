/* Trace and span ids: random, without a system call each. */
#ifndef OTLP_RANDOM_IDS_H
#define OTLP_RANDOM_IDS_H

#include <stdint.h>

/* xoshiro256++ (Blackman and Vigna, public domain). Ids need to be unique, not secret. */
struct random_ids {
	uint64_t state[4];
};

/* Seeds from the kernel. 0, or -errno if it has no randomness to give. */
int random_ids_seed(struct random_ids *ids) __attribute__((warn_unused_result));

uint64_t random_ids_next(struct random_ids *ids);
void random_ids_trace(struct random_ids *ids, uint8_t trace_id[16]); /* never all zero */
void random_ids_span(struct random_ids *ids, uint8_t span_id[8]);    /* never all zero */

#endif
