/* What an exporter has to say, each kind at most once a minute: an endpoint that is down must not fill the journal, and
 * one reason must not hide another. */
#ifndef EXPORT_LOG_H
#define EXPORT_LOG_H

#include "daemon/log.h"

enum export_log_reason {
	EXPORT_LOG_NO_SOCKET,	  /* ENOENT */
	EXPORT_LOG_NO_LISTENER,	  /* ECONNREFUSED */
	EXPORT_LOG_NO_PERMISSION, /* EACCES */
	EXPORT_LOG_BACKLOG_FULL,  /* EAGAIN */
	EXPORT_LOG_TLS,		  /* EPROTO */
	EXPORT_LOG_CONNECT,	  /* any other failure to connect */
	EXPORT_LOG_RETRY,	  /* an answer, or none, after which a request is sent again */
	EXPORT_LOG_REFUSED,	  /* refused for good */
	EXPORT_LOG_TOO_LARGE,	  /* and cannot be split */
	EXPORT_LOG_SPLIT,	  /* the endpoint takes less than max_request_bytes */
	EXPORT_LOG_PARTIAL,	  /* partial success, or a warning in a success */
	EXPORT_LOG_EXPIRED,	  /* given up after max_elapsed_time */
	EXPORT_LOG_QUEUE_FULL,
	EXPORT_LOG_SPOOL_FULL,
	EXPORT_LOG_WRITE_FAILED,
	EXPORT_LOG_SHUTDOWN,
	EXPORT_LOG_RECOVERED, /* delivered again */
	EXPORT_LOG_REASONS,
};

struct export_log {
	const char *name; /* borrowed: who speaks, "otlp-grpc /run/x.sock" */
	struct log_limit limits[EXPORT_LOG_REASONS];
	char last[LOG_LINE_BYTES_MAX / 2]; /* the last sentence that was a complaint, said or not; "" for none */
	uint64_t last_ns;		   /* when; CLOCK_MONOTONIC */
};

/* "name: sentence" to the log. Zero-initialise all but the name. */
void export_log_say(struct export_log *log, enum export_log_reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
