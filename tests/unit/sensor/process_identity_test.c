/* Process records from trees in the form of /proc, and from live processes. */
#define _GNU_SOURCE
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "process_identity.h"
#include "shm_protocol/record_check.h"

enum { PID = 1234, START_TICKS = 5678 };

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char root[] = "/tmp/process_identity_test.XXXXXX";
static struct process_identity identity;
static struct process_record record;
static struct shm_record_view view;

static struct event_process event_make(void)
{
	struct event_process event = {
		.header = {.length = sizeof(event), .type = EVENT_PROCESS},
		.process_id = 42,
		.start_boot_ns = (uint64_t)START_TICKS * identity.tick_ns + identity.tick_ns / 2,
		.pid = PID,
		.parent_pid = 1,
		.uid = 1000,
		.namespace_pid = 7,
		.pid_namespace = 4026531836,
		.net_namespace = 4026531840,
		.command = "from-event",
		.file_name = "server",
		.argument_bytes = 10,
		.arguments = "server\0-e\0",
	};

	return event;
}

static void path_make(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%d/%s", root, PID, name);
}

static void file_write(const char *name, const char *bytes, size_t length)
{
	char path[256];

	path_make(path, sizeof(path), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

#define FILE_WRITE(name, literal) file_write(name, literal, sizeof(literal) - 1)

static void link_write(const char *target)
{
	char path[256];

	path_make(path, sizeof(path), "exe");
	(void)unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void stat_write(const char *command, uint64_t ticks)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
			      "%d (%s) S 1 %d %d 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %llu 1000 200 1844674407370",
			      PID, command, PID, PID, (unsigned long long)ticks);

	file_write("stat", text, (size_t)length);
}

static int setup(void **state)
{
	char path[256];

	(void)state;
	strcpy(root + sizeof(root) - 7, "XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/%d", root, PID);
	assert_int_equal(mkdir(path, 0700), 0);
	stat_write("server", START_TICKS);
	FILE_WRITE("comm", "worker\n");
	FILE_WRITE("cmdline", "/opt/server\0--port\0008080\0");
	FILE_WRITE("cgroup", "0::/docker/" CONTAINER "\n");
	FILE_WRITE("environ", "PATH=/bin\0OTEL_SERVICE_NAME=shop\0HOME=/\0OTEL_RESOURCE_ATTRIBUTES=a=b,c=d\0");
	link_write("/opt/server");
	return process_identity_open(&identity, root);
}

static int teardown(void **state)
{
	static const char *const names[] = {"stat", "comm", "cmdline", "cgroup", "environ", "exe"};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_make(path, sizeof(path), names[i]);
		(void)unlink(path);
	}
	snprintf(path, sizeof(path), "%s/%d", root, PID);
	(void)rmdir(path);
	(void)rmdir(root);
	process_identity_close(&identity);
	return 0;
}

/* Complete the event and check the record as a receiver would. */
static bool complete(const struct event_process *event)
{
	memset(&record, 0xee, sizeof(record));
	bool result = process_identity_complete(&identity, event, &record);

	assert_int_equal(shm_record_check(record.bytes, record.fixed.header.length, &view), SHM_CHECK_OK);
	assert_int_equal(record.fixed.header.type, SHM_RECORD_PROCESS);
	return result;
}

static bool complete_default(void)
{
	const struct event_process event = event_make();

	return complete(&event);
}

static void assert_string(struct shm_string string, const char *expected, size_t length)
{
	assert_int_equal(string.length, length);
	assert_memory_equal(string.bytes, expected, length);
}

#define ASSERT_STRING(string, literal) assert_string(string, literal, sizeof(literal) - 1)

static void a_process_is_described_by_its_files(void **state)
{
	(void)state;
	assert_true(complete_default());
	assert_int_equal(record.fixed.process_id, 42);
	assert_int_equal(record.fixed.pid, PID);
	assert_int_equal(record.fixed.parent_pid, 1);
	assert_int_equal(record.fixed.uid, 1000);
	assert_int_equal(record.fixed.namespace_pid, 7);
	assert_int_equal(record.fixed.pid_namespace, 4026531836);
	assert_int_equal(record.fixed.net_namespace, 4026531840);
	ASSERT_STRING(view.process.command, "worker");
	ASSERT_STRING(view.process.executable, "/opt/server");
	ASSERT_STRING(view.process.command_line, "/opt/server\0--port\0008080");
	ASSERT_STRING(view.process.cgroup, "/docker/" CONTAINER);
	ASSERT_STRING(view.process.container_id, CONTAINER);
	ASSERT_STRING(view.process.pod_uid, "");
	ASSERT_STRING(view.process.service_name, "shop");
	ASSERT_STRING(view.process.resource_attributes, "a=b,c=d");
}

