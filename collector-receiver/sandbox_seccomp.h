/* Seccomp's part of the cage: every system call that the receiver makes after its start. */
#ifndef RECEIVER_SANDBOX_SECCOMP_H
#define RECEIVER_SANDBOX_SECCOMP_H

#include "sandbox.h"

/* Put the filter on this thread. Whatever is not listed ends the process (fails with EPERM if needs->soft). Needs
 * no_new_privs. Returns 0 or -errno. */
int sandbox_seccomp_enter(const struct sandbox_needs *needs) __attribute__((warn_unused_result));

#endif
