/* Write records and note exchanges. */
#include "support/record_feed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const end_names[] = {
	[EXCHANGE_ENDED_BY_MESSAGE] = "message", [EXCHANGE_ENDED_BY_CLOSE] = "close",
	[EXCHANGE_CUT_BY_CLOSE] = "cut-by-close", [EXCHANGE_CUT_BY_LOSS] = "cut-by-loss",
	[EXCHANGE_CUT_BY_SHUTDOWN] = "cut-by-shutdown",	 [EXCHANGE_RESET_BY_CLIENT] = "reset-by-client",
	[EXCHANGE_RESET_BY_SERVER] = "reset-by-server",
};

__attribute__((format(printf, 2, 3))) static void note(struct feed *feed, const char *format, ...)
{
	va_list arguments;
	size_t left = sizeof(feed->log) - feed->log_length;

	va_start(arguments, format);
	int n = vsnprintf(feed->log + feed->log_length, left, format, arguments);

	va_end(arguments);
	if (n < 0 || (size_t)n >= left)
		abort();
	feed->log_length += (size_t)n;
}

static void note_slice(struct feed *feed, const char *name, struct slice s)
{
	if (s.bytes != NULL)
		note(feed, " %s=%.*s", name, (int)s.length, s.bytes);
}

static void note_flags(struct feed *feed, uint32_t flags)
{
	note(feed, "%s%s%s%s%s%s%s", flags & EXCHANGE_END_INFERRED ? " end-inferred" : "",
	     flags & EXCHANGE_END_UNSEEN ? " end-unseen" : "",
	     flags & EXCHANGE_RESPONSE_UNSEEN ? " response-unseen" : "",
	     flags & EXCHANGE_REQUEST_CUT ? " request-cut" : "", flags & EXCHANGE_RESPONSE_CUT ? " response-cut" : "",
	     flags & EXCHANGE_START_UNSEEN ? " start-unseen" : "",
	     flags & EXCHANGE_HEAD_UNCERTAIN ? " head-uncertain" : "");
}

/* method target version status request-body response-body end flags fields... */
static void note_http(struct feed *feed, const struct exchange *x)
{
	const struct http_exchange *h = &x->http;

	note(feed, "%.*s %.*s %u.%u %u %lld %lld %s", (int)h->method.length, h->method.bytes, (int)h->target.length,
	     h->target.bytes, h->version_major, h->version_minor, h->status, (long long)h->request_body_bytes,
	     (long long)h->response_body_bytes, end_names[x->end]);
	note_flags(feed, x->flags);
	note(feed, "%s", h->upgraded ? " upgraded" : "");
	note_slice(feed, "scheme", h->scheme);
	note_slice(feed, "host", h->host);
	note_slice(feed, "user-agent", h->user_agent);
	note_slice(feed, "traceparent", x->traceparent);
	note_slice(feed, "tracestate", x->tracestate);
	note_slice(feed, "x-forwarded-for", h->x_forwarded_for);
	note_slice(feed, "forwarded", h->forwarded);
	note_slice(feed, "x-forwarded-proto", h->x_forwarded_proto);
	note_slice(feed, "x-forwarded-host", h->x_forwarded_host);
}

/* rpc path grpc-status http-status request-messages response-messages end flags fields... */
static void note_rpc(struct feed *feed, const struct exchange *x)
{
	const struct rpc_exchange *r = &x->rpc;

	note(feed, "%s %.*s %d %u %lld %lld %s", r->web ? "rpc-web" : "rpc", (int)r->path.length, r->path.bytes,
	     r->status, r->http_status, (long long)r->request_messages, (long long)r->response_messages,
	     end_names[x->end]);
	note_flags(feed, x->flags);
	if (r->reset_code != 0)
		note(feed, " code=%u", r->reset_code);
	if (r->timeout_ns != 0)
		note(feed, " timeout=%llu", (unsigned long long)r->timeout_ns);
	note_slice(feed, "message", r->status_message);
	note_slice(feed, "scheme", r->scheme);
	note_slice(feed, "authority", r->authority);
	note_slice(feed, "user-agent", r->user_agent);
	note_slice(feed, "traceparent", x->traceparent);
	note_slice(feed, "tracestate", x->tracestate);
}

