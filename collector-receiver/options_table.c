/* The receiver's option table: names, sources, bounds, and what each is for. */
#include "options_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "options.h"
#include "otlp/resource_attributes.h"

#define AT(member) OPTION_AT(struct receiver_options, member)

static const struct option_choice loops[] = {
	{"auto", LOOP_AUTO},
	{"io_uring", LOOP_URING},
	{"epoll", LOOP_EPOLL},
	{NULL, 0},
};

static const struct option_choice compressions[] = {
	{"auto", COMPRESSION_AUTO},
	{"none", COMPRESSION_NONE},
	{"gzip", COMPRESSION_GZIP},
	{NULL, 0},
};

/* OpenTelemetry's third preference, lowmemory, means delta for the instruments that there are here. */
static const struct option_choice temporalities[] = {
	{"cumulative", TEMPORALITY_CUMULATIVE},
	{"delta", TEMPORALITY_DELTA},
	{"lowmemory", TEMPORALITY_DELTA},
	{NULL, 0},
};

static const struct option_choice query_texts[] = {
	{"sanitised", QUERY_TEXT_SANITISED},
	{"parameterised", QUERY_TEXT_PARAMETERISED},
	{"off", QUERY_TEXT_OFF},
	{"raw", QUERY_TEXT_RAW},
	{NULL, 0},
};

/* Of OTEL_EXPORTER_OTLP_PROTOCOL. */
static const struct option_choice protocols[] = {
	{"grpc", EXPORT_OTLP_GRPC},
	{"http/protobuf", EXPORT_OTLP_HTTP},
	{NULL, 0},
};

static const struct option_choice sizers[] = {
	{"requests", SIZER_REQUESTS},
	{"items", SIZER_ITEMS},
	{"bytes", SIZER_BYTES},
	{NULL, 0},
};

static const struct option_choice tls_versions[] = {
	{"1.2", 12},
	{"1.3", 13},
	{NULL, 0},
};

/* What OpenTelemetry's variables can say of one signal apart from the others. */
#define SIGNAL_ROWS(NAME, of, index)                                                                                   \
	{.environment = "OTEL_EXPORTER_OTLP_" NAME "_ENDPOINT",                                                        \
	 .help = "endpoint of " of ", with the whole path of a URL",                                                   \
	 .type = OPTION_TEXT,                                                                                          \
	 AT(signals[index].endpoint)},                                                                                 \
		{.environment = "OTEL_EXPORTER_OTLP_" NAME "_PROTOCOL",                                                \
		 .help = "protocol of that",                                                                           \
		 .choices = protocols,                                                                                 \
		 .type = OPTION_CHOICE,                                                                                \
		 AT(signals[index].protocol)},                                                                         \
		{.environment = "OTEL_EXPORTER_OTLP_" NAME "_HEADERS",                                                 \
		 .help = "instead of the headers for all, for " of,                                                    \
		 .secret = true,                                                                                       \
		 .type = OPTION_TEXTS,                                                                                 \
		 AT(signals[index].headers)},                                                                          \
		{.environment = "OTEL_EXPORTER_OTLP_" NAME "_TIMEOUT",                                                 \
		 .help = "the same, of the timeout",                                                                   \
		 .least = "1ms",                                                                                       \
		 .most = "10m",                                                                                        \
		 .type = OPTION_DURATION,                                                                              \
		 AT(signals[index].timeout_ns)},                                                                       \
		{.environment = "OTEL_EXPORTER_OTLP_" NAME "_COMPRESSION",                                             \
		 .help = "the same, of the compression",                                                               \
		 .choices = compressions,                                                                              \
		 .type = OPTION_CHOICE,                                                                                \
		 AT(signals[index].compression)},                                                                      \
		{.environment = "OTEL_EXPORTER_OTLP_" NAME "_CERTIFICATE",                                             \
		 .help = "the same, of tls.ca_file",                                                                   \
		 .type = OPTION_TEXT,                                                                                  \
		 AT(signals[index].ca_file)},                                                                          \
		{.environment = "OTEL_EXPORTER_OTLP_" NAME "_CLIENT_CERTIFICATE",                                      \
		 .help = "the same, of tls.cert_file",                                                                 \
		 .type = OPTION_TEXT,                                                                                  \
		 AT(signals[index].cert_file)},                                                                        \
	{                                                                                                              \
		.environment = "OTEL_EXPORTER_OTLP_" NAME "_CLIENT_KEY", .help = "the same, of tls.key_file",          \
		.type = OPTION_TEXT, AT(signals[index].key_file)                                                       \
	}

