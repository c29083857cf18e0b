/* The sensor's loop: drain, relay, report, and obey signals. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "counter_report.h"
#include "daemon/log.h"
#include "sensor_state.h"

enum {
	DRAIN_BUDGET = 8192,	   /* events between two looks at everything else */
	DRAIN_PASSES_AT_EXIT = 64, /* the kernel side goes on capturing meanwhile */
	WAITS_AT_EXIT = 40,	   /* for room in the ring, each of WAIT_NS */
	WAIT_NS = 5 * 1000 * 1000,
	QUIET_REPORTS_MAX = 5, /* reports left out while nothing happens: the clock is due every ten seconds */
	FLUSH_IDLE_MS = 500,   /* how long a transfer must rest before its end is reported without a next one */
	READY_MAX = 4,
};

static void counters_print(struct sensor *sensor)
{
	capture_counters(sensor->capture, sensor->counters);
	capture_recursion(sensor->capture, sensor->counters);
	counter_report_print(sensor->counters);
}

static void reload(struct sensor *sensor)
{
	struct sensor_options options = {.socket_path = NULL};

	if (sensor_options_reread(&options, sensor->argc, sensor->argv) >= 0) {
		log_line(LOG_LEVEL_WARNING, "the options were not reloaded: those in force stay");
		sensor_options_free(&options);
		return;
	}
	struct watch_list watch_list = sensor_watch_list(&options);

	relay_set_watch_list(&sensor->relay, &watch_list);
	sensor_options_free(&sensor->reloaded);
	sensor->reloaded = options;
	log_line(LOG_LEVEL_INFO, "the filters of executables and cgroups were reloaded");
}

static void on_signal(struct sensor *sensor)
{
	struct signalfd_siginfo info;

	while (read(sensor->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGUSR1:
			counters_print(sensor);
			break;
		case SIGHUP:
			reload(sensor);
			break;
		default:
			sensor->stopping = true;
		}
	}
}

/* Once a second while a receiver is there; more rarely while nothing happens, so that an idle pair sleeps. */
static void report(struct sensor *sensor, uint64_t now)
{
	sensor->report_due_ns = now + SENSOR_REPORT_INTERVAL_NS;
	capture_counters(sensor->capture, sensor->counters);
	uint64_t drained = sensor->counters[SENSOR_COUNTER_EVENTS_DRAINED];

	if (drained == sensor->reported_drained && ++sensor->quiet_reports < QUIET_REPORTS_MAX)
		return;
	sensor->quiet_reports = 0;
	sensor->reported_drained = drained;
	relay_report(&sensor->relay);
}

/* Returns the number of events drained. */
static int drain(struct sensor *sensor)
{
	const struct capture_handler handler = {
		.process = relay_on_process,
		.process_exit = relay_on_process_exit,
		.connection = relay_on_connection,
		.data = relay_on_data,
		.connection_close = relay_on_connection_close,
		.context = &sensor->relay,
	};
	int drained = capture_drain(sensor->capture, &handler, DRAIN_BUDGET);

	if (drained < 0)
		LOG_LIMITED(LOG_LEVEL_ERROR, "cannot drain the kernel's ring: %s", strerror(-drained));
	return drained;
}

static void end_pass(struct sensor *sensor, uint64_t now)
{
	relay_tell_untold(&sensor->relay);
	if (!ring_session_end_pass(&sensor->session, now)) {
		LOG_LIMITED(LOG_LEVEL_ERROR, "the receiver broke the protocol of the ring: hanging up");
		handoff_disconnect(sensor->handoff);
	}
}

static void flush(struct sensor *sensor, uint32_t idle_ms)
{
	int error = capture_flush(sensor->capture, idle_ms);

	if (error != 0)
		LOG_LIMITED(LOG_LEVEL_WARNING, "the end of a large transfer shows only with the next one: %s",
			    strerror(-error));
}

