/* What the sensor's cage refuses, and that what the sensor does works in it. Each case runs in a child. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "attempts.h"
#include "cage.h"
#include "daemon/syscall_filter.h"
#include "handoff.h"
#include "options.h"
#include "privileges.h"
#include "process_identity.h"
#include "ring_session.h"

enum { SENSOR_UID = 65533 };

/* Made before the cage is entered. */
static struct handoff *handoff;
static char socket_path[80];

static void enter_cage(const int *hole)
{
	const struct privileges_options identity = {.change_user = true, .uid = SENSOR_UID, .gid = SENSOR_UID};
	const struct cage_options cage = {.hole = hole};
	char message[512];

	if (privileges_drop(&identity, message, sizeof(message)) == 0 &&
	    cage_enter(&cage, message, sizeof(message)) == 0)
		return;
	fprintf(stderr, "%s\n", message);
	_exit(NO_CAGE);
}

static int bpf_call(enum bpf_cmd command)
{
	union bpf_attr attributes;

	memset(&attributes, 0xff, sizeof(attributes));
	return (int)syscall(SYS_bpf, command, &attributes, sizeof(attributes));
}

static int try_bpf_map_create(void)
{
	return bpf_call(BPF_MAP_CREATE);
}

static int try_bpf_find_program(void)
{
	return bpf_call(BPF_PROG_GET_FD_BY_ID);
}

static int try_bpf_pin(void)
{
	return bpf_call(BPF_OBJ_PIN);
}

static int try_bpf_delete(void)
{
	return bpf_call(BPF_MAP_DELETE_ELEM);
}

static int try_punch_hole(void)
{
	return fallocate(STDERR_FILENO, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1);
}

static int try_socket_option(void)
{
	int one = 1;
	socklen_t length = sizeof(one);

	return getsockopt(STDERR_FILENO, 41 /* IPPROTO_IPV6 */, 1, &one, &length);
}

static const struct attempt forbidden[] = {
	{"a netlink socket", SCMP_SYS(socket), try_socket_netlink, WORKED, 0},
	{"a stream socket", SCMP_SYS(socket), try_socket_unix_stream, WORKED, 0},
	{"a stream socket of the internet", SCMP_SYS(socket), try_socket_tcp, WORKED, 0},
	{"binding a name", SCMP_SYS(bind), try_bind, WHATEVER, 0},
	{"listening", SCMP_SYS(listen), try_listen, WHATEVER, 0},
	{"socket options of protocols", SCMP_SYS(getsockopt), try_socket_option, WHATEVER, 0},
	{"executing", SCMP_SYS(execve), try_execve, ENOENT, 0},
	{"forking", SCMP_SYS(clone), try_fork, EAGAIN, 0},
	{"forking by clone3", SCMP_SYS(clone3), try_vfork, EAGAIN, 0},
	{"tracing", SCMP_SYS(ptrace), try_ptrace, WORKED, 0},
	{"reading another's memory", SCMP_SYS(process_vm_readv), try_read_other_memory, WHATEVER, 0},
	{"a signal to another process", SCMP_SYS(kill), try_kill_other, EPERM, 0},
	{"mapping code", SCMP_SYS(mmap), try_map_executable, WORKED, 0},
	{"making memory code", SCMP_SYS(mprotect), try_protect_executable, WORKED, 0},
	{"making memory code with a key", SCMP_SYS(pkey_mprotect), try_protect_key_executable, WHATEVER, 0},
	{"removing pages", SCMP_SYS(madvise), try_remove_pages, WORKED, 0},
	{"requeueing waiters", SCMP_SYS(futex), try_futex_requeue, WHATEVER, 0},
	{"an io_uring", SCMP_SYS(io_uring_setup), try_new_ring, WHATEVER, 0},
	{"loading a BPF program", SCMP_SYS(bpf), try_bpf_load, EPERM, 0},
	{"making a BPF map", SCMP_SYS(bpf), try_bpf_map_create, WHATEVER, 0},
	{"finding another's BPF program", SCMP_SYS(bpf), try_bpf_find_program, WHATEVER, 0},
	{"pinning", SCMP_SYS(bpf), try_bpf_pin, WHATEVER, 0},
	{"deleting from a BPF map", SCMP_SYS(bpf), try_bpf_delete, WHATEVER, 0},
	{"a performance event", SCMP_SYS(perf_event_open), try_perf_event, WHATEVER, 0},
	{"becoming root", SCMP_SYS(setuid), try_setuid, EPERM, 0},
	{"setting capabilities", SCMP_SYS(capset), try_capset, EFAULT, 0},
	{"becoming dumpable", SCMP_SYS(prctl), try_prctl_dumpable, WORKED, 0},
	{"raising a limit", SCMP_SYS(prlimit64), try_raise_limit, EPERM, 0},
	{"mounting", SCMP_SYS(mount), try_mount, EPERM, 0},
	{"a user namespace", SCMP_SYS(unshare), try_unshare, WHATEVER, 0},
	{"changing the root", SCMP_SYS(chroot), try_chroot, EPERM, 0},
	{"opening a file to write", SCMP_SYS(openat), try_open_write, WORKED, 0},
	{"making a file", SCMP_SYS(openat), try_open_create, WORKED, 0},
	{"making a file without a name", SCMP_SYS(openat), try_open_unnamed, WHATEVER, 0},
	{"opening by handle", SCMP_SYS(open_by_handle_at), try_open_by_handle, EFAULT, 0},
	{"removing a file", SCMP_SYS(unlink), try_unlink, WORKED, EACCES},
	{"renaming a file", SCMP_SYS(rename), try_rename, WORKED, 0},
	{"linking a file", SCMP_SYS(link), try_link, WORKED, 0},
	{"the mode of a file by its name", SCMP_SYS(chmod), try_chmod, WORKED, 0},
	{"another mode than a memfd's", SCMP_SYS(fchmod), try_fchmod_setuid, WORKED, 0},
	{"cutting a file", SCMP_SYS(truncate), try_truncate, WORKED, 0},
	{"punching a hole", SCMP_SYS(fallocate), try_punch_hole, WHATEVER, 0},
	{"typing at the terminal", SCMP_SYS(ioctl), try_ioctl, WHATEVER, 0},
	{"duplicating a descriptor", SCMP_SYS(fcntl), try_dup_flags, WORKED, 0},
};