static const char *check_socket_path(const char *path)
{
	if (path[0] != '/')
		return "is not an absolute path; give one, such as /run/shmotel/sensor.sock";
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "is too long for a Unix socket; give a path of at most 107 bytes";
	return NULL;
}

static const char *check_directory(const char *path)
{
	return path[0] == '\0' || path[0] == '/' ? NULL
						 : "is not an absolute path; give one, such as /var/lib/shmotel";
}

static const char *check_status_socket(const char *path)
{
	return path[0] == '\0' ? NULL : check_socket_path(path);
}

static bool is_token(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)
			return false;
	}
	return length != 0;
}

static const char *check_method(const char *text)
{
	return is_token(text, strlen(text)) ? NULL : "is not a method; give a name such as GET";
}

static const char *check_resource_attributes(const char *text)
{
	struct resource_attributes parsed;

	return resource_attributes_parse((struct slice){text, strlen(text)}, &parsed) == 0
		       ? NULL
		       : "is not a list of attributes; write key=value,key=value, and what is special as %XX";
}

static const struct option rows[] = {
	{"receiver.socket", "socket", "SHMOTEL_SOCKET", "the sensor's Unix socket", "/run/shmotel/sensor.sock",
	 .type = OPTION_TEXT, .check = check_socket_path, AT(socket_path)},
	{"receiver.user", "user", "SHMOTEL_USER",
	 "user, by name or number, to become when started as root; default shmotel where that user exists, else nobody "
	 "(65534)",
	 .type = OPTION_USER, AT(user)},
	{"receiver.status_socket", "status-socket", "SHMOTEL_STATUS_SOCKET",
	 "where the receiver answers --status; an empty one is none", "/run/shmotel-receiver/status.sock",
	 .type = OPTION_TEXT, .check = check_status_socket, AT(status_socket)},
	{"receiver.loop", "loop", "SHMOTEL_LOOP", "how to wait for events", "auto", .choices = loops,
	 .type = OPTION_CHOICE, AT(loop)},
	{"receiver.shutdown_timeout", "shutdown-timeout", "SHMOTEL_SHUTDOWN_TIMEOUT",
	 "time for delivering what is left after SIGTERM", "5s", .least = "0", .most = "10m", .type = OPTION_DURATION,
	 AT(shutdown_timeout_ns)},
	{"receiver.connections_max", "connections-max", "SHMOTEL_CONNECTIONS_MAX", "connection ends followed at once",
	 "65536", .least = "64", .most = "4194304", .type = OPTION_COUNT, AT(connections_max)},
	{"receiver.processes_max", "processes-max", "SHMOTEL_PROCESSES_MAX", "processes remembered at once", "16384",
	 .least = "64", .most = "4194304", .type = OPTION_COUNT, AT(processes_max)},

	{"receiver.buffer_bytes", "buffer-bytes", "SHMOTEL_BUFFER_BYTES",
	 "memory for unfinished requests of all connections", "32MiB", .least = "1MiB", .most = "16GiB",
	 .type = OPTION_BYTES, AT(buffer_bytes)},

	{"receiver.export", "export", "SHMOTEL_EXPORT",
	 "where to: otlp-grpc:unix:///PATH, otlp-grpc:http[s]://HOST:PORT, the same with otlp-http, console, "
	 "file:PATH; traces/ or metrics/ before it for that signal alone",
	 "otlp-grpc:unix:///run/otelcol/otlp.sock", .type = OPTION_TEXTS, AT(exports)},
	{"receiver.timeout", "timeout", "OTEL_EXPORTER_OTLP_TIMEOUT",
	 "time for one attempt to deliver a request; if not given, 30s for otlp-http", "5s",
	 .least = "1ms", .most = "10m", .type = OPTION_DURATION, AT(timeout_ns)},
	{"receiver.compression", "compression", "OTEL_EXPORTER_OTLP_COMPRESSION",
	 "of requests; auto is gzip over TCP and none over a Unix socket", "auto",
	 .choices = compressions, .type = OPTION_CHOICE, AT(compression)},
	{"receiver.headers", "header", "OTEL_EXPORTER_OTLP_HEADERS", "name=value, sent with every request",
	 .secret = true, .type = OPTION_TEXTS, AT(headers)},
	{"receiver.max_request_bytes", "max-request-bytes", "SHMOTEL_MAX_REQUEST_BYTES",
	 "largest request that the endpoint takes", "4MiB", .least = "64KiB", .most = "64MiB", .type = OPTION_BYTES,
	 AT(request_bytes_max)},
	{"receiver.tls.ca_file", "tls-ca-file", "OTEL_EXPORTER_OTLP_CERTIFICATE",
	 "authorities to believe, PEM; if not given, those of the system", .type = OPTION_TEXT, AT(tls.ca_file)},
	{"receiver.tls.cert_file", "tls-cert-file", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
	 "certificate to show to the server, PEM", .type = OPTION_TEXT, AT(tls.cert_file)},
	{"receiver.tls.key_file", "tls-key-file", "OTEL_EXPORTER_OTLP_CLIENT_KEY", "key of that certificate, PEM",
	 .type = OPTION_TEXT, AT(tls.key_file)},
	{"receiver.tls.server_name_override", "tls-server-name", "SHMOTEL_TLS_SERVER_NAME",
	 "name that the server's certificate has to be for; if not given, the endpoint's host", .type = OPTION_TEXT,
	 AT(tls.server_name_override)},
	{"receiver.tls.insecure", "tls-insecure", "OTEL_EXPORTER_OTLP_INSECURE",
	 "no TLS to an otlp-grpc endpoint without http:// or https://", "false", .type = OPTION_BOOLEAN,
	 AT(tls.insecure)},
	{"receiver.tls.insecure_skip_verify", "tls-skip-verify", "SHMOTEL_TLS_SKIP_VERIFY",
	 "believe any certificate: whoever stands on the way reads and writes along", "false", .type = OPTION_BOOLEAN,
	 AT(tls.insecure_skip_verify)},
	{"receiver.tls.min_version", "tls-min-version", "SHMOTEL_TLS_MIN_VERSION", "oldest TLS to speak", "1.2",
	 .choices = tls_versions, .type = OPTION_CHOICE, AT(tls.min_version)},
	{"receiver.sending_queue.enabled", "queue", "SHMOTEL_QUEUE",
	 "keep requests that come while one is being delivered", "true", .type = OPTION_BOOLEAN, AT(queue_enabled)},
	{"receiver.sending_queue.queue_size", "queue-size", "SHMOTEL_QUEUE_SIZE",
	 "how much may wait for an exporter, by the sizer", "1000", .least = "1", .most = "1000000000000",
	 .type = OPTION_COUNT, AT(queue_size)},
	{"receiver.sending_queue.sizer", "queue-sizer", "SHMOTEL_QUEUE_SIZER", "what queue_size counts", "requests",
	 .choices = sizers, .type = OPTION_CHOICE, AT(sizer)},
	{"receiver.sending_queue.queue_bytes", "queue-bytes", "SHMOTEL_QUEUE_BYTES",
	 "bytes of requests that may wait for an exporter", "16MiB", .least = "64KiB", .most = "16GiB",
	 .type = OPTION_BYTES, AT(queue_bytes)},
	{"receiver.sending_queue.storage.directory", "storage-directory", "SHMOTEL_STORAGE_DIRECTORY",
	 "keep what waits in files there, instead of in memory; has to exist, and be the receiver's to write",
	 .type = OPTION_TEXT, .check = check_directory, AT(storage.directory)},
	{"receiver.sending_queue.storage.size", "storage-size", "SHMOTEL_STORAGE_SIZE",
	 "size of the file of each exporter, taken from the disk at start", "64MiB", .least = "2MiB", .most = "1024GiB",
	 .type = OPTION_BYTES, AT(storage.bytes)},
	{"receiver.sending_queue.storage.max_age", "storage-max-age", "SHMOTEL_STORAGE_MAX_AGE",
	 "time after which a request in it is given up, in place of max_elapsed_time; 0 for never", "24h",
	 .type = OPTION_DURATION, AT(storage.max_age_ns)},
	{"receiver.sending_queue.storage.fsync", "storage-fsync", "SHMOTEL_STORAGE_FSYNC",
	 "wait for the disk after each request: then it survives a power failure, not only the receiver's end", "false",
	 .type = OPTION_BOOLEAN, AT(storage.fsync)},
	{"receiver.retry_on_failure.enabled", "retry", "SHMOTEL_RETRY", "send again what could not be delivered",
	 "true", .type = OPTION_BOOLEAN, AT(retry.enabled)},
	{"receiver.retry_on_failure.initial_interval", "retry-initial-interval", "SHMOTEL_RETRY_INITIAL_INTERVAL",
	 "wait before the first retry", "5s", .least = "1ms", .most = "1h", .type = OPTION_DURATION,
	 AT(retry.initial_interval_ns)},
	{"receiver.retry_on_failure.randomization_factor", "retry-randomization-factor",
	 "SHMOTEL_RETRY_RANDOMIZATION_FACTOR", "by which part a wait is made longer or shorter at random", "0.5",
	 .least = "0", .most = "1", .type = OPTION_REAL, AT(retry.randomization_factor)},
	{"receiver.retry_on_failure.multiplier", "retry-multiplier", "SHMOTEL_RETRY_MULTIPLIER",
	 "by which each wait is longer than the last", "1.5", .least = "1", .most = "100", .type = OPTION_REAL,
	 AT(retry.multiplier)},
	{"receiver.retry_on_failure.max_interval", "retry-max-interval", "SHMOTEL_RETRY_MAX_INTERVAL", "longest wait",
	 "30s", .least = "1ms", .most = "24h", .type = OPTION_DURATION, AT(retry.max_interval_ns)},
	{"receiver.retry_on_failure.max_elapsed_time", "retry-max-elapsed-time", "SHMOTEL_RETRY_MAX_ELAPSED_TIME",
	 "time after which a request is given up, 0 for never", "5m", .type = OPTION_DURATION,
	 AT(retry.max_elapsed_time_ns)},

	{"receiver.traces.max_export_batch_size", "batch-spans", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
	 "spans after which a batch is sent", "512", .least = "1", .most = "65536", .type = OPTION_COUNT,
	 AT(batch_spans)},
	{"receiver.traces.schedule_delay", "batch-delay", "OTEL_BSP_SCHEDULE_DELAY",
	 "longest time that a span waits for others", "200ms", .least = "1ms", .most = "10m", .type = OPTION_DURATION,
	 AT(batch_delay_ns)},
	{"receiver.traces.export_unsampled", "export-unsampled", "SHMOTEL_EXPORT_UNSAMPLED",
	 "report spans whose caller said that they are not sampled, too", "false", .type = OPTION_BOOLEAN,
	 AT(export_unsampled)},
	{"receiver.metrics.interval", "metric-interval", "OTEL_METRIC_EXPORT_INTERVAL",
	 "time between two reports of metrics", "60s", .least = "100ms", .most = "24h", .type = OPTION_DURATION,
	 AT(metric_interval_ns)},
	{"receiver.metrics.temporality", "temporality", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
	 "sums since the start, or since the last report", "cumulative", .choices = temporalities,
	 .type = OPTION_CHOICE, AT(temporality)},
	{"receiver.metrics.cardinality_limit", "cardinality-limit", "SHMOTEL_CARDINALITY_LIMIT",
	 "series of one metric; what exceeds it goes into one overflow series", "2000", .least = "2", .most = "1000000",
	 .type = OPTION_COUNT, AT(cardinality_limit)},

	{"receiver.http.known_methods", "known-method", "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
	 "methods reported by name; any other is _OTHER", "CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE",
	 .check = check_method, .type = OPTION_TEXTS, AT(known_methods)},
	{"receiver.http.body_sizes", "body-sizes", "SHMOTEL_BODY_SIZES", "report the sizes of bodies", "false",
	 .type = OPTION_BOOLEAN, AT(body_sizes)},
	{"receiver.database.server_spans", "database-server-spans", "SHMOTEL_DATABASE_SERVER_SPANS",
	 "report what database processes serve, beside what their clients ask", "false", .type = OPTION_BOOLEAN,
	 AT(database_server_spans)},
	{"receiver.database.returned_rows", "database-returned-rows", "SHMOTEL_DATABASE_RETURNED_ROWS",
	 "report how many rows a query returned", "false", .type = OPTION_BOOLEAN, AT(returned_rows)},
	{"receiver.redaction.query_text", "query-text", "SHMOTEL_QUERY_TEXT",
	 "text of database queries: literals replaced, replaced unless the values travel apart, not reported, or as "
	 "sent with all values",
	 "sanitised", .choices = query_texts, .type = OPTION_CHOICE, AT(query_text)},
	{"receiver.redaction.query_keys", "redact-query-key", "SHMOTEL_REDACT_QUERY_KEYS",
	 "query parameters whose values are replaced by REDACTED",
	 "X-Amz-Signature,X-Amz-Credential,X-Amz-Security-Token,sig,X-Goog-Signature,AWSAccessKeyId,Signature",
	 .type = OPTION_TEXTS,
	 AT(redacted_query_keys)},
	{"receiver.resource.service_name", "service-name", "OTEL_SERVICE_NAME", "the receiver's own service.name",
	 "shmotel-receiver", .type = OPTION_TEXT, AT(service_name)},
	{"receiver.resource.attributes", "resource-attributes", "OTEL_RESOURCE_ATTRIBUTES",
	 "the receiver's own resource attributes, key=value,key=value", .check = check_resource_attributes,
	 .type = OPTION_TEXT, AT(resource_attributes)},
	{"receiver.resource.command_line", "resource-command-line", "SHMOTEL_RESOURCE_COMMAND_LINE",
	 "report command lines, which may hold secrets", "false", .type = OPTION_BOOLEAN, AT(command_line)},

	{.flag = "status",
	 .help = "ask the receiver that runs, print what it says, and exit with 0 if it is ready, 1 if not, 3 "
	 "without answer",
	 .type = OPTION_BOOLEAN,
	 AT(status)},
	{.flag = "alive",
	 .help = "the same for one line, and exit with 0 if it answers, 3 if not",
	 .type = OPTION_BOOLEAN,
	 AT(alive)},
	{.environment = "OTEL_EXPORTER_OTLP_ENDPOINT",
	 .help = "endpoint, for OTEL_EXPORTER_OTLP_PROTOCOL; --export overrides it",
	 .type = OPTION_TEXT,
	 AT(otlp_endpoint)},
	{.environment = "OTEL_EXPORTER_OTLP_PROTOCOL",
	 .help = "protocol of OTEL_EXPORTER_OTLP_ENDPOINT",
	 .fallback = "grpc",
	 .choices = protocols,
	 .type = OPTION_CHOICE,
	 AT(otlp_protocol)},
	SIGNAL_ROWS("TRACES", "traces", OTLP_TRACES),
	SIGNAL_ROWS("METRICS", "metrics", OTLP_METRICS),
	{.environment = "OTEL_BSP_MAX_QUEUE_SIZE",
	 .help = "spans that may wait; rounded up to whole batches for queue_size",
	 .least = "1",
	 .most = "1000000000",
	 .type = OPTION_COUNT,
	 AT(queue_spans)},
};

const struct option_table receiver_option_table = {
	.program = "shmotel-receiver",
	.purpose = "turn what shmotel-sensor sees into OpenTelemetry spans and metrics, without any privilege",
	.version = SHMOTEL_VERSION,
	.part = "receiver",
	.other_part = "sensor",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};
