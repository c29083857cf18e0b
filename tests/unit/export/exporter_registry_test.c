/* Each specification makes its exporter; each wrong one a sentence. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/exporter_registry.h"

static int create(struct exporter **exporter, struct loop *loop, const char *specification,
		  const struct otlp_exporter_options *options, char *message, size_t size)
{
	struct export_target target;

	assert_null(export_target_parse(&target, specification));
	return exporter_create(exporter, loop, &target, options, message, size);
}

static void each_specification_makes_the_exporter_it_names(void **state)
{
	char directory[] = "/tmp/shmotel-registry-XXXXXX", path[64], file[80];
	const struct {
		const char *specification;
		const char *name;
	} rows[] = {
		{"otlp-grpc:unix:///run/x.sock", "otlp-grpc"},
		{"otlp-grpc:unix-abstract:x", "otlp-grpc"},
		{"otlp-grpc:http://127.0.0.1:4317", "otlp-grpc"},
		{"otlp-http:unix:///run/x.sock", "otlp-http"},
		{"traces/otlp-http:http://127.0.0.1/a/v1/traces", "otlp-http"},
		{"console", "console"},
		{file, "file"},
	};
	struct loop *loop = loop_create(LOOP_EPOLL);

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/otlp.jsonl", directory);
	snprintf(file, sizeof(file), "file:%s", path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exporter *exporter;
		char message[512] = "";

		assert_int_equal(create(&exporter, loop, rows[i].specification, &otlp_exporter_options_default,
						 message, sizeof(message)),
				 0);
		assert_string_equal(exporter->type->name, rows[i].name);
		assert_true(exporter->type->idle(exporter));
		exporter->type->destroy(exporter);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	loop_destroy(loop);
}

static void each_wrong_specification_gets_a_sentence(void **state)
{
	static const struct {
		const char *specification;
		const char *part;
		int error;
	} rows[] = {
		{"otlp-grpc:http://shmotel.invalid:4317", "was not found", -EHOSTUNREACH},
		{"file:/nonexistent/otlp.jsonl", "cannot be written: No such file or directory", -ENOENT},
	};
	struct loop *loop = loop_create(LOOP_EPOLL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exporter *exporter;
		char message[512] = "";

		assert_int_equal(create(&exporter, loop, rows[i].specification, &otlp_exporter_options_default,
						 message, sizeof(message)),
				 rows[i].error);
		assert_non_null(strstr(message, rows[i].part));
		assert_int_equal(message[strlen(message) - 1], '.');
	}
	loop_destroy(loop);
}

static void options_out_of_range_are_refused(void **state)
{
	struct otlp_exporter_options options[7];
	struct loop *loop = loop_create(LOOP_EPOLL);

	(void)state;
	for (size_t i = 0; i < 7; i++)
		options[i] = otlp_exporter_options_default;
	options[0].timeout_ns = 0;
	options[1].queue_requests = 0;
	options[2].queue_bytes = options[2].max_request_bytes - 1;
	options[3].max_request_bytes = 0;
	options[4].retry.randomization_factor = 1.1;
	options[5].retry.multiplier = 0.9;
	options[6].retry.multiplier = 0.0 / 0.0;
	for (size_t i = 0; i < 7; i++) {
		struct exporter *exporter;
		char message[512] = "";

		assert_int_equal(
			create(&exporter, loop, "otlp-grpc:unix:///x", &options[i], message, sizeof(message)),
			-EINVAL);
		assert_true(strlen(message) > 0);
	}
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_specification_makes_the_exporter_it_names),
		cmocka_unit_test(each_wrong_specification_gets_a_sentence),
		cmocka_unit_test(options_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
