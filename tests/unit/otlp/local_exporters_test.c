/* The exporters that write to this machine: what a person sees, and what a Collector would read. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "counters.h"
#include "exchange_fixture.h"
#include "export/console_exporter.h"
#include "export/file_exporter.h"
#include "export/local_exporter.h"
#include "otlp/otlp_json.h"
#include "otlp/request_unpack.h"
#include "otlp/telemetry.h"
#include "request_fixture.h"

static const struct process shop = {.process_id = 1, .pid = 100, .service_name = SLICE_LITERAL("shop \"quoted\"")};

static struct kept_requests kept;
static struct exporter *exporter;
static struct loop *loop;
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
	exchange.traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
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
	loop = loop_create(LOOP_EPOLL);
	make_requests();
	memset(counters, 0, sizeof(counters));
	return fd < 0 || loop == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	if (exporter != NULL)
		exporter->type->destroy(exporter);
	exporter = NULL;
	loop_destroy(loop);
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
	exporter = file_exporter_create(loop, path);
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
	assert_contains(text, "\"status\":{}"); /* unset, as the Collector writes it */
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
	exporter = file_exporter_create(loop, path);
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
	exporter = file_exporter_create(loop, path);
	submit_all();
	assert_contains(written(), "first\n{\"resourceSpans\"");
	exporter->type->destroy(exporter);
	unlink(path);
	exporter = file_exporter_create(loop, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
}

static void a_file_that_cannot_be_opened_is_an_error(void **state)
{
	(void)state;
	assert_null(file_exporter_create(loop, "/nonexistent/directory/file"));
	assert_int_equal(errno, ENOENT);
}

static void what_cannot_be_written_is_counted(void **state)
{
	(void)state;
	exporter = file_exporter_create(loop, "/dev/full");
	if (exporter == NULL)
		skip();
	submit_all();
	assert_int_equal(counters[COUNTER_EXPORT_WRITE_FAILED_SPANS], 3);
	assert_int_equal(counters[COUNTER_EXPORT_WRITE_FAILED_POINTS], kept.requests[1]->items);
	assert_int_equal(counters[COUNTER_EXPORT_SENT_SPANS], 0);
}

/* --- readers ------------------------------------------------------------------------------------------------------ */

enum {
	PIPE_BYTES = 4096,
};

static int ends[2]; /* of a pipe: [0] is the reader's */
static int saved_stdout = -1;

