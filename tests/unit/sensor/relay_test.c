/* From events to records: what a receiver reads, in which order, and that each event is accounted for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "relay.h"
#include "shm_protocol/ring_reader.h"

enum { CONNECTIONS_MAX = 5000 };

static const char *const only_nginx[] = {"nginx"};
static const struct watch_list watch_nginx = {.include_executables = {only_nginx, 1}};
static const struct watch_list watch_all = {.watch_collectors = true};

/* The number in the initial pid namespace, by which the kernel side knows a process, differs in any other. */
#define KERNEL_PID(pid) ((pid) + 1000000)

/* No process is found in it, so that the event alone tells its name. */
static char proc[] = "/tmp/relay_test.XXXXXX";
static uint64_t counters[SENSOR_COUNTER_COUNT];
static struct ring_session session;
static struct relay relay;
static struct shm_ring_reader reader;
static _Alignas(8) uint8_t copy[SHM_RECORD_BYTES_MAX];
static struct shm_record_view view;

static enum verdict last_verdict;
static uint32_t last_verdict_pid;
static int verdict_count;

static int set_verdict(void *context, uint32_t kernel_pid, enum verdict verdict)
{
	assert_ptr_equal(context, &relay);
	last_verdict = verdict;
	last_verdict_pid = kernel_pid;
	verdict_count++;
	return 0;
}