static const char *const system_names[DATABASE_SYSTEMS] = {
	[DATABASE_POSTGRESQL] = "postgresql", [DATABASE_MYSQL] = "mysql",	  [DATABASE_MARIADB] = "mariadb",
	[DATABASE_REDIS] = "redis",	      [DATABASE_MEMCACHED] = "memcached",
};

/* system operations ok|failed end flags fields... */
static void note_database(struct feed *feed, const struct exchange *x)
{
	const struct database_exchange *d = &x->database;

	note(feed, "%s %u %s %s", system_names[d->system], d->operations, d->failed ? "failed" : "ok",
	     end_names[x->end]);
	note_flags(feed, x->flags);
	note_slice(feed, "code", d->status_code);
	note_slice(feed, "namespace", d->name_space);
	note_slice(feed, "operation", d->operation);
	if (d->language == DATABASE_COMMAND)
		note(feed, " arguments=%u", d->arguments);
	note_slice(feed, d->parameterised ? "parameterised" : "text", d->query_text);
	note_slice(feed, "procedure", d->stored_procedure);
	if (d->returned_rows >= 0)
		note(feed, " rows=%lld", (long long)d->returned_rows);
}

/* role, what the protocol notes, service, times */
static void take(void *context, const struct exchange *x)
{
	struct feed *feed = context;

	if (x->start_ns > x->end_ns)
		abort();
	feed->exchanges++;
	note(feed, "%s ", x->role == EXCHANGE_SERVER ? "server" : "client");
	switch (x->protocol) {
	case EXCHANGE_HTTP:
		note_http(feed, x);
		break;
	case EXCHANGE_RPC:
		note_rpc(feed, x);
		break;
	case EXCHANGE_DATABASE:
		note_database(feed, x);
		break;
	}
	if (x->process != NULL)
		note_slice(feed, "service", x->process->service_name);
	if (feed->times)
		note(feed, " [%llu,%llu]", (unsigned long long)(x->start_ns / FEED_TIME_STEP_NS),
		     (unsigned long long)(x->end_ns / FEED_TIME_STEP_NS));
	note(feed, "\n");
}

struct feed *feed_create_limited(const struct connections_limits *limits)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL)
		abort();
	feed->guard = guard_page_create(SHM_CAPTURE_BYTES_MAX);
	feed->connections = connections_create(limits, &(struct exchange_sink){take, feed});
	if (feed->connections == NULL)
		abort();
	return feed;
}

struct feed *feed_create(void)
{
	return feed_create_limited(
		&(struct connections_limits){.connections_max = 64, .processes_max = 16, .buffer_bytes_max = 1 << 22});
}

void feed_destroy(struct feed *feed)
{
	connections_destroy(feed->connections);
	guard_page_destroy(&feed->guard);
	free(feed);
}

void feed_clear_log(struct feed *feed)
{
	feed->log_length = 0;
	feed->log[0] = '\0';
	feed->exchanges = 0;
}

static void record(struct feed *feed, const struct shm_record_view *view)
{
	if (!connections_record(feed->connections, view))
		abort();
}

void feed_process(struct feed *feed, uint64_t process_id, const char *service_name)
{
	struct shm_record_process fixed = {.header.type = SHM_RECORD_PROCESS, .process_id = process_id};
	struct shm_record_view view = {.header = &fixed.header};

	view.process.fixed = &fixed;
	view.process.service_name = (struct shm_string){service_name, strlen(service_name)};
	record(feed, &view);
}

void feed_process_exit(struct feed *feed, uint64_t process_id)
{
	struct shm_record_process_exit fixed = {
		.header.type = SHM_RECORD_PROCESS_EXIT, .process_id = process_id, .time_ns = feed->now_ns};

	record(feed, &(struct shm_record_view){.header = &fixed.header, .process_exit = &fixed});
}

