/* Seccomp's part of the cage: every system call that the receiver makes after its start. */
#include "sandbox_seccomp.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "daemon/syscall_filter.h"

/* SOCK_CLOEXEC and SOCK_NONBLOCK stand above the type. */
#define SOCKET_TYPE_MASK (UINT32_MAX & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))

/* clang-format off */
#define SOCKET(family, type) \
	{.call = SCMP_SYS(socket), .compared = 2, \
	 .conditions = {ARGUMENT_IS(0, family), ARGUMENT_MASKED(1, SOCKET_TYPE_MASK, type)}}
/* clang-format on */

static const struct syscall_rule rules[] = {
	/* What is open already. newfstatat is glibc's fstat: it gets a descriptor and an empty path. */
	ANY(read),
	ANY(write),
	ANY(readv),
	ANY(writev),
	ANY(close),
	ANY(fstat),
	ANY(lseek),
	ONLY(newfstatat, 3, AT_EMPTY_PATH),
	ONLY(fcntl, 1, F_GETFL),
	ONLY(fcntl, 1, F_SETFL),
	ONLY(fcntl, 1, F_GETFD),
	ONLY(fcntl, 1, F_SETFD),
	ONLY(fcntl, 1, F_GET_SEALS),
	ONLY(ioctl, 1, TCGETS),
	ONLY(ioctl, 1, TIOCGWINSZ),

	/* Streams to a local peer, never bound. MSG_FASTOPEN would be a way around connect. */
	SOCKET(AF_UNIX, SOCK_STREAM),
	SOCKET(AF_UNIX, SOCK_SEQPACKET),
	ANY(connect),
	WITHOUT(sendto, 3, MSG_FASTOPEN),
	WITHOUT(sendmsg, 2, MSG_FASTOPEN),
	ANY(recvfrom),
	ANY(recvmsg),
	ANY(shutdown),
	ANY(getsockname),
	ANY(getpeername),
	ONLY(getsockopt, 1, SOL_SOCKET),
	ONLY(setsockopt, 1, SOL_SOCKET),

	/* Waiting. */
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(epoll_pwait2),
	ANY(epoll_ctl),
	ANY(poll),
	ANY(ppoll),
	ANY(restart_syscall),
	ANY(clock_gettime),
	ANY(clock_nanosleep),
	ANY(gettimeofday),
	ONLY(futex, 1, FUTEX_WAIT_PRIVATE),
	ONLY(futex, 1, FUTEX_WAKE_PRIVATE),

	/* Memory, never executable. */
	ANY(brk),
	ANY(munmap),
	ONLY(madvise, 2, MADV_DONTNEED),
	ANY(mremap),
	ANY(getrandom),
	WITHOUT(mmap, 2, PROT_EXEC),
	WITHOUT(mprotect, 2, PROT_EXEC),

	/* Ourselves. */
	ANY(getpid),
	ANY(gettid),
	ANY(getuid),
	ANY(geteuid),
	ANY(rt_sigreturn),
	ANY(rt_sigprocmask),
	ANY(exit),
	ANY(exit_group),
};

static const struct syscall_rule uring_rules[] = {ANY(io_uring_enter)};
static const struct syscall_rule tcp_rules[] = {SOCKET(AF_INET, SOCK_STREAM), SOCKET(AF_INET6, SOCK_STREAM),
					ONLY(setsockopt, 1, IPPROTO_TCP)};

static const struct syscall_rule spool_rules[] = {ANY(pread64), ANY(pwrite64), ANY(fdatasync)};
/* The one socket that listens; none other can be made to. */
static const struct syscall_rule status_rules[] = {ANY(accept4)};

/* The C library may look for a file of its own accord (a time zone, a locale): it is told that there is none. */
static const int refused[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(readlink)};

int sandbox_seccomp_enter(const struct sandbox_needs *needs)
{
	struct syscall_filter filter = {
		.allowed = {SYSCALL_RULES(rules)},
		.refused = refused,
		.refused_count = sizeof(refused) / sizeof(refused[0]),
		.soft = needs->soft,
		.hole = needs->hole,
	};

	if (needs->uring)
		filter.allowed[1] = (struct syscall_rules)SYSCALL_RULES(uring_rules);
	if (needs->tcp_port_count != 0)
		filter.allowed[2] = (struct syscall_rules)SYSCALL_RULES(tcp_rules);
	if (needs->spool)
		filter.allowed[3] = (struct syscall_rules)SYSCALL_RULES(spool_rules);
	if (needs->status_socket)
		filter.allowed[4] = (struct syscall_rules)SYSCALL_RULES(status_rules);
	return syscall_filter_load(&filter);
}
