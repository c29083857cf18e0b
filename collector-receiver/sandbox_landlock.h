/* Landlock's part of the cage: no file, and no TCP port but those that are needed. */
#ifndef RECEIVER_SANDBOX_LANDLOCK_H
#define RECEIVER_SANDBOX_LANDLOCK_H

#include "sandbox.h"

/* Put on as much as this kernel's Landlock offers, and say what that is. A kernel without Landlock is not an error.
 * Needs no_new_privs. Returns 0 or -errno.
 *
 * Files cannot be opened, made or removed. Connecting to a Unix socket by its path is no access to a file in Landlock's
 * sense; abstract names can be closed off since Linux 6.12. */
int sandbox_landlock_enter(const struct sandbox_needs *needs, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
