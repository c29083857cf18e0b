/* Run the capture: one loop over the kernel's ring, the receiver's handoff and signals. */
#include "sensor.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "counter_report.h"
#include "daemon/log.h"
#include "privileges.h"
#include "relay.h"

enum {
	DRAIN_BUDGET = 8192,       /* events between two looks at everything else */
	DRAIN_PASSES_AT_EXIT = 64, /* the kernel side goes on capturing meanwhile */
	WAITS_AT_EXIT = 40,        /* for room in the ring, each of WAIT_NS */
	WAIT_NS = 5 * 1000 * 1000,
	QUIET_REPORTS_MAX = 5,     /* reports left out while nothing happens: the clock is due every ten seconds */
	FLUSH_IDLE_MS = 500,       /* how long a transfer must rest before its end is reported without a next one */
	READY_MAX = 4,
	MESSAGE_BYTES = 512,
};

/* The kernel side wakes the loop when the first event comes after WAKEUP_INTERVAL_US without a wakeup, and when much
 * waits. What comes in between is fetched by polling, until a poll finds nothing. The poll is the longer of the two by
 * more than any event takes to be written: so none is left behind that neither wakes nor is polled for. */
enum { WAKEUP_INTERVAL_US = 200 * 1000 };
static const uint64_t poll_interval_ns = 250 * 1000 * 1000;
static const uint64_t report_interval_ns = 1000 * 1000 * 1000;

