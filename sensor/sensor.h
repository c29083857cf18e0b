/* Run the capture: one loop over the kernel's ring, the receiver's handoff and signals. */
#ifndef SENSOR_SENSOR_H
#define SENSOR_SENSOR_H

#include "options.h"

struct sensor;

/* Block the signals that the loop takes, attach to the kernel and listen for a receiver. Returns 0, or -errno after
 * having said on standard error what is wrong and what to do. */
int sensor_open(struct sensor **sensor, const struct sensor_options *options) __attribute__((warn_unused_result));

/* From here on, nothing that was opened can be opened again. 0 or -errno as above. */
int sensor_drop_privileges(struct sensor *sensor) __attribute__((warn_unused_result));

/* Print the line that begins with "ready:". */
void sensor_announce(const struct sensor *sensor);

/* Serve until SIGTERM or SIGINT. SIGUSR1 prints the counters. SIGHUP reads the options again, from the same arguments:
 * the filters of executables and cgroups take effect at once, everything else with a restart. Returns 0 or -errno. */
int sensor_run(struct sensor *sensor, int argc, char **argv) __attribute__((warn_unused_result));

/* Let the receiver drain what is there, detach from the kernel, print the counters. NULL is allowed. */
void sensor_close(struct sensor *sensor);

#endif
