/* The receiver at work. */
#include "receiver.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "connections/connections.h"
#include "counters.h"
#include "daemon/log.h"
#include "exporters.h"
#include "intake/intake.h"
#include "otlp/telemetry.h"
#include "sandbox.h"

enum {
	MESSAGE_BYTES = 512,
	KNOWN_METHODS_MAX = 64,
	QUERY_KEYS_MAX = 64,
};

static const uint64_t second_ns = 1000000000;

struct receiver {
	const struct receiver_options *options;
	struct loop *loop;
	struct loop_watch signals;
	struct fan_out exporters;
	struct telemetry *telemetry;
	struct connections *connections;
	struct intake *intake;
	struct loop_timer telemetry_timer; /* when telemetry wants to be called */
	struct loop_timer connections_timer;
	bool draining;
	bool batch_waits; /* the telemetry timer knows of the batch that is open */
	struct sandbox_needs needs;
	char confinement[MESSAGE_BYTES];
	struct slice known_methods[KNOWN_METHODS_MAX];
	struct slice query_keys[QUERY_KEYS_MAX];
};

/* --- records ------------------------------------------------------------------------------------------------------ */

static void take_loss(const struct shm_record_loss *loss)
{
	static const char *const causes[] = {
		[SHM_LOSS_KERNEL_RING] = "the ring between kernel and sensor was full: raise sensor.kernel_ring_bytes",
		[SHM_LOSS_SHARED_RING] = "the ring between sensor and receiver was full: raise sensor.ring_bytes",
		[SHM_LOSS_CAPTURE] = "the kernel side skipped them or had no room: raise sensor.connections_max and "
				     "sensor.processes_max",
	};
	static struct log_limit limits[SHM_LOSS_CAPTURE + 1];

	counter_add(COUNTER_LOSS_REPORTED, loss->records);
	/* The stage has been checked with the record. */
	log_line_limited(&limits[loss->stage], LOG_LEVEL_WARNING,
			 "%" PRIu64 " records were lost before they came here; %s", loss->records, causes[loss->stage]);
}

static void on_record(void *context, const struct shm_record_view *view)
{
	struct receiver *r = context;

	if (view->header->type == SHM_RECORD_PROCESS_EXIT)
		telemetry_process_ended(r->telemetry, view->process_exit->process_id);
	if (connections_record(r->connections, view))
		return;
	switch (view->header->type) {
	case SHM_RECORD_CLOCK:
		telemetry_set_clock(r->telemetry, view->clock->monotonic_ns, view->clock->unix_ns);
		break;
	case SHM_RECORD_COUNTERS:
		telemetry_set_sensor_counters(r->telemetry, view->counters.values, view->counters.fixed->count);
		break;
	case SHM_RECORD_LOSS:
		take_loss(view->loss);
		break;
	case SHM_RECORD_SNAPSHOT_END:
		log_line(LOG_LEVEL_INFO, "the sensor announced %u processes and %u connections that were there before",
			 view->snapshot_end->processes, view->snapshot_end->connections);
		break;
	}
}

static void on_attached(void *context, uint64_t generation, uint32_t sensor_pid)
{
	struct receiver *r = context;

	(void)generation;
	connections_reset(r->connections);
	log_line(LOG_LEVEL_INFO, "attached to sensor %u", sensor_pid);
}

/* What is unfinished stays unfinished: its end passed unseen. */
static void on_detached(void *context)
{
	struct receiver *r = context;

	if (r->draining)
		return;
	connections_reset(r->connections);
	log_line(LOG_LEVEL_WARNING, "the sensor is gone; waiting for it to come back");
}

static void on_problem(void *context, const char *sentence)
{
	(void)context;
	log_line(LOG_LEVEL_INFO, "waiting for the sensor: %s", sentence);
}

/* --- exchanges ---------------------------------------------------------------------------------------------------- */

static void tick_telemetry(void *context)
{
	struct receiver *r = context;
	uint64_t now_ns = loop_now_ns();
	uint64_t due_ns = telemetry_tick(r->telemetry, now_ns);

	/* Further off than a batch may wait: there is none, and the next span has to say so. */
	r->batch_waits = due_ns <= now_ns + r->options->batch_delay_ns;
	loop_timer_set(r->loop, &r->telemetry_timer, due_ns);
}

