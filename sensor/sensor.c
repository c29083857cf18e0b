/* Set the sensor up and take it down, and answer the receivers that come and go. */
#include "sensor_state.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cage.h"
#include "daemon/log.h"
#include "privileges.h"

uint64_t sensor_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct watch_patterns patterns(const struct option_texts *texts)
{
	return (struct watch_patterns){(const char *const *)texts->items, texts->count};
}

struct watch_list sensor_watch_list(const struct sensor_options *options)
{
	return (struct watch_list){
		.include_executables = patterns(&options->include_executables),
		.exclude_executables = patterns(&options->exclude_executables),
		.include_cgroups = patterns(&options->include_cgroups),
		.exclude_cgroups = patterns(&options->exclude_cgroups),
		.watch_collectors = options->watch_collectors,
	};
}

static int set_verdict(void *context, uint32_t kernel_pid, enum verdict verdict)
{
	struct sensor *sensor = context;

	return capture_set_verdict(sensor->capture, kernel_pid, verdict);
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
	sensor->report_due_ns = sensor_now_ns() + SENSOR_REPORT_INTERVAL_NS;
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

/* Processes are known by the numbers that /proc shows. One of another namespace would tell of strangers. */
static bool proc_is_ours(void)
{
	char link[16], own[16];
	ssize_t length = readlink("/proc/self", link, sizeof(link) - 1);

	snprintf(own, sizeof(own), "%d", (int)getpid());
	if (length < 0)
		return false;
	link[length] = '\0';
	return strcmp(link, own) == 0;
}

/* Find out what is watched: everything, or what is in the pid namespace that this process is in. */
static int pid_namespace_find(uint32_t *pid_namespace)
{
	static const ino_t PID_NS_INITIAL = 0xEFFFFFFC; /* include/uapi/linux/nsfs.h */
	struct stat st;

	if (!proc_is_ours() || stat("/proc/self/ns/pid", &st) != 0) {
		log_line(LOG_LEVEL_ERROR,
			 "/proc does not show this process by its number: mount the /proc of its pid namespace");
		return -ENOENT;
	}
	*pid_namespace = st.st_ino == PID_NS_INITIAL ? 0 : (uint32_t)st.st_ino;
	if (*pid_namespace != 0)
		log_line(LOG_LEVEL_INFO,
			 "watching the processes of pid namespace %" PRIu32 " only, which is not the host's: for the "
			 "whole host start in the host's (--pid host, hostPID: true)",
			 *pid_namespace);
	return 0;
}

static int capture_start(struct sensor *sensor, const struct watch_list *watch_list)
{
	struct capture_options options = sensor->options->capture;

	int error = pid_namespace_find(&options.pid_namespace);

	if (error != 0)
		return error;
	options.self_pid = (uint32_t)getpid();
	options.verifier_log_path = sensor->options->verifier_log;
	options.wakeup_interval_us = SENSOR_WAKEUP_INTERVAL_US;
	options.new_process_verdict = watch_list_filters(watch_list) ? VERDICT_PENDING : VERDICT_WATCH;
	error = capture_open(&sensor->capture, &options, sensor->capture_message, sizeof(sensor->capture_message));
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
	char message[SENSOR_MESSAGE_BYTES];
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
	struct watch_list watch_list = sensor_watch_list(options);
	struct sensor *sensor = calloc(1, sizeof(*sensor));
	char message[SENSOR_MESSAGE_BYTES];
	int error;

	*result = sensor;
	if (sensor == NULL) {
		log_line(LOG_LEVEL_ERROR, "no memory");
		return -ENOMEM;
	}
	sensor->options = options;
	ring_session_init(&sensor->session, options->ring_bytes, sensor->counters);
	error = privileges_check(&options->run_as, message, sizeof(message));
	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", message);
	if (error == 0)
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
	const struct cage_options cage = {.soft = false};
	char identity[SENSOR_MESSAGE_BYTES / 2], message[SENSOR_MESSAGE_BYTES / 4];
	int error = privileges_drop(&sensor->options->run_as, identity, sizeof(identity));

	if (error != 0) {
		log_line(LOG_LEVEL_ERROR, "%s", identity);
		return error;
	}
	error = cage_enter(&cage, message, sizeof(message));
	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", message);
	snprintf(sensor->confinement, sizeof(sensor->confinement), "%s; %s", identity, message);
	return error;
}

void sensor_announce(const struct sensor *sensor)
{
	log_line(LOG_LEVEL_INFO, "ready: %s; socket %s for uid %u; %s", sensor->capture_message,
		 sensor->options->socket_path, sensor->options->allow_uid, sensor->confinement);
}

void sensor_close(struct sensor *sensor)
{
	if (sensor == NULL)
		return;
	if (sensor->stopping)
		sensor_drain_at_exit(sensor);
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
