/* The receiver at work. */
#include "receiver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "daemon/log.h"
#include "exporters.h"
#include "pipeline.h"
#include "sandbox.h"
#include "status_report.h"
#include "status_socket.h"

enum { MESSAGE_BYTES = 512 };

struct receiver {
	const struct receiver_options *options;
	struct loop *loop;
	struct loop_watch signals;
	struct fan_out exporters;
	struct pipeline pipeline;
	struct intake *intake;
	struct status_socket *status;
	struct status_report report;
	uint64_t drain_deadline_ns; /* 0: not draining */
	struct sandbox_needs needs;
	char confinement[MESSAGE_BYTES];
};

/* --- signals ------------------------------------------------------------------------------------------------------ */

/* Whoever asks a second time to end does not want to wait. */
static void hurry(struct receiver *r)
{
	log_line(LOG_LEVEL_INFO, "asked again to end: what is not delivered now is given up");
	r->drain_deadline_ns = loop_now_ns();
}

static void take_signal(struct receiver *r, uint32_t number)
{
	switch (number) {
	case SIGUSR1:
		counters_print();
		break;
	case SIGHUP:
		log_line(LOG_LEVEL_INFO,
			 "nothing is reloaded: the receiver can open no file any more; start it anew to change "
			 "its options");
		break;
	default:
		if (r->drain_deadline_ns != 0)
			hurry(r);
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

static int open_intake(struct receiver *r)
{
	const struct record_sink sink = pipeline_sink(&r->pipeline);
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

static size_t write_status(void *context, char *text, size_t size)
{
	return status_report_write(context, text, size);
}

/* A receiver that cannot be asked works all the same, unless the socket was asked for. */
static int open_status(struct receiver *r)
{
	const char *path = r->options->status_socket;
	char message[MESSAGE_BYTES];
	int error;

	r->report = (struct status_report){
		.intake = r->intake,
		.pipeline = &r->pipeline,
		.exporters = &r->exporters,
		.confinement = r->confinement,
		.loop = loop_backend_name(r->loop),
		.started_ns = loop_now_ns(),
	};
	if (path[0] == '\0')
		return 0;
	error = status_socket_open(&r->status, r->loop, path, write_status, &r->report, message, sizeof(message));
	r->needs.status_socket = error == 0;
	if (error == 0)
		return 0;
	log_line(r->options->status_socket_given ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", message);
	return r->options->status_socket_given ? error : 0;
}

int receiver_open(struct receiver **receiver, const struct receiver_options *options)
{
	struct receiver *r = calloc(1, sizeof(*r));
	struct otlp_request_sink sink;
	int error;

	*receiver = r;
	if (r == NULL)
		return fail("the receiver cannot be set up", -ENOMEM);
	r->options = options;
	error = open_signals(r);
	if (error != 0)
		return fail("signals cannot be taken", error);
	/* Local time is asked for inside the cage, where its file cannot be read. */
	tzset();
	if ((error = open_loop(r)) != 0 || (error = open_exporters(r)) != 0)
		return error;
	sink = fan_out_sink(&r->exporters);
	error = pipeline_open(&r->pipeline, r->loop, options, &sink);
	if (error != 0)
		return error;
	telemetry_set_levels(r->pipeline.telemetry, exporters_levels, &r->exporters);
	error = open_intake(r);
	return error == 0 ? open_status(r) : error;
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
	uint64_t now_ns;

	r->drain_deadline_ns = loop_now_ns() + r->options->shutdown_timeout_ns;
	/* Nobody is told how it is any more. */
	status_socket_close(r->status);
	r->status = NULL;
	intake_drain(r->intake);
	pipeline_shutdown(&r->pipeline);
	intake_close(r->intake);
	r->intake = NULL;
	fan_out_drain(&r->exporters, r->drain_deadline_ns);
	while (!fan_out_idle(&r->exporters) && (now_ns = loop_now_ns()) < r->drain_deadline_ns) {
		if (loop_run_once(r->loop, r->drain_deadline_ns - now_ns) < 0)
			break;
	}
}

void receiver_close(struct receiver *r)
{
	if (r == NULL)
		return;
	r->pipeline.closing = true;
	status_socket_close(r->status);
	intake_close(r->intake);
	pipeline_close(&r->pipeline);
	fan_out_destroy(&r->exporters);
	counters_print();
	if (r->loop != NULL) {
		loop_watch_remove(r->loop, &r->signals);
		loop_destroy(r->loop);
	}
	if (r->signals.fd > 0)
		close(r->signals.fd);
	free(r);
}
