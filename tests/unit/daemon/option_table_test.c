/* Test that defaults, file, environment and flags come together in the order that is promised. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/option_table.h"

struct values {
	char *socket;
	uint64_t size;
	uint64_t pause;
	bool on;
	struct option_texts names;
	struct option_ports ports;
	struct option_texts foreign;
};

#define AT(member) OPTION_AT(struct values, member)

static const struct option rows[] = {
	{"mine.socket", "socket", "TEST_SOCKET", "a socket", "/run/default", .type = OPTION_TEXT, AT(socket)},
	{"mine.queue.size", "size", "TEST_SIZE", "a size", "10", .least = "1", .most = "100", .type = OPTION_COUNT,
	 AT(size)},
	{"mine.queue.pause", "pause", "TEST_PAUSE", "a pause", "5s", .type = OPTION_DURATION, AT(pause)},
	{"mine.on", "on", NULL, "a switch", "false", .type = OPTION_BOOLEAN, AT(on)},
	{"mine.filters.names.include", "name", "TEST_NAMES", "names", "x,y", .type = OPTION_TEXTS, AT(names)},
	{"mine.filters.ports", "port", NULL, "ports", .type = OPTION_PORTS, AT(ports)},
	{"theirs.export", .type = OPTION_TEXTS, AT(foreign)},
};

static const struct option_table table = {
	"test-program", "be tested", "1.2.3", "mine", "theirs", rows, sizeof(rows) / sizeof(rows[0])};

static char path[] = "/tmp/option_table_test.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static enum option_outcome read_with(const char *file, char **flags, struct values *values,
				     struct option_reading *reading)
{
	char *argv[16] = {"test-program"};
	int argc = 1;

	memset(values, 0, sizeof(*values));
	while (flags != NULL && *flags != NULL)
		argv[argc++] = *flags++;
	return option_table_read(&table, file, argc, argv, values, reading);
}

#define FLAGS(...) ((char *[]){__VA_ARGS__, NULL})

/* The complaint that a file of this text meets. */
static const char *complaint_of(const char *text)
{
	static struct option_reading reading;
	struct values values;

	write_file(text);
	assert_int_equal(read_with(path, NULL, &values, &reading), OPTION_WRONG);
	option_table_free(&table, &values);
	return reading.complaint;
}

static void without_anything_the_defaults_are_in_force(void **state)
{
	struct values values;
	struct option_reading reading;

	(void)state;
	assert_int_equal(read_with("/nonexistent/file", NULL, &values, &reading), OPTION_RUN);
	assert_string_equal(values.socket, "/run/default");
	assert_int_equal(values.size, 10);
	assert_int_equal(values.pause, 5000000000);
	assert_int_equal(values.names.count, 2);
	assert_int_equal(option_table_source(&table, &reading, offsetof(struct values, size)), OPTION_FROM_DEFAULT);
	option_table_free(&table, &values);
}

static void the_file_overrides_the_defaults(void **state)
{
	struct values values;
	struct option_reading reading;

	(void)state;
	write_file("mine:\n  socket: /run/file\n  queue:\n    size: 20\n  on: yes\n"
		   "  filters:\n    names:\n      include: [\"\"]\n    ports: [80, 8000-8100]\n");
	assert_int_equal(read_with(path, NULL, &values, &reading), OPTION_RUN);
	assert_string_equal(values.socket, "/run/file");
	assert_int_equal(values.size, 20);
	assert_int_equal(values.pause, 5000000000);
	assert_true(values.on);
	assert_int_equal(values.names.count, 0);
	assert_int_equal(values.ports.count, 2);
	assert_int_equal(values.ports.ranges[1].last, 8100);
	assert_int_equal(option_table_source(&table, &reading, offsetof(struct values, size)), OPTION_FROM_FILE);
	option_table_free(&table, &values);
}

static void the_environment_overrides_the_file(void **state)
{
	struct values values;
	struct option_reading reading;

	(void)state;
	write_file("mine:\n  socket: /run/file\n  queue: {size: 20}\n  filters: {names: {include: [f]}}\n");
	setenv("TEST_SIZE", "30", 1);
	setenv("TEST_NAMES", "e1,e2,e3", 1);
	setenv("TEST_PAUSE", "250", 1);
	setenv("TEST_SOCKET", "", 1);
	assert_int_equal(read_with(path, NULL, &values, &reading), OPTION_RUN);
	unsetenv("TEST_SIZE");
	unsetenv("TEST_NAMES");
	unsetenv("TEST_PAUSE");
	unsetenv("TEST_SOCKET");
	assert_int_equal(values.size, 30);
	assert_int_equal(values.names.count, 3);
	assert_int_equal(values.pause, 250000000);
	assert_string_equal(values.socket, "/run/file");
	option_table_free(&table, &values);
}

