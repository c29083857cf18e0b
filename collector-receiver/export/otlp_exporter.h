/* The exporters "otlp-grpc" and "otlp-http": OTLP to a Collector, on a Unix socket or TCP. */
#ifndef EXPORT_OTLP_EXPORTER_H
#define EXPORT_OTLP_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/exporter.h"
#include "export/retry.h"
#include "export/spool.h"
#include "export/tls.h"
#include "export_target.h"
#include "loop.h"

/* The names and defaults are those of the Collector's exporters where they have them. */
struct otlp_exporter_options {
	const struct export_target *target; /* otlp-grpc or otlp-http; export_target.h */
	const char *const *headers;	    /* "name=value", sent with each call */
	size_t header_count;		    /* at most CALL_EXTRA_HEADERS_MAX */
	uint64_t timeout_ns;		    /* of one attempt, connecting included */
	size_t max_request_bytes; /* uncompressed; larger requests are split: servers take 4 MiB unless told
				   * otherwise */
	bool queue_enabled;	  /* false: nothing waits behind the request that is being delivered */
	uint32_t queue_requests;
	uint64_t queue_items; /* spans and data points; 0: not bounded by their number */
	size_t queue_bytes;   /* of the waiting requests; the one that is being sent is not among them */
	bool gzip;	      /* on one host it costs ten times what sending does */
	struct retry_options retry;
	struct tls_options tls;
	struct spool_options spool; /* in place of the queue in memory, if it has a directory */
	const char *specification;  /* whose spool it is; needed with one */
};

/* All but the target: 5 s, 4 MiB, 1000 requests, 16 MiB, no compression, RETRY_OPTIONS_DEFAULT. */
extern const struct otlp_exporter_options otlp_exporter_options_default;

/* All but the target and the files of TLS. 0; or -EINVAL or -ENOMEM with a sentence for people in message. */
int otlp_exporter_options_check(const struct otlp_exporter_options *options, char *message, size_t message_size)
	__attribute__((warn_unused_result));

/* Nothing is connected yet: that happens with the first request, and a Collector that comes later is waited for. Looks
 * a host name up, which may block, and reads the files of TLS. What the options point to need not outlive the call. 0;
 * or -errno with a sentence for people in message. */
int otlp_exporter_create(struct exporter **exporter, struct loop *loop, const struct otlp_exporter_options *options,
			 char *message, size_t message_size) __attribute__((warn_unused_result));

#endif