/* All that the filter lets through or refuses with an error, with some arguments at least. */
static const char *const known[] = {
	"openat", "readlinkat", "newfstatat", "fstat", "lseek", "read", "write", "writev", "poll", "ppoll", "close",
	"bpf",
	"accept4",
	"getsockopt", "sendmsg", "recvfrom", "memfd_create", "fchmod", "fallocate", "fcntl", "eventfd2",
	"epoll_create1", "getrandom", "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "restart_syscall",
	"clock_gettime", "clock_nanosleep", "futex", "brk", "munmap", "mremap", "madvise", "mmap", "mprotect",
	"getpid", "gettid", "getuid", "geteuid", "rt_sigreturn", "rt_sigprocmask", "exit", "exit_group", "unlink",
	"unlinkat",
};

static void each_forbidden_thing_is_refused_by_the_rule_for_it(void **state)
{
	(void)state;
	attempts_check(forbidden, sizeof(forbidden) / sizeof(forbidden[0]), enter_cage, enter_cage);
}

static void no_other_system_call_exists_in_the_cage(void **state)
{
	(void)state;
	other_calls_check(known, sizeof(known) / sizeof(known[0]), enter_cage);
	assert_int_equal(attempt_fate(try_old_interface, enter_cage, NULL), -SIGSYS);
}

/* The functions that the sensor calls while it runs. */

static int complete_identity(void)
{
	static struct process_identity identity;
	static struct process_record record;
	/* Any start time but the right one: /proc is read to find that out, and the answer is no. */
	const struct event_process event = {.header = {.length = sizeof(event)}, .pid = (uint32_t)getpid()};

	if (process_identity_open(&identity, "/proc") != 0 || process_identity_complete(&identity, &event, &record))
		return -1;
	process_identity_close(&identity);
	return 0;
}

static int read_stranger(void)
{
	char target[256], text[256];
	int fd = openat(AT_FDCWD, "/proc/1/cgroup", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text)) < 0 ||
	    readlinkat(AT_FDCWD, "/proc/self/exe", target, sizeof(target)) < 0)
		return -1;
	return close(fd);
}

