/* Test the receiver's end of the handoff against a sensor that answers wrongly in every way. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "segment_client.h"
#include "shm_protocol/limits.h"

enum { RING_BYTES = SHM_RING_BYTES_MIN, FDS_MAX = 20 };

struct fixture {
	int sensor_fd, receiver_fd;
	struct shm_segment segment;
	int doorbell_fd;
	struct shm_handoff answer;
	int fds[FDS_MAX];
	unsigned fd_count;
	struct segment_grant grant;
	char message[512];
};

static int setup(void **state)
{
	static struct fixture fixture;
	int pair[2];

	memset(&fixture, 0, sizeof(fixture));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
	    shm_segment_create(&fixture.segment, RING_BYTES) != 0)
		return -1;
	fixture.sensor_fd = pair[0];
	fixture.receiver_fd = pair[1];
	fixture.doorbell_fd = epoll_create1(EPOLL_CLOEXEC);
	fixture.answer = (struct shm_handoff){
		.magic = SHM_LAYOUT_MAGIC,
		.layout_major = SHM_LAYOUT_MAJOR,
		.layout_minor = SHM_LAYOUT_MINOR,
		.status = SHM_HANDOFF_ACCEPTED,
		.generation = fixture.segment.generation,
		.ring_bytes = RING_BYTES,
		.sensor_pid = 4711,
	};
	fixture.fds[0] = fixture.segment.data_fd;
	fixture.fds[1] = fixture.segment.control_fd;
	for (int i = 2; i < FDS_MAX; i++)
		fixture.fds[i] = fixture.doorbell_fd;
	fixture.fd_count = SHM_HANDOFF_FD_COUNT;
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->sensor_fd >= 0)
		close(fixture->sensor_fd);
	close(fixture->receiver_fd);
	close(fixture->doorbell_fd);
	shm_segment_close(&fixture->segment);
	return 0;
}

static void sensor_send(struct fixture *fixture, size_t bytes)
{
	char payload[2 * sizeof(fixture->answer)] = "";
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fixture->fds))];
	} control = {0};
	struct iovec part = {.iov_base = payload, .iov_len = bytes};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	memcpy(payload, &fixture->answer, sizeof(fixture->answer));
	if (fixture->fd_count > 0) {
		struct cmsghdr *rights;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fixture->fd_count * sizeof(int));
		rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(fixture->fd_count * sizeof(int));
		memcpy(CMSG_DATA(rights), fixture->fds, fixture->fd_count * sizeof(int));
	}
	assert_int_equal(sendmsg(fixture->sensor_fd, &message, MSG_NOSIGNAL), bytes);
}

static enum segment_answer receive(struct fixture *fixture)
{
	return segment_client_receive(fixture->receiver_fd, &fixture->grant, fixture->message,
				      sizeof(fixture->message));
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/fd");

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* The answer as it stands in the fixture is refused with this sentence, and every descriptor in it is closed. */
static void expect_no(struct fixture *fixture, size_t bytes, const char *sentence)
{
	const unsigned before = open_descriptors();

	sensor_send(fixture, bytes);
	assert_int_equal(receive(fixture), SEGMENT_ANSWER_NO);
	if (strstr(fixture->message, sentence) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", fixture->message, sentence);
	assert_int_equal(open_descriptors(), before);
}

static void a_sound_answer_is_attached(void **state)
{
	struct fixture *fixture = *state;
	const struct segment_grant *grant = &fixture->grant;
	const unsigned before = open_descriptors();

	sensor_send(fixture, sizeof(fixture->answer));
	assert_int_equal(receive(fixture), SEGMENT_ANSWER_ATTACHED);
	assert_int_equal(grant->sensor_pid, 4711);
	assert_int_equal(grant->segment.generation, fixture->segment.generation);
	assert_true(fcntl(grant->segment.data_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(grant->segment.control_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(grant->doorbell_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(open_descriptors(), before + 3);
	segment_grant_release(&fixture->grant);
	assert_int_equal(open_descriptors(), before);
	segment_grant_release(&fixture->grant);
}

static void no_answer_yet_is_no_error(void **state)
{
	assert_int_equal(receive(*state), SEGMENT_ANSWER_NONE_YET);
}

static void a_hang_up_without_an_answer_is_explained(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->sensor_fd);
	fixture->sensor_fd = -1;
	assert_int_equal(receive(fixture), SEGMENT_ANSWER_NO);
	assert_non_null(strstr(fixture->message, "hung up without an answer"));
}

static void an_answer_of_any_other_length_is_refused(void **state)
{
	struct fixture *fixture = *state;

	for (size_t bytes = 1; bytes < 2 * sizeof(fixture->answer); bytes++)
		if (bytes != sizeof(fixture->answer))
			expect_no(fixture, bytes, "not one of a shmotel-sensor");
}

static void an_answer_of_another_program_or_version_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->answer.magic++;
	expect_no(fixture, sizeof(fixture->answer), "not one of a shmotel-sensor");
	fixture->answer.magic--;
	fixture->answer.layout_major++;
	expect_no(fixture, sizeof(fixture->answer), "install both from one release");
	fixture->answer.layout_major--;
	fixture->answer.status = 99;
	expect_no(fixture, sizeof(fixture->answer), "status 99");
}

static void every_way_of_saying_no_has_its_sentence(void **state)
{
	struct fixture *fixture = *state;

	fixture->fd_count = 0;
	fixture->answer.status = SHM_HANDOFF_BUSY;
	fixture->answer.other_pid = 1234;
	expect_no(fixture, sizeof(fixture->answer), "another receiver (pid 1234)");
	fixture->answer.status = SHM_HANDOFF_REFUSED;
	expect_no(fixture, sizeof(fixture->answer), "--allow-uid");
	fixture->answer.status = SHM_HANDOFF_FAILED;
	expect_no(fixture, sizeof(fixture->answer), "its log says why");
}

static void any_other_number_of_descriptors_is_refused_and_all_are_closed(void **state)
{
	struct fixture *fixture = *state;

	for (fixture->fd_count = 0; fixture->fd_count < FDS_MAX; fixture->fd_count++)
		if (fixture->fd_count != SHM_HANDOFF_FD_COUNT)
			expect_no(fixture, sizeof(fixture->answer), "descriptors instead of 3");
}

static void descriptors_with_a_refusal_are_closed(void **state)
{
	struct fixture *fixture = *state;

	fixture->answer.status = SHM_HANDOFF_BUSY;
	expect_no(fixture, sizeof(fixture->answer), "another receiver");
}

static void segments_that_do_not_match_the_answer_are_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->answer.ring_bytes *= 2;
	expect_no(fixture, sizeof(fixture->answer), "another size than announced");
	fixture->answer.ring_bytes /= 2;
	fixture->answer.generation++;
	expect_no(fixture, sizeof(fixture->answer), "not of the generation");
	fixture->answer.generation--;
	fixture->fds[0] = fixture->doorbell_fd;
	expect_no(fixture, sizeof(fixture->answer), "not sealed");
}

static void a_path_nobody_listens_on_is_explained(void **state)
{
	struct fixture *fixture = *state;
	char path[] = "/tmp/shmotel-client.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(segment_client_connect(path, fixture->message, sizeof(fixture->message)), -ECONNREFUSED);
	assert_non_null(strstr(fixture->message, "nobody listens on"));
	unlink(path);
	close(fd);
	assert_int_equal(segment_client_connect(path, fixture->message, sizeof(fixture->message)), -ENOENT);
	assert_non_null(strstr(fixture->message, "there is no socket at"));
}

static void a_socket_of_another_kind_is_explained(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/shmotel-client.XXXXXX"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	close(mkstemp(address.sun_path));
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (const void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(segment_client_connect(address.sun_path, fixture->message, sizeof(fixture->message)),
			 -EPROTOTYPE);
	assert_non_null(strstr(fixture->message, "is not the socket of a shmotel-sensor"));
	close(fd);
	unlink(address.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CLIENT_TEST(a_sound_answer_is_attached),
		CLIENT_TEST(no_answer_yet_is_no_error),
		CLIENT_TEST(a_hang_up_without_an_answer_is_explained),
		CLIENT_TEST(an_answer_of_any_other_length_is_refused),
		CLIENT_TEST(an_answer_of_another_program_or_version_is_refused),
		CLIENT_TEST(every_way_of_saying_no_has_its_sentence),
		CLIENT_TEST(any_other_number_of_descriptors_is_refused_and_all_are_closed),
		CLIENT_TEST(descriptors_with_a_refusal_are_closed),
		CLIENT_TEST(segments_that_do_not_match_the_answer_are_refused),
		CLIENT_TEST(a_path_nobody_listens_on_is_explained),
		CLIENT_TEST(a_socket_of_another_kind_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
