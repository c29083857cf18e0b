/* Test the record check: every type on every truncation, every count one too large, every value out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "shm_protocol/record_check.h"

enum { SAMPLE_BYTES_MAX = 1024 };

/* Bytes that end where an inaccessible page begins: whoever reads one too many is killed. */
static uint8_t *page_end;

static int group_setup(void **state)
{
	uint8_t *pages = mmap(NULL, 2 * 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (pages == MAP_FAILED || mprotect(pages + 65536, 65536, PROT_NONE) != 0)
		return -1;
	page_end = pages + 65536;
	return 0;
}

static void *at_page_end(const void *bytes, size_t length)
{
	uint8_t *at = page_end - (length + 7) / 8 * 8;

	memcpy(at, bytes, length);
	return at;
}

static enum shm_check check_at_page_end(const void *bytes, size_t length)
{
	struct shm_record_view view;

	return shm_record_check(at_page_end(bytes, length), length, &view);
}

/* A valid record of each type: `needed` bytes are counted, `length` is what padding makes of it. */
struct sample {
	uint64_t words[SAMPLE_BYTES_MAX / sizeof(uint64_t)];
	uint32_t needed;
	uint32_t length;
};

static void sample_finish(struct sample *sample, uint16_t type, size_t needed)
{
	struct shm_record_header *header = (void *)sample->words;

	sample->needed = (uint32_t)needed;
	sample->length = (uint32_t)(needed + 7) / 8 * 8;
	header->type = type;
	header->length = sample->length;
}

static void sample_make(struct sample *sample, uint16_t type)
{
	void *record = sample->words;

	memset(sample, 0, sizeof(*sample));
	switch (type) {
	case SHM_RECORD_PROCESS: {
		struct shm_record_process *process = record;

		process->command_bytes = 3;
		process->executable_bytes = 5;
		process->command_line_bytes = 7;
		process->cgroup_bytes = 11;
		process->container_id_bytes = 13;
		process->pod_uid_bytes = 17;
		process->service_name_bytes = 19;
		process->resource_attributes_bytes = 23;
		memcpy((char *)record + sizeof(*process),
		       "comexecuargumencgroupcgroucontainercont"
		       "podpodpodpodpodposervicenameservicenresourceattributesresou", 98);
		sample_finish(sample, type, sizeof(*process) + 98);
		break;
	}
	case SHM_RECORD_CONNECTION: {
		struct shm_record_connection *connection = record;

		connection->family = SHM_FAMILY_UNIX;
		connection->unix_path_bytes = 9;
		memcpy((char *)record + sizeof(*connection), "/run/sock", 9);
		sample_finish(sample, type, sizeof(*connection) + 9);
		break;
	}
	case SHM_RECORD_DATA: {
		struct shm_record_data *data = record;

		data->byte_count = 1000;
		data->captured_bytes = 13;
		memcpy((char *)record + sizeof(*data), "GET / HTTP/1.", 13);
		sample_finish(sample, type, sizeof(*data) + 13);
		break;
	}
	case SHM_RECORD_LOSS:
		((struct shm_record_loss *)record)->stage = SHM_LOSS_CAPTURE;
		sample_finish(sample, type, sizeof(struct shm_record_loss));
		break;
	case SHM_RECORD_COUNTERS:
		((struct shm_record_counters *)record)->count = 5;
		sample_finish(sample, type, sizeof(struct shm_record_counters) + 5 * sizeof(uint64_t));
		break;
#define PLAIN(NAME, name)                                                                                              \
	case SHM_RECORD_##NAME:                                                                                        \
		sample_finish(sample, type, sizeof(struct shm_record_##name));                                         \
		break;
		PLAIN(PROCESS_EXIT, process_exit)
		PLAIN(CONNECTION_CLOSE, connection_close)
		PLAIN(CLOCK, clock)
		PLAIN(SNAPSHOT_END, snapshot_end)
#undef PLAIN
	default:
		fail_msg("no sample of type %u", type);
	}
}

static void every_type_is_accepted_whole(void **state)
{
	struct sample sample;

	(void)state;
	for (uint16_t type = 1; type < SHM_RECORD_TYPE_END; type++) {
		sample_make(&sample, type);
		assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_OK);
	}
}

static void every_truncation_of_every_type_is_refused(void **state)
{
	struct sample sample;
	struct shm_record_header *header = (void *)sample.words;

	(void)state;
	for (uint16_t type = 1; type < SHM_RECORD_TYPE_END; type++) {
		sample_make(&sample, type);
		/* The bytes are fewer than the record says. */
		for (uint32_t length = 0; length < sample.length; length++)
			assert_int_equal(check_at_page_end(sample.words, length), SHM_CHECK_SHORT);
		/* The record says as many as there are, and they do not hold what it counts. */
		for (uint32_t length = sizeof(*header); length < sample.needed; length++) {
			enum shm_check got;

			header->length = length;
			got = check_at_page_end(sample.words, length);
			if (got != SHM_CHECK_SHORT && got != SHM_CHECK_COUNTS)
				fail_msg("%s of %u bytes is %s", shm_record_type_name(type), length,
					 shm_check_name(got));
		}
		header->length = sample.needed;
		assert_int_equal(check_at_page_end(sample.words, sample.needed), SHM_CHECK_OK);
	}
}

static void more_bytes_than_the_record_says_are_refused(void **state)
{
	struct sample sample;

	(void)state;
	for (uint16_t type = 1; type < SHM_RECORD_TYPE_END; type++) {
		sample_make(&sample, type);
		assert_int_equal(check_at_page_end(sample.words, sample.length + 8), SHM_CHECK_SHORT);
	}
}

static void bytes_behind_the_last_that_is_counted_are_ignored(void **state)
{
	struct sample sample;

	(void)state;
	for (uint16_t type = 1; type < SHM_RECORD_TYPE_END; type++) {
		sample_make(&sample, type);
		((struct shm_record_header *)(void *)sample.words)->length = sample.length + 64;
		assert_int_equal(check_at_page_end(sample.words, sample.length + 64), SHM_CHECK_OK);
	}
}

static void types_that_are_not_known_are_told_apart(void **state)
{
	static const uint16_t types[] = {0, SHM_RECORD_TYPE_END, SHM_RECORD_TYPE_END + 1, 0x100, UINT16_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct shm_record_header header = {.length = sizeof(header), .type = types[i]};

		assert_int_equal(check_at_page_end(&header, sizeof(header)), SHM_CHECK_UNKNOWN_TYPE);
		assert_string_equal(shm_record_type_name(types[i]), "unknown");
	}
}

/* A count of 16 bits within a record, and the most that it may say. */
static const struct {
	uint16_t type;
	size_t offset;
	uint32_t max;
} counts[] = {
#define COUNT(NAME, name, field, max) {SHM_RECORD_##NAME, offsetof(struct shm_record_##name, field), max}
	COUNT(PROCESS, process, command_bytes, SHM_COMMAND_BYTES_MAX),
	COUNT(PROCESS, process, executable_bytes, SHM_EXECUTABLE_BYTES_MAX),
	COUNT(PROCESS, process, command_line_bytes, SHM_COMMAND_LINE_BYTES_MAX),
	COUNT(PROCESS, process, cgroup_bytes, SHM_CGROUP_BYTES_MAX),
	COUNT(PROCESS, process, container_id_bytes, SHM_CONTAINER_ID_BYTES_MAX),
	COUNT(PROCESS, process, pod_uid_bytes, SHM_POD_UID_BYTES_MAX),
	COUNT(PROCESS, process, service_name_bytes, SHM_SERVICE_NAME_BYTES_MAX),
	COUNT(PROCESS, process, resource_attributes_bytes, SHM_RESOURCE_ATTRIBUTES_BYTES_MAX),
	COUNT(CONNECTION, connection, unix_path_bytes, SHM_UNIX_PATH_BYTES_MAX),
	COUNT(DATA, data, captured_bytes, SHM_CAPTURE_BYTES_MAX),
#undef COUNT
};

static void a_count_larger_than_the_record_is_refused(void **state)
{
	struct sample sample;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		sample_make(&sample, counts[i].type);

		uint16_t *count = (uint16_t *)(void *)((uint8_t *)sample.words + counts[i].offset);
		const uint16_t good = *count;
		const uint32_t slack = sample.length - sample.needed;

		*count = (uint16_t)(good + slack + 1);
		assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_COUNTS);
		*count = UINT16_MAX;
		assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_COUNTS);
	}
}