static void the_bytes_behind_the_last_string_are_zero(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 8; length++) {
		file_write("cmdline", "12345678", length);
		assert_true(complete_default());
		size_t used = (size_t)(view.process.resource_attributes.bytes - (const char *)record.bytes) +
			      view.process.resource_attributes.length;

		assert_true(record.fixed.header.length - used < 8);
		for (size_t i = used; i < record.fixed.header.length; i++)
			assert_int_equal(record.bytes[i], 0);
	}
}

static void a_pid_that_was_given_to_another_process_is_not_believed(void **state)
{
	(void)state;
	static const int64_t distances[] = {-START_TICKS, -1, 1, 100000};

	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		stat_write("server", (uint64_t)(START_TICKS + distances[i]));
		assert_false(complete_default());
		ASSERT_STRING(view.process.command, "from-event");
		ASSERT_STRING(view.process.executable, "server");
		ASSERT_STRING(view.process.command_line, "server\0-e");
		ASSERT_STRING(view.process.container_id, "");
		ASSERT_STRING(view.process.service_name, "");
	}
}

static void a_process_that_is_gone_keeps_what_the_event_says(void **state)
{
	(void)state;
	struct event_process event = event_make();

	event.pid = PID + 1;
	assert_false(complete(&event));
	ASSERT_STRING(view.process.executable, "server");
	ASSERT_STRING(view.process.command_line, "server\0-e");
}

static void environment_set(struct event_process *event, const char *bytes, size_t length)
{
	memcpy(event->environment, bytes, length);
	event->environment_bytes = (uint32_t)length;
}

static void a_process_that_is_gone_keeps_the_variables_that_the_event_holds(void **state)
{
	(void)state;
	static const char environment[] = "PATH=/bin\0OTEL_SERVICE_NAME=shop\0SECRET=x\0OTEL_RESOURCE_ATTRIBUTES=a=b";
	struct event_process event = event_make();

	environment_set(&event, environment, sizeof(environment));
	event.pid = PID + 1;
	assert_false(complete(&event));
	ASSERT_STRING(view.process.service_name, "shop");
	ASSERT_STRING(view.process.resource_attributes, "a=b");
}

static void a_variable_that_the_end_of_the_event_has_cut_is_not_taken(void **state)
{
	(void)state;
	static const char entry[] = "OTEL_SERVICE_NAME=sho";
	struct event_process event = event_make();

	memset(event.environment, 'x', sizeof(event.environment));
	event.environment[sizeof(event.environment) - sizeof(entry)] = '\0';
	memcpy(event.environment + sizeof(event.environment) - sizeof(entry) + 1, entry, sizeof(entry) - 1);
	event.environment_bytes = sizeof(event.environment);
	event.pid = PID + 1;
	assert_false(complete(&event));
	ASSERT_STRING(view.process.service_name, "");
}

static void an_environment_larger_than_the_event_is_searched_in_proc(void **state)
{
	(void)state;
	struct event_process event = event_make();

	FILE_WRITE("environ", "OTEL_SERVICE_NAME=from-proc\0");
	memset(event.environment, 'x', sizeof(event.environment));
	memcpy(event.environment, "OTEL_SERVICE_NAME=from-event", sizeof("OTEL_SERVICE_NAME=from-event"));
	event.environment_bytes = sizeof(event.environment);
	assert_true(complete(&event));
	ASSERT_STRING(view.process.service_name, "from-proc");
}

static void after_execve_the_program_is_the_events_and_the_container_stays(void **state)
{
	(void)state;
	link_write("/usr/bin/curl");
	assert_false(complete_default());
	ASSERT_STRING(view.process.executable, "server");
	ASSERT_STRING(view.process.command_line, "server\0-e");
	ASSERT_STRING(view.process.service_name, "");
	ASSERT_STRING(view.process.container_id, CONTAINER);
}

static void the_start_time_is_found_behind_any_command(void **state)
{
	(void)state;
	static const char *const commands[] = {"a b", ") S 1 1", "((", ")",
					       "x) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		stat_write(commands[i], START_TICKS);
		assert_true(complete_default());
	}
}

static void a_stat_file_of_another_form_is_not_believed(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", ")", "1234 (server", "1234 (server) S 1 2 3",
		"1234 (server) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 5678",
		"1234 (server) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99999999999999999999999 1",
		"1234 (server) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x5678 1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_write("stat", texts[i], strlen(texts[i]));
		assert_false(complete_default());
	}
}

static void a_deleted_executable_keeps_its_name(void **state)
{
	(void)state;
	link_write("/opt/server (deleted)");
	FILE_WRITE("cmdline", "");
	assert_true(complete_default());
	ASSERT_STRING(view.process.executable, "/opt/server");
	ASSERT_STRING(view.process.command_line, "");
}

