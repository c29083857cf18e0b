/* Test the ring's writer and reader against each other and against a peer that lies. */
#include "ring_pair.h"

enum { RING_BYTES = SHM_RING_BYTES_MIN };

static int setup(void **state)
{
	static struct ring_pair pair;

	ring_pair_open(&pair, RING_BYTES);
	*state = &pair;
	return 0;
}

static int teardown(void **state)
{
	ring_pair_close(*state);
	return 0;
}

static void a_new_ring_is_empty(void **state)
{
	struct ring_pair *pair = *state;

	assert_int_equal(shm_ring_reader_next(&pair->reader, pair->copy), SHM_READ_EMPTY);
	assert_int_equal(shm_ring_reader_lag(&pair->reader), 0);
}

static void records_arrive_in_order_and_whole(void **state)
{
	static const uint32_t lengths[] = {8, 16, 24, 64, 1024, 4096, SHM_RECORD_BYTES_MAX, 8};
	struct ring_pair *pair = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_true(ring_pair_write(pair, lengths[i], i + 100));
	shm_ring_writer_publish(&pair->writer);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		ring_pair_expect(pair, lengths[i], i + 100);
	assert_int_equal(shm_ring_reader_next(&pair->reader, pair->copy), SHM_READ_EMPTY);
}

static void nothing_is_visible_before_publish(void **state)
{
	struct ring_pair *pair = *state;

	assert_non_null(shm_ring_writer_reserve(&pair->writer, 64));
	assert_int_equal(shm_ring_writer_unpublished(&pair->writer), 0);
	shm_ring_writer_commit(&pair->writer);
	assert_int_equal(shm_ring_writer_unpublished(&pair->writer), 64);
	assert_int_equal(shm_ring_reader_next(&pair->reader, pair->copy), SHM_READ_EMPTY);
	assert_int_equal(shm_ring_reader_lag(&pair->reader), 0);
}

static void one_publish_covers_every_record_committed(void **state)
{
	struct ring_pair *pair = *state;

	for (uint64_t i = 0; i < 16; i++)
		assert_true(ring_pair_write(pair, 64, i));
	assert_false(shm_ring_writer_publish(&pair->writer));
	assert_int_equal(shm_ring_writer_unpublished(&pair->writer), 0);
	assert_int_equal(shm_ring_reader_lag(&pair->reader), 16 * 64);
	for (uint64_t i = 0; i < 16; i++)
		ring_pair_expect(pair, 64, i);
}

static void a_full_ring_takes_its_capacity_and_counts_what_it_refuses(void **state)
{
	struct ring_pair *pair = *state;

	for (uint64_t i = 0; i < RING_BYTES / 64; i++)
		assert_true(ring_pair_write(pair, 64, i));
	assert_false(ring_pair_write(pair, 64, 0));
	assert_false(ring_pair_write(pair, 8, 0));
	assert_int_equal(pair->writer.lost_records, 2);
	assert_int_equal(pair->writer.lost_bytes, 72);
	assert_int_equal(pair->segment.producer->lost_records, 2);
	assert_int_equal(pair->segment.producer->lost_bytes, 72);
	shm_ring_writer_publish(&pair->writer);
	for (uint64_t i = 0; i < RING_BYTES / 64; i++)
		ring_pair_expect(pair, 64, i);
	assert_int_equal(shm_ring_reader_next(&pair->reader, pair->copy), SHM_READ_EMPTY);
	assert_int_equal(pair->writer.violations, 0);
}

static void room_comes_back_with_release_and_not_before(void **state)
{
	struct ring_pair *pair = *state;

	for (uint64_t i = 0; i < RING_BYTES / 1024; i++)
		assert_true(ring_pair_write(pair, 1024, i));
	shm_ring_writer_publish(&pair->writer);
	ring_pair_expect(pair, 1024, 0);
	assert_false(ring_pair_write(pair, 1024, 0));
	shm_ring_reader_release(&pair->reader);
	assert_false(shm_ring_writer_has_room(&pair->writer, 1032));
	assert_true(ring_pair_write(pair, 1024, 77));
	assert_false(ring_pair_write(pair, 8, 0));
}

static void asking_for_room_counts_no_loss(void **state)
{
	struct ring_pair *pair = *state;

	assert_true(shm_ring_writer_has_room(&pair->writer, RING_BYTES));
	assert_false(shm_ring_writer_has_room(&pair->writer, RING_BYTES + 8));
	assert_false(shm_ring_writer_has_room(&pair->writer, UINT64_MAX));
	assert_int_equal(pair->writer.lost_records, 0);
}

static void the_reader_releases_by_itself_each_eighth_of_the_ring(void **state)
{
	struct ring_pair *pair = *state;

	for (uint64_t i = 0; i < RING_BYTES / 1024; i++)
		assert_true(ring_pair_write(pair, 1024, i));
	shm_ring_writer_publish(&pair->writer);
	for (uint64_t i = 0; i < RING_BYTES / 8 / 1024 - 1; i++)
		ring_pair_expect(pair, 1024, i);
	assert_int_equal(pair->segment.control->head, 0);
	ring_pair_expect(pair, 1024, RING_BYTES / 8 / 1024 - 1);
	assert_int_equal(pair->segment.control->head, RING_BYTES / 8);
}

