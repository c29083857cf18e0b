/* Test the sensor's door: who gets in, who is told what, and what can be wrong with the path. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "handoff.h"
#include "shm_protocol/layout.h"

enum { NOBODY_UID = 65534, RING_BYTES = 65536, GENERATION = 4711 };

struct fixture {
	char directory[32];
	char path[64];
	struct handoff *handoff;
	char message[512];
	int offer_error;
	int fd; /* what is offered, three times */
	unsigned offers, attached, detached, refused;
	uint32_t attached_pid, refused_uid;
	enum shm_handoff_status refused_status;
};

static int on_offer(void *context, struct handoff_offer *offer)
{
	struct fixture *fixture = context;

	fixture->offers++;
	*offer = (struct handoff_offer){
		.fds = {fixture->fd, fixture->fd, fixture->fd},
		.ring_bytes = RING_BYTES,
		.generation = GENERATION,
	};
	return fixture->offer_error;
}

static void on_attached(void *context, uint32_t peer_pid)
{
	struct fixture *fixture = context;

	fixture->attached++;
	fixture->attached_pid = peer_pid;
}

static void on_detached(void *context)
{
	((struct fixture *)context)->detached++;
}

static void on_refused(void *context, enum shm_handoff_status status, uint32_t peer_pid, uint32_t peer_uid)
{
	struct fixture *fixture = context;

	(void)peer_pid;
	fixture->refused++;
	fixture->refused_status = status;
	fixture->refused_uid = peer_uid;
}

static int open_at(struct fixture *fixture, const char *path, uid_t uid)
{
	const struct handoff_handler handler = {
		.offer = on_offer,
		.attached = on_attached,
		.detached = on_detached,
		.refused = on_refused,
		.context = fixture,
	};

	fixture->message[0] = '\0';
	return handoff_open(&fixture->handoff, path, uid, &handler, fixture->message, sizeof(fixture->message));
}

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	strcpy(fixture.directory, "/tmp/shmotel-handoff.XXXXXX");
	if (mkdtemp(fixture.directory) == NULL)
		return -1;
	snprintf(fixture.path, sizeof(fixture.path), "%s/sensor.sock", fixture.directory);
	fixture.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	handoff_close(fixture->handoff);
	close(fixture->fd);
	unlink(fixture->path);
	return rmdir(fixture->directory);
}

static void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: changing uid needs root\n");
	skip();
}

static int try_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const void *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_to(const struct fixture *fixture)
{
	int fd = try_connect(fixture->path);

	assert_true(fd >= 0);
	return fd;
}

/* Let the door look, until there is something to see; ten seconds at most. */
static void door_pass(struct fixture *fixture)
{
	struct pollfd ready = {.fd = handoff_fd(fixture->handoff), .events = POLLIN};

	assert_int_equal(poll(&ready, 1, 10000), 1);
	handoff_on_ready(fixture->handoff);
}

/* Take the answer; the number of descriptors in it. */
static unsigned take_answer(int fd, struct shm_handoff *answer)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = answer, .iov_len = sizeof(*answer)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	unsigned count = 0;

	assert_int_equal(recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), sizeof(*answer));
	for (struct cmsghdr *rights = CMSG_FIRSTHDR(&message); rights != NULL;
	     rights = CMSG_NXTHDR(&message, rights)) {
		unsigned here = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		for (unsigned i = 0; i < here; i++) {
			int passed;

			memcpy(&passed, CMSG_DATA(rights) + i * sizeof(int), sizeof(int));
			close(passed);
		}
		count += here;
	}
	return count;
}

