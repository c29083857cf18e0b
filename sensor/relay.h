/* Turn what the kernel side reports into records for the receiver: identities completed, filters applied, what lives
 * remembered and told to each receiver that attaches. */
#ifndef SENSOR_RELAY_H
#define SENSOR_RELAY_H

#include "live_tables.h"
#include "process_identity.h"
#include "ring_session.h"
#include "watch_list.h"

struct relay_options {
	size_t processes_max;
	size_t connections_max;
	enum verdict presumed; /* the verdict that the kernel side gives to a new process by itself */
	/* Tell the kernel side of a verdict that is not the presumed one, or that has changed. 0 or -errno. */
	int (*set_verdict)(void *context, uint32_t kernel_pid, enum verdict verdict);
	void *context;
};

/* One thread. Nothing here blocks but reading /proc for a process that is new. For the records that come of events, at
 * every moment:
 *
 *   EVENTS_DRAINED - EVENTS_MALFORMED - EVENTS_FILTERED
 *       = RECORDS_PUBLISHED + SHARED_RING_FULL + NO_READER - RECORDS_OWN
 */
struct relay {
	struct relay_options options;
	struct process_identity identity;
	struct process_record record; /* being made */
	struct live_tables tables;
	struct watch_list watch_list;
	struct ring_session *session;
	uint64_t *counters;
	uint32_t receiver_pid; /* 0: none */
	bool untold;           /* there may be something that the receiver has not been told of */
	bool snapshot_open;    /* snapshot_end has not been written */
	uint32_t snapshot_processes;
	uint32_t snapshot_connections;
	uint64_t told_kernel_losses; /* values of counters that loss records have told of */
	uint64_t told_capture_losses;
};

/* Session, counters (SENSOR_COUNTER_COUNT of them) and the patterns of the watch list are borrowed. 0 or -errno. */
int relay_open(struct relay *relay, const struct relay_options *options, const struct watch_list *watch_list,
	       const char *proc_path, struct ring_session *session, uint64_t *counters)
	__attribute__((warn_unused_result));
void relay_close(struct relay *relay);

/* The functions of capture_handler: `context` is the relay. Lengths of the events have been checked. */
void relay_on_process(void *context, const struct event_process *event);
void relay_on_process_exit(void *context, const struct event_process_exit *event);
void relay_on_connection(void *context, const struct shm_record_connection *event);
void relay_on_data(void *context, const struct shm_record_data *event);
void relay_on_connection_close(void *context, const struct shm_record_connection_close *event);

/* A receiver has attached, the session is open: tell the time and begin the snapshot. A large one is told in parts, in
 * the calls of relay_tell_untold that follow. */
void relay_on_attach(struct relay *relay, uint32_t receiver_pid);
void relay_on_detach(struct relay *relay);

/* Call at the end of each pass: announce what the receiver does not know of, as far as the ring has room to spare. */
void relay_tell_untold(struct relay *relay);

/* Write the clock, losses that the counters show, and the counters. Call every second while a receiver is there. */
void relay_report(struct relay *relay);
/* Whether a report would find room, or no receiver is there to read it. */
bool relay_can_report(const struct relay *relay);

/* Decide anew over all processes, and announce those that are watched from now on. */
void relay_set_watch_list(struct relay *relay, const struct watch_list *watch_list);

#endif
