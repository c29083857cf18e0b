/* `shmotel-bench parse`: what the receiver's parsing of HTTP/1.1 costs per request with response. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "connections/connections.h"
#include "http1_traffic.h"

enum {
	EXCHANGES_PER_ROUND = 100 * 1000,
	ROUNDS = 7, /* the best counts: what the machine does beside is not ours */
};

static uint64_t connection_count; /* 0: each of the usual ones */

static void count_exchange(void *context, const struct exchange *exchange)
{
	*(uint64_t *)context += exchange->end == EXCHANGE_ENDED_BY_MESSAGE && exchange->http.status == 200;
}

/* The receiver's way of a record that has been copied out of the ring. */
static bool take(struct connections *connections, const struct shm_record_header *record)
{
	struct shm_record_view view;

	return shm_record_check(record, record->length, &view) == SHM_CHECK_OK &&
	       connections_record(connections, &view);
}

static bool announce(struct connections *connections, const struct http1_traffic *traffic)
{
	const struct shm_record_process process = {
		.header = {.length = sizeof(process), .type = SHM_RECORD_PROCESS},
		.process_id = TRAFFIC_PROCESS_ID,
		.pid = TRAFFIC_PID,
	};

	if (!take(connections, &process.header))
		return false;
	for (uint32_t at = 0; at < traffic->connections; at++) {
		struct shm_record_connection connection;

		http1_traffic_connection(traffic, at, &connection);
		if (!take(connections, &connection.header))
			return false;
	}
	return true;
}

/* ns of CPU per exchange; negative on failure. */
static double round_run(struct connections *connections, struct http1_traffic *traffic)
{
	const uint64_t start_ns = bench_cpu_ns();

	for (int i = 0; i < 2 * EXCHANGES_PER_ROUND; i++)
		if (!take(connections, &http1_traffic_next(traffic)->header))
			return -1;
	return (double)(bench_cpu_ns() - start_ns) / EXCHANGES_PER_ROUND;
}

/* The best round; negative if not every request with its response came out as an exchange. */
static double best_ns(struct connections *connections, struct http1_traffic *traffic, const uint64_t *exchanges)
{
	double rounds[ROUNDS];

	if (!announce(connections, traffic))
		return -1;
	for (int i = 0; i < ROUNDS; i++) {
		rounds[i] = round_run(connections, traffic);
		if (rounds[i] < 0)
			return -1;
	}
	return *exchanges == traffic->exchanges ? bench_percentile(rounds, ROUNDS, 0) : -1;
}

static bool measure(uint32_t count, bool json)
{
	uint64_t exchanges = 0;
	const struct exchange_sink sink = {count_exchange, &exchanges};
	struct connections_limits limits = CONNECTIONS_LIMITS_DEFAULT;
	struct http1_traffic traffic;
	struct connections *connections;
	double ns = -1;

	if (limits.connections_max < count)
		limits.connections_max = count;
	connections = connections_create(&limits, &sink);
	http1_traffic_init(&traffic, count);
	if (connections != NULL)
		ns = best_ns(connections, &traffic, &exchanges);
	connections_destroy(connections);
	if (ns < 0) {
		fprintf(stderr, "shmotel-bench: %" PRIu64 " exchanges came out of %" PRIu64 "\n", exchanges,
			traffic.exchanges);
		return false;
	}
	const uint32_t bytes = traffic.request.fixed.header.length + traffic.response.fixed.header.length;

	if (json)
		printf("{\"bench\":\"parse\",\"protocol\":\"http1\",\"connections\":%u,\"ns_per_exchange\":%.1f,"
		       "\"record_bytes_per_exchange\":%u}\n",
		       count, ns, bytes);
	else
		printf("http1 %8u connections %8.1f ns/exchange %5u record bytes/exchange\n", count, ns, bytes);
	fflush(stdout);
	return true;
}

static int run(bool json)
{
	static const uint32_t usual[] = {1, 100, 10000};

	if (connection_count != 0)
		return measure((uint32_t)connection_count, json) ? 0 : 1;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (!measure(usual[i], json))
			return 1;
	return 0;
}

static const struct bench_option options[] = {
	{"connections", "connections that take turns; 0: 1, 100 and 10000", 0, 1000000, &connection_count},
};

const struct bench_command parse_bench = {
	.name = "parse",
	.summary = "records of HTTP/1.1 into exchanges",
	.purpose = "CPU time from the two records of an HTTP/1.1 request and response, copied out of the ring, to the\n"
		   "exchange: check, reassemble, parse, pair. Connections take turns. The best of seven rounds.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