static void start(const struct watch_list *watch_list, uint64_t ring_bytes)
{
	const struct relay_options options = {
		.processes_max = 1000,
		.connections_max = CONNECTIONS_MAX,
		.presumed = VERDICT_PENDING,
		.set_verdict = set_verdict,
		.context = &relay,
	};

	ring_session_init(&session, ring_bytes, counters);
	assert_int_equal(relay_open(&relay, &options, watch_list, proc, &session, counters), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(counters, 0, sizeof(counters));
	verdict_count = 0;
	strcpy(proc + sizeof(proc) - 7, "XXXXXX");
	return mkdtemp(proc) == NULL;
}

static int teardown(void **state)
{
	(void)state;
	ring_session_close(&session);
	relay_close(&relay);
	return rmdir(proc);
}

static void attach(uint32_t receiver_pid)
{
	struct handoff_offer offer;

	assert_int_equal(ring_session_open(&session, &offer), 0);
	shm_ring_reader_init(&reader, session.segment.producer, session.segment.control, session.segment.data,
			     session.segment.ring_bytes);
	relay_on_attach(&relay, receiver_pid);
}

static void end_pass(void)
{
	relay_tell_untold(&relay);
	assert_true(ring_session_end_pass(&session, 1));
}

/* The type of the next record, which `view` then shows; 0 if there is none. */
static int next(void)
{
	enum shm_read result = shm_ring_reader_next(&reader, copy);

	if (result == SHM_READ_EMPTY) {
		shm_ring_reader_release(&reader);
		return 0;
	}
	assert_int_equal(result, SHM_READ_RECORD);
	const struct shm_record_header *header = (const struct shm_record_header *)copy;

	assert_int_equal(shm_record_check(copy, header->length, &view), SHM_CHECK_OK);
	return header->type;
}

static void assert_reads(const int *types)
{
	for (; *types != 0; types++)
		assert_int_equal(next(), *types);
	assert_int_equal(next(), 0);
}

#define ASSERT_READS(...) assert_reads((const int[]){__VA_ARGS__, 0})

static void drained(void)
{
	counters[SENSOR_COUNTER_EVENTS_DRAINED]++;
}

static void send_process(uint32_t pid, uint64_t process_id, const char *file_name)
{
	struct event_process event = {
		.header = {.length = sizeof(event), .type = EVENT_PROCESS},
		.process_id = process_id,
		.pid = pid,
		.kernel_pid = KERNEL_PID(pid),
	};

	snprintf(event.file_name, sizeof(event.file_name), "%s", file_name);
	drained();
	relay_on_process(&relay, &event);
}

static void send_process_exit(uint32_t pid, uint64_t process_id)
{
	const struct event_process_exit event = {
		.header = {.length = sizeof(event), .type = EVENT_PROCESS_EXIT},
		.process_id = process_id,
		.time_ns = 77,
		.kernel_pid = KERNEL_PID(pid),
	};

	drained();
	relay_on_process_exit(&relay, &event);
}

static void send_connection(uint64_t connection_id, uint64_t process_id, uint16_t flags)
{
	const struct shm_record_connection event = {
		.header = {.length = sizeof(event), .type = SHM_RECORD_CONNECTION, .flags = flags},
		.connection_id = connection_id,
		.process_id = process_id,
		.family = SHM_FAMILY_IPV4,
	};

	drained();
	relay_on_connection(&relay, &event);
}

/* In a size class of its own, as the kernel side sends it: the bytes behind the payload are anything. */
static void send_data(uint64_t connection_id, uint16_t captured_bytes)
{
	static struct {
		struct shm_record_data fixed;
		uint8_t bytes[4096];
	} event;

	memset(&event, 0xee, sizeof(event));
	event.fixed = (struct shm_record_data){
		.header = {.length = sizeof(event), .type = SHM_RECORD_DATA, .flags = SHM_DATA_SENT},
		.connection_id = connection_id,
		.time_ns = 5,
		.offset = 1000,
		.byte_count = 100000,
		.captured_bytes = captured_bytes,
	};
	drained();
	relay_on_data(&relay, &event.fixed);
}

static void send_close(uint64_t connection_id, uint8_t reason)
{
	const struct shm_record_connection_close event = {
		.header = {.length = sizeof(event), .type = SHM_RECORD_CONNECTION_CLOSE},
		.connection_id = connection_id,
		.reason = reason,
	};

	drained();
	relay_on_connection_close(&relay, &event);
}

static void assert_sums(void)
{
	assert_int_equal(counters[SENSOR_COUNTER_EVENTS_DRAINED] - counters[SENSOR_COUNTER_EVENTS_FILTERED],
			 counters[SENSOR_COUNTER_RECORDS_PUBLISHED] + counters[SENSOR_COUNTER_SHARED_RING_FULL] +
				 counters[SENSOR_COUNTER_NO_READER] - counters[SENSOR_COUNTER_RECORDS_OWN]);
}

static void a_receiver_gets_the_time_then_what_lives_then_the_stream(void **state)
{
	(void)state;
	start(&watch_all, SHM_RING_BYTES_MIN);
	send_process(10, 100, "nginx");
	send_connection(1, 100, SHM_CONNECTION_JOINED);
	send_data(1, 20);
	assert_int_equal(counters[SENSOR_COUNTER_NO_READER], 3);
	attach(9);
	send_process(11, 101, "curl");
	send_connection(2, 101, 0);
	end_pass();
	assert_int_equal(next(), SHM_RECORD_CLOCK);
	assert_int_equal(next(), SHM_RECORD_PROCESS);
	assert_int_equal(view.process.fixed->process_id, 100);
	assert_int_equal(view.process.executable.length, 5);
	assert_int_equal(next(), SHM_RECORD_CONNECTION);
	assert_int_equal(view.connection.fixed->connection_id, 1);
	assert_int_equal(view.header->flags, SHM_CONNECTION_JOINED | SHM_CONNECTION_SNAPSHOT);
	assert_int_equal(next(), SHM_RECORD_SNAPSHOT_END);
	assert_int_equal(view.snapshot_end->processes, 1);
	assert_int_equal(view.snapshot_end->connections, 1);
	assert_int_equal(next(), SHM_RECORD_PROCESS);
	assert_int_equal(next(), SHM_RECORD_CONNECTION);
	assert_int_equal(view.header->flags, 0);
	assert_int_equal(next(), 0);
	assert_sums();
}

static void data_is_passed_on_at_its_own_length_with_zeros_behind(void **state)
{
	(void)state;
	start(&watch_all, SHM_RING_BYTES_MIN);
	attach(9);
	for (uint16_t bytes = 0; bytes <= 9; bytes++)
		send_data(1, bytes);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4);
	assert_int_equal(view.header->length, sizeof(struct shm_record_data) + 16);
	assert_int_equal(view.header->flags, SHM_DATA_SENT);
	assert_int_equal(view.data.fixed->offset, 1000);
	assert_int_equal(view.data.fixed->byte_count, 100000);
	for (int i = 0; i < 16; i++)
		assert_int_equal(view.data.bytes[i], i < 9 ? 0xee : 0);
}