static void records_of_every_length_cross_the_end_of_the_ring(void **state)
{
	struct ring_pair *pair = *state;

	for (uint32_t length = 8; length <= SHM_RECORD_BYTES_MAX; length += length < 512 ? 8 : 1016) {
		/* Five records of a length that divides nothing: over the sweep the end falls on every offset. */
		for (uint64_t i = 0; i < 5; i++) {
			assert_true(ring_pair_write(pair, length, length + i));
			shm_ring_writer_publish(&pair->writer);
			ring_pair_expect(pair, length, length + i);
			shm_ring_reader_release(&pair->reader);
		}
	}
	assert_true(pair->writer.tail > 4 * RING_BYTES);
}

static void a_record_that_starts_in_the_last_eight_bytes_is_whole(void **state)
{
	struct ring_pair *pair = *state;
	uint64_t to_go = RING_BYTES - 8;

	while (to_go > 0) {
		uint32_t length = to_go > SHM_RECORD_BYTES_MAX ? SHM_RECORD_BYTES_MAX : (uint32_t)to_go;

		assert_true(ring_pair_write(pair, length, 1));
		shm_ring_writer_publish(&pair->writer);
		ring_pair_expect(pair, length, 1);
		shm_ring_reader_release(&pair->reader);
		to_go -= length;
	}
	assert_true(ring_pair_write(pair, SHM_RECORD_BYTES_MAX, 0x1122334455667788));
	shm_ring_writer_publish(&pair->writer);
	ring_pair_expect(pair, SHM_RECORD_BYTES_MAX, 0x1122334455667788);
	/* The bytes behind the end are those at the start. */
	assert_memory_equal(pair->segment.data + RING_BYTES, pair->segment.data, SHM_RECORD_BYTES_MAX - 8);
}

static void an_impossible_head_is_counted_and_never_believed(void **state)
{
	static const struct {
		const char *what;
		uint64_t head;
	} cases[] = {
		{"beyond the published tail", 4096 + 8},
		{"committed but not published", 4096 + 64},
		{"far ahead", UINT64_C(1) << 40},
		{"behind what was given back before", 1024 - 8},
		{"zero again", 0},
		{"the largest multiple of eight", UINT64_MAX - 7},
		{"not aligned", 2052},
		{"all ones", UINT64_MAX},
	};
	struct ring_pair *pair = *state;

	for (uint64_t i = 0; i < 4; i++)
		assert_true(ring_pair_write(pair, 1024, i));
	shm_ring_writer_publish(&pair->writer);
	ring_pair_expect(pair, 1024, 0);
	shm_ring_reader_release(&pair->reader);
	assert_false(shm_ring_writer_has_room(&pair->writer, RING_BYTES));
	assert_int_equal(pair->writer.head_seen, 1024);
	assert_true(ring_pair_write(pair, 64, 9)); /* committed, not published */

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair->segment.control->head = cases[i].head;
		assert_false(shm_ring_writer_has_room(&pair->writer, RING_BYTES));
		if (pair->writer.violations != i + 1 || pair->writer.head_seen != 1024)
			fail_msg("a head %s was believed", cases[i].what);
	}
	pair->segment.control->head = 2048;
	assert_false(shm_ring_writer_has_room(&pair->writer, RING_BYTES));
	assert_int_equal(pair->writer.head_seen, 2048);
	assert_int_equal(pair->writer.violations, sizeof(cases) / sizeof(cases[0]));
}

static void an_impossible_tail_is_a_violation(void **state)
{
	static const uint64_t tails[] = {
		RING_BYTES + 128 + 8, 4, 129, 120, 0, UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63,
	};
	struct ring_pair *pair = *state;

	assert_true(ring_pair_write(pair, 128, 1));
	shm_ring_writer_publish(&pair->writer);
	ring_pair_expect(pair, 128, 1);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		pair->segment.producer->tail = tails[i];
		if (shm_ring_reader_next(&pair->reader, pair->copy) != SHM_READ_VIOLATION)
			fail_msg("tail %llu was believed", (unsigned long long)tails[i]);
		assert_true(shm_ring_reader_lag(&pair->reader) <= RING_BYTES);
		assert_false(shm_ring_reader_sleep(&pair->reader));
	}
	assert_int_equal(pair->segment.control->head, 128);
}

static void an_impossible_length_is_a_violation(void **state)
{
	static const uint32_t lengths[] = {
		0, 1, 7, 9, 12, 20, 72, 80, SHM_RECORD_BYTES_MAX + 8, 0x80000000, UINT32_MAX, UINT32_MAX - 7,
	};
	struct ring_pair *pair = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct shm_ring_reader reader = pair->reader;

		*(uint32_t *)(void *)pair->segment.data = lengths[i];
		pair->segment.producer->tail = 64;
		if (shm_ring_reader_next(&reader, pair->copy) != SHM_READ_VIOLATION)
			fail_msg("length %u was believed", lengths[i]);
	}
}

