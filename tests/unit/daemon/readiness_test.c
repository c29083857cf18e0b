/* Test that a service manager is told once, and that its absence is no obstacle. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/readiness.h"

/* A service manager's socket. name as in NOTIFY_SOCKET. */
static int manager_open(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	return fd;
}

static void check_is_told_at(const char *name)
{
	const int manager = manager_open(name);
	char message[64] = "";
	int fd;

	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	fd = readiness_open();
	assert_true(fd >= 0);
	assert_int_equal(recv(manager, message, sizeof(message), MSG_DONTWAIT), -1);
	readiness_tell(fd);
	assert_int_equal(recv(manager, message, sizeof(message), MSG_DONTWAIT), 7);
	assert_string_equal(message, "READY=1");
	assert_int_equal(recv(manager, message, sizeof(message), MSG_DONTWAIT), -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	close(manager);
}

static void it_is_told_at_a_path(void **state)
{
	char directory[] = "/tmp/readiness.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/notify", directory);
	check_is_told_at(path);
	unlink(path);
	rmdir(directory);
}

static void it_is_told_at_an_abstract_name(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@shmotel-readiness-%d", (int)getpid());
	check_is_told_at(name);
}

static void without_a_manager_nothing_is_done(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(readiness_open(), -1);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(readiness_open(), -1);
	readiness_tell(-1);
}

static void a_manager_that_cannot_be_reached_is_no_obstacle(void **state)
{
	char too_long[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	const char *const names[] = {"/nowhere/notify", "notify", "vsock:2:1234", "@shmotel-nobody", too_long};

	(void)state;
	memset(too_long, 'x', sizeof(too_long));
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		assert_int_equal(readiness_open(), -1);
	}
}

static void a_manager_that_has_gone_is_no_obstacle(void **state)
{
	char name[64];
	int manager, fd;

	(void)state;
	snprintf(name, sizeof(name), "@shmotel-readiness-%d", (int)getpid());
	manager = manager_open(name);
	setenv("NOTIFY_SOCKET", name, 1);
	fd = readiness_open();
	assert_true(fd >= 0);
	close(manager);
	readiness_tell(fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_at_a_path),
		cmocka_unit_test(it_is_told_at_an_abstract_name),
		cmocka_unit_test(without_a_manager_nothing_is_done),
		cmocka_unit_test(a_manager_that_cannot_be_reached_is_no_obstacle),
		cmocka_unit_test(a_manager_that_has_gone_is_no_obstacle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
