/* gRPC's status codes: where they come from, and which of them may be retried (OTLP specification, "OTLP/gRPC"). */
#ifndef EXCHANGES_GRPC_STATUS_H
#define EXCHANGES_GRPC_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

const char *grpc_status_name(enum grpc_status status); /* "UNAVAILABLE" */

/* The value of a grpc-status field. What is not a known code is GRPC_UNKNOWN. */
enum grpc_status grpc_status_parse(const uint8_t *text, size_t length);
/* For a response without grpc-status: gRPC's "HTTP to gRPC status code mapping". */
enum grpc_status grpc_status_from_http(unsigned http_status);
/* For a stream that was reset before its trailers: gRPC over HTTP/2, "Errors". */
enum grpc_status grpc_status_from_reset(uint32_t http2_error);

/* RESOURCE_EXHAUSTED only if the server said when to come back. */
bool grpc_status_retryable(enum grpc_status status, bool has_retry_info);

#endif
