/* The sensor's loop over a capture that is played: attach, stream, signals, filters, end. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sensor.h"
#include "shm_protocol/handoff.h"
#include "shm_protocol/record_check.h"
#include "shm_protocol/ring_reader.h"
#include "shm_protocol/segment.h"

enum {
	PROCESS_PID = 4000000,
	PROCESS_KERNEL_PID = 5000000, /* the same in the initial pid namespace, when the sensor is in another */
	PROCESS_ID = 77,
	CONNECTION_ID = 5,
	PAYLOAD_BYTES = 100,
	WAIT_MS = 20000,
};

/* What the played capture and the test share across fork. */
static struct stage {
	uint32_t data_events; /* the test asks for so many, then rings event_fd */
	uint32_t kernel_ring_full;
	uint32_t verdict_pid;
	uint32_t verdict;
	uint32_t verdict_count;
	uint32_t receiver_pid;
	uint32_t drains;
	uint32_t sweeps;
} * stage;
static int event_fd;

struct capture {
	struct capture_options options;
	uint64_t drained;
	uint64_t offset;
	bool walked;
};

int capture_open(struct capture **capture, const struct capture_options *options, char *message, size_t message_size)
{
	*capture = calloc(1, sizeof(**capture));
	if (*capture == NULL)
		return -ENOMEM;
	(*capture)->options = *options;
	snprintf(message, message_size, "capture by play: for want of a kernel");
	return 0;
}

void capture_close(struct capture *capture)
{
	free(capture);
}

const char *capture_mode_name(const struct capture *capture)
{
	(void)capture;
	return "played";
}

int capture_fd(const struct capture *capture)
{
	(void)capture;
	return event_fd;
}

int capture_walk(struct capture *capture)
{
	capture->walked = true;
	return 0;
}

int capture_flush(struct capture *capture, uint32_t idle_ms)
{
	(void)capture;
	if (idle_ms == 0)
		__atomic_fetch_add(&stage->data_events, 1, __ATOMIC_RELEASE); /* a hole that waited */
	return 0;
}

int capture_sweep(struct capture *capture)
{
	(void)capture;
	__atomic_fetch_add(&stage->sweeps, 1, __ATOMIC_RELEASE);
	return 0;
}

int capture_set_verdict(struct capture *capture, uint32_t kernel_pid, enum verdict verdict)
{
	(void)capture;
	stage->verdict_pid = kernel_pid;
	stage->verdict = verdict;
	__atomic_fetch_add(&stage->verdict_count, 1, __ATOMIC_RELEASE);
	return 0;
}

int capture_set_receiver(struct capture *capture, uint32_t pid)
{
	(void)capture;
	__atomic_store_n(&stage->receiver_pid, pid, __ATOMIC_RELEASE);
	return 0;
}

void capture_recursion(const struct capture *capture, uint64_t counters[SENSOR_COUNTER_COUNT])
{
	(void)capture;
	(void)counters;
}

void capture_counters(struct capture *capture, uint64_t counters[SENSOR_COUNTER_COUNT])
{
	counters[SENSOR_COUNTER_EVENTS_DRAINED] = capture->drained;
	counters[SENSOR_COUNTER_KERNEL_RING_FULL] = __atomic_load_n(&stage->kernel_ring_full, __ATOMIC_ACQUIRE);
}

static int play_walk(struct capture *capture, const struct capture_handler *handler)
{
	const struct event_process process = {
		.header = {.length = sizeof(process), .type = EVENT_PROCESS},
		.process_id = PROCESS_ID,
		.pid = PROCESS_PID,
		.kernel_pid = PROCESS_KERNEL_PID,
		.file_name = "nginx",
	};
	const struct shm_record_connection connection = {
		.header = {.length = sizeof(connection), .type = SHM_RECORD_CONNECTION, .flags = SHM_CONNECTION_JOINED},
		.connection_id = CONNECTION_ID,
		.process_id = PROCESS_ID,
		.family = SHM_FAMILY_IPV4,
	};

	capture->walked = false;
	handler->process(handler->context, &process);
	handler->connection(handler->context, &connection);
	return 2;
}