static void a_longest_record_is_read_and_one_word_more_is_not(void **state)
{
	struct ring_pair *pair = *state;
	struct shm_ring_reader reader = pair->reader;

	pair->segment.producer->tail = RING_BYTES;
	*(uint32_t *)(void *)pair->segment.data = SHM_RECORD_BYTES_MAX;
	assert_int_equal(shm_ring_reader_next(&reader, pair->copy), SHM_READ_RECORD);
	*(uint32_t *)(void *)pair->segment.data = SHM_RECORD_BYTES_MAX + 8;
	assert_int_equal(shm_ring_reader_next(&pair->reader, pair->copy), SHM_READ_VIOLATION);
}

static void a_sleeping_reader_is_rung_for_and_an_awake_one_is_not(void **state)
{
	struct ring_pair *pair = *state;

	assert_true(ring_pair_write(pair, 64, 1));
	assert_false(shm_ring_writer_publish(&pair->writer));
	ring_pair_expect(pair, 64, 1);
	assert_true(shm_ring_reader_sleep(&pair->reader));
	assert_true(ring_pair_write(pair, 64, 2));
	assert_true(shm_ring_writer_publish(&pair->writer));
	shm_ring_reader_wake(&pair->reader);
	assert_true(ring_pair_write(pair, 64, 3));
	assert_false(shm_ring_writer_publish(&pair->writer));
}

static void a_publish_of_nothing_rings_nobody(void **state)
{
	struct ring_pair *pair = *state;

	assert_true(shm_ring_reader_sleep(&pair->reader));
	assert_false(shm_ring_writer_publish(&pair->writer));
	pair->segment.control->reader_asleep = UINT32_MAX;
	assert_false(shm_ring_writer_publish(&pair->writer));
}

static void sleep_is_refused_while_there_is_something_to_read(void **state)
{
	struct ring_pair *pair = *state;

	assert_true(ring_pair_write(pair, 64, 1));
	shm_ring_writer_publish(&pair->writer);
	assert_false(shm_ring_reader_sleep(&pair->reader));
	assert_int_equal(pair->segment.control->reader_asleep, 0);
	ring_pair_expect(pair, 64, 1);
	assert_true(shm_ring_reader_sleep(&pair->reader));
	assert_int_equal(pair->segment.control->head, 64); /* going to sleep gives everything back */
}

static void what_the_reader_left_is_counted(void **state)
{
	struct ring_pair *pair = *state;

	for (uint64_t i = 0; i < 10; i++)
		assert_true(ring_pair_write(pair, 64 + 8 * (uint32_t)i, i));
	shm_ring_writer_publish(&pair->writer);
	assert_true(ring_pair_write(pair, 64, 10)); /* committed only: lost as well */
	for (uint64_t i = 0; i < 4; i++)
		ring_pair_expect(pair, 64 + 8 * (uint32_t)i, i);
	assert_int_equal(shm_ring_writer_unread(&pair->writer), 11); /* read but not given back */
	shm_ring_reader_release(&pair->reader);
	assert_int_equal(shm_ring_writer_unread(&pair->writer), 7);
}

static void counting_from_a_false_start_stays_inside_the_ring(void **state)
{
	struct ring_pair *pair = *state;

	for (uint64_t i = 0; i < RING_BYTES / 1024; i++)
		assert_true(ring_pair_write(pair, 1024, UINT64_MAX - i));
	shm_ring_writer_publish(&pair->writer);
	for (uint64_t head = 0; head <= RING_BYTES; head += 8) {
		struct shm_ring_writer writer = pair->writer;

		pair->segment.control->head = head;
		assert_true(shm_ring_writer_unread(&writer) <= RING_BYTES / 1024);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		RING_TEST(a_new_ring_is_empty),
		RING_TEST(records_arrive_in_order_and_whole),
		RING_TEST(nothing_is_visible_before_publish),
		RING_TEST(one_publish_covers_every_record_committed),
		RING_TEST(a_full_ring_takes_its_capacity_and_counts_what_it_refuses),
		RING_TEST(room_comes_back_with_release_and_not_before),
		RING_TEST(asking_for_room_counts_no_loss),
		RING_TEST(the_reader_releases_by_itself_each_eighth_of_the_ring),
		RING_TEST(records_of_every_length_cross_the_end_of_the_ring),
		RING_TEST(a_record_that_starts_in_the_last_eight_bytes_is_whole),
		RING_TEST(an_impossible_head_is_counted_and_never_believed),
		RING_TEST(an_impossible_tail_is_a_violation),
		RING_TEST(an_impossible_length_is_a_violation),
		RING_TEST(a_longest_record_is_read_and_one_word_more_is_not),
		RING_TEST(a_sleeping_reader_is_rung_for_and_an_awake_one_is_not),
		RING_TEST(a_publish_of_nothing_rings_nobody),
		RING_TEST(sleep_is_refused_while_there_is_something_to_read),
		RING_TEST(what_the_reader_left_is_counted),
		RING_TEST(counting_from_a_false_start_stays_inside_the_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
