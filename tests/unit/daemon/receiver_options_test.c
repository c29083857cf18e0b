/* Test the receiver's own options: the standard variables, and what must not be configured. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
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

/* Variables, and the exporters they make. */
struct otlp_case {
	const char *variables[6][2];
	const char *exports[2]; /* NULL: the default, for both signals */
};

static void endpoints_of_variables_become_exporters(void **state)
{
	static const struct otlp_case cases[] = {
		{{{"ENDPOINT", "http://c:4318"}, {"PROTOCOL", "http/protobuf"}}, {"otlp-http:http://c:4318"}},
		{{{"TRACES_ENDPOINT", "http://c/x"}, {"TRACES_PROTOCOL", "http/protobuf"}},
		 {"traces/otlp-http:http://c/x", "metrics/otlp-grpc:unix:///run/otelcol/otlp.sock"}},
		/* The specification: without a path, the root. */
		{{{"TRACES_ENDPOINT", "http://c:1"}, {"METRICS_ENDPOINT", "http://m/"}, {"PROTOCOL", "http/protobuf"}},
		 {"traces/otlp-http:http://c:1/", "metrics/otlp-http:http://m/"}},
		/* The endpoint for all, written out for the other signal. */
		{{{"ENDPOINT", "http://c/base/"}, {"PROTOCOL", "http/protobuf"}, {"METRICS_ENDPOINT", "unix:///m"},
		  {"METRICS_PROTOCOL", "grpc"}},
		 {"traces/otlp-http:http://c/base/v1/traces", "metrics/otlp-grpc:unix:///m"}},
		{{{"METRICS_TIMEOUT", "7"}},
		 {"traces/otlp-grpc:unix:///run/otelcol/otlp.sock", "metrics/otlp-grpc:unix:///run/otelcol/otlp.sock"}},
	};
	char name[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct receiver_options o;

		for (size_t j = 0; j < 6 && cases[i].variables[j][0] != NULL; j++) {
			snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%s", cases[i].variables[j][0]);
			setenv(name, cases[i].variables[j][1], 1);
		}
		assert_int_equal(read_flags(&o, FLAGS(NULL)), -1);
		assert_int_equal(o.exports.count, cases[i].exports[1] == NULL ? 1 : 2);
		for (size_t j = 0; j < o.exports.count; j++)
			assert_string_equal(o.exports.items[j], cases[i].exports[j]);
		receiver_options_free(&o);
		for (size_t j = 0; j < 6 && cases[i].variables[j][0] != NULL; j++) {
			snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%s", cases[i].variables[j][0]);
			unsetenv(name);
		}
	}
}

static struct otlp_exporter_options exporter_options(const struct receiver_options *o, const char *specification)
{
	struct export_target target;

	assert_null(export_target_parse(&target, specification));
	return receiver_options_exporter(o, &target);
}

static void a_signals_own_variables_stand_above_those_for_all(void **state)
{
	static const char *const variables[][2] = {
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
		{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=2%203,c=4"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/all.pem"},
		{"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/traces.pem"},
		{"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/key.pem"},
		{"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "/cert.pem"},
		{"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "1500"},
		{"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"},
	};
	struct otlp_exporter_options traces, metrics;
	struct receiver_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		setenv(variables[i][0], variables[i][1], 1);
	assert_int_equal(read_flags(&o, FLAGS(NULL)), -1);
	traces = exporter_options(&o, o.exports.items[0]);
	metrics = exporter_options(&o, o.exports.items[1]);
	assert_int_equal(traces.header_count, 2);
	assert_string_equal(traces.headers[0], "b=2 3");
	assert_string_equal(metrics.headers[0], "a=1");
	assert_string_equal(traces.tls.ca_file, "/traces.pem");
	assert_string_equal(traces.tls.key_file, "/key.pem");
	assert_string_equal(traces.tls.cert_file, "/cert.pem");
	assert_string_equal(metrics.tls.ca_file, "/all.pem");
	assert_null(metrics.tls.key_file);
	assert_int_equal(traces.timeout_ns, 5000000000);
	assert_int_equal(metrics.timeout_ns, 1500000000);
	assert_false(traces.gzip);
	assert_true(metrics.gzip);
	receiver_options_free(&o);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i][0]);
}

static void defaults_depend_on_protocol_and_place_as_the_collectors_do(void **state)
{
	struct receiver_options o;

	(void)state;
	assert_int_equal(read_flags(&o, FLAGS(NULL)), -1);
	assert_int_equal(exporter_options(&o, "otlp-grpc:http://c").timeout_ns, 5000000000);
	assert_int_equal(exporter_options(&o, "otlp-http:http://c").timeout_ns, 30000000000);
	assert_true(exporter_options(&o, "otlp-http:http://c").gzip);
	assert_false(exporter_options(&o, "otlp-http:unix:///c").gzip);
	receiver_options_free(&o);
	assert_int_equal(read_flags(&o, FLAGS("--timeout", "5s", "--compression", "none", "--queue-sizer", "items",
					      "--queue-size", "5000")), -1);
	assert_int_equal(exporter_options(&o, "otlp-http:http://c").timeout_ns, 5000000000);
	assert_false(exporter_options(&o, "otlp-http:http://c").gzip);
	assert_int_equal(exporter_options(&o, "otlp-http:http://c").queue_items, 5000);
	receiver_options_free(&o);
}

static void assert_lists_equal(const struct option_texts *texts, const struct slice *slices, size_t count)
{
	assert_int_equal(texts->count, count);
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (size_t j = 0; j < count; j++)
			found = found ||
				slice_equal(slices[i], (struct slice){texts->items[j], strlen(texts->items[j])});
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
	char *flags[4 + 2 * (FAN_OUT_EXPORTERS_MAX + 1) + 1] = {"shmotel-receiver", "--check-config", "--config",
								"/dev/null"};
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
		{"--export", "otlp-http:ftp://c"},
		{"--tls-min-version", "1.1"},
		{"--queue-sizer", "pounds"},
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
	setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector:4317", 1);
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
		cmocka_unit_test(endpoints_of_variables_become_exporters),
		cmocka_unit_test(a_signals_own_variables_stand_above_those_for_all),
		cmocka_unit_test(defaults_depend_on_protocol_and_place_as_the_collectors_do),
		cmocka_unit_test(a_list_that_is_too_long_is_refused),
		cmocka_unit_test(what_is_wrong_leaves_with_status_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
