/* `shmotel-bench load`: send HTTP/1.1 requests to a port of loopback at a given rate, whether or not answers come, and
 * tell how long each answer took from the moment its request was due. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum {
	EVENTS_MAX = 256,
	ANSWER_BYTES_MAX = 4096,
	DRAIN_SECONDS_MAX = 5,		/* for answers that are late at the end */
	SAMPLES_MAX = 64 * 1000 * 1000, /* answers whose time is kept */
	PASS_REQUESTS_MAX = 64,		/* sent before answers are looked at again */
};

static uint64_t port, connections_wanted = 16, rate = 1000, seconds = 3, fresh;

struct client {
	int fd;		   /* -1: not connected */
	uint32_t received; /* bytes of the answer so far */
	uint64_t due_ns;   /* of the request that is on its way */
};

struct load {
	struct client *clients;
	uint32_t *idle; /* whose turn it is: a ring of the clients without a request */
	uint64_t idle_from, idle_to;
	double *answer_us;
	uint64_t samples_max;
	uint64_t sent, answered, failed;
	size_t request_bytes;
	uint32_t answer_bytes; /* all answers have the length of the first */
	uint64_t started_ns;
	int epoll;
	char request[128];
};

static int client_connect(struct client *client)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int on = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -errno;
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	close(client->fd);
	client->fd = -1;
	return -errno;
}

/* Send one request and read its answer to learn its length. */
static bool answer_learn(struct load *load)
{
	char answer[ANSWER_BYTES_MAX + 1] = "";
	struct client client;
	size_t length = 0;
	const char *body = NULL, *body_length;

	if (client_connect(&client) != 0)
		return false;
	if (send(client.fd, load->request, load->request_bytes, MSG_NOSIGNAL) == (ssize_t)load->request_bytes)
		while (length < ANSWER_BYTES_MAX && body == NULL) {
			const ssize_t got = recv(client.fd, answer + length, ANSWER_BYTES_MAX - length, 0);

			if (got <= 0)
				break;
			length += (size_t)got;
			body = strstr(answer, "\r\n\r\n");
		}
	close(client.fd);
	body_length = strcasestr(answer, "content-length:");
	if (body == NULL || body_length == NULL)
		return false;
	load->answer_bytes = (uint32_t)((size_t)(body + 4 - answer) + strtoul(body_length + 15, NULL, 10));
	return true;
}

static void idle_put(struct load *load, uint32_t at)
{
	load->idle[load->idle_to++ % connections_wanted] = at;
}

static bool client_watch(struct load *load, uint32_t at)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = at};

	return epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->clients[at].fd, &event) == 0;
}

static void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static void request_send(struct load *load, uint32_t at)
{
	struct client *client = &load->clients[at];

	client->received = 0;
	load->sent++;
	if (client->fd < 0 && (client_connect(client) != 0 || !client_watch(load, at)))
		goto failed;
	if (send(client->fd, load->request, load->request_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)load->request_bytes)
		return;
failed:
	client_close(client);
	load->failed++;
	idle_put(load, at);
}

static uint64_t due_ns(const struct load *load)
{
	return load->started_ns + (rate == 0 ? 0 : load->sent * UINT64_C(1000000000) / rate);
}

/* Send what is due, as far as there are connections without a request: the others wait, and their time runs. */
static void requests_send(struct load *load, uint64_t now_ns)
{
	for (int i = 0; i < PASS_REQUESTS_MAX && load->idle_from != load->idle_to && due_ns(load) <= now_ns; i++) {
		const uint32_t at = load->idle[load->idle_from++ % connections_wanted];

		load->clients[at].due_ns = rate == 0 ? now_ns : due_ns(load);
		request_send(load, at);
	}
}

static void answer_read(struct load *load, uint32_t at)
{
	struct client *client = &load->clients[at];
	char bytes[ANSWER_BYTES_MAX];
	const ssize_t got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	const bool ended = got == 0 || (got < 0 && errno != EAGAIN);

	if (got > 0)
		client->received += (uint32_t)got;
	if (!ended && (client->received < load->answer_bytes || fresh))
		return;
	if (client->received >= load->answer_bytes) {
		if (load->answered < load->samples_max)
			load->answer_us[load->answered] = (double)(bench_now_ns() - client->due_ns) / 1000;
		load->answered++;
	} else {
		load->failed++;
	}
	if (ended)
		client_close(client);
	idle_put(load, at);
}

