/* Give up every privilege that is not needed once the kernel side is attached. */
#ifndef SENSOR_PRIVILEGES_H
#define SENSOR_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct privileges_options {
	bool change_user; /* go on as the user and group below, with the capabilities that are kept */
	uid_t uid;
	gid_t gid;
};

/* What is needed before privileges_drop and is not there: the sentence that says so is put into `message` and -EPERM is
 * returned. A changed user needs root. 0 if nothing is missing. */
int privileges_check(const struct privileges_options *options, char *message, size_t message_size)
	__attribute__((warn_unused_result));

/* Afterwards the process holds the few capabilities that privileges.c names and no way to others: empty bounding,
 * inheritable and ambient sets, no_new_privs, not dumpable, no core files, no new processes. Without CAP_SETPCAP the
 * bounding set stays as it is; no_new_privs makes it useless. Cannot be undone. Returns 0 and says in `message` as whom
 * and with what the process goes on; on failure -errno, with one sentence in `message`, and the process must end: some
 * of it may have been done. */
int privileges_drop(const struct privileges_options *options, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
