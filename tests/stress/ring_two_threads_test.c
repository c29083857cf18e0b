/* Run writer and reader as two threads over one mapping, which is what ThreadSanitizer can see. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "numbered_record.h"
#include "shm_protocol/ring_reader.h"
#include "shm_protocol/ring_writer.h"
#include "shm_protocol/segment.h"

enum { RECORDS = 1000 * 1000, BATCH = 16 };

struct ring {
	struct shm_ring_writer writer;
	struct shm_ring_reader reader;
	uint64_t bells; /* under the GNU atomics: stands in for the eventfd */
};

static void publish(struct ring *ring)
{
	if (shm_ring_writer_publish(&ring->writer))
		__atomic_fetch_add(&ring->bells, 1, __ATOMIC_SEQ_CST);
}

static void *write_all(void *context)
{
	struct ring *ring = context;

	for (uint64_t number = 1; number <= RECORDS; number++) {
		const uint32_t length = numbered_record_length(number);
		struct shm_record_header *header;

		while (!shm_ring_writer_has_room(&ring->writer, length)) {
			publish(ring);
			sched_yield();
		}
		header = shm_ring_writer_reserve(&ring->writer, length);
		*header = (struct shm_record_header){.length = length, .type = SHM_RECORD_DATA};
		numbered_record_fill(header, number);
		shm_ring_writer_commit(&ring->writer);
		if (number % BATCH == 0)
			publish(ring);
	}
	publish(ring);
	return NULL;
}

static void sleep_until_bell(struct ring *ring)
{
	const uint64_t before = __atomic_load_n(&ring->bells, __ATOMIC_SEQ_CST);

	if (!shm_ring_reader_sleep(&ring->reader))
		return;
	while (__atomic_load_n(&ring->bells, __ATOMIC_SEQ_CST) == before)
		sched_yield();
	shm_ring_reader_wake(&ring->reader);
}

static void every_record_arrives_whole_and_in_order(void **state)
{
	static uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
	struct shm_segment segment;
	struct ring ring = {0};
	uint64_t next = 1;
	pthread_t thread;

	(void)state;
	assert_int_equal(shm_segment_create(&segment, SHM_RING_BYTES_MIN), 0);
	shm_ring_writer_init(&ring.writer, segment.producer, segment.control, segment.data, segment.ring_bytes);
	shm_ring_reader_init(&ring.reader, segment.producer, segment.control, segment.data, segment.ring_bytes);
	assert_int_equal(pthread_create(&thread, NULL, write_all, &ring), 0);
	while (next <= RECORDS) {
		enum shm_read found = shm_ring_reader_next(&ring.reader, copy);

		assert_int_not_equal(found, SHM_READ_VIOLATION);
		if (found == SHM_READ_EMPTY) {
			sleep_until_bell(&ring);
			continue;
		}
		assert_int_equal(numbered_record_number(copy), next);
		assert_true(numbered_record_is_whole(copy));
		next++;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(shm_ring_reader_next(&ring.reader, copy), SHM_READ_EMPTY);
	assert_int_equal(ring.writer.violations, 0);
	assert_int_equal(ring.writer.lost_records, 0);
	shm_segment_close(&segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_arrives_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
