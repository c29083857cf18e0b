/* Both back ends of the loop, held to one table of behaviour. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"

enum {
	MANY = 200,
};

static const uint64_t SOON_NS = 20000000;

/* A socket pair with one end under watch. */
struct end {
	struct loop *loop;
	struct loop_watch watch;
	struct end *victim; /* removed, or modified, by the callback */
	int peer;
	int calls;
	unsigned events; /* of the last call */
	bool read_one;
	bool remove_self;
	bool remove_victim;
	bool readd_self;
	bool stop;
	bool quiet_victim;
};

static struct loop *loop_of(void **state)
{
	return *state;
}

static void end_ready(void *context, unsigned events)
{
	struct end *end = context;
	char byte;

	end->calls++;
	end->events = events;
	if (end->read_one)
		assert_int_equal(read(end->watch.fd, &byte, 1), 1);
	if (end->remove_self || end->readd_self)
		loop_watch_remove(end->loop, &end->watch);
	if (end->readd_self)
		assert_int_equal(loop_watch_add(end->loop, &end->watch), 0);
	if (end->remove_victim)
		loop_watch_remove(end->loop, &end->victim->watch);
	if (end->quiet_victim)
		assert_int_equal(loop_watch_modify(end->loop, &end->victim->watch, 0), 0);
	if (end->stop)
		loop_stop(end->loop);
}

static void end_open(struct end *end, struct loop *loop, unsigned events)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	*end = (struct end){
		.loop = loop,
		.watch = {.fd = pair[0], .events = events, .ready = end_ready, .context = end},
		.peer = pair[1],
	};
	assert_int_equal(loop_watch_add(loop, &end->watch), 0);
}

static void end_close(struct end *end)
{
	loop_watch_remove(end->loop, &end->watch);
	close(end->watch.fd);
	if (end->peer >= 0)
		close(end->peer);
}

/* Passes that do not block until nothing more happens, at most `limit`; the number of callbacks. */
static int settle(struct loop *loop, int limit)
{
	int called = 0;

	for (int i = 0; i < limit; i++) {
		const int n = loop_run_once(loop, 0);

		assert_true(n >= 0);
		called += n;
	}
	return called;
}

static void readable_is_reported_in_every_pass_until_it_is_read(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), LOOP_READ);
	assert_int_equal(settle(end.loop, 3), 0);
	assert_int_equal(write(end.peer, "ab", 2), 2);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_READ);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	end.read_one = true;
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(settle(end.loop, 3), 0);
	assert_int_equal(end.calls, 4);
	end_close(&end);
}

static void writable_is_reported_until_the_buffer_is_full_and_again_when_it_has_room(void **state)
{
	static char block[65536];
	struct end end;
	ssize_t sent = 0, got = 0, n;

	end_open(&end, loop_of(state), LOOP_WRITE);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_WRITE);
	while ((n = write(end.watch.fd, block, sizeof(block))) > 0)
		sent += n;
	settle(end.loop, 1); /* an arming from before may have seen the room */
	assert_int_equal(settle(end.loop, 3), 0);
	while (got < sent && (n = read(end.peer, block, sizeof(block))) > 0)
		got += n;
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_WRITE);
	end_close(&end);
}

static void modify_changes_what_is_waited_for(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), LOOP_READ);
	assert_int_equal(write(end.peer, "a", 1), 1);
	assert_int_equal(loop_watch_modify(end.loop, &end.watch, LOOP_WRITE), 0);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_WRITE);
	assert_int_equal(loop_watch_modify(end.loop, &end.watch, 0), 0);
	assert_int_equal(settle(end.loop, 3), 0);
	assert_int_equal(loop_watch_modify(end.loop, &end.watch, LOOP_READ | LOOP_WRITE), 0);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_READ | LOOP_WRITE);
	end_close(&end);
}

static void a_callback_may_remove_its_own_watch(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), LOOP_READ);
	end.remove_self = true;
	assert_int_equal(write(end.peer, "a", 1), 1);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(settle(end.loop, 3), 0);
	end_close(&end);
}

static void a_callback_may_remove_and_add_its_own_watch(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), LOOP_READ);
	end.readd_self = true;
	assert_int_equal(write(end.peer, "a", 1), 1);
	for (int i = 1; i <= 3; i++) {
		while (loop_run_once(end.loop, LOOP_FOREVER) == 0)
			;
		assert_int_equal(end.calls, i);
	}
	end_close(&end);
}

