/* Make the records of HTTP/1.1 requests and responses, as a server on many keep-alive connections sees them. */
#ifndef TESTS_BENCH_HTTP1_TRAFFIC_H
#define TESTS_BENCH_HTTP1_TRAFFIC_H

#include <stdbool.h>

#include "shm_protocol/record.h"

enum {
	TRAFFIC_PID = 4194303,
	TRAFFIC_PROCESS_ID = 77,
	TRAFFIC_MESSAGE_BYTES_MAX = 512,
	TRAFFIC_RESPONSE_BODY_BYTES = 2048,
};

/* A data record with what is shown of one message. */
struct traffic_message {
	struct shm_record_data fixed;
	uint8_t bytes[TRAFFIC_MESSAGE_BYTES_MAX];
};

/* What the two ends say again and again, and on which port. */
struct traffic_texts {
	const char *request, *response;
	uint16_t request_bytes, response_bytes;
	uint32_t response_body_bytes; /* that pass as a hole */
	uint16_t port;
	bool joined; /* bytes had passed before: a greeting of the server */
};

struct http1_traffic {
	uint16_t port;
	bool joined;
	uint32_t connections;
	uint32_t at;	    /* whose turn it is */
	bool answering;	    /* its request has been made */
	uint64_t exchanges; /* complete */
	uint64_t now_ns;    /* of the traffic: 1 us a record */
	uint64_t rounds;    /* exchanges that each connection has had */
	struct traffic_message request, response;
};

void http1_traffic_init(struct http1_traffic *traffic, uint32_t connections);

/* The same in another protocol that says one thing at a time. */
void http1_traffic_init_with(struct http1_traffic *traffic, uint32_t connections, const struct traffic_texts *texts);

/* The announcement of connection `at`, counted from 0. */
void http1_traffic_connection(const struct http1_traffic *traffic, uint32_t at, struct shm_record_connection *record);

/* The next message: a request, then its response, on each connection in turn. Borrowed until the next call but one. */
struct shm_record_data *http1_traffic_next(struct http1_traffic *traffic);

#endif
