/* Tell the receiver what no event brings: the time, what lives, losses, counters. The rest of it is in relay.h. */
#ifndef SENSOR_RELAY_TELL_H
#define SENSOR_RELAY_TELL_H

#include "relay.h"

/* Announce a watched process unless that is done. False: the ring has no room to spare, or nobody reads it. */
bool relay_tell_process(struct relay *relay, struct live_process *process) __attribute__((warn_unused_result));

#endif
