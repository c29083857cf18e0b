/* Test that the cage holds what is in it, and lets it work. Each case runs in a child that enters the cage. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
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

#include "attempts.h"
#include "loop.h"
#include "sandbox.h"
#include "sandbox_landlock.h"
#include "sandbox_seccomp.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif

enum {
	NOBODY = 65534,
	ABI_TRUNCATE = 3, /* of Landlock */
	ABI_SCOPE = 6,
};

/* Made before the cage is entered. */
static int socket_pair[2];
static int listener, abstract_listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0shmotel_cage_test"};
static struct loop *loop;

static void must(int result, const char *message)
{
	if (result == 0)
		return;
	fprintf(stderr, "%s\n", message);
	_exit(NO_CAGE);
}

static void enter_identity(const int *hole)
{
	char message[256];

	(void)hole;
	must(sandbox_drop_identity(NOBODY, message, sizeof(message)), message);
}

static void enter(const struct sandbox_needs *needs)
{
	char message[256];

	enter_identity(NULL);
	must(sandbox_enter(needs, message, sizeof(message)), message);
}

static void enter_cage(const int *hole)
{
	enter(&(struct sandbox_needs){.uring = true, .hole = hole});
}

static void enter_tcp(const int *hole)
{
	enter(&(struct sandbox_needs){.hole = hole, .tcp_port_count = 1, .tcp_ports = {4317}});
}

static void enter_spool(const int *hole)
{
	enter(&(struct sandbox_needs){.hole = hole, .spool = true});
}

static void enter_status(const int *hole)
{
	enter(&(struct sandbox_needs){.hole = hole, .status_socket = true});
}

static void enter_soft(const int *hole)
{
	enter(&(struct sandbox_needs){.soft = true, .hole = hole});
}

/* The filter without Landlock behind it. */
static void enter_filter(const int *hole)
{
	const struct sandbox_needs needs = {.uring = true, .hole = hole};

	enter_identity(NULL);
	must(sandbox_seccomp_enter(&needs), "no filter");
}

/* Landlock without the filter before it. */
static void enter_landlock(const int *hole)
{
	const struct sandbox_needs needs = {.tcp_port_count = 1, .tcp_ports = {4317}};
	char message[256];

	(void)hole;
	enter_identity(NULL);
	must(sandbox_landlock_enter(&needs, message, sizeof(message)), message);
}

static int try_fast_open(void)
{
	return (int)sendto(socket_pair[0], "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof(address));
}

static int try_execute(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int connect_elsewhere(void)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&peer, sizeof(peer));
}

/* The test listens there, outside of the cage. */
static int connect_abstract(void)
{
	return connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&abstract, sizeof(abstract));
}