static void a_title_padded_with_zeros_ends_where_it_ends(void **state)
{
	(void)state;
	FILE_WRITE("cmdline", "nginx: worker process\0\0\0\0\0\0");
	assert_true(complete_default());
	ASSERT_STRING(view.process.command_line, "nginx: worker process");
}

static void strings_longer_than_their_limit_are_cut(void **state)
{
	(void)state;
	static char long_text[3 * SHM_COMMAND_LINE_BYTES_MAX];
	static char environment[2 * SHM_RESOURCE_ATTRIBUTES_BYTES_MAX];

	memset(long_text, 'a', sizeof(long_text));
	file_write("cmdline", long_text, sizeof(long_text));
	file_write("comm", long_text, 100);
	memset(environment, 'b', sizeof(environment));
	memcpy(environment, "OTEL_RESOURCE_ATTRIBUTES=", 25);
	file_write("environ", environment, sizeof(environment));
	assert_true(complete_default());
	assert_int_equal(view.process.command_line.length, SHM_COMMAND_LINE_BYTES_MAX);
	assert_int_equal(view.process.command.length, SHM_COMMAND_BYTES_MAX);
	assert_int_equal(view.process.resource_attributes.length, SHM_RESOURCE_ATTRIBUTES_BYTES_MAX);
	assert_int_equal(view.process.resource_attributes.bytes[0], 'b');
}

/* One entry is put at every position relative to the end of the buffer, behind entries short and long. */
static void a_variable_is_found_wherever_it_stands_in_a_large_environment(void **state)
{
	(void)state;
	static const char variable[] = "OTEL_SERVICE_NAME=found";
	static char environment[3 * PROCESS_TEXT_BYTES_MAX];
	static const size_t fillers[] = {9, 1000, PROCESS_TEXT_BYTES_MAX + 5};

	for (size_t f = 0; f < sizeof(fillers) / sizeof(fillers[0]); f++) {
		for (size_t at = PROCESS_TEXT_BYTES_MAX - 40; at < PROCESS_TEXT_BYTES_MAX + 40; at++) {
			memset(environment, 'x', sizeof(environment));
			for (size_t i = fillers[f]; i < at; i += fillers[f])
				environment[i] = '\0';
			environment[at - 1] = '\0';
			memcpy(environment + at, variable, sizeof(variable));
			file_write("environ", environment, sizeof(environment));
			assert_true(complete_default());
			ASSERT_STRING(view.process.service_name, "found");
		}
	}
}

static void what_only_looks_like_a_variable_is_not_taken(void **state)
{
	(void)state;
	static const char *const texts[] = {"XOTEL_SERVICE_NAME=a", "OTEL_SERVICE_NAMES=a", "OTEL_SERVICE_NAME",
					    "OTEL_SERVICE_NAME=", "A=OTEL_SERVICE_NAME=a", "otel_service_name=a"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_write("environ", texts[i], strlen(texts[i]) + 1);
		assert_true(complete_default());
		ASSERT_STRING(view.process.service_name, "");
	}
}

/* The tail of an entry longer than the buffer is not an entry, even where it begins a buffer. */
static void a_value_cannot_pretend_to_be_a_variable(void **state)
{
	(void)state;
	static char environment[PROCESS_TEXT_BYTES_MAX + 100];

	memset(environment, 'x', sizeof(environment));
	memcpy(environment + PROCESS_TEXT_BYTES_MAX, "OTEL_SERVICE_NAME=false", 24);
	file_write("environ", environment, sizeof(environment));
	assert_true(complete_default());
	ASSERT_STRING(view.process.service_name, "");
}

static void the_first_of_two_variables_counts_as_for_getenv(void **state)
{
	(void)state;
	FILE_WRITE("environ", "OTEL_SERVICE_NAME=one\0OTEL_SERVICE_NAME=two\0");
	assert_true(complete_default());
	ASSERT_STRING(view.process.service_name, "one");
}

static void nothing_else_of_the_environment_is_kept(void **state)
{
	(void)state;
	FILE_WRITE("environ", "PASSWORD=hunter2\0OTEL_SERVICE_NAME=shop\0TOKEN=hunter2\0");
	assert_true(complete_default());
	assert_null(memmem(&identity, sizeof(identity), "hunter2", 7));
	assert_null(memmem(&record, sizeof(record), "hunter2", 7));
}

