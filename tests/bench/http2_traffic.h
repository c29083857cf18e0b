/* Make the records of HTTP/2 requests and responses or of gRPC calls, as a server on many connections sees them. */
#ifndef TESTS_BENCH_HTTP2_TRAFFIC_H
#define TESTS_BENCH_HTTP2_TRAFFIC_H

#include <stdbool.h>

#include "http1_traffic.h"

/* What each end says on a connection: the first time, when it fills the header tables, and every time after. */
struct http2_traffic {
	uint32_t connections;
	uint32_t at;				   /* whose turn it is */
	bool answering;				   /* its request has been made */
	uint64_t exchanges;			   /* complete */
	uint64_t now_ns;			   /* of the traffic: 1 us a record */
	uint64_t rounds;			   /* exchanges that each connection has had */
	struct traffic_message first[2], later[2]; /* request, response */
};

/* GETs with a body of 2 KiB, or unary calls whose messages have no bytes. False without memory. */
bool http2_traffic_init(struct http2_traffic *traffic, uint32_t connections, bool grpc);

/* The next message: a request, then its response, on each connection in turn. Borrowed until the next call but one. */
struct shm_record_data *http2_traffic_next(struct http2_traffic *traffic);

#endif
