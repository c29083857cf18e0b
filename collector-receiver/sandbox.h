/* The receiver's cage: first another identity, then, with everything opened, no way to open more. */
#ifndef RECEIVER_SANDBOX_H
#define RECEIVER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Give up identity and capabilities for good. Started as root: become `uid`, with its primary group and no others, and
 * empty the bounding set. Started as anybody else: stay what we are. Either way: no capability in any set that counts,
 * no way to new ones (no_new_privs), not dumpable, no core file, no new process, few descriptors. Returns 0, or -errno
 * with one sentence in `message`; then the process must end. Whatever happens, 0 is only returned to a process that has
 * neither uid 0 nor a capability left. */
int sandbox_drop_identity(uid_t uid, char *message, size_t message_size) __attribute__((warn_unused_result));

enum { SANDBOX_PORTS_MAX = 16 };

/* What the receiver still has to do inside. Unix sockets can always be made and connected. */
struct sandbox_needs {
	bool uring;			       /* io_uring_enter on a ring that exists; never a new ring */
	bool abstract_names;		       /* connect to Unix sockets with abstract names */
	size_t tcp_port_count;		       /* 0: no internet sockets at all */
	uint16_t tcp_ports[SANDBOX_PORTS_MAX]; /* the only ones to connect to, where Landlock knows TCP (Linux 6.7) */
	bool spool; /* read and write at a place in files that are open */
	bool status_socket; /* accept from a Unix socket that listens already */
	bool soft; /* for tests: a forbidden system call fails with EPERM instead of ending the process */
	const int *hole; /* for tests: see daemon/syscall_filter.h */
};

/* Forbid everything else: no file can be opened, nothing executed, no code mapped. Landlock where the kernel has it,
 * then a seccomp filter, which has to work. Returns 0 and says in `message` what is in force, or -errno with one
 * sentence; then the process must end. Call when no thread but this one exists. */
int sandbox_enter(const struct sandbox_needs *needs, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
