/* Do each system call that moves bytes, expect the exact events. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "event_log.h"
#include "socket_pair.h"

static struct event_log captured;

static struct iovec vector_of(const char *text)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
}

static uint64_t client_id(const struct socket_pair *pair)
{
	const struct shm_record_connection *event =
		event_log_connection(&captured, pair->client_port, pair->server_port);

	assert_non_null(event);
	return event->connection_id;
}

static uint64_t server_id(const struct socket_pair *pair)
{
	const struct shm_record_connection *event =
		event_log_connection(&captured, pair->server_port, pair->client_port);

	assert_non_null(event);
	return event->connection_id;
}

/* The ways to send "hello". */
static ssize_t by_write(int socket)
{
	return write(socket, "hello", 5);
}

static ssize_t by_send(int socket)
{
	return send(socket, "hello", 5, 0);
}

static ssize_t by_sendmsg(int socket)
{
	struct iovec vector = vector_of("hello");
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	return sendmsg(socket, &message, 0);
}

static ssize_t by_sendmmsg(int socket)
{
	struct iovec vector = vector_of("hello");
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};

	return sendmmsg(socket, &message, 1, 0) == 1 ? (ssize_t)message.msg_len : -1;
}

static ssize_t by_writev(int socket)
{
	struct iovec vector = vector_of("hello");

	return writev(socket, &vector, 1);
}

static ssize_t by_pwritev2(int socket)
{
	struct iovec vector = vector_of("hello");

	return pwritev2(socket, &vector, 1, -1, 0);
}

static void each_way_to_send_is_one_segment_with_its_bytes(void **unused)
{
	static ssize_t (*const ways[])(int) = {by_write, by_send, by_sendmsg, by_sendmmsg, by_writev, by_pwritev2};

	(void)unused;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
		assert_int_equal(ways[i](pair.client), 5);
		EXPECT_SEGMENTS(&captured, client_id(&pair), true, BYTES(0, "hello"));
		socket_pair_close(&pair);
	}
}

/* The ways to receive into a buffer of eight bytes. */
static ssize_t by_read(int socket, char *buffer)
{
	return read(socket, buffer, 8);
}

static ssize_t by_recv(int socket, char *buffer)
{
	return recv(socket, buffer, 8, 0);
}

static ssize_t by_recvmsg(int socket, char *buffer)
{
	struct iovec vector = {buffer, 8};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	return recvmsg(socket, &message, 0);
}

static ssize_t by_recvmmsg(int socket, char *buffer)
{
	struct iovec vector = {buffer, 8};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};

	return recvmmsg(socket, &message, 1, 0, NULL) == 1 ? (ssize_t)message.msg_len : -1;
}

static ssize_t by_readv(int socket, char *buffer)
{
	struct iovec vector = {buffer, 8};

	return readv(socket, &vector, 1);
}

static ssize_t by_preadv2(int socket, char *buffer)
{
	struct iovec vector = {buffer, 8};

	return preadv2(socket, &vector, 1, -1, 0);
}

static void each_way_to_receive_is_one_segment_of_the_exact_length(void **unused)
{
	static ssize_t (*const ways[])(int, char *) = {by_read,	    by_recv,  by_recvmsg,
						       by_recvmmsg, by_readv, by_preadv2};
	char buffer[8];

	(void)unused;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
		assert_int_equal(write(pair.client, "hello", 5), 5);
		assert_int_equal(ways[i](pair.server, buffer), 5);
		EXPECT_SEGMENTS(&captured, server_id(&pair), false, BYTES(0, "hello"));
		socket_pair_close(&pair);
	}
}

static void a_message_read_in_parts_is_consecutive_segments(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];

	(void)unused;
	assert_int_equal(write(pair.client, "abcdefghij", 10), 10);
	assert_int_equal(read(pair.server, buffer, 4), 4);
	assert_int_equal(recv(pair.server, buffer, 1, 0), 1);
	assert_int_equal(read(pair.server, buffer, 8), 5);
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, BYTES(0, "abcd"), BYTES(4, "e"), BYTES(5, "fghij"));
	socket_pair_close(&pair);
}

static void the_elements_of_a_small_vector_are_one_segment(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	struct iovec out[] = {vector_of("head"), vector_of(""), vector_of("body"), vector_of("tail")};
	char first[6], second[100];
	struct iovec in[] = {{first, sizeof(first)}, {second, sizeof(second)}};

	(void)unused;
	assert_int_equal(writev(pair.client, out, 4), 12);
	assert_int_equal(readv(pair.server, in, 2), 12);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, BYTES(0, "headbodytail"));
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, BYTES(0, "headbodytail"));
	socket_pair_close(&pair);
}

