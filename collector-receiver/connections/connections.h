/* From records to exchanges: the processes and connections of one ring, and the conversations on them.
 *
 * The caller checks records and takes care of those that are not about processes and connections (clock, counters,
 * loss, snapshot_end). Single-threaded. Nothing is kept of a record after the call; exchanges are handed to the sink
 * within the call that completes them. */
#ifndef CONNECTIONS_CONNECTIONS_H
#define CONNECTIONS_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchanges/exchange.h"
#include "shm_protocol/record_check.h"

struct connections;

struct connections_limits {
	uint32_t connections_max; /* the longest idle one is given up: CONNECTION_TABLE_FULL */
	uint32_t processes_max;   /* PROCESS_TABLE_FULL */
	size_t buffer_bytes_max;  /* protocol state, waiting requests, incomplete heads: STREAM_BUFFERS_FULL */
};

#define CONNECTIONS_LIMITS_DEFAULT                                                                                     \
	((struct connections_limits){                                                                                  \
		.connections_max = 65536, .processes_max = 8192, .buffer_bytes_max = (size_t)32 << 20})

/* Limits must not be 0. NULL if there is no memory. */
struct connections *connections_create(const struct connections_limits *limits, const struct exchange_sink *sink)
	__attribute__((warn_unused_result));

/* Without reporting what is unfinished: connections_shutdown does that. NULL is allowed. */
void connections_destroy(struct connections *connections);

/* One record that passed shm_record_check. False if its type is none of process, process_exit, connection, data and
 * connection_close: nothing has been done then. */
bool connections_record(struct connections *connections, const struct shm_record_view *view);

/* A new generation: everything is unknown again. What is unfinished is reported as EXCHANGE_CUT_BY_LOSS. */
void connections_reset(struct connections *connections);

/* Call about once a second, with CLOCK_MONOTONIC: ends waiting for late neighbours, forgets processes that exited. */
void connections_tick(struct connections *connections, uint64_t now_ns);

/* What is unfinished is reported as EXCHANGE_CUT_BY_SHUTDOWN; all connections and processes are forgotten. */
void connections_shutdown(struct connections *connections);

/* For metrics and tests. */
struct connections_usage {
	uint32_t connections;
	uint32_t processes;
	size_t buffer_bytes;
};
struct connections_usage connections_usage(const struct connections *connections);

#endif
