/* The exporters that write to this machine: what a person sees, and what a Collector would read. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "counters.h"
#include "exchange_fixture.h"
#include "export/console_exporter.h"
#include "export/file_exporter.h"
#include "otlp/otlp_json.h"
#include "otlp/telemetry.h"
#include "request_fixture.h"

static const struct process shop = {.process_id = 1, .pid = 100, .service_name = SLICE_LITERAL("shop \"quoted\"")};

static struct kept_requests kept;
static struct exporter *exporter;
static char path[] = "/tmp/shmotel-export-XXXXXX";
static int fd;

/* One traces request with three spans, one metrics request. */
static void make_requests(void)
{
	const struct otlp_request_sink sink = {keep_request, &kept};
	struct telemetry_config config;
	struct telemetry *telemetry;
	struct exchange exchange = exchange_fixture(EXCHANGE_SERVER, &shop);

	telemetry_config_defaults(&config);
	telemetry = telemetry_create(&config, &sink);
	assert_non_null(telemetry);
	telemetry_set_clock(telemetry, 0, 1000 * NS_PER_S);
	exchange.http.traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	exchange.http.target = SLICE_LITERAL("/items\\\"\x1b[31m");
	telemetry_take(telemetry, &exchange);
	exchange = exchange_fixture(EXCHANGE_CLIENT, &shop);
	exchange.http.status = 503;
	telemetry_take(telemetry, &exchange);
	exchange.end = EXCHANGE_CUT_BY_LOSS;
	exchange.flags = EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN;
	exchange.http.status = 0;
	telemetry_take(telemetry, &exchange);
	counters[COUNTER_PARSER_MALFORMED] = 7;
	telemetry_flush(telemetry, 65 * NS_PER_S);
	telemetry_destroy(telemetry);
	assert_int_equal(kept.count, 2);
}

static int setup(void **state)
{
	(void)state;
	memset(counters, 0, sizeof(counters));
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	make_requests();
	memset(counters, 0, sizeof(counters));
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	if (exporter != NULL)
		exporter->type->destroy(exporter);
	exporter = NULL;
	kept_requests_release(&kept);
	close(fd);
	unlink(path);
	return 0;
}

static void submit_all(void)
{
	for (size_t i = 0; i < kept.count; i++)
		exporter->type->submit(exporter, kept.requests[i]);
}

static const char *written(void)
{
	static char text[200000];
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
	return text;
}

static void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* --- file --------------------------------------------------------------------------------------------------------- */