static void each_element_of_a_large_vector_is_a_segment(void **unused)
{
	enum { LARGE = 1000 };
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char large[LARGE + 1], buffer[LARGE + 100];

	(void)unused;
	memset(large, 'x', LARGE);
	large[LARGE] = 0;
	struct iovec out[] = {vector_of("a head of 25 bytes, or so"), vector_of(""), vector_of(large),
			      vector_of("tail")};
	assert_int_equal(writev(pair.client, out, 4), LARGE + 29);
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), LARGE + 29);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, BYTES(0, "a head of 25 bytes, or so"), BYTES(25, large),
			BYTES(LARGE + 25, "tail"));
	socket_pair_close(&pair);
}

static void a_vector_that_ends_at_the_size_of_a_gathered_event_is_one_segment(void **unused)
{
	enum { LARGE = 1000 };
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char whole[1024 + 1], buffer[2048];

	(void)unused;
	memset(whole, 'x', 1024);
	whole[1024] = 0;
	struct iovec out[] = {{whole, 24}, {whole + 24, LARGE}};
	assert_int_equal(writev(pair.client, out, 2), 1024);
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 1024);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, BYTES(0, whole));
	socket_pair_close(&pair);
}

static void eight_elements_are_still_one_segment(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	struct iovec out[8];

	(void)unused;
	for (size_t i = 0; i < 8; i++)
		out[i] = vector_of("ab");
	assert_int_equal(writev(pair.client, out, 8), 16);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, BYTES(0, "abababababababab"));
	socket_pair_close(&pair);
}

static void what_follows_eight_elements_is_a_hole_that_the_turn_reports(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	struct iovec out[11];
	char buffer[32];

	(void)unused;
	for (size_t i = 0; i < 11; i++)
		out[i] = vector_of("ab");
	assert_int_equal(writev(pair.client, out, 11), 22);
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 22);
	assert_int_equal(write(pair.server, "!", 1), 1);
	assert_int_equal(read(pair.client, buffer, sizeof(buffer)), 1);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, BYTES(0, "ab"), BYTES(2, "ab"), BYTES(4, "ab"),
			BYTES(6, "ab"), BYTES(8, "ab"), BYTES(10, "ab"), BYTES(12, "ab"), BYTES(14, "ab"), HOLE(16, 6));
	socket_pair_close(&pair);
}

static void no_message_is_not_the_end_of_the_stream(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];
	struct iovec vector = {buffer, sizeof(buffer)};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};

	(void)unused;
	assert_int_equal(write(pair.client, "hello", 5), 5);
	assert_int_equal(read(pair.server, buffer, 1), 1);
	assert_int_equal(recvmmsg(pair.server, &message, 0, 0, NULL), 0);
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 4);
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, BYTES(0, "h"), BYTES(1, "ello"));
	socket_pair_close(&pair);
}

static void a_peek_takes_nothing(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];
	struct iovec vector = {buffer, sizeof(buffer)};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	(void)unused;
	assert_int_equal(write(pair.client, "hello", 5), 5);
	assert_int_equal(recv(pair.server, buffer, sizeof(buffer), MSG_PEEK), 5);
	assert_int_equal(recvmsg(pair.server, &message, MSG_PEEK), 5);
	assert_int_equal(recv(pair.server, buffer, sizeof(buffer), 0), 5);
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, BYTES(0, "hello"));
	socket_pair_close(&pair);
}

static void bytes_discarded_by_the_kernel_are_a_hole(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];

	(void)unused;
	assert_int_equal(write(pair.client, "hello", 5), 5);
	assert_int_equal(recv(pair.server, buffer, 3, MSG_TRUNC), 3);
	assert_int_equal(recv(pair.server, buffer, sizeof(buffer), 0), 2);
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, HOLE(0, 3), BYTES(3, "lo"));
	socket_pair_close(&pair);
}

