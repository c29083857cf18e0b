/* Test the shared segments: what the seals forbid to the receiver, and each reason for which attaching is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shm_protocol/limits.h"
#include "shm_protocol/segment.h"

enum {
	RING_BYTES = SHM_RING_BYTES_MIN,
	DATA_FILE_BYTES = SHM_PRODUCER_PAGE_BYTES + RING_BYTES,
	NOBODY_UID = 65534,
	DATA_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL,
	CONTROL_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
};

static int setup(void **state)
{
	static struct shm_segment segment;

	*state = &segment;
	return shm_segment_create(&segment, RING_BYTES);
}

static int teardown(void **state)
{
	shm_segment_close(*state);
	return 0;
}

static void a_ring_size_that_is_no_power_of_two_or_out_of_range_is_refused(void **state)
{
	static const uint64_t sizes[] = {
		0, 1, 4096, RING_BYTES - 1, RING_BYTES + 1, 3 * RING_BYTES, SHM_RING_BYTES_MIN / 2,
		2 * (uint64_t)SHM_RING_BYTES_MAX, UINT64_MAX, UINT64_C(1) << 63,
	};
	struct shm_segment segment;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(shm_segment_create(&segment, sizes[i]), -EINVAL);
		assert_int_equal(segment.data_fd, -1);
		assert_int_equal(segment.control_fd, -1);
	}
}

static void the_page_describes_the_ring(void **state)
{
	const struct shm_segment *segment = *state;
	const struct shm_producer_page *page = segment->producer;

	assert_int_equal(page->magic, SHM_LAYOUT_MAGIC);
	assert_int_equal(page->layout_major, SHM_LAYOUT_MAJOR);
	assert_int_equal(page->layout_minor, SHM_LAYOUT_MINOR);
	assert_int_equal(page->endian_tag, SHM_LAYOUT_ENDIAN_TAG);
	assert_int_equal(page->ring_bytes, RING_BYTES);
	assert_int_equal(page->record_bytes_max, SHM_RECORD_BYTES_MAX);
	assert_int_equal(page->record_align_bytes, SHM_RECORD_ALIGN_BYTES);
	assert_int_equal(page->generation, segment->generation);
	assert_int_equal(page->tail, 0);
	assert_memory_equal(&page->magic, "\x01SHMOTEL", 8);
}

static void every_ring_is_another_generation(void **state)
{
	const struct shm_segment *segment = *state;
	struct shm_segment other;

	assert_int_equal(shm_segment_create(&other, RING_BYTES), 0);
	assert_int_not_equal(other.generation, segment->generation);
	shm_segment_close(&other);
}

static void descriptors_are_close_on_exec_and_modes_are_narrow(void **state)
{
	const struct shm_segment *segment = *state;
	struct stat st;

	assert_true(fcntl(segment->data_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(segment->control_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(segment->data_fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_true(st.st_blocks * 512 >= DATA_FILE_BYTES); /* allocated: no SIGBUS later */
	assert_int_equal(fstat(segment->control_fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void the_ring_is_mapped_twice_with_guards_around_it(void **state)
{
	const struct shm_segment *segment = *state;
	int pipe_fds[2];

	segment->data[0] = 0x5a;
	segment->data[RING_BYTES - 1] = 0xa5;
	assert_int_equal(segment->data[RING_BYTES], 0x5a);
	assert_int_equal(segment->data[2 * RING_BYTES - 1], 0xa5);

	/* write(2) from memory that cannot be read says EFAULT. */
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], segment->data + 2 * RING_BYTES - 1, 1), 1);
	assert_int_equal(write(pipe_fds[1], segment->data + 2 * RING_BYTES, 1), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(write(pipe_fds[1], segment->data + 2 * RING_BYTES + SHM_RECORD_BYTES_MAX, 1), -1);
	assert_int_equal(write(pipe_fds[1], (uint8_t *)segment->producer - 1, 1), -1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* One thing that a receiver may try with the descriptors it was given. */
static int attempt_error;

static void attempt(const char *what, bool failed)
{
	if (failed)
		return;
	fprintf(stderr, "the receiver was able to %s\n", what);
	attempt_error = 1;
}

static void attempts_on_data(int fd)
{
	char path[64];
	void *page;
	int again;

	attempt("map the data writable",
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	attempt("not map the data for reading", page != MAP_FAILED);
	attempt("make its mapping of the data writable", mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0);
	attempt("remove pages through its mapping", madvise(page, 4096, MADV_REMOVE) != 0);
	attempt("write the data", write(fd, "x", 1) != 1);
	attempt("write the data in place", pwrite(fd, "x", 1, 0) != 1);
	attempt("shrink the data", ftruncate(fd, 4096) != 0);
	attempt("empty the data", ftruncate(fd, 0) != 0);
	attempt("grow the data", ftruncate(fd, DATA_FILE_BYTES * 2) != 0);
	attempt("punch a hole into the data",
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0);
	attempt("zero a range of the data", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096) != 0);
	attempt("extend the data", fallocate(fd, 0, 0, DATA_FILE_BYTES * 2) != 0);
	attempt("add a seal to the data", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0);
	attempt("change the mode of the data", fchmod(fd, 0777) != 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	attempt("open the data afresh for writing", again < 0);
	again = open(path, O_RDONLY | O_CLOEXEC);
	attempt("open the data afresh", again < 0);
}

static void attempts_on_control(int fd)
{
	uint8_t *page = mmap(NULL, SHM_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	attempt("not map its own page", page != MAP_FAILED);
	attempt("shrink the control page", ftruncate(fd, 0) != 0);
	attempt("grow the control page", ftruncate(fd, SHM_CONTROL_BYTES * 2) != 0);
	attempt("add a seal to the control page", fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0);
	attempt("change the mode of the control page", fchmod(fd, 0777) != 0);
}

static void an_unprivileged_holder_of_the_descriptors_can_do_nothing_forbidden(void **state)
{
	const struct shm_segment *segment = *state;
	int status;
	pid_t child;

	if (geteuid() != 0) {
		print_message("skipped: changing uid needs root\n");
		skip();
	}
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (setgroups(0, NULL) != 0 || setgid(NOBODY_UID) != 0 || setuid(NOBODY_UID) != 0)
			_exit(2);
		attempts_on_data(segment->data_fd);
		attempts_on_control(segment->control_fd);
		_exit(attempt_error);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(segment->producer->magic, SHM_LAYOUT_MAGIC);
}

static void the_writer_goes_on_writing_through_its_mapping(void **state)
{
	const struct shm_segment *segment = *state;
	struct shm_segment reader;

	assert_int_equal(shm_segment_attach(&reader, dup(segment->data_fd), dup(segment->control_fd), RING_BYTES),
			 SHM_ATTACH_OK);
	assert_int_equal(reader.generation, segment->generation);
	segment->producer->tail = 4242;
	segment->data[17] = 99;
	assert_int_equal(reader.producer->tail, 4242);
	assert_int_equal(reader.data[17], 99);
	assert_int_equal(reader.data[RING_BYTES + 17], 99);
	reader.control->head = 17;
	assert_int_equal(segment->control->head, 17);
	shm_segment_close(&reader);
}

static void the_readers_mapping_is_read_only(void **state)
{
	const struct shm_segment *segment = *state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct shm_segment reader;

		signal(SIGSEGV, SIG_DFL);
		if (shm_segment_attach(&reader, segment->data_fd, segment->control_fd, RING_BYTES) != SHM_ATTACH_OK)
			_exit(1);
		((volatile uint8_t *)reader.data)[0] = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	/* A sanitizer turns the signal into an exit of its own. */
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGSEGV : WEXITSTATUS(status) > 1);
}

static int memfd_like(off_t bytes, int seals, const struct shm_producer_page *page)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	if (page != NULL)
		assert_int_equal(pwrite(fd, page, sizeof(*page), 0), sizeof(*page));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void expect_attach(enum shm_attach expected, int data_fd, int control_fd, uint64_t ring_bytes)
{
	struct shm_segment segment;
	enum shm_attach got = shm_segment_attach(&segment, data_fd, control_fd, ring_bytes);

	if (got != expected)
		fail_msg("expected \"%s\", got \"%s\"", shm_attach_message(expected), shm_attach_message(got));
	assert_int_equal(segment.data_fd, -1);
	/* Still the caller's. */
	assert_int_equal(close(data_fd), 0);
	assert_int_equal(close(control_fd), 0);
}

static void a_missing_seal_on_either_descriptor_is_refused(void **state)
{
	const struct shm_producer_page *page = ((struct shm_segment *)*state)->producer;
	static const int data_seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL};
	static const int control_seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL};

	for (size_t i = 0; i < sizeof(data_seals) / sizeof(data_seals[0]); i++)
		expect_attach(SHM_ATTACH_SEALS, memfd_like(DATA_FILE_BYTES, DATA_SEALS & ~data_seals[i], page),
			      memfd_like(SHM_CONTROL_BYTES, CONTROL_SEALS, NULL), RING_BYTES);
	for (size_t i = 0; i < sizeof(control_seals) / sizeof(control_seals[0]); i++)
		expect_attach(SHM_ATTACH_SEALS, memfd_like(DATA_FILE_BYTES, DATA_SEALS, page),
			      memfd_like(SHM_CONTROL_BYTES, CONTROL_SEALS & ~control_seals[i], NULL), RING_BYTES);
}

static void a_descriptor_that_is_no_memfd_is_refused(void **state)
{
	int pipe_fds[2];

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	expect_attach(SHM_ATTACH_SEALS, pipe_fds[0], pipe_fds[1], RING_BYTES);
	expect_attach(SHM_ATTACH_SEALS, open("/dev/zero", O_RDWR), open("/dev/null", O_RDWR), RING_BYTES);
}

static void sizes_that_disagree_are_refused(void **state)
{
	const struct shm_producer_page *page = ((struct shm_segment *)*state)->producer;
	static const struct {
		off_t data_bytes, control_bytes;
		uint64_t ring_bytes;
	} cases[] = {
		{DATA_FILE_BYTES - 1, SHM_CONTROL_BYTES, RING_BYTES},
		{DATA_FILE_BYTES + 4096, SHM_CONTROL_BYTES, RING_BYTES},
		{SHM_PRODUCER_PAGE_BYTES, SHM_CONTROL_BYTES, RING_BYTES},
		{DATA_FILE_BYTES, SHM_CONTROL_BYTES - 1, RING_BYTES},
		{DATA_FILE_BYTES, SHM_CONTROL_BYTES * 2, RING_BYTES},
		{DATA_FILE_BYTES, SHM_CONTROL_BYTES, RING_BYTES * 2},
		{DATA_FILE_BYTES, SHM_CONTROL_BYTES, RING_BYTES / 2},
		{DATA_FILE_BYTES, SHM_CONTROL_BYTES, RING_BYTES - 8},
		{DATA_FILE_BYTES, SHM_CONTROL_BYTES, 0},
		{DATA_FILE_BYTES, SHM_CONTROL_BYTES, UINT64_MAX - SHM_PRODUCER_PAGE_BYTES + 1},
		{SHM_PRODUCER_PAGE_BYTES + 2 * RING_BYTES, SHM_CONTROL_BYTES, 2 * RING_BYTES}, /* the page says less */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_attach(SHM_ATTACH_SIZE, memfd_like(cases[i].data_bytes, DATA_SEALS, page),
			      memfd_like(cases[i].control_bytes, CONTROL_SEALS, NULL), cases[i].ring_bytes);
}

static void a_page_of_another_kind_or_version_is_refused(void **state)
{
	const struct shm_producer_page good = *((struct shm_segment *)*state)->producer;
	struct shm_producer_page pages[6];
	static const enum shm_attach expected[6] = {
		SHM_ATTACH_MAGIC,   SHM_ATTACH_MAGIC,   SHM_ATTACH_VERSION,
		SHM_ATTACH_VERSION, SHM_ATTACH_VERSION, SHM_ATTACH_VERSION,
	};

	for (size_t i = 0; i < 6; i++)
		pages[i] = good;
	pages[0].magic = 0; /* not finished */
	pages[1].magic = __builtin_bswap64(SHM_LAYOUT_MAGIC);
	pages[2].layout_major++;
	pages[3].endian_tag = __builtin_bswap32(SHM_LAYOUT_ENDIAN_TAG);
	pages[4].record_align_bytes = 16;
	pages[5].record_bytes_max++; /* longer than the reader's copy */
	for (size_t i = 0; i < 6; i++)
		expect_attach(expected[i], memfd_like(DATA_FILE_BYTES, DATA_SEALS, &pages[i]),
			      memfd_like(SHM_CONTROL_BYTES, CONTROL_SEALS, NULL), RING_BYTES);
}

static void a_newer_minor_version_is_accepted(void **state)
{
	struct shm_producer_page page = *((struct shm_segment *)*state)->producer;
	struct shm_segment segment;

	page.layout_minor = UINT16_MAX;
	assert_int_equal(shm_segment_attach(&segment, memfd_like(DATA_FILE_BYTES, DATA_SEALS, &page),
					    memfd_like(SHM_CONTROL_BYTES, CONTROL_SEALS, NULL), RING_BYTES),
			 SHM_ATTACH_OK);
	shm_segment_close(&segment);
}

static void closing_twice_or_before_opening_does_nothing(void **state)
{
	struct shm_segment segment = {0};

	(void)state;
	shm_segment_close(&segment);
	assert_true(fcntl(0, F_GETFD) >= 0);
	assert_int_equal(shm_segment_create(&segment, RING_BYTES), 0);
	shm_segment_close(&segment);
	shm_segment_close(&segment);
	assert_null(segment.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SEGMENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		SEGMENT_TEST(a_ring_size_that_is_no_power_of_two_or_out_of_range_is_refused),
		SEGMENT_TEST(the_page_describes_the_ring),
		SEGMENT_TEST(every_ring_is_another_generation),
		SEGMENT_TEST(descriptors_are_close_on_exec_and_modes_are_narrow),
		SEGMENT_TEST(the_ring_is_mapped_twice_with_guards_around_it),
		SEGMENT_TEST(an_unprivileged_holder_of_the_descriptors_can_do_nothing_forbidden),
		SEGMENT_TEST(the_writer_goes_on_writing_through_its_mapping),
		SEGMENT_TEST(the_readers_mapping_is_read_only),
		SEGMENT_TEST(a_missing_seal_on_either_descriptor_is_refused),
		SEGMENT_TEST(a_descriptor_that_is_no_memfd_is_refused),
		SEGMENT_TEST(sizes_that_disagree_are_refused),
		SEGMENT_TEST(a_page_of_another_kind_or_version_is_refused),
		SEGMENT_TEST(a_newer_minor_version_is_accepted),
		SEGMENT_TEST(closing_twice_or_before_opening_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