static void a_watch_removed_by_another_callback_of_the_same_pass_is_not_called(void **state)
{
	struct end a, b;

	end_open(&a, loop_of(state), LOOP_READ);
	end_open(&b, loop_of(state), LOOP_READ);
	a.victim = &b;
	b.victim = &a;
	a.remove_victim = b.remove_victim = true;
	assert_int_equal(write(a.peer, "a", 1), 1);
	assert_int_equal(write(b.peer, "b", 1), 1);
	settle(a.loop, 3);
	assert_true((a.calls == 0) != (b.calls == 0));
	end_close(&a);
	end_close(&b);
}

static void a_watch_modified_by_another_callback_of_the_same_pass_gets_no_old_event(void **state)
{
	struct end a, b;

	end_open(&a, loop_of(state), LOOP_READ);
	end_open(&b, loop_of(state), LOOP_READ);
	a.victim = &b;
	b.victim = &a;
	a.quiet_victim = b.quiet_victim = true;
	assert_int_equal(write(a.peer, "a", 1), 1);
	assert_int_equal(write(b.peer, "b", 1), 1);
	settle(a.loop, 3);
	assert_true((a.calls == 0) != (b.calls == 0));
	end_close(&a);
	end_close(&b);
}

static void removing_lets_go_of_the_descriptor_before_the_loop_runs_again(void **state)
{
	struct end end;
	char byte;

	end_open(&end, loop_of(state), LOOP_READ);
	settle(end.loop, 1);
	loop_watch_remove(end.loop, &end.watch);
	close(end.watch.fd);
	assert_int_equal(read(end.peer, &byte, 1), 0);
	close(end.peer);
}

static void a_descriptor_number_used_again_does_not_get_the_old_events(void **state)
{
	struct end old, new;

	end_open(&old, loop_of(state), LOOP_READ);
	assert_int_equal(write(old.peer, "a", 1), 1);
	end_close(&old);
	end_open(&new, loop_of(state), LOOP_READ);
	assert_int_equal(new.watch.fd, old.watch.fd);
	assert_int_equal(settle(new.loop, 3), 0);
	assert_int_equal(write(new.peer, "a", 1), 1);
	while (loop_run_once(new.loop, LOOP_FOREVER) == 0)
		;
	assert_int_equal(old.calls, 0);
	assert_int_equal(new.calls, 1);
	end_close(&new);
}

static void the_same_descriptor_cannot_be_watched_twice(void **state)
{
	struct end end;
	struct loop_watch again;

	end_open(&end, loop_of(state), LOOP_READ);
	again = end.watch;
	again.backend = NULL;
	assert_int_equal(loop_watch_add(end.loop, &again), -EEXIST);
	end_close(&end);
}

static void a_closed_descriptor_is_refused(void **state)
{
	struct loop_watch watch = {.fd = eventfd(0, EFD_CLOEXEC), .events = LOOP_READ, .ready = end_ready};

	close(watch.fd);
	assert_int_equal(loop_watch_add(loop_of(state), &watch), -EBADF);
}

static void two_hundred_descriptors_are_each_reported_once_a_pass_at_most_and_none_starves(void **state)
{
	static struct end ends[MANY];

	for (int i = 0; i < MANY; i++)
		end_open(&ends[i], loop_of(state), LOOP_READ);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(write(ends[i].peer, "abc", 3), 3);
	for (int i = 0; i < MANY; i++)
		ends[i].read_one = true;
	assert_int_equal(settle(loop_of(state), 40), 3 * MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ends[i].calls, 3);
		end_close(&ends[i]);
	}
}

static void one_watch_more_than_the_limit_is_refused_and_its_place_can_be_had_again(void **state)
{
	static struct loop_watch watches[LOOP_WATCHES_MAX + 1];

	for (int i = 0; i <= LOOP_WATCHES_MAX; i++) {
		watches[i] =
			(struct loop_watch){.fd = eventfd(0, EFD_CLOEXEC), .events = LOOP_READ, .ready = end_ready};
		assert_int_equal(loop_watch_add(loop_of(state), &watches[i]), i < LOOP_WATCHES_MAX ? 0 : -ENOSPC);
	}
	loop_watch_remove(loop_of(state), &watches[7]);
	assert_int_equal(loop_watch_add(loop_of(state), &watches[LOOP_WATCHES_MAX]), 0);
	for (int i = 0; i <= LOOP_WATCHES_MAX; i++) {
		loop_watch_remove(loop_of(state), &watches[i]);
		close(watches[i].fd);
	}
}

static void a_hangup_is_reported_with_what_can_still_be_read(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), LOOP_READ);
	assert_int_equal(write(end.peer, "a", 1), 1);
	close(end.peer);
	end.peer = -1;
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_READ | LOOP_HANGUP);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	end_close(&end);
}