static void file_writes_one_otlp_json_request_per_line(void **state)
{
	const char *text;

	(void)state;
	exporter = file_exporter_create(path);
	submit_all();
	text = written();
	assert_int_equal(strncmp(text, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[", 45), 0);
	assert_contains(text, "\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\"");
	assert_contains(text, "\"parentSpanId\":\"00f067aa0ba902b7\"");
	assert_contains(text, "\"startTimeUnixNano\":\"1005000000000\"");
	assert_contains(text, "\"kind\":2");
	assert_contains(text, "\"flags\":769");
	assert_contains(text, "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"503\"}}");
	assert_contains(text, "\"status\":{\"code\":2}");
	assert_contains(text, "{\"key\":\"url.path\",\"value\":{\"stringValue\":\"/items\\\\\\\"\xef\xbf\xbd[31m\"}}");
	assert_contains(text, "\n{\"resourceMetrics\":[");
	assert_contains(text, "\"explicitBounds\":[0.005,0.01,0.025,0.05,0.075,0.1,0.25,0.5,0.75,1,2.5,5,7.5,10]");
	assert_contains(text, "\"bucketCounts\":[\"0\",\"0\",\"1\",");
	assert_contains(text, "\"aggregationTemporality\":2");
	assert_contains(text, "\"isMonotonic\":true");
	assert_contains(text, "\"asInt\":\"0\"");
	assert_contains(text, "\"sum\":0.012");
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_int_equal(counters[COUNTER_EXPORT_SENT_SPANS], 3);
	assert_int_equal(counters[COUNTER_EXPORT_SENT_POINTS], kept.requests[1]->items);
	assert_true(exporter->type->idle(exporter));
}

static void another_parser_reads_every_line(void **state)
{
	char command[512];

	(void)state;
	if (system("python3 -c ''") != 0)
		skip();
	exporter = file_exporter_create(path);
	submit_all();
	submit_all();
	snprintf(command, sizeof(command),
		 "python3 -c 'import json,sys\n"
		 "lines=[json.loads(l) for l in open(sys.argv[1],encoding=\"utf-8\")]\n"
		 "assert len(lines)==4\n"
		 "spans=[s for l in lines for r in l.get(\"resourceSpans\",[]) for c in r[\"scopeSpans\"] for s in "
		 "c[\"spans\"]]\n"
		 "assert len(spans)==6 and all(len(s[\"traceId\"])==32 for s in spans)' %s",
		 path);
	assert_int_equal(system(command), 0);
}

static void file_appends_to_what_is_there_and_is_not_for_everybody(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(write(fd, "first\n", 6), 6);
	exporter = file_exporter_create(path);
	submit_all();
	assert_contains(written(), "first\n{\"resourceSpans\"");
	exporter->type->destroy(exporter);
	unlink(path);
	exporter = file_exporter_create(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
}

static void a_file_that_cannot_be_opened_is_an_error(void **state)
{
	(void)state;
	assert_null(file_exporter_create("/nonexistent/directory/file"));
	assert_int_equal(errno, ENOENT);
}

static void what_cannot_be_written_is_counted(void **state)
{
	(void)state;
	exporter = file_exporter_create("/dev/full");
	if (exporter == NULL)
		skip();
	submit_all();
	assert_int_equal(counters[COUNTER_EXPORT_WRITE_FAILED], 2);
	assert_int_equal(counters[COUNTER_EXPORT_SENT_SPANS], 0);
}

/* A pipe that takes a part of the line and then no more; once it is empty, the next line begins as a line. */
static void after_a_torn_line_the_next_one_begins_anew(void **state)
{
	static char drained[100000];
	int ends[2];
	int saved = dup(STDOUT_FILENO);
	ssize_t length;

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0);
	fflush(stdout);
	dup2(ends[1], STDOUT_FILENO);
	exporter = file_exporter_create("-");
	exporter->type->submit(exporter, kept.requests[1]);
	length = read(ends[0], drained, sizeof(drained));
	exporter->type->submit(exporter, kept.requests[0]);
	ssize_t next = read(ends[0], drained, sizeof(drained));

	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(length, 4096);
	assert_int_equal(counters[COUNTER_EXPORT_WRITE_FAILED], 1);
	assert_true(next > 0);
	assert_int_equal(strncmp(drained, "\n{\"resourceSpans\"", 17), 0);
	assert_int_equal(counters[COUNTER_EXPORT_SENT_SPANS], 3);
	close(ends[0]);
	close(ends[1]);
}

static void json_has_words_for_all_numbers_and_bytes(void **state)
{
	static const struct {
		double number;
		const char *json;
	} numbers[] = {{0.1, "{\"doubleValue\":0.1}"},
		       {1e300, "{\"doubleValue\":1e+300}"},
		       {-0.0, "{\"doubleValue\":-0}"},
		       {1.0 / 3, "{\"doubleValue\":0.3333333333333333}"},
		       {1e308 * 10, "{\"doubleValue\":\"Infinity\"}"},
		       {-1e308 * 10, "{\"doubleValue\":\"-Infinity\"}"}};
	static const char *const base64[] = {"", "AQ==", "AQI=", "AQID"};
	Opentelemetry__Proto__Common__V1__AnyValue value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
	uint8_t bytes[3] = {1, 2, 3};
	struct wire_buffer out = {0};

	(void)state;
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		wire_buffer_reset(&out);
		value.double_value = numbers[i].number;
		otlp_json_write(&out, &value.base);
		assert_int_equal(out.length, strlen(numbers[i].json));
		assert_memory_equal(out.bytes, numbers[i].json, out.length);
	}
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE;
	for (size_t i = 0; i <= 3; i++) {
		char wanted[64];

		wire_buffer_reset(&out);
		value.bytes_value = (ProtobufCBinaryData){i, bytes};
		otlp_json_write(&out, &value.base);
		snprintf(wanted, sizeof(wanted), "{\"bytesValue\":\"%s\"}", base64[i]);
		assert_int_equal(out.length, strlen(wanted));
		assert_memory_equal(out.bytes, wanted, out.length);
	}
	wire_buffer_free(&out);
}

/* --- console ------------------------------------------------------------------------------------------------------ */

static void console_prints_a_line_per_span(void **state)
{
	const char *text;

	(void)state;
	exporter = console_exporter_create(fd);
	exporter->type->submit(exporter, kept.requests[0]);
	text = written();
	assert_int_equal(strncmp(text, "TIME          SERVICE                  KIND   REQUEST", 53), 0);
	assert_contains(text, "shop \"quoted\"            server GET /items");
	assert_contains(text, "200     12.00 ms  4bf92f35\n");
	assert_contains(text, "client GET http://shop.example:8080/items");
	assert_contains(text, "503     12.00 ms  ");
	assert_contains(text, "loss    12.00 ms  ");
	assert_null(strchr(text, '\x1b')); /* no terminal, no colour, and nothing that strangers sent */
}

static void console_prints_the_head_once(void **state)
{
	(void)state;
	exporter = console_exporter_create(fd);
	exporter->type->submit(exporter, kept.requests[0]);
	exporter->type->submit(exporter, kept.requests[0]);
	assert_null(strstr(written() + 1, "TIME"));
}

static void console_sums_up_durations_and_losses(void **state)
{
	const char *text;

	(void)state;
	exporter = console_exporter_create(fd);
	exporter->type->submit(exporter, kept.requests[1]);
	text = written();
	assert_contains(text, "request durations\n");
	assert_contains(text, "REQUESTS     PER S   ERRORS       P50       P95       MAX\n");
	assert_contains(text, "server          1       0.0        0  12.00 ms  12.00 ms  12.00 ms\n");
	assert_contains(text, "client          1       0.0        1  12.00 ms  12.00 ms  12.00 ms\n");
	assert_contains(text, "lost 7  shmotel.receiver.lost stage=parser reason=malformed\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_writes_one_otlp_json_request_per_line),
		TEST(another_parser_reads_every_line),
		TEST(file_appends_to_what_is_there_and_is_not_for_everybody),
		TEST(a_file_that_cannot_be_opened_is_an_error),
		TEST(what_cannot_be_written_is_counted),
		TEST(after_a_torn_line_the_next_one_begins_anew),
		TEST(json_has_words_for_all_numbers_and_bytes),
		TEST(console_prints_a_line_per_span),
		TEST(console_prints_the_head_once),
		TEST(console_sums_up_durations_and_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