/* Standard output is a pipe that blocks whoever writes into it when it is full. */
static int setup_pipe(void **state)
{
	if (setup(state) != 0 || pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
		return -1;
	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	return saved_stdout < 0 || dup2(ends[1], STDOUT_FILENO) < 0 ? -1 : 0;
}

static void restore_stdout(void)
{
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
}

static int teardown_pipe(void **state)
{
	close(ends[0]);
	close(ends[1]);
	return teardown(state);
}

static size_t read_pipe(char *text, size_t size)
{
	ssize_t length = read(ends[0], text, size - 1);

	assert_true(length > 0);
	text[length] = '\0';
	return (size_t)length;
}

/* A blocking write would never return. */
static void a_reader_that_does_not_read_holds_up_nobody(void **state)
{
	const uint64_t one = kept.requests[1]->items, all = one * (LOCAL_QUEUE_REQUESTS_MAX + 3);
	char text[PIPE_BYTES + 1];
	uint64_t counted;

	(void)state;
	exporter = file_exporter_create(loop, "-");
	restore_stdout();
	for (int i = 0; i < LOCAL_QUEUE_REQUESTS_MAX + 3; i++)
		exporter->type->submit(exporter, kept.requests[1]);
	assert_int_equal(counters[COUNTER_EXPORT_SENT_POINTS], 0);
	assert_int_equal(counters[COUNTER_EXPORT_QUEUE_FULL_POINTS], 2 * one);
	assert_false(exporter->type->idle(exporter));
	while (counters[COUNTER_EXPORT_SENT_POINTS] < 2 * one) {
		read_pipe(text, sizeof(text));
		assert_true(loop_run_once(loop, 0) >= 0);
	}
	exporter->type->destroy(exporter);
	exporter = NULL;
	counted = counters[COUNTER_EXPORT_SENT_POINTS] + counters[COUNTER_EXPORT_QUEUE_FULL_POINTS] +
		  counters[COUNTER_EXPORT_SHUTDOWN_POINTS];
	assert_int_equal(counted, all);
}

/* A socket, as journald gives one, cannot be opened a second time: there room is asked for before each piece. */
static void a_socket_that_nobody_reads_holds_up_nobody(void **state)
{
	int sockets[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	exporter = console_exporter_create(loop, sockets[1]);
	while (counters[COUNTER_EXPORT_QUEUE_FULL_SPANS] == 0)
		exporter->type->submit(exporter, kept.requests[0]);
	assert_true(counters[COUNTER_EXPORT_SENT_SPANS] > 0);
	close(sockets[0]);
	close(sockets[1]);
}

static void a_slow_reader_gets_every_line_whole(void **state)
{
	static char text[1000000];
	size_t length = 0, lines = 0;

	(void)state;
	exporter = file_exporter_create(loop, "-");
	restore_stdout();
	for (int i = 0; i < 3; i++)
		submit_all();
	while (!exporter->type->idle(exporter)) {
		length += read_pipe(text + length, sizeof(text) - length);
		assert_true(loop_run_once(loop, 0) >= 0);
	}
	if (counters[COUNTER_EXPORT_SENT_SPANS] == 9)
		length += read_pipe(text + length, sizeof(text) - length);
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
		assert_int_equal(strncmp(line, "{\"resource", 10), 0);
		assert_int_equal(end[-1], '}');
	}
	assert_int_equal(lines, 6);
	assert_int_equal(text[length - 1], '\n');
	assert_int_equal(counters[COUNTER_EXPORT_SENT_SPANS], 9);
	assert_int_equal(counters[COUNTER_EXPORT_SENT_POINTS], 3 * kept.requests[1]->items);
}

static void what_a_reader_that_went_away_did_not_read_is_counted(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	exporter = file_exporter_create(loop, "-");
	restore_stdout();
	submit_all();
	close(ends[0]);
	assert_true(loop_run_once(loop, NS_PER_S) >= 0);
	assert_true(exporter->type->idle(exporter));
	assert_int_equal(counters[COUNTER_EXPORT_SENT_SPANS] + counters[COUNTER_EXPORT_WRITE_FAILED_SPANS], 3);
	assert_int_equal(counters[COUNTER_EXPORT_WRITE_FAILED_POINTS], kept.requests[1]->items);
}

/* A file that takes a part of the line and then no more; once it does again, the next line begins as a line. */
static void after_a_torn_line_the_next_one_begins_anew(void **state)
{
	const struct rlimit small = {.rlim_cur = PIPE_BYTES, .rlim_max = RLIM_INFINITY};
	const struct rlimit enough = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	exporter = file_exporter_create(loop, path);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	exporter->type->submit(exporter, kept.requests[1]);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &enough), 0);
	exporter->type->submit(exporter, kept.requests[0]);
	assert_int_equal(counters[COUNTER_EXPORT_WRITE_FAILED_POINTS], kept.requests[1]->items);
	assert_int_equal(counters[COUNTER_EXPORT_SENT_SPANS], 3);
	assert_int_equal(strncmp(written() + PIPE_BYTES, "\n{\"resourceSpans\"", 17), 0);
}

/* Opened for writing, a named pipe without reader would be waited for. */
static void a_named_pipe_that_nobody_reads_is_an_error(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(file_exporter_create(loop, path));
	assert_int_equal(errno, ENXIO);
}

static void assert_json(const ProtobufCMessage *message, const char *wanted)
{
	struct wire_buffer out = {0};
	uint8_t encoded[256];
	size_t length = protobuf_c_message_pack(message, encoded);

	assert_true(otlp_json_write(&out, message->descriptor, (struct slice){(char *)encoded, length}));
	assert_int_equal(out.length, strlen(wanted));
	assert_memory_equal(out.bytes, wanted, out.length);
	wire_buffer_free(&out);
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

	(void)state;
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		value.double_value = numbers[i].number;
		assert_json(&value.base, numbers[i].json);
	}
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
	value.int_value = INT64_MIN;
	assert_json(&value.base, "{\"intValue\":\"-9223372036854775808\"}");
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE;
	for (size_t i = 0; i <= 3; i++) {
		char wanted[64];

		value.bytes_value = (ProtobufCBinaryData){i, bytes};
		snprintf(wanted, sizeof(wanted), "{\"bytesValue\":\"%s\"}", base64[i]);
		assert_json(&value.base, wanted);
	}
}

