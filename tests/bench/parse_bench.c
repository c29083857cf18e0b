/* `shmotel-bench parse`: what the receiver's parsing costs per request with response. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "connections/connections.h"
#include "http1_traffic.h"
#include "http2_traffic.h"

enum {
	EXCHANGES_PER_ROUND = 100 * 1000,
	BUFFER_BYTES_MAX = 256 << 20, /* 10000 connections have 20000 header tables */
	ROUNDS = 7,		      /* the best counts: what the machine does beside is not ours */
};

static uint64_t connection_count; /* 0: each of the usual ones */

/* What is parsed. */
struct traffic {
	const char *protocol;
	struct http1_traffic *http1;	   /* of HTTP/2 only the announcements */
	struct http2_traffic *http2;	   /* NULL: another protocol */
	bool grpc;			   /* over HTTP/2 */
	const struct traffic_texts *texts; /* NULL: HTTP/1.1 */
};

static const char redis_request[] = "*2\r\n$3\r\nGET\r\n$7\r\nuser:42\r\n", redis_response[] = "$5\r\nhello\r\n";

/* pgbench -S: Query; RowDescription, DataRow, CommandComplete, ReadyForQuery. */
static const char postgresql_request[] = "Q\0\0\0\x3dSELECT abalance FROM pgbench_accounts WHERE aid = 61203;\0";
static const char postgresql_response[] = "T\0\0\0\x21\0\1abalance\0\0\0\x40\1\0\3\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
					  "D\0\0\0\x0b\0\1\0\0\0\1"
					  "0C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I";

/* mariadb-slap: COM_QUERY; the number of columns, the column, EOF, the row, EOF. */
static const char mysql_request[] = "\x26\0\0\0\3SELECT word FROM words WHERE id = 42;";
static const char mysql_response[] = "\1\0\0\1\1"
				     "\x2c\0\0\2\3def\4shop\5words\5words\4word\4word\x0c\x21\0\x40\0\0\0\xfd\0\0\0\0\0"
				     "\5\0\0\3\xfe\0\0\2\0"
				     "\x08\0\0\4\7word 42"
				     "\5\0\0\5\xfe\0\0\2\0";

static const char memcached_request[] = "get user:42\r\n",
		  memcached_response[] = "VALUE user:42 0 5\r\nhello\r\nEND\r\n";

