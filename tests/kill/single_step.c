/* Step a child through its instructions with ptrace. */
#include "kill/single_step.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void child_run(void (*action)(void *context), void *context)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(1);
	/* The parent steps from here on. */
	raise(SIGSTOP);
	action(context);
	_exit(0);
}

static enum step_end kill_and_reap(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) == child)
		if (WIFSIGNALED(status))
			return WTERMSIG(status) == SIGKILL ? STEP_KILLED : STEP_FAILED;
	return STEP_FAILED;
}

enum step_end single_step_and_kill(void (*action)(void *context), void *context, uint64_t steps)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return STEP_FAILED;
	if (child == 0)
		child_run(action, context);
	if (waitpid(child, &status, 0) != child)
		return STEP_FAILED;
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
		return STEP_FAILED;
	for (uint64_t i = 0; i < steps; i++) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child)
			return STEP_FAILED;
		if (WIFEXITED(status))
			return WEXITSTATUS(status) == 0 ? STEP_EXITED : STEP_FAILED;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
			kill_and_reap(child);
			return STEP_FAILED;
		}
	}
	return kill_and_reap(child);
}

static void nothing(void *context)
{
	(void)context;
}

bool single_step_is_possible(void)
{
	return single_step_and_kill(nothing, NULL, 1) == STEP_KILLED;
}
