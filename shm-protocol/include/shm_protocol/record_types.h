/* The table of record types: RECORD(NAME, id, struct, meaning). */
#ifndef SHM_PROTOCOL_RECORD_TYPES_H
#define SHM_PROTOCOL_RECORD_TYPES_H

#define SHM_RECORD_TYPES(RECORD)                                                                                       \
	RECORD(PROCESS, 1, shm_record_process, "a process is announced, once, before anything that refers to it")      \
	RECORD(PROCESS_EXIT, 2, shm_record_process_exit, "a process has ended")                                        \
	RECORD(CONNECTION, 3, shm_record_connection, "a connection is announced, or has a new owner")                  \
	RECORD(DATA, 4, shm_record_data, "a segment of one direction of a connection")                                 \
	RECORD(CONNECTION_CLOSE, 5, shm_record_connection_close, "a connection has ended")                             \
	RECORD(LOSS, 6, shm_record_loss, "something was lost, how much, where and why")                                \
	RECORD(CLOCK, 7, shm_record_clock, "the monotonic clock set against the wall clock")                           \
	RECORD(COUNTERS, 8, shm_record_counters, "the sensor's counters, cumulative")                                  \
	RECORD(SNAPSHOT_END, 9, shm_record_snapshot_end, "all that lived before the attach has been announced")

enum shm_record_type {
#define SHM_RECORD_ID(NAME, id, type, meaning) SHM_RECORD_##NAME = id,
	SHM_RECORD_TYPES(SHM_RECORD_ID)
#undef SHM_RECORD_ID
	SHM_RECORD_TYPE_END
};

#endif
