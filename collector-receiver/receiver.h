/* The receiver at work: what it is made of, in the order of the data path, around one loop. */
#ifndef RECEIVER_RECEIVER_H
#define RECEIVER_RECEIVER_H

#include "options.h"

struct receiver;

/* Open everything that needs opening: signals, loop, exporters, telemetry, tables, the way to the sensor. The sensor
 * need not be there yet. Returns 0, or -errno after having said on standard error what is wrong and what to do.
 * `*receiver` is to be closed in any case. The options are borrowed. */
int receiver_open(struct receiver **receiver, const struct receiver_options *options)
	__attribute__((warn_unused_result));

/* Enter the cage. From here on nothing more can be opened. 0 or -errno as above. */
int receiver_confine(struct receiver *receiver) __attribute__((warn_unused_result));

/* Print the line that begins with "ready:". */
void receiver_announce(const struct receiver *receiver);

/* Work until SIGTERM or SIGINT. SIGUSR1 prints the counters, SIGHUP says that it changes nothing. 0 or -errno. */
int receiver_run(struct receiver *receiver) __attribute__((warn_unused_result));

/* Take what is left in the ring, report what is unfinished, deliver within the shutdown timeout, or until another
 * SIGTERM. */
void receiver_drain(struct receiver *receiver);

/* Print the counters and let go of everything. NULL is allowed. */
void receiver_close(struct receiver *receiver);

#endif
