/* The receiver's counters: one table for the code, the metric names and the printed report.
 * RECEIVER_COUNTER(id, metric name, unit, attributes, meaning). A metric has one unit. What is named *.lost did not get
 * any further; names and units follow otel.sdk.* of the semantic conventions, where those have the like. For each
 * exporter spans = span.lost + exporter.span.sent + exporter.span.lost + those that wait. */
#ifndef RECEIVER_COUNTERS_H
#define RECEIVER_COUNTERS_H

#include <stdint.h>

#define RECEIVER_COUNTERS(RECEIVER_COUNTER)                                                                            \
	RECEIVER_COUNTER(RECORDS_READ, "shmotel.receiver.records", "{record}", "stage=shared_ring",                    \
			 "records read from the shared ring")                                                          \
	RECEIVER_COUNTER(RECORDS_MALFORMED, "shmotel.receiver.record.lost", "{record}",                                \
			 "stage=shared_ring,reason=malformed", "records that failed their check")                      \
	RECEIVER_COUNTER(RECORDS_UNKNOWN, "shmotel.receiver.record.lost", "{record}",                                  \
			 "stage=shared_ring,reason=unknown_type", "records of a type that this version does not know") \
	RECEIVER_COUNTER(LOSS_REPORTED, "shmotel.receiver.loss_reported", "{record}", "",                              \
			 "records that the sensor said were lost before the shared ring")                              \
	RECEIVER_COUNTER(ATTACHES, "shmotel.receiver.attaches", "{attach}", "", "rings attached")                      \
	RECEIVER_COUNTER(RING_VIOLATIONS, "shmotel.receiver.ring.violations", "{violation}", "",                       \
			 "rings given up because the sensor broke the protocol")                                       \
	RECEIVER_COUNTER(PROCESS_TABLE_FULL, "shmotel.receiver.process.evicted", "{process}", "",                      \
			 "processes forgotten because the table was full")                                             \
	RECEIVER_COUNTER(CONNECTION_TABLE_FULL, "shmotel.receiver.connection.evicted", "{connection}", "",             \
			 "connections given up because the table was full")                                            \
	RECEIVER_COUNTER(CONNECTION_UNKNOWN, "shmotel.receiver.record.lost", "{record}",                               \
			 "stage=tables,reason=unknown_connection", "records of connections that were never announced") \
	RECEIVER_COUNTER(STREAM_BUFFERS_FULL, "shmotel.receiver.segment.lost", "{segment}",                            \
			 "stage=tables,reason=stream_buffers", "unfinished heads given up for want of a buffer")       \
	RECEIVER_COUNTER(BYTES_SEEN, "shmotel.receiver.stream.io", "By", "state=seen",                                 \
			 "stream bytes that were captured")                                                            \
	RECEIVER_COUNTER(BYTES_HOLES, "shmotel.receiver.stream.io", "By", "state=hole", "stream bytes stepped over")   \
	RECEIVER_COUNTER(BYTES_UNRECOGNISED, "shmotel.receiver.stream.io", "By", "state=unrecognised",                 \
			 "captured bytes of connections whose protocol is not known")                                  \
	RECEIVER_COUNTER(PARSER_RESYNCS, "shmotel.receiver.parser.resyncs", "{resync}", "stage=parser",                \
			 "times a parser lost its place and found it again")                                           \
	RECEIVER_COUNTER(PARSER_MALFORMED, "shmotel.receiver.message.lost", "{message}",                               \
			 "stage=parser,reason=malformed", "messages that are not what the protocol allows")            \
	RECEIVER_COUNTER(PARSER_HOLES, "shmotel.receiver.message.lost", "{message}", "stage=parser,reason=hole",       \
			 "messages whose head fell into a hole")                                                       \
	RECEIVER_COUNTER(HEADS_TOO_LONG, "shmotel.receiver.heads_cut", "{message}", "stage=parser,reason=too_long",    \
			 "heads cut because they were longer than a parser keeps")                                     \
	RECEIVER_COUNTER(HEADS_UNFINISHED, "shmotel.receiver.message.lost", "{message}",                               \
			 "stage=parser,reason=unfinished",                                                             \
			 "requests whose head was not complete when the connection was closed")                        \
	RECEIVER_COUNTER(CONNECTIONS_ENCRYPTED, "shmotel.receiver.connections.opaque", "{connection}",                 \
			 "reason=encrypted", "database connections that went over to TLS")                             \
	RECEIVER_COUNTER(CONNECTIONS_COMPRESSED, "shmotel.receiver.connections.opaque", "{connection}",                \
			 "reason=compressed", "database connections that agreed on compression")                       \
	RECEIVER_COUNTER(CONNECTIONS_REPLICATION, "shmotel.receiver.connections.opaque", "{connection}",               \
			 "reason=replication", "database connections that became a stream of replication")             \
	RECEIVER_COUNTER(PIPELINE_FULL, "shmotel.receiver.exchange.lost", "{exchange}",                                \
			 "stage=parser,reason=pipeline_full",                                                          \
			 "requests given up because too many waited for their response on one connection")             \
	RECEIVER_COUNTER(RESPONSES_UNMATCHED, "shmotel.receiver.exchange.lost", "{exchange}",                          \
			 "stage=parser,reason=unmatched", "responses whose request was not seen")                      \
	RECEIVER_COUNTER(STATEMENTS_EVICTED, "shmotel.receiver.statement.evicted", "{statement}", "",                  \
			 "prepared statements and portals forgotten because a connection had too many")                \
	RECEIVER_COUNTER(EXCHANGES, "shmotel.receiver.exchanges", "{exchange}", "",                                    \
			 "requests paired with their response")                                                        \
	RECEIVER_COUNTER(EXCHANGES_INCOMPLETE, "shmotel.receiver.exchanges.incomplete", "{exchange}", "",              \
			 "requests reported without the end of their response")                                        \
	RECEIVER_COUNTER(SPANS, "shmotel.receiver.spans", "{span}", "", "spans made")                                  \
	RECEIVER_COUNTER(SPANS_NO_MEMORY, "shmotel.receiver.span.lost", "{span}", "stage=batch,reason=no_memory",      \
			 "spans given up because a batch could not grow")                                              \
	RECEIVER_COUNTER(SPANS_NOT_SAMPLED, "shmotel.receiver.spans.not_sampled", "{span}", "",                        \
			 "spans not made because the caller's traceparent says not sampled")                           \
	RECEIVER_COUNTER(DATABASE_SERVER_SPANS_OFF, "shmotel.receiver.spans.database_server_off", "{span}", "",        \
			 "spans of database servers not made because they are not asked for")                          \
	RECEIVER_COUNTER(ATTRIBUTES_CUT, "shmotel.receiver.attributes.cut", "{attribute}", "",                         \
			 "attribute values shortened to their limit")                                                  \
	RECEIVER_COUNTER(RESOURCE_ATTRIBUTES_INVALID, "shmotel.receiver.resource_attributes_invalid", "{process}", "", \
			 "processes whose OTEL_RESOURCE_ATTRIBUTES were ignored because they do not parse")            \
	RECEIVER_COUNTER(RESOURCES_EVICTED, "shmotel.receiver.resource.evicted", "{resource}", "",                     \
			 "processes whose series were ended early because the resource table was full")                \
	RECEIVER_COUNTER(RESOURCES_NO_MEMORY, "shmotel.receiver.exchange.lost", "{exchange}",                          \
			 "stage=batch,reason=no_resource",                                                             \
			 "exchanges given up because there was no memory for their process's resource")                \
	RECEIVER_COUNTER(DURATIONS_UNKNOWN, "shmotel.receiver.durations_unknown", "{measurement}", "",                 \
			 "exchanges left out of the duration metrics because their start or end was not seen")         \
	RECEIVER_COUNTER(DURATIONS_NO_MEMORY, "shmotel.receiver.measurement.lost", "{measurement}",                    \
			 "stage=metrics,reason=no_memory", "durations not measured for want of memory")                \
	RECEIVER_COUNTER(POINTS_NO_MEMORY, "shmotel.receiver.metric_data_point.lost", "{data_point}",                  \
			 "stage=metrics,reason=no_memory", "data points not exported for want of memory")              \
	RECEIVER_COUNTER(SERIES_OVERFLOW, "shmotel.receiver.series_overflow", "{measurement}", "",                     \
			 "measurements added to the overflow series because of the cardinality limit")                 \
	RECEIVER_COUNTER(EXPORT_SENT_SPANS, "shmotel.exporter.span.sent", "{span}", "", "spans delivered")             \
	RECEIVER_COUNTER(EXPORT_SENT_POINTS, "shmotel.exporter.metric_data_point.sent", "{data_point}", "",            \
			 "data points delivered")                                                                      \
	RECEIVER_COUNTER(EXPORT_QUEUE_FULL_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=queue_full",         \
			 "spans dropped because the queue was full")                                                   \
	RECEIVER_COUNTER(EXPORT_QUEUE_FULL_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",          \
			 "reason=queue_full", "data points dropped because the queue was full")                        \
	RECEIVER_COUNTER(EXPORT_REFUSED_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=refused",               \
			 "spans that the endpoint refused for good")                                                   \
	RECEIVER_COUNTER(EXPORT_REFUSED_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",             \
			 "reason=refused", "data points that the endpoint refused for good")                           \
	RECEIVER_COUNTER(EXPORT_PARTIAL_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=partial_success",       \
			 "spans rejected by a partial success")                                                        \
	RECEIVER_COUNTER(EXPORT_PARTIAL_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",             \
			 "reason=partial_success", "data points rejected by a partial success")                        \
	RECEIVER_COUNTER(EXPORT_EXPIRED_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=expired",               \
			 "spans given up after max_elapsed_time of retries")                                           \
	RECEIVER_COUNTER(EXPORT_EXPIRED_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",             \
			 "reason=expired", "data points given up after max_elapsed_time of retries")                   \
	RECEIVER_COUNTER(EXPORT_SPOOL_FULL_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=spool_full",         \
			 "spans dropped because the spool was full")                                                   \
	RECEIVER_COUNTER(EXPORT_SPOOL_FULL_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",          \
			 "reason=spool_full", "data points dropped because the spool was full")                        \
	RECEIVER_COUNTER(EXPORT_CORRUPT_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=corrupt",               \
			 "spans in the spool that were damaged on disk")                                               \
	RECEIVER_COUNTER(EXPORT_CORRUPT_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",             \
			 "reason=corrupt", "data points in the spool that were damaged on disk")                       \
	RECEIVER_COUNTER(EXPORT_RECOVERED_SPANS, "shmotel.exporter.span.recovered", "{span}", "",                      \
			 "spans of an earlier receiver that were found in the spool")                                  \
	RECEIVER_COUNTER(EXPORT_RECOVERED_POINTS, "shmotel.exporter.metric_data_point.recovered", "{data_point}", "",  \
			 "data points of an earlier receiver that were found in the spool")                            \
	RECEIVER_COUNTER(EXPORT_SHUTDOWN_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=shutdown",             \
			 "spans not delivered before the shutdown deadline")                                           \
	RECEIVER_COUNTER(EXPORT_SHUTDOWN_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",            \
			 "reason=shutdown", "data points not delivered before the shutdown deadline")                  \
	RECEIVER_COUNTER(EXPORT_WRITE_FAILED_SPANS, "shmotel.exporter.span.lost", "{span}", "reason=write_failed",     \
			 "spans that could not be written to file, console or spool")                                  \
	RECEIVER_COUNTER(EXPORT_WRITE_FAILED_POINTS, "shmotel.exporter.metric_data_point.lost", "{data_point}",        \
			 "reason=write_failed", "data points that could not be written to file, console or spool")     \
	RECEIVER_COUNTER(EXPORT_RETRIES, "shmotel.exporter.retries", "{request}", "", "requests sent again")           \
	RECEIVER_COUNTER(EXPORT_SPLITS, "shmotel.exporter.splits", "{request}", "", "requests halved for their size")  \
	RECEIVER_COUNTER(EXPORT_MAYBE_TWICE_SPANS, "shmotel.exporter.span.possible_duplicate", "{span}", "",           \
			 "spans sent again although the endpoint may have taken them: it had them and did not answer") \
	RECEIVER_COUNTER(EXPORT_MAYBE_TWICE_POINTS, "shmotel.exporter.metric_data_point.possible_duplicate",           \
			 "{data_point}", "",                                                                           \
			 "data points sent again although the endpoint may have taken them")                           \
	RECEIVER_COUNTER(EXPORT_CONNECT_FAILED, "shmotel.exporter.connect_failures", "{attempt}", "",                  \
			 "connections to the endpoint that failed")

enum receiver_counter {
#define RECEIVER_COUNTER_ID(id, name, unit, attributes, meaning) COUNTER_##id,
	RECEIVER_COUNTERS(RECEIVER_COUNTER_ID)
#undef RECEIVER_COUNTER_ID
	COUNTER_COUNT
};

/* One process, one thread: plain words. */
extern uint64_t counters[COUNTER_COUNT];

static inline void counter_add(enum receiver_counter counter, uint64_t n)
{
	counters[counter] += n;
}

struct counter_description {
	const char *metric;     /* OpenTelemetry metric name */
	const char *unit;       /* UCUM */
	const char *attributes; /* "key=value,key=value" */
	const char *meaning;
};

extern const struct counter_description counter_descriptions[COUNTER_COUNT];

/* To the log, one line per counter that is not zero: value, metric, attributes, meaning. */
void counters_print(void);

#endif
