/* Hold the instruments of semantic conventions 1.44.0. */
#include "otlp/instruments.h"

#include "otlp/attribute_names.h"

/* Of *.request.duration and *.call.duration. */
static const struct duration_bounds request_bounds = {
	14, {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}};

static const struct duration_bounds operation_bounds = {9, {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}};

#define SERVER_ENDPOINT (ATTRIBUTE_BIT(SERVER_ADDRESS) | ATTRIBUTE_BIT(SERVER_PORT))

#define HTTP_ATTRIBUTES                                                                                                \
	(ATTRIBUTE_BIT(HTTP_REQUEST_METHOD) | ATTRIBUTE_BIT(ERROR_TYPE) | ATTRIBUTE_BIT(HTTP_RESPONSE_STATUS_CODE) |   \
	 ATTRIBUTE_BIT(NETWORK_PROTOCOL_VERSION))

#define RPC_ATTRIBUTES                                                                                                 \
	(ATTRIBUTE_BIT(RPC_SYSTEM_NAME) | ATTRIBUTE_BIT(ERROR_TYPE) | ATTRIBUTE_BIT(RPC_METHOD) |                      \
	 ATTRIBUTE_BIT(RPC_RESPONSE_STATUS_CODE))

/* The peer is on the spans only of systems whose conventions ask for it. */
#define DATABASE_ATTRIBUTES                                                                                            \
	(ATTRIBUTE_BIT(DB_SYSTEM_NAME) | ATTRIBUTE_BIT(DB_NAMESPACE) | ATTRIBUTE_BIT(DB_OPERATION_NAME) |              \
	 ATTRIBUTE_BIT(DB_RESPONSE_STATUS_CODE) | ATTRIBUTE_BIT(ERROR_TYPE) | ATTRIBUTE_BIT(DB_QUERY_SUMMARY) |        \
	 ATTRIBUTE_BIT(DB_STORED_PROCEDURE_NAME) | ATTRIBUTE_BIT(NETWORK_PEER_ADDRESS) |                               \
	 ATTRIBUTE_BIT(NETWORK_PEER_PORT))

const struct instrument instruments[DURATION_METRIC_COUNT] = {
	[METRIC_HTTP_SERVER] = {SLICE_LITERAL("http.server.request.duration"),
				SLICE_LITERAL("Duration of HTTP server requests."), OTLP_SCOPE_HTTP, &request_bounds,
				HTTP_ATTRIBUTES | ATTRIBUTE_BIT(URL_SCHEME)},
	[METRIC_HTTP_CLIENT] = {SLICE_LITERAL("http.client.request.duration"),
				SLICE_LITERAL("Duration of HTTP client requests."), OTLP_SCOPE_HTTP, &request_bounds,
				HTTP_ATTRIBUTES | SERVER_ENDPOINT},
	[METRIC_RPC_SERVER] = {SLICE_LITERAL("rpc.server.call.duration"),
			       SLICE_LITERAL("Measures the duration of an incoming Remote Procedure Call (RPC)."),
			       OTLP_SCOPE_RPC, &request_bounds, RPC_ATTRIBUTES},
	[METRIC_RPC_CLIENT] = {SLICE_LITERAL("rpc.client.call.duration"),
			       SLICE_LITERAL("Measures the duration of an outgoing Remote Procedure Call (RPC)."),
			       OTLP_SCOPE_RPC, &request_bounds, RPC_ATTRIBUTES | SERVER_ENDPOINT},
	[METRIC_DATABASE_CLIENT] = {SLICE_LITERAL("db.client.operation.duration"),
				    SLICE_LITERAL("Duration of database client operations."), OTLP_SCOPE_DATABASE,
				    &operation_bounds, DATABASE_ATTRIBUTES | SERVER_ENDPOINT},
};
