/* Test the way from the sensor's session through the socket to the receiver's sink, on both back ends of the loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "counters.h"
#include "handoff.h"
#include "intake.h"
#include "loop.h"
#include "ring_session.h"
#include "segment_client.h"

enum { RING_BYTES = SHM_RING_BYTES_MIN };

struct sensor {
	struct handoff *handoff;
	struct ring_session session;
	uint64_t counters[SENSOR_COUNTER_COUNT];
	bool fail_offers;
	unsigned refusals;
};

struct fixture {
	char directory[32];
	char socket_path[64];
	struct sensor sensor;
	struct loop *loop;
	struct intake *intake;
	unsigned attached, detached, records;
	unsigned records_when_drained;
	uint64_t generation;
	uint64_t last_connection_id;
	uint64_t lost_records;
	char problem[512];
};

static int sensor_offer(void *context, struct handoff_offer *offer)
{
	struct sensor *sensor = context;

	return sensor->fail_offers ? -ENOMEM : ring_session_open(&sensor->session, offer);
}

static void sensor_attached(void *context, uint32_t peer_pid)
{
	(void)context;
	assert_int_equal(peer_pid, getpid());
}

static void sensor_detached(void *context)
{
	struct sensor *sensor = context;

	ring_session_reader_gone(&sensor->session);
}

static void sensor_refused(void *context, enum shm_handoff_status status, uint32_t peer_pid, uint32_t peer_uid)
{
	struct sensor *sensor = context;

	(void)peer_pid;
	(void)peer_uid;
	assert_int_equal(status, SHM_HANDOFF_BUSY);
	sensor->refusals++;
}

static void sensor_start(struct fixture *fixture)
{
	struct sensor *sensor = &fixture->sensor;
	const struct handoff_handler handler = {
		.offer = sensor_offer,
		.attached = sensor_attached,
		.detached = sensor_detached,
		.refused = sensor_refused,
		.context = sensor,
	};
	char message[512] = "";

	ring_session_init(&sensor->session, RING_BYTES, sensor->counters);
	if (handoff_open(&sensor->handoff, fixture->socket_path, geteuid(), &handler, message, sizeof(message)) != 0)
		fail_msg("%s", message);
}

static void sensor_stop(struct fixture *fixture)
{
	ring_session_close(&fixture->sensor.session);
	handoff_close(fixture->sensor.handoff);
	fixture->sensor.handoff = NULL;
}

static void sensor_pass(struct fixture *fixture)
{
	struct sensor *sensor = &fixture->sensor;
	struct pollfd ready;

	if (sensor->handoff == NULL)
		return;
	ready = (struct pollfd){.fd = handoff_fd(sensor->handoff), .events = POLLIN};
	if (poll(&ready, 1, 0) == 1)
		handoff_on_ready(sensor->handoff);
	if (!ring_session_end_pass(&sensor->session, 1))
		handoff_disconnect(sensor->handoff);
}

static bool sensor_write(struct fixture *fixture, uint64_t connection_id)
{
	const struct shm_record_data data = {
		.header = {.type = SHM_RECORD_DATA},
		.connection_id = connection_id,
	};

	return ring_session_write(&fixture->sensor.session, &data, sizeof(data));
}

static void sink_record(void *context, const struct shm_record_view *view)
{
	struct fixture *fixture = context;

	fixture->records++;
	if (view->header->type == SHM_RECORD_DATA)
		fixture->last_connection_id = view->data.fixed->connection_id;
	if (view->header->type == SHM_RECORD_LOSS)
		fixture->lost_records += view->loss->records;
}

static void sink_drained(void *context)
{
	struct fixture *fixture = context;

	assert_int_equal(intake_lag_bytes(fixture->intake), 0);
	fixture->records_when_drained = fixture->records;
}

static void sink_attached(void *context, uint64_t generation, uint32_t sensor_pid)
{
	struct fixture *fixture = context;

	assert_int_equal(sensor_pid, getpid());
	assert_int_equal(fixture->attached, fixture->detached);
	fixture->attached++;
	fixture->generation = generation;
}

static void sink_detached(void *context)
{
	struct fixture *fixture = context;

	fixture->detached++;
	assert_int_equal(fixture->attached, fixture->detached);
}

static void sink_problem(void *context, const char *sentence)
{
	struct fixture *fixture = context;

	snprintf(fixture->problem, sizeof(fixture->problem), "%s", sentence);
}

static void receiver_start(struct fixture *fixture)
{
	const struct record_sink sink = {
		.record = sink_record,
		.drained = sink_drained,
		.attached = sink_attached,
		.detached = sink_detached,
		.problem = sink_problem,
		.context = fixture,
	};
	char message[512];

	assert_int_equal(
		intake_open(&fixture->intake, fixture->loop, fixture->socket_path, &sink, message, sizeof(message)),
		0);
}

/* Let both sides run until the condition holds, or fail after ten seconds. */
#define run_until(fixture, condition)                                                                                  \
	do {                                                                                                           \
		const uint64_t deadline_ns = loop_now_ns() + UINT64_C(10000000000);                                    \
		while (!(condition)) {                                                                                 \
			assert_true(loop_now_ns() < deadline_ns);                                                      \
			sensor_pass(fixture);                                                                          \
			assert_true(loop_run_once((fixture)->loop, 10 * 1000 * 1000) >= 0);                            \
		}                                                                                                      \
	} while (0)