static void answers_wait(struct load *load, uint64_t until_ns)
{
	const uint64_t now_ns = bench_now_ns();
	const uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	const struct timespec timeout = {(time_t)(wait_ns / 1000000000), (long)(wait_ns % 1000000000)};
	struct epoll_event events[EVENTS_MAX];
	const int count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &timeout, NULL);

	for (int i = 0; i < count; i++)
		answer_read(load, events[i].data.u32);
}

static void load_run(struct load *load)
{
	const uint64_t end_ns = load->started_ns + seconds * 1000000000;
	uint64_t now_ns;

	while ((now_ns = bench_now_ns()) < end_ns) {
		requests_send(load, now_ns);
		const uint64_t next_ns = load->idle_from == load->idle_to ? end_ns : due_ns(load);

		answers_wait(load, next_ns < end_ns ? next_ns : end_ns);
	}
	const uint64_t give_up_ns = end_ns + DRAIN_SECONDS_MAX * UINT64_C(1000000000);

	while (load->answered + load->failed < load->sent && bench_now_ns() < give_up_ns)
		answers_wait(load, give_up_ns);
}

static bool load_start(struct load *load)
{
	struct rlimit files;

	/* All that are allowed: each connection is one. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_TIMERSLACK, 1);
	load->samples_max = rate == 0 || rate * seconds + 1 > SAMPLES_MAX ? SAMPLES_MAX : rate * seconds + 1;
	load->clients = calloc(connections_wanted, sizeof(*load->clients));
	load->idle = calloc(connections_wanted, sizeof(*load->idle));
	load->answer_us = malloc(load->samples_max * sizeof(*load->answer_us));
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->request_bytes =
		(size_t)snprintf(load->request, sizeof(load->request), "GET /load HTTP/1.1\r\nHost: load\r\n%s\r\n",
				 fresh ? "Connection: close\r\n" : "");
	if (load->clients == NULL || load->idle == NULL || load->answer_us == NULL || load->epoll < 0 ||
	    !answer_learn(load))
		return false;
	for (uint32_t at = 0; at < connections_wanted; at++) {
		load->clients[at].fd = -1;
		if (!fresh && (client_connect(&load->clients[at]) != 0 || !client_watch(load, at)))
			return false;
		idle_put(load, at);
	}
	load->started_ns = bench_now_ns();
	return true;
}

static void report(struct load *load, bool json)
{
	static const struct {
		const char *name;
		unsigned percent;
	} percentiles[] = {{"p50_us", 50}, {"p90_us", 90}, {"p99_us", 99}};
	const size_t count = load->answered < load->samples_max ? load->answered : load->samples_max;
	const double took = (double)(bench_now_ns() - load->started_ns) / 1e9;

	printf(json ? "{\"bench\":\"load\",\"requests\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"failed\":%" PRIu64
		      ",\"seconds\":%.3f,\"connections\":%" PRIu64
		    : "%" PRIu64 " requests, %" PRIu64 " answered, %" PRIu64 " failed, %.3f s, %" PRIu64 " connections",
	       load->sent, load->answered, load->failed, took, connections_wanted);
	for (size_t i = 0; count > 0 && i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		printf(json ? ",\"%s\":%.1f" : ", %s %.1f", percentiles[i].name,
		       bench_percentile(load->answer_us, count, percentiles[i].percent));
	printf(json ? "}\n" : "\n");
}

static int run(bool json)
{
	struct load load = {.epoll = -1};

	if (!load_start(&load)) {
		fprintf(stderr, "shmotel-bench: no HTTP/1.1 answer with a length from 127.0.0.1:%" PRIu64 ": %s\n",
			port, strerror(errno));
		return 1;
	}
	load_run(&load);
	report(&load, json);
	for (uint32_t at = 0; at < connections_wanted; at++)
		client_close(&load.clients[at]);
	close(load.epoll);
	free(load.clients);
	free(load.idle);
	free(load.answer_us);
	return 0;
}

static const struct bench_option options[] = {
	{"port", "where to, on 127.0.0.1", 1, 65535, &port},
	{"connections", "connections that take turns", 1, 100000, &connections_wanted},
	{"rate", "requests a second; 0: as soon as there is an answer", 0, 10000000, &rate},
	{"seconds", "how long", 1, 86400, &seconds},
	{"fresh", "1: a connection for each request", 0, 1, &fresh},
};

const struct bench_command load_bench = {
	.name = "load",
	.summary = "HTTP/1.1 requests at a rate that does not wait for answers",
	.purpose = "Requests are due at regular times and go to the connections in turn. The time of an answer runs "
		   "from when\n"
		   "its request was due, so that a server that stalls cannot hide it.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
