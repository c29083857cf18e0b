/* The sensor's counters: one table for the record, the metric names and the printed report.
 * SENSOR_COUNTER(id, metric name, unit, attributes, meaning). Append only: a reader indexes by position. */
#ifndef SHM_PROTOCOL_SENSOR_COUNTERS_H
#define SHM_PROTOCOL_SENSOR_COUNTERS_H

#define SENSOR_COUNTERS(SENSOR_COUNTER)                                                                                \
	SENSOR_COUNTER(EVENTS_CAPTURED, "shmotel.sensor.events", "{event}", "stage=capture",                           \
		       "events that the kernel side wanted to emit")                                                   \
	SENSOR_COUNTER(KERNEL_RING_FULL, "shmotel.sensor.event.lost", "{event}", "stage=kernel_ring,reason=full",      \
		       "events lost because the BPF ring buffer was full")                                             \
	SENSOR_COUNTER(CONNECTION_TABLE_FULL, "shmotel.sensor.event.lost", "{event}",                                  \
		       "stage=capture,reason=connection_table_full",                                                   \
		       "transfers not captured because the kernel's connection table was full")                        \
	SENSOR_COUNTER(PROCESS_TABLE_FULL, "shmotel.sensor.event.lost", "{event}",                                     \
		       "stage=capture,reason=process_table_full",                                                      \
		       "transfers not captured because the kernel's process table was full")                           \
	SENSOR_COUNTER(USER_MEMORY_UNREADABLE, "shmotel.sensor.event.lost", "{event}",                                 \
		       "stage=capture,reason=unreadable",                                                              \
		       "segments whose bytes could not be copied from the process: sent as a hole of known length")    \
	SENSOR_COUNTER(PROGRAM_RECURSION, "shmotel.sensor.event.lost", "{event}", "stage=capture,reason=recursion",    \
		       "times the kernel refused to run a program because it was already running on that CPU")         \
	SENSOR_COUNTER(EVENTS_DRAINED, "shmotel.sensor.events", "{event}", "stage=drain",                              \
		       "events taken out of the BPF ring buffer")                                                      \
	SENSOR_COUNTER(EVENTS_MALFORMED, "shmotel.sensor.event.lost", "{event}", "stage=drain,reason=malformed",       \
		       "events from the BPF ring buffer with a length or type that is not known")                      \
	SENSOR_COUNTER(EVENTS_FILTERED, "shmotel.sensor.filtered", "{event}", "stage=drain",                           \
		       "events of processes that the filters exclude")                                                 \
	SENSOR_COUNTER(RECORDS_PUBLISHED, "shmotel.sensor.records", "{record}", "stage=shared_ring",                   \
		       "records written into the shared ring")                                                         \
	SENSOR_COUNTER(BYTES_PUBLISHED, "shmotel.sensor.io", "By", "stage=shared_ring",                                \
		       "bytes written into the shared ring")                                                           \
	SENSOR_COUNTER(SHARED_RING_FULL, "shmotel.sensor.record.lost", "{record}", "stage=shared_ring,reason=full",    \
		       "records lost because the shared ring was full")                                                \
	SENSOR_COUNTER(NO_READER, "shmotel.sensor.record.lost", "{record}", "stage=shared_ring,reason=no_reader",      \
		       "records not written because no receiver was attached")                                         \
	SENSOR_COUNTER(READER_VIOLATION, "shmotel.sensor.reader_violations", "{violation}", "",                        \
		       "times the receiver's page held a position that is impossible")                                 \
	SENSOR_COUNTER(PROCESSES_SEEN, "shmotel.sensor.processes", "{process}", "",                                    \
		       "processes announced")                                                                          \
	SENSOR_COUNTER(CONNECTIONS_SEEN, "shmotel.sensor.connections", "{connection}", "",                             \
		       "connections announced")                                                                        \
	SENSOR_COUNTER(IDENTITY_INCOMPLETE, "shmotel.sensor.identity_incomplete", "{process}", "",                     \
		       "processes that had ended before /proc could be read: announced with what the kernel side saw") \
	SENSOR_COUNTER(SNAPSHOT_TABLE_FULL, "shmotel.sensor.record.lost", "{record}",                                  \
		       "stage=snapshot,reason=table_full",                                                             \
		       "processes or connections that a later receiver's snapshot will not contain")                   \
	SENSOR_COUNTER(WAKEUPS, "shmotel.sensor.wakeups", "{wakeup}", "", "doorbells rung for a sleeping receiver")    \
	SENSOR_COUNTER(READER_GONE, "shmotel.sensor.record.lost", "{record}", "stage=shared_ring,reason=reader_gone",  \
		       "records that were in the shared ring, unread, when the receiver went away")                    \
	SENSOR_COUNTER(RECORDS_OWN, "shmotel.sensor.records", "{record}", "stage=sensor",                              \
		       "records that the sensor made by itself: snapshots, clocks, counters, losses")                  \
	SENSOR_COUNTER(COMPAT_CALLS, "shmotel.sensor.call.lost", "{call}", "stage=capture,reason=compat",              \
		       "socket system calls of 32-bit programs, whose traffic is not followed")                        \
	SENSOR_COUNTER(HTTP2_PLACE_LOST, "shmotel.sensor.http2.place_lost", "{loss}", "stage=capture",                 \
		       "times the frame walker lost its place in a direction of an HTTP/2 connection")                 \
	SENSOR_COUNTER(SENT_UNSEEN, "shmotel.sensor.connection.unseen", "{connection}", "stage=capture",               \
		       "TCP connections that sent more than the capture has seen: it does not cover the way they took")

enum sensor_counter {
#define SENSOR_COUNTER_ID(id, name, unit, attributes, meaning) SENSOR_COUNTER_##id,
	SENSOR_COUNTERS(SENSOR_COUNTER_ID)
#undef SENSOR_COUNTER_ID
	SENSOR_COUNTER_COUNT
};

#endif