static void what_has_ended_is_in_no_snapshot(void **state)
{
	(void)state;
	start(&watch_all, SHM_RING_BYTES_MIN);
	send_process(10, 100, "nginx");
	send_connection(1, 100, 0);
	send_close(1, SHM_CLOSE_NORMAL);
	send_process_exit(10, 100);
	attach(9);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END);
	assert_int_equal(view.snapshot_end->processes, 0);
}

static void the_exit_of_a_program_before_execve_does_not_end_the_one_after(void **state)
{
	(void)state;
	start(&watch_all, SHM_RING_BYTES_MIN);
	send_process(10, 100, "sh");
	send_process(10, 101, "nginx");
	send_process_exit(10, 100);
	attach(9);
	end_pass();
	assert_int_equal(next(), SHM_RECORD_CLOCK);
	assert_int_equal(next(), SHM_RECORD_PROCESS);
	assert_int_equal(view.process.fixed->process_id, 101);
}

static void nothing_of_an_ignored_process_reaches_the_receiver(void **state)
{
	(void)state;
	start(&watch_nginx, SHM_RING_BYTES_MIN);
	attach(9);
	send_process(10, 100, "curl");
	assert_int_equal(last_verdict, VERDICT_IGNORE);
	assert_int_equal(last_verdict_pid, KERNEL_PID(10));
	send_process(11, 101, "nginx");
	assert_int_equal(last_verdict, VERDICT_WATCH);
	assert_int_equal(last_verdict_pid, KERNEL_PID(11));
	send_connection(1, 100, 0);
	send_connection(2, 101, 0);
	send_data(1, 10);
	send_data(2, 10);
	send_close(1, SHM_CLOSE_EVICTED);
	send_process_exit(10, 100);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END, SHM_RECORD_PROCESS, SHM_RECORD_CONNECTION,
		     SHM_RECORD_DATA);
	assert_int_equal(view.data.fixed->connection_id, 2);
	assert_int_equal(counters[SENSOR_COUNTER_EVENTS_FILTERED], 5);
	assert_int_equal(relay.tables.muted_count, 0);
	assert_sums();
}

static void an_ignored_process_is_in_no_snapshot_nor_its_connections(void **state)
{
	(void)state;
	start(&watch_nginx, SHM_RING_BYTES_MIN);
	send_process(10, 100, "curl");
	send_connection(1, 100, 0);
	attach(9);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END);
}

static void a_connection_that_passes_to_a_watched_process_is_announced_as_joined(void **state)
{
	(void)state;
	start(&watch_nginx, SHM_RING_BYTES_MIN);
	attach(9);
	send_process(10, 100, "inetd");
	send_process(11, 101, "nginx");
	send_connection(1, 100, 0);
	send_connection(1, 101, SHM_CONNECTION_OWNER);
	send_data(1, 10);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END, SHM_RECORD_PROCESS, SHM_RECORD_CONNECTION,
		     SHM_RECORD_DATA);
	assert_int_equal(counters[SENSOR_COUNTER_CONNECTIONS_SEEN], 1);
	const struct live_connection *connection = live_tables_connection_find(&relay.tables, 1);

	assert_int_equal(connection->record.header.flags, SHM_CONNECTION_JOINED);
}

static void a_connection_that_passes_to_an_ignored_process_goes_silent_until_it_ends(void **state)
{
	(void)state;
	start(&watch_nginx, SHM_RING_BYTES_MIN);
	attach(9);
	send_process(10, 100, "nginx");
	send_process(11, 101, "cgi");
	send_connection(1, 100, 0);
	send_connection(1, 101, SHM_CONNECTION_OWNER);
	send_data(1, 10);
	send_close(1, SHM_CLOSE_EVICTED);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END, SHM_RECORD_PROCESS, SHM_RECORD_CONNECTION,
		     SHM_RECORD_CONNECTION_CLOSE);
	assert_sums();
}

static void the_receiver_itself_is_never_watched(void **state)
{
	(void)state;
	start(&watch_all, SHM_RING_BYTES_MIN);
	send_process(10, 100, "receiver");
	attach(10);
	assert_int_equal(last_verdict, VERDICT_IGNORE);
	assert_int_equal(last_verdict_pid, KERNEL_PID(10));
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END);
}

