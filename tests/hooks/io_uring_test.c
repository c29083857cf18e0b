/* Speak over io_uring: seen like any other call where the kernel's own functions are watched, and counted as unseen
 * where only system calls are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <liburing.h>

#include "event_log.h"
#include "socket_pair.h"

enum { SKIPPED = 77 };

static struct event_log captured;
static struct io_uring ring;

static bool by_fentry(void)
{
	return strcmp(capture_mode_name(captured.capture), "fentry") == 0;
}

/* Submit what has been prepared and return its result. */
static int run(void)
{
	struct io_uring_cqe *done;

	assert_int_equal(io_uring_submit(&ring), 1);
	assert_int_equal(io_uring_wait_cqe(&ring, &done), 0);
	int result = done->res;
	io_uring_cqe_seen(&ring, done);
	return result;
}

static int ring_send(int socket, const void *bytes, size_t length)
{
	io_uring_prep_send(io_uring_get_sqe(&ring), socket, bytes, length, 0);
	return run();
}

static int ring_receive(int socket, void *bytes, size_t length)
{
	io_uring_prep_recv(io_uring_get_sqe(&ring), socket, bytes, length, 0);
	return run();
}

static int ring_write(int socket, const void *bytes, size_t length)
{
	io_uring_prep_write(io_uring_get_sqe(&ring), socket, bytes, (unsigned int)length, 0);
	return run();
}

static int ring_read(int socket, void *bytes, size_t length)
{
	io_uring_prep_read(io_uring_get_sqe(&ring), socket, bytes, (unsigned int)length, 0);
	return run();
}

static int ring_send_message(int socket, const void *bytes, size_t length)
{
	struct iovec halves[] = {{(void *)(uintptr_t)bytes, 1}, {(char *)(uintptr_t)bytes + 1, length - 1}};
	struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};

	io_uring_prep_sendmsg(io_uring_get_sqe(&ring), socket, &message, 0);
	return run();
}

static int ring_receive_message(int socket, void *bytes, size_t length)
{
	struct iovec whole = {bytes, length};
	struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};

	io_uring_prep_recvmsg(io_uring_get_sqe(&ring), socket, &message, 0);
	return run();
}

static const struct way {
	const char *name;
	int (*send)(int socket, const void *bytes, size_t length);
	int (*receive)(int socket, void *bytes, size_t length);
} ways[] = {
	{"send and recv", ring_send, ring_receive},
	{"write and read", ring_write, ring_read},
	{"sendmsg and recvmsg", ring_send_message, ring_receive_message},
};

/* The two elements of a message are one segment: it is small. */
static void expect_exchange(uint64_t client, uint64_t server)
{
	EXPECT_SEGMENTS(&captured, client, true, BYTES(0, "request"));
	EXPECT_SEGMENTS(&captured, server, false, BYTES(0, "request"));
}

static void exchange(const struct way *way, const struct socket_pair *pair)
{
	char buffer[16];

	assert_int_equal(way->send(pair->client, "request", 7), 7);
	assert_int_equal(way->receive(pair->server, buffer, sizeof(buffer)), 7);
	assert_memory_equal(buffer, "request", 7);
}

static void calls_over_tcp_are_seen_by_fentry_only(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
		exchange(&ways[i], &pair);
		const struct shm_record_connection *client =
			event_log_connection(&captured, pair.client_port, pair.server_port);
		const struct shm_record_connection *server =
			event_log_connection(&captured, pair.server_port, pair.client_port);
		if (by_fentry()) {
			assert_non_null(client);
			assert_non_null(server);
			expect_exchange(client->connection_id, server->connection_id);
		} else {
			assert_null(client);
			assert_null(server);
		}
		socket_pair_close(&pair);
	}
}

static void calls_over_unix_sockets_are_seen_by_fentry_only(void **unused)
{
	char path[64];

	(void)unused;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(path, sizeof(path), "@shmotel-uring-%d-%zu", getpid(), i);
		struct socket_pair pair = socket_pair_unix(path);
		exchange(&ways[i], &pair);
		const struct shm_record_connection *client = event_log_unix(&captured, path, SHM_ROLE_CLIENT);
		const struct shm_record_connection *server = event_log_unix(&captured, path, SHM_ROLE_SERVER);
		if (by_fentry()) {
			assert_non_null(client);
			assert_non_null(server);
			expect_exchange(client->connection_id, server->connection_id);
		} else {
			assert_null(client);
			assert_null(server);
		}
		socket_pair_close(&pair);
	}
}

