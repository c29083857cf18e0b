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

/* /shop.Cart/Add to shop.example:50051 on the same connection, answered with OK after 12 ms. */
static inline struct exchange rpc_fixture(enum exchange_role role, const struct process *process)
{
	struct exchange exchange = exchange_fixture(role, process);

	exchange.protocol = EXCHANGE_RPC;
	exchange.rpc = (struct rpc_exchange){
		.path = SLICE_LITERAL("/shop.Cart/Add"),
		.authority = SLICE_LITERAL("shop.example:50051"),
		.scheme = SLICE_LITERAL("http"),
		.status = 0,
		.http_status = 200,
		.request_messages = 1,
		.response_messages = 1,
	};
	return exchange;
}

/* A statement of PostgreSQL's simple protocol, with a literal in it, on the same connection. */
static inline struct exchange database_fixture(enum exchange_role role, const struct process *process)
{
	struct exchange exchange = exchange_fixture(role, process);

	exchange.protocol = EXCHANGE_DATABASE;
	exchange.database = (struct database_exchange){
		.system = DATABASE_POSTGRESQL,
		.language = DATABASE_SQL,
		.name_space = SLICE_LITERAL("shop"),
		.query_text = SLICE_LITERAL("SELECT name FROM users WHERE mail = 'a@b.example'"),
		.operations = 1,
		.returned_rows = 3,
	};
	return exchange;
}

/* GET of Redis with one key. */
static inline struct exchange command_fixture(enum exchange_role role, const struct process *process)
{
	struct exchange exchange = exchange_fixture(role, process);

	exchange.protocol = EXCHANGE_DATABASE;
	exchange.database = (struct database_exchange){
		.system = DATABASE_REDIS,
		.language = DATABASE_COMMAND,
		.name_space = SLICE_LITERAL("3"),
		.operation = SLICE_LITERAL("GET"),
		.query_text = SLICE_LITERAL("GET user:42"),
		.operations = 1,
		.arguments = 1,
		.returned_rows = -1,
	};
	return exchange;
}

#endif
