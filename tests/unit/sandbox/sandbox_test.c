/* Test that the cage holds what is in it, and lets it work. Each case runs in a child that enters the cage. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "sandbox.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif

enum {
	NOBODY = 65534,
	WORKED = 0,
	DENIED = 1,    /* the attempt failed with an error */
	NO_CAGE = 100, /* the cage itself could not be entered */
};

/* Made before the cage is entered. */
static int socket_pair[2];
static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct loop *loop;

static void enter(bool soft, bool tcp)
{
	struct sandbox_needs needs = {.uring = true, .soft = soft, .tcp_port_count = tcp, .tcp_ports = {4317}};
	char message[256];

	if (sandbox_drop_identity(NOBODY, message, sizeof(message)) != 0 ||
	    sandbox_enter(&needs, message, sizeof(message)) != 0) {
		fprintf(stderr, "%s\n", message);
		_exit(NO_CAGE);
	}
}

/* How a child that tries this in the cage ends: its exit status, or minus the signal. */
static int fate(int (*attempt)(void), bool soft, bool tcp)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		enter(soft, tcp);
		_exit(attempt() >= 0 ? WORKED : DENIED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int try_internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int try_wide_family(void)
{
	/* The kernel looks at 32 bits: these are AF_NETLINK to it, and must not pass for something else. */
	return (int)syscall(SYS_socket, 0x100000000ul | AF_NETLINK, SOCK_RAW, 0);
}

static int try_datagram(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static int try_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int try_fast_open(void)
{
	return (int)sendto(socket_pair[0], "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof(address));
}

static int try_bind(void)
{
	struct sockaddr_un mine = {.sun_family = AF_UNIX, .sun_path = "\0sandbox_test"};

	return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&mine, sizeof(mine));
}

static int try_execve(void)
{
	return execl("/bin/true", "true", NULL);
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_kill(void)
{
	return kill(getpid(), 0);
}

static int try_fork(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int try_executable_map(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int try_executable_protect(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int try_new_ring(void)
{
	char parameters[256] = {0};

	return (int)syscall(SYS_io_uring_setup, 1, parameters);
}

static int try_setuid(void)
{
	return setuid(0);
}

static int try_mount(void)
{
	return (int)syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

static int try_memfd(void)
{
	return (int)syscall(SYS_memfd_create, "x", 0);
}

static int try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

static int try_raise_limit(void)
{
	struct rlimit limit = {1024, 1024};

	return setrlimit(RLIMIT_NOFILE, &limit);
}

static int try_unlink(void)
{
	return unlink(address.sun_path);
}

static int try_stat(void)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", address.sun_path, 0);
}

static const struct {
	const char *name;
	int (*attempt)(void);
} forbidden[] = {
	{"socket AF_NETLINK", try_netlink},
	{"socket AF_INET without a TCP endpoint", try_internet},
	{"socket with bits above 32", try_wide_family},
	{"a datagram socket", try_datagram},
	{"MSG_FASTOPEN", try_fast_open},
	{"bind", try_bind},
	{"execve", try_execve},
	{"ptrace", try_ptrace},
	{"kill", try_kill},
	{"clone", try_fork},
	{"mmap PROT_EXEC", try_executable_map},
	{"mprotect PROT_EXEC", try_executable_protect},
	{"io_uring_setup", try_new_ring},
	{"setuid", try_setuid},
	{"mount", try_mount},
	{"memfd_create", try_memfd},
	{"prctl", try_dumpable},
	{"setrlimit", try_raise_limit},
	{"unlink", try_unlink},
	{"stat of a path", try_stat},
};

static void what_is_forbidden_ends_the_process(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int end = fate(forbidden[i].attempt, false, false);

		if (end != -SIGSYS)
			fail_msg("%s: ended with %d", forbidden[i].name, end);
	}
}

static void what_is_forbidden_fails_in_the_soft_cage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int end = fate(forbidden[i].attempt, true, false);

		if (end != DENIED)
			fail_msg("%s: ended with %d", forbidden[i].name, end);
	}
}

static int try_open(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd < 0 && errno == EACCES ? -1 : 0;
}

static void a_file_cannot_be_opened_but_asking_is_no_crime(void **state)
{
	(void)state;
	assert_int_equal(fate(try_open, false, false), DENIED);
}

/* Connect to the listener and exchange a message, as an exporter does. */
static int use_unix_socket(void)
{
	struct iovec text = {.iov_base = "hello", .iov_len = 5};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = -1;
	socklen_t length = sizeof(error);
	char byte;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
		return -1;
	if (sendmsg(fd, &message, MSG_NOSIGNAL) != 5 || (recv(fd, &byte, 1, 0) >= 0 && errno != EAGAIN))
		return -1;
	return close(fd);
}

static int use_internet_socket(void)
{
	struct sockaddr_in peer = {
		.sin_family = AF_INET, .sin_port = htons(4317), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Nobody need listen there: what counts is who refuses. */
	if (fd < 0 || (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) != 0 && errno != ECONNREFUSED))
		return -1;
	return 0;
}

static int use_passed_descriptor(void)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec text = {.iov_base = control.space, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	char byte[1];
	void *page;
	int fd;

	text.iov_base = byte;
	if (recvmsg(socket_pair[0], &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED || fcntl(fd, F_GET_SEALS) < 0 || *(const char *)page != 'x')
		return -1;
	return munmap(page, 4096);
}

static bool fired;

static void fire(void *context)
{
	(void)context;
	fired = true;
	loop_stop(loop);
}

/* The loop is made first, as the receiver does it. */
static int use_loop(enum loop_backend backend)
{
	struct loop_timer timer = {.fire = fire};

	loop = loop_create(backend);
	if (loop == NULL)
		return NO_CAGE;
	enter(false, false);
	loop_timer_set(loop, &timer, loop_now_ns() + 1000000);
	return loop_run(loop) == 0 && fired ? WORKED : DENIED;
}

static int use_uring(void)
{
	return use_loop(LOOP_URING);
}

static int use_epoll(void)
{
	return use_loop(LOOP_EPOLL);
}

static int use_memory(void)
{
	void *large = malloc(64 << 20);
	void *larger;

	if (large == NULL)
		return -1;
	memset(large, 1, 64 << 20);
	larger = realloc(large, 96 << 20);
	if (larger == NULL)
		return -1;
	free(larger);
	return 0;
}

static int use_standard_streams(void)
{
	return fprintf(stderr, "# a line from the cage\n") > 0 && printf("# another\n") > 0 && fflush(stdout) == 0 ? 0
														   : -1;
}

static int use_descriptor_status(void)
{
	char status[256];

	return (int)syscall(SYS_newfstatat, 2, "", status, AT_EMPTY_PATH);
}

static void what_the_receiver_does_works(void **state)
{
	static const struct {
		const char *name;
		int (*attempt)(void);
	} allowed[] = {
		{"a Unix socket", use_unix_socket},
		{"memory", use_memory},
		{"standard streams", use_standard_streams},
		{"fstat", use_descriptor_status},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int end = fate(allowed[i].attempt, false, false);

		if (end != WORKED)
			fail_msg("%s: ended with %d", allowed[i].name, end);
	}
}

static void a_ring_that_arrives_in_the_cage_can_be_mapped(void **state)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec text = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int fd = memfd_create("ring", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(ftruncate(fd, 4096), 0);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	assert_int_equal(sendmsg(socket_pair[1], &message, 0), 1);
	assert_int_equal(fate(use_passed_descriptor, false, false), WORKED);
	close(fd);
}

static void internet_sockets_exist_only_for_a_tcp_endpoint(void **state)
{
	(void)state;
	assert_int_equal(fate(use_internet_socket, false, true), WORKED);
	assert_int_equal(fate(use_internet_socket, false, false), -SIGSYS);
	assert_int_equal(fate(try_udp, false, true), -SIGSYS);
	assert_int_equal(fate(try_netlink, false, true), -SIGSYS);
}

/* Reads its own status after the identity is gone, before the filter closes /proc. */
static int look_at_status(void)
{
	char line[256];
	char message[256];
	int zero_lines = 0;
	FILE *status;

	if (sandbox_drop_identity(NOBODY, message, sizeof(message)) != 0)
		return NO_CAGE;
	/* Not dumpable, /proc/self belongs to root; the open descriptor of the parent's making does not matter here. */
	prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
	status = fopen("/proc/self/status", "re");
	if (status == NULL)
		return NO_CAGE;
	while (fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, "Cap", 3) == 0 && strstr(line, "0000000000000000\n") != NULL)
			zero_lines++;
		if (strcmp(line, "NoNewPrivs:\t1\n") == 0 || strcmp(line, "Uid:\t65534\t65534\t65534\t65534\n") == 0)
			zero_lines++;
		if (strncmp(line, "Groups:", 7) == 0 && strspn(line + 7, " \t\n") == strlen(line + 7))
			zero_lines++;
	}
	return zero_lines;
}

static int in_child(int (*body)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(body());
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void both_loops_run_in_the_cage(void **state)
{
	int end = in_child(use_uring);

	(void)state;
	if (end == NO_CAGE)
		print_message("no io_uring here\n");
	else
		assert_int_equal(end, WORKED);
	assert_int_equal(in_child(use_epoll), WORKED);
}

static void no_capability_group_or_way_back_is_left(void **state)
{
	(void)state;
	/* CapInh CapPrm CapEff CapBnd CapAmb, NoNewPrivs, Uid, Groups */
	assert_int_equal(in_child(look_at_status), 8);
}

static int drop_to_root(void)
{
	char message[256] = "";

	return sandbox_drop_identity(0, message, sizeof(message)) == -EPERM && strstr(message, "--user") != NULL ? 0
														 : 1;
}

static int drop_twice(void)
{
	char message[256];

	if (sandbox_drop_identity(NOBODY, message, sizeof(message)) != 0)
		return NO_CAGE;
	/* Somebody who is not root stays what he is. */
	return sandbox_drop_identity(12345, message, sizeof(message)) == 0 && getuid() == NOBODY ? 0 : 1;
}

static void to_stay_root_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_to_root), 0);
}

