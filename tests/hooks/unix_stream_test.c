/* Unix stream sockets: paths, roles, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
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
	assert_int_equal(write(to, "pong", 4), 4);
	assert_int_equal(read(from, buffer, sizeof(buffer)), 4);
}

static void both_ends_carry_the_path_of_the_listener(void **unused)
{
	char file[64], abstract[64], longest[108];

	(void)unused;
	snprintf(file, sizeof(file), "/tmp/shmotel-hook-%d.sock", getpid());
	snprintf(abstract, sizeof(abstract), "@shmotel-hook-%d", getpid());
	memset(longest, 'x', sizeof(longest));
	snprintf(longest, sizeof(longest), "/tmp/shmotel-%d-", getpid());
	longest[strlen(longest)] = 'x';
	longest[sizeof(longest) - 1] = 0;
	const char *paths[] = {file, abstract, longest};
	for (size_t i = 0; i < 3; i++) {
		struct socket_pair pair = socket_pair_unix(paths[i]);
		exchange(pair.client, pair.server);
		const struct shm_record_connection *client = event_log_unix(&captured, paths[i], SHM_ROLE_CLIENT);
		const struct shm_record_connection *server = event_log_unix(&captured, paths[i], SHM_ROLE_SERVER);
		assert_non_null(client);
		assert_non_null(server);
		assert_int_equal(client->local_port | client->remote_port, 0);
		EXPECT_SEGMENTS(&captured, client->connection_id, true, BYTES(0, "ping"));
		EXPECT_SEGMENTS(&captured, server->connection_id, true, BYTES(0, "pong"));
		unlink(paths[i]);
		socket_pair_close(&pair);
	}
}

static void an_end_that_is_closed_is_told_at_once(void **unused)
{
	char path[64], buffer[8];

	(void)unused;
	snprintf(path, sizeof(path), "@shmotel-close-%d", getpid());
	struct socket_pair pair = socket_pair_unix(path);
	exchange(pair.client, pair.server);
	uint64_t client = event_log_unix(&captured, path, SHM_ROLE_CLIENT)->connection_id;
	uint64_t server = event_log_unix(&captured, path, SHM_ROLE_SERVER)->connection_id;
	close(pair.server);
	pair.server = -1;
	assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, server), 1);
	assert_int_equal(read(pair.client, buffer, sizeof(buffer)), 0);
	EXPECT_SEGMENTS(&captured, client, false, BYTES(0, "pong"), END(4));
	socket_pair_close(&pair);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, client), 1);
}

static void a_duplicate_descriptor_keeps_the_connection(void **unused)
{
	char path[64];

	(void)unused;
	snprintf(path, sizeof(path), "@shmotel-dup-%d", getpid());
	struct socket_pair pair = socket_pair_unix(path);
	exchange(pair.client, pair.server);
	uint64_t client = event_log_unix(&captured, path, SHM_ROLE_CLIENT)->connection_id;
	int copy = dup(pair.client);
	close(pair.client);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, client), 0);
	pair.client = copy;
	assert_int_equal(write(copy, "more", 4), 4);
	EXPECT_SEGMENTS(&captured, client, true, BYTES(0, "ping"), BYTES(4, "more"));
	socket_pair_close(&pair);
}

enum end { END_BY_DUP2, END_BY_CLOSE_RANGE, END_BY_EXIT, END_BY_CLOSE_OF_A_COPY, END_WAYS };

/* Use `socket` in some way that makes its end unlike the close(2) of the descriptor that the exchange used. */
static void end_unseen(int socket, enum end way)
{
	int status, copy;

	switch (way) {
	case END_BY_DUP2:
		assert_int_equal(dup2(STDERR_FILENO, socket), socket);
		close(socket);
		break;
	case END_BY_CLOSE_RANGE:
		assert_int_equal(close_range((unsigned int)socket, (unsigned int)socket, 0), 0);
		break;
	case END_BY_EXIT:
		copy = fork();
		assert_true(copy >= 0);
		if (copy == 0) {
			ssize_t sent = write(socket, "more", 4);
			_exit(sent != 4);
		}
		close(socket);
		assert_int_equal(waitpid(copy, &status, 0), copy);
		assert_int_equal(status, 0);
		break;
	default:
		copy = dup(socket);
		close(socket);
		close(copy);
	}
}