static void json_of_a_request_that_is_cut_is_none(void **state)
{
	const struct otlp_request *request = kept.requests[0];
	struct wire_buffer out = {0};

	(void)state;
	for (size_t length = 1; length <= request->length; length++) {
		char *exact = test_malloc(length);
		size_t resources = request->length; /* its one field */

		memcpy(exact, request->bytes, length);
		wire_buffer_reset(&out);
		assert_int_equal(otlp_json_write(&out, otlp_request_type(OTLP_TRACES), (struct slice){exact, length}),
				 length == resources);
		test_free(exact);
	}
	wire_buffer_free(&out);
}

static void json_goes_no_deeper_than_its_limit(void **state)
{
	enum { DEPTH = OTLP_JSON_DEPTH_MAX / 2 };
	Opentelemetry__Proto__Common__V1__AnyValue values[DEPTH + 1], *items[DEPTH];
	Opentelemetry__Proto__Common__V1__ArrayValue arrays[DEPTH];
	struct wire_buffer out = {0};
	uint8_t encoded[512];

	(void)state;
	opentelemetry__proto__common__v1__any_value__init(&values[DEPTH]);
	for (size_t i = DEPTH; i-- > 0;) {
		opentelemetry__proto__common__v1__any_value__init(&values[i]);
		opentelemetry__proto__common__v1__array_value__init(&arrays[i]);
		items[i] = &values[i + 1];
		arrays[i].n_values = 1;
		arrays[i].values = &items[i];
		values[i].value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE;
		values[i].array_value = &arrays[i];
	}
	for (size_t i = 0; i < 2; i++) { /* the whole is one too deep */
		size_t length = protobuf_c_message_pack(&values[i].base, encoded);

		const struct slice message = {(char *)encoded, length};

		wire_buffer_reset(&out);
		assert_int_equal(otlp_json_write(&out, values[i].base.descriptor, message), i == 1);
	}
	wire_buffer_free(&out);
}

/* --- console ------------------------------------------------------------------------------------------------------ */

static void console_prints_a_line_per_span(void **state)
{
	const char *text;

	(void)state;
	exporter = console_exporter_create(loop, fd);
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
	exporter = console_exporter_create(loop, fd);
	exporter->type->submit(exporter, kept.requests[0]);
	exporter->type->submit(exporter, kept.requests[0]);
	assert_null(strstr(written() + 1, "TIME"));
}

static void console_sums_up_durations_and_losses(void **state)
{
	const char *text;

	(void)state;
	exporter = console_exporter_create(loop, fd);
	exporter->type->submit(exporter, kept.requests[1]);
	text = written();
	assert_contains(text, "request durations\n");
	assert_contains(text, "REQUESTS     PER S   ERRORS       P50       P95       MAX\n");
	assert_contains(text, "server          1       0.0        0  12.00 ms  12.00 ms  12.00 ms\n");
	assert_contains(text, "client          1       0.0        1  12.00 ms  12.00 ms  12.00 ms\n");
	assert_contains(text, "lost 7  shmotel.receiver.message.lost stage=parser reason=malformed\n");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
#define PIPE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_pipe, teardown_pipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_writes_one_otlp_json_request_per_line),
		TEST(another_parser_reads_every_line),
		TEST(file_appends_to_what_is_there_and_is_not_for_everybody),
		TEST(a_file_that_cannot_be_opened_is_an_error),
		TEST(what_cannot_be_written_is_counted),
		PIPE_TEST(a_reader_that_does_not_read_holds_up_nobody),
		TEST(a_socket_that_nobody_reads_holds_up_nobody),
		PIPE_TEST(a_slow_reader_gets_every_line_whole),
		PIPE_TEST(what_a_reader_that_went_away_did_not_read_is_counted),
		TEST(a_named_pipe_that_nobody_reads_is_an_error),
		TEST(after_a_torn_line_the_next_one_begins_anew),
		TEST(json_has_words_for_all_numbers_and_bytes),
		TEST(json_of_a_request_that_is_cut_is_none),
		TEST(json_goes_no_deeper_than_its_limit),
		TEST(console_prints_a_line_per_span),
		TEST(console_prints_the_head_once),
		TEST(console_sums_up_durations_and_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
