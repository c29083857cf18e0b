/* An OTLP exporter at the end of a pipe: a test says on standard input what to do, and reads what happened.
 *   submit traces|metrics ITEMS BYTES   spans ITEMS BYTES-OF-EACH   points ITEMS BYTES-OF-EACH
 *   idle   drain MILLISECONDS   counters   waiting   quit
 * What submit makes is not OTLP; spans and points makes requests whose items can be told apart ("item-N ").
 * Every command is answered with one line, idle and drain when it is so. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"
#include "export/otlp_exporter.h"
#include "loop.h"
#include "otlp/wire.h"
#include "sandbox.h"

struct driver {
	struct loop *loop;
	struct exporter *exporter;
	struct loop_watch input;
	char line[4096];
	size_t length;
	bool wait_idle;
	bool spool;
};

static const char *const counter_names[COUNTER_COUNT] = {
#define COUNTER_NAME(id, name, unit, attributes, meaning) [COUNTER_##id] = #id,
	RECEIVER_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
};

static void say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static void print_counters(void)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		if (counters[i] != 0)
			printf("%s=%" PRIu64 " ", counter_names[i], counters[i]);
	}
	say("");
}

/* Counters as well, so that both are of one moment. */
static void print_waiting(const struct driver *driver)
{
	struct exporter_status status = {.name = NULL};

	driver->exporter->type->status(driver->exporter, &status);
	printf("waiting_SPANS=%" PRIu64 " waiting_POINTS=%" PRIu64 " ", status.items[OTLP_TRACES],
	       status.items[OTLP_METRICS]);
	print_counters();
}

static void submit(struct driver *driver, const char *signal, uint32_t items, size_t bytes)
{
	struct otlp_request *request =
		otlp_request_create(strcmp(signal, "traces") == 0 ? OTLP_TRACES : OTLP_METRICS, bytes);

	if (request == NULL)
		abort();
	request->items = items;
	for (size_t i = 0; i < bytes; i++)
		request->bytes[i] = (uint8_t)(i * 31 + i / 251);
	driver->exporter->type->submit(driver->exporter, request);
	otlp_request_release(request);
}

static void add_text(struct wire_buffer *out, uint32_t field, const char *name, uint32_t number, size_t length)
{
	char *text = malloc(length + 32);
	int n;

	if (text == NULL)
		abort();
	n = snprintf(text, 32, "%s-%u ", name, number);
	memset(text + n, 'x', length);
	wire_add_bytes(out, field, (struct slice){text, (size_t)n + length});
	free(text);
}

/* ResourceSpans{ScopeSpans{Span...}}, or ResourceMetrics{ScopeMetrics{Metric{Histogram{point...}}}}. */
static void submit_items(struct driver *driver, enum otlp_signal signal, uint32_t items, size_t bytes)
{
	struct wire_buffer out = {0};
	struct otlp_request *request;
	size_t begin[5];
	unsigned depth = 0;

	begin[depth++] = wire_message_begin(&out, 1);
	add_text(&out, 1, "resource", 1, 0);
	begin[depth++] = wire_message_begin(&out, 2);
	if (signal == OTLP_METRICS) {
		begin[depth++] = wire_message_begin(&out, 2);
		add_text(&out, 1, "metric", 1, 0);
		begin[depth++] = wire_message_begin(&out, 9);
	}
	for (uint32_t i = 0; i < items; i++) {
		const size_t item = wire_message_begin(&out, signal == OTLP_METRICS ? 1 : 2);

		add_text(&out, 5, "item", i, bytes);
		wire_message_end(&out, item);
	}
	while (depth > 0)
		wire_message_end(&out, begin[--depth]);
	request = otlp_request_create(signal, out.length);
	if (out.failed || request == NULL)
		abort();
	request->items = items;
	memcpy(request->bytes, out.bytes, out.length);
	driver->exporter->type->submit(driver->exporter, request);
	otlp_request_release(request);
	wire_buffer_free(&out);
}

static void command(struct driver *driver, const char *line)
{
	char signal[16];
	uint32_t items;
	size_t bytes;
	uint64_t ms;

	if (sscanf(line, "submit %15s %" SCNu32 " %zu", signal, &items, &bytes) == 3) {
		submit(driver, signal, items, bytes);
		say("ok");
	} else if (sscanf(line, "spans %" SCNu32 " %zu", &items, &bytes) == 2) {
		submit_items(driver, OTLP_TRACES, items, bytes);
		say("ok");
	} else if (sscanf(line, "points %" SCNu32 " %zu", &items, &bytes) == 2) {
		submit_items(driver, OTLP_METRICS, items, bytes);
		say("ok");
	} else if (strcmp(line, "idle") == 0) {
		driver->wait_idle = true;
	} else if (sscanf(line, "drain %" SCNu64, &ms) == 1) {
		driver->exporter->type->drain(driver->exporter, loop_now_ns() + ms * 1000000);
		driver->wait_idle = true;
	} else if (strcmp(line, "counters") == 0) {
		print_counters();
	} else if (strcmp(line, "waiting") == 0) {
		print_waiting(driver);
	} else {
		loop_stop(driver->loop);
	}
}