/* One row for each forbidden thing: the call whose rule refuses it, and what stands behind that rule. */
static const struct attempt forbidden[] = {
	{"a netlink socket", SCMP_SYS(socket), try_socket_netlink, WORKED, 0},
	{"a packet socket", SCMP_SYS(socket), try_socket_packet, EPERM, 0},
	{"a datagram socket of the internet", SCMP_SYS(socket), try_socket_udp, WORKED, 0},
	{"a stream socket of the internet, without a TCP endpoint", SCMP_SYS(socket), try_socket_tcp, WORKED, 0},
	{"a datagram socket", SCMP_SYS(socket), try_socket_unix_datagram, WORKED, 0},
	{"a socket of a family with bits above 32", SCMP_SYS(socket), try_socket_wide_family, WORKED, 0},
	{"connecting by MSG_FASTOPEN", SCMP_SYS(sendto), try_fast_open, WHATEVER, 0},
	{"binding a name", SCMP_SYS(bind), try_bind, WHATEVER, 0},
	{"listening", SCMP_SYS(listen), try_listen, WHATEVER, 0},
	{"executing", SCMP_SYS(execve), try_execve, ENOENT, 0},
	{"forking", SCMP_SYS(clone), try_fork, EAGAIN, 0},
	{"forking by clone3", SCMP_SYS(clone3), try_vfork, EAGAIN, 0},
	{"a thread", SCMP_SYS(clone), try_thread, WHATEVER, 0},
	{"tracing", SCMP_SYS(ptrace), try_ptrace, WORKED, 0},
	{"reading another's memory", SCMP_SYS(process_vm_readv), try_read_other_memory, EPERM, 0},
	{"a signal to another process", SCMP_SYS(kill), try_kill_other, EPERM, 0},
	{"a signal to oneself", SCMP_SYS(tgkill), try_kill_self, WORKED, 0},
	{"mapping code", SCMP_SYS(mmap), try_map_executable, WORKED, 0},
	{"making memory code", SCMP_SYS(mprotect), try_protect_executable, WORKED, 0},
	{"making memory code with a key", SCMP_SYS(pkey_mprotect), try_protect_key_executable, WHATEVER, 0},
	{"removing pages", SCMP_SYS(madvise), try_remove_pages, WORKED, 0},
	{"requeueing waiters", SCMP_SYS(futex), try_futex_requeue, WHATEVER, 0},
	{"a new io_uring", SCMP_SYS(io_uring_setup), try_new_ring, WHATEVER, 0},
	{"loading a BPF program", SCMP_SYS(bpf), try_bpf_load, EPERM, 0},
	{"a performance event", SCMP_SYS(perf_event_open), try_perf_event, WHATEVER, 0},
	{"becoming root", SCMP_SYS(setuid), try_setuid, EPERM, 0},
	{"setting capabilities", SCMP_SYS(capset), try_capset, EFAULT, 0},
	{"becoming dumpable", SCMP_SYS(prctl), try_prctl_dumpable, WORKED, 0},
	{"raising a limit", SCMP_SYS(prlimit64), try_raise_limit, EPERM, 0},
	{"mounting", SCMP_SYS(mount), try_mount, EPERM, 0},
	{"a user namespace", SCMP_SYS(unshare), try_unshare, WHATEVER, 0},
	{"changing the root", SCMP_SYS(chroot), try_chroot, EPERM, 0},
	{"memory with a descriptor", SCMP_SYS(memfd_create), try_memfd, WORKED, 0},
	{"opening a file to read", SCMP_SYS(openat), try_open_read, WORKED, EACCES},
	{"opening a file to write", SCMP_SYS(openat), try_open_write, WORKED, EACCES},
	{"making a file", SCMP_SYS(openat), try_open_create, WORKED, EACCES},
	{"opening by handle", SCMP_SYS(open_by_handle_at), try_open_by_handle, EFAULT, 0},
	{"the status of a file", SCMP_SYS(newfstatat), try_stat, WORKED, 0},
	{"removing a file", SCMP_SYS(unlink), try_unlink, WORKED, 0},
	{"renaming a file", SCMP_SYS(rename), try_rename, WORKED, 0},
	{"linking a file", SCMP_SYS(link), try_link, WORKED, 0},
	{"the mode of a file", SCMP_SYS(chmod), try_chmod, WORKED, 0},
	{"cutting a file", SCMP_SYS(truncate), try_truncate, WORKED, 0},
	{"typing at the terminal", SCMP_SYS(ioctl), try_ioctl, WHATEVER, 0},
	{"duplicating a descriptor", SCMP_SYS(fcntl), try_dup_flags, WORKED, 0},
};

/* All that the filter lets through or refuses with an error, with some arguments at least. */
static const char *const known[] = {
	"read", "write", "readv", "writev", "close", "fstat", "lseek", "newfstatat", "fcntl", "ioctl", "socket",
	"connect", "sendto", "sendmsg", "recvfrom", "recvmsg", "shutdown", "getsockname",
	"getpeername", "getsockopt", "setsockopt", "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "poll",
	"ppoll", "restart_syscall", "clock_gettime", "clock_nanosleep", "gettimeofday", "futex", "brk", "munmap",
	"madvise", "mremap", "getrandom", "mmap", "mprotect", "getpid", "gettid", "getuid", "geteuid", "rt_sigreturn",
	"rt_sigprocmask", "exit", "exit_group", "io_uring_enter", "open", "openat", "access", "readlink",
};