static void a_hangup_that_nobody_acts_on_is_reported_once(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), 0);
	close(end.peer);
	end.peer = -1;
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_HANGUP);
	assert_int_equal(settle(end.loop, 5), 0);
	assert_int_equal(loop_watch_modify(end.loop, &end.watch, LOOP_READ), 0);
	while (loop_run_once(end.loop, LOOP_FOREVER) == 0)
		;
	assert_int_equal(end.events, LOOP_READ | LOOP_HANGUP);
	end_close(&end);
}

static void a_peer_that_will_send_no_more_is_a_hangup(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), 0);
	assert_int_equal(shutdown(end.peer, SHUT_WR), 0);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_HANGUP);
	assert_int_equal(settle(end.loop, 5), 0);
	end_close(&end);
}

static void a_pipe_without_writer_is_a_hangup(void **state)
{
	struct end end = {.loop = loop_of(state)};
	int pair[2];

	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	end.watch = (struct loop_watch){.fd = pair[0], .events = LOOP_READ, .ready = end_ready, .context = &end};
	assert_int_equal(loop_watch_add(end.loop, &end.watch), 0);
	close(pair[1]);
	assert_int_equal(loop_run_once(end.loop, LOOP_FOREVER), 1);
	assert_int_equal(end.events, LOOP_HANGUP);
	assert_int_equal(settle(end.loop, 5), 0);
	end.peer = -1;
	end_close(&end);
}

struct tick {
	struct loop *loop;
	struct loop_timer timer;
	int fired;
	int *order;
	int turn;
};

static void tick_fire(void *context)
{
	struct tick *tick = context;

	tick->fired++;
	if (tick->order != NULL)
		tick->turn = (*tick->order)++;
}

