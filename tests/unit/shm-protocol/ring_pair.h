/* Provide tests with a ring in one process: a writer and a reader over one sealed segment. */
#ifndef TESTS_RING_PAIR_H
#define TESTS_RING_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shm_protocol/ring_reader.h"
#include "shm_protocol/ring_writer.h"
#include "shm_protocol/segment.h"

struct ring_pair {
	struct shm_segment segment;
	struct shm_ring_writer writer;
	struct shm_ring_reader reader;
	uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
};

static inline void ring_pair_open(struct ring_pair *pair, uint64_t ring_bytes)
{
	assert_int_equal(shm_segment_create(&pair->segment, ring_bytes), 0);
	shm_ring_writer_init(&pair->writer, pair->segment.producer, pair->segment.control, pair->segment.data,
			     pair->segment.ring_bytes);
	shm_ring_reader_init(&pair->reader, pair->segment.producer, pair->segment.control, pair->segment.data,
			     pair->segment.ring_bytes);
}

static inline void ring_pair_close(struct ring_pair *pair)
{
	shm_segment_close(&pair->segment);
}

/* A record of `length` bytes whose every 64-bit word after the header is `mark`. */
static inline bool ring_pair_write(struct ring_pair *pair, uint32_t length, uint64_t mark)
{
	uint64_t *words = shm_ring_writer_reserve(&pair->writer, length);
	struct shm_record_header header = {.length = length, .type = SHM_RECORD_DATA};

	if (words == NULL)
		return false;
	memcpy(words, &header, sizeof(header));
	for (uint32_t i = 1; i < length / sizeof(uint64_t); i++)
		words[i] = mark;
	shm_ring_writer_commit(&pair->writer);
	return true;
}

static inline void ring_pair_expect(struct ring_pair *pair, uint32_t length, uint64_t mark)
{
	const struct shm_record_header *header = (const void *)pair->copy;

	assert_int_equal(shm_ring_reader_next(&pair->reader, pair->copy), SHM_READ_RECORD);
	assert_int_equal(header->length, length);
	for (uint32_t i = 1; i < length / sizeof(uint64_t); i++)
		assert_int_equal(pair->copy[i], mark);
}

#endif
