/* Open and end TCP connections in every way, expect who, where and how. */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "event_log.h"
#include "socket_pair.h"

static struct event_log captured;

static void exchange(struct socket_pair *pair)
{
	char buffer[8];

	assert_int_equal(write(pair->client, "ping", 4), 4);
	assert_int_equal(read(pair->server, buffer, sizeof(buffer)), 4);
	assert_int_equal(write(pair->server, "pong", 4), 4);
	assert_int_equal(read(pair->client, buffer, sizeof(buffer)), 4);
}

static const struct shm_record_connection *client_of(const struct socket_pair *pair)
{
	const struct shm_record_connection *event =
		event_log_connection(&captured, pair->client_port, pair->server_port);

	assert_non_null(event);
	return event;
}

static const struct shm_record_connection *server_of(const struct socket_pair *pair)
{
	const struct shm_record_connection *event =
		event_log_connection(&captured, pair->server_port, pair->client_port);

	assert_non_null(event);
	return event;
}

static void both_ends_are_announced_with_role_and_address(void **unused)
{
	static const struct {
		enum pair_kind kind;
		enum shm_family family;
		uint8_t address[16];
	} kinds[] = {
		{PAIR_IPV4, SHM_FAMILY_IPV4, {127, 0, 0, 1}},
		{PAIR_IPV6, SHM_FAMILY_IPV6, {[15] = 1}},
		{PAIR_MAPPED, SHM_FAMILY_IPV4, {127, 0, 0, 1}},
	};

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		struct socket_pair pair = socket_pair_tcp(kinds[i].kind);
		exchange(&pair);
		const struct shm_record_connection *ends[] = {client_of(&pair), server_of(&pair)};
		for (size_t end = 0; end < 2; end++) {
			assert_int_equal(ends[end]->family, kinds[i].family);
			assert_memory_equal(ends[end]->local_address, kinds[i].address, 16);
			assert_memory_equal(ends[end]->remote_address, kinds[i].address, 16);
			assert_int_equal(ends[end]->header.flags, 0);
			assert_int_not_equal(ends[end]->net_namespace, 0);
		}
		assert_int_equal(ends[0]->role, SHM_ROLE_CLIENT);
		assert_int_equal(ends[1]->role, SHM_ROLE_SERVER);
		assert_int_not_equal(ends[0]->connection_id, ends[1]->connection_id);
		socket_pair_close(&pair);
	}
}

static void the_owner_is_announced_before_the_connection(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);

	(void)unused;
	exchange(&pair);
	const struct event_process *process = event_log_process(&captured, (uint32_t)getpid());
	assert_non_null(process);
	assert_int_equal(client_of(&pair)->process_id, process->process_id);
	assert_string_equal(process->file_name, "bpf.tcp_state");
	assert_string_equal(process->command, "bpf.tcp_state");
	assert_int_equal(process->parent_pid, getppid());
	assert_int_equal(process->uid, geteuid());
	assert_non_null(strstr(process->arguments, "bpf.tcp_state"));
	for (size_t i = 0; captured.events[i] != &client_of(&pair)->header; i++) {
		if (captured.events[i] == &process->header)
			return socket_pair_close(&pair);
	}
	fail_msg("the connection came first");
}

static void a_normal_end_is_two_ends_of_stream_and_a_close_with_totals(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];

	(void)unused;
	exchange(&pair);
	uint64_t client = client_of(&pair)->connection_id, server = server_of(&pair)->connection_id;
	close(pair.client);
	pair.client = -1;
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 0);
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 0);
	close(pair.server);
	pair.server = -1;
	EXPECT_SEGMENTS(&captured, client, true, BYTES(0, "ping"), END(4));
	EXPECT_SEGMENTS(&captured, server, false, BYTES(0, "ping"), END(4));
	EXPECT_SEGMENTS(&captured, server, true, BYTES(0, "pong"), END(4));
	const struct shm_record_connection_close *event = event_log_wait_close(&captured, server);
	assert_non_null(event);
	assert_int_equal(event->sent_bytes, 4);
	assert_int_equal(event->received_bytes, 4);
	assert_int_equal(event->reason, SHM_CLOSE_NORMAL);
	assert_non_null(event_log_wait_close(&captured, client));
	assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, server), 1);
	socket_pair_close(&pair);
}

static void a_half_closed_connection_is_read_to_its_end(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];

	(void)unused;
	exchange(&pair);
	uint64_t client = client_of(&pair)->connection_id;
	assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
	EXPECT_SEGMENTS(&captured, client, true, BYTES(0, "ping"), END(4));
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 0);
	assert_int_equal(write(pair.server, "last", 4), 4);
	close(pair.server);
	pair.server = -1;
	/* the transport is done with this end, the process is not: the bytes still wait */
	assert_int_equal(read(pair.client, buffer, sizeof(buffer)), 4);
	assert_int_equal(read(pair.client, buffer, sizeof(buffer)), 0);
	close(pair.client);
	pair.client = -1;
	const struct shm_record_connection_close *event = event_log_wait_close(&captured, client);
	assert_non_null(event);
	assert_int_equal(event->received_bytes, 8);
	EXPECT_SEGMENTS(&captured, client, false, BYTES(0, "pong"), BYTES(4, "last"), END(8));
	socket_pair_close(&pair);
}

static void a_reset_is_told(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);

	(void)unused;
	exchange(&pair);
	uint64_t client = client_of(&pair)->connection_id;
	socket_reset(&pair.server);
	close(pair.client);
	pair.client = -1;
	const struct shm_record_connection_close *event = event_log_wait_close(&captured, client);
	assert_non_null(event);
	assert_int_equal(event->reason, SHM_CLOSE_RESET);
	assert_int_equal(event->received_bytes, 4);
	socket_pair_close(&pair);
}

