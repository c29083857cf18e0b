/* Kill either side at any moment, over and over: what the survivor sees is whole, and the sum holds. */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "numbered_record.h"
#include "ring_session.h"
#include "shm_protocol/ring_reader.h"

enum { ROUNDS_DEFAULT = 150, MOMENT_US_MAX = 4000 };

static int rounds = ROUNDS_DEFAULT; /* SHMOTEL_KILL_ROUNDS: more of them */

static uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];

static void kill_and_reap(pid_t child)
{
	int status;

	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void write_one(struct ring_session *session, uint64_t number)
{
	void *record = ring_session_reserve(session, SHM_RECORD_DATA, 0, numbered_record_length(number));

	if (record == NULL)
		return;
	numbered_record_fill(record, number);
	ring_session_commit(session);
}

static void read_for_ever(const struct handoff_offer *offer, volatile uint64_t *ready)
{
	struct shm_segment segment;
	struct shm_ring_reader reader;

	if (shm_segment_attach(&segment, offer->fds[SHM_HANDOFF_FD_DATA], offer->fds[SHM_HANDOFF_FD_CONTROL],
			       offer->ring_bytes) != SHM_ATTACH_OK)
		_exit(1);
	shm_ring_reader_init(&reader, segment.producer, segment.control, segment.data, segment.ring_bytes);
	*ready = 1;
	for (;;) {
		if (shm_ring_reader_next(&reader, copy) == SHM_READ_VIOLATION)
			_exit(2);
		shm_ring_reader_release(&reader);
	}
}

static uint64_t elapsed_us(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - since->tv_sec) * 1000000 + (uint64_t)(now.tv_nsec - since->tv_nsec) / 1000;
}

/* Shared between parent and child. */
static volatile uint64_t *shared_word(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(page != MAP_FAILED);
	return page;
}

static void a_killed_reader_leaves_an_exact_account(void **state)
{
	uint64_t counters[SENSOR_COUNTER_COUNT] = {0};
	volatile uint64_t *ready = shared_word();
	struct ring_session session;
	uint64_t wanted = 0, given_back = 0, loss_records = 0;

	(void)state;
	ring_session_init(&session, SHM_RING_BYTES_MIN, counters);
	for (int round = 0; round < rounds; round++) {
		const uint64_t moment_us = (uint64_t)(rand() % MOMENT_US_MAX);
		const uint64_t published_before = counters[SENSOR_COUNTER_RECORDS_PUBLISHED];
		struct handoff_offer offer;
		struct timespec start;
		pid_t child;

		*ready = 0;
		assert_int_equal(ring_session_open(&session, &offer), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			read_for_ever(&offer, ready);
		while (*ready == 0)
			poll(NULL, 0, 0);
		clock_gettime(CLOCK_MONOTONIC, &start);
		while (elapsed_us(&start) < moment_us) {
			for (int i = 0; i < 20; i++)
				write_one(&session, ++wanted);
			assert_true(ring_session_end_pass(&session, 1));
		}
		kill_and_reap(child);

		/* Everything below head was given back: records of this generation less those that lie above it. */
		const uint64_t unread = shm_ring_writer_unread(&session.writer);
		const uint64_t published = counters[SENSOR_COUNTER_RECORDS_PUBLISHED] - published_before;
		uint64_t bytes = 0;

		assert_int_equal(session.writer.violations, 0);
		assert_true(unread <= published);
		given_back += published - unread;
		for (uint64_t at = session.writer.head_seen; at < session.writer.tail; at += bytes) {
			const struct shm_record_header *header = (const void *)(session.segment.data +
										at % session.segment.ring_bytes);

			bytes = header->length;
			assert_true(header->type == SHM_RECORD_LOSS || numbered_record_is_whole(header));
		}
		ring_session_reader_gone(&session);
	}
	loss_records = counters[SENSOR_COUNTER_RECORDS_PUBLISHED] + counters[SENSOR_COUNTER_SHARED_RING_FULL] - wanted;
	assert_true(loss_records <= counters[SENSOR_COUNTER_SHARED_RING_FULL]);
	assert_int_equal(counters[SENSOR_COUNTER_RECORDS_PUBLISHED],
			 given_back + counters[SENSOR_COUNTER_READER_GONE]);
	assert_int_equal(counters[SENSOR_COUNTER_NO_READER], 0);
	assert_int_equal(counters[SENSOR_COUNTER_READER_VIOLATION], 0);
}

static void write_for_ever(struct ring_session *session, volatile uint64_t *ready)
{
	*ready = 1;
	for (uint64_t number = 1;; number++) {
		while (!shm_ring_writer_has_room(&session->writer, 8192))
			;
		write_one(session, number);
		if (number % 7 == 0 && !ring_session_end_pass(session, number))
			_exit(3);
	}
}

static void a_killed_writer_leaves_nothing_torn(void **state)
{
	volatile uint64_t *ready = shared_word();
	uint64_t records = 0;

	(void)state;
	for (int round = 0; round < rounds; round++) {
		const uint64_t moment_us = (uint64_t)(rand() % MOMENT_US_MAX);
		uint64_t counters[SENSOR_COUNTER_COUNT] = {0};
		struct ring_session session;
		struct handoff_offer offer;
		struct shm_ring_reader reader;
		struct timespec start;
		enum shm_read found;
		uint64_t next = 1;
		bool killed = false;
		pid_t child;

		*ready = 0;
		ring_session_init(&session, SHM_RING_BYTES_MIN, counters);
		assert_int_equal(ring_session_open(&session, &offer), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			write_for_ever(&session, ready);
		while (*ready == 0)
			poll(NULL, 0, 0);
		clock_gettime(CLOCK_MONOTONIC, &start);
		shm_ring_reader_init(&reader, session.segment.producer, session.segment.control, session.segment.data,
				     session.segment.ring_bytes);
		do {
			if (!killed && elapsed_us(&start) >= moment_us) {
				kill_and_reap(child);
				killed = true;
			}
			found = shm_ring_reader_next(&reader, copy);
			assert_int_not_equal(found, SHM_READ_VIOLATION);
			if (found == SHM_READ_RECORD) {
				assert_int_equal(numbered_record_number(copy), next);
				assert_true(numbered_record_is_whole(copy));
				next++;
			}
			shm_ring_reader_release(&reader);
		} while (!killed || found == SHM_READ_RECORD);
		records += next - 1;
		ring_session_close(&session);
	}
	assert_true(records > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_reader_leaves_an_exact_account),
		cmocka_unit_test(a_killed_writer_leaves_nothing_torn),
	};
	const char *wanted = getenv("SHMOTEL_KILL_ROUNDS");

	if (wanted != NULL)
		rounds = atoi(wanted);
	assert_true(rounds > 0);
	const unsigned seed = (unsigned)time(NULL);

	srand(seed);
	print_message("seed %u, %d rounds\n", seed, rounds);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
