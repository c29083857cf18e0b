/* Test the sensor's ring session: what it counts, what it tells the reader, and that a reader cannot hold it up. */
#define _GNU_SOURCE
#include "ring_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ring_session.h"

enum { RING_BYTES = SHM_RING_BYTES_MIN };

struct fixture {
	struct ring_session session;
	struct handoff_offer offer;
	struct shm_segment attached;
	struct shm_ring_reader reader;
	uint64_t counters[SENSOR_COUNTER_COUNT];
	uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
};

static void reader_attach(struct fixture *fixture)
{
	assert_int_equal(ring_session_open(&fixture->session, &fixture->offer), 0);
	assert_int_equal(shm_segment_attach(&fixture->attached, dup(fixture->offer.fds[SHM_HANDOFF_FD_DATA]),
					    dup(fixture->offer.fds[SHM_HANDOFF_FD_CONTROL]),
					    fixture->offer.ring_bytes),
			 SHM_ATTACH_OK);
	shm_ring_reader_init(&fixture->reader, fixture->attached.producer, fixture->attached.control,
			     fixture->attached.data, fixture->attached.ring_bytes);
}

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	ring_session_init(&fixture.session, RING_BYTES, fixture.counters);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	shm_segment_close(&fixture->attached);
	ring_session_close(&fixture->session);
	return 0;
}

static bool session_write(struct fixture *fixture, uint32_t length)
{
	struct shm_record_data *data =
		ring_session_reserve(&fixture->session, SHM_RECORD_DATA, SHM_DATA_SENT, length);

	if (data == NULL)
		return false;
	ring_session_commit(&fixture->session);
	return true;
}

/* Read and give back one record; its type. */
static uint16_t reader_take(struct fixture *fixture)
{
	if (shm_ring_reader_next(&fixture->reader, fixture->copy) != SHM_READ_RECORD)
		return 0;
	shm_ring_reader_release(&fixture->reader);
	return ((const struct shm_record_header *)(const void *)fixture->copy)->type;
}

static void without_a_reader_records_are_counted_and_dropped(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 3; i++)
		assert_false(session_write(fixture, 64));
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(fixture->counters[SENSOR_COUNTER_NO_READER], 3);
	assert_int_equal(fixture->counters[SENSOR_COUNTER_RECORDS_PUBLISHED], 0);
}

static void the_offer_describes_the_generation(void **state)
{
	struct fixture *fixture = *state;

	reader_attach(fixture);
	assert_int_equal(fixture->offer.ring_bytes, RING_BYTES);
	assert_int_equal(fixture->offer.generation, fixture->attached.generation);
}

static void lengths_are_rounded_up_and_the_padding_is_zero(void **state)
{
	struct fixture *fixture = *state;
	const struct shm_record_header *header = (const void *)fixture->copy;

	reader_attach(fixture);
	memset(fixture->session.segment.data, 0xff, 4096);
	for (uint32_t length = 40; length < 56; length++) {
		uint8_t record[64];

		memset(record, 0xee, sizeof(record));
		*(struct shm_record_header *)(void *)record =
			(struct shm_record_header){.type = SHM_RECORD_DATA, .flags = SHM_DATA_SENT};
		assert_true(ring_session_write(&fixture->session, record, length));
		assert_true(ring_session_end_pass(&fixture->session, 1));
		assert_int_equal(reader_take(fixture), SHM_RECORD_DATA);
		assert_int_equal(header->length, (length + 7) / 8 * 8);
		assert_int_equal(header->flags, SHM_DATA_SENT);
		for (uint32_t i = sizeof(*header); i < header->length; i++)
			assert_int_equal(((uint8_t *)fixture->copy)[i], i < length ? 0xee : 0);
	}
}

static void records_are_published_every_four_kibibytes_and_at_the_end_of_a_pass(void **state)
{
	struct fixture *fixture = *state;

	reader_attach(fixture);
	for (int i = 0; i < 4096 / 64 - 1; i++)
		assert_true(session_write(fixture, 64));
	assert_int_equal(shm_ring_reader_lag(&fixture->reader), 0);
	assert_true(session_write(fixture, 64));
	assert_int_equal(shm_ring_reader_lag(&fixture->reader), 4096);
	assert_true(session_write(fixture, 64));
	assert_int_equal(shm_ring_reader_lag(&fixture->reader), 4096);
	assert_true(ring_session_end_pass(&fixture->session, 77));
	assert_int_equal(shm_ring_reader_lag(&fixture->reader), 4096 + 64);
	assert_int_equal(fixture->attached.producer->heartbeat_ns, 77);
	assert_int_equal(fixture->counters[SENSOR_COUNTER_RECORDS_PUBLISHED], 65);
	assert_int_equal(fixture->counters[SENSOR_COUNTER_BYTES_PUBLISHED], 65 * 64);
}