static void flags_override_the_environment_and_the_first_replaces_a_list(void **state)
{
	struct values values;
	struct option_reading reading;

	(void)state;
	write_file("mine:\n  filters: {names: {include: [f]}}\n");
	setenv("TEST_SIZE", "30", 1);
	assert_int_equal(read_with(path, FLAGS("--size=40", "--name", "a,b", "--name", "c", "--on"), &values, &reading),
			 OPTION_RUN);
	unsetenv("TEST_SIZE");
	assert_int_equal(values.size, 40);
	assert_int_equal(values.names.count, 2);
	assert_string_equal(values.names.items[0], "a,b");
	assert_true(values.on);
	option_table_free(&table, &values);
}

static void empty_parts_and_keys_without_value_leave_the_defaults(void **state)
{
	static const char *const texts[] = {"",
					    "# nothing\n",
					    "mine:\n",
					    "mine:\n  queue:\n",
					    "mine:\n  socket:\n",
					    "mine:\n  filters:\n    ports:\n",
					    "theirs:\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct values values;
		struct option_reading reading;

		write_file(texts[i]);
		if (read_with(path, NULL, &values, &reading) != OPTION_RUN)
			fail_msg("%s: %s", texts[i], reading.complaint);
		assert_string_equal(values.socket, "/run/default");
		option_table_free(&table, &values);
	}
}

