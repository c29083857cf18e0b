/* What the sensor can still do after it has given up its privileges. Needs root; each case runs in its own child. */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "privileges.h"

enum { STRANGER_UID = 65534 };

static const struct privileges_options stay = {0};
static const struct privileges_options move = {.change_user = true, .uid = 65533, .gid = 65533};

/* In the child: exit with the line of the first expectation that fails. */
#define EXPECT(condition)                                                                                              \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			_exit(__LINE__ % 256);                                                                         \
	} while (0)

static int child_status(void (*run)(const struct privileges_options *options, pid_t stranger),
			const struct privileges_options *options, pid_t stranger)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		run(options, stranger);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void drop(const struct privileges_options *options)
{
	char message[256];

	EXPECT(privileges_drop(options, message, sizeof(message)) == 0);
}

static uint64_t status_mask(const char *name)
{
	char line[256];
	uint64_t mask = UINT64_MAX;
	FILE *status = fopen("/proc/self/status", "re");

	EXPECT(status != NULL);
	while (fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			mask = strtoull(line + strlen(name), NULL, 16);
	fclose(status);
	return mask;
}

static void check_sets(const struct privileges_options *options, pid_t stranger)
{
	const uint64_t kept = UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_READ_SEARCH;
	struct rlimit limit;

	(void)stranger;
	drop(options);
	/* Before 5.19, CAP_BPF may stay for the sake of map updates. */
	EXPECT((status_mask("CapEff:\t") & ~(UINT64_C(1) << CAP_BPF)) == kept);
	EXPECT(status_mask("CapPrm:\t") == status_mask("CapEff:\t"));
	EXPECT(status_mask("CapInh:\t") == 0);
	EXPECT(status_mask("CapBnd:\t") == 0);
	EXPECT(status_mask("CapAmb:\t") == 0);
	EXPECT(status_mask("NoNewPrivs:\t") == 1);
	EXPECT(prctl(PR_GET_DUMPABLE) == 0);
	EXPECT(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	EXPECT(geteuid() == (options->change_user ? options->uid : 0));
	EXPECT(!options->change_user || (getegid() == options->gid && getgroups(0, NULL) == 0));
}

static bool environment_is_readable(pid_t pid)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text)) > 0;
}

static bool executable_is_readable(pid_t pid)
{
	char path[64], target[4096];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return readlink(path, target, sizeof(target)) > 0;
}

static void check_reading(const struct privileges_options *options, pid_t stranger)
{
	drop(options);
	EXPECT(environment_is_readable(stranger));
	EXPECT(executable_is_readable(stranger));
}

static void lose(unsigned int capability)
{
	EXPECT(capng_get_caps_process() == 0);
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
	EXPECT(capng_apply(CAPNG_SELECT_CAPS) == 0);
}

static void check_without_ptrace(const struct privileges_options *options, pid_t stranger)
{
	drop(options);
	lose(CAP_SYS_PTRACE);
	EXPECT(!executable_is_readable(stranger));
}

static void check_without_read_search(const struct privileges_options *options, pid_t stranger)
{
	drop(options);
	lose(CAP_DAC_READ_SEARCH);
	EXPECT(executable_is_readable(stranger));
	EXPECT(!environment_is_readable(stranger));
}

static void check_nothing_comes_back(const struct privileges_options *options, pid_t stranger)
{
	(void)stranger;
	drop(options);
	EXPECT(setuid(12345) != 0 || options->change_user);
	EXPECT(kill(1, 0) != 0 || !options->change_user);
	EXPECT(open("/proc/1/mem", O_WRONLY | O_CLOEXEC) < 0 || !options->change_user);
	EXPECT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_PTRACE, 0, 0) != 0);
	/* A program run from here starts with nothing, whoever owns it. */
	execl("/bin/sh", "sh", "-c", "exec grep -q '^CapEff:.0000000000000000$' /proc/self/status", (char *)NULL);
	EXPECT(false);
}

static void check_refusal(const struct privileges_options *options, pid_t stranger)
{
	char message[256];

	(void)stranger;
	EXPECT(setuid(STRANGER_UID) == 0);
	EXPECT(privileges_check(options, message, sizeof(message)) == -EPERM);
	EXPECT(strstr(message, "as root") != NULL);
	EXPECT(privileges_check(&stay, message, sizeof(message)) == 0);
}

static pid_t stranger_start(void)
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		EXPECT(setgid(STRANGER_UID) == 0 && setuid(STRANGER_UID) == 0);
		close(ready[0]);
		dup2(ready[1], STDOUT_FILENO);
		execle("/bin/sh", "sh", "-c", "echo; kill -STOP $$", (char *)NULL, (char *[]){"A=b", NULL});
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void exactly_what_reading_proc_needs_is_kept(void **state)
{
	(void)state;
	assert_int_equal(child_status(check_sets, &stay, 0), 0);
	assert_int_equal(child_status(check_sets, &move, 0), 0);
}

static void the_environment_and_executable_of_another_user_can_still_be_read(void **state)
{
	(void)state;
	pid_t stranger = stranger_start();
	int as_root = child_status(check_reading, &stay, stranger);
	int as_other = child_status(check_reading, &move, stranger);

	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	assert_int_equal(as_root, 0);
	assert_int_equal(as_other, 0);
}

static void each_of_the_capabilities_is_needed(void **state)
{
	(void)state;
	pid_t stranger = stranger_start();
	int without_ptrace = child_status(check_without_ptrace, &move, stranger);
	int without_read_search = child_status(check_without_read_search, &move, stranger);

	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	assert_int_equal(without_ptrace, 0);
	assert_int_equal(without_read_search, 0);
}

static void another_user_than_root_cannot_become_a_third(void **state)
{
	const struct privileges_options same = {.change_user = true, .uid = geteuid(), .gid = getegid()};
	char message[256];

	(void)state;
	assert_int_equal(privileges_check(&same, message, sizeof(message)), 0);
	assert_int_equal(privileges_check(&move, message, sizeof(message)), 0);
	assert_int_equal(child_status(check_refusal, &move, 0), 0);
}

static void no_privilege_comes_back(void **state)
{
	(void)state;
	assert_int_equal(child_status(check_nothing_comes_back, &stay, 0), 0);
	assert_int_equal(child_status(check_nothing_comes_back, &move, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_what_reading_proc_needs_is_kept),
		cmocka_unit_test(the_environment_and_executable_of_another_user_can_still_be_read),
		cmocka_unit_test(each_of_the_capabilities_is_needed),
		cmocka_unit_test(another_user_than_root_cannot_become_a_third),
		cmocka_unit_test(no_privilege_comes_back),
	};

	if (capng_get_caps_process() != 0 || !capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_PTRACE) ||
	    !capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID)) {
		puts("skipped: needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
