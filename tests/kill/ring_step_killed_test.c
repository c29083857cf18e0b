/* SIGKILL either side after every single instruction of a publish and of a consume: the survivor reads only whole
 * records, goes on, and the sum holds. Two broken writers and a broken reader show that the sweep would notice. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kill/single_step.h"
#include "shm_protocol/ring_reader.h"
#include "shm_protocol/ring_writer.h"
#include "shm_protocol/segment.h"
#include "stress/numbered_record.h"

enum {
	RING_BYTES = SHM_RING_BYTES_MIN,
	/* Records 1 to 3, of 88, 40 and 120 bytes; the second passes the end of the ring. */
	START = RING_BYTES - 104,
	RECORDS = 3,
	FIRST_BATCH = 2,
	STEPS_MAX = 20000,
};

/* What the child has done, in memory that outlives it. */
struct progress {
	uint64_t begun; /* records that it set about to publish, or to read */
	uint64_t done;  /* records whose publish, or whose reading, has returned */
};

struct scene {
	struct shm_segment segment;
	struct shm_ring_writer writer;
	struct shm_ring_reader reader;
	struct progress *progress;
	int doorbell_fd;
	uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
};

static void record_write(struct scene *scene, uint64_t number)
{
	const uint32_t length = numbered_record_length(number);
	struct shm_record_header *header = shm_ring_writer_reserve(&scene->writer, length);

	*header = (struct shm_record_header){.length = length, .type = SHM_RECORD_DATA};
	numbered_record_fill(header, number);
	shm_ring_writer_commit(&scene->writer);
}

static void publish_and_ring(struct scene *scene)
{
	const uint64_t one = 1;

	if (shm_ring_writer_publish(&scene->writer))
		(void)!write(scene->doorbell_fd, &one, sizeof(one));
}

/* Bring both positions to START, so that what follows passes the end of the ring. */
static void positions_advance(struct scene *scene)
{
	static const uint32_t lengths[] = {SHM_RECORD_BYTES_MAX, START - SHM_RECORD_BYTES_MAX};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct shm_record_header *header = shm_ring_writer_reserve(&scene->writer, lengths[i]);

		memset(header, 0x5a, lengths[i]);
		*header = (struct shm_record_header){.length = lengths[i], .type = SHM_RECORD_DATA};
		shm_ring_writer_commit(&scene->writer);
		(void)shm_ring_writer_publish(&scene->writer);
		assert_int_equal(shm_ring_reader_next(&scene->reader, scene->copy), SHM_READ_RECORD);
	}
	shm_ring_reader_release(&scene->reader);
	assert_true(shm_ring_writer_has_room(&scene->writer, RING_BYTES));
	assert_int_equal(scene->writer.head_seen, START);
}