int capture_drain(struct capture *capture, const struct capture_handler *handler, int budget)
{
	struct {
		struct shm_record_data fixed;
		uint8_t bytes[PAYLOAD_BYTES];
	} data = {.fixed = {.header = {.length = sizeof(data), .type = SHM_RECORD_DATA},
			    .connection_id = CONNECTION_ID,
			    .byte_count = PAYLOAD_BYTES,
			    .captured_bytes = PAYLOAD_BYTES}};
	int drained = capture->walked ? play_walk(capture, handler) : 0;

	for (; drained < budget && __atomic_load_n(&stage->data_events, __ATOMIC_ACQUIRE) > 0; drained++) {
		data.fixed.offset = capture->offset;
		capture->offset += PAYLOAD_BYTES;
		handler->data(handler->context, &data.fixed);
		__atomic_fetch_sub(&stage->data_events, 1, __ATOMIC_RELEASE);
	}
	capture->drained += (uint64_t)drained;
	__atomic_fetch_add(&stage->drains, 1, __ATOMIC_RELEASE);
	return drained;
}

/* The test's side. */

static char directory[] = "/tmp/sensor_test.XXXXXX";
static char socket_path[64], config_path[64];
static pid_t sensor_pid;
static FILE *sensor_errors;
static int handoff_socket;
static struct shm_segment segment;
static struct shm_ring_reader reader;
static int doorbell;
static _Alignas(8) uint8_t copy[SHM_RECORD_BYTES_MAX];
static struct shm_record_view view;

static void play(uint32_t data_events)
{
	uint64_t one = 1;

	__atomic_fetch_add(&stage->data_events, data_events, __ATOMIC_RELEASE);
	assert_int_equal(write(event_fd, &one, sizeof(one)), sizeof(one));
}

static void config_write(const char *filters)
{
	FILE *config = fopen(config_path, "we");

	assert_non_null(config);
	fprintf(config, "sensor:\n  socket: %s\n  allow_uid: \"%u\"\n  ring_bytes: 64KiB\n%s", socket_path, geteuid(),
		filters);
	fclose(config);
}

static int sensor_main(void)
{
	char *argv[] = {"shmotel-sensor", "--config", config_path, NULL};
	struct sensor_options options = {.socket_path = NULL};
	struct sensor *sensor;

	if (sensor_options_read(&options, 3, argv) >= 0 || sensor_open(&sensor, &options) != 0)
		return 1;
	sensor_announce(sensor);
	int error = sensor_run(sensor, 3, argv);

	sensor_close(sensor);
	sensor_options_free(&options);
	return error == 0 ? 0 : 1;
}

/* Read what the sensor says until a line begins with `start`; it is left in `line`. */
static void await_line(const char *start, char *line, size_t size)
{
	while (fgets(line, (int)size, sensor_errors) != NULL)
		if (strncmp(line, start, strlen(start)) == 0)
			return;
	fail_msg("the sensor ended without \"%s\"", start);
}

static int setup(void **state)
{
	char line[512];
	int errors[2];

	(void)state;
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/sensor.sock", directory);
	snprintf(config_path, sizeof(config_path), "%s/shmotel.yaml", directory);
	config_write("");
	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(stage != MAP_FAILED);
	event_fd = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(pipe(errors), 0);
	sensor_pid = fork();
	assert_true(sensor_pid >= 0);
	if (sensor_pid == 0) {
		dup2(errors[1], STDERR_FILENO);
		close(errors[0]);
		close(errors[1]);
		_exit(sensor_main());
	}
	close(errors[1]);
	sensor_errors = fdopen(errors[0], "r");
	handoff_socket = -1;
	segment = (struct shm_segment){.data_fd = -1, .control_fd = -1};
	await_line("ready: ", line, sizeof(line));
	assert_non_null(strstr(line, "capture by play"));
	assert_non_null(strstr(line, socket_path));
	return 0;
}

static void detach(void)
{
	shm_segment_close(&segment);
	segment = (struct shm_segment){.data_fd = -1, .control_fd = -1};
	close(doorbell);
	close(handoff_socket);
	handoff_socket = -1;
}

static int sensor_end(int signal_number)
{
	int status;

	kill(sensor_pid, signal_number);
	assert_int_equal(waitpid(sensor_pid, &status, 0), sensor_pid);
	sensor_pid = 0;
	return status;
}