static void bytes_that_wait_when_a_reset_comes_are_still_seen(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];

	(void)unused;
	exchange(&pair);
	uint64_t client = client_of(&pair)->connection_id;
	assert_int_equal(write(pair.server, "last", 4), 4);
	socket_reset(&pair.server);
	assert_int_equal(read(pair.client, buffer, sizeof(buffer)), 4);
	assert_int_equal(read(pair.client, buffer, sizeof(buffer)), -1);
	close(pair.client);
	pair.client = -1;
	const struct shm_record_connection_close *event = event_log_wait_close(&captured, client);
	assert_non_null(event);
	assert_int_equal(event->reason, SHM_CLOSE_RESET);
	EXPECT_SEGMENTS(&captured, client, false, BYTES(0, "pong"), BYTES(4, "last"));
	socket_pair_close(&pair);
}

static void *receive_hundred(void *socket)
{
	char buffer[100];

	return (void *)recv(*(int *)socket, buffer, sizeof(buffer), MSG_WAITALL);
}

static void bytes_of_a_call_that_a_reset_interrupts_are_seen(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	pthread_t reader;
	void *received;
	int unread = 1;

	(void)unused;
	exchange(&pair);
	uint64_t client = client_of(&pair)->connection_id;
	assert_int_equal(pthread_create(&reader, NULL, receive_hundred, &pair.client), 0);
	assert_int_equal(write(pair.server, "last", 4), 4);
	/* The call has taken the bytes and waits for more. */
	while (ioctl(pair.server, SIOCOUTQ, &unread) == 0 && unread > 0)
		sched_yield();
	do {
		assert_int_equal(ioctl(pair.client, FIONREAD, &unread), 0);
		sched_yield();
	} while (unread > 0);
	socket_reset(&pair.server);
	assert_int_equal(pthread_join(reader, &received), 0);
	assert_int_equal((intptr_t)received, 4);
	close(pair.client);
	pair.client = -1;
	assert_non_null(event_log_wait_close(&captured, client));
	EXPECT_SEGMENTS(&captured, client, false, BYTES(0, "pong"), BYTES(4, "last"));
	socket_pair_close(&pair);
}

static void a_socket_that_connects_anew_is_another_connection(void **unused)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	struct sockaddr_in server;
	socklen_t bytes = sizeof(server);

	(void)unused;
	exchange(&pair);
	uint64_t former = client_of(&pair)->connection_id;
	assert_int_equal(getpeername(pair.client, (void *)&server, &bytes), 0);
	assert_int_equal(connect(pair.client, &nowhere, sizeof(nowhere)), 0);
	assert_int_equal(connect(pair.client, (void *)&server, bytes), 0);
	close(pair.server);
	pair.server = accept(pair.listener, NULL, NULL);
	assert_true(pair.server >= 0);
	assert_int_equal(getsockname(pair.client, (void *)&server, &bytes), 0);
	pair.client_port = ntohs(server.sin_port);
	exchange(&pair);
	uint64_t latter = client_of(&pair)->connection_id;
	assert_int_not_equal(former, latter);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, former), 1);
	EXPECT_SEGMENTS(&captured, latter, true, BYTES(0, "ping"));
	socket_pair_close(&pair);
}

static void holes_that_wait_are_reported_before_the_close(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	static char big[8192];

	(void)unused;
	exchange(&pair);
	uint64_t client = client_of(&pair)->connection_id;
	assert_int_equal(write(pair.client, big, 4096), 4096);
	assert_int_equal(write(pair.client, big, 3000), 3000);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_DATA, client), 3);
	close(pair.client);
	pair.client = -1;
	event_log_drain(&captured);
	const struct shm_record_data *hole = NULL, *end = NULL;
	for (size_t i = 0; i < captured.count; i++) {
		const struct shm_record_data *event = (const void *)captured.events[i];
		if (event->header.type == SHM_RECORD_DATA && event->connection_id == client) {
			hole = end;
			end = event;
		}
	}
	assert_int_equal(hole->offset, 4 + 4096);
	assert_int_equal(hole->byte_count, 3000);
	assert_int_equal(hole->captured_bytes, 0);
	assert_int_equal(end->header.flags, SHM_DATA_SENT | SHM_DATA_END_OF_STREAM);
	assert_int_equal(end->offset, 4 + 4096 + 3000);
	socket_pair_close(&pair);
}

static int open_all(void **unused)
{
	struct capture_options options = event_log_options();

	(void)unused;
	event_log_open(&captured, &options);
	assert_int_equal(capture_walk(captured.capture), 0);
	return 0;
}

static int close_all(void **unused)
{
	(void)unused;
	event_log_close(&captured);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_are_announced_with_role_and_address),
		cmocka_unit_test(the_owner_is_announced_before_the_connection),
		cmocka_unit_test(a_normal_end_is_two_ends_of_stream_and_a_close_with_totals),
		cmocka_unit_test(a_half_closed_connection_is_read_to_its_end),
		cmocka_unit_test(a_reset_is_told),
		cmocka_unit_test(bytes_that_wait_when_a_reset_comes_are_still_seen),
		cmocka_unit_test(bytes_of_a_call_that_a_reset_interrupts_are_seen),
		cmocka_unit_test(a_socket_that_connects_anew_is_another_connection),
		cmocka_unit_test(holes_that_wait_are_reported_before_the_close),
	};
	return cmocka_run_group_tests_name("tcp_state", tests, open_all, close_all);
}