static void a_loss_is_told_where_it_happened_with_exact_counts(void **state)
{
	struct fixture *fixture = *state;
	const struct shm_record_loss *loss = (const void *)fixture->copy;
	unsigned written = 0, lost = 1;

	reader_attach(fixture);
	while (session_write(fixture, 1024))
		written++;
	for (; lost < 7; lost++)
		assert_false(session_write(fixture, 1024));
	assert_true(ring_session_end_pass(&fixture->session, 1)); /* no room for the loss record either */
	for (unsigned i = 0; i < written; i++)
		assert_int_equal(reader_take(fixture), SHM_RECORD_DATA);
	assert_int_equal(reader_take(fixture), 0);
	assert_true(session_write(fixture, 1024));
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(reader_take(fixture), SHM_RECORD_LOSS);
	assert_int_equal(loss->records, lost);
	assert_int_equal(loss->bytes, lost * 1024);
	assert_int_equal(loss->stage, SHM_LOSS_SHARED_RING);
	assert_true(loss->time_ns > 0);
	assert_int_equal(reader_take(fixture), SHM_RECORD_DATA);
	assert_int_equal(reader_take(fixture), 0);
	assert_int_equal(fixture->counters[SENSOR_COUNTER_SHARED_RING_FULL], lost);
	assert_int_equal(fixture->attached.producer->lost_records, lost);
}

static void a_loss_is_told_at_the_end_of_a_pass_without_another_record(void **state)
{
	struct fixture *fixture = *state;

	reader_attach(fixture);
	while (session_write(fixture, 1024))
		;
	assert_true(ring_session_end_pass(&fixture->session, 1));
	while (reader_take(fixture) == SHM_RECORD_DATA)
		;
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(reader_take(fixture), SHM_RECORD_LOSS);
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(reader_take(fixture), 0); /* once */
}

static void with_room_for_the_loss_record_alone_the_next_record_is_lost_too(void **state)
{
	struct fixture *fixture = *state;
	const struct shm_record_loss *loss = (const void *)fixture->copy;

	reader_attach(fixture);
	while (session_write(fixture, 1024))
		;
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(reader_take(fixture), SHM_RECORD_DATA);
	assert_false(session_write(fixture, 1024)); /* 1024 free: not enough for both */
	assert_true(ring_session_end_pass(&fixture->session, 1));
	while (reader_take(fixture) == SHM_RECORD_DATA)
		;
	assert_int_equal(((const struct shm_record_header *)loss)->type, SHM_RECORD_LOSS);
	assert_int_equal(loss->records, 2);
}

static void what_a_dead_reader_left_is_counted_record_by_record(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t *counters = fixture->counters;

	reader_attach(fixture);
	for (int i = 0; i < 10; i++)
		assert_true(session_write(fixture, 64));
	assert_true(ring_session_end_pass(&fixture->session, 1));
	for (int i = 0; i < 4; i++)
		assert_int_equal(reader_take(fixture), SHM_RECORD_DATA);
	ring_session_reader_gone(&fixture->session);
	assert_int_equal(counters[SENSOR_COUNTER_READER_GONE], 6);
	assert_false(session_write(fixture, 64));
	assert_int_equal(counters[SENSOR_COUNTER_NO_READER], 1);
	ring_session_reader_gone(&fixture->session);
	assert_int_equal(counters[SENSOR_COUNTER_READER_GONE], 6);
}

static void a_new_generation_starts_without_the_losses_of_the_old_one(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first;

	reader_attach(fixture);
	first = fixture->offer.generation;
	while (session_write(fixture, 1024))
		;
	ring_session_reader_gone(&fixture->session);
	shm_segment_close(&fixture->attached);
	reader_attach(fixture);
	assert_int_not_equal(fixture->offer.generation, first);
	assert_true(session_write(fixture, 64));
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(reader_take(fixture), SHM_RECORD_DATA);
	assert_int_equal(fixture->attached.producer->lost_records, 0);
}

