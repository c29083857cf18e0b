/* The receiver's cage: the identity, and the way in. */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/syscall_filter.h"
#include "sandbox_landlock.h"
#include "sandbox_seccomp.h"

#ifndef __has_feature /* gcc has the macros instead */
#define __has_feature(name) 0
#endif

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
	if (syscall_filter_is_possible() &&
	    (limit(RLIMIT_NPROC, 0) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0))
		return fail(message, message_size, "the process cannot be kept from forking and from being looked at");
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0 || has_capability()) {
		snprintf(message, message_size,
			 "root or a capability is left after giving everything up; give --user another user than root");
		return -EPERM;
	}
	return 0;
}

int sandbox_enter(const struct sandbox_needs *needs, char *message, size_t message_size)
{
	char landlock[128];
	int result;

	errno = 0;
	if (!syscall_filter_is_possible()) {
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
	result = sandbox_seccomp_enter(needs);
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