static void timers_fire_in_order_of_deadline_and_not_early(void **state)
{
	static const uint64_t after_ns[] = {3000000, 1000000, 2000000, 1000000};
	static const int turn[] = {3, 0, 2, 1};
	const uint64_t start_ns = loop_now_ns();
	struct tick ticks[4];
	int order = 0;

	for (int i = 0; i < 4; i++) {
		ticks[i] = (struct tick){.timer = {.fire = tick_fire, .context = &ticks[i]}, .order = &order};
		loop_timer_set(loop_of(state), &ticks[i].timer, start_ns + after_ns[i]);
	}
	while (order < 4) {
		assert_true(loop_run_once(loop_of(state), LOOP_FOREVER) >= 0);
		for (int i = 0; i < 4; i++)
			assert_true(ticks[i].fired == 0 || loop_now_ns() >= start_ns + after_ns[i]);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(ticks[i].turn, turn[i]);
}

static void a_pass_ends_at_its_timeout_and_not_before(void **state)
{
	const uint64_t start_ns = loop_now_ns();

	assert_int_equal(loop_run_once(loop_of(state), SOON_NS), 0);
	assert_true(loop_now_ns() - start_ns >= SOON_NS);
}

struct hook {
	int asked;
	int woken;
	int refuse; /* this many times */
};

static bool hook_may_sleep(void *context)
{
	struct hook *hook = context;

	hook->asked++;
	return hook->refuse-- <= 0;
}

static void hook_woke(void *context)
{
	struct hook *hook = context;

	hook->woken++;
}

static void the_idle_hook_is_asked_before_sleep_and_told_of_waking(void **state)
{
	struct hook hook = {.refuse = 2};
	struct loop_idle idle = {.may_sleep = hook_may_sleep, .woke = hook_woke, .context = &hook};

	loop_idle_set(loop_of(state), &idle);
	assert_int_equal(loop_run_once(loop_of(state), LOOP_FOREVER), 0); /* returns: there was work */
	assert_int_equal(loop_run_once(loop_of(state), LOOP_FOREVER), 0);
	assert_int_equal(hook.woken, 0);
	assert_int_equal(loop_run_once(loop_of(state), 1000000), 0);
	assert_int_equal(hook.asked, 3);
	assert_int_equal(hook.woken, 1);
	assert_int_equal(loop_run_once(loop_of(state), 0), 0); /* never blocks: not asked */
	assert_int_equal(hook.asked, 3);
	loop_idle_set(loop_of(state), NULL);
	assert_int_equal(loop_run_once(loop_of(state), 1000000), 0);
	assert_int_equal(hook.asked, 3);
}

static void stop_from_a_callback_ends_run_after_the_pass(void **state)
{
	struct end end;

	end_open(&end, loop_of(state), LOOP_READ);
	end.stop = true;
	assert_int_equal(write(end.peer, "a", 1), 1);
	assert_int_equal(loop_run(end.loop), 0);
	assert_int_equal(end.calls, 1);
	assert_int_equal(loop_run(end.loop), 0);
	assert_int_equal(end.calls, 2);
	end_close(&end);
}

static void stop_before_run_is_not_lost(void **state)
{
	loop_stop(loop_of(state));
	assert_int_equal(loop_run(loop_of(state)), 0);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void a_signal_ends_a_pass_without_error(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm};

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	ualarm(10000, 10000);
	assert_int_equal(loop_run_once(loop_of(state), LOOP_FOREVER), 0);
	ualarm(0, 0);
}

static void an_idle_loop_uses_no_processor(void **state)
{
	struct end end;
	struct tick tick = {.timer = {.fire = tick_fire, .context = &tick}};
	int passes = 0;

	end_open(&end, loop_of(state), LOOP_READ);
	settle(end.loop, 2);
	loop_timer_set(end.loop, &tick.timer, loop_now_ns() + 5 * SOON_NS);
	for (; tick.fired == 0; passes++)
		assert_true(loop_run_once(end.loop, LOOP_FOREVER) >= 0);
	assert_true(passes <= 3);
	end_close(&end);
}

static void backend_name_is_the_one_asked_for(void **state)
{
	assert_string_equal(loop_backend_reason(loop_of(state)), "");
	assert_non_null(strstr("io_uring epoll", loop_backend_name(loop_of(state))));
}

static int open_uring(void **state)
{
	*state = loop_create(LOOP_URING);
	return *state == NULL ? -1 : 0;
}

static int open_epoll(void **state)
{
	*state = loop_create(LOOP_EPOLL);
	return *state == NULL ? -1 : 0;
}

static int close_loop(void **state)
{
	loop_destroy(*state);
	return 0;
}

#define BEHAVIOUR(open)                                                                                                \
	{                                                                                                              \
		EACH(readable_is_reported_in_every_pass_until_it_is_read, open),                                       \
			EACH(writable_is_reported_until_the_buffer_is_full_and_again_when_it_has_room, open),          \
			EACH(modify_changes_what_is_waited_for, open),                                                 \
			EACH(a_callback_may_remove_its_own_watch, open),                                               \
			EACH(a_callback_may_remove_and_add_its_own_watch, open),                                       \
			EACH(a_watch_removed_by_another_callback_of_the_same_pass_is_not_called, open),                \
			EACH(a_watch_modified_by_another_callback_of_the_same_pass_gets_no_old_event, open),           \
			EACH(removing_lets_go_of_the_descriptor_before_the_loop_runs_again, open),                     \
			EACH(a_descriptor_number_used_again_does_not_get_the_old_events, open),                        \
			EACH(the_same_descriptor_cannot_be_watched_twice, open),                                       \
			EACH(a_closed_descriptor_is_refused, open),                                                    \
			EACH(two_hundred_descriptors_are_each_reported_once_a_pass_at_most_and_none_starves, open),    \
			EACH(one_watch_more_than_the_limit_is_refused_and_its_place_can_be_had_again, open),           \
			EACH(a_hangup_is_reported_with_what_can_still_be_read, open),                                  \
			EACH(a_hangup_that_nobody_acts_on_is_reported_once, open),                                     \
			EACH(a_peer_that_will_send_no_more_is_a_hangup, open),                                         \
			EACH(a_pipe_without_writer_is_a_hangup, open),                                                 \
			EACH(timers_fire_in_order_of_deadline_and_not_early, open),                                    \
			EACH(a_pass_ends_at_its_timeout_and_not_before, open),                                         \
			EACH(the_idle_hook_is_asked_before_sleep_and_told_of_waking, open),                            \
			EACH(stop_from_a_callback_ends_run_after_the_pass, open),                                      \
			EACH(stop_before_run_is_not_lost, open), EACH(a_signal_ends_a_pass_without_error, open),       \
			EACH(an_idle_loop_uses_no_processor, open), EACH(backend_name_is_the_one_asked_for, open),     \
	}
#define EACH(test, open) cmocka_unit_test_setup_teardown(test, open, close_loop)

int main(void)
{
	const struct CMUnitTest on_epoll[] = BEHAVIOUR(open_epoll);
	const struct CMUnitTest on_uring[] = BEHAVIOUR(open_uring);
	int failed = cmocka_run_group_tests_name("epoll", on_epoll, NULL, NULL);
	struct loop *probe = loop_create(LOOP_URING);

	if (probe == NULL) {
		printf("io_uring is refused here (%s): only epoll was tested\n", strerror(errno));
		return failed != 0 ? 1 : 77;
	}
	loop_destroy(probe);
	failed += cmocka_run_group_tests_name("io_uring", on_uring, NULL, NULL);
	return failed != 0;
}
