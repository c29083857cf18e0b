/* The ways of moving records through a mapped segment, both ends of each: the ring, and what it is compared with. */
#ifndef TESTS_BENCH_RING_MOVER_H
#define TESTS_BENCH_RING_MOVER_H

#include <stdbool.h>

#include "shm_protocol/segment.h"

enum { RING_RECORD_BYTES_MAX = 1024 };

struct ring_mover {
	void (*write)(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch, uint64_t records);
	/* False: what it read was wrong. */
	bool (*read)(struct shm_segment *segment, uint32_t record_bytes, uint64_t records);
};

/* The code that sensor and receiver run. */
extern const struct ring_mover ring_mover;

/* The bare loop: private positions, the other side's remembered, two memcpy, and nothing that protects anyone. */
extern const struct ring_mover floor_mover;

/* The bare loop with the full fence behind each publish that a sleeping reader needs: what the wakeup handshake costs,
 * whoever implements it. */
extern const struct ring_mover fenced_floor_mover;

#endif