static int make_ring(void)
{
	static uint64_t counters[SENSOR_COUNTER_COUNT];
	struct shm_record_process_exit *record;
	struct ring_session session;
	struct handoff_offer offer;

	ring_session_init(&session, 65536, counters);
	if (ring_session_open(&session, &offer) != 0)
		return -1;
	record = ring_session_reserve(&session, SHM_RECORD_PROCESS_EXIT, 0, sizeof(*record));
	if (record == NULL)
		return -1;
	ring_session_commit(&session);
	if (!ring_session_end_pass(&session, 0))
		return -1;
	ring_session_reader_gone(&session);
	return 0;
}

static int reread_options(void)
{
	char program[] = "shmotel-sensor", flag[] = "--config";
	char *arguments[] = {program, flag, attempts_file, NULL};
	struct sensor_options options = {.socket_path = NULL};
	int status = sensor_options_reread(&options, 3, arguments);

	sensor_options_free(&options);
	return status == -1 ? 0 : -1;
}

static int turn_away(void)
{
	handoff_on_ready(handoff);
	handoff_close(handoff);
	return 0;
}

static int use_memory(void)
{
	void *large = malloc(64 << 20);
	void *larger = large == NULL ? NULL : realloc(large, 96 << 20);

	free(larger);
	return larger == NULL ? -1 : 0;
}

static void what_the_sensor_does_works(void **state)
{
	static const struct {
		const char *name;
		int (*make)(void);
	} allowed[] = {
		{"the identity of a process", complete_identity},
		{"files of /proc", read_stranger},
		{"a ring for a receiver", make_ring},
		{"memory", use_memory},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int end = attempt_fate(allowed[i].make, enter_cage, NULL);

		if (end != WORKED)
			fail_msg("%s: ended with %d", allowed[i].name, end);
	}
}

static void the_options_are_read_again_without_looking_up_users(void **state)
{
	(void)state;
	attempts_text = "sensor:\n  allow_uid: nobody\n  user: daemon\n  filters:\n    executables:\n"
			"      exclude: [\"ssh*\"]\n";
	assert_int_equal(attempt_fate(reread_options, enter_cage, NULL), WORKED);
	attempts_text = "";
}

static void no_offer_is_asked_for(void *context, enum shm_handoff_status status, uint32_t pid, uint32_t uid)
{
	(void)context;
	(void)status;
	(void)pid;
	(void)uid;
}

static void a_stranger_at_the_door_is_turned_away_and_the_name_stays(void **state)
{
	/* Nobody is allowed but a user that we are not. */
	const struct handoff_handler handler = {.refused = no_offer_is_asked_for};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct shm_handoff answer;
	char message[256];
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(socket_path, sizeof(socket_path), "%s.sock", attempts_file);
	assert_int_equal(handoff_open(&handoff, socket_path, SENSOR_UID, &handler, message, sizeof(message)), 0);
	memcpy(address.sun_path, socket_path, sizeof(socket_path));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(attempt_fate(turn_away, enter_cage, NULL), WORKED);
	assert_int_equal(recv(fd, &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(answer.status, SHM_HANDOFF_REFUSED);
	close(fd);
	assert_int_equal(access(socket_path, F_OK), 0);
	handoff_close(handoff);
}

static int prepare(void **state)
{
	(void)state;
	return attempts_prepare(SENSOR_UID);
}

static int tidy(void **state)
{
	(void)state;
	attempts_tidy();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_forbidden_thing_is_refused_by_the_rule_for_it),
		cmocka_unit_test(no_other_system_call_exists_in_the_cage),
		cmocka_unit_test(what_the_sensor_does_works),
		cmocka_unit_test(the_options_are_read_again_without_looking_up_users),
		cmocka_unit_test(a_stranger_at_the_door_is_turned_away_and_the_name_stays),
	};

	if (geteuid() != 0) {
		puts("skipped: needs root, to have something to give up");
		return 77;
	}
	if (!syscall_filter_is_possible()) {
		puts("skipped: a sanitizer's runtime makes system calls that the cage forbids");
		return 77;
	}
	return cmocka_run_group_tests(tests, prepare, tidy);
}
