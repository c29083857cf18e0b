/* Where a seccomp filter refuses io_uring, LOOP_AUTO works on epoll and says why; LOOP_URING fails. */
#include <errno.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"

struct refusal {
	const char *call;
	int error;
};

static int refuse(const struct refusal *refusal)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	const int call = seccomp_syscall_resolve_name(refusal->call);

	if (filter == NULL || call < 0)
		return -1;
	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)refusal->error), call, 0) != 0 ||
	    seccomp_load(filter) != 0)
		return -1;
	seccomp_release(filter);
	return 0;
}

static void count_call(void *context, unsigned events)
{
	(void)events;
	++*(int *)context;
}

/* In the child: 0, or the number of the step that went wrong. */
static int auto_falls_back(const struct refusal *refusal)
{
	struct loop *loop;
	int calls = 0;
	struct loop_watch watch = {.events = LOOP_READ, .ready = count_call, .context = &calls};

	if (refuse(refusal) != 0)
		return 1;
	if (loop_create(LOOP_URING) != NULL || errno != refusal->error)
		return 2;
	loop = loop_create(LOOP_AUTO);
	if (loop == NULL)
		return 3;
	if (strcmp(loop_backend_name(loop), "epoll") != 0)
		return 4;
	if (strstr(loop_backend_reason(loop), refusal->call) == NULL ||
	    strstr(loop_backend_reason(loop), strerror(refusal->error)) == NULL)
		return 5;
	watch.fd = eventfd(1, EFD_CLOEXEC);
	if (loop_watch_add(loop, &watch) != 0 || loop_run_once(loop, LOOP_FOREVER) != 1 || calls != 1)
		return 6;
	loop_watch_remove(loop, &watch);
	close(watch.fd);
	loop_destroy(loop);
	return 0;
}

static void auto_falls_back_to_epoll_and_names_the_call_that_was_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"io_uring_setup", EPERM}, {"io_uring_setup", ENOSYS}, {"io_uring_register", EPERM},
		{"io_uring_enter", EPERM}, {"io_uring_setup", ENOMEM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		int status;
		const pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			_exit(auto_falls_back(&refusals[i]));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auto_falls_back_to_epoll_and_names_the_call_that_was_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
