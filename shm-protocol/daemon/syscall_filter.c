/* Turn tables of system calls into a seccomp filter. */
#include "daemon/syscall_filter.h"

#include <errno.h>

bool syscall_filter_is_possible(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#elif defined(__has_feature)
	return !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
	return true;
#endif
}

static bool is_hole(const struct syscall_filter *filter, int call)
{
	return filter->hole != NULL && *filter->hole == call;
}

static int allow(scmp_filter_ctx context, const struct syscall_filter *filter, const struct syscall_rules *list)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < list->count; i++) {
		const struct syscall_rule *rule = &list->rules[i];

		if (!is_hole(filter, rule->call))
			result = seccomp_rule_add_array(context, SCMP_ACT_ALLOW, rule->call, rule->compared,
							rule->conditions);
	}
	return result;
}

static int fill(scmp_filter_ctx context, const struct syscall_filter *filter)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < SYSCALL_RULES_MAX; i++)
		result = allow(context, filter, &filter->allowed[i]);
	for (size_t i = 0; result == 0 && i < filter->refused_count; i++)
		if (!is_hole(filter, filter->refused[i]))
			result = seccomp_rule_add(context, SCMP_ACT_ERRNO(EACCES), filter->refused[i], 0);
	if (result == 0 && filter->hole != NULL)
		result = seccomp_rule_add(context, SCMP_ACT_ALLOW, *filter->hole, 0);
	return result;
}

int syscall_filter_load(const struct syscall_filter *filter)
{
	scmp_filter_ctx context = seccomp_init(filter->soft ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	int result = context == NULL ? -ENOMEM : fill(context, filter);

	/* A binary search instead of a list: the filter runs on every system call. */
	if (result == 0)
		result = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result == 0)
		result = seccomp_load(context);
	seccomp_release(context);
	return result;
}