static void a_count_passes_at_its_limit_and_fails_one_above_it(void **state)
{
	static uint64_t words[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
	struct shm_record_header *header = (void *)words;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint16_t *count = (uint16_t *)(void *)((uint8_t *)words + counts[i].offset);

		memset(words, 0, sizeof(words));
		header->length = sizeof(words);
		header->type = counts[i].type;
		if (header->type == SHM_RECORD_CONNECTION)
			((struct shm_record_connection *)(void *)words)->family = SHM_FAMILY_UNIX;
		if (header->type == SHM_RECORD_DATA)
			((struct shm_record_data *)(void *)words)->byte_count = UINT32_MAX;
		*count = (uint16_t)counts[i].max;
		assert_int_equal(check_at_page_end(words, sizeof(words)), SHM_CHECK_OK);
		(*count)++;
		assert_int_equal(check_at_page_end(words, sizeof(words)), SHM_CHECK_COUNTS);
	}
}

static void a_counters_record_cannot_count_past_its_end(void **state)
{
	static const uint32_t too_many[] = {6, 7, UINT32_MAX, 1u << 29, (1u << 29) + 5, 0x80000000};
	struct sample sample;

	(void)state;
	sample_make(&sample, SHM_RECORD_COUNTERS);
	for (size_t i = 0; i < sizeof(too_many) / sizeof(too_many[0]); i++) {
		((struct shm_record_counters *)(void *)sample.words)->count = too_many[i];
		assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_COUNTS);
	}
}