static enum loop_backend backend;

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	memset(counters, 0, sizeof(counters));
	strcpy(fixture.directory, "/tmp/shmotel-intake.XXXXXX");
	if (mkdtemp(fixture.directory) == NULL)
		return -1;
	snprintf(fixture.socket_path, sizeof(fixture.socket_path), "%s/sensor.sock", fixture.directory);
	fixture.loop = loop_create(backend);
	*state = &fixture;
	return fixture.loop == NULL;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	intake_close(fixture->intake);
	assert_int_equal(fixture->attached, fixture->detached);
	if (fixture->sensor.handoff != NULL)
		sensor_stop(fixture);
	loop_destroy(fixture->loop);
	unlink(fixture->socket_path);
	return rmdir(fixture->directory);
}

static void attach(struct fixture *fixture)
{
	sensor_start(fixture);
	receiver_start(fixture);
	run_until(fixture, intake_is_attached(fixture->intake));
}

static void records_pass_from_the_session_to_the_sink(void **state)
{
	struct fixture *fixture = *state;

	attach(fixture);
	assert_int_equal(counters[COUNTER_ATTACHES], 1);
	for (uint64_t i = 1; i <= 100; i++)
		assert_true(sensor_write(fixture, i));
	run_until(fixture, fixture->records == 100);
	assert_int_equal(fixture->last_connection_id, 100);
	assert_int_equal(counters[COUNTER_RECORDS_READ], 100);
	assert_int_equal(intake_lag_bytes(fixture->intake), 0);
	assert_int_equal(fixture->records_when_drained, 100);
}

static void a_sleeping_receiver_is_rung_for_once_per_publish(void **state)
{
	struct fixture *fixture = *state;

	attach(fixture);
	for (uint64_t i = 1; i <= 20; i++) {
		assert_true(sensor_write(fixture, i));
		fixture->sensor.session.segment.control->reader_asleep = 1; /* as it is while the loop blocks */
		assert_true(ring_session_end_pass(&fixture->sensor.session, 1));
		assert_int_equal(fixture->sensor.counters[SENSOR_COUNTER_WAKEUPS], i);
		run_until(fixture, fixture->records == i);
	}
}

static void more_than_a_batch_arrives_without_a_second_bell(void **state)
{
	struct fixture *fixture = *state;
	unsigned written = 0;

	attach(fixture);
	while (sensor_write(fixture, written + 1))
		written++;
	assert_true(written > 1024);
	assert_true(ring_session_end_pass(&fixture->sensor.session, 1));
	while (fixture->records < written)
		assert_true(loop_run_once(fixture->loop, 1000 * 1000) >= 0);
	assert_int_equal(fixture->records, written);
}