#define TEXTS(protocol, port, joined)                                                                                  \
	{                                                                                                              \
		protocol##_request, protocol##_response, sizeof(protocol##_request) - 1,                               \
			sizeof(protocol##_response) - 1, 0, port, joined                                               \
	}

static const struct traffic_texts redis_texts = TEXTS(redis, 6379, false);
static const struct traffic_texts memcached_texts = TEXTS(memcached, 11211, false);
static const struct traffic_texts postgresql_texts = TEXTS(postgresql, 5432, false);
static const struct traffic_texts mysql_texts = TEXTS(mysql, 3306, true);

static struct shm_record_data *traffic_next(const struct traffic *traffic)
{
	return traffic->http2 != NULL ? http2_traffic_next(traffic->http2) : http1_traffic_next(traffic->http1);
}

static uint64_t traffic_exchanges(const struct traffic *traffic)
{
	return traffic->http2 != NULL ? traffic->http2->exchanges : traffic->http1->exchanges;
}

static uint32_t traffic_record_bytes(const struct traffic *traffic)
{
	const struct traffic_message *request =
		traffic->http2 != NULL ? &traffic->http2->later[0] : &traffic->http1->request;
	const struct traffic_message *response =
		traffic->http2 != NULL ? &traffic->http2->later[1] : &traffic->http1->response;

	return request->fixed.header.length + response->fixed.header.length;
}

static void count_exchange(void *context, const struct exchange *exchange)
{
	const bool right =
		exchange->protocol == EXCHANGE_DATABASE ||
		(exchange->protocol == EXCHANGE_RPC ? exchange->rpc.status == 0 : exchange->http.status == 200);

	*(uint64_t *)context += exchange->end == EXCHANGE_ENDED_BY_MESSAGE && right;
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
static double round_run(struct connections *connections, const struct traffic *traffic)
{
	const uint64_t start_ns = bench_cpu_ns();

	for (int i = 0; i < 2 * EXCHANGES_PER_ROUND; i++)
		if (!take(connections, &traffic_next(traffic)->header))
			return -1;
	return (double)(bench_cpu_ns() - start_ns) / EXCHANGES_PER_ROUND;
}

/* The best round; negative if not every request with its response came out as an exchange. */
static double best_ns(struct connections *connections, const struct traffic *traffic, const uint64_t *exchanges)
{
	double rounds[ROUNDS];

	if (!announce(connections, traffic->http1))
		return -1;
	for (int i = 0; i < ROUNDS; i++) {
		rounds[i] = round_run(connections, traffic);
		if (rounds[i] < 0)
			return -1;
	}
	return *exchanges == traffic_exchanges(traffic) ? bench_percentile(rounds, ROUNDS, 0) : -1;
}

/* The line ends of a message: the least that a parser of lines does with its bytes. */
static uint64_t lines_count(const struct shm_record_data *data)
{
	const uint8_t *at = ((const struct traffic_message *)data)->bytes, *end = at + data->captured_bytes;
	uint64_t lines = 0;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		lines++;
		at++;
	}
	return lines;
}

/* ns per exchange of a memchr pass over the same bytes, the best round. */
static double floor_ns(const struct traffic *traffic)
{
	double rounds[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		const uint64_t start_ns = bench_cpu_ns();
		uint64_t lines = 0;

		for (int j = 0; j < 2 * EXCHANGES_PER_ROUND; j++)
			lines += lines_count(traffic_next(traffic));
		__asm__ volatile("" ::"r"(lines));
		rounds[i] = (double)(bench_cpu_ns() - start_ns) / EXCHANGES_PER_ROUND;
	}
	return bench_percentile(rounds, ROUNDS, 0);
}

static void report(const struct traffic *traffic, uint32_t count, double ns, double least_ns, bool json)
{
	const uint32_t bytes = traffic_record_bytes(traffic);

	if (json)
		printf("{\"bench\":\"parse\",\"protocol\":\"%s\",\"connections\":%u,\"ns_per_exchange\":%.1f,"
		       "\"floor_memchr_ns\":%.1f,\"ratio_to_floor\":%.1f,\"record_bytes_per_exchange\":%u}\n",
		       traffic->protocol, count, ns, least_ns, ns / least_ns, bytes);
	else
		printf("%-10s %8u connections %8.1f ns/exchange, memchr %6.1f, ratio %5.1f, %5u record "
		       "bytes/exchange\n",
		       traffic->protocol, count, ns, least_ns, ns / least_ns, bytes);
	fflush(stdout);
}

static bool measure(const struct traffic *traffic, uint32_t count, bool json)
{
	uint64_t exchanges = 0;
	const struct exchange_sink sink = {count_exchange, &exchanges};
	struct connections_limits limits = CONNECTIONS_LIMITS_DEFAULT;
	struct connections *connections;
	double ns = -1;

	limits.buffer_bytes_max = BUFFER_BYTES_MAX;
	if (limits.connections_max < count)
		limits.connections_max = count;
	connections = connections_create(&limits, &sink);
	if (traffic->texts != NULL)
		http1_traffic_init_with(traffic->http1, count, traffic->texts);
	else
		http1_traffic_init(traffic->http1, count);
	if (connections != NULL && (traffic->http2 == NULL || http2_traffic_init(traffic->http2, count, traffic->grpc)))
		ns = best_ns(connections, traffic, &exchanges);
	connections_destroy(connections);
	if (ns < 0) {
		fprintf(stderr, "shmotel-bench: %" PRIu64 " exchanges came out of %" PRIu64 "\n", exchanges,
			traffic_exchanges(traffic));
		return false;
	}
	report(traffic, count, ns, floor_ns(traffic), json);
	return true;
}

static int run(bool json)
{
	static const uint32_t usual[] = {1, 100, 10000};

	struct http1_traffic http1;
	struct http2_traffic http2;
	const struct traffic traffic[] = {
		{.protocol = "http1", .http1 = &http1},
		{.protocol = "http2", .http1 = &http1, .http2 = &http2},
		{.protocol = "grpc", .http1 = &http1, .http2 = &http2, .grpc = true},
		{.protocol = "redis", .http1 = &http1, .texts = &redis_texts},
		{.protocol = "memcached", .http1 = &http1, .texts = &memcached_texts},
		{.protocol = "postgresql", .http1 = &http1, .texts = &postgresql_texts},
		{.protocol = "mysql", .http1 = &http1, .texts = &mysql_texts},
	};

	for (size_t i = 0; i < sizeof(traffic) / sizeof(traffic[0]); i++) {
		if (connection_count != 0 && !measure(&traffic[i], (uint32_t)connection_count, json))
			return 1;
		for (size_t j = 0; connection_count == 0 && j < sizeof(usual) / sizeof(usual[0]); j++)
			if (!measure(&traffic[i], usual[j], json))
				return 1;
	}
	return 0;
}

static const struct bench_option options[] = {
	{"connections", "connections that take turns; 0: 1, 100 and 10000", 0, 1000000, &connection_count},
};

const struct bench_command parse_bench = {
	.name = "parse",
	.summary = "records of every protocol into exchanges",
	.purpose = "CPU time from the two records of a request and response, copied out of the ring, to the exchange:\n"
		   "check, reassemble, parse, pair. Connections take turns. The floor beside it makes the same records "
		   "and\n"
		   "looks for the line ends in them with memchr. The best of seven rounds.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