static void failed_calls_leave_no_trace(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char buffer[8];

	(void)unused;
	assert_int_equal(recv(pair.server, buffer, sizeof(buffer), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	char *volatile nowhere = (char *)1;
	assert_int_equal(write(pair.server, nowhere, 5), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(read(pair.server, buffer, 0), 0);
	assert_null(event_log_connection(&captured, pair.server_port, pair.client_port));
	assert_int_equal(write(pair.client, "x", 1), 1);
	assert_int_equal(read(pair.server, buffer, sizeof(buffer)), 1);
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, BYTES(0, "x"));
	socket_pair_close(&pair);
}

static void sendfile_is_a_hole_of_known_length(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	int file = memfd_create("body", 0);
	char buffer[32];

	(void)unused;
	assert_true(file >= 0);
	assert_int_equal(write(file, "0123456789", 10), 10);
	off_t from = 0;
	assert_int_equal(write(pair.client, "head", 4), 4);
	assert_int_equal(sendfile(pair.client, file, &from, 10), 10);
	assert_int_equal(write(pair.client, "tail", 4), 4);
	assert_int_equal(recv(pair.server, buffer, 18, MSG_WAITALL), 18);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, BYTES(0, "head"), BYTES(14, "tail"));
	close(file);
	socket_pair_close(&pair);
}

static void a_turn_that_begins_with_sendfile_shows_its_beginning(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	int file = memfd_create("body", 0);

	(void)unused;
	assert_int_equal(write(file, "0123456789", 10), 10);
	off_t from = 0;
	assert_int_equal(sendfile(pair.client, file, &from, 10), 10);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, HOLE(0, 10));
	close(file);
	socket_pair_close(&pair);
}

static void splice_in_and_out_of_a_socket_is_counted(void **unused)
{
	struct socket_pair in = socket_pair_tcp(PAIR_IPV4), out = socket_pair_tcp(PAIR_IPV4);
	int pipes[2];
	char buffer[16];

	(void)unused;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(in.client, "hello", 5), 5);
	assert_int_equal(splice(in.server, NULL, pipes[1], NULL, 100, 0), 5);
	assert_int_equal(splice(pipes[0], NULL, out.client, NULL, 5, 0), 5);
	assert_int_equal(read(out.server, buffer, sizeof(buffer)), 5);
	EXPECT_SEGMENTS(&captured, server_id(&in), false, HOLE(0, 5));
	EXPECT_SEGMENTS(&captured, client_id(&out), true, HOLE(0, 5));
	EXPECT_SEGMENTS(&captured, server_id(&out), false, BYTES(0, "hello"));
	close(pipes[0]);
	close(pipes[1]);
	socket_pair_close(&in);
	socket_pair_close(&out);
}

static void a_budget_spent_leaves_a_hole_that_ends_with_the_turn(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	static char big[10000], expected[4097], answer[4];

	(void)unused;
	memset(big, 'b', sizeof(big));
	memset(expected, 'b', 4096);
	assert_int_equal(write(pair.client, big, sizeof(big)), sizeof(big));
	for (size_t left = sizeof(big); left > 0;)
		left -= (size_t)read(pair.server, big, left < 3000 ? left : 3000);
	assert_int_equal(write(pair.server, "ok", 2), 2);
	assert_int_equal(read(pair.client, answer, sizeof(answer)), 2);
	EXPECT_SEGMENTS(&captured, client_id(&pair), true, PART(0, 10000, expected));
	expected[3000] = 0;
	char *rest = strdup(expected);
	rest[1096] = 0;
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, PART(0, 3000, expected), PART(3000, 3000, rest),
			HOLE(6000, 4000));
	free(rest);
	/* the next turn has a budget again */
	assert_int_equal(write(pair.client, "next", 4), 4);
	assert_int_equal(read(pair.server, big, 100), 4);
	EXPECT_SEGMENTS(&captured, server_id(&pair), true, BYTES(0, "ok"));
	assert_int_equal(event_log_count(&captured, SHM_RECORD_DATA, server_id(&pair)), 5);
	socket_pair_close(&pair);
}

static void the_flush_reports_a_hole_that_nothing_follows(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	static char big[4096];

	(void)unused;
	memset(big, 'x', sizeof(big) - 1);
	assert_int_equal(write(pair.client, big, 4096), 4096);
	assert_int_equal(write(pair.client, big, 1000), 1000);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_DATA, client_id(&pair)), 1);
	assert_int_equal(capture_flush(captured.capture, 3600000), 0);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_DATA, client_id(&pair)), 1);
	assert_int_equal(capture_flush(captured.capture, 0), 0);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_DATA, client_id(&pair)), 2);
	assert_int_equal(capture_flush(captured.capture, 0), 0);
	assert_int_equal(event_log_count(&captured, SHM_RECORD_DATA, client_id(&pair)), 2);
	socket_pair_close(&pair);
}