/* The usual order of a server: the receive waits before there is anything to receive. */
static void a_receive_that_waits_in_the_ring_is_seen(void **unused)
{
	struct io_uring_cqe *done;
	char buffer[16];

	(void)unused;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	io_uring_prep_recv(io_uring_get_sqe(&ring), pair.server, buffer, sizeof(buffer), 0);
	assert_int_equal(io_uring_submit(&ring), 1);
	assert_int_equal(write(pair.client, "request", 7), 7);
	assert_int_equal(io_uring_wait_cqe(&ring, &done), 0);
	assert_int_equal(done->res, 7);
	io_uring_cqe_seen(&ring, done);
	const struct shm_record_connection *server =
		event_log_connection(&captured, pair.server_port, pair.client_port);
	if (by_fentry()) {
		assert_non_null(server);
		EXPECT_SEGMENTS(&captured, server->connection_id, false, BYTES(0, "request"));
	} else {
		assert_null(server);
	}
	socket_pair_close(&pair);
}

/* Registered memory is the kernel's own when a call uses it: its length is known, its bytes are not shown. */
static void registered_buffers_are_holes(void **unused)
{
	static char buffer[4096] = "request";
	struct iovec whole = {buffer, sizeof(buffer)};

	(void)unused;
	if (!by_fentry())
		return;
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	assert_int_equal(io_uring_register_buffers(&ring, &whole, 1), 0);
	io_uring_prep_write_fixed(io_uring_get_sqe(&ring), pair.client, buffer, 7, 0, 0);
	assert_int_equal(run(), 7);
	const struct shm_record_connection *client =
		event_log_connection(&captured, pair.client_port, pair.server_port);
	assert_non_null(client);
	EXPECT_SEGMENTS(&captured, client->connection_id, true, HOLE(0, 7));
	assert_int_equal(io_uring_unregister_buffers(&ring), 0);
	socket_pair_close(&pair);
}

static uint64_t connections_unseen(void)
{
	uint64_t counters[SENSOR_COUNTER_COUNT] = {0};

	capture_counters(captured.capture, counters);
	return counters[SENSOR_COUNTER_SENT_UNSEEN];
}

static void connections_that_sent_unseen_are_counted(void **unused)
{
	uint64_t before = connections_unseen();
	char buffer[16];

	(void)unused;
	struct socket_pair seen = socket_pair_tcp(PAIR_IPV4), unseen = socket_pair_tcp(PAIR_IPV4);
	assert_int_equal(write(seen.client, "request", 7), 7);
	assert_int_equal(read(seen.server, buffer, sizeof(buffer)), 7);
	assert_int_equal(ring_send(unseen.client, "request", 7), 7);
	assert_int_equal(read(unseen.server, buffer, sizeof(buffer)), 7);
	socket_pair_close(&seen);
	socket_pair_close(&unseen);
	assert_int_equal(connections_unseen(), before + !by_fentry());
}

static int open_all(void **unused)
{
	struct capture_options options = event_log_options();

	(void)unused;
	int error = io_uring_queue_init(8, &ring, 0);
	if (error) {
		printf("skipped: no io_uring here (%s)\n", strerror(-error));
		exit(SKIPPED);
	}
	event_log_open(&captured, &options);
	return 0;
}

static int close_all(void **unused)
{
	(void)unused;
	event_log_close(&captured);
	io_uring_queue_exit(&ring);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_over_tcp_are_seen_by_fentry_only),
		cmocka_unit_test(calls_over_unix_sockets_are_seen_by_fentry_only),
		cmocka_unit_test(a_receive_that_waits_in_the_ring_is_seen),
		cmocka_unit_test(registered_buffers_are_holes),
		cmocka_unit_test(connections_that_sent_unseen_are_counted),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