static bool at_end_of_file(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void a_permitted_receiver_gets_three_descriptors_and_the_generation(void **state)
{
	struct fixture *fixture = *state;
	struct shm_handoff answer;
	int fd;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	fd = connect_to(fixture);
	door_pass(fixture);
	assert_int_equal(take_answer(fd, &answer), SHM_HANDOFF_FD_COUNT);
	assert_int_equal(answer.magic, SHM_LAYOUT_MAGIC);
	assert_int_equal(answer.layout_major, SHM_LAYOUT_MAJOR);
	assert_int_equal(answer.status, SHM_HANDOFF_ACCEPTED);
	assert_int_equal(answer.generation, GENERATION);
	assert_int_equal(answer.ring_bytes, RING_BYTES);
	assert_int_equal(answer.sensor_pid, getpid());
	assert_int_equal(answer.sensor_uid, getuid());
	assert_int_equal(answer.other_pid, 0);
	assert_int_equal(fixture->attached, 1);
	assert_int_equal(fixture->attached_pid, getpid());
	assert_int_equal(fixture->detached, 0);
	close(fd);
}

static void a_second_receiver_is_busy_and_gets_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct shm_handoff answer;
	int first, second;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	first = connect_to(fixture);
	door_pass(fixture);
	second = connect_to(fixture);
	door_pass(fixture);
	assert_int_equal(take_answer(second, &answer), 0);
	assert_int_equal(answer.status, SHM_HANDOFF_BUSY);
	assert_int_equal(answer.other_pid, getpid());
	assert_int_equal(answer.generation, 0);
	assert_true(at_end_of_file(second));
	assert_int_equal(fixture->offers, 1);
	assert_int_equal(fixture->refused, 1);
	assert_int_equal(fixture->refused_status, SHM_HANDOFF_BUSY);
	close(second);
	close(first);
}

static void the_end_of_the_receiver_ends_the_generation_and_frees_the_place(void **state)
{
	struct fixture *fixture = *state;
	struct shm_handoff answer;
	int first, second;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	first = connect_to(fixture);
	door_pass(fixture);
	/* Both wait at once: the end is seen before the newcomer is judged. */
	close(first);
	second = connect_to(fixture);
	door_pass(fixture);
	assert_int_equal(fixture->detached, 1);
	assert_int_equal(fixture->attached, 2);
	assert_int_equal(take_answer(second, &answer), SHM_HANDOFF_FD_COUNT);
	close(second);
	door_pass(fixture);
	assert_int_equal(fixture->detached, 2);
}

static void a_killed_receiver_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	pid_t child;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (try_connect(fixture->path) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	door_pass(fixture);
	assert_int_equal(fixture->attached_pid, child);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	door_pass(fixture);
	assert_int_equal(fixture->detached, 1);
}

static void a_receiver_that_speaks_is_hung_up_on(void **state)
{
	struct fixture *fixture = *state;
	struct shm_handoff answer;
	int fd;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	fd = connect_to(fixture);
	door_pass(fixture);
	take_answer(fd, &answer);
	assert_int_equal(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
	door_pass(fixture);
	assert_int_equal(fixture->detached, 1);
	assert_true(at_end_of_file(fd));
	close(fd);
}

static void the_sensor_can_hang_up(void **state)
{
	struct fixture *fixture = *state;
	struct shm_handoff answer;
	int fd;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	handoff_disconnect(fixture->handoff); /* nobody there: nothing happens */
	assert_int_equal(fixture->detached, 0);
	fd = connect_to(fixture);
	door_pass(fixture);
	handoff_disconnect(fixture->handoff);
	assert_int_equal(fixture->detached, 1);
	take_answer(fd, &answer);
	assert_true(at_end_of_file(fd));
	close(fd);
}

static void a_failed_offer_is_answered_and_the_next_one_tried(void **state)
{
	struct fixture *fixture = *state;
	struct shm_handoff answer;
	int fd;

	fixture->offer_error = -ENOMEM;
	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	fd = connect_to(fixture);
	door_pass(fixture);
	assert_int_equal(take_answer(fd, &answer), 0);
	assert_int_equal(answer.status, SHM_HANDOFF_FAILED);
	assert_int_equal(fixture->attached + fixture->detached, 0);
	close(fd);
	fixture->offer_error = 0;
	fd = connect_to(fixture);
	door_pass(fixture);
	assert_int_equal(fixture->attached, 1);
	close(fd);
}

static void a_receiver_that_left_before_the_answer_leaves_no_generation_behind(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	close(connect_to(fixture));
	door_pass(fixture);
	/* Whether the answer was delivered into a closed socket or refused by it, the session ends. */
	if (fixture->detached == 0)
		door_pass(fixture);
	assert_int_equal(fixture->offers, 1);
	assert_int_equal(fixture->detached, 1);
}

static void a_crowd_is_answered_in_portions(void **state)
{
	struct fixture *fixture = *state;
	int fds[9];

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	for (int i = 0; i < 9; i++)
		fds[i] = connect_to(fixture);
	door_pass(fixture);
	assert_int_equal(fixture->attached, 1);
	assert_int_equal(fixture->refused, 7);
	door_pass(fixture);
	assert_int_equal(fixture->refused, 8);
	for (int i = 0; i < 9; i++)
		close(fds[i]);
}

/* Connect as `uid`, and say by the exit status what came of it: 0 answered, 1 not admitted to the socket. */
static pid_t connect_as(const struct fixture *fixture, uid_t uid, uint32_t expected_status)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child != 0)
		return child;

	struct shm_handoff answer = {.status = UINT32_MAX};
	int fd;

	if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0)
		_exit(9);
	fd = try_connect(fixture->path);
	if (fd < 0)
		_exit(1);
	_exit(recv(fd, &answer, sizeof(answer), 0) == sizeof(answer) && answer.status == expected_status ? 0 : 2);
}

