/* Make, seal, map and check the two shared segments. Cold path: runs once per attach. */
#ifndef SHM_PROTOCOL_SEGMENT_H
#define SHM_PROTOCOL_SEGMENT_H

#include "shm_protocol/layout.h"

/* Both memfds of one generation, mapped. Either side holds one; unused descriptors are -1. */
struct shm_segment {
	int data_fd;
	int control_fd;
	struct shm_producer_page *producer; /* the receiver's mapping is read-only */
	struct shm_control_page *control;
	uint8_t *data; /* mapped twice in a row, followed by an inaccessible guard; read-only for the receiver */
	uint64_t ring_bytes;
	uint64_t generation;
};

enum shm_attach {
	SHM_ATTACH_OK,
	SHM_ATTACH_SEALS,   /* a descriptor lacks a seal that protects this side */
	SHM_ATTACH_SIZE,    /* file sizes do not match what the handoff or the page says */
	SHM_ATTACH_MAGIC,   /* not one of our segments, or not finished */
	SHM_ATTACH_VERSION, /* another major version, byte order or alignment */
	SHM_ATTACH_MAP,     /* mmap failed; errno says why */
};

/* Sensor: make both segments with `ring_bytes` of data, fill the producer page, seal. Returns 0 or -errno; on failure
 * nothing is left open. */
int shm_segment_create(struct shm_segment *segment, uint64_t ring_bytes) __attribute__((warn_unused_result));

/* Receiver: check seals, sizes and page, then map. Takes ownership of the descriptors only on SHM_ATTACH_OK. */
enum shm_attach shm_segment_attach(struct shm_segment *segment, int data_fd, int control_fd, uint64_t ring_bytes)
	__attribute__((warn_unused_result));

/* Unmap and close. Safe on a zeroed or closed segment (descriptors 0 are never ours). */
void shm_segment_close(struct shm_segment *segment);

/* One sentence for a person. Static storage. */
const char *shm_attach_message(enum shm_attach result);

#endif
