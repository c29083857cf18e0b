/* What libbpf says about a program that the kernel refuses: a name for people, all of it for a bug report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "refusal.h"

static char path[] = "/tmp/shmotel-refusal-XXXXXX";

/* As libbpf does. */
__attribute__((format(printf, 2, 3))) static void say(enum libbpf_print_level level, const char *format, ...)
{
	libbpf_print_fn_t listener = libbpf_set_print(NULL);
	va_list arguments;

	libbpf_set_print(listener);
	va_start(arguments, format);
	listener(level, format, arguments);
	va_end(arguments);
}

static void say_refused(const char *program)
{
	say(LIBBPF_WARN, "libbpf: prog '%s': BPF program load failed: %s\n", program, "Permission denied");
	say(LIBBPF_WARN, "libbpf: prog '%s': -- BEGIN PROG LOAD LOG --\n%s-- END PROG LOAD LOG --\n", program,
	    "R1 invalid mem access\n");
}

static void the_first_program_that_is_refused_is_named(void **state)
{
	(void)state;
	refusal_listen(NULL);
	assert_null(refusal_program());
	say(LIBBPF_DEBUG, "libbpf: prog '%s': found\n", "other");
	say_refused("tcp_state");
	say_refused("tcp_destroyed");
	assert_string_equal(refusal_program(), "tcp_state");
	refusal_listen(NULL);
	assert_null(refusal_program());
	assert_string_equal(refusal_text(), "");
	refusal_end();
}

static void another_warning_is_kept_as_a_line(void **state)
{
	(void)state;
	refusal_listen("");
	say(LIBBPF_WARN, "libbpf: map '%s': failed to create: %d\n", "events", -12);
	assert_null(refusal_program());
	assert_string_equal(refusal_text(), "libbpf: map 'events': failed to create: -12");
	assert_false(refusal_logged());
	refusal_end();
}

static void the_log_holds_all_warnings_of_all_attempts_for_its_owner(void **state)
{
	char text[1024] = "";
	struct stat status;

	(void)state;
	assert_true(mkstemp(path) >= 0);
	unlink(path);
	refusal_listen(path);
	assert_int_not_equal(access(path, F_OK), 0); /* nothing has been said yet */
	say_refused("tcp_send_exit");
	refusal_listen(path);
	say_refused("syscall_exit");
	assert_true(refusal_logged());
	refusal_end();
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_non_null(strstr(text, "prog 'tcp_send_exit'"));
	assert_non_null(strstr(text, "prog 'syscall_exit'"));
	assert_non_null(strstr(text, "R1 invalid mem access"));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	unlink(path);
}

static void a_log_that_cannot_be_written_is_not_claimed(void **state)
{
	(void)state;
	refusal_listen("/nonexistent/log");
	say_refused("syscall_exit");
	assert_false(refusal_logged());
	assert_string_equal(refusal_program(), "syscall_exit");
	refusal_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_program_that_is_refused_is_named),
		cmocka_unit_test(another_warning_is_kept_as_a_line),
		cmocka_unit_test(the_log_holds_all_warnings_of_all_attempts_for_its_owner),
		cmocka_unit_test(a_log_that_cannot_be_written_is_not_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