static void each_forbidden_thing_is_refused_by_the_rule_for_it(void **state)
{
	(void)state;
	attempts_check(forbidden, sizeof(forbidden) / sizeof(forbidden[0]), enter_cage, enter_filter);
}

static void no_other_system_call_exists_in_the_cage(void **state)
{
	(void)state;
	other_calls_check(known, sizeof(known) / sizeof(known[0]), enter_cage);
	assert_int_equal(attempt_fate(try_old_interface, enter_cage, NULL), -SIGSYS);
}

static void what_is_forbidden_fails_in_the_soft_cage(void **state)
{
	(void)state;
	assert_int_equal(attempt_fate(try_execve, enter_soft, NULL), EPERM);
	assert_int_equal(attempt_fate(try_socket_netlink, enter_soft, NULL), EPERM);
}

/* Landlock stands behind the filter: here without it. */
static void without_the_filter_landlock_refuses_files(void **state)
{
	static int (*const attempts[])(void) = {
		try_open_read, try_open_write, try_open_create, try_unlink,
		try_rename,    try_link,       try_truncate,    try_execute,
	};

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < ABI_TRUNCATE) {
		print_message("skipped: Landlock is older than version 3\n");
		return;
	}
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int end = attempt_fate(attempts[i], enter_landlock, NULL);

		/* Renaming and linking across rights is refused as if it were across file systems. */
		if (end != EACCES && end != EXDEV)
			fail_msg("attempt %zu ended with %d", i, end);
		assert_int_equal(attempt_fate(attempts[i], enter_identity, NULL), WORKED);
	}
}

static void without_the_filter_landlock_refuses_other_ports_and_signals(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < ABI_SCOPE) {
		print_message("skipped: Landlock is older than version 6\n");
		return;
	}
	assert_int_equal(attempt_fate(connect_elsewhere, enter_landlock, NULL), EACCES);
	assert_int_equal(attempt_fate(connect_elsewhere, enter_identity, NULL), ECONNREFUSED);
	assert_int_equal(attempt_fate(connect_abstract, enter_landlock, NULL), EPERM);
	assert_int_equal(attempt_fate(connect_abstract, enter_identity, NULL), WORKED);
}

/* A process of the same user that is not in a cage: what could look into the receiver but for its being undumpable. */
static int trace_from_outside(pid_t target)
{
	int status;
	pid_t tracer = fork();

	assert_true(tracer >= 0);
	if (tracer == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
			_exit(NO_CAGE);
		/* The kernel detaches when the tracer ends. */
		_exit(ptrace(PTRACE_SEIZE, target, NULL, NULL) == 0 ? WORKED : errno);
	}
	assert_int_equal(waitpid(tracer, &status, 0), tracer);
	return WEXITSTATUS(status);
}

/* How tracing a child ends that is nobody, and dumpable or as the receiver is. */
static int trace_of_child(bool dumpable)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		/* As if started by that user: the change of user alone would do it too. */
		must(setresgid(NOBODY, NOBODY, NOBODY) | setresuid(NOBODY, NOBODY, NOBODY), "still root");
		prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
		if (!dumpable)
			enter_identity(NULL);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	int end = trace_from_outside(child);

	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ready[0]);
	close(ready[1]);
	return end;
}

static void nobody_else_of_its_user_can_trace_it(void **state)
{
	(void)state;
	assert_int_equal(trace_of_child(false), EPERM);
	if (trace_of_child(true) != WORKED)
		print_message("this kernel lets no one trace strangers anyway\n");
}

