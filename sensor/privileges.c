/* Give up every privilege that is not needed once the kernel side is attached. */
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/syscall_filter.h"

/* What is kept, why, and what is not seen without it: a site may start the sensor with less. */
static const struct {
	unsigned int capability;
	const char *name;
	const char *unseen;
} kept[] = {
	/* The target of /proc/PID/exe and the contents of /proc/PID/environ are given to those who may trace the
	 * process. */
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "executables and environments of other users' processes"},
	/* /proc/PID/environ is mode 0400 and owned by the user of the process. */
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "environments of other users' processes"},
};
enum { KEPT_COUNT = sizeof(kept) / sizeof(kept[0]) };

static int failed(char *message, size_t message_size, const char *step)
{
	int error = errno != 0 ? errno : EPERM;

	snprintf(message, message_size, "cannot give up privileges: %s: %s", step, strerror(error));
	return -error;
}

/* Until Linux 5.19, kernel.unprivileged_bpf_disabled closed the whole system call to those without CAP_BPF, map updates
 * through an open descriptor included. No map has the descriptor -1, so a kernel that gets that far says EBADF. */
static bool bpf_call_is_open(void)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (uint32_t)-1;
	(void)syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attributes, sizeof(attributes));
	return errno != EPERM;
}

/* Whether verdicts can be written without CAP_BPF: tried out, because the setting can differ from the version. */
static int bpf_capability_probe(bool *needed)
{
	if (capng_get_caps_process() != 0)
		return -1;
	capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_BPF, CAP_SYS_ADMIN, -1);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -1;
	*needed = !bpf_call_is_open();
	return 0;
}

static int capabilities_drop(const struct privileges_options *options, bool keep_bpf)
{
	/* Without CAP_SETPCAP the bounding set stays, and is of no use to anybody once no_new_privs is set. */
	bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	unsigned int keep[KEPT_COUNT + 1];
	size_t count = 0;

	for (size_t i = 0; i < KEPT_COUNT; i++)
		if (capng_have_capability(CAPNG_PERMITTED, kept[i].capability))
			keep[count++] = kept[i].capability;
	if (keep_bpf && capng_have_capability(CAPNG_PERMITTED, CAP_BPF))
		keep[count++] = CAP_BPF;
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < count; i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, keep[i]);
	if (options->change_user)
		return capng_change_id((int)options->uid, (int)options->gid,
				       CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_AMBIENT |
					       (bounding ? CAPNG_CLEAR_BOUNDING : 0));
	return capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
}

/* Core files would hold what strangers sent; new processes are not needed. Root is above the second limit, and seccomp
 * forbids both anyway. */
static int limits_set(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return -1;
	return syscall_filter_is_possible() ? setrlimit(RLIMIT_NPROC, &none) : 0;
}

static void summary_write(char *message, size_t message_size)
{
	const char *separator = " with ";
	size_t used = (size_t)snprintf(message, message_size, "uid %u%s", geteuid(),
				       geteuid() == 0 ? " (which owns root's files even so; a user shmotel-sensor, or "
							"--user, avoids that)"
						      : "");

	for (size_t i = 0; i < KEPT_COUNT && used < message_size; i++, separator = ", ") {
		bool there = capng_have_capability(CAPNG_EFFECTIVE, kept[i].capability);

		used += (size_t)snprintf(message + used, message_size - used, there ? "%s%s" : "%sno %s (unseen: %s)",
					 separator, kept[i].name, kept[i].unseen);
	}
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) && used < message_size)
		snprintf(message + used, message_size - used, ", CAP_BPF (this kernel updates no map without)");
}

int privileges_check(const struct privileges_options *options, char *message, size_t message_size)
{
	if (!options->change_user || geteuid() == 0 || options->uid == geteuid())
		return 0;
	snprintf(message, message_size,
		 "only root can become another user: start the sensor as root, or as uid %u, or without --user",
		 options->uid);
	return -EPERM;
}

int privileges_drop(const struct privileges_options *options, char *message, size_t message_size)
{
	struct privileges_options target = *options;
	bool keep_bpf;

	target.change_user = target.change_user && target.uid != geteuid();
	errno = 0;
	if (bpf_capability_probe(&keep_bpf) != 0)
		return failed(message, message_size, "reading the capabilities of this process");
	if (capabilities_drop(&target, keep_bpf) != 0)
		return failed(message, message_size, "setting capabilities, bounding set and user");
	if (limits_set() != 0)
		return failed(message, message_size, "setrlimit");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed(message, message_size, "prctl PR_SET_NO_NEW_PRIVS");
	/* After any change of user, which sets this anew. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return failed(message, message_size, "prctl PR_SET_DUMPABLE");
	/* What is there, not what was asked for. */
	if (capng_get_caps_process() != 0)
		return failed(message, message_size, "reading what is left");
	summary_write(message, message_size);
	return 0;
}