static void a_new_watch_list_decides_over_what_lives(void **state)
{
	(void)state;
	start(&watch_nginx, SHM_RING_BYTES_MIN);
	send_process(10, 100, "curl");
	send_connection(1, 100, 0);
	send_process(11, 101, "nginx");
	attach(9);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_PROCESS, SHM_RECORD_SNAPSHOT_END);
	verdict_count = 0;
	relay_set_watch_list(&relay, &watch_all);
	assert_int_equal(verdict_count, 1);
	assert_int_equal(last_verdict, VERDICT_WATCH);
	assert_int_equal(last_verdict_pid, KERNEL_PID(10));
	send_data(1, 10);
	end_pass();
	ASSERT_READS(SHM_RECORD_PROCESS, SHM_RECORD_CONNECTION, SHM_RECORD_DATA);
	relay_set_watch_list(&relay, &watch_nginx);
	assert_int_equal(last_verdict, VERDICT_IGNORE);
	/* Under way when the verdict fell: it was watched then. The kernel side ends the connection. */
	send_data(1, 10);
	send_close(1, SHM_CLOSE_EVICTED);
	end_pass();
	ASSERT_READS(SHM_RECORD_DATA, SHM_RECORD_CONNECTION_CLOSE);
	assert_sums();
}

static void a_snapshot_larger_than_the_ring_is_told_in_parts_and_once_each(void **state)
{
	static bool seen[CONNECTIONS_MAX];
	int type, ends = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	start(&watch_all, SHM_RING_BYTES_MIN);
	send_process(10, 100, "nginx");
	for (uint64_t id = 0; id < CONNECTIONS_MAX; id++)
		send_connection(id, 100, 0);
	attach(9);
	for (int pass = 0; pass < 100 && ends == 0; pass++) {
		end_pass();
		while ((type = next()) != 0) {
			ends += type == SHM_RECORD_SNAPSHOT_END;
			if (type != SHM_RECORD_CONNECTION)
				continue;
			assert_false(seen[view.connection.fixed->connection_id]);
			seen[view.connection.fixed->connection_id] = true;
		}
	}
	assert_int_equal(ends, 1);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		assert_true(seen[i]);
	assert_int_equal(counters[SENSOR_COUNTER_SHARED_RING_FULL], 0);
	end_pass();
	assert_int_equal(next(), 0);
}

static void an_announcement_that_found_no_room_is_made_when_there_is_some(void **state)
{
	int type;
	bool process = false, connection = false;

	(void)state;
	start(&watch_all, SHM_RING_BYTES_MIN);
	attach(9);
	while (counters[SENSOR_COUNTER_SHARED_RING_FULL] == 0)
		send_data(1, 0);
	send_process(10, 100, "nginx");
	send_connection(2, 100, 0);
	end_pass();
	while ((type = next()) != 0)
		assert_true(type != SHM_RECORD_PROCESS && type != SHM_RECORD_CONNECTION);
	end_pass();
	while ((type = next()) != 0) {
		assert_true(type != SHM_RECORD_CONNECTION || process);
		process = process || type == SHM_RECORD_PROCESS;
		connection = connection || type == SHM_RECORD_CONNECTION;
	}
	assert_true(process && connection);
	assert_sums();
}

/* A process record is longer than that of a connection: there may be room for the second and not for the first. */
static void no_connection_is_announced_before_its_process(void **state)
{
	char long_name[EVENT_FILE_NAME_BYTES_MAX];
	int type;
	bool process = false;

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	start(&watch_all, SHM_RING_BYTES_MIN);
	attach(9);
	while (shm_ring_writer_has_room(&session.writer, 2 * sizeof(struct shm_record_process)))
		send_data(1, 0);
	send_process(10, 100, long_name);
	assert_int_equal(counters[SENSOR_COUNTER_SHARED_RING_FULL], 1);
	send_connection(2, 100, 0);
	for (int pass = 0; pass < 2; pass++) {
		end_pass();
		while ((type = next()) != 0) {
			process = process || type == SHM_RECORD_PROCESS;
			assert_true(type != SHM_RECORD_CONNECTION || process);
		}
	}
	assert_true(process);
	assert_true(live_tables_connection_find(&relay.tables, 2)->told);
	assert_sums();
}

