/* Forbid every system call that the sensor does not make once it is attached. */
#ifndef SENSOR_CAGE_H
#define SENSOR_CAGE_H

#include <stdbool.h>
#include <stddef.h>

struct cage_options {
	bool soft;	 /* for tests: see daemon/syscall_filter.h */
	const int *hole; /* for tests: likewise */
};

/* Put the filter on. Afterwards the process can read files and make rings for receivers, but it cannot write or make a
 * file, execute, trace, make a socket, map code, or load a BPF program. Needs no_new_privs; call when no thread but
 * this one exists. Returns 0 and says in `message` what is in force, or -errno with one sentence; then the process
 * must end. */
int cage_enter(const struct cage_options *options, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