static int exit_status_of(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_socket_belongs_to_the_allowed_uid_alone(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;
	pid_t child;

	need_root();
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	assert_int_equal(open_at(fixture, fixture->path, NOBODY_UID), 0);
	assert_int_equal(stat(fixture->path, &st), 0);
	assert_int_equal(st.st_uid, NOBODY_UID);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(exit_status_of(connect_as(fixture, NOBODY_UID - 1, 0)), 1);
	child = connect_as(fixture, NOBODY_UID, SHM_HANDOFF_ACCEPTED);
	door_pass(fixture);
	assert_int_equal(exit_status_of(child), 0);
	assert_int_equal(fixture->attached, 1);
}

static void a_uid_that_slips_past_the_mode_is_refused_by_its_credentials(void **state)
{
	struct fixture *fixture = *state;
	pid_t child;

	need_root();
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	assert_int_equal(open_at(fixture, fixture->path, NOBODY_UID), 0);
	assert_int_equal(chmod(fixture->path, 0666), 0);
	child = connect_as(fixture, NOBODY_UID - 1, SHM_HANDOFF_REFUSED);
	door_pass(fixture);
	assert_int_equal(exit_status_of(child), 0);
	assert_int_equal(fixture->refused_status, SHM_HANDOFF_REFUSED);
	assert_int_equal(fixture->refused_uid, NOBODY_UID - 1);
	assert_int_equal(fixture->offers, 0);
	/* Not even root, unless it is the one that is allowed. */
	child = connect_as(fixture, 0, SHM_HANDOFF_REFUSED);
	door_pass(fixture);
	assert_int_equal(exit_status_of(child), 0);
}

static void expect_refusal(struct fixture *fixture, const char *path, int error, const char *sentence)
{
	assert_int_equal(open_at(fixture, path, geteuid()), error);
	assert_null(fixture->handoff);
	if (strstr(fixture->message, sentence) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", fixture->message, sentence);
}

static void a_socket_left_by_a_dead_sensor_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
	assert_int_equal(bind(fd, (const void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	close(connect_to(fixture));
}

static void a_socket_that_is_answered_is_left_alone(void **state)
{
	static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
		assert_int_equal(bind(fd, (const void *)&address, sizeof(address)), 0);
		if (types[i] != SOCK_DGRAM)
			assert_int_equal(listen(fd, 1), 0);
		expect_refusal(fixture, fixture->path, -EADDRINUSE, "another program listens on");
		assert_int_equal(access(fixture->path, F_OK), 0);
		close(fd);
		unlink(fixture->path);
	}
}

static void a_file_that_is_no_socket_is_never_removed(void **state)
{
	struct fixture *fixture = *state;

	close(open(fixture->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	expect_refusal(fixture, fixture->path, -EEXIST, "exists and is not a socket");
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(symlink("/tmp/shmotel-nowhere", fixture->path), 0);
	expect_refusal(fixture, fixture->path, -EEXIST, "exists and is not a socket");
	assert_int_equal(unlink(fixture->path), 0);
}

static void each_thing_that_can_be_wrong_with_the_path_has_its_sentence(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	expect_refusal(fixture, "", -ENAMETOOLONG, "has 0 bytes");
	memset(path, 'x', sizeof(path));
	path[108] = '\0';
	expect_refusal(fixture, path, -ENAMETOOLONG, "has 108 bytes and may have 1 to 107");
	snprintf(path, sizeof(path), "%s/none/none/sensor.sock", fixture->directory);
	expect_refusal(fixture, path, -ENOENT, "as the one above does not exist: create it");
	expect_refusal(fixture, "/dev/null/sensor.sock", -ENOTDIR, "is not a directory");
	assert_int_equal(chmod(fixture->directory, 0777), 0);
	expect_refusal(fixture, fixture->path, -EPERM, "can be written by others");
	assert_int_equal(chmod(fixture->directory, 01777), 0); /* sticky, as /tmp is */
	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
}

static void a_missing_directory_is_made_for_all_to_enter(void **state)
{
	struct fixture *fixture = *state;
	const mode_t umask_before = umask(0077);
	char directory[256];
	char path[300];
	struct stat st;

	snprintf(directory, sizeof(directory), "%s/made", fixture->directory);
	snprintf(path, sizeof(path), "%s/sensor.sock", directory);
	assert_int_equal(open_at(fixture, path, geteuid()), 0);
	umask(umask_before);
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	handoff_close(fixture->handoff);
	fixture->handoff = NULL;
	assert_int_equal(rmdir(directory), 0);
}

static void without_permission_the_sentence_says_so(void **state)
{
	struct fixture *fixture = *state;
	pid_t child;

	need_root();
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int error;

		if (setgroups(0, NULL) != 0 || setgid(NOBODY_UID) != 0 || setuid(NOBODY_UID) != 0)
			_exit(9);
		error = open_at(fixture, fixture->path, NOBODY_UID);
		_exit(error == -EACCES && strstr(fixture->message, "no permission to make a socket") != NULL ? 0 : 1);
	}
	assert_int_equal(exit_status_of(child), 0);

	assert_int_equal(chmod(fixture->directory, 0700), 0);
	assert_int_equal(chown(fixture->directory, NOBODY_UID, NOBODY_UID), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int error;

		if (setgroups(0, NULL) != 0 || setgid(NOBODY_UID) != 0 || setuid(NOBODY_UID) != 0)
			_exit(9);
		error = open_at(fixture, fixture->path, NOBODY_UID - 1);
		_exit(error == -EPERM && strstr(fixture->message, "cannot be given to uid 65533") != NULL &&
				      access(fixture->path, F_OK) != 0
			      ? 0
			      : 1);
	}
	assert_int_equal(exit_status_of(child), 0);
}

static void closing_removes_its_own_socket_and_no_other(void **state)
{
	struct fixture *fixture = *state;
	struct handoff *old;

	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	handoff_close(fixture->handoff);
	assert_int_equal(access(fixture->path, F_OK), -1);
	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	old = fixture->handoff;
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(open_at(fixture, fixture->path, geteuid()), 0);
	handoff_close(old);
	assert_int_equal(access(fixture->path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define HANDOFF_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		HANDOFF_TEST(a_permitted_receiver_gets_three_descriptors_and_the_generation),
		HANDOFF_TEST(a_second_receiver_is_busy_and_gets_nothing),
		HANDOFF_TEST(the_end_of_the_receiver_ends_the_generation_and_frees_the_place),
		HANDOFF_TEST(a_killed_receiver_is_noticed),
		HANDOFF_TEST(a_receiver_that_speaks_is_hung_up_on),
		HANDOFF_TEST(the_sensor_can_hang_up),
		HANDOFF_TEST(a_failed_offer_is_answered_and_the_next_one_tried),
		HANDOFF_TEST(a_receiver_that_left_before_the_answer_leaves_no_generation_behind),
		HANDOFF_TEST(a_crowd_is_answered_in_portions),
		HANDOFF_TEST(the_socket_belongs_to_the_allowed_uid_alone),
		HANDOFF_TEST(a_uid_that_slips_past_the_mode_is_refused_by_its_credentials),
		HANDOFF_TEST(a_socket_left_by_a_dead_sensor_is_replaced),
		HANDOFF_TEST(a_socket_that_is_answered_is_left_alone),
		HANDOFF_TEST(a_file_that_is_no_socket_is_never_removed),
		HANDOFF_TEST(each_thing_that_can_be_wrong_with_the_path_has_its_sentence),
		HANDOFF_TEST(a_missing_directory_is_made_for_all_to_enter),
		HANDOFF_TEST(without_permission_the_sentence_says_so),
		HANDOFF_TEST(closing_removes_its_own_socket_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
