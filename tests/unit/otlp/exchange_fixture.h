/* Exchanges to begin a test with. */
#ifndef TESTS_OTLP_EXCHANGE_FIXTURE_H
#define TESTS_OTLP_EXCHANGE_FIXTURE_H

#include "exchanges/exchange.h"

#define NS_PER_S UINT64_C(1000000000)

/* 10.0.0.1:8080 seen from the server, the other end is 10.0.0.2:51234. */
static const struct exchange_endpoints server_ends = {
	.network = EXCHANGE_NETWORK_IPV4,
	.local_port = 8080,
	.remote_port = 51234,
	.local_address = {10, 0, 0, 1},
	.remote_address = {10, 0, 0, 2},
};

/* The same connection seen from the client. */
static const struct exchange_endpoints client_ends = {
	.network = EXCHANGE_NETWORK_IPV4,
	.local_port = 51234,
	.remote_port = 8080,
	.local_address = {10, 0, 0, 2},
	.remote_address = {10, 0, 0, 1},
};

/* GET /items HTTP/1.1, Host: shop.example:8080, answered with 200 after 12 ms. */
static inline struct exchange exchange_fixture(enum exchange_role role, const struct process *process)
{
	return (struct exchange){
		.process = process,
		.endpoints = role == EXCHANGE_SERVER ? &server_ends : &client_ends,
		.connection_id = 7,
		.start_ns = 5 * NS_PER_S,
		.end_ns = 5 * NS_PER_S + 12000000,
		.role = role,
		.end = EXCHANGE_ENDED_BY_MESSAGE,
		.protocol = EXCHANGE_HTTP,
		.http =
			{
				.version_major = 1,
				.version_minor = 1,
				.status = 200,
				.method = SLICE_LITERAL("GET"),
				.target = SLICE_LITERAL("/items"),
				.host = SLICE_LITERAL("shop.example:8080"),
				.request_body_bytes = -1,
				.response_body_bytes = -1,
			},
	};
}

#endif