static void files_that_are_missing_leave_their_strings_empty(void **state)
{
	static const char *const names[] = {"comm", "cmdline", "cgroup", "environ"};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_make(path, sizeof(path), names[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_true(complete_default());
	ASSERT_STRING(view.process.executable, "/opt/server");
	ASSERT_STRING(view.process.cgroup, "");
	ASSERT_STRING(view.process.service_name, "");
}

static void an_event_full_of_garbage_makes_a_sound_record(void **state)
{
	struct event_process event;

	(void)state;
	memset(&event, 0xff, sizeof(event));
	assert_false(complete(&event));
	assert_int_equal(view.process.command.length, EVENT_COMMAND_BYTES_MAX);
	assert_int_equal(view.process.command_line.length, EVENT_ARGUMENT_BYTES_MAX);
}

/* A shell script, so that the executable is the interpreter and the script is the first argument. */
static pid_t script_start(char *script)
{
	int ready[2], hold[2]; /* the child itself holds the end that would let it go on */
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(hold), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char *const arguments[] = {"/bin/sh", script, "--flag", "", "last", NULL};
		char *const environment[] = {"SECRET=x", "OTEL_SERVICE_NAME=live", NULL};

		close(ready[0]);
		dup2(hold[0], STDIN_FILENO);
		dup2(ready[1], STDOUT_FILENO);
		execve("/bin/sh", arguments, environment);
		_exit(1);
	}
	close(hold[0]);
	close(hold[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static uint64_t live_start_ticks(pid_t pid)
{
	char path[64], text[1024] = {0};
	unsigned long long ticks = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *stat = fopen(path, "re");

	assert_non_null(stat);
	assert_true(fread(text, 1, sizeof(text) - 1, stat) > 0);
	fclose(stat);
	assert_int_equal(sscanf(strrchr(text, ')') + 1,
				" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
				&ticks), 1);
	return ticks;
}

static void a_live_script_is_described_as_its_interpreter_with_its_arguments(void **state)
{
	char script[256], expected[512];
	struct event_process event = event_make();

	(void)state;
	path_make(script, sizeof(script), "comm");
	FILE_WRITE("comm", "echo\nread never\n");
	process_identity_close(&identity);
	assert_int_equal(process_identity_open(&identity, "/proc"), 0);
	pid_t pid = script_start(script);

	event.pid = (uint32_t)pid;
	event.start_boot_ns = live_start_ticks(pid) * identity.tick_ns;
	event.file_name[0] = '\0';
	bool is_complete = complete(&event);
	time_t now = time(NULL);

	assert_true(is_complete);
	ASSERT_STRING(view.process.command, "sh");
	ASSERT_STRING(view.process.service_name, "live");
	assert_true(view.process.executable.length > 0 && view.process.executable.bytes[0] == '/');
	int length = snprintf(expected, sizeof(expected), "/bin/sh%c%s%c--flag%c%clast", 0, script, 0, 0, 0);

	assert_string(view.process.command_line, expected, (size_t)length);
	assert_in_range(record.fixed.start_time_unix_ns / 1000000000, (uint64_t)now - 60, (uint64_t)now + 1);
	kill(pid, SIGKILL);
	/* A zombie has a start time and no program. */
	siginfo_t ended;

	assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
	assert_false(complete(&event));
	ASSERT_STRING(view.process.command, "from-event");
	waitpid(pid, NULL, 0);
	assert_false(complete(&event));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_process_is_described_by_its_files),
		TEST(the_bytes_behind_the_last_string_are_zero),
		TEST(a_pid_that_was_given_to_another_process_is_not_believed),
		TEST(a_process_that_is_gone_keeps_what_the_event_says),
		TEST(a_process_that_is_gone_keeps_the_variables_that_the_event_holds),
		TEST(a_variable_that_the_end_of_the_event_has_cut_is_not_taken),
		TEST(an_environment_larger_than_the_event_is_searched_in_proc),
		TEST(after_execve_the_program_is_the_events_and_the_container_stays),
		TEST(the_start_time_is_found_behind_any_command),
		TEST(a_stat_file_of_another_form_is_not_believed),
		TEST(a_deleted_executable_keeps_its_name),
		TEST(a_title_padded_with_zeros_ends_where_it_ends),
		TEST(strings_longer_than_their_limit_are_cut),
		TEST(a_variable_is_found_wherever_it_stands_in_a_large_environment),
		TEST(what_only_looks_like_a_variable_is_not_taken),
		TEST(a_value_cannot_pretend_to_be_a_variable),
		TEST(the_first_of_two_variables_counts_as_for_getenv),
		TEST(nothing_else_of_the_environment_is_kept),
		TEST(files_that_are_missing_leave_their_strings_empty),
		TEST(an_event_full_of_garbage_makes_a_sound_record),
		TEST(a_live_script_is_described_as_its_interpreter_with_its_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
