/* Test the receiver's own options: the standard variables, and what must not be configured. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "export/fan_out.h"
#include "options.h"
#include "otlp/span_from_exchange.h"

#define FLAGS(...) ((char *[]){"shmotel-receiver", "--config", "/dev/null", __VA_ARGS__, NULL})

static int read_flags(struct receiver_options *options, char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	memset(options, 0, sizeof(*options));
	return receiver_options_read(options, argc, argv);
}

static void the_defaults_are_those_of_the_collector(void **state)
{
	struct receiver_options o;

	(void)state;
	assert_int_equal(read_flags(&o, FLAGS(NULL)), -1);
	assert_int_equal(o.exports.count, 1);
	assert_int_equal(o.queue_size, 1000);
	assert_true(o.retry.enabled);
	assert_int_equal(o.retry.initial_interval_ns, 5000000000);
	assert_true(o.retry.multiplier == 1.5);
	assert_int_equal(o.retry.max_elapsed_time_ns, 300000000000);
	assert_int_equal(o.batch_spans, 512);
	assert_int_equal(o.metric_interval_ns, 60000000000);
	assert_int_equal(o.temporality, TEMPORALITY_CUMULATIVE);
	assert_int_equal(o.cardinality_limit, 2000);
	assert_int_not_equal(o.user, 0);
	receiver_options_free(&o);
}

static void the_example_file_holds_the_defaults(void **state)
{
	struct receiver_options o, defaults;

	(void)state;
	assert_int_equal(read_flags(&defaults, FLAGS(NULL)), -1);
	assert_int_equal(read_flags(&o, (char *[]){"shmotel-receiver", "--config", EXAMPLE_FILE, NULL}), -1);
	assert_int_equal(o.exports.count, defaults.exports.count);
	assert_string_equal(o.exports.items[0], defaults.exports.items[0]);
	assert_int_equal(o.known_methods.count, defaults.known_methods.count);
	assert_int_equal(o.redacted_query_keys.count, defaults.redacted_query_keys.count);
	assert_memory_equal(&o.retry, &defaults.retry, sizeof(o.retry));
	assert_int_equal(o.queue_bytes, defaults.queue_bytes);
	assert_int_equal(o.batch_delay_ns, defaults.batch_delay_ns);
	assert_int_equal(o.metric_interval_ns, defaults.metric_interval_ns);
	assert_int_equal(o.request_bytes_max, defaults.request_bytes_max);
	receiver_options_free(&o);
	receiver_options_free(&defaults);
}

static void the_standard_variables_apply(void **state)
{
	static const char *const variables[][2] = {
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "unix:///run/c.sock"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b, x-other=c "},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "10000"},
		{"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
		{"OTEL_METRIC_EXPORT_INTERVAL", "1500"},
		{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "LowMemory"},
		{"OTEL_BSP_SCHEDULE_DELAY", "5000"},
		{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100"},
		{"OTEL_BSP_MAX_QUEUE_SIZE", "2048"},
	};
	struct receiver_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		setenv(variables[i][0], variables[i][1], 1);
	assert_int_equal(read_flags(&o, FLAGS(NULL)), -1);
	assert_int_equal(o.exports.count, 1);
	assert_string_equal(o.exports.items[0], "otlp-grpc:unix:///run/c.sock");
	assert_string_equal(o.headers.items[0], "x-tenant=a b");
	assert_string_equal(o.headers.items[1], "x-other=c");
	assert_int_equal(o.timeout_ns, 10000000000);
	assert_int_equal(o.compression, COMPRESSION_GZIP);
	assert_int_equal(o.metric_interval_ns, 1500000000);
	assert_int_equal(o.temporality, TEMPORALITY_DELTA);
	assert_int_equal(o.batch_delay_ns, 5000000000);
	assert_int_equal(o.batch_spans, 100);
	assert_int_equal(o.queue_size, 21);
	receiver_options_free(&o);
	/* A flag stands above them. */
	assert_int_equal(read_flags(&o, FLAGS("--export", "console", "--export", "file:/tmp/x")), -1);
	assert_int_equal(o.exports.count, 2);
	assert_string_equal(o.exports.items[0], "console");
	receiver_options_free(&o);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i][0]);
}

