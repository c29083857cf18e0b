/* The loop's timer list on its own, with invented time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop_timers.h"

struct tick {
	struct loop_timers *timers;
	struct loop_timer timer;
	struct loop_timer *cancel;
	uint64_t again_ns;
	int fired;
};

static void tick_fire(void *context)
{
	struct tick *tick = context;

	tick->fired++;
	if (tick->cancel != NULL)
		loop_timers_cancel(tick->timers, tick->cancel);
	if (tick->again_ns != 0)
		loop_timers_set(tick->timers, &tick->timer, tick->again_ns);
}

static void tick_init(struct tick *tick, struct loop_timers *timers)
{
	*tick = (struct tick){.timers = timers, .timer = {.fire = tick_fire, .context = tick}};
}

static void only_what_is_due_fires_and_only_once(void **state)
{
	struct loop_timers timers = {0};
	struct tick a, b;

	(void)state;
	tick_init(&a, &timers);
	tick_init(&b, &timers);
	loop_timers_set(&timers, &a.timer, 10);
	loop_timers_set(&timers, &b.timer, 20);
	assert_int_equal(loop_timers_wait_ns(&timers, 4), 6);
	assert_int_equal(loop_timers_fire(&timers, 9), 0);
	assert_int_equal(loop_timers_fire(&timers, 10), 1);
	assert_int_equal(loop_timers_fire(&timers, 10), 0);
	assert_int_equal(a.fired, 1);
	assert_int_equal(a.timer.deadline_ns, 0);
	assert_int_equal(loop_timers_wait_ns(&timers, 30), 0);
	assert_int_equal(loop_timers_fire(&timers, 30), 1);
	assert_true(loop_timers_wait_ns(&timers, 30) == LOOP_FOREVER);
}

static void a_timer_fires_early_by_its_slack_but_no_wait_is_shorter_for_it(void **state)
{
	struct loop_timers timers = {0};
	struct tick a, b;

	(void)state;
	tick_init(&a, &timers);
	tick_init(&b, &timers);
	b.timer.slack_ns = 30;
	loop_timers_set(&timers, &a.timer, 50);
	loop_timers_set(&timers, &b.timer, 60);
	assert_int_equal(loop_timers_fire(&timers, 29), 0);
	assert_int_equal(loop_timers_fire(&timers, 30), 1);
	assert_int_equal(b.fired, 1);
	loop_timers_set(&timers, &b.timer, 60);
	loop_timers_cancel(&timers, &a.timer);
	assert_int_equal(loop_timers_wait_ns(&timers, 29), 31);
}

static void setting_a_set_timer_moves_it(void **state)
{
	struct loop_timers timers = {0};
	struct tick a;

	(void)state;
	tick_init(&a, &timers);
	loop_timers_set(&timers, &a.timer, 10);
	loop_timers_set(&timers, &a.timer, 50);
	assert_int_equal(loop_timers_fire(&timers, 20), 0);
	assert_int_equal(loop_timers_fire(&timers, 50), 1);
}

static void a_cancelled_timer_does_not_fire_even_if_it_was_due_in_the_same_pass(void **state)
{
	struct loop_timers timers = {0};
	struct tick a, b, c;

	(void)state;
	tick_init(&a, &timers);
	tick_init(&b, &timers);
	tick_init(&c, &timers);
	a.cancel = &b.timer;
	loop_timers_set(&timers, &a.timer, 10);
	loop_timers_set(&timers, &b.timer, 10);
	loop_timers_set(&timers, &c.timer, 11);
	assert_int_equal(loop_timers_fire(&timers, 12), 2);
	assert_int_equal(b.fired, 0);
	assert_int_equal(c.fired, 1);
	loop_timers_cancel(&timers, &b.timer);
}

static void a_timer_that_sets_itself_into_the_past_fires_once_a_pass(void **state)
{
	struct loop_timers timers = {0};
	struct tick a;

	(void)state;
	tick_init(&a, &timers);
	a.again_ns = 1;
	loop_timers_set(&timers, &a.timer, 10);
	assert_int_equal(loop_timers_fire(&timers, 10), 1);
	assert_int_equal(loop_timers_fire(&timers, 10), 1);
}

static void deadline_zero_is_due_at_once(void **state)
{
	struct loop_timers timers = {0};
	struct tick a;

	(void)state;
	tick_init(&a, &timers);
	loop_timers_set(&timers, &a.timer, 0);
	assert_int_equal(loop_timers_wait_ns(&timers, 100), 0);
	assert_int_equal(loop_timers_fire(&timers, 100), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_due_fires_and_only_once),
		cmocka_unit_test(a_timer_fires_early_by_its_slack_but_no_wait_is_shorter_for_it),
		cmocka_unit_test(setting_a_set_timer_moves_it),
		cmocka_unit_test(a_cancelled_timer_does_not_fire_even_if_it_was_due_in_the_same_pass),
		cmocka_unit_test(a_timer_that_sets_itself_into_the_past_fires_once_a_pass),
		cmocka_unit_test(deadline_zero_is_due_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