static void scene_open(struct scene *scene)
{
	assert_int_equal(shm_segment_create(&scene->segment, RING_BYTES), 0);
	shm_ring_writer_init(&scene->writer, scene->segment.producer, scene->segment.control, scene->segment.data,
			     RING_BYTES);
	shm_ring_reader_init(&scene->reader, scene->segment.producer, scene->segment.control, scene->segment.data,
			     RING_BYTES);
	scene->doorbell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	scene->progress =
		mmap(NULL, sizeof(*scene->progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(scene->doorbell_fd >= 0 && scene->progress != MAP_FAILED);
	positions_advance(scene);
}

static void scene_close(struct scene *scene)
{
	munmap(scene->progress, sizeof(*scene->progress));
	close(scene->doorbell_fd);
	shm_segment_close(&scene->segment);
}

/* What the child runs. `volatile` keeps the progress in step with the instructions. */

static void write_three(void *context)
{
	struct scene *scene = context;
	volatile struct progress *progress = scene->progress;

	progress->begun = FIRST_BATCH;
	record_write(scene, 1);
	record_write(scene, 2);
	publish_and_ring(scene);
	progress->done = FIRST_BATCH;
	progress->begun = RECORDS;
	record_write(scene, 3);
	publish_and_ring(scene);
	progress->done = RECORDS;
}

static void publish_unfilled(struct scene *scene, bool with_header)
{
	const uint32_t length = numbered_record_length(1);
	struct shm_record_header *header = shm_ring_writer_reserve(&scene->writer, length);

	scene->progress->begun = 1;
	if (with_header)
		*header = (struct shm_record_header){.length = length, .type = SHM_RECORD_DATA};
	shm_ring_writer_commit(&scene->writer);
	publish_and_ring(scene);
	*header = (struct shm_record_header){.length = length, .type = SHM_RECORD_DATA};
	numbered_record_fill(header, 1);
}

static void publish_before_filling(void *context)
{
	publish_unfilled(context, false);
}

static void publish_before_filling_the_payload(void *context)
{
	publish_unfilled(context, true);
}

static void read_three(void *context)
{
	struct scene *scene = context;
	volatile struct progress *progress = scene->progress;

	progress->begun = RECORDS;
	for (uint64_t number = 1; number <= RECORDS; number++) {
		if (shm_ring_reader_next(&scene->reader, scene->copy) != SHM_READ_RECORD)
			_exit(1);
		progress->done = number;
		if (number == FIRST_BATCH)
			shm_ring_reader_release(&scene->reader);
	}
	if (!shm_ring_reader_sleep(&scene->reader))
		_exit(1);
	shm_ring_reader_wake(&scene->reader);
}

static void release_before_reading(void *context)
{
	struct scene *scene = context;
	volatile struct progress *progress = scene->progress;

	scene->reader.head += numbered_record_length(1);
	shm_ring_reader_release(&scene->reader);
	progress->done = 1;
}

/* The survivor's view. Each returns NULL, or what is wrong. */

/* `seen`: records that a reader finds. */
static const char *reader_survives(struct scene *scene, uint64_t *seen)
{
	enum shm_read found;

	*seen = 0;
	while ((found = shm_ring_reader_next(&scene->reader, scene->copy)) == SHM_READ_RECORD) {
		if (*seen == RECORDS)
			return "a record that was never written";
		if (!numbered_record_is_whole(scene->copy) || numbered_record_number(scene->copy) != *seen + 1)
			return "a torn record";
		++*seen;
	}
	if (found != SHM_READ_EMPTY)
		return "a violation by an honest writer";
	if (*seen < scene->progress->done || *seen > scene->progress->begun)
		return "more or less than what was published";
	if (!shm_ring_reader_sleep(&scene->reader) || shm_ring_reader_lag(&scene->reader) != 0)
		return "no rest for the reader";
	return NULL;
}

static const char *unread_is_untouched(struct scene *scene, uint64_t given_back)
{
	struct shm_ring_reader *reader = &scene->reader;

	shm_ring_reader_init(reader, scene->segment.producer, scene->segment.control, scene->segment.data, RING_BYTES);
	reader->head = reader->released = reader->tail_seen = scene->writer.head_seen;
	for (uint64_t number = given_back + 1; number <= RECORDS; number++)
		if (shm_ring_reader_next(reader, scene->copy) != SHM_READ_RECORD ||
		    !numbered_record_is_whole(scene->copy) || numbered_record_number(scene->copy) != number)
			return "the writer went over an unread record";
	return NULL;
}

static const char *writer_survives(struct scene *scene, uint64_t *given_back)
{
	struct shm_ring_writer *writer = &scene->writer;
	const uint64_t unread = shm_ring_writer_unread(writer);
	uint64_t wanted = RECORDS, written = RECORDS;

	*given_back = RECORDS - unread;
	if (writer->violations != 0)
		return "a violation by an honest reader";
	if (unread > RECORDS || *given_back > scene->progress->done)
		return "given back before it was read";
	/* It goes on until the ring is full, and then some. */
	while (writer->lost_records < 3) {
		const uint32_t length = numbered_record_length(++wanted);

		if (!shm_ring_writer_has_room(writer, length)) {
			shm_ring_writer_count_lost(writer, length);
			continue;
		}
		record_write(scene, wanted);
		written++;
	}
	publish_and_ring(scene);
	if (wanted != *given_back + shm_ring_writer_unread(writer) + writer->lost_records ||
	    shm_ring_writer_unread(writer) != written - *given_back)
		return "the sum does not hold";
	return unread_is_untouched(scene, *given_back);
}

typedef const char *(*survives)(struct scene *scene, uint64_t *count);

static void prepare_nothing(struct scene *scene)
{
	/* So that the writer also rings. */
	scene->segment.control->reader_asleep = 1;
}

static void prepare_three_records(struct scene *scene)
{
	for (uint64_t number = 1; number <= RECORDS; number++)
		record_write(scene, number);
	(void)shm_ring_writer_publish(&scene->writer);
}

struct sweep {
	uint64_t kills;
	const char *wrong; /* the first thing, or NULL */
	uint64_t wrong_step;
	bool seen[RECORDS + 1]; /* which counts the survivor found */
};

/* Kill after 0, 1, 2 ... instructions until the child comes to its end, or until something is wrong. */
static struct sweep sweep_run(void (*prepare)(struct scene *), void (*action)(void *), survives check)
{
	static struct scene scene;
	struct sweep sweep = {0};
	enum step_end end = STEP_KILLED;

	for (uint64_t steps = 0; end == STEP_KILLED && sweep.wrong == NULL; steps++) {
		uint64_t count = 0;

		assert_in_range(steps, 0, STEPS_MAX);
		scene_open(&scene);
		prepare(&scene);
		end = single_step_and_kill(action, &scene, steps);
		assert_int_not_equal(end, STEP_FAILED);
		sweep.wrong = check(&scene, &count);
		sweep.wrong_step = steps;
		sweep.kills += end == STEP_KILLED;
		if (sweep.wrong == NULL)
			sweep.seen[count] = true;
		scene_close(&scene);
	}
	return sweep;
}

static void expect_all_well(const struct sweep *sweep)
{
	if (sweep->wrong != NULL)
		fail_msg("after %llu instructions: %s", (unsigned long long)sweep->wrong_step, sweep->wrong);
	/* All three stages were met, and nothing between them. */
	assert_true(sweep->seen[0] && sweep->seen[FIRST_BATCH] && sweep->seen[RECORDS]);
	assert_false(sweep->seen[1]);
	print_message("%llu kills\n", (unsigned long long)sweep->kills);
}

static void expect_caught(const struct sweep *sweep)
{
	assert_non_null(sweep->wrong);
	print_message("caught after %llu instructions: %s\n", (unsigned long long)sweep->wrong_step, sweep->wrong);
}

static void a_writer_killed_at_any_instruction_of_a_publish_leaves_whole_records(void **state)
{
	const struct sweep sweep = sweep_run(prepare_nothing, write_three, reader_survives);

	(void)state;
	expect_all_well(&sweep);
}

static void a_reader_killed_at_any_instruction_of_a_consume_leaves_an_exact_account(void **state)
{
	const struct sweep sweep = sweep_run(prepare_three_records, read_three, writer_survives);

	(void)state;
	expect_all_well(&sweep);
}

static void a_writer_that_publishes_before_filling_is_caught(void **state)
{
	const struct sweep sweep = sweep_run(prepare_nothing, publish_before_filling, reader_survives);
	const struct sweep payload = sweep_run(prepare_nothing, publish_before_filling_the_payload, reader_survives);

	(void)state;
	expect_caught(&sweep);
	expect_caught(&payload);
}

static void a_reader_that_releases_before_reading_is_caught(void **state)
{
	const struct sweep sweep = sweep_run(prepare_three_records, release_before_reading, writer_survives);

	(void)state;
	expect_caught(&sweep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_writer_killed_at_any_instruction_of_a_publish_leaves_whole_records),
		cmocka_unit_test(a_reader_killed_at_any_instruction_of_a_consume_leaves_an_exact_account),
		cmocka_unit_test(a_writer_that_publishes_before_filling_is_caught),
		cmocka_unit_test(a_reader_that_releases_before_reading_is_caught),
	};

	if (!single_step_is_possible()) {
		puts("skipped: this system does not let a process step its child (ptrace)");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