static void memory_that_is_gone_when_the_call_returns_is_a_hole(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	uint64_t before[SENSOR_COUNTER_COUNT] = {0}, after[SENSOR_COUNTER_COUNT] = {0};
	long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec *vector = (struct iovec *)(void *)memory;

	(void)unused;
	if (strcmp(capture_mode_name(captured.capture), "fentry") == 0)
		skip(); /* there the kernel's own copy of the vector is read */
	/* The received bytes overwrite the vector that says where they went. */
	*vector = (struct iovec){memory, sizeof(*vector)};
	capture_counters(captured.capture, before);
	assert_int_equal(write(pair.client, "\xff\xff\xff\xff\xff\xff\xff\xff\x10\0\0\0\0\0\0\0", 16), 16);
	/* Not by way of a library that looks at the vector afterwards. */
	assert_int_equal(syscall(SYS_readv, pair.server, vector, 1), 16);
	EXPECT_SEGMENTS(&captured, server_id(&pair), false, HOLE(0, 16));
	capture_counters(captured.capture, after);
	assert_true(after[SENSOR_COUNTER_USER_MEMORY_UNREADABLE] > before[SENSOR_COUNTER_USER_MEMORY_UNREADABLE]);
	munmap(memory, (size_t)page);
	socket_pair_close(&pair);
}

static void on_signal(int number)
{
	(void)number;
}

static void the_return_from_a_signal_is_no_call_of_a_32_bit_program(void **unused)
{
	uint64_t before[SENSOR_COUNTER_COUNT] = {0}, after[SENSOR_COUNTER_COUNT] = {0};
	struct sigaction action = {.sa_handler = on_signal}, former;

	(void)unused;
	assert_int_equal(sigaction(SIGUSR1, &action, &former), 0);
	capture_counters(captured.capture, before);
	for (int i = 0; i < 1000; i++)
		raise(SIGUSR1);
	capture_counters(captured.capture, after);
	assert_true(after[SENSOR_COUNTER_COMPAT_CALLS] < before[SENSOR_COUNTER_COMPAT_CALLS] + 1000);
	sigaction(SIGUSR1, &former, NULL);
}

static bool woken(int epoll, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, timeout_ms) == 1;
}

static void a_hole_older_than_the_last_wakeup_wakes_nobody(void **unused)
{
	enum { INTERVAL_US = 2000000, TRIES = 1000 };
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	struct capture_options options = event_log_options();
	struct epoll_event news = {.events = EPOLLIN | EPOLLET};
	struct event_log log;
	static char big[4096];
	int tries = 0;
	bool woke;

	(void)unused;
	/* Nobody else's traffic. */
	options.unix_sockets = false;
	options.include_port_count = 1;
	options.include_ports[0] = (struct capture_port_range){pair.server_port, pair.server_port};
	options.wakeup_interval_us = INTERVAL_US;
	event_log_open(&log, &options);
	int epoll = epoll_create1(0);
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, capture_fd(log.capture), &news), 0);
	assert_int_equal(write(pair.client, big, sizeof(big)), sizeof(big));
	assert_int_equal(write(pair.client, big, 1000), 1000);
	event_log_drain(&log);
	while (woken(epoll, 0))
		;
	/* The other end makes the wakeup that is due. */
	do {
		assert_int_equal(write(pair.server, "x", 1), 1);
		woke = woken(epoll, 10);
		event_log_drain(&log);
	} while (!woke && ++tries < TRIES);
	assert_true(woke);
	assert_int_equal(capture_flush(log.capture, 0), 0);
	assert_false(woken(epoll, 100));
	assert_int_equal(write(pair.server, "x", 1), 1);
	assert_false(woken(epoll, 100));
	close(epoll);
	event_log_close(&log);
	socket_pair_close(&pair);
}

enum { DUPLEX_ROUNDS = 20000 };

static void *read_all(void *socket)
{
	char buffer[1];

	for (int i = 0; i < DUPLEX_ROUNDS; i++)
		if (read(*(int *)socket, buffer, 1) != 1)
			break;
	return NULL;
}

/* No byte is in two events. One may be in none: the distance between two events is a hole too. */
static void expect_no_byte_twice(uint64_t connection_id, bool sent)
{
	static uint8_t times[DUPLEX_ROUNDS];

	memset(times, 0, sizeof(times));
	event_log_drain(&captured);
	for (size_t i = 0; i < captured.count; i++) {
		const struct shm_record_data *event = (const void *)captured.events[i];
		if (event->header.type != SHM_RECORD_DATA || event->connection_id != connection_id ||
		    !!(event->header.flags & SHM_DATA_SENT) != sent)
			continue;
		assert_in_range(event->offset + event->byte_count, 1, DUPLEX_ROUNDS);
		for (uint32_t byte = 0; byte < event->byte_count; byte++)
			times[event->offset + byte]++;
	}
	for (size_t i = 0; i < DUPLEX_ROUNDS; i++)
		assert_true(times[i] <= 1);
}