static void a_flag_that_is_always_set_costs_two_bells_per_pass(void **state)
{
	struct fixture *fixture = *state;

	reader_attach(fixture);
	fixture->attached.control->reader_asleep = UINT32_MAX;
	for (int i = 0; i < 10 * 4096 / 64; i++)
		assert_true(session_write(fixture, 64));
	assert_int_equal(fixture->counters[SENSOR_COUNTER_WAKEUPS], 1);
	for (int i = 0; i < 10; i++)
		assert_true(ring_session_end_pass(&fixture->session, 1)); /* nothing new after the first */
	assert_int_equal(fixture->counters[SENSOR_COUNTER_WAKEUPS], 2);
	assert_true(session_write(fixture, 64));
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(fixture->counters[SENSOR_COUNTER_WAKEUPS], 3);
}

static void the_doorbell_can_be_waited_on_and_silenced_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;
	struct epoll_event event;
	uint64_t full = UINT64_MAX - 1;
	int bell;

	reader_attach(fixture);
	bell = fixture->offer.fds[SHM_HANDOFF_FD_DOORBELL];
	assert_int_equal(epoll_wait(bell, &event, 1, 0), 0);
	fixture->attached.control->reader_asleep = 1;
	assert_true(session_write(fixture, 64));
	assert_true(ring_session_end_pass(&fixture->session, 1));
	assert_int_equal(epoll_wait(bell, &event, 1, 0), 1);
	assert_int_equal(epoll_wait(bell, &event, 1, 0), 0);

	/* What a hostile receiver would do to an eventfd: make it blocking and fill it. */
	assert_int_equal(fcntl(bell, F_SETFL, 0), 0);
	assert_int_equal(write(bell, &full, sizeof(full)), -1);
	assert_int_equal(read(bell, &full, sizeof(full)), -1);
	alarm(10);
	assert_true(session_write(fixture, 64));
	assert_true(ring_session_end_pass(&fixture->session, 1));
	alarm(0);
	assert_int_equal(fixture->counters[SENSOR_COUNTER_WAKEUPS], 2);
	assert_int_equal(epoll_wait(bell, &event, 1, 0), 1);
}

static void an_impossible_head_ends_writing_and_is_reported(void **state)
{
	struct fixture *fixture = *state;

	reader_attach(fixture);
	fixture->attached.control->head = UINT64_C(1) << 40;
	while (session_write(fixture, 1024))
		;
	assert_int_equal(fixture->counters[SENSOR_COUNTER_SHARED_RING_FULL], 1);
	assert_false(session_write(fixture, 64));
	assert_int_equal(fixture->counters[SENSOR_COUNTER_NO_READER], 1);
	assert_false(ring_session_end_pass(&fixture->session, 1));
	ring_session_reader_gone(&fixture->session);
	assert_true(fixture->counters[SENSOR_COUNTER_READER_VIOLATION] > 0);
	assert_int_equal(fixture->counters[SENSOR_COUNTER_READER_GONE],
			 fixture->counters[SENSOR_COUNTER_RECORDS_PUBLISHED]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		SESSION_TEST(without_a_reader_records_are_counted_and_dropped),
		SESSION_TEST(the_offer_describes_the_generation),
		SESSION_TEST(lengths_are_rounded_up_and_the_padding_is_zero),
		SESSION_TEST(records_are_published_every_four_kibibytes_and_at_the_end_of_a_pass),
		SESSION_TEST(a_loss_is_told_where_it_happened_with_exact_counts),
		SESSION_TEST(a_loss_is_told_at_the_end_of_a_pass_without_another_record),
		SESSION_TEST(with_room_for_the_loss_record_alone_the_next_record_is_lost_too),
		SESSION_TEST(what_a_dead_reader_left_is_counted_record_by_record),
		SESSION_TEST(a_new_generation_starts_without_the_losses_of_the_old_one),
		SESSION_TEST(a_flag_that_is_always_set_costs_two_bells_per_pass),
		SESSION_TEST(the_doorbell_can_be_waited_on_and_silenced_and_nothing_else),
		SESSION_TEST(an_impossible_head_ends_writing_and_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