static void captured_bytes_cannot_exceed_the_segment(void **state)
{
	struct sample sample;
	struct shm_record_data *data = (void *)sample.words;

	(void)state;
	sample_make(&sample, SHM_RECORD_DATA);
	data->byte_count = data->captured_bytes;
	assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_OK);
	data->byte_count--;
	assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_COUNTS);
}

static void a_segment_that_passes_the_end_of_the_number_line_is_refused(void **state)
{
	struct sample sample;
	struct shm_record_data *data = (void *)sample.words;

	(void)state;
	sample_make(&sample, SHM_RECORD_DATA);
	data->offset = UINT64_MAX - data->byte_count;
	assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_OK);
	data->offset++;
	assert_int_equal(check_at_page_end(sample.words, sample.length), SHM_CHECK_VALUE);
}

static void values_outside_their_enumeration_are_refused(void **state)
{
	static const struct {
		uint16_t type;
		size_t offset;
		uint8_t first, last; /* that are good */
	} values[] = {
		{SHM_RECORD_CONNECTION, offsetof(struct shm_record_connection, family), 1, 3},
		{SHM_RECORD_CONNECTION, offsetof(struct shm_record_connection, role), 0, 2},
		{SHM_RECORD_CONNECTION_CLOSE, offsetof(struct shm_record_connection_close, reason), 0, 2},
		{SHM_RECORD_LOSS, offsetof(struct shm_record_loss, stage), 1, 3},
	};
	struct sample sample;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		for (unsigned value = 0; value <= UINT8_MAX; value++) {
			const bool good = value >= values[i].first && value <= values[i].last;

			sample_make(&sample, values[i].type);
			((uint8_t *)sample.words)[values[i].offset] = (uint8_t)value;
			assert_int_equal(check_at_page_end(sample.words, sample.length),
					 good ? SHM_CHECK_OK : SHM_CHECK_VALUE);
		}
	}
}

static bool string_is(struct shm_string string, const char *expected)
{
	return string.length == strlen(expected) && memcmp(string.bytes, expected, string.length) == 0;
}

static void the_view_points_at_each_string(void **state)
{
	struct shm_record_view view;
	struct sample sample;

	(void)state;
	sample_make(&sample, SHM_RECORD_PROCESS);
	assert_int_equal(shm_record_check(sample.words, sample.length, &view), SHM_CHECK_OK);
	assert_ptr_equal(view.header, sample.words);
	assert_true(string_is(view.process.command, "com"));
	assert_true(string_is(view.process.executable, "execu"));
	assert_true(string_is(view.process.command_line, "argumen"));
	assert_true(string_is(view.process.cgroup, "cgroupcgrou"));
	assert_true(string_is(view.process.container_id, "containercont"));
	assert_true(string_is(view.process.pod_uid, "podpodpodpodpodpo"));
	assert_true(string_is(view.process.service_name, "servicenameservicen"));
	assert_true(string_is(view.process.resource_attributes, "resourceattributesresou"));
	sample_make(&sample, SHM_RECORD_CONNECTION);
	assert_int_equal(shm_record_check(sample.words, sample.length, &view), SHM_CHECK_OK);
	assert_true(string_is(view.connection.unix_path, "/run/sock"));
	sample_make(&sample, SHM_RECORD_DATA);
	assert_int_equal(shm_record_check(sample.words, sample.length, &view), SHM_CHECK_OK);
	assert_memory_equal(view.data.bytes, "GET / HTTP/1.", 13);
	sample_make(&sample, SHM_RECORD_COUNTERS);
	assert_int_equal(shm_record_check(sample.words, sample.length, &view), SHM_CHECK_OK);
	assert_ptr_equal(view.counters.values, sample.words + 3);
}

static void every_type_and_result_has_a_name(void **state)
{
	(void)state;
	for (uint16_t type = 1; type < SHM_RECORD_TYPE_END; type++)
		assert_string_not_equal(shm_record_type_name(type), "unknown");
	assert_string_equal(shm_record_type_name(SHM_RECORD_CONNECTION_CLOSE), "connection_close");
	for (int check = SHM_CHECK_OK; check <= SHM_CHECK_VALUE; check++)
		assert_string_not_equal(shm_check_name((enum shm_check)check), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_accepted_whole),
		cmocka_unit_test(every_truncation_of_every_type_is_refused),
		cmocka_unit_test(more_bytes_than_the_record_says_are_refused),
		cmocka_unit_test(bytes_behind_the_last_that_is_counted_are_ignored),
		cmocka_unit_test(types_that_are_not_known_are_told_apart),
		cmocka_unit_test(a_count_larger_than_the_record_is_refused),
		cmocka_unit_test(a_count_passes_at_its_limit_and_fails_one_above_it),
		cmocka_unit_test(a_counters_record_cannot_count_past_its_end),
		cmocka_unit_test(captured_bytes_cannot_exceed_the_segment),
		cmocka_unit_test(a_segment_that_passes_the_end_of_the_number_line_is_refused),
		cmocka_unit_test(values_outside_their_enumeration_are_refused),
		cmocka_unit_test(the_view_points_at_each_string),
		cmocka_unit_test(every_type_and_result_has_a_name),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