static void sweep(struct sensor *sensor, uint64_t now)
{
	int error = capture_sweep(sensor->capture);

	sensor->sweep_due_ns = now + SENSOR_SWEEP_INTERVAL_NS;
	capture_recursion(sensor->capture, sensor->counters);
	if (error != 0)
		LOG_LIMITED(LOG_LEVEL_WARNING, "Unix sockets that have ended stay in the kernel's table: %s",
			    strerror(-error));
}

/* Early while awake anyway, and late while asleep: so reports and sweeps come along with what wakes the loop. */
static bool is_due(uint64_t due_ns, uint64_t now)
{
	return now + SENSOR_SLACK_NS >= due_ns;
}

/* Returns the number of events drained. */
static int pass(struct sensor *sensor)
{
	uint64_t now = sensor_now_ns();
	bool report_is_due = sensor->report_due_ns != 0 && is_due(sensor->report_due_ns, now);

	if (report_is_due)
		flush(sensor, FLUSH_IDLE_MS);
	if (is_due(sensor->sweep_due_ns, now))
		sweep(sensor, now);
	int drained = drain(sensor);

	if (drained > 0)
		sensor->poll_due_ns = now + SENSOR_POLL_INTERVAL_NS;
	else if (now >= sensor->poll_due_ns)
		sensor->poll_due_ns = 0;
	if (report_is_due)
		report(sensor, now);
	end_pass(sensor, now);
	return drained;
}

static int timeout_ms(const struct sensor *sensor)
{
	uint64_t now = sensor_now_ns(), due = sensor->sweep_due_ns;

	if (sensor->report_due_ns != 0 && sensor->report_due_ns < due)
		due = sensor->report_due_ns;
	due += SENSOR_SLACK_NS;
	if (sensor->poll_due_ns != 0 && sensor->poll_due_ns < due)
		due = sensor->poll_due_ns;
	/* Rounded up, so as not to wake just before it. */
	return due <= now ? 0 : (int)((due - now + 999999) / 1000000);
}

static int dispatch(struct sensor *sensor, int timeout)
{
	struct epoll_event ready[READY_MAX];
	int count = epoll_wait(sensor->epoll_fd, ready, READY_MAX, timeout);

	if (count < 0 && errno != EINTR) {
		log_line(LOG_LEVEL_ERROR, "epoll_wait: %s", strerror(errno));
		return -errno;
	}
	for (int i = 0; i < count; i++) {
		if (ready[i].data.fd == sensor->signal_fd)
			on_signal(sensor);
		else if (ready[i].data.fd == handoff_fd(sensor->handoff))
			handoff_on_ready(sensor->handoff);
	}
	return 0;
}

int sensor_run(struct sensor *sensor, int argc, char **argv)
{
	int error = 0;

	sensor->argc = argc;
	sensor->argv = argv;
	int drained = pass(sensor); /* what the walk found, so that the first snapshot contains it */

	while (!sensor->stopping && error == 0) {
		error = dispatch(sensor, drained >= DRAIN_BUDGET ? 0 : timeout_ms(sensor));
		drained = pass(sensor);
	}
	return error;
}

/* The last report closes the receiver's account: worth a moment for a receiver that reads. */
static void await_room_at_exit(struct sensor *sensor)
{
	static const struct timespec wait = {.tv_nsec = WAIT_NS};

	for (int i = 0; i < WAITS_AT_EXIT && !relay_can_report(&sensor->relay); i++) {
		end_pass(sensor, sensor_now_ns());
		nanosleep(&wait, NULL);
	}
}

void sensor_drain_at_exit(struct sensor *sensor)
{
	flush(sensor, 0);
	for (int i = 0; i < DRAIN_PASSES_AT_EXIT && drain(sensor) == DRAIN_BUDGET; i++)
		end_pass(sensor, sensor_now_ns());
	await_room_at_exit(sensor);
	capture_counters(sensor->capture, sensor->counters);
	capture_recursion(sensor->capture, sensor->counters);
	relay_report(&sensor->relay);
	end_pass(sensor, sensor_now_ns());
	counters_print(sensor);
}