static void without_root_the_identity_stays(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_twice), 0);
}

static int prepare(void **state)
{
	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/sandbox_test.%d.sock", getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 8) != 0)
		return -1;
	/* Whoever nobody is may connect. */
	if (chmod(address.sun_path, 0666) != 0)
		return -1;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socket_pair);
}

static int tidy(void **state)
{
	(void)state;
	close(listener);
	return unlink(address.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_forbidden_ends_the_process),
		cmocka_unit_test(what_is_forbidden_fails_in_the_soft_cage),
		cmocka_unit_test(a_file_cannot_be_opened_but_asking_is_no_crime),
		cmocka_unit_test(what_the_receiver_does_works),
		cmocka_unit_test(a_ring_that_arrives_in_the_cage_can_be_mapped),
		cmocka_unit_test(both_loops_run_in_the_cage),
		cmocka_unit_test(internet_sockets_exist_only_for_a_tcp_endpoint),
		cmocka_unit_test(no_capability_group_or_way_back_is_left),
		cmocka_unit_test(to_stay_root_is_refused),
		cmocka_unit_test(without_root_the_identity_stays),
	};

	if (geteuid() != 0) {
		puts("skipped: needs root, to have something to give up");
		return 77;
	}
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer) ||                \
	__has_feature(address_sanitizer)
	puts("skipped: a sanitizer's runtime makes system calls that the cage forbids");
	return 77;
#endif
	return cmocka_run_group_tests(tests, prepare, tidy);
}
