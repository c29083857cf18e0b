/* Non-blocking connections to an endpoint, and what to tell people when there is none. */
#ifndef EXPORT_TRANSPORT_H
#define EXPORT_TRANSPORT_H

#include "export/endpoint.h"
#include "export/export_log.h"

/* A new connection, by path each time: a Collector that was restarted has another socket under the same name. `attempt`
 * chooses among the addresses of a host. The descriptor, non-blocking and close-on-exec, possibly still connecting
 * (transport_finish tells when it is writable), or -errno. */
int transport_connect(const struct endpoint *endpoint, unsigned attempt) __attribute__((warn_unused_result));

/* How a connection that was in progress ended: 0 or -errno. */
int transport_finish(int fd) __attribute__((warn_unused_result));

/* The sentence for a failure to connect: what is wrong and what to do. `error` is negative; `problem` is the sentence
 * for -EPROTO. */
enum export_log_reason transport_explain(const struct endpoint *endpoint, int error, const char *problem,
					 char *sentence, size_t size);

#endif