static void losses_of_the_kernel_side_are_told_once(void **state)
{
	(void)state;
	start(&watch_all, SHM_RING_BYTES_MIN);
	counters[SENSOR_COUNTER_KERNEL_RING_FULL] = 1000; /* before there was a receiver */
	attach(9);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_SNAPSHOT_END);
	counters[SENSOR_COUNTER_KERNEL_RING_FULL] += 7;
	relay_report(&relay);
	end_pass();
	assert_int_equal(next(), SHM_RECORD_CLOCK);
	assert_int_equal(next(), SHM_RECORD_LOSS);
	assert_int_equal(view.loss->stage, SHM_LOSS_KERNEL_RING);
	assert_int_equal(view.loss->records, 7);
	assert_int_equal(next(), SHM_RECORD_COUNTERS);
	assert_int_equal(view.counters.fixed->count, SENSOR_COUNTER_COUNT);
	assert_int_equal(view.counters.values[SENSOR_COUNTER_KERNEL_RING_FULL], 1007);
	counters[SENSOR_COUNTER_CONNECTION_TABLE_FULL] += 2;
	counters[SENSOR_COUNTER_PROCESS_TABLE_FULL] += 3;
	relay_report(&relay);
	end_pass();
	assert_int_equal(next(), SHM_RECORD_CLOCK);
	assert_int_equal(next(), SHM_RECORD_LOSS);
	assert_int_equal(view.loss->stage, SHM_LOSS_CAPTURE);
	assert_int_equal(view.loss->records, 5);
	assert_int_equal(next(), SHM_RECORD_COUNTERS);
	relay_report(&relay);
	end_pass();
	ASSERT_READS(SHM_RECORD_CLOCK, SHM_RECORD_COUNTERS);
}

static void every_event_is_accounted_for_whatever_happens(void **state)
{
	uint64_t random = 1;

	(void)state;
	start(&watch_nginx, SHM_RING_BYTES_MIN);
	for (int step = 0; step < 20000; step++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		uint64_t draw = random >> 33, id = draw >> 8 & 63;
		uint32_t pid = (uint32_t)(100 + id % 8);

		switch (draw % 16) {
		case 0:
			send_process(pid, pid, id % 3 == 0 ? "curl" : "nginx");
			break;
		case 1:
			send_process_exit(pid, pid);
			break;
		case 2:
			send_close(id, SHM_CLOSE_NORMAL);
			break;
		case 3:
			send_connection(id, pid, id % 2 == 0 ? SHM_CONNECTION_OWNER : 0);
			break;
		case 4:
			while (session.open && id == 0 && next() != 0)
				;
			break;
		case 5:
			relay_report(&relay);
			break;
		case 6:
			relay_set_watch_list(&relay, id % 2 == 0 ? &watch_all : &watch_nginx);
			break;
		case 7:
			if (session.open && id < 4) {
				relay_on_detach(&relay);
				ring_session_reader_gone(&session);
			} else if (!session.open && id < 32) {
				attach(9);
			}
			break;
		default:
			send_data(id, (uint16_t)(draw % 2000));
		}
		end_pass();
		assert_sums();
	}
	assert_true(counters[SENSOR_COUNTER_SHARED_RING_FULL] > 0);
	assert_true(counters[SENSOR_COUNTER_NO_READER] > 0);
	assert_true(counters[SENSOR_COUNTER_EVENTS_FILTERED] > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_receiver_gets_the_time_then_what_lives_then_the_stream),
		TEST(data_is_passed_on_at_its_own_length_with_zeros_behind),
		TEST(what_has_ended_is_in_no_snapshot),
		TEST(the_exit_of_a_program_before_execve_does_not_end_the_one_after),
		TEST(nothing_of_an_ignored_process_reaches_the_receiver),
		TEST(an_ignored_process_is_in_no_snapshot_nor_its_connections),
		TEST(a_connection_that_passes_to_a_watched_process_is_announced_as_joined),
		TEST(a_connection_that_passes_to_an_ignored_process_goes_silent_until_it_ends),
		TEST(the_receiver_itself_is_never_watched),
		TEST(a_new_watch_list_decides_over_what_lives),
		TEST(a_snapshot_larger_than_the_ring_is_told_in_parts_and_once_each),
		TEST(an_announcement_that_found_no_room_is_made_when_there_is_some),
		TEST(no_connection_is_announced_before_its_process),
		TEST(losses_of_the_kernel_side_are_told_once),
		TEST(every_event_is_accounted_for_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
