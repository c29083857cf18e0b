/* Run writer and reader as two processes at full speed: nothing is torn, nothing is out of order, every loss is told,
 * and a reader that goes to sleep whenever it can is always woken. */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "numbered_record.h"
#include "ring_session.h"
#include "shm_protocol/ring_reader.h"

enum { PASS_RECORDS = 50, WAKE_TIMEOUT_MS = 20000 };

/* What the reader found, as its exit status. */
enum verdict {
	VERDICT_GOOD,
	VERDICT_NOT_ATTACHED,
	VERDICT_VIOLATION,
	VERDICT_TORN,
	VERDICT_OUT_OF_ORDER,
	VERDICT_LOSS_UNTOLD,
	VERDICT_NEVER_WOKEN,
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

struct reader_state {
	uint64_t next;
	uint64_t told; /* losses told and not yet seen as a gap */
	bool ended;
};

static enum verdict reader_judge(struct reader_state *state, const void *record)
{
	const struct shm_record_header *header = record;

	if (header->type == SHM_RECORD_SNAPSHOT_END) {
		/* It carries the number of the last record, lost or not. */
		state->ended = true;
		return ((const uint64_t *)record)[1] - state->next == state->told ? VERDICT_GOOD : VERDICT_LOSS_UNTOLD;
	}
	if (header->type == SHM_RECORD_LOSS) {
		state->told += ((const struct shm_record_loss *)record)->records;
		return VERDICT_GOOD;
	}
	if (!numbered_record_is_whole(record))
		return VERDICT_TORN;
	if (numbered_record_number(record) < state->next)
		return VERDICT_OUT_OF_ORDER;
	if (numbered_record_number(record) - state->next != state->told)
		return VERDICT_LOSS_UNTOLD;
	state->told = 0;
	state->next = numbered_record_number(record) + 1;
	return VERDICT_GOOD;
}

static bool wait_for_bell(int doorbell_fd)
{
	struct epoll_event event;

	return epoll_wait(doorbell_fd, &event, 1, WAKE_TIMEOUT_MS) == 1;
}

static enum verdict reader_run(const struct handoff_offer *offer)
{
	static uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
	struct reader_state state = {.next = 1};
	struct shm_segment segment;
	struct shm_ring_reader reader;

	if (shm_segment_attach(&segment, offer->fds[SHM_HANDOFF_FD_DATA], offer->fds[SHM_HANDOFF_FD_CONTROL],
			       offer->ring_bytes) != SHM_ATTACH_OK)
		return VERDICT_NOT_ATTACHED;
	shm_ring_reader_init(&reader, segment.producer, segment.control, segment.data, segment.ring_bytes);
	while (!state.ended) {
		enum verdict verdict;

		switch (shm_ring_reader_next(&reader, copy)) {
		case SHM_READ_RECORD:
			verdict = reader_judge(&state, copy);
			if (verdict != VERDICT_GOOD)
				return verdict;
			break;
		case SHM_READ_EMPTY:
			if (!shm_ring_reader_sleep(&reader))
				break;
			if (!wait_for_bell(offer->fds[SHM_HANDOFF_FD_DOORBELL]))
				return VERDICT_NEVER_WOKEN;
			shm_ring_reader_wake(&reader);
			break;
		case SHM_READ_VIOLATION:
			return VERDICT_VIOLATION;
		}
	}
	shm_ring_reader_release(&reader);
	return VERDICT_GOOD;
}

/* Write numbered records until the time is over, in passes; the number after the last. */
static uint64_t writer_run(struct ring_session *session, uint64_t duration_ns, bool pause_between_passes)
{
	const uint64_t end_ns = now_ns() + duration_ns;
	uint64_t number = 1;

	while (now_ns() < end_ns) {
		for (int i = 0; i < PASS_RECORDS; i++, number++) {
			void *record = ring_session_reserve(session, SHM_RECORD_DATA, 0,
							    numbered_record_length(number));

			if (record == NULL)
				continue;
			numbered_record_fill(record, number);
			ring_session_commit(session);
		}
		assert_true(ring_session_end_pass(session, now_ns()));
		if (pause_between_passes)
			poll(NULL, 0, 1); /* long enough for the reader to fall asleep */
	}
	return number;
}

static void writer_end(struct ring_session *session, uint64_t number)
{
	uint64_t *end;
	const uint64_t deadline_ns = now_ns() + UINT64_C(10000000000);

	do {
		assert_true(now_ns() < deadline_ns);
		assert_true(ring_session_end_pass(session, now_ns()));
		end = shm_ring_writer_has_room(&session->writer, 128)
			      ? ring_session_reserve(session, SHM_RECORD_SNAPSHOT_END, 0, 16)
			      : NULL;
	} while (end == NULL);
	end[1] = number;
	ring_session_commit(session);
	assert_true(ring_session_end_pass(session, now_ns()));
}

static void run(uint64_t ring_bytes, uint64_t duration_ns, bool pause_between_passes)
{
	uint64_t counters[SENSOR_COUNTER_COUNT] = {0};
	struct ring_session session;
	struct handoff_offer offer;
	uint64_t number;
	int status;
	pid_t child;

	ring_session_init(&session, ring_bytes, counters);
	assert_int_equal(ring_session_open(&session, &offer), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(reader_run(&offer));
	number = writer_run(&session, duration_ns, pause_between_passes);
	writer_end(&session, number);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VERDICT_GOOD);

	/* Nothing is in flight: produced = consumed + lost. The reader counted each gap against what it was told. */
	assert_int_equal(shm_ring_writer_unread(&session.writer), 0);
	assert_int_equal(session.writer.violations, 0);
	assert_int_equal(session.told_lost_records, counters[SENSOR_COUNTER_SHARED_RING_FULL]);
	assert_int_equal(counters[SENSOR_COUNTER_NO_READER], 0);
	print_message("%llu records, %llu lost to the full ring, %llu wakeups\n", (unsigned long long)number - 1,
		      (unsigned long long)counters[SENSOR_COUNTER_SHARED_RING_FULL],
		      (unsigned long long)counters[SENSOR_COUNTER_WAKEUPS]);
	ring_session_reader_gone(&session);
	assert_int_equal(counters[SENSOR_COUNTER_READER_GONE], 0);
}

static void at_full_speed_through_the_smallest_ring(void **state)
{
	(void)state;
	run(SHM_RING_BYTES_MIN, 1500 * 1000 * 1000, false);
}

static void at_full_speed_through_the_default_ring(void **state)
{
	(void)state;
	run(SHM_RING_BYTES_DEFAULT, 1500 * 1000 * 1000, false);
}

static void with_a_reader_that_sleeps_after_every_pass(void **state)
{
	(void)state;
	run(SHM_RING_BYTES_MIN, 1500 * 1000 * 1000, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_full_speed_through_the_smallest_ring),
		cmocka_unit_test(at_full_speed_through_the_default_ring),
		cmocka_unit_test(with_a_reader_that_sleeps_after_every_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
