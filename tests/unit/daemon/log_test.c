/* Test that the log writes whole, clean lines, and not too many. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"

static int saved_stderr;
static int pipe_fds[2];
static char text[4096];

static int catch_stderr(void **state)
{
	(void)state;
	saved_stderr = dup(STDERR_FILENO);
	return saved_stderr < 0 || pipe(pipe_fds) != 0 || dup2(pipe_fds[1], STDERR_FILENO) < 0;
}

static int release_stderr(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

static const char *caught(void)
{
	ssize_t n;

	log_line(LOG_LEVEL_INFO, "end of test");
	n = read(pipe_fds[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	*strstr(text, "end of test\n") = '\0';
	return text;
}

static void a_line_carries_its_level(void **state)
{
	(void)state;
	log_line(LOG_LEVEL_ERROR, "one %d", 1);
	log_line(LOG_LEVEL_WARNING, "two");
	log_line(LOG_LEVEL_INFO, "ready: three");
	assert_string_equal(caught(), "error: one 1\nwarning: two\nready: three\n");
}

static void what_strangers_wrote_cannot_forge_a_line(void **state)
{
	(void)state;
	log_line(LOG_LEVEL_WARNING, "%s", "a\nerror: b\x1b[2J\x7f");
	assert_string_equal(caught(), "warning: a?error: b?[2J?\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
	char longer[2 * LOG_LINE_BYTES_MAX];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_line(LOG_LEVEL_INFO, "%s", longer);
	caught();
	assert_int_equal(strlen(text), LOG_LINE_BYTES_MAX);
	assert_int_equal(text[LOG_LINE_BYTES_MAX - 1], '\n');
}

static void a_limited_place_speaks_once_and_counts_what_it_kept_back(void **state)
{
	struct log_limit limit = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		log_line_limited(&limit, LOG_LEVEL_WARNING, "lost %d", i);
	assert_int_equal(limit.suppressed, 2);
	limit.closed_until_ns = 0; /* the minute is over */
	log_line_limited(&limit, LOG_LEVEL_WARNING, "lost %d", 3);
	assert_string_equal(caught(), "warning: lost 0\nwarning: lost 3 (2 more since the last such line)\n");
}

/* With a blocking write this test would never end. */
static void a_log_that_nobody_reads_stops_nobody_and_says_what_it_left_out(void **state)
{
	enum { LINES = 16384 }; /* of eight bytes: more than a pipe holds */
	static char drained[LINES * 8];
	char expected[128];
	ssize_t held;

	(void)state;
	for (int i = 0; i < LINES; i++)
		log_line(LOG_LEVEL_INFO, "1234567");
	held = read(pipe_fds[0], drained, sizeof(drained));
	assert_in_range(held, 8, sizeof(drained) - 8);
	log_line(LOG_LEVEL_INFO, "read again");
	snprintf(expected, sizeof(expected), "read again (%d lines before this one could not be written)\n",
		 LINES - (int)held / 8);
	assert_string_equal(caught(), expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_carries_its_level, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(what_strangers_wrote_cannot_forge_a_line, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_still_ends, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(a_limited_place_speaks_once_and_counts_what_it_kept_back, catch_stderr,
						release_stderr),
		cmocka_unit_test_setup_teardown(a_log_that_nobody_reads_stops_nobody_and_says_what_it_left_out,
						catch_stderr, release_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
