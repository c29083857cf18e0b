/* The state behind sensor.h, shared by the files that implement it. */
#ifndef SENSOR_SENSOR_STATE_H
#define SENSOR_SENSOR_STATE_H

#include "handoff.h"
#include "relay.h"
#include "sensor.h"

enum { SENSOR_MESSAGE_BYTES = 512 };

/* The kernel side wakes the loop when the first event comes after WAKEUP_INTERVAL_US without a wakeup, and when much
 * waits. What comes in between is fetched by polling, until a poll finds nothing. The poll is the longer of the two by
 * more than any event takes to be written: so none is left behind that neither wakes nor is polled for. */
enum {
	SENSOR_WAKEUP_INTERVAL_US = 500 * 1000,
	SENSOR_POLL_INTERVAL_NS = 550 * 1000 * 1000,
	SENSOR_REPORT_INTERVAL_NS = 1000 * 1000 * 1000,
	SENSOR_SLACK_NS = 250 * 1000 * 1000, /* by which reports and sweeps may be early or late */
};

#define SENSOR_SWEEP_INTERVAL_NS (10 * UINT64_C(1000000000))

struct sensor {
	const struct sensor_options *options;
	struct sensor_options reloaded; /* owns the patterns in force after SIGHUP */
	uint64_t counters[SENSOR_COUNTER_COUNT];
	char capture_message[SENSOR_MESSAGE_BYTES];
	char confinement[SENSOR_MESSAGE_BYTES];
	struct capture *capture;
	struct handoff *handoff;
	struct ring_session session;
	struct relay relay;
	bool relay_is_open;
	int epoll_fd;
	int signal_fd;
	bool stopping;
	uint64_t poll_due_ns;   /* 0: nothing flows */
	uint64_t report_due_ns; /* 0: no receiver */
	uint64_t sweep_due_ns;
	uint64_t reported_drained;
	unsigned int quiet_reports;
	int argc;
	char **argv;
};

/* CLOCK_MONOTONIC. */
uint64_t sensor_now_ns(void);

/* The filters of the options; the patterns stay theirs. */
struct watch_list sensor_watch_list(const struct sensor_options *options);

/* Take what the kernel's ring still holds, close the account with the receiver, print the counters. */
void sensor_drain_at_exit(struct sensor *sensor);

#endif
