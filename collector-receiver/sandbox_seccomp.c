/* Seccomp's part of the cage: every system call that the receiver makes after its start. */
#include "sandbox_seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* One rule: a system call, and conditions on its arguments, all of which must hold. */
struct rule {
	int call;
	unsigned compared; /* conditions */
	struct scmp_arg_cmp conditions[2];
};

/* The kernel reads these arguments as 32-bit integers: what stands above must not count here either. */
/* clang-format off */
#define EQUALS(argument, value) {(argument), SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value)}
#define LACKS(argument, bits)   {(argument), SCMP_CMP_MASKED_EQ, (bits), 0}
#define IS_TYPE(type)           {1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, (type)}

#define ANY(name)                     {.call = SCMP_SYS(name)}
#define ONLY(name, argument, value)   {.call = SCMP_SYS(name), .compared = 1, .conditions = {EQUALS(argument, value)}}
#define WITHOUT(name, argument, bits) {.call = SCMP_SYS(name), .compared = 1, .conditions = {LACKS(argument, bits)}}
#define SOCKET(family, type) \
	{.call = SCMP_SYS(socket), .compared = 2, .conditions = {EQUALS(0, family), IS_TYPE(type)}}
/* clang-format on */

/* SOCK_CLOEXEC and SOCK_NONBLOCK stand above the type. */
#define SOCKET_TYPE_MASK (UINT32_MAX & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))

static const struct rule rules[] = {
	/* What is open already. newfstatat is glibc's fstat: it gets a descriptor and an empty path. */
	ANY(read),
	ANY(write),
	ANY(readv),
	ANY(writev),
	ANY(close),
	ANY(fstat),
	ANY(lseek),
	ANY(fdatasync),
	ANY(fsync),
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
	ANY(futex),

	/* Memory, never executable. */
	ANY(brk),
	ANY(munmap),
	ANY(madvise),
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

static const struct rule uring_rules[] = {ANY(io_uring_enter)};
static const struct rule tcp_rules[] = {SOCKET(AF_INET, SOCK_STREAM), SOCKET(AF_INET6, SOCK_STREAM),
					ONLY(setsockopt, 1, IPPROTO_TCP)};

/* The C library may look for a file of its own accord (a time zone, a locale): it is told that there is none. */
static const int refused[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(readlink)};

static int add_rules(scmp_filter_ctx filter, const struct rule *added, size_t count)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++)
		result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, added[i].call, added[i].compared,
						added[i].conditions);
	return result;
}

#define ADD(filter, table) add_rules((filter), (table), sizeof(table) / sizeof((table)[0]))

static int filter_fill(scmp_filter_ctx filter, const struct sandbox_needs *needs)
{
	int result = ADD(filter, rules);

	if (result == 0 && needs->uring)
		result = ADD(filter, uring_rules);
	if (result == 0 && needs->tcp_port_count != 0)
		result = ADD(filter, tcp_rules);
	for (size_t i = 0; result == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	return result;
}

int sandbox_seccomp_enter(const struct sandbox_needs *needs)
{
	scmp_filter_ctx filter = seccomp_init(needs->soft ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	int result = filter == NULL ? -ENOMEM : filter_fill(filter, needs);

	/* A binary search instead of a list: the filter runs on every system call. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}