static void a_loss_is_told_as_soon_as_there_is_room_and_counts_are_exact(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t *sensor = fixture->sensor.counters;
	unsigned written = 0;

	attach(fixture);
	while (sensor_write(fixture, written + 1))
		written++;
	for (int i = 0; i < 9; i++)
		assert_false(sensor_write(fixture, 0));
	assert_int_equal(sensor[SENSOR_COUNTER_SHARED_RING_FULL], 10);
	run_until(fixture, fixture->lost_records == 10);
	assert_int_equal(fixture->records, written + 1);
	assert_int_equal(sensor[SENSOR_COUNTER_RECORDS_PUBLISHED], written + 1);
	assert_true(sensor_write(fixture, 1));
	run_until(fixture, fixture->records == written + 2);
	assert_int_equal(fixture->lost_records, 10);
}

static void a_sensor_that_ends_is_drained_and_its_successor_attached(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first;

	attach(fixture);
	first = fixture->generation;
	for (uint64_t i = 1; i <= 10; i++)
		assert_true(sensor_write(fixture, i));
	sensor_stop(fixture);
	run_until(fixture, fixture->detached == 1);
	assert_int_equal(fixture->records, 10); /* what was published before the end is not lost */
	assert_string_equal(fixture->problem, "the sensor is gone: waiting for the next one");
	sensor_start(fixture);

	uint64_t start_ns = loop_now_ns();

	run_until(fixture, fixture->attached == 2);
	assert_true(loop_now_ns() - start_ns < UINT64_C(5000000000));
	assert_int_not_equal(fixture->generation, first);
	assert_true(sensor_write(fixture, 11));
	run_until(fixture, fixture->records == 11);
}

static void without_a_sensor_the_receiver_waits_and_says_why(void **state)
{
	struct fixture *fixture = *state;

	receiver_start(fixture);
	assert_false(intake_is_attached(fixture->intake));
	assert_non_null(strstr(fixture->problem, "there is no socket at"));
	sensor_start(fixture);
	run_until(fixture, intake_is_attached(fixture->intake));
}

static void a_second_receiver_is_told_who_is_attached_and_gets_in_when_the_first_is_gone(void **state)
{
	struct fixture *fixture = *state;
	char message[512], expected[64];
	struct segment_grant grant;
	int first;

	sensor_start(fixture);
	first = segment_client_connect(fixture->socket_path, message, sizeof(message));
	assert_true(first >= 0);
	sensor_pass(fixture);
	assert_int_equal(segment_client_receive(first, &grant, message, sizeof(message)), SEGMENT_ANSWER_ATTACHED);
	receiver_start(fixture);
	run_until(fixture, fixture->problem[0] != '\0');
	snprintf(expected, sizeof(expected), "another receiver (pid %d) is attached", (int)getpid());
	assert_non_null(strstr(fixture->problem, expected));
	assert_true(fixture->sensor.refusals > 0);
	segment_grant_release(&grant);
	close(first);
	run_until(fixture, intake_is_attached(fixture->intake));
}

static void a_sensor_that_cannot_make_a_ring_says_so(void **state)
{
	struct fixture *fixture = *state;

	fixture->sensor.fail_offers = true;
	sensor_start(fixture);
	receiver_start(fixture);
	run_until(fixture, fixture->problem[0] != '\0');
	assert_non_null(strstr(fixture->problem, "could not make a ring"));
	fixture->sensor.fail_offers = false;
	run_until(fixture, intake_is_attached(fixture->intake));
}

static void a_broken_ring_is_given_up_and_a_new_one_attached(void **state)
{
	struct fixture *fixture = *state;

	attach(fixture);
	fixture->sensor.session.segment.producer->tail = 12345;
	run_until(fixture, fixture->attached == 2);
	assert_int_equal(counters[COUNTER_RING_VIOLATIONS], 1);
	assert_true(sensor_write(fixture, 1));
	run_until(fixture, fixture->records == 1);
}