static void two_threads_that_send_and_receive_on_one_socket_report_no_byte_twice(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	char burst[64] = {0};
	pthread_t reader;

	(void)unused;
	/* What the reader finds waits already, so that both threads are in the programs all the time. */
	for (int left = DUPLEX_ROUNDS; left > 0;)
		left -= (int)write(pair.server, burst, left < 64 ? (size_t)left : 64);
	assert_int_equal(pthread_create(&reader, NULL, read_all, &pair.client), 0);
	for (int i = 0; i < DUPLEX_ROUNDS; i++)
		assert_int_equal(write(pair.client, "x", 1), 1);
	pthread_join(reader, NULL);
	assert_int_equal(capture_flush(captured.capture, 0), 0);
	expect_no_byte_twice(client_id(&pair), true);
	expect_no_byte_twice(client_id(&pair), false);
	socket_pair_close(&pair);
}

#ifdef __x86_64__
static void calls_of_32_bit_programs_are_counted_and_not_mistaken(void **unused)
{
	struct socket_pair pair = socket_pair_tcp(PAIR_IPV4);
	uint64_t before[SENSOR_COUNTER_COUNT] = {0}, after[SENSOR_COUNTER_COUNT] = {0};
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0), buffer[8];
	enum { IA32_WRITE = 4, IA32_SENDTO = 369 };
	long result;

	(void)unused;
	if (strcmp(capture_mode_name(captured.capture), "fentry") == 0)
		skip();
	memcpy(low, "hello", 5);
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(IA32_WRITE), "b"(pair.client), "c"(low), "d"(5) : "memory");
	if (result == -ENOSYS)
		skip(); /* this kernel does not run such programs */
	assert_int_equal(result, 5);
	capture_counters(captured.capture, before);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(IA32_SENDTO), "b"(pair.client), "c"(low), "d"(5), "S"(0), "D"(0)
			 : "memory");
	assert_int_equal(result, 5);
	capture_counters(captured.capture, after);
	assert_int_equal(after[SENSOR_COUNTER_COMPAT_CALLS], before[SENSOR_COUNTER_COMPAT_CALLS] + 1);
	assert_null(event_log_connection(&captured, pair.client_port, pair.server_port));
	assert_int_equal(recv(pair.server, buffer, 8, 0), 8);
	munmap(low, 4096);
	socket_pair_close(&pair);
}
#endif

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
		cmocka_unit_test(each_way_to_send_is_one_segment_with_its_bytes),
		cmocka_unit_test(each_way_to_receive_is_one_segment_of_the_exact_length),
		cmocka_unit_test(a_message_read_in_parts_is_consecutive_segments),
		cmocka_unit_test(the_elements_of_a_small_vector_are_one_segment),
		cmocka_unit_test(each_element_of_a_large_vector_is_a_segment),
		cmocka_unit_test(a_vector_that_ends_at_the_size_of_a_gathered_event_is_one_segment),
		cmocka_unit_test(eight_elements_are_still_one_segment),
		cmocka_unit_test(what_follows_eight_elements_is_a_hole_that_the_turn_reports),
		cmocka_unit_test(no_message_is_not_the_end_of_the_stream),
		cmocka_unit_test(a_peek_takes_nothing),
		cmocka_unit_test(bytes_discarded_by_the_kernel_are_a_hole),
		cmocka_unit_test(failed_calls_leave_no_trace),
		cmocka_unit_test(sendfile_is_a_hole_of_known_length),
		cmocka_unit_test(a_turn_that_begins_with_sendfile_shows_its_beginning),
		cmocka_unit_test(splice_in_and_out_of_a_socket_is_counted),
		cmocka_unit_test(a_budget_spent_leaves_a_hole_that_ends_with_the_turn),
		cmocka_unit_test(the_flush_reports_a_hole_that_nothing_follows),
		cmocka_unit_test(memory_that_is_gone_when_the_call_returns_is_a_hole),
		cmocka_unit_test(a_hole_older_than_the_last_wakeup_wakes_nobody),
		cmocka_unit_test(two_threads_that_send_and_receive_on_one_socket_report_no_byte_twice),
		cmocka_unit_test(the_return_from_a_signal_is_no_call_of_a_32_bit_program),
#ifdef __x86_64__
		cmocka_unit_test(calls_of_32_bit_programs_are_counted_and_not_mistaken),
#endif
	};
	return cmocka_run_group_tests_name("syscall_exit", tests, open_all, close_all);
}
