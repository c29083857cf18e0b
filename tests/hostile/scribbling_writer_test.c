/* Read a ring while another thread writes anything into its producer page and its data: every outcome is a record, a
 * refusal, "empty" or a violation. Run it under AddressSanitizer; the guard around the mapping catches the rest. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm_protocol/record_check.h"
#include "shm_protocol/ring_reader.h"
#include "shm_protocol/segment.h"
#include "support/random.h"

enum {
	RING_BYTES = SHM_RING_BYTES_MIN,
	ENOUGH = 20000, /* outcomes of each kind */
	READS_MAX = 100 * 1000 * 1000,
};

struct scribbler {
	struct shm_segment *segment;
	uint64_t *head; /* where the reader stands, roughly: an invitation to scribble there */
	bool stop;
};

static uint32_t some_length(struct random *random)
{
	static const uint32_t lengths[] = {0, 7, 8, 24, 40, 80, 512, 32768, 32776, 65536, UINT32_MAX};
	const uint32_t pick = random_below(random, 16);

	return pick < sizeof(lengths) / sizeof(lengths[0]) ? lengths[pick] : 8 * random_below(random, 64);
}

static void scribble(struct scribbler *scribbler, struct random *random)
{
	struct shm_segment *segment = scribbler->segment;
	const uint64_t head = __atomic_load_n(scribbler->head, __ATOMIC_RELAXED);
	/* Words near the reader; 8-byte aligned, as a header is. */
	volatile uint32_t *header =
		(volatile uint32_t *)(void *)(segment->data + (head + 8 * random_below(random, 64)) % RING_BYTES);

	switch (random_below(random, 8)) {
	case 0:
	case 5:
		*(volatile uint64_t *)&segment->producer->tail = head + 8 * random_below(random, RING_BYTES / 8 + 2);
		break;
	case 1:
		if (random_below(random, 64) == 0)
			*(volatile uint64_t *)&segment->producer->tail = random_next(random);
		break;
	case 2:
		header[1] = random_below(random, SHM_RECORD_TYPE_END + 1);
		break;
	case 3:
		header[random_below(random, 2)] = (uint32_t)random_next(random);
		break;
	default:
		header[0] = some_length(random);
		break;
	}
}

static void *scribble_on(void *context)
{
	struct scribbler *scribbler = context;
	struct random random = {.state = 1};

	while (!__atomic_load_n(&scribbler->stop, __ATOMIC_RELAXED))
		scribble(scribbler, &random);
	return NULL;
}

struct outcomes {
	uint64_t records, refused, empty, violations;
};

static void record_judge(const void *copy, struct outcomes *outcomes)
{
	const uint32_t length = ((const struct shm_record_header *)copy)->length;
	struct shm_record_view view;
	void *exact;

	assert_in_range(length, sizeof(struct shm_record_header), SHM_RECORD_BYTES_MAX);
	assert_int_equal(length % SHM_RECORD_ALIGN_BYTES, 0);
	exact = malloc(length);
	assert_non_null(exact);
	memcpy(exact, copy, length);
	if (shm_record_check(exact, length, &view) == SHM_CHECK_OK)
		outcomes->records++;
	else
		outcomes->refused++;
	free(exact);
}

static void a_writer_that_scribbles_while_we_read_leads_to_a_record_or_a_refusal(void **state)
{
	struct outcomes outcomes = {0};
	struct shm_segment segment;
	struct shm_ring_reader reader;
	uint64_t head = 0;
	struct scribbler scribbler = {.segment = &segment, .head = &head};
	void *copy = malloc(SHM_RECORD_BYTES_MAX);
	pthread_t thread;

	(void)state;
	assert_non_null(copy);
	assert_int_equal(shm_segment_create(&segment, RING_BYTES), 0);
	shm_ring_reader_init(&reader, segment.producer, segment.control, segment.data, RING_BYTES);
	assert_int_equal(pthread_create(&thread, NULL, scribble_on, &scribbler), 0);
	for (int i = 0; i < READS_MAX && (outcomes.records < ENOUGH || outcomes.refused < ENOUGH ||
					  outcomes.violations < ENOUGH);
	     i++) {
		switch (shm_ring_reader_next(&reader, copy)) {
		case SHM_READ_RECORD:
			record_judge(copy, &outcomes);
			break;
		case SHM_READ_EMPTY:
			outcomes.empty++;
			sched_yield();
			break;
		case SHM_READ_VIOLATION:
			/* Here another session would begin; this one goes on where a new reader might stand. */
			outcomes.violations++;
			reader.head += 8;
			reader.released = reader.tail_seen = reader.head;
			break;
		}
		assert_true(reader.tail_seen - reader.head <= RING_BYTES);
		__atomic_store_n(&head, reader.head, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&scribbler.stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	print_message("%llu records, %llu refused, %llu times empty, %llu violations\n",
		      (unsigned long long)outcomes.records, (unsigned long long)outcomes.refused,
		      (unsigned long long)outcomes.empty, (unsigned long long)outcomes.violations);
	/* Every way out was taken. */
	assert_true(outcomes.records >= ENOUGH && outcomes.refused >= ENOUGH && outcomes.violations >= ENOUGH);
	shm_segment_close(&segment);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_writer_that_scribbles_while_we_read_leads_to_a_record_or_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
