/* Whoever gets hold of the loop's ring can poll with it, and nothing else. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"
#include "loop_backend.h"

/* The descriptor of the one ring of this process, as an intruder would find it. */
static int ring_find(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char path[300], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "[io_uring]") != NULL)
			found = atoi(entry->d_name);
	}
	if (directory != NULL)
		closedir(directory);
	return found;
}

/* Map the loop's ring a second time. The offsets come from a ring of the same size. */
static void ring_map(struct io_uring *stolen, int fd)
{
	struct io_uring twin;
	struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
					 .cq_entries = LOOP_URING_COMPLETIONS};

	assert_int_equal(io_uring_queue_init_params(LOOP_URING_SUBMISSIONS, &twin, &params), 0);
	io_uring_queue_exit(&twin);
	memset(stolen, 0, sizeof(*stolen));
	assert_int_equal(io_uring_queue_mmap(fd, &params, stolen), 0);
	/* Continue where the loop is. */
	stolen->sq.sqe_head = stolen->sq.sqe_tail = *stolen->sq.ktail;
}

static int ring_try(struct io_uring *ring, struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	int result;

	io_uring_sqe_set_data64(sqe, 7);
	assert_int_equal(io_uring_submit_and_wait(ring, 1), 1);
	assert_int_equal(io_uring_peek_cqe(ring, &cqe), 0);
	assert_int_equal(cqe->user_data, 7);
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

static void the_ring_refuses_every_operation_but_those_of_polling(void **state)
{
	struct io_uring *ring = *state;
	int refused = 0;

	for (int opcode = 0; opcode < IORING_OP_LAST; opcode++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

		if (opcode == IORING_OP_POLL_ADD || opcode == IORING_OP_POLL_REMOVE || opcode == IORING_OP_TIMEOUT) {
			io_uring_prep_poll_remove(sqe, 12345);
			assert_int_equal(ring_try(ring, sqe), -ENOENT);
			continue;
		}
		io_uring_prep_rw(opcode, sqe, -1, NULL, 0, 0);
		assert_int_equal(ring_try(ring, sqe), -EACCES);
		refused++;
	}
	assert_true(refused > 30);
}

static void the_ring_refuses_to_open_a_file(void **state)
{
	struct io_uring *ring = *state;
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	assert_int_equal(ring_try(ring, sqe), -EACCES);
}

static void the_ring_refuses_flags_that_would_chain_or_hide_operations(void **state)
{
	static const unsigned flags[] = {IOSQE_IO_LINK, IOSQE_IO_DRAIN, IOSQE_ASYNC};
	struct io_uring *ring = *state;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

		io_uring_prep_poll_add(sqe, STDIN_FILENO, 0);
		io_uring_sqe_set_flags(sqe, flags[i]);
		assert_int_equal(ring_try(ring, sqe), -EACCES);
	}
}

static void the_ring_refuses_to_register_anything(void **state)
{
	struct io_uring *ring = *state;
	int fd = STDIN_FILENO;

	assert_int_equal(io_uring_register_files(ring, &fd, 1), -EACCES);
	assert_int_equal(io_uring_register_eventfd(ring, fd), -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ring_refuses_every_operation_but_those_of_polling),
		cmocka_unit_test(the_ring_refuses_to_open_a_file),
		cmocka_unit_test(the_ring_refuses_flags_that_would_chain_or_hide_operations),
		cmocka_unit_test(the_ring_refuses_to_register_anything),
	};
	struct io_uring ring;
	struct loop *loop = loop_create(LOOP_URING);
	int failed;

	if (loop == NULL) {
		printf("io_uring is refused here: %s\n", strerror(errno));
		return 77;
	}
	ring_map(&ring, dup(ring_find()));
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		((struct CMUnitTest *)&tests[i])->initial_state = &ring;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	io_uring_queue_exit(&ring);
	loop_destroy(loop);
	return failed;
}
