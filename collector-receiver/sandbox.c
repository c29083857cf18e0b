/* The receiver's cage: identity, and what seccomp lets through. */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/memfd.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox_landlock.h"

enum {
	/* The loop, the ring, and a socket or file for each of many exporters. */
	DESCRIPTORS_MAX = 128,
};

static int fail(char *message, size_t message_size, const char *what)
{
	int error = errno != 0 ? errno : EPERM;

	snprintf(message, message_size, "%s: %s", what, strerror(error));
	return -error;
}

static int become(uid_t uid, char *message, size_t message_size)
{
	const struct passwd *entry = getpwuid(uid);
	/* A number without an account has a group of the same number, as is usual for nobody. */
	gid_t gid = entry != NULL ? entry->pw_gid : (gid_t)uid;

	if (setgroups(0, NULL) != 0)
		return fail(message, message_size, "the supplementary groups cannot be given up");
	if (setresgid(gid, gid, gid) != 0)
		return fail(message, message_size, "the group cannot be changed");
	if (setresuid(uid, uid, uid) != 0)
		return fail(message, message_size, "the user cannot be changed");
	return 0;
}

static int limit(int resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return -1;
	now.rlim_max = most < now.rlim_max ? most : now.rlim_max;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now);
}

static bool has_capability(void)
{
	return capng_get_caps_process() != 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE ||
	       capng_have_capabilities(CAPNG_SELECT_AMBIENT) != CAPNG_NONE;
}

/* A sanitizer's runtime traces, forks and opens files: there a cage would only hide what it finds. */
static bool built_with_sanitizer(void)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return true;
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#else
	return false;
#endif
}

int sandbox_drop_identity(uid_t uid, char *message, size_t message_size)
{
	bool root = geteuid() == 0;
	int result;

	errno = 0;
	/* The bounding set needs a capability to be emptied, so it goes first; without root there is none to empty it
	 * with, and no_new_privs keeps it from ever counting. */
	capng_clear(CAPNG_SELECT_BOTH);
	if (root && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return fail(message, message_size, "the bounding set of capabilities cannot be emptied");
	if (root && (result = become(uid, message, message_size)) != 0)
		return result;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) != 0)
		return fail(message, message_size, "the capabilities cannot be given up");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return fail(message, message_size, "the process cannot be locked against new privileges");
	if (limit(RLIMIT_CORE, 0) != 0 || limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) != 0)
		return fail(message, message_size, "the resource limits cannot be set");
	if (!built_with_sanitizer() && (limit(RLIMIT_NPROC, 0) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0))
		return fail(message, message_size, "the process cannot be kept from forking and from being looked at");
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0 || has_capability()) {
		snprintf(message, message_size,
			 "root or a capability is left after giving everything up; give --user another user than root");
		return -EPERM;
	}
	return 0;
}

/* One rule: a system call, and a condition on one argument (or none). */
struct rule {
	int call;
	unsigned compared; /* 0: no condition, else 1 */
	struct scmp_arg_cmp condition;
};

#define ANY(name)                                                                                                      \
	{                                                                                                              \
		.call = SCMP_SYS(name)                                                                                 \
	}
/* The kernel reads these arguments as 32-bit integers: what stands above must not count here either. */
#define ONLY(name, argument, value)                                                                                    \
	{                                                                                                              \
		.call = SCMP_SYS(name), .compared = 1, .condition = {                                                  \
			(argument),                                                                                    \
			SCMP_CMP_MASKED_EQ,                                                                            \
			UINT32_MAX,                                                                                    \
			(uint32_t)(value)                                                                              \
		}                                                                                                      \
	}
#define WITHOUT(name, argument, bits)                                                                                  \
	{                                                                                                              \
		.call = SCMP_SYS(name), .compared = 1, .condition = {(argument), SCMP_CMP_MASKED_EQ, (bits), 0 }       \
	}

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

	/* Sockets. Which kinds can be made follows from the needs. No socket is ever bound. */
	ANY(connect),
	ANY(sendto),
	ANY(sendmsg),
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
static const struct rule unix_rules[] = {ONLY(socket, 0, AF_UNIX)};
static const struct rule tcp_rules[] = {ONLY(socket, 0, AF_INET), ONLY(socket, 0, AF_INET6),
					ONLY(setsockopt, 1, 6 /* IPPROTO_TCP */)};

/* The C library may look for a file of its own accord (a time zone, a locale): it is told that there is none. */
static const int refused[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(readlink)};

static int add_rules(scmp_filter_ctx filter, const struct rule *added, size_t count)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++)
		result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, added[i].call, added[i].compared,
						&added[i].condition);
	return result;
}

#define ADD(filter, table) add_rules((filter), (table), sizeof(table) / sizeof((table)[0]))

static int filter_fill(scmp_filter_ctx filter, const struct sandbox_needs *needs)
{
	int result = ADD(filter, rules);

	if (result == 0)
		result = ADD(filter, unix_rules);
	if (result == 0 && needs->uring)
		result = ADD(filter, uring_rules);
	if (result == 0 && needs->tcp_port_count != 0)
		result = ADD(filter, tcp_rules);
	for (size_t i = 0; result == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	return result;
}

static int enter_seccomp(const struct sandbox_needs *needs)
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

int sandbox_enter(const struct sandbox_needs *needs, char *message, size_t message_size)
{
	char landlock[128];
	int result;

	errno = 0;
	if (built_with_sanitizer()) {
		snprintf(message, message_size, "NO CAGE: built with a sanitizer");
		return 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return fail(message, message_size, "the process cannot be locked against new privileges");
	result = sandbox_landlock_enter(needs, landlock, sizeof(landlock));
	if (result != 0) {
		snprintf(message, message_size, "Landlock cannot be put on: %s", strerror(-result));
		return result;
	}
	result = enter_seccomp(needs);
	if (result != 0) {
		snprintf(message, message_size,
			 "the seccomp filter cannot be put on: %s; use a kernel with "
			 "CONFIG_SECCOMP_FILTER",
			 strerror(-result));
		return result;
	}
	snprintf(message, message_size, "seccomp%s, %s", needs->soft ? " (soft)" : "", landlock);
	return 0;
}