void feed_connection(struct feed *feed, uint8_t role, uint16_t flags)
{
	struct shm_record_connection fixed = {
		.header = {.type = SHM_RECORD_CONNECTION, .flags = flags},
		.connection_id = ++feed->connection_id,
		.process_id = 1,
		.family = SHM_FAMILY_IPV4,
		.role = role,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.connection.fixed = &fixed;
	feed->offsets[FEED_RECEIVED] = feed->offsets[FEED_SENT] = 0;
	record(feed, &view);
}

static void data(struct feed *feed, int direction, uint16_t flags, uint64_t offset, const char *bytes, size_t captured,
		 size_t length)
{
	feed->now_ns += FEED_TIME_STEP_NS;
	struct shm_record_data fixed = {
		.header = {.type = SHM_RECORD_DATA,
			   .flags = (uint16_t)(flags | (direction == FEED_SENT ? SHM_DATA_SENT : 0))},
		.connection_id = feed->connection_id,
		.time_ns = feed->now_ns,
		.offset = offset,
		.byte_count = (uint32_t)length,
		.captured_bytes = (uint16_t)captured,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.data.fixed = &fixed;
	view.data.bytes = (const uint8_t *)guard_page_place(&feed->guard, bytes, captured);
	record(feed, &view);
}

void feed_cut(struct feed *feed, int direction, const char *bytes, size_t captured, size_t length)
{
	data(feed, direction, 0, feed->offsets[direction], bytes, captured, length);
	feed->offsets[direction] += length;
}

void feed_frames(struct feed *feed, int direction, const char *bytes, size_t captured, size_t length, bool frame)
{
	data(feed, direction, frame ? SHM_DATA_HTTP2_FRAME : 0, feed->offsets[direction], bytes, captured, length);
	feed->offsets[direction] += length;
}

void feed_marked(struct feed *feed, int direction, const char *bytes, const unsigned char *marks, size_t length,
		 bool shown)
{
	for (size_t from = 0, seen, end; from < length; from = end) {
		for (seen = from; seen < length && seen - from < SHM_CAPTURE_BYTES_MAX; seen++) {
			if (!shown && (marks[seen] & FEED_MARK_HOLE) != 0)
				break;
		}
		for (end = seen; end < length && !shown && (marks[end] & FEED_MARK_HOLE) != 0;)
			end++;
		feed_frames(feed, direction, bytes + from, seen - from, end - from,
			    (marks[from] & FEED_MARK_FRAME) != 0);
	}
}

void feed_bytes(struct feed *feed, int direction, const char *bytes, size_t length)
{
	while (length > SHM_CAPTURE_BYTES_MAX) {
		feed_cut(feed, direction, bytes, SHM_CAPTURE_BYTES_MAX, SHM_CAPTURE_BYTES_MAX);
		bytes += SHM_CAPTURE_BYTES_MAX;
		length -= SHM_CAPTURE_BYTES_MAX;
	}
	feed_cut(feed, direction, bytes, length, length);
}

void feed_text(struct feed *feed, int direction, const char *text)
{
	feed_bytes(feed, direction, text, strlen(text));
}

void feed_skip(struct feed *feed, int direction, uint64_t bytes)
{
	feed->offsets[direction] += bytes;
}

void feed_unless_lost(struct feed *feed, int direction, const char *bytes, size_t length, bool seen)
{
	if (seen)
		feed_bytes(feed, direction, bytes, length);
	else
		feed_skip(feed, direction, length);
}

void feed_at(struct feed *feed, int direction, uint64_t offset, const char *bytes, size_t length)
{
	data(feed, direction, 0, offset, bytes, length, length);
}

void feed_end(struct feed *feed, int direction)
{
	data(feed, direction, SHM_DATA_END_OF_STREAM, feed->offsets[direction], "", 0, 0);
}

void feed_close(struct feed *feed, uint8_t reason)
{
	feed->now_ns += FEED_TIME_STEP_NS;
	struct shm_record_connection_close fixed = {
		.header.type = SHM_RECORD_CONNECTION_CLOSE,
		.connection_id = feed->connection_id,
		.time_ns = feed->now_ns,
		.sent_bytes = feed->offsets[FEED_SENT],
		.received_bytes = feed->offsets[FEED_RECEIVED],
		.reason = reason,
	};

	record(feed, &(struct shm_record_view){.header = &fixed.header, .connection_close = &fixed});
}
