/* Processes: exec announces anew, exit is told, sockets change hands, verdicts and filters hold. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "event_log.h"
#include "socket_pair.h"

static struct event_log captured;

static void open_with(const struct capture_options *options)
{
	event_log_open(&captured, options);
	assert_int_equal(capture_walk(captured.capture), 0);
}

static void exchange(int from, int to)
{
	char buffer[8];

	assert_int_equal(write(from, "ping", 4), 4);
	assert_int_equal(read(to, buffer, sizeof(buffer)), 4);
}

/* Run `sh -c` over the server's end of the pair, and wait for it. */
static uint32_t shell_on(const struct socket_pair *pair, const char *script)
{
	pid_t child = fork();

	if (child == 0) {
		dup2(pair->server, STDIN_FILENO);
		dup2(pair->server, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	assert_true(child > 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return (uint32_t)child;
}

static void an_exec_announces_the_process_anew_and_takes_the_connection_along(void **unused)
{
	struct capture_options options = event_log_options();

	(void)unused;
	open_with(&options);
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	/* the shell and the cat that it becomes both write: one pid, two process ids, one connection */
	uint32_t child = shell_on(&pair, "echo one; exec printf two");
	const struct shm_record_connection *server =
		event_log_connection(&captured, pair.server_port, pair.client_port);
	assert_non_null(server);
	assert_int_equal(server->header.flags, SHM_CONNECTION_OWNER);
	const struct event_process *last = event_log_process(&captured, child);
	assert_non_null(last);
	assert_string_equal(last->command, "printf");
	assert_int_equal(last->argument_bytes, sizeof("printf\0two"));
	assert_memory_equal(last->arguments, "printf\0two", sizeof("printf\0two"));
	assert_int_equal(server->process_id, last->process_id);
	size_t announced = 0;
	for (size_t i = 0; i < captured.count; i++) {
		const struct event_process *event = (const void *)captured.events[i];
		announced += event->header.type == EVENT_PROCESS && event->pid == child;
	}
	assert_int_equal(announced, 2);
	EXPECT_SEGMENTS(&captured, server->connection_id, true, BYTES(0, "one\n"), BYTES(4, "two"));
	const struct event_process_exit *gone = event_log_wait_exit(&captured, child);
	assert_non_null(gone);
	assert_int_equal(gone->process_id, last->process_id);
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void whoever_begins_to_receive_a_turn_becomes_the_owner(void **unused)
{
	struct capture_options options = event_log_options();

	(void)unused;
	open_with(&options);
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	exchange(pair.client, pair.server);
	/* a child that only writes leaves the connection to us ... */
	shell_on(&pair, "printf child");
	const struct shm_record_connection *server =
		event_log_connection(&captured, pair.server_port, pair.client_port);
	assert_int_equal(server->header.flags, 0);
	/* ... one that receives the next request takes it */
	assert_int_equal(write(pair.client, "line\n", 5), 5);
	uint32_t reader = shell_on(&pair, "read line");
	server = event_log_connection(&captured, pair.server_port, pair.client_port);
	assert_int_equal(server->header.flags, SHM_CONNECTION_OWNER);
	assert_int_equal(server->process_id, event_log_process(&captured, reader)->process_id);
	EXPECT_SEGMENTS(&captured, server->connection_id, true, BYTES(0, "child"));
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void an_ignored_process_is_silent_until_it_is_watched_again(void **unused)
{
	struct capture_options options = event_log_options();

	(void)unused;
	options.new_process_verdict = VERDICT_PENDING;
	open_with(&options);
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	exchange(pair.client, pair.server);
	const struct shm_record_connection *client =
		event_log_connection(&captured, pair.client_port, pair.server_port);
	assert_non_null(client); /* pending: captured */
	uint64_t before = client->connection_id;
	assert_int_equal(capture_set_verdict(captured.capture, (uint32_t)getpid(), VERDICT_IGNORE), 0);
	exchange(pair.client, pair.server);
	EXPECT_SEGMENTS(&captured, before, true, BYTES(0, "ping"));
	const struct shm_record_connection_close *evicted = event_log_wait_close(&captured, before);
	assert_non_null(evicted);
	assert_int_equal(evicted->reason, SHM_CLOSE_EVICTED);

	assert_int_equal(capture_set_verdict(captured.capture, (uint32_t)getpid(), VERDICT_WATCH), 0);
	exchange(pair.client, pair.server);
	client = event_log_connection(&captured, pair.client_port, pair.server_port);
	assert_int_not_equal(client->connection_id, before);
	assert_int_equal(client->header.flags, SHM_CONNECTION_JOINED);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_DATA, client->connection_id), 1);
	assert_int_not_equal(capture_set_verdict(captured.capture, 0x3fffffff, VERDICT_IGNORE), 0);
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void the_sensor_itself_is_never_watched(void **unused)
{
	struct capture_options options = event_log_options();

	(void)unused;
	options.self_pid = (uint32_t)getpid();
	open_with(&options);
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	exchange(pair.client, pair.server);
	assert_null(event_log_connection(&captured, pair.client_port, pair.server_port));
	assert_null(event_log_process(&captured, (uint32_t)getpid()));
	socket_pair_close(&pair);
	event_log_close(&captured);
}

static void the_collector_that_the_receiver_speaks_to_is_not_watched(void **unused)
{
	struct capture_options options = event_log_options();
	char path[64], buffer[8];

	(void)unused;
	open_with(&options);
	snprintf(path, sizeof(path), "@shmotel-collector-%d", getpid());
	int listener = socket_listen_unix(path), go[2];
	assert_int_equal(pipe(go), 0);
	pid_t receiver = fork(); /* we are the Collector */
	if (receiver == 0) {
		bool told = read(go[0], buffer, 1) == 1;
		int collector = socket_connect_unix(path);
		_exit(told && write(collector, "spans", 5) == 5 && read(collector, buffer, 5) == 4 ? 0 : 1);
	}
	assert_int_equal(capture_set_receiver(captured.capture, (uint32_t)receiver), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	int accepted = accept(listener, NULL, NULL), status;
	assert_int_equal(read(accepted, buffer, sizeof(buffer)), 5);
	assert_int_equal(write(accepted, "done", 4), 4);
	assert_int_equal(waitpid(receiver, &status, 0), receiver);
	assert_int_equal(status, 0);
	assert_null(event_log_unix(&captured, path, SHM_ROLE_CLIENT));
	assert_null(event_log_unix(&captured, path, SHM_ROLE_SERVER));
	/* nor is anything else that the Collector does */
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	exchange(pair.client, pair.server);
	assert_null(event_log_connection(&captured, pair.client_port, pair.server_port));
	socket_pair_close(&pair);
	close(accepted);
	close(listener);
	close(go[0]);
	close(go[1]);
	event_log_close(&captured);
}

static void a_receiver_that_had_ended_before_it_was_known_leaves_nothing(void **unused)
{
	struct capture_options options = event_log_options();
	pid_t receiver = fork();
	int status;

	(void)unused;
	if (receiver == 0)
		_exit(0);
	assert_int_equal(waitpid(receiver, &status, 0), receiver);
	open_with(&options);
	assert_int_equal(capture_set_receiver(captured.capture, (uint32_t)receiver), 0);
	assert_int_equal(capture_set_receiver(captured.capture, 0), 0);
	/* Neither of them is in the table of processes. */
	assert_int_equal(capture_set_verdict(captured.capture, (uint32_t)receiver, VERDICT_WATCH), -ENOENT);
	assert_int_equal(capture_set_verdict(captured.capture, 0, VERDICT_WATCH), -ENOENT);
	event_log_close(&captured);
}

static void excluded_ports_are_not_captured_and_included_ones_are(void **unused)
{
	struct capture_options options = event_log_options();
	struct socket_pair old = socket_pair_tcp(PAIR_IPV4);

	(void)unused;
	options.include_port_count = 1;
	options.include_ports[0] = (struct capture_port_range){old.server_port, old.server_port};
	open_with(&options);
	struct socket_pair other = socket_pair_tcp(PAIR_IPV4);
	exchange(old.client, old.server);
	exchange(other.client, other.server);
	assert_non_null(event_log_connection(&captured, old.client_port, old.server_port));
	assert_non_null(event_log_connection(&captured, old.server_port, old.client_port));
	assert_null(event_log_connection(&captured, other.client_port, other.server_port));
	event_log_close(&captured);

	options.include_port_count = 0;
	options.exclude_port_count = 1;
	options.exclude_ports[0] = options.include_ports[0];
	open_with(&options);
	exchange(old.client, old.server);
	exchange(other.client, other.server);
	assert_null(event_log_connection(&captured, old.client_port, old.server_port));
	assert_non_null(event_log_connection(&captured, other.client_port, other.server_port));
	event_log_close(&captured);
	socket_pair_close(&old);
	socket_pair_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exec_announces_the_process_anew_and_takes_the_connection_along),
		cmocka_unit_test(whoever_begins_to_receive_a_turn_becomes_the_owner),
		cmocka_unit_test(an_ignored_process_is_silent_until_it_is_watched_again),
		cmocka_unit_test(the_sensor_itself_is_never_watched),
		cmocka_unit_test(the_collector_that_the_receiver_speaks_to_is_not_watched),
		cmocka_unit_test(a_receiver_that_had_ended_before_it_was_known_leaves_nothing),
		cmocka_unit_test(excluded_ports_are_not_captured_and_included_ones_are),
	};
	return cmocka_run_group_tests_name("process_life", tests, NULL, NULL);
}
