/* Define the two shared segments: what stands at which byte, and who may write it.
 *
 *  data memfd (reader: PROT_READ)                     control memfd (reader: PROT_READ|PROT_WRITE)
 *  0       +---------------------------+              0    +----------------------------+
 *          | producer page             |                   | head          (reader)     | 128-byte line
 *  65536   +---------------------------+              128  | reader_asleep (reader)     | 128-byte line
 *          | ring data, ring_bytes     |              4096 +----------------------------+
 *          +---------------------------+
 *
 * The data memfd is sealed SHRINK|GROW|FUTURE_WRITE|SEAL after the writer has mapped it, the control memfd
 * SHRINK|GROW|SEAL. Each side maps the ring data twice in a row, so that no record wraps.
 */
#ifndef SHM_PROTOCOL_LAYOUT_H
#define SHM_PROTOCOL_LAYOUT_H

#include "shm_protocol/types.h"

#define SHM_LAYOUT_MAGIC UINT64_C(0x4c45544f4d485301) /* "\x01SHMOTEL" in little-endian memory order */

enum {
	SHM_LAYOUT_MAJOR = 1, /* must match */
	SHM_LAYOUT_MINOR = 1, /* a reader accepts any */
	SHM_LAYOUT_ENDIAN_TAG = 0x01020304,

	SHM_PRODUCER_PAGE_BYTES = 65536, /* a multiple of every page size in use */
	SHM_CONTROL_BYTES = 4096,
};

/* Written by the sensor only. */
struct shm_producer_page {
	uint64_t magic; /* stored last, with release: until then nothing here is valid */
	uint16_t layout_major;
	uint16_t layout_minor;
	uint32_t endian_tag;
	uint64_t ring_bytes;
	uint32_t record_bytes_max;
	uint32_t record_align_bytes;
	uint64_t generation; /* random; a new one with every ring */
	uint8_t _pad0[88];

	uint64_t tail; /* bytes ever published; own line */
	uint8_t _pad1[120];

	uint64_t lost_records; /* refused because the ring was full */
	uint64_t lost_bytes;
	uint64_t heartbeat_ns; /* CLOCK_MONOTONIC of the writer's last pass */
	uint8_t _pad2[104];
};

/* Written by the receiver only; the sensor believes none of it without a check. */
struct shm_control_page {
	uint64_t head; /* bytes ever released; own line */
	uint8_t _pad0[120];

	uint32_t reader_asleep; /* 1: ring the doorbell after the next publish */
	uint8_t _pad1[124];
};

_Static_assert(offsetof(struct shm_producer_page, layout_major) == 8, "layout_major");
_Static_assert(offsetof(struct shm_producer_page, ring_bytes) == 16, "ring_bytes");
_Static_assert(offsetof(struct shm_producer_page, generation) == 32, "generation");
_Static_assert(offsetof(struct shm_producer_page, tail) == 128, "tail");
_Static_assert(offsetof(struct shm_producer_page, lost_records) == 256, "lost_records");
_Static_assert(sizeof(struct shm_producer_page) == 384, "producer page");
_Static_assert(offsetof(struct shm_control_page, head) == 0, "head");
_Static_assert(offsetof(struct shm_control_page, reader_asleep) == 128, "reader_asleep");
_Static_assert(sizeof(struct shm_control_page) == 256, "control page");

#endif
