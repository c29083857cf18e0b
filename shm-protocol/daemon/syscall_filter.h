/* Describe the system calls that a daemon makes after its start as tables of rules, and forbid all others. */
#ifndef DAEMON_SYSCALL_FILTER_H
#define DAEMON_SYSCALL_FILTER_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One rule: a system call, and conditions on its arguments, all of which must hold. */
struct syscall_rule {
	int call;
	unsigned compared; /* conditions */
	struct scmp_arg_cmp conditions[2];
};

/* The kernel reads these arguments as 32-bit integers: what stands above must not count here either. */
/* clang-format off */
#define ARGUMENT_MASKED(argument, mask, value) {(argument), SCMP_CMP_MASKED_EQ, (mask), (uint32_t)(value)}
#define ARGUMENT_IS(argument, value)           ARGUMENT_MASKED(argument, UINT32_MAX, value)
#define ARGUMENT_LACKS(argument, bits)         ARGUMENT_MASKED(argument, bits, 0)

#define ANY(name) {.call = SCMP_SYS(name)}
#define ONLY(name, argument, value) \
	{.call = SCMP_SYS(name), .compared = 1, .conditions = {ARGUMENT_IS(argument, value)}}
#define WITHOUT(name, argument, bits) \
	{.call = SCMP_SYS(name), .compared = 1, .conditions = {ARGUMENT_LACKS(argument, bits)}}
/* clang-format on */

struct syscall_rules {
	const struct syscall_rule *rules;
	size_t count;
};

#define SYSCALL_RULES(table) {(table), sizeof(table) / sizeof((table)[0])}

enum { SYSCALL_RULES_MAX = 6 };

struct syscall_filter {
	struct syscall_rules allowed[SYSCALL_RULES_MAX]; /* what matches a rule of one of them is let through */
	const int *refused;				 /* fail with EACCES: asking is no crime */
	size_t refused_count;
	bool soft; /* for tests: what is forbidden fails with EPERM instead of ending the process */
	/* For tests: let this call through with any arguments, as if nothing were said of it. What is forbidden then
	 * works or meets the next barrier, which shows that the filter was the one that held. */
	const int *hole;
};

/* Whether a filter can be put on in this build. A sanitizer's runtime traces, forks and opens files: there a cage would
 * only hide what it finds. */
bool syscall_filter_is_possible(void);

/* Put the filter on this thread, which needs no_new_privs. What no table mentions ends the process. 0 or -errno. */
int syscall_filter_load(const struct syscall_filter *filter) __attribute__((warn_unused_result));

#endif
