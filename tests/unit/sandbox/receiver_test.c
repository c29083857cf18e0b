/* Test the whole receiver from outside: a sensor that is only a ring on one side, a file on the other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handoff.h"
#include "ring_session.h"
#include "shm_protocol/record.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif

enum {
	NOBODY = 65534,
	PATIENCE_MS = 20000, /* a bound for failures; nothing waits that long otherwise */
};

static char directory[] = "/tmp/receiver_test.XXXXXX";
static char socket_path[64];
static char export_option[80];
static char export_path[64];
static char log_path[64];

/* --- the sensor --------------------------------------------------------------------------------------------------- */

struct sensor {
	struct handoff *handoff;
	struct ring_session session;
	uint64_t counters[SENSOR_COUNTER_COUNT];
	bool attached;
};

static int on_offer(void *context, struct handoff_offer *offer)
{
	struct sensor *sensor = context;

	return ring_session_open(&sensor->session, offer);
}

static void on_attached(void *context, uint32_t peer_pid)
{
	struct sensor *sensor = context;

	(void)peer_pid;
	sensor->attached = true;
}

static void on_detached(void *context)
{
	struct sensor *sensor = context;

	sensor->attached = false;
	ring_session_reader_gone(&sensor->session);
}

static void on_refused(void *context, enum shm_handoff_status status, uint32_t peer_pid, uint32_t peer_uid)
{
	(void)context;
	fail_msg("status %d for process %u of uid %u", status, peer_pid, peer_uid);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void sensor_start(struct sensor *sensor)
{
	const struct handoff_handler handler = {on_offer, on_attached, on_detached, on_refused, sensor};
	char message[256];

	memset(sensor, 0, sizeof(*sensor));
	ring_session_init(&sensor->session, 65536, sensor->counters);
	if (handoff_open(&sensor->handoff, socket_path, NOBODY, &handler, message, sizeof(message)) != 0)
		fail_msg("%s", message);
}

static void sensor_stop(struct sensor *sensor)
{
	handoff_close(sensor->handoff);
	ring_session_close(&sensor->session);
}

static void sensor_wait_attached(struct sensor *sensor)
{
	struct pollfd ready = {.fd = handoff_fd(sensor->handoff), .events = POLLIN};

	while (!sensor->attached) {
		assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
		handoff_on_ready(sensor->handoff);
	}
}

static void write_process(struct sensor *sensor)
{
	static const char executable[] = "/usr/bin/shopd";
	struct shm_record_process *p =
		ring_session_reserve(&sensor->session, SHM_RECORD_PROCESS, 0, sizeof(*p) + sizeof(executable) - 1);

	assert_non_null(p);
	p->process_id = 1;
	p->pid = p->namespace_pid = 4711;
	p->executable_bytes = sizeof(executable) - 1;
	memcpy(p + 1, executable, sizeof(executable) - 1);
	ring_session_commit(&sensor->session);
}

static void write_connection(struct sensor *sensor)
{
	struct shm_record_connection *c = ring_session_reserve(&sensor->session, SHM_RECORD_CONNECTION, 0, sizeof(*c));

	assert_non_null(c);
	c->connection_id = 2;
	c->process_id = 1;
	c->time_ns = now_ns();
	c->family = SHM_FAMILY_IPV4;
	c->role = SHM_ROLE_SERVER;
	c->local_port = 8080;
	c->remote_port = 50000;
	memcpy(c->local_address, "\x7f\0\0\1", 4);
	memcpy(c->remote_address, "\x7f\0\0\1", 4);
	ring_session_commit(&sensor->session);
}

static void write_data(struct sensor *sensor, uint16_t flags, const char *text)
{
	uint32_t length = (uint32_t)strlen(text);
	struct shm_record_data *d =
		ring_session_reserve(&sensor->session, SHM_RECORD_DATA, flags, (uint32_t)sizeof(*d) + length);

	assert_non_null(d);
	d->connection_id = 2;
	d->time_ns = now_ns();
	d->byte_count = length;
	d->captured_bytes = (uint16_t)length;
	memcpy(d + 1, text, length);
	ring_session_commit(&sensor->session);
}

static void write_clock(struct sensor *sensor)
{
	struct shm_record_clock *c = ring_session_reserve(&sensor->session, SHM_RECORD_CLOCK, 0, sizeof(*c));

	assert_non_null(c);
	c->monotonic_ns = now_ns();
	c->unix_ns = (uint64_t)time(NULL) * 1000000000;
	c->boot_ns = c->monotonic_ns;
	ring_session_commit(&sensor->session);
}

/* A request and its response at the server. */
static void sensor_show_exchange(struct sensor *sensor, const char *request)
{
	write_clock(sensor);
	write_process(sensor);
	write_connection(sensor);
	write_data(sensor, 0, request);
	write_data(sensor, SHM_DATA_SENT, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	assert_true(ring_session_end_pass(&sensor->session, now_ns()));
}

/* --- the receiver ------------------------------------------------------------------------------------------------- */

static pid_t running; /* what a failed test leaves behind */

static pid_t receiver_start(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		if (log < 0 || dup2(log, STDERR_FILENO) < 0)
			_exit(126);
		execl(RECEIVER_PROGRAM, "shmotel-receiver", "--config", "/dev/null", "--user", "65534",
		      "--status-socket", "", "--socket", socket_path, "--export", export_option, "--metric-interval",
		      "100ms", "--batch-delay", "1ms", NULL);
		_exit(127);
	}
	running = pid;
	return pid;
}

/* Wait until the file holds the text. */
static void wait_for(const char *path, const char *text)
{
	uint64_t until_ns = now_ns() + PATIENCE_MS * UINT64_C(1000000);
	static char contents[1 << 20];

	for (;;) {
		FILE *file = fopen(path, "r");
		size_t length = file != NULL ? fread(contents, 1, sizeof(contents) - 1, file) : 0;

		if (file != NULL)
			fclose(file);
		contents[length] = '\0';
		if (strstr(contents, text) != NULL)
			return;
		if (now_ns() > until_ns)
			fail_msg("%s does not say \"%s\" but: %s", path, text, contents);
		poll(NULL, 0, 5);
	}
}

static void receiver_stop(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	running = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		wait_for(log_path, "an exit with status 0");
}

static size_t status_lines(pid_t pid, const char *prefix, const char *suffix)
{
	char path[64];
	char line[256];
	size_t count = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "r");
	assert_non_null(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, prefix, strlen(prefix)) == 0 && strstr(line, suffix) != NULL)
			count++;
	}
	fclose(status);
	return count;
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