static int look_at_limits(void)
{
	struct rlimit core, processes, descriptors;

	enter_identity(NULL);
	getrlimit(RLIMIT_CORE, &core);
	getrlimit(RLIMIT_NPROC, &processes);
	getrlimit(RLIMIT_NOFILE, &descriptors);
	return core.rlim_max == 0 && processes.rlim_max == 0 && descriptors.rlim_max <= 128 ? 0 : 1;
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

/* On a socket, at no place: what counts is who refuses. */
static int use_spool(void)
{
	char byte;

	if (pread(socket_pair[0], &byte, 1, 0) >= 0 || pwrite(socket_pair[0], "x", 1, 0) >= 0)
		return -1;
	return errno != ESPIPE ? -1 : 0;
}

static int use_status_socket(void)
{
	return accept4(socket_pair[0], NULL, NULL, SOCK_CLOEXEC) >= 0 || errno != EINVAL ? -1 : 0;
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
	enter_cage(NULL);
	loop_timer_set(loop, &timer, loop_now_ns() + 1000000);
	return loop_run(loop) == 0 && fired ? WORKED : EPROTO;
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
		int end = attempt_fate(allowed[i].attempt, enter_cage, NULL);

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
	assert_int_equal(attempt_fate(use_passed_descriptor, enter_cage, NULL), WORKED);
	close(fd);
}

static void internet_sockets_exist_only_for_a_tcp_endpoint(void **state)
{
	(void)state;
	assert_int_equal(attempt_fate(use_internet_socket, enter_tcp, NULL), WORKED);
	assert_int_equal(attempt_fate(use_internet_socket, enter_cage, NULL), -SIGSYS);
	assert_int_equal(attempt_fate(try_socket_udp, enter_tcp, NULL), -SIGSYS);
	assert_int_equal(attempt_fate(try_socket_netlink, enter_tcp, NULL), -SIGSYS);
}

static void a_spool_and_a_status_socket_open_nothing_but_their_own_calls(void **state)
{
	(void)state;
	assert_int_equal(attempt_fate(use_spool, enter_spool, NULL), WORKED);
	assert_int_equal(attempt_fate(use_spool, enter_cage, NULL), -SIGSYS);
	assert_int_equal(attempt_fate(use_spool, enter_status, NULL), -SIGSYS);
	assert_int_equal(attempt_fate(use_status_socket, enter_status, NULL), WORKED);
	assert_int_equal(attempt_fate(use_status_socket, enter_cage, NULL), -SIGSYS);
	assert_int_equal(attempt_fate(use_status_socket, enter_spool, NULL), -SIGSYS);
	assert_int_equal(attempt_fate(try_listen, enter_status, NULL), -SIGSYS);
	assert_int_equal(attempt_fate(try_bind, enter_status, NULL), -SIGSYS);
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

static void it_dumps_no_core_and_has_few_descriptors(void **state)
{
	(void)state;
	assert_int_equal(in_child(look_at_limits), 0);
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
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/receiver_cage_test.%d.sock", getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 8) != 0)
		return -1;
	/* Whoever nobody is may connect. */
	if (chmod(address.sun_path, 0666) != 0)
		return -1;
	abstract_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(abstract_listener, (struct sockaddr *)&abstract, sizeof(abstract)) != 0 ||
	    listen(abstract_listener, 8) != 0 || attempts_prepare(NOBODY) != 0)
		return -1;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socket_pair);
}

static int tidy(void **state)
{
	(void)state;
	close(listener);
	close(abstract_listener);
	attempts_tidy();
	return unlink(address.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_forbidden_thing_is_refused_by_the_rule_for_it),
		cmocka_unit_test(no_other_system_call_exists_in_the_cage),
		cmocka_unit_test(what_is_forbidden_fails_in_the_soft_cage),
		cmocka_unit_test(without_the_filter_landlock_refuses_files),
		cmocka_unit_test(without_the_filter_landlock_refuses_other_ports_and_signals),
		cmocka_unit_test(nobody_else_of_its_user_can_trace_it),
		cmocka_unit_test(it_dumps_no_core_and_has_few_descriptors),
		cmocka_unit_test(what_the_receiver_does_works),
		cmocka_unit_test(a_ring_that_arrives_in_the_cage_can_be_mapped),
		cmocka_unit_test(both_loops_run_in_the_cage),
		cmocka_unit_test(internet_sockets_exist_only_for_a_tcp_endpoint),
		cmocka_unit_test(a_spool_and_a_status_socket_open_nothing_but_their_own_calls),
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
