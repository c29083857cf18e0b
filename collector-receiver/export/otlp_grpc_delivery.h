/* The state of an otlp-grpc exporter, and how it delivers one request after the other. otlp_grpc_exporter.c puts
 * requests in, and ends it. */
#ifndef EXPORT_OTLP_GRPC_DELIVERY_H
#define EXPORT_OTLP_GRPC_DELIVERY_H

#include "export/endpoint.h"
#include "export/export_log.h"
#include "export/export_outcome.h"
#include "export/export_queue.h"
#include "export/grpc_client.h"
#include "export/otlp_grpc_exporter.h"
#include "export/otlp_headers.h"

enum {
	OTLP_GRPC_NAME_MAX = ENDPOINT_TEXT_MAX + 16,
};

struct otlp_grpc_exporter {
	struct exporter base;
	struct loop *loop;
	struct otlp_grpc_options options; /* target and headers are not used after creation */
	struct endpoint endpoint;
	struct otlp_headers headers;
	char name[OTLP_GRPC_NAME_MAX];
	struct export_log log;
	struct export_queue queue;
	struct grpc_client *client; /* NULL: not connected */
	unsigned connections;	    /* attempted, to take the addresses of a host in turn */
	struct loop_timer turn;	    /* time for the next step: everything happens from the loop */
	uint32_t random;

	/* The request that is being delivered. */
	struct otlp_request *current; /* NULL: none */
	struct retry retry;
	uint32_t attempts;
	bool calling;
	bool stale_retried;
	uint8_t *packed; /* current, compressed; NULL if it is not */
	size_t packed_length;

	uint64_t failures; /* attempts in a row that were not answered with a success or a refusal */
	bool draining;
	bool closed; /* the deadline of the shutdown has passed: nothing is taken any more */
	struct loop_timer deadline;
};

/* The next step: take a request from the queue, or attempt the current one again. Nothing if a call is in progress. */
void otlp_grpc_turn(void *exporter);
/* Have that step taken from the loop, at once or at a deadline. */
void otlp_grpc_turn_at(struct otlp_grpc_exporter *self, uint64_t deadline_ns);
/* The current request has ended: `items` of it in `outcome`. Counting the rest, if any, is the caller's. */
void otlp_grpc_finish(struct otlp_grpc_exporter *self, enum export_outcome outcome, uint64_t items);
void otlp_grpc_disconnect(struct otlp_grpc_exporter *self);

#endif
