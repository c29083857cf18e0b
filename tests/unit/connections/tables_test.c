/* Processes and connections: whose exchange it is, bounds, eviction, and an allocator that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "connections/id_map.h"
#include "connections/process_table.h"
#include "counters.h"
#include "support/failing_alloc.h"
#include "support/random.h"
#include "support/record_feed.h"

#define GET "GET / HTTP/1.1\r\n\r\n"
#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static int set_up(void **state)
{
	memset(counters, 0, sizeof(counters));
	*state = feed_create();
	return 0;
}

static int tear_down(void **state)
{
	feed_destroy(*state);
	return 0;
}

static void exchange(struct feed *feed)
{
	feed_text(feed, FEED_RECEIVED, GET);
	feed_text(feed, FEED_SENT, OK_EMPTY);
}

static void an_exchange_names_its_process_even_if_that_was_announced_late_or_again(void **state)
{
	struct feed *feed = *state;

	feed_connection(feed, SHM_ROLE_SERVER, 0);
	exchange(feed);
	feed_process(feed, 1, "shop");
	exchange(feed);
	feed_process(feed, 1, "better name");
	exchange(feed);
	assert_string_equal(feed->log, "server GET / 1.1 200 0 0 message\n"
				       "server GET / 1.1 200 0 0 message service=shop\n"
				       "server GET / 1.1 200 0 0 message service=better name\n");
	assert_int_equal(connections_usage(feed->connections).processes, 1);
}

static void a_process_that_ended_stays_while_its_connection_does_and_then_lingers(void **state)
{
	struct feed *feed = *state;

	feed_process(feed, 1, "gone");
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, GET);
	feed_process_exit(feed, 1);
	connections_tick(feed->connections, feed->now_ns + 10 * PROCESS_LINGER_NS);
	feed_text(feed, FEED_SENT, OK_EMPTY);
	assert_string_equal(feed->log, "server GET / 1.1 200 0 0 message service=gone\n");
	feed_close(feed, SHM_CLOSE_NORMAL);
	connections_tick(feed->connections, feed->now_ns + PROCESS_LINGER_NS / 2);
	assert_int_equal(connections_usage(feed->connections).processes, 1);
	connections_tick(feed->connections, feed->now_ns + 2 * PROCESS_LINGER_NS);
	assert_int_equal(connections_usage(feed->connections).processes, 0);
}

static void a_full_process_table_forgets_those_that_nothing_refers_to(void **state)
{
	struct feed *feed = *state;

	feed_process(feed, 1, "referred to");
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	for (uint64_t id = 2; id <= 16; id++)
		feed_process(feed, id, "idle");
	feed_process_exit(feed, 9);
	for (uint64_t id = 100; id < 200; id++)
		feed_process(feed, id, "idle");
	exchange(feed);
	assert_string_equal(feed->log, "server GET / 1.1 200 0 0 message service=referred to\n");
	assert_int_equal(connections_usage(feed->connections).processes, 16);
	assert_int_equal(counters[COUNTER_PROCESS_TABLE_FULL], 100);
}

static void a_full_connection_table_gives_up_the_longest_idle_one_and_says_so(void **state)
{
	struct feed *feed = *state;
	enum { LIMIT = 64, BEYOND = 10 };

	for (int i = 0; i < LIMIT + BEYOND; i++) {
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		feed_text(feed, FEED_RECEIVED, GET);
	}
	assert_int_equal(connections_usage(feed->connections).connections, LIMIT);
	assert_int_equal(counters[COUNTER_CONNECTION_TABLE_FULL], BEYOND);
	assert_int_equal(feed->exchanges, BEYOND);
	assert_non_null(strstr(feed->log, "cut-by-shutdown"));
	feed->connection_id = 1;
	feed_text(feed, FEED_SENT, OK_EMPTY);
	assert_int_equal(counters[COUNTER_CONNECTION_UNKNOWN], 1);
	feed->connection_id = 1 + BEYOND;
	feed->offsets[FEED_SENT] = 0;
	feed_text(feed, FEED_SENT, OK_EMPTY);
	assert_int_equal(counters[COUNTER_EXCHANGES], 1);
}

static void ten_thousand_idle_http_connections_fit_into_a_few_megabytes(void **state)
{
	const struct connections_limits limits = {
		.connections_max = 10000, .processes_max = 1, .buffer_bytes_max = 3 << 20};
	struct feed *feed = feed_create_limited(&limits);

	(void)state;
	for (int i = 0; i < 10000; i++) {
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		exchange(feed);
	}
	assert_int_equal(counters[COUNTER_EXCHANGES], 10000);
	assert_int_equal(counters[COUNTER_STREAM_BUFFERS_FULL], 0);
	assert_int_equal(connections_usage(feed->connections).connections, 10000);
	feed_destroy(feed);
}

static void a_new_owner_takes_over_a_connection(void **state)
{
	struct feed *feed = *state;
	struct shm_record_connection fixed = {
		.header = {.type = SHM_RECORD_CONNECTION, .flags = SHM_CONNECTION_OWNER}, .process_id = 2};
	struct shm_record_view view = {.header = &fixed.header};

	feed_process(feed, 1, "parent");
	feed_process(feed, 2, "child");
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, GET);
	fixed.connection_id = feed->connection_id;
	view.connection.fixed = &fixed;
	connections_record(feed->connections, &view);
	feed_text(feed, FEED_SENT, OK_EMPTY);
	assert_string_equal(feed->log, "server GET / 1.1 200 0 0 message service=child\n");
}

static void ids_are_found_whatever_was_added_and_removed(void **state)
{
	enum { IDS = 500 };
	struct id_map map;
	bool present[IDS] = {false};
	struct random r = {1};

	(void)state;
	assert_int_equal(id_map_init(&map, IDS), 0);
	for (int i = 0; i < 100000; i++) {
		uint32_t id = random_below(&r, IDS);

		if (present[id])
			id_map_remove(&map, (uint64_t)id << 40);
		else
			id_map_add(&map, (uint64_t)id << 40, id);
		present[id] = !present[id];
		uint32_t other = random_below(&r, IDS);

		assert_int_equal(id_map_find(&map, (uint64_t)other << 40), present[other] ? other : ID_MAP_NONE);
	}
	id_map_free(&map);
}

static void a_busy_minute(struct feed *feed)
{
	for (uint64_t id = 1; id <= 4; id++)
		feed_process(feed, id, "s");
	for (int i = 0; i < 3; i++) {
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		feed_text(feed, FEED_RECEIVED, "GET /1 HTTP/1.1\r\nHo");
		feed_text(feed, FEED_RECEIVED, "st: x\r\n\r\n" GET);
		feed_text(feed, FEED_SENT, "HTTP/1.1 200 OK\r\nCont");
		feed_text(feed, FEED_SENT, "ent-Length: 0\r\n\r\n" OK_EMPTY);
		feed_at(feed, FEED_SENT, feed->offsets[FEED_SENT] + 3, "x", 1);
		feed_text(feed, FEED_RECEIVED, GET);
	}
	connections_tick(feed->connections, feed->now_ns + UINT64_C(1000000000));
	feed_close(feed, SHM_CLOSE_NORMAL);
}

static void any_allocation_may_fail_and_what_it_costs_is_counted(void **state)
{
	const struct connections_limits limits = {
		.connections_max = 8, .processes_max = 8, .buffer_bytes_max = 1 << 20};

	(void)state;
	for (int for_good = 0; for_good < 2; for_good++) {
		for (uint64_t n = 0;; n++) {
			struct feed *feed = feed_create_limited(&limits);

			memset(counters, 0, sizeof(counters));
			failing_alloc_arm(n, for_good);
			a_busy_minute(feed);
			bool fired = failing_alloc_fired();

			failing_alloc_disarm();
			connections_shutdown(feed->connections);
			assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
			if (fired)
				assert_int_not_equal(counters[COUNTER_STREAM_BUFFERS_FULL] +
							     counters[COUNTER_PROCESS_TABLE_FULL],
						     0);
			feed_destroy(feed);
			if (!fired)
				break;
		}
	}
}

static void without_memory_nothing_is_created(void **state)
{
	const struct exchange_sink sink = {0};

	(void)state;
	for (uint64_t n = 0;; n++) {
		failing_alloc_arm(n, false);
		struct connections *connections = connections_create(&CONNECTIONS_LIMITS_DEFAULT, &sink);

		failing_alloc_disarm();
		if (!failing_alloc_fired()) {
			connections_destroy(connections);
			break;
		}
		assert_null(connections);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_exchange_names_its_process_even_if_that_was_announced_late_or_again),
		TEST(a_process_that_ended_stays_while_its_connection_does_and_then_lingers),
		TEST(a_full_process_table_forgets_those_that_nothing_refers_to),
		TEST(a_full_connection_table_gives_up_the_longest_idle_one_and_says_so),
		TEST(ten_thousand_idle_http_connections_fit_into_a_few_megabytes),
		TEST(a_new_owner_takes_over_a_connection),
		TEST(ids_are_found_whatever_was_added_and_removed),
		TEST(any_allocation_may_fail_and_what_it_costs_is_counted),
		TEST(without_memory_nothing_is_created),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
