/* Fuzz the ring's reader over a hostile image: it ends with "empty" or a violation, and stays inside its mapping.
 *
 * Input: 8 bytes tail, 8 bytes where the reader stands, then what the ring holds from there on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shm_protocol/record_check.h"
#include "shm_protocol/ring_reader.h"
#include "shm_protocol/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RING_BYTES = SHM_RING_BYTES_MIN };

static uint64_t take_64(const uint8_t **data, size_t *size)
{
	uint64_t value = 0;
	const size_t length = *size < sizeof(value) ? *size : sizeof(value);

	memcpy(&value, *data, length);
	*data += length;
	*size -= length;
	return value;
}

static void read_all(struct shm_ring_reader *reader, void *copy)
{
	const uint64_t start = reader->head;
	struct shm_record_view view;

	while (shm_ring_reader_next(reader, copy) == SHM_READ_RECORD) {
		const uint32_t length = ((const struct shm_record_header *)copy)->length;

		if (length < 8 || length > SHM_RECORD_BYTES_MAX || length % 8 != 0 ||
		    reader->head - start > RING_BYTES || reader->head - reader->released >= RING_BYTES / 8)
			abort();
		(void)!shm_record_check(copy, length, &view);
	}
	if (shm_ring_reader_lag(reader) > RING_BYTES)
		abort();
	shm_ring_reader_release(reader);
	(void)shm_ring_reader_sleep(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct shm_segment segment;
	struct shm_ring_reader reader;
	void *copy = malloc(SHM_RECORD_BYTES_MAX);

	if (copy == NULL)
		return 0;
	if (segment.data == NULL && shm_segment_create(&segment, RING_BYTES) != 0)
		abort();
	shm_ring_reader_init(&reader, segment.producer, segment.control, segment.data, segment.ring_bytes);
	segment.producer->tail = take_64(&data, &size);
	reader.head = take_64(&data, &size) & ~(uint64_t)7;
	reader.released = reader.tail_seen = reader.head;
	memset(segment.data, 0, RING_BYTES);
	/* Through the double mapping: what passes the end of the ring appears at its start. */
	memcpy(segment.data + (reader.head & (RING_BYTES - 1)), data, size < RING_BYTES ? size : RING_BYTES);
	read_all(&reader, copy);
	free(copy);
	return 0;
}