static int teardown(void **state)
{
	(void)state;
	if (sensor_pid > 0)
		(void)sensor_end(SIGKILL);
	if (handoff_socket >= 0)
		detach();
	fclose(sensor_errors);
	close(event_fd);
	munmap(stage, sizeof(*stage));
	(void)unlink(socket_path);
	(void)unlink(config_path);
	return rmdir(directory);
}

static void attach(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct shm_handoff handoff;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(SHM_HANDOFF_FD_COUNT * sizeof(int))];
	} control;
	struct iovec part = {&handoff, sizeof(handoff)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	int fds[SHM_HANDOFF_FD_COUNT];

	strcpy(address.sun_path, socket_path);
	handoff_socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(handoff_socket, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(recvmsg(handoff_socket, &message, 0), sizeof(handoff));
	assert_int_equal(handoff.status, SHM_HANDOFF_ACCEPTED);
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fds));
	doorbell = fds[SHM_HANDOFF_FD_DOORBELL];
	assert_int_equal(
		shm_segment_attach(&segment, fds[SHM_HANDOFF_FD_DATA], fds[SHM_HANDOFF_FD_CONTROL], handoff.ring_bytes),
		SHM_ATTACH_OK);
	shm_ring_reader_init(&reader, segment.producer, segment.control, segment.data, segment.ring_bytes);
}

/* The next record, waited for; 0 if the sensor has ended. */
static int next(void)
{
	struct epoll_event rung;

	for (;;) {
		enum shm_read result = shm_ring_reader_next(&reader, copy);

		if (result == SHM_READ_RECORD)
			break;
		assert_int_equal(result, SHM_READ_EMPTY);
		shm_ring_reader_release(&reader);
		if (!shm_ring_reader_sleep(&reader))
			continue;
		struct pollfd polled[] = {{doorbell, POLLIN, 0}, {handoff_socket, POLLIN, 0}};

		assert_true(poll(polled, 2, WAIT_MS) > 0);
		(void)epoll_wait(doorbell, &rung, 1, 0);
		shm_ring_reader_wake(&reader);
		if (polled[1].revents != 0 && shm_ring_reader_lag(&reader) == 0)
			return 0;
	}
	const struct shm_record_header *header = (const struct shm_record_header *)copy;

	assert_int_equal(shm_record_check(copy, header->length, &view), SHM_CHECK_OK);
	return header->type;
}

static int next_but_reports(void)
{
	int type;

	do {
		type = next();
	} while (type == SHM_RECORD_CLOCK || type == SHM_RECORD_COUNTERS);
	return type;
}

static void read_snapshot(void)
{
	assert_int_equal(next(), SHM_RECORD_CLOCK);
	assert_int_equal(next(), SHM_RECORD_PROCESS);
	assert_int_equal(view.process.fixed->process_id, PROCESS_ID);
	assert_int_equal(next(), SHM_RECORD_CONNECTION);
	assert_int_equal(view.header->flags, SHM_CONNECTION_JOINED | SHM_CONNECTION_SNAPSHOT);
	assert_int_equal(next(), SHM_RECORD_SNAPSHOT_END);
}

static void a_receiver_gets_a_snapshot_and_then_every_event(void **state)
{
	(void)state;
	attach();
	read_snapshot();
	assert_int_equal(__atomic_load_n(&stage->receiver_pid, __ATOMIC_ACQUIRE), getpid());
	for (uint64_t i = 0; i < 1000; i++) {
		if (i % 100 == 0)
			play(100);
		assert_int_equal(next_but_reports(), SHM_RECORD_DATA);
		assert_int_equal(view.data.fixed->offset, i * PAYLOAD_BYTES);
	}
}

static void a_receiver_that_comes_back_gets_a_snapshot_again(void **state)
{
	(void)state;
	attach();
	read_snapshot();
	detach();
	attach();
	read_snapshot();
}

static void losses_in_the_kernel_are_reported_to_the_receiver(void **state)
{
	int type;

	(void)state;
	attach();
	read_snapshot();
	__atomic_store_n(&stage->kernel_ring_full, 3, __ATOMIC_RELEASE);
	play(1);
	do {
		type = next();
	} while (type != SHM_RECORD_LOSS);
	assert_int_equal(view.loss->stage, SHM_LOSS_KERNEL_RING);
	assert_int_equal(view.loss->records, 3);
}

