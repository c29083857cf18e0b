/* What a receiver that attaches is told of, and what is kept from it. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "live_tables.h"

static struct live_tables tables;

static int setup(void **state)
{
	(void)state;
	live_tables_init(&tables, 100, 1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	live_tables_free(&tables);
	return 0;
}

static void add_process(uint32_t pid, uint64_t process_id, size_t string_bytes, bool ignored)
{
	_Alignas(8) static uint8_t bytes[SHM_RECORD_BYTES_MAX];
	struct shm_record_process *process = (struct shm_record_process *)bytes;

	memset(bytes, 'x', sizeof(bytes));
	*process = (struct shm_record_process){
		.header = {.length = (uint32_t)(sizeof(*process) + string_bytes), .type = SHM_RECORD_PROCESS},
		.process_id = process_id,
		.pid = pid,
	};
	(void)live_tables_process_add(&tables, process, ignored);
}

static void add_connection(uint64_t connection_id, uint64_t process_id, bool muted)
{
	const struct shm_record_connection connection = {
		.header = {.length = sizeof(connection), .type = SHM_RECORD_CONNECTION},
		.connection_id = connection_id,
		.process_id = process_id,
	};

	(void)live_tables_connection_add(&tables, &connection, muted);
}

static size_t processes_walked(uint64_t *last_process_id)
{
	const struct live_process *process;
	size_t at = 0, count = 0;

	while ((process = live_tables_next_process(&tables, &at)) != NULL) {
		*last_process_id = process->record.process_id;
		count++;
	}
	return count;
}

static size_t connections_walked(void)
{
	size_t at = 0, count = 0;

	while (live_tables_next_connection(&tables, &at) != NULL)
		count++;
	return count;
}

static void a_process_is_remembered_whole_until_it_ends(void **state)
{
	(void)state;
	add_process(10, 111, 24, false);
	const struct live_process *process = live_tables_process_find(&tables, 111);

	assert_non_null(process);
	assert_false(process->told);
	assert_int_equal(process->record.header.length, sizeof(process->record) + 24);
	assert_int_equal(((const char *)(&process->record + 1))[23], 'x');
	live_tables_process_remove(&tables, 111);
	assert_null(live_tables_process_find(&tables, 111));
	assert_int_equal(tables.process_bytes, 0);
}

static void execve_replaces_the_program_that_had_the_pid(void **state)
{
	(void)state;
	uint64_t process_id = 0;

	add_process(10, 111, 8, true);
	add_process(10, 112, 8, false);
	assert_int_equal(processes_walked(&process_id), 1);
	assert_int_equal(process_id, 112);
	assert_null(live_tables_process_find(&tables, 111));
	assert_false(live_tables_process_find(&tables, 112)->ignored);
	live_tables_process_remove(&tables, 111); /* a late end of the former */
	assert_int_equal(processes_walked(&process_id), 1);
}

static void a_connection_is_remembered_until_it_closes(void **state)
{
	(void)state;
	add_connection(1, 111, false);
	add_connection(1, 112, false); /* a new owner */
	const struct live_connection *connection = live_tables_connection_find(&tables, 1);

	assert_non_null(connection);
	assert_int_equal(connection->record.process_id, 112);
	assert_int_equal(connections_walked(), 1);
	live_tables_connection_remove(&tables, 1);
	assert_null(live_tables_connection_find(&tables, 1));
	live_tables_connection_remove(&tables, 1);
	assert_int_equal(connections_walked(), 0);
}

static void a_full_table_forgets_one_for_each_new_one_and_counts_it(void **state)
{
	(void)state;
	uint64_t process_id;

	for (uint64_t id = 1; id <= 1200; id++)
		add_connection(id, 111, id % 2 == 0);
	assert_int_equal(connections_walked(), 1000);
	assert_int_equal(tables.forgotten, 200);
	assert_non_null(live_tables_connection_find(&tables, 1200));
	assert_true(tables.muted_count <= 600 && tables.muted_count >= 400);
	for (uint32_t pid = 1; pid <= 130; pid++)
		add_process(pid, pid, 0, pid % 2 == 0);
	assert_int_equal(tables.forgotten, 230);
	assert_true(processes_walked(&process_id) <= 100);
	assert_true(tables.processes_by_id.count == tables.processes.count);
}

static void long_command_lines_cannot_take_more_than_their_share_of_memory(void **state)
{
	(void)state;
	live_tables_free(&tables);
	live_tables_init(&tables, 100000, 1000);
	for (uint32_t pid = 1; pid <= 4000; pid++)
		add_process(pid, pid, 8192, false);
	assert_true(tables.process_bytes <= LIVE_PROCESS_BYTES_MAX);
	assert_true(tables.forgotten > 1000);
}

static void muted_connections_are_told_apart(void **state)
{
	(void)state;
	assert_false(live_tables_is_muted(&tables, 5));
	add_connection(5, 1, true);
	add_connection(6, 1, true);
	add_connection(7, 2, false);
	assert_true(live_tables_is_muted(&tables, 5));
	assert_false(live_tables_is_muted(&tables, 7));
	assert_false(live_tables_is_muted(&tables, 8));
	live_tables_connection_set_muted(&tables, live_tables_connection_find(&tables, 5), false);
	assert_false(live_tables_is_muted(&tables, 5));
	assert_true(live_tables_is_muted(&tables, 6));
	add_connection(6, 2, false);
	assert_int_equal(tables.muted_count, 0);
	add_connection(6, 1, true);
	live_tables_connection_remove(&tables, 6);
	assert_int_equal(tables.muted_count, 0);
}

static void ten_thousand_connections_take_less_than_two_megabytes(void **state)
{
	(void)state;
	live_tables_free(&tables);
	live_tables_init(&tables, 100, 20000);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;

	for (uint64_t id = 0; id < 10000; id++)
		add_connection(id, 1, false);
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;

	print_message("%zu bytes\n", after - before);
	assert_true(after - before < 2 * 1024 * 1024);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_process_is_remembered_whole_until_it_ends),
		TEST(execve_replaces_the_program_that_had_the_pid),
		TEST(a_connection_is_remembered_until_it_closes),
		TEST(a_full_table_forgets_one_for_each_new_one_and_counts_it),
		TEST(long_command_lines_cannot_take_more_than_their_share_of_memory),
		TEST(muted_connections_are_told_apart),
		TEST(ten_thousand_connections_take_less_than_two_megabytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