static void input_ready(void *context, unsigned events)
{
	struct driver *driver = context;
	const ssize_t n = read(STDIN_FILENO, driver->line + driver->length, sizeof(driver->line) - driver->length - 1);
	char *end;

	(void)events;
	if (n <= 0) {
		loop_stop(driver->loop);
		return;
	}
	driver->length += (size_t)n;
	driver->line[driver->length] = '\0';
	while ((end = strchr(driver->line, '\n')) != NULL) {
		*end = '\0';
		command(driver, driver->line);
		driver->length -= (size_t)(end + 1 - driver->line);
		memmove(driver->line, end + 1, driver->length + 1);
	}
}

static bool before_sleep(void *context)
{
	struct driver *driver = context;

	if (driver->wait_idle && driver->exporter->type->idle(driver->exporter)) {
		driver->wait_idle = false;
		say("ok");
	}
	return true;
}

/* Everything the exporter does has to be possible in the receiver's cage. AddressSanitizer's leak check is not. */
static int enter_cage(const struct driver *driver, const struct export_target *target)
{
#ifdef __SANITIZE_ADDRESS__
	(void)driver;
	(void)target;
	return 0;
#else
	const struct sandbox_needs needs = {
		.uring = strcmp(loop_backend_name(driver->loop), "io_uring") == 0,
		.abstract_names = target->place == EXPORT_PLACE_ABSTRACT,
		.spool = driver->spool,
		.tcp_port_count = target->place == EXPORT_PLACE_TCP,
		.tcp_ports = {target->port},
	};
	char message[512];

	if (sandbox_enter(&needs, message, sizeof(message)) == 0)
		return 0;
	fprintf(stderr, "%s\n", message);
	return -1;
#endif
}

static uint64_t ms_option(void)
{
	return strtoull(optarg, NULL, 10) * 1000000;
}

static enum loop_backend options_read(int argc, char **argv, struct otlp_exporter_options *options,
				      const char **headers)
{
	enum loop_backend backend = LOOP_AUTO;
	int option;

	while ((option = getopt(argc, argv, "b:t:i:e:q:Q:m:gh:rA:C:K:N:k3S:z:a:f")) != -1) {
		switch (option) {
		case 'b':
			backend = strcmp(optarg, "epoll") == 0 ? LOOP_EPOLL : LOOP_URING;
			break;
		case 't':
			options->timeout_ns = ms_option();
			break;
		case 'i':
			options->retry.initial_interval_ns = ms_option();
			break;
		case 'e':
			options->retry.max_elapsed_time_ns = ms_option();
			break;
		case 'q':
			options->queue_requests = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'Q':
			options->queue_bytes = strtoull(optarg, NULL, 10);
			break;
		case 'm':
			options->max_request_bytes = strtoull(optarg, NULL, 10);
			break;
		case 'g':
			options->gzip = true;
			break;
		case 'S':
			options->spool.directory = optarg;
			break;
		case 'z':
			options->spool.bytes = strtoull(optarg, NULL, 10);
			break;
		case 'a':
			options->spool.max_age_ns = ms_option();
			break;
		case 'f':
			options->spool.fsync = true;
			break;
		case 'A':
			options->tls.ca_file = optarg;
			break;
		case 'C':
			options->tls.cert_file = optarg;
			break;
		case 'K':
			options->tls.key_file = optarg;
			break;
		case 'N':
			options->tls.server_name_override = optarg;
			break;
		case 'k':
			options->tls.insecure_skip_verify = true;
			break;
		case '3':
			options->tls.min_version = 13;
			break;
		case 'h':
			headers[options->header_count++] = optarg;
			break;
		default:
			options->retry.enabled = false;
		}
	}
	options->headers = headers;
	return backend;
}

int main(int argc, char **argv)
{
	const char *headers[32];
	char message[512];
	struct otlp_exporter_options options = otlp_exporter_options_default;
	struct driver driver = {0};
	struct export_target target;
	char specification[512];
	const struct loop_idle idle = {.may_sleep = before_sleep, .context = &driver};

	driver.loop = loop_create(options_read(argc, argv, &options, headers));
	if (driver.loop == NULL) {
		perror("loop_create");
		return 77; /* io_uring is refused here */
	}
	/* An endpoint alone is one of otlp-grpc. */
	snprintf(specification, sizeof(specification), "%s%s",
		 strstr(argv[optind], "otlp-") ? "" : "otlp-grpc:", argv[optind]);
	if (export_target_parse(&target, specification) != NULL)
		return 2;
	options.target = &target;
	options.specification = specification;
	driver.spool = options.spool.directory != NULL;
	if (otlp_exporter_create(&driver.exporter, driver.loop, &options, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		loop_destroy(driver.loop);
		return 2;
	}
	if (driver.spool)
		spool_say_orphans(options.spool.directory);
	driver.input =
		(struct loop_watch){.fd = STDIN_FILENO, .events = LOOP_READ, .ready = input_ready, .context = &driver};
	loop_idle_set(driver.loop, &idle);
	if (enter_cage(&driver, &target) < 0)
		return 3;
	if (loop_watch_add(driver.loop, &driver.input) < 0 || loop_run(driver.loop) < 0)
		return 1;
	driver.exporter->type->destroy(driver.exporter);
	print_counters();
	loop_watch_remove(driver.loop, &driver.input);
	loop_destroy(driver.loop);
	return 0;
}