/* 100, 200 and 400 ms: waits may be longer than they are set to, never shorter. */
static void a_ring_that_breaks_at_once_is_asked_for_less_and_less_often(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t start_ns = loop_now_ns();

	attach(fixture);
	for (unsigned i = 2; i <= 4; i++) {
		fixture->sensor.session.segment.producer->tail = 12345;
		run_until(fixture, fixture->attached == i);
	}
	assert_true(loop_now_ns() - start_ns >= UINT64_C(700) * 1000 * 1000);
}

static void an_impossible_head_ends_the_session(void **state)
{
	struct fixture *fixture = *state;
	unsigned written = 0;

	attach(fixture);
	fixture->sensor.session.segment.control->head = 4;
	while (sensor_write(fixture, 1))
		written++;
	/* The ring had to look at the head once; from then on nothing is written. */
	assert_false(sensor_write(fixture, 1));
	assert_int_equal(fixture->sensor.counters[SENSOR_COUNTER_NO_READER], 1);
	assert_false(ring_session_end_pass(&fixture->sensor.session, 1));
	handoff_disconnect(fixture->sensor.handoff);
	assert_true(fixture->sensor.counters[SENSOR_COUNTER_READER_VIOLATION] > 0);
	run_until(fixture, fixture->attached == 2);
}

static void unknown_and_malformed_records_are_counted_and_skipped(void **state)
{
	struct fixture *fixture = *state;
	const struct shm_record_loss bad_stage = {.header = {.type = SHM_RECORD_LOSS}, .stage = 99};
	const struct shm_record_header unknown = {.type = 4711};

	attach(fixture);
	assert_true(ring_session_write(&fixture->sensor.session, &unknown, sizeof(unknown)));
	assert_true(ring_session_write(&fixture->sensor.session, &bad_stage, sizeof(bad_stage)));
	assert_true(sensor_write(fixture, 1));
	run_until(fixture, fixture->records == 1);
	assert_int_equal(counters[COUNTER_RECORDS_UNKNOWN], 1);
	assert_int_equal(counters[COUNTER_RECORDS_MALFORMED], 1);
	assert_int_equal(counters[COUNTER_RECORDS_READ], 3);
}

static void a_path_that_can_never_work_is_refused_at_once(void **state)
{
	struct fixture *fixture = *state;
	const struct record_sink sink = {.record = sink_record, .context = fixture};
	char path[200], message[512];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_true(intake_open(&fixture->intake, fixture->loop, path, &sink, message, sizeof(message)) < 0);
	assert_null(fixture->intake);
	assert_non_null(strstr(message, "199 bytes"));
}

static int run_on(enum loop_backend with)
{
	const struct CMUnitTest tests[] = {
#define INTAKE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		INTAKE_TEST(records_pass_from_the_session_to_the_sink),
		INTAKE_TEST(a_sleeping_receiver_is_rung_for_once_per_publish),
		INTAKE_TEST(more_than_a_batch_arrives_without_a_second_bell),
		INTAKE_TEST(a_loss_is_told_as_soon_as_there_is_room_and_counts_are_exact),
		INTAKE_TEST(a_sensor_that_ends_is_drained_and_its_successor_attached),
		INTAKE_TEST(without_a_sensor_the_receiver_waits_and_says_why),
		INTAKE_TEST(a_second_receiver_is_told_who_is_attached_and_gets_in_when_the_first_is_gone),
		INTAKE_TEST(a_sensor_that_cannot_make_a_ring_says_so),
		INTAKE_TEST(a_broken_ring_is_given_up_and_a_new_one_attached),
		INTAKE_TEST(a_ring_that_breaks_at_once_is_asked_for_less_and_less_often),
		INTAKE_TEST(an_impossible_head_ends_the_session),
		INTAKE_TEST(unknown_and_malformed_records_are_counted_and_skipped),
		INTAKE_TEST(a_path_that_can_never_work_is_refused_at_once),
	};

	backend = with;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	struct loop *uring = loop_create(LOOP_URING);
	int failed = run_on(LOOP_EPOLL);

	if (uring == NULL) {
		print_message("io_uring is refused here: tested on epoll only\n");
		return failed;
	}
	loop_destroy(uring);
	return failed + run_on(LOOP_URING);
}