static void the_other_part_is_read_where_it_can_be_and_not_judged(void **state)
{
	static const struct {
		const char *text;
		size_t exports;
	} cases[] = {
		{"theirs:\n  anything: [1, {a: b}]\n  export: [one, two]\n  more: {x: y}\nmine: {on: true}\n", 2},
		{"mine: {on: true}\ntheirs:\n  export: {not: a list}\n", 0},
		{"mine: {on: true}\ntheirs: [1]\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct values values;
		struct option_reading reading;

		write_file(cases[i].text);
		assert_int_equal(read_with(path, NULL, &values, &reading), OPTION_RUN);
		assert_true(values.on);
		assert_int_equal(values.foreign.count, cases[i].exports);
		option_table_free(&table, &values);
	}
}

static void a_wrong_file_says_where_what_and_what_to_do(void **state)
{
	static const struct {
		const char *text;
		const char *said[4];
	} cases[] = {
		{"main:\n  on: true\n",
		 {": unknown key \"main\" in the top level, which begins at line 1; the keys there are mine and "
		  "theirs"}},
		{"mine:\n  on: true\n  sokcet: /x\n",
		 {": unknown key \"sokcet\" in mine, which begins at line 2; the keys there are socket, queue, on, "
		  "filters"}},
		{"mine:\n  queue:\n    length: 5\n",
		 {": unknown key \"length\" in mine.queue, which begins at line 3; the keys there are size, pause"}},
		{"mine:\n  filters:\n    names:\n      include: one\n",
		 {":4: mine.filters.names.include is not a list; write it as one"}},
		{"mine:\n  socket: [a]\n", {":2: mine.socket is not a single value"}},
		{"mine:\n  queue: 5\n", {":2: mine.queue holds no keys"}},
		{"mine: text\n", {":1: mine holds no keys"}},
		{"- mine\n", {": there are no keys at the top level; begin with mine: or theirs:"}},
		{"mine:\n  on: true\n  on: false\n", {": the key mine.on of line 2 is given once more"}},
		{"mine:\n\ton: true\n", {"not YAML that can be read"}},
		{"mine:\n  queue:\n    size: many\n", {": mine.queue.size: \"many\" is not a whole number"}},
		{"mine:\n  queue:\n    size: 101\n",
		 {": mine.queue.size: \"101\" is out of range; give a value from 1 to 100"}},
		{"mine:\n  filters:\n    ports: [80, 70000]\n", {": mine.filters.ports: \"70000\" is not a port"}},
		{"\xff\xfe\xff", {"not YAML that can be read"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *said = complaint_of(cases[i].text);

		assert_ptr_equal(strstr(said, path), said);
		assert_null(strchr(said, '\n'));
		for (size_t j = 0; cases[i].said[j] != NULL; j++) {
			if (strstr(said, cases[i].said[j]) == NULL)
				fail_msg("%s\ngave: %s", cases[i].text, said);
		}
	}
}

static void a_wrong_flag_or_variable_is_named(void **state)
{
	static char *const cases[][3] = {
		{"--nonsense", NULL, "--nonsense is not an option; --help lists them"},
		{"nonsense", NULL, "nonsense is not an option"},
		{"", NULL, " is not an option"},
		{"--", NULL, "-- is not an option"},
		{"-s", NULL, "-s is not an option"},
		{"--size", NULL, "--size needs a value"},
		{"--size", "0", "--size: \"0\" is out of range; give a value from 1 to 100"},
		{"--sizes=1", NULL, "--sizes=1 is not an option"},
		{"--on=perhaps", NULL, "--on: \"perhaps\" is not a choice here"},
		{"--help=1", NULL, "--help=1 is not an option"},
		{"--config", "/nonexistent/file",
		 "/nonexistent/file: the configuration file cannot be read (No such file"},
	};
	struct values values;
	struct option_reading reading;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_with("/nonexistent", FLAGS(cases[i][0], cases[i][1]), &values, &reading),
				 OPTION_WRONG);
		if (strstr(reading.complaint, cases[i][2]) == NULL)
			fail_msg("%s gave: %s", cases[i][0], reading.complaint);
		option_table_free(&table, &values);
	}
	setenv("TEST_SIZE", "x", 1);
	assert_int_equal(read_with("/nonexistent", NULL, &values, &reading), OPTION_WRONG);
	unsetenv("TEST_SIZE");
	assert_ptr_equal(strstr(reading.complaint, "environment variable TEST_SIZE: \"x\" is not a whole number"),
			 reading.complaint);
	option_table_free(&table, &values);
}

static void check_config_prints_every_value_with_its_source(void **state)
{
	struct values values;
	struct option_reading reading;
	char text[2048] = "";
	char expected[256];
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(out);
	write_file("mine: {queue: {size: 20}}\n");
	setenv("TEST_PAUSE", "1s", 1);
	assert_int_equal(
		read_with("/nonexistent", FLAGS("--config", path, "--check-config", "--on"), &values, &reading),
		OPTION_CHECK);
	unsetenv("TEST_PAUSE");
	option_table_print(&table, &reading, &values, out);
	fclose(out);
	snprintf(expected, sizeof(expected), "mine.queue.size = 20  (%s)\n", path);
	assert_non_null(strstr(text, expected));
	assert_non_null(strstr(text, "mine.socket = \"/run/default\"  (default)\n"));
	assert_non_null(strstr(text, "mine.queue.pause = 1s  (environment variable TEST_PAUSE)\n"));
	assert_non_null(strstr(text, "mine.on = true  (--on)\n"));
	option_table_free(&table, &values);
}

static void help_names_every_flag_its_range_and_its_default(void **state)
{
	char text[4096] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(out);
	option_table_print_help(&table, out);
	fclose(out);
	for (size_t i = 0; i < table.row_count; i++)
		assert_true(rows[i].flag == NULL || strstr(text, rows[i].flag) != NULL);
	assert_non_null(strstr(
		text, "a size (1 to 100); default 10\n        file: mine.queue.size   environment: TEST_SIZE\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_anything_the_defaults_are_in_force),
		cmocka_unit_test(the_file_overrides_the_defaults),
		cmocka_unit_test(the_environment_overrides_the_file),
		cmocka_unit_test(flags_override_the_environment_and_the_first_replaces_a_list),
		cmocka_unit_test(empty_parts_and_keys_without_value_leave_the_defaults),
		cmocka_unit_test(the_other_part_is_read_where_it_can_be_and_not_judged),
		cmocka_unit_test(a_wrong_file_says_where_what_and_what_to_do),
		cmocka_unit_test(a_wrong_flag_or_variable_is_named),
		cmocka_unit_test(check_config_prints_every_value_with_its_source),
		cmocka_unit_test(help_names_every_flag_its_range_and_its_default),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