static void assert_lists_equal(const struct option_texts *texts, const struct slice *slices, size_t count)
{
	assert_int_equal(texts->count, count);
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (size_t j = 0; j < count; j++)
			found = found || slice_equal(slices[i], (struct slice){texts->items[j], strlen(texts->items[j])});
		assert_true(found);
	}
}

/* Whoever uses the libraries without these options must not report what the program would not. */
static void the_default_lists_are_those_of_the_libraries(void **state)
{
	struct receiver_options o;
	struct span_rules rules;

	(void)state;
	span_rules_defaults(&rules);
	assert_int_equal(read_flags(&o, FLAGS(NULL)), -1);
	assert_lists_equal(&o.redacted_query_keys, rules.redaction.sensitive_keys, rules.redaction.sensitive_key_count);
	assert_lists_equal(&o.known_methods, rules.known_methods, rules.known_method_count);
	receiver_options_free(&o);
}

static void more_exporters_than_there_may_be_are_refused(void **state)
{
	char *flags[4 + 2 * (FAN_OUT_EXPORTERS_MAX + 1) + 1] = {"shmotel-receiver", "--check-config", "--config", "/dev/null"};
	struct receiver_options o;
	int n = 4;

	(void)state;
	for (int i = 0; i <= FAN_OUT_EXPORTERS_MAX; i++) {
		flags[n++] = "--export";
		flags[n++] = "console";
	}
	assert_int_equal(read_flags(&o, flags), 2);
	receiver_options_free(&o);
}

/* One that were dropped in silence would be reported unredacted. */
static void a_list_that_is_too_long_is_refused(void **state)
{
	struct receiver_options o;
	char keys[2 * (RECEIVER_LIST_MAX + 1)];

	(void)state;
	for (size_t i = 0; i < RECEIVER_LIST_MAX; i++)
		memcpy(keys + 2 * i, "k,", 3);
	setenv("SHMOTEL_REDACT_QUERY_KEYS", keys, 1);
	assert_int_equal(read_flags(&o, FLAGS(NULL)), -1);
	assert_int_equal(o.redacted_query_keys.count, RECEIVER_LIST_MAX);
	receiver_options_free(&o);
	strcat(keys, "k");
	setenv("SHMOTEL_REDACT_QUERY_KEYS", keys, 1);
	assert_int_equal(read_flags(&o, FLAGS(NULL)), 2);
	receiver_options_free(&o);
	unsetenv("SHMOTEL_REDACT_QUERY_KEYS");
}

static void what_is_wrong_leaves_with_status_2(void **state)
{
	static char *const flags[][2] = {
		{"--user", "root"},
		{"--user", "0"},
		{"--export", "carrier-pigeon"},
		{"--export", "otlp-http:unix:///run/c.sock"},
		{"--header", "no value"},
		{"--header", "content-type=text/plain"},
		{"--header", "x=a\r\ny: b"},
		{"--header", "grpc-timeout=1S"},
		{"--header", "Transfer-Encoding=chunked"},
		{"--queue-bytes", "64KiB"}, /* less than one request */
		{"--resource-attributes", "no value"},
		{"--known-method", "G E T"},
		{"--socket", "sensor.sock"},
		{"--batch-spans", "0"},
	};
	struct receiver_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (read_flags(&o, FLAGS(flags[i][0], flags[i][1])) != 2)
			fail_msg("%s %s was accepted", flags[i][0], flags[i][1]);
		receiver_options_free(&o);
	}
	setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317", 1);
	assert_int_equal(read_flags(&o, FLAGS(NULL)), 2);
	receiver_options_free(&o);
	unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
	setenv("OTEL_EXPORTER_OTLP_HEADERS", "x=%0d%0ay", 1);
	assert_int_equal(read_flags(&o, FLAGS(NULL)), 2);
	receiver_options_free(&o);
	unsetenv("OTEL_EXPORTER_OTLP_HEADERS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_those_of_the_collector),
		cmocka_unit_test(the_example_file_holds_the_defaults),
		cmocka_unit_test(the_default_lists_are_those_of_the_libraries),
		cmocka_unit_test(more_exporters_than_there_may_be_are_refused),
		cmocka_unit_test(the_standard_variables_apply),
		cmocka_unit_test(a_list_that_is_too_long_is_refused),
		cmocka_unit_test(what_is_wrong_leaves_with_status_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