static void the_end_drains_first_and_the_account_is_even(void **state)
{
	uint64_t records = 0, counters[SENSOR_COUNTER_COUNT] = {0};
	int type;

	(void)state;
	attach();
	play(20000); /* more than the ring holds: some are lost, and counted */
	kill(sensor_pid, SIGTERM);
	while ((type = next()) != 0) {
		records++;
		if (type == SHM_RECORD_COUNTERS)
			memcpy(counters, view.counters.values, sizeof(counters));
	}
	/* The last record is the counters, and they do not count themselves. */
	assert_int_equal(counters[SENSOR_COUNTER_RECORDS_PUBLISHED] + 1, records);
	assert_int_equal(counters[SENSOR_COUNTER_EVENTS_DRAINED], 2 + 20000 + 1);
	assert_int_equal(counters[SENSOR_COUNTER_EVENTS_DRAINED],
			 counters[SENSOR_COUNTER_RECORDS_PUBLISHED] + counters[SENSOR_COUNTER_SHARED_RING_FULL] +
				 counters[SENSOR_COUNTER_NO_READER] - counters[SENSOR_COUNTER_RECORDS_OWN]);
	assert_int_equal(sensor_end(0), 0);
	assert_int_not_equal(access(socket_path, F_OK), 0);
}

static void without_a_receiver_events_are_counted_and_the_sensor_goes_on(void **state)
{
	char line[512];

	(void)state;
	play(10);
	while (__atomic_load_n(&stage->data_events, __ATOMIC_ACQUIRE) > 0)
		sched_yield();
	assert_int_equal(__atomic_load_n(&stage->sweeps, __ATOMIC_ACQUIRE), 1);
	kill(sensor_pid, SIGUSR1);
	await_line("counter:           12  shmotel.sensor.record.lost{stage=shared_ring,reason=no_reader}", line,
		   sizeof(line));
	assert_int_equal(sensor_end(SIGINT), 0);
	await_line("counter:           13  shmotel.sensor.record.lost{stage=shared_ring,reason=no_reader}", line,
		   sizeof(line));
}

static void a_changed_filter_takes_effect_on_sighup(void **state)
{
	char line[512];

	(void)state;
	while (__atomic_load_n(&stage->verdict_count, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	assert_int_equal(stage->verdict, VERDICT_WATCH);
	config_write("  filters:\n    executables:\n      exclude: [nginx]\n");
	kill(sensor_pid, SIGHUP);
	await_line("the filters", line, sizeof(line));
	assert_int_equal(stage->verdict_count, 2);
	assert_int_equal(stage->verdict_pid, PROCESS_KERNEL_PID);
	assert_int_equal(stage->verdict, VERDICT_IGNORE);
	attach();
	assert_int_equal(next(), SHM_RECORD_CLOCK);
	assert_int_equal(next(), SHM_RECORD_SNAPSHOT_END);
}

static void a_wrong_file_leaves_the_filters_as_they_are(void **state)
{
	char line[512];

	(void)state;
	config_write("  no_such_key: 1\n");
	kill(sensor_pid, SIGHUP);
	await_line("warning: the options were not reloaded", line, sizeof(line));
	attach();
	read_snapshot();
}

static void an_idle_sensor_sleeps(void **state)
{
	struct pollfd none;

	(void)state;
	play(1);
	/* Until it rests: the same number of drains, twice in a row. */
	uint32_t before, after = 0;

	do {
		before = after;
		(void)poll(&none, 0, 300);
		after = __atomic_load_n(&stage->drains, __ATOMIC_ACQUIRE);
	} while (before != after);
	assert_true(after < 50);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_receiver_gets_a_snapshot_and_then_every_event),
		TEST(a_receiver_that_comes_back_gets_a_snapshot_again),
		TEST(losses_in_the_kernel_are_reported_to_the_receiver),
		TEST(the_end_drains_first_and_the_account_is_even),
		TEST(without_a_receiver_events_are_counted_and_the_sensor_goes_on),
		TEST(a_changed_filter_takes_effect_on_sighup),
		TEST(a_wrong_file_leaves_the_filters_as_they_are),
		TEST(an_idle_sensor_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