static void take_exchange(void *context, const struct exchange *exchange)
{
	struct receiver *r = context;

	telemetry_take(r->telemetry, exchange);
	if (!r->batch_waits) {
		r->batch_waits = true;
		loop_timer_set(r->loop, &r->telemetry_timer, loop_now_ns());
	}
}

static void tick_connections(void *context)
{
	struct receiver *r = context;
	uint64_t now_ns = loop_now_ns();

	connections_tick(r->connections, now_ns);
	loop_timer_set(r->loop, &r->connections_timer, now_ns + second_ns);
}

/* --- signals ------------------------------------------------------------------------------------------------------ */

static void take_signal(struct receiver *r, uint32_t number)
{
	switch (number) {
	case SIGUSR1:
		counters_print(stderr);
		break;
	case SIGHUP:
		log_line(LOG_LEVEL_INFO,
			 "nothing is reloaded: the receiver can open no file any more; start it anew to change "
			 "its options");
		break;
	default:
		loop_stop(r->loop);
	}
}

static void on_signal(void *context, unsigned events)
{
	struct receiver *r = context;
	struct signalfd_siginfo info;

	(void)events;
	while (read(r->signals.fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		take_signal(r, info.ssi_signo);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int fail(const char *what, int error)
{
	log_line(LOG_LEVEL_ERROR, "%s: %s", what, strerror(-error));
	return error;
}

/* Before anything else, so that no signal finds the receiver without an ear for it. */
static int open_signals(struct receiver *r)
{
	static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	r->signals = (struct loop_watch){.events = LOOP_READ, .ready = on_signal, .context = r};
	r->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals.fd < 0 ? -errno : 0;
}

static int open_loop(struct receiver *r)
{
	int error;

	r->loop = loop_create(r->options->loop);
	if (r->loop == NULL) {
		error = errno != 0 ? -errno : -ENOMEM;
		log_line(LOG_LEVEL_ERROR, "the %s loop cannot be made (%s); give --loop auto or --loop epoll",
			 r->options->loop == LOOP_URING ? "io_uring" : "event", strerror(-error));
		return error;
	}
	error = loop_watch_add(r->loop, &r->signals);
	r->needs.uring = strcmp(loop_backend_name(r->loop), "io_uring") == 0;
	return error == 0 ? 0 : fail("signals cannot be watched", error);
}

/* The texts stay the options'. Returns how many fit. */
static size_t slices_of(const struct option_texts *texts, struct slice *slices, size_t slices_max)
{
	size_t count = texts->count < slices_max ? texts->count : slices_max;

	for (size_t i = 0; i < count; i++)
		slices[i] = (struct slice){texts->items[i], strlen(texts->items[i])};
	return count;
}

static int open_telemetry(struct receiver *r)
{
	const struct receiver_options *o = r->options;
	const struct otlp_request_sink sink = fan_out_sink(&r->exporters);
	struct telemetry_config config;

	telemetry_config_defaults(&config);
	config.export_unsampled = o->export_unsampled;
	config.command_line = o->command_line;
	config.delta = o->temporality == TEMPORALITY_DELTA;
	config.rules.known_methods = r->known_methods;
	config.rules.known_method_count = slices_of(&o->known_methods, r->known_methods, KNOWN_METHODS_MAX);
	config.rules.redaction.sensitive_keys = r->query_keys;
	config.rules.redaction.sensitive_key_count = slices_of(&o->redacted_query_keys, r->query_keys, QUERY_KEYS_MAX);
	config.rules.body_sizes = o->body_sizes;
	config.batch_spans_max = o->batch_spans;
	/* Room for what the transport adds. */
	config.batch_bytes_max = o->request_bytes_max / 8 * 7;
	config.batch_delay_ns = o->batch_delay_ns;
	config.metric_interval_ns = o->metric_interval_ns;
	config.series_per_metric_max = o->cardinality_limit;
	config.service_name = o->service_name;
	config.resource_attributes = o->resource_attributes;
	r->telemetry = telemetry_create(&config, &sink);
	return r->telemetry != NULL ? 0 : fail("the telemetry cannot be set up", errno != 0 ? -errno : -ENOMEM);
}

static int open_connections(struct receiver *r)
{
	const struct connections_limits limits = {
		.connections_max = r->options->connections_max,
		.processes_max = r->options->processes_max,
		.buffer_bytes_max = r->options->buffer_bytes,
	};
	const struct exchange_sink sink = {.take = take_exchange, .context = r};

	r->connections = connections_create(&limits, &sink);
	return r->connections != NULL ? 0 : fail("the connection tables cannot be set up", -ENOMEM);
}

static int open_intake(struct receiver *r)
{
	const struct record_sink sink = {
		.record = on_record,
		.attached = on_attached,
		.detached = on_detached,
		.problem = on_problem,
		.context = r,
	};
	char message[MESSAGE_BYTES];
	int error = intake_open(&r->intake, r->loop, r->options->socket_path, &sink, message, sizeof(message));

	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", message);
	return error;
}

static int open_exporters(struct receiver *r)
{
	char message[MESSAGE_BYTES];
	int error = exporters_open(&r->exporters, r->loop, r->options, &r->needs, message, sizeof(message));

	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", message);
	return error;
}

int receiver_open(struct receiver **receiver, const struct receiver_options *options)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int error;

	*receiver = r;
	if (r == NULL)
		return fail("the receiver cannot be set up", -ENOMEM);
	r->options = options;
	r->telemetry_timer = (struct loop_timer){.fire = tick_telemetry, .context = r};
	r->connections_timer = (struct loop_timer){.fire = tick_connections, .context = r};
	error = open_signals(r);
	if (error != 0)
		return fail("signals cannot be taken", error);
	/* Local time is asked for inside the cage, where its file cannot be read. */
	tzset();
	if ((error = open_loop(r)) != 0 || (error = open_exporters(r)) != 0 || (error = open_telemetry(r)) != 0 ||
	    (error = open_connections(r)) != 0)
		return error;
	tick_telemetry(r);
	tick_connections(r);
	return open_intake(r);
}

int receiver_confine(struct receiver *r)
{
	int error = sandbox_enter(&r->needs, r->confinement, sizeof(r->confinement));

	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", r->confinement);
	return error;
}

void receiver_announce(const struct receiver *r)
{
	const char *reason = loop_backend_reason(r->loop);
	char others[32] = "";

	if (r->exporters.count > 1)
		snprintf(others, sizeof(others), " and %zu more", r->exporters.count - 1);
	log_line(LOG_LEVEL_INFO, "ready: exporting to %s%s; uid %u without capabilities, %s; %s loop%s%s",
		 r->options->exports.items[0], others, getuid(), r->confinement, loop_backend_name(r->loop),
		 reason[0] != '\0' ? ": " : "", reason);
}

int receiver_run(struct receiver *r)
{
	int error = loop_run(r->loop);

	return error == 0 ? 0 : fail("waiting for events failed", error);
}

void receiver_drain(struct receiver *r)
{
	uint64_t deadline_ns = loop_now_ns() + r->options->shutdown_timeout_ns;
	uint64_t now_ns;

	r->draining = true;
	intake_drain(r->intake);
	connections_shutdown(r->connections);
	intake_close(r->intake);
	r->intake = NULL;
	loop_timer_cancel(r->loop, &r->telemetry_timer);
	telemetry_flush(r->telemetry, loop_now_ns());
	fan_out_drain(&r->exporters, deadline_ns);
	while (!fan_out_idle(&r->exporters) && (now_ns = loop_now_ns()) < deadline_ns) {
		if (loop_run_once(r->loop, deadline_ns - now_ns) < 0)
			break;
	}
}

void receiver_close(struct receiver *r)
{
	if (r == NULL)
		return;
	r->draining = true;
	intake_close(r->intake);
	connections_destroy(r->connections);
	telemetry_destroy(r->telemetry);
	fan_out_destroy(&r->exporters);
	counters_print(stderr);
	if (r->loop != NULL) {
		loop_watch_remove(r->loop, &r->signals);
		loop_destroy(r->loop);
	}
	if (r->signals.fd > 0)
		close(r->signals.fd);
	free(r);
}
