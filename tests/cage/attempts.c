/* Try forbidden things, each in a child of its own. */
#include "attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/futex.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PAGE = 4096,
	SOMEBODY = 1, /* a process of another user */
	CALLS_MAX = 512,    /* numbers above have no meaning yet */
	PATIENCE_SECONDS = 20, /* for a call that should have been refused and waits instead */
};

char attempts_file[64];
const char *attempts_text = "";
static char directory[] = "/tmp/cage_test.XXXXXX";
static char other_name[80];
static uid_t owner;

int attempts_prepare(uid_t uid)
{
	if (mkdtemp(directory) == NULL || chown(directory, uid, uid) != 0)
		return -1;
	owner = uid;
	snprintf(attempts_file, sizeof(attempts_file), "%s/file", directory);
	snprintf(other_name, sizeof(other_name), "%s/other", directory);
	return 0;
}

void attempts_tidy(void)
{
	unlink(attempts_file);
	unlink(other_name);
	rmdir(directory);
}

static void file_make(void)
{
	int fd = open(attempts_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, attempts_text, strlen(attempts_text)), strlen(attempts_text));
	assert_int_equal(fchown(fd, owner, owner), 0);
	close(fd);
	unlink(other_name);
}

int attempt_fate(int (*make)(void), cage_enter_fn *enter, const int *hole)
{
	int status;

	file_make();
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		alarm(PATIENCE_SECONDS); /* the cage lets nobody set one */
		enter(hole);
		_exit(make() >= 0 ? WORKED : errno);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void attempts_check(const struct attempt *attempts, size_t count, cage_enter_fn *whole, cage_enter_fn *filter_only)
{
	for (size_t i = 0; i < count; i++) {
		const struct attempt *a = &attempts[i];
		int end = attempt_fate(a->make, whole, NULL);

		if (end != (a->refused != 0 ? a->refused : -SIGSYS))
			fail_msg("%s: ended with %d in the cage", a->name, end);
		end = attempt_fate(a->make, filter_only, &a->call);
		if (end == -SIGSYS || end == NO_CAGE || (a->behind != WHATEVER && end != a->behind))
			fail_msg("%s: ended with %d where the rule of %s is left out", a->name, end,
				 seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, a->call));
	}
}

static int call_number;

static int make_call(void)
{
	return (int)syscall(call_number, -1L, -1L, -1L, -1L, -1L, -1L);
}

/* Newer kernels let uretprobe and uprobe pass every seccomp filter: outside of a probe's own trampoline they do
 * nothing but fail. */
static bool passes_every_filter(int number)
{
#ifdef __x86_64__
	return number == 335 || number == 336;
#else
	return number < 0;
#endif
}

void other_calls_check(const char *const *names, size_t count, cage_enter_fn *whole)
{
	bool named[CALLS_MAX] = {false};

	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		/* Negative: this architecture does without. */
		if (number >= 0 && number < CALLS_MAX)
			named[number] = true;
	}
	for (call_number = 0; call_number < CALLS_MAX; call_number++) {
		int end = named[call_number] || passes_every_filter(call_number)
				  ? -SIGSYS
				  : attempt_fate(make_call, whole, NULL);

		if (end != -SIGSYS)
			fail_msg("system call %d ended with %d", call_number, end);
	}
}

int try_socket_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

int try_socket_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

int try_socket_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int try_socket_tcp(void)
{
	return socket(AF_INET6, SOCK_STREAM, 0);
}

int try_socket_unix_stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

int try_socket_unix_datagram(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

int try_socket_wide_family(void)
{
	/* The kernel looks at 32 bits: this is AF_NETLINK to it, and must not pass for something else. */
	return (int)syscall(SYS_socket, 0x100000000ul | AF_NETLINK, SOCK_RAW, 0);
}

/* The descriptor need not be a socket: the kernel gets as far as to say so. */
int try_bind(void)
{
	struct sockaddr_un mine = {.sun_family = AF_UNIX, .sun_path = "\0cage_test"};

	return bind(STDERR_FILENO, (struct sockaddr *)&mine, sizeof(mine));
}

int try_listen(void)
{
	return listen(STDERR_FILENO, 1);
}

int try_execve(void)
{
	return execl("/nonexistent", "nonexistent", (char *)NULL);
}

int try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return (int)pid;
}

int try_vfork(void)
{
	struct clone_args_fork {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} arguments = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (pid == 0)
		_exit(0);
	return (int)pid;
}

int try_thread(void)
{
	return (int)syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND, 0, 0, 0, 0);
}

int try_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

int try_read_other_memory(void)
{
	char byte;
	struct iovec to = {&byte, 1}, from = {directory, 1};

	return (int)process_vm_readv(SOMEBODY, &to, 1, &from, 1, 0);
}

/* Signal 0 asks whether one could. */
int try_kill_other(void)
{
	return kill(SOMEBODY, 0);
}

int try_kill_self(void)
{
	return (int)syscall(SYS_tgkill, getpid(), gettid(), 0);
}

int try_map_executable(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

int try_protect_executable(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, PAGE, PROT_READ | PROT_EXEC);
}

int try_protect_key_executable(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return (int)syscall(SYS_pkey_mprotect, page, PAGE, PROT_READ | PROT_EXEC, -1);
}

int try_remove_pages(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return madvise(page, PAGE, MADV_REMOVE);
}

int try_futex_requeue(void)
{
	static uint32_t word, other;

	return (int)syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, &other, 0);
}

int try_new_ring(void)
{
	char parameters[256] = {0};

	return (int)syscall(SYS_io_uring_setup, 1, parameters);
}

int try_bpf_load(void)
{
	const struct bpf_insn leave[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_KPROBE;
	attributes.insns = (uintptr_t)leave;
	attributes.insn_cnt = 2;
	attributes.license = (uintptr_t) "GPL";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

int try_perf_event(void)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes)};

	return (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, 0);
}

int try_setuid(void)
{
	return setuid(0);
}

int try_capset(void)
{
	return (int)syscall(SYS_capset, NULL, NULL);
}

int try_prctl_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

int try_raise_limit(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};

	return setrlimit(RLIMIT_CORE, &limit);
}

int try_mount(void)
{
	return (int)syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

int try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

int try_chroot(void)
{
	return chroot("/proc");
}

int try_memfd(void)
{
	return (int)syscall(SYS_memfd_create, "x", 0);
}

int try_open_write(void)
{
	return open(attempts_file, O_WRONLY | O_CLOEXEC);
}

int try_open_create(void)
{
	return open(other_name, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

int try_open_unnamed(void)
{
	return open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

int try_open_read(void)
{
	return open(attempts_file, O_RDONLY | O_CLOEXEC);
}

int try_open_by_handle(void)
{
	return (int)syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY);
}

int try_stat(void)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, attempts_file, (char[256]){0}, 0);
}

int try_unlink(void)
{
	return unlink(attempts_file);
}

int try_rename(void)
{
	return rename(attempts_file, other_name);
}

int try_link(void)
{
	return link(attempts_file, other_name);
}

int try_chmod(void)
{
	return chmod(attempts_file, 0600);
}

int try_fchmod_setuid(void)
{
	return fchmod(open(attempts_file, O_RDONLY | O_CLOEXEC), 04755);
}

int try_truncate(void)
{
	return truncate(attempts_file, 0);
}

int try_ioctl(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

int try_dup_flags(void)
{
	return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
}

/* The same numbers mean other calls to the 32-bit interface: 20 is getpid there, writev in the other. */
int try_old_interface(void)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
#else
	raise(SIGSYS);
	return 0;
#endif
}