static void a_receiver_that_is_first_waits_for_the_sensor(void **state)
{
	struct sensor sensor;
	pid_t receiver = receiver_start();

	(void)state;
	wait_for(log_path, "waiting for the sensor: ");
	wait_for(log_path, "ready: ");
	sensor_start(&sensor);
	sensor_wait_attached(&sensor);
	wait_for(log_path, "attached to sensor ");
	receiver_stop(receiver);
	sensor_stop(&sensor);
}

static void what_the_sensor_saw_is_exported_without_any_capability(void **state)
{
	struct sensor sensor;
	pid_t receiver;

	(void)state;
	sensor_start(&sensor);
	receiver = receiver_start();
	sensor_wait_attached(&sensor);
	sensor_show_exchange(&sensor, "GET /first HTTP/1.1\r\nHost: shop\r\n\r\n");
	wait_for(export_path, "/first");
	wait_for(export_path, "http.server.request.duration");
	assert_int_equal(status_lines(receiver, "Cap", "\t0000000000000000\n"), 5);
	assert_int_equal(status_lines(receiver, "Uid:", "\t65534\t65534\t65534\t65534\n"), 1);
	assert_int_equal(status_lines(receiver, "NoNewPrivs:", "\t1\n"), 1);
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
	assert_int_equal(status_lines(receiver, "Seccomp:", "\t2\n"), 1);
#endif
	receiver_stop(receiver);
	sensor_stop(&sensor);
}

static void a_sensor_that_comes_back_is_attached_again(void **state)
{
	struct sensor sensor;
	pid_t receiver;

	(void)state;
	sensor_start(&sensor);
	receiver = receiver_start();
	sensor_wait_attached(&sensor);
	sensor_stop(&sensor);
	wait_for(log_path, "the sensor is gone");
	sensor_start(&sensor);
	sensor_wait_attached(&sensor);
	sensor_show_exchange(&sensor, "GET /second HTTP/1.1\r\nHost: shop\r\n\r\n");
	wait_for(export_path, "/second");
	receiver_stop(receiver);
	sensor_stop(&sensor);
}

static void signals_print_counters_explain_and_drain(void **state)
{
	struct sensor sensor;
	pid_t receiver;

	(void)state;
	sensor_start(&sensor);
	receiver = receiver_start();
	sensor_wait_attached(&sensor);
	wait_for(log_path, "attached to sensor ");
	kill(receiver, SIGUSR1);
	wait_for(log_path, "shmotel.receiver.attaches");
	kill(receiver, SIGHUP);
	wait_for(log_path, "start it anew");
	/* In the ring when the signal comes: drained. */
	sensor_show_exchange(&sensor, "GET /last HTTP/1.1\r\nHost: shop\r\n\r\n");
	receiver_stop(receiver);
	wait_for(export_path, "/last");
	wait_for(log_path, "shmotel.exporter.span.sent{}");
	sensor_stop(&sensor);
}

static int end_receiver(void **state)
{
	(void)state;
	if (running != 0) {
		kill(running, SIGKILL);
		waitpid(running, NULL, 0);
		running = 0;
	}
	unlink(socket_path);
	return 0;
}

static int prepare(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL || chown(directory, NOBODY, NOBODY) != 0)
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/sensor.sock", directory);
	snprintf(export_path, sizeof(export_path), "%s/out.jsonl", directory);
	snprintf(export_option, sizeof(export_option), "file:%s", export_path);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	return 0;
}

static int tidy(void **state)
{
	(void)state;
	unlink(export_path);
	unlink(log_path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_receiver_that_is_first_waits_for_the_sensor, end_receiver),
		cmocka_unit_test_teardown(what_the_sensor_saw_is_exported_without_any_capability, end_receiver),
		cmocka_unit_test_teardown(a_sensor_that_comes_back_is_attached_again, end_receiver),
		cmocka_unit_test_teardown(signals_print_counters_explain_and_drain, end_receiver),
	};

	if (geteuid() != 0) {
		puts("skipped: needs root, for the receiver to give it up");
		return 77;
	}
	return cmocka_run_group_tests(tests, prepare, tidy);
}
