/* The system calls that the sensor makes once it is attached.
 *
 * Landlock is left out on purpose: whoever is in a Landlock domain may not trace what is outside of it, and to the
 * kernel reading another process's /proc/PID/exe and environ is tracing (docs/adr/0007). */
#include "cage.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "daemon/syscall_filter.h"

/* Opening to read changes nothing. O_TMPFILE comes with an access mode that writes. */
#define OPEN_TO_CHANGE (O_ACCMODE | O_CREAT | O_TRUNC)

static const struct syscall_rule rules[] = {
	/* /proc of every process, and the configuration file when it is read again. */
	WITHOUT(openat, 2, OPEN_TO_CHANGE),
	ANY(readlinkat),
	ANY(newfstatat),
	ANY(fstat),
	ANY(lseek),

	/* What is open already: signals, iterators, the doorbell, the log. */
	ANY(read),
	ANY(write),
	ANY(writev),
	ANY(poll),
	ANY(ppoll),
	ANY(close),

	/* The loaded programs: verdicts, counters, and iterators made of programs that are here. No command that makes
	 * a program or a map, or that finds those of others. */
	ONLY(bpf, 0, BPF_MAP_LOOKUP_ELEM),
	ONLY(bpf, 0, BPF_MAP_UPDATE_ELEM),
	ONLY(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
	ONLY(bpf, 0, BPF_LINK_CREATE),
	ONLY(bpf, 0, BPF_ITER_CREATE),

	/* A receiver at the door. */
	ANY(accept4),
	ONLY(getsockopt, 1, SOL_SOCKET),
	WITHOUT(sendmsg, 2, MSG_FASTOPEN),
	ANY(recvfrom),

	/* Its ring: two memfds, of which only the owner may open the one again and nobody may write the other. */
	ANY(memfd_create),
	ONLY(fchmod, 1, 0400),
	ONLY(fchmod, 1, 0600),
	ONLY(fallocate, 1, 0),
	ONLY(fcntl, 1, F_ADD_SEALS),
	ANY(eventfd2),
	ANY(epoll_create1),
	ANY(getrandom),

	/* Waiting. */
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(epoll_pwait2),
	ANY(epoll_ctl),
	ANY(restart_syscall),
	ANY(clock_gettime),
	ANY(clock_nanosleep),
	ONLY(futex, 1, FUTEX_WAIT_PRIVATE),
	ONLY(futex, 1, FUTEX_WAKE_PRIVATE),

	/* Memory, never executable. */
	ANY(brk),
	ANY(munmap),
	ANY(mremap),
	ONLY(madvise, 2, MADV_DONTNEED),
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

/* The name of the socket stays behind at the end: who could remove it could remove any file of this user's. The next
 * start makes way for itself. */
static const int refused[] = {SCMP_SYS(unlink), SCMP_SYS(unlinkat)};

int cage_enter(const struct cage_options *options, char *message, size_t message_size)
{
	const struct syscall_filter filter = {
		.allowed = {SYSCALL_RULES(rules)},
		.refused = refused,
		.refused_count = sizeof(refused) / sizeof(refused[0]),
		.soft = options->soft,
		.hole = options->hole,
	};
	int error;

	if (!syscall_filter_is_possible()) {
		snprintf(message, message_size, "NO CAGE: built with a sanitizer");
		return 0;
	}
	error = syscall_filter_load(&filter);
	if (error != 0)
		snprintf(message, message_size,
			 "the seccomp filter cannot be put on: %s; use a kernel with CONFIG_SECCOMP_FILTER",
			 strerror(-error));
	else
		snprintf(message, message_size, "seccomp%s", options->soft ? " (soft)" : "");
	return error;
}
