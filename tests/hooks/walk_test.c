/* Connections older than the sensor are found; a ring that overflows loses events but no offsets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "event_log.h"
#include "socket_pair.h"

static struct event_log captured;

static void exchange(int from, int to)
{
	char buffer[8];

	assert_int_equal(write(from, "ping", 4), 4);
	assert_int_equal(read(to, buffer, sizeof(buffer)), 4);
}

static void an_older_connection_is_announced_by_the_walk(void **unused)
{
	struct capture_options options = event_log_options();
	struct socket_pair used = socket_pair_tcp(PAIR_IPV4), fresh = socket_pair_tcp(PAIR_IPV6);

	(void)unused;
	exchange(used.client, used.server);
	event_log_open(&captured, &options);
	assert_null(event_log_connection(&captured, used.client_port, used.server_port));
	assert_int_equal(capture_walk(captured.capture), 0);

	const struct shm_record_connection *client =
		event_log_connection(&captured, used.client_port, used.server_port);
	const struct shm_record_connection *server =
		event_log_connection(&captured, used.server_port, used.client_port);
	assert_non_null(client);
	assert_non_null(server);
	assert_int_equal(client->header.flags, SHM_CONNECTION_JOINED);
	assert_int_equal(server->header.flags, SHM_CONNECTION_JOINED);
	assert_int_equal(client->role, SHM_ROLE_CLIENT);
	assert_int_equal(server->role, SHM_ROLE_SERVER);
	assert_int_equal(client->process_id, event_log_process(&captured, (uint32_t)getpid())->process_id);

	server = event_log_connection(&captured, fresh.server_port, fresh.client_port);
	assert_non_null(server);
	assert_int_equal(server->header.flags, 0); /* nothing has passed on it yet */
	assert_int_equal(server->role, SHM_ROLE_SERVER);

	exchange(used.client, used.server);
	EXPECT_SEGMENTS(&captured, client->connection_id, true, BYTES(0, "ping"));
	socket_pair_close(&used);
	socket_pair_close(&fresh);
	event_log_close(&captured);
}

static void an_older_unix_connection_is_announced_by_the_walk(void **unused)
{
	struct capture_options options = event_log_options();
	char path[64];

	(void)unused;
	snprintf(path, sizeof(path), "@shmotel-walk-%d", getpid());
	struct socket_pair pair = socket_pair_unix(path);
	event_log_open(&captured, &options);
	assert_int_equal(capture_walk(captured.capture), 0);
	const struct shm_record_connection *server = event_log_unix(&captured, path, SHM_ROLE_SERVER);
	assert_non_null(server);
	assert_int_equal(server->header.flags, SHM_CONNECTION_JOINED);
	assert_non_null(event_log_unix(&captured, path, SHM_ROLE_CLIENT));
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void without_unix_sockets_only_tcp_is_captured(void **unused)
{
	struct capture_options options = event_log_options();
	char path[64];

	(void)unused;
	options.unix_sockets = false;
	snprintf(path, sizeof(path), "@shmotel-none-%d", getpid());
	event_log_open(&captured, &options);
	assert_int_equal(capture_walk(captured.capture), 0);
	struct socket_pair pair = socket_pair_unix(path);
	exchange(pair.client, pair.server);
	assert_null(event_log_unix(&captured, path, SHM_ROLE_SERVER));
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void a_full_ring_loses_events_that_are_counted_and_no_offset(void **unused)
{
	struct capture_options options = event_log_options();
	uint64_t counters[SENSOR_COUNTER_COUNT] = {0};
	char buffer[8];
	enum { ROUNDS = 500 };

	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	options.kernel_ring_bytes = 16384;
	options.capture_bytes = SHM_CAPTURE_BYTES_MAX;
	options.include_port_count = 1;
	options.include_ports[0] = (struct capture_port_range){pair.server_port, pair.server_port};
	event_log_open(&captured, &options);
	for (int i = 0; i < ROUNDS; i++)
		exchange(pair.client, pair.server);
	capture_counters(captured.capture, counters);
	assert_true(counters[SENSOR_COUNTER_KERNEL_RING_FULL] > 0);
	event_log_drain(&captured);
	/* room again: the next event stands at its true offset */
	assert_int_equal(write(pair.client, "after", 5), 5);
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 5);
	uint64_t client = event_log_connection(&captured, pair.client_port, pair.server_port)->connection_id;
	const struct shm_record_data *last = NULL;
	for (size_t i = 0; i < captured.count; i++) {
		const struct shm_record_data *event = (const void *)captured.events[i];
		if (event->header.type == SHM_RECORD_DATA && event->connection_id == client)
			last = event;
	}
	assert_non_null(last);
	assert_int_equal(last->offset, ROUNDS * 4);
	assert_memory_equal(last + 1, "after", 5);
	/* what was produced is what arrived and what was counted lost */
	capture_counters(captured.capture, counters);
	assert_int_equal(counters[SENSOR_COUNTER_EVENTS_CAPTURED],
			 counters[SENSOR_COUNTER_EVENTS_DRAINED] + counters[SENSOR_COUNTER_KERNEL_RING_FULL]);
	assert_int_equal(counters[SENSOR_COUNTER_EVENTS_MALFORMED], 0);
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void a_full_connection_table_is_counted(void **unused)
{
	struct capture_options options = event_log_options();
	uint64_t counters[SENSOR_COUNTER_COUNT] = {0};

	(void)unused;
	options.connections_max = 1;
	event_log_open(&captured, &options);
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	exchange(pair.client, pair.server);
	capture_counters(captured.capture, counters);
	assert_true(counters[SENSOR_COUNTER_CONNECTION_TABLE_FULL] > 0);
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void wrong_options_are_refused_with_a_sentence(void **unused)
{
	struct capture_options options = event_log_options();
	struct capture *capture = NULL;
	char message[256] = "";

	(void)unused;
	options.capture_bytes = SHM_CAPTURE_BYTES_MAX + 1;
	assert_int_equal(capture_open(&capture, &options, message, sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "16384"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_connection_is_announced_by_the_walk),
		cmocka_unit_test(an_older_unix_connection_is_announced_by_the_walk),
		cmocka_unit_test(without_unix_sockets_only_tcp_is_captured),
		cmocka_unit_test(a_full_ring_loses_events_that_are_counted_and_no_offset),
		cmocka_unit_test(a_full_connection_table_is_counted),
		cmocka_unit_test(wrong_options_are_refused_with_a_sentence),
	};
	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
