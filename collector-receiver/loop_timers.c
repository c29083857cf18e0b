/* Keep timers in order of deadline, and fire them. */
#include "loop_timers.h"

#include <stddef.h>

static void timer_list_remove(struct loop_timer **list, struct loop_timer *timer)
{
	for (struct loop_timer **at = list; *at != NULL; at = &(*at)->next) {
		if (*at == timer) {
			*at = timer->next;
			return;
		}
	}
}

void loop_timers_cancel(struct loop_timers *timers, struct loop_timer *timer)
{
	if (timer->deadline_ns == 0)
		return;
	timer_list_remove(&timers->waiting, timer);
	timer_list_remove(&timers->due, timer);
	timer->deadline_ns = 0;
	timer->next = NULL;
}

void loop_timers_set(struct loop_timers *timers, struct loop_timer *timer, uint64_t deadline_ns)
{
	struct loop_timer **at = &timers->waiting;

	loop_timers_cancel(timers, timer);
	timer->deadline_ns = deadline_ns == 0 ? 1 : deadline_ns; /* 0 would mean "not set" */
	while (*at != NULL && (*at)->deadline_ns <= timer->deadline_ns)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

uint64_t loop_timers_wait_ns(const struct loop_timers *timers, uint64_t now_ns)
{
	if (timers->waiting == NULL)
		return LOOP_FOREVER;
	return timers->waiting->deadline_ns <= now_ns ? 0 : timers->waiting->deadline_ns - now_ns;
}

/* Move what may fire from one list to the other, in order. */
static void timers_take_due(struct loop_timers *timers, uint64_t now_ns)
{
	struct loop_timer **to = &timers->due;

	for (struct loop_timer **at = &timers->waiting; *at != NULL;) {
		struct loop_timer *timer = *at;

		if (timer->deadline_ns > now_ns + timer->slack_ns) {
			at = &timer->next;
			continue;
		}
		*at = timer->next;
		timer->next = NULL;
		*to = timer;
		to = &timer->next;
	}
}

int loop_timers_fire(struct loop_timers *timers, uint64_t now_ns)
{
	int fired = 0;

	/* Taken out first, so that a timer that keeps setting itself into the past cannot hold the loop. */
	timers_take_due(timers, now_ns);
	while (timers->due != NULL) {
		struct loop_timer *timer = timers->due;

		timers->due = timer->next;
		timer->next = NULL;
		timer->deadline_ns = 0;
		timer->fire(timer->context);
		fired++;
	}
	return fired;
}