struct sensor {
	const struct sensor_options *options;
	struct sensor_options reloaded; /* owns the patterns in force after SIGHUP */
	uint64_t counters[SENSOR_COUNTER_COUNT];
	char capture_message[MESSAGE_BYTES];
	struct capture *capture;
	struct handoff *handoff;
	struct ring_session session;
	struct relay relay;
	bool relay_is_open;
	int epoll_fd;
	int signal_fd;
	bool stopping;
	uint64_t poll_due_ns;   /* 0: nothing flows */
	uint64_t report_due_ns; /* 0: no receiver */
	uint64_t reported_drained;
	unsigned int quiet_reports;
	int argc;
	char **argv;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct watch_patterns patterns(const struct option_texts *texts)
{
	return (struct watch_patterns){(const char *const *)texts->items, texts->count};
}

static struct watch_list watch_list_make(const struct sensor_options *options)
{
	return (struct watch_list){
		.include_executables = patterns(&options->include_executables),
		.exclude_executables = patterns(&options->exclude_executables),
		.include_cgroups = patterns(&options->include_cgroups),
		.exclude_cgroups = patterns(&options->exclude_cgroups),
		.watch_collectors = options->watch_collectors,
	};
}

static int set_verdict(void *context, uint32_t pid, enum verdict verdict)
{
	struct sensor *sensor = context;

	return capture_set_verdict(sensor->capture, pid, verdict);
}

static int on_offer(void *context, struct handoff_offer *offer)
{
	struct sensor *sensor = context;
	int error = ring_session_open(&sensor->session, offer);

	if (error != 0)
		LOG_LIMITED(LOG_LEVEL_ERROR, "cannot make a ring for the receiver: %s", strerror(-error));
	return error;
}

static void on_attached(void *context, uint32_t peer_pid)
{
	struct sensor *sensor = context;

	if (capture_set_receiver(sensor->capture, peer_pid) != 0)
		LOG_LIMITED(LOG_LEVEL_WARNING, "the kernel side could not be told of receiver %u: it may be watched",
			    peer_pid);
	capture_counters(sensor->capture, sensor->counters);
	relay_on_attach(&sensor->relay, peer_pid);
	sensor->report_due_ns = now_ns() + report_interval_ns;
	log_line(LOG_LEVEL_INFO, "receiver %u attached", peer_pid);
}

static void on_detached(void *context)
{
	struct sensor *sensor = context;

	(void)capture_set_receiver(sensor->capture, 0);
	relay_on_detach(&sensor->relay);
	ring_session_reader_gone(&sensor->session);
	sensor->report_due_ns = 0;
	log_line(LOG_LEVEL_INFO, "receiver detached");
}

static void on_refused(void *context, enum shm_handoff_status status, uint32_t peer_pid, uint32_t peer_uid)
{
	(void)context;
	if (status == SHM_HANDOFF_BUSY)
		LOG_LIMITED(LOG_LEVEL_WARNING, "process %u was turned away: a receiver is attached", peer_pid);
	else
		LOG_LIMITED(LOG_LEVEL_WARNING, "process %u of uid %u was turned away", peer_pid, peer_uid);
}

static int signals_open(void)
{
	static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int epoll_add(struct sensor *sensor, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(sensor->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int capture_start(struct sensor *sensor, const struct watch_list *watch_list)
{
	struct capture_options options = sensor->options->capture;

	options.self_pid = (uint32_t)getpid();
	options.wakeup_interval_us = WAKEUP_INTERVAL_US;
	options.new_process_verdict = watch_list_filters(watch_list) ? VERDICT_PENDING : VERDICT_WATCH;
	int error = capture_open(&sensor->capture, &options, sensor->capture_message, sizeof(sensor->capture_message));

	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", sensor->capture_message);
	return error;
}

static int relay_start(struct sensor *sensor, const struct watch_list *watch_list)
{
	const struct relay_options options = {
		.processes_max = sensor->options->capture.processes_max,
		.connections_max = sensor->options->capture.connections_max,
		.presumed = watch_list_filters(watch_list) ? VERDICT_PENDING : VERDICT_WATCH,
		.set_verdict = set_verdict,
		.context = sensor,
	};
	int error = relay_open(&sensor->relay, &options, watch_list, "/proc", &sensor->session, sensor->counters);

	sensor->relay_is_open = true;
	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "cannot read /proc: %s", strerror(-error));
	return error;
}

static int handoff_start(struct sensor *sensor)
{
	const struct handoff_handler handler = {
		.offer = on_offer,
		.attached = on_attached,
		.detached = on_detached,
		.refused = on_refused,
		.context = sensor,
	};
	char message[MESSAGE_BYTES];
	int error = handoff_open(&sensor->handoff, sensor->options->socket_path, sensor->options->allow_uid, &handler,
				 message, sizeof(message));

	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", message);
	return error;
}

static int loop_open(struct sensor *sensor)
{
	int error;

	sensor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sensor->signal_fd = signals_open();
	if (sensor->epoll_fd < 0 || sensor->signal_fd < 0)
		error = -errno;
	else
		error = epoll_add(sensor, sensor->signal_fd, EPOLLIN);
	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "cannot set up the event loop: %s", strerror(-error));
	return error;
}

static int loop_watch_sources(struct sensor *sensor)
{
	int error = epoll_add(sensor, handoff_fd(sensor->handoff), EPOLLIN);

	/* By edges: while the poll is due anyway, waiting events do not count as news. */
	if (error == 0)
		error = epoll_add(sensor, capture_fd(sensor->capture), EPOLLIN | EPOLLET);
	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "cannot set up the event loop: %s", strerror(-error));
	return error;
}

int sensor_open(struct sensor **result, const struct sensor_options *options)
{
	struct watch_list watch_list = watch_list_make(options);
	struct sensor *sensor = calloc(1, sizeof(*sensor));
	int error;

	*result = sensor;
	if (sensor == NULL) {
		log_line(LOG_LEVEL_ERROR, "no memory");
		return -ENOMEM;
	}
	sensor->options = options;
	ring_session_init(&sensor->session, options->ring_bytes, sensor->counters);
	error = loop_open(sensor);
	if (error == 0)
		error = relay_start(sensor, &watch_list);
	/* Before the socket: whoever can attach finds the capture running. */
	if (error == 0)
		error = capture_start(sensor, &watch_list);
	if (error == 0)
		error = handoff_start(sensor);
	if (error == 0)
		error = loop_watch_sources(sensor);
	if (error == 0) {
		error = capture_walk(sensor->capture);
		if (error != 0)
			log_line(LOG_LEVEL_ERROR, "cannot walk the processes and sockets that exist: %s",
				 strerror(-error));
	}
	return error;
}

int sensor_drop_privileges(struct sensor *sensor)
{
	const struct privileges_options options = {.change_user = false};
	char message[MESSAGE_BYTES];
	int error = privileges_drop(&options, message, sizeof(message));

	(void)sensor;
	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", message);
	return error;
}

void sensor_announce(const struct sensor *sensor)
{
	log_line(LOG_LEVEL_INFO, "ready: %s; socket %s for uid %u", sensor->capture_message,
		 sensor->options->socket_path, sensor->options->allow_uid);
}

static void counters_print(struct sensor *sensor)
{
	capture_counters(sensor->capture, sensor->counters);
	counter_report_print(sensor->counters, stderr);
}

static void reload(struct sensor *sensor)
{
	struct sensor_options options = {.socket_path = NULL};

	if (sensor_options_read(&options, sensor->argc, sensor->argv) >= 0) {
		log_line(LOG_LEVEL_WARNING, "the options were not reloaded: those in force stay");
		sensor_options_free(&options);
		return;
	}
	struct watch_list watch_list = watch_list_make(&options);

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
	sensor->report_due_ns = now + report_interval_ns;
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

static void flush(struct sensor *sensor)
{
	int error = capture_flush(sensor->capture, FLUSH_IDLE_MS);

	if (error != 0)
		LOG_LIMITED(LOG_LEVEL_WARNING, "the end of a large transfer shows only with the next one: %s",
			    strerror(-error));
}

/* Returns the number of events drained. */
static int pass(struct sensor *sensor)
{
	uint64_t now = now_ns();
	bool report_is_due = sensor->report_due_ns != 0 && now >= sensor->report_due_ns;

	if (report_is_due)
		flush(sensor);
	int drained = drain(sensor);

	if (drained > 0)
		sensor->poll_due_ns = now + poll_interval_ns;
	else if (now >= sensor->poll_due_ns)
		sensor->poll_due_ns = 0;
	if (report_is_due)
		report(sensor, now);
	end_pass(sensor, now);
	return drained;
}

static int timeout_ms(const struct sensor *sensor)
{
	uint64_t now = now_ns(), due = sensor->poll_due_ns;

	if (due == 0 || (sensor->report_due_ns != 0 && sensor->report_due_ns < due))
		due = sensor->report_due_ns;
	if (due == 0)
		return -1;
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
		end_pass(sensor, now_ns());
		nanosleep(&wait, NULL);
	}
}

static void drain_at_exit(struct sensor *sensor)
{
	for (int i = 0; i < DRAIN_PASSES_AT_EXIT && drain(sensor) == DRAIN_BUDGET; i++)
		end_pass(sensor, now_ns());
	await_room_at_exit(sensor);
	capture_counters(sensor->capture, sensor->counters);
	relay_report(&sensor->relay);
	end_pass(sensor, now_ns());
	counters_print(sensor);
}

void sensor_close(struct sensor *sensor)
{
	if (sensor == NULL)
		return;
	if (sensor->stopping)
		drain_at_exit(sensor);
	ring_session_close(&sensor->session);
	handoff_close(sensor->handoff);
	if (sensor->capture != NULL)
		capture_close(sensor->capture);
	if (sensor->relay_is_open)
		relay_close(&sensor->relay);
	if (sensor->signal_fd > 0)
		close(sensor->signal_fd);
	if (sensor->epoll_fd > 0)
		close(sensor->epoll_fd);
	sensor_options_free(&sensor->reloaded);
	free(sensor);
}
