/* Run a child for an exact number of machine instructions and then kill it. */
#ifndef TESTS_KILL_SINGLE_STEP_H
#define TESTS_KILL_SINGLE_STEP_H

#include <stdbool.h>
#include <stdint.h>

enum step_end {
	STEP_KILLED, /* by SIGKILL, after the last step */
	STEP_EXITED, /* by itself, with status 0, before it came to that */
	STEP_FAILED, /* it died, or stopped, in another way */
};

/* Fork; let the child run `action` for `steps` instructions; kill it with SIGKILL. The few instructions that lead from
 * the child's start to `action`, and from its end to _exit, count. */
enum step_end single_step_and_kill(void (*action)(void *context), void *context, uint64_t steps);

/* Whether this system lets a process trace its child. */
bool single_step_is_possible(void);

#endif
