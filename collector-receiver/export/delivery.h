/* The state of an OTLP exporter, and how it delivers one request after the other. otlp_exporter_create.c makes it,
 * otlp_exporter.c puts requests in and ends it, delivery.c attempts, delivery_outcome.c judges. */
#ifndef EXPORT_DELIVERY_H
#define EXPORT_DELIVERY_H

#include "export/call_client.h"
#include "export/endpoint.h"
#include "export/export_log.h"
#include "export/export_outcome.h"
#include "export/export_queue.h"
#include "export/otlp_exporter.h"
#include "export/otlp_headers.h"
#include "export/tls.h"

enum {
	DELIVERY_NAME_MAX = ENDPOINT_TEXT_MAX + 32,
	DELIVERY_PARTS_MAX = 32, /* each halving leaves one: enough for any number of items */
};

struct otlp_exporter {
	struct exporter base;
	struct loop *loop;
	struct otlp_exporter_options options; /* target, headers and tls are not used after creation */
	const struct call_protocol *protocol;
	struct endpoint endpoint;
	struct tls_context *tls; /* NULL: without */
	struct otlp_headers headers;
	char *paths[OTLP_SIGNAL_COUNT]; /* of the URL */
	char name[DELIVERY_NAME_MAX];
	struct export_log log;
	struct export_queue queue;
	struct spool *spool; /* NULL: requests wait in the queue; else there, and the queue stays empty */
	struct call_client *client; /* NULL: not connected */
	unsigned connections;	    /* attempted, to take the addresses of a host in turn */
	struct loop_timer turn;	    /* time for the next step: everything happens from the loop */
	uint32_t random;
	size_t fits_bytes; /* larger requests are split before they are sent; shrinks when a server refuses one */

	/* The request that is being delivered. */
	struct otlp_request *current; /* NULL: none */
	struct otlp_request *parts[DELIVERY_PARTS_MAX]; /* split off from it, to be delivered next: the last one
							 * first */
	size_t part_count;
	struct retry retry;
	uint32_t attempts;
	bool calling;
	bool stale_retried;
	bool uncertain; /* the server may have taken it in an earlier attempt */
	uint8_t *packed; /* current, compressed; NULL if it is not */
	size_t packed_length;

	uint64_t failures; /* attempts in a row that were not answered with a success or a refusal */
	bool from_spool; /* current and the parts are of the request that was taken from the spool */
	bool draining;
	bool parked; /* what is left stays in the spool: nothing more is attempted */
	bool closed; /* the deadline of the shutdown has passed: nothing is taken any more */
	struct loop_timer deadline;
};

/* The next step: take a request from the queue, or attempt the current one again. Nothing if a call is in progress. */
void delivery_turn(void *exporter);
/* Have that step taken from the loop, at once or at a deadline. */
void delivery_turn_at(struct otlp_exporter *self, uint64_t deadline_ns);
/* Take the next request from where requests wait, as self->current. False: there is none. */
bool delivery_take(struct otlp_exporter *self);
/* The current request has ended: `items` of it in `outcome`. Counting the rest, if any, is the caller's. */
void delivery_finish(struct otlp_exporter *self, enum export_outcome outcome, uint64_t items);
/* Let go of the current request and its parts, uncounted: they stay in the spool. */
void delivery_park(struct otlp_exporter *self);
void delivery_disconnect(struct otlp_exporter *self);

/* Between the files of the exporter. */
extern const struct exporter_type otlp_grpc_type;
extern const struct exporter_type otlp_http_type;
void delivery_deadline(void *exporter); /* of the shutdown: give everything up */
void delivery_free(struct otlp_exporter *self);
void delivery_begin(struct otlp_exporter *self); /* the current request's attempts */
bool delivery_split(struct otlp_exporter *self); /* the current request in halves; false: it cannot be */
void delivery_too_large(struct otlp_exporter *self, const char *who); /* for `who`: the current request is lost */
/* What an attempt came to. */
void delivery_answered(struct otlp_exporter *self, const struct call_answer *answer);
void delivery_connect_failed(struct otlp_exporter *self, int error, const char *problem);

#endif
