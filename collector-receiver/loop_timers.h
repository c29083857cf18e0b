/* The loop's timers: a list sorted by deadline. The receiver sets about a dozen, so a list is enough. */
#ifndef RECEIVER_LOOP_TIMERS_H
#define RECEIVER_LOOP_TIMERS_H

#include "loop.h"

struct loop_timers {
	struct loop_timer *waiting; /* sorted, nearest first */
	struct loop_timer *due;	    /* taken out by loop_timers_fire, not called yet */
};

void loop_timers_set(struct loop_timers *timers, struct loop_timer *timer, uint64_t deadline_ns);
void loop_timers_cancel(struct loop_timers *timers, struct loop_timer *timer);
/* Nanoseconds until the nearest deadline, LOOP_FOREVER if there is none. */
uint64_t loop_timers_wait_ns(const struct loop_timers *timers, uint64_t now_ns);
/* Call what is due at now_ns; the number called. */
int loop_timers_fire(struct loop_timers *timers, uint64_t now_ns);

#endif