static void an_end_that_no_hook_sees_is_found_by_the_sweep(void **unused)
{
	char path[64];

	(void)unused;
	for (enum end way = END_BY_DUP2; way < END_WAYS; way++) {
		snprintf(path, sizeof(path), "@shmotel-sweep-%d-%d", getpid(), way);
		struct socket_pair pair = socket_pair_unix(path);
		exchange(pair.client, pair.server);
		uint64_t client = event_log_unix(&captured, path, SHM_ROLE_CLIENT)->connection_id;
		uint64_t server = event_log_unix(&captured, path, SHM_ROLE_SERVER)->connection_id;
		end_unseen(pair.client, way);
		pair.client = -1;
		assert_int_equal(capture_sweep(captured.capture), 0);
		assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, client), 1);
		assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, server), 0);
		/* The other end is in use: it stays what it is. */
		assert_int_equal(send(pair.server, "more", 4, MSG_NOSIGNAL), -1);
		socket_pair_close(&pair);
		assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, server), 1);
	}
}

static void the_close_of_a_copy_that_was_used_is_told_at_once(void **unused)
{
	char path[64];

	(void)unused;
	snprintf(path, sizeof(path), "@shmotel-copy-%d", getpid());
	struct socket_pair pair = socket_pair_unix(path);
	exchange(pair.client, pair.server);
	uint64_t client = event_log_unix(&captured, path, SHM_ROLE_CLIENT)->connection_id;
	int copy = dup(pair.client);
	close(pair.client);
	pair.client = copy;
	assert_int_equal(write(copy, "more", 4), 4);
	socket_pair_close(&pair);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_CONNECTION_CLOSE, client), 1);
}

static void a_pair_without_a_name_has_no_role(void **unused)
{
	int ends[2];

	(void)unused;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	exchange(ends[0], ends[1]);
	const struct shm_record_connection *event = event_log_unix(&captured, "", SHM_ROLE_UNKNOWN);
	assert_non_null(event);
	EXPECT_SEGMENTS(&captured, event->connection_id, true, BYTES(0, "pong"));
	close(ends[0]);
	close(ends[1]);
}

static void datagrams_are_not_captured(void **unused)
{
	int ends[2];
	char buffer[8];

	(void)unused;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	event_log_drain(&captured);
	size_t before = 0, after = 0;
	for (size_t i = 0; i < captured.count; i++)
		before += captured.events[i]->type == SHM_RECORD_CONNECTION &&
			  ((struct shm_record_connection *)captured.events[i])->role == SHM_ROLE_UNKNOWN;
	assert_int_equal(write(ends[0], "ping", 4), 4);
	assert_int_equal(read(ends[1], buffer, sizeof(buffer)), 4);
	event_log_drain(&captured);
	for (size_t i = 0; i < captured.count; i++)
		after += captured.events[i]->type == SHM_RECORD_CONNECTION &&
			 ((struct shm_record_connection *)captured.events[i])->role == SHM_ROLE_UNKNOWN;
	assert_int_equal(before, after);
	close(ends[0]);
	close(ends[1]);
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
		cmocka_unit_test(both_ends_carry_the_path_of_the_listener),
		cmocka_unit_test(an_end_that_is_closed_is_told_at_once),
		cmocka_unit_test(a_duplicate_descriptor_keeps_the_connection),
		cmocka_unit_test(an_end_that_no_hook_sees_is_found_by_the_sweep),
		cmocka_unit_test(the_close_of_a_copy_that_was_used_is_told_at_once),
		cmocka_unit_test(a_pair_without_a_name_has_no_role),
		cmocka_unit_test(datagrams_are_not_captured),
	};
	return cmocka_run_group_tests_name("unix_stream", tests, open_all, close_all);
}
