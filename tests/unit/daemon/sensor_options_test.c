/* Test the sensor's own options: what is handed to the capture, and the Collector's port. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define FLAGS(...) ((char *[]){"shmotel-sensor", __VA_ARGS__, NULL})

static int read_flags(struct sensor_options *options, char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	memset(options, 0, sizeof(*options));
	return sensor_options_read(options, argc, argv);
}

static char path[] = "/tmp/sensor_options_test.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	(void)state;
	if (file == NULL)
		return -1;
	fputs("sensor:\n  filters:\n    ports: {exclude: [22]}\n"
	      "receiver:\n  export: [console, otlp-grpc:http://collector:4317, otlp-http:unix:///run/c.sock,\n"
	      "           \"otlp-http:http://[::1]:4318/\"]\n  timeout: 3s\n",
	      file);
	return fclose(file);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void the_defaults_are_those_that_the_documents_name(void **state)
{
	struct sensor_options options;

	(void)state;
	assert_int_equal(read_flags(&options, FLAGS("--config", "/dev/null")), -1);
	assert_string_equal(options.socket_path, "/run/shmotel/sensor.sock");
	assert_int_equal(options.capture.mode, CAPTURE_AUTO);
	assert_int_equal(options.capture.capture_bytes, 4096);
	assert_int_equal(options.ring_bytes, 4 * 1024 * 1024);
	assert_true(options.capture.unix_sockets);
	assert_false(options.watch_collectors);
	assert_int_equal(options.capture.exclude_port_count, 0);
	sensor_options_free(&options);
}

static void the_example_file_holds_the_defaults(void **state)
{
	struct sensor_options options, defaults;

	(void)state;
	assert_int_equal(read_flags(&defaults, FLAGS("--config", "/dev/null")), -1);
	assert_int_equal(read_flags(&options, FLAGS("--config", EXAMPLE_FILE)), -1);
	assert_memory_equal(&options.capture, &defaults.capture, sizeof(options.capture));
	assert_int_equal(options.ring_bytes, defaults.ring_bytes);
	assert_string_equal(options.socket_path, defaults.socket_path);
	sensor_options_free(&options);
	sensor_options_free(&defaults);
}

static void port_filters_reach_the_capture(void **state)
{
	struct sensor_options options;

	(void)state;
	assert_int_equal(read_flags(&options, FLAGS("--config", "/dev/null", "--include-port", "80", "--include-port",
						    "8000-8100", "--capture=tracepoint")),
			 -1);
	assert_int_equal(options.capture.mode, CAPTURE_TRACEPOINT);
	assert_int_equal(options.capture.include_port_count, 2);
	assert_int_equal(options.capture.include_ports[1].first, 8000);
	assert_int_equal(options.capture.include_ports[1].last, 8100);
	sensor_options_free(&options);
}

static void the_port_of_the_receivers_collector_is_excluded(void **state)
{
	struct sensor_options options;

	(void)state;
	assert_int_equal(read_flags(&options, FLAGS("--config", path)), -1);
	assert_int_equal(options.capture.exclude_port_count, 3);
	assert_int_equal(options.capture.exclude_ports[0].first, 22);
	assert_int_equal(options.capture.exclude_ports[1].first, 4317);
	assert_int_equal(options.capture.exclude_ports[2].last, 4318);
	sensor_options_free(&options);
}

static void every_way_to_write_an_endpoint_on_tcp_excludes_its_port(void **state)
{
	static const struct {
		const char *specification;
		uint16_t port; /* 0: none */
	} rows[] = {
		{"otlp-grpc:http://h:4000", 4000},	  {"otlp-grpc:https://h:4000/", 4000},
		{"otlp-http:https://h:4000/v1/x", 4000},  {"traces/otlp-http:http://h:4000/a:5", 4000},
		{"metrics/otlp-grpc:https://[::1]:4000", 4000}, {"otlp-grpc:h:4000", 4000},
		{"otlp-grpc:http://h", 4317},		  {"otlp-http:http://[::1]/x", 4318},
		{"otlp-grpc:unix:///run/x:4000", 0},	  {"otlp-http:unix-abstract:x:4000", 0},
		{"file:/x:4000", 0},			  {"console", 0},
		{"otlp-grpc:http://h:70000", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sensor_options options;
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fprintf(file, "receiver:\n  export: [\"%s\"]\n", rows[i].specification);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(read_flags(&options, FLAGS("--config", path)), -1);
		assert_int_equal(options.capture.exclude_port_count, rows[i].port != 0);
		if (rows[i].port != 0)
			assert_int_equal(options.capture.exclude_ports[0].first, rows[i].port);
		sensor_options_free(&options);
	}
}

static void what_is_wrong_leaves_with_status_2_and_a_check_with_0(void **state)
{
	struct sensor_options options;

	(void)state;
	assert_int_equal(read_flags(&options, FLAGS("--socket", "relative")), 2);
	sensor_options_free(&options);
	assert_int_equal(read_flags(&options, FLAGS("--allow-uid", "no-such-user-here")), 2);
	sensor_options_free(&options);
	assert_int_equal(read_flags(&options, FLAGS("--config", path, "--check-config")), 0);
	sensor_options_free(&options);
	assert_int_equal(read_flags(&options, FLAGS("--help")), 0);
	sensor_options_free(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_those_that_the_documents_name),
		cmocka_unit_test(the_example_file_holds_the_defaults),
		cmocka_unit_test(port_filters_reach_the_capture),
		cmocka_unit_test(the_port_of_the_receivers_collector_is_excluded),
		cmocka_unit_test(what_is_wrong_leaves_with_status_2_and_a_check_with_0),
		cmocka_unit_test(every_way_to_write_an_endpoint_on_tcp_excludes_its_port),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
