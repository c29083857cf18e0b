/* Operations and targets, statement by statement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sql/sql_keywords.h"
#include "sql_fixture.h"

struct row {
	const char *query;
	const char *expected;
};

static void check(const struct row *rows, size_t count, enum sql_dialect dialect)
{
	for (size_t i = 0; i < count; i++) {
		const char *summary = summarised(dialect, rows[i].query, false);

		if (strcmp(summary, rows[i].expected) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].query, summary, rows[i].expected);
	}
}

#define CHECK(rows, dialect) check(rows, sizeof(rows) / sizeof((rows)[0]), dialect)

static void queries_are_operations_and_tables(void **state)
{
	static const struct row rows[] = {
		{"SELECT * FROM \"song list\", songs", "SELECT \"song list\" songs"},
		{"select 1", "select"},
		{"SELECT a FROM t WHERE b IN (SELECT c FROM u)", "SELECT t SELECT u"},
		{"SELECT a FROM t LEFT OUTER JOIN u USING (id), v", "SELECT t u v"},
		{"SELECT a FROM (t JOIN u ON t.a = u.a) JOIN v ON 1 = 1", "SELECT t u v"},
		{"SELECT a FROM (VALUES (1, 'x')) AS v (a)", "SELECT"},
		{"SELECT a FROM 'secret'", "SELECT"},
		{"SELECT EXTRACT(YEAR FROM b) FROM t", "SELECT t"},
		{"SELECT a FROM t WHERE b IS DISTINCT FROM c", "SELECT t"},
		{"SELECT a, b FROM t ORDER BY a, b", "SELECT t"},
		{"SELECT a FROM t FOR UPDATE", "SELECT t"},
		{"SELECT a FROM t UNION ALL SELECT b, c FROM u", "SELECT t SELECT u"},
		{"(SELECT a FROM t) UNION (SELECT b FROM u)", "SELECT t SELECT u"},
		{"SELECT a FROM ONLY t, LATERAL (SELECT 1) x, generate_series(1, 2)",
		 "SELECT t SELECT generate_series"},
		{"WITH x AS (SELECT a FROM t) SELECT b FROM x", "SELECT t SELECT x"},
		{"WITH x AS (DELETE FROM t RETURNING a) INSERT INTO u SELECT a FROM x", "DELETE t INSERT u SELECT x"},
		{"SELECT replace(a, 'x', 'y'), insert(a, 1, 2, 'b') FROM t", "SELECT t"},
		{"SELECT db.t.* FROM db.t AS t", "SELECT db.t"},
		{"SELECT a FROM \"s\".\"t\" x", "SELECT \"s\".\"t\""},
		{"EXPLAIN ANALYZE SELECT a FROM t", "EXPLAIN SELECT t"},
		{"EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET a = 1", "EXPLAIN UPDATE t"},
	};

	(void)state;
	CHECK(rows, SQL_POSTGRESQL);
}

static void changes_are_operations_and_tables(void **state)
{
	static const struct row rows[] = {
		{"INSERT INTO t (a, b) VALUES (1, 2), (3, 4) ON CONFLICT (a) DO UPDATE SET a = 1, b = 2", "INSERT t"},
		{"INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 1", "INSERT t"},
		{"INSERT IGNORE t SET a = 1, b = 2", "INSERT t"},
		{"REPLACE INTO t VALUES (1)", "REPLACE t"},
		{"UPDATE t SET a = 1, b = (SELECT c FROM u)", "UPDATE t SELECT u"},
		{"UPDATE t, u SET t.a = 1, u.b = 2", "UPDATE t u"},
		{"UPDATE t JOIN u ON t.a = u.a SET t.b = 1", "UPDATE t u"},
		{"UPDATE t SET a = u.a FROM u", "UPDATE t u"},
		{"DELETE FROM t USING u WHERE t.a = u.a", "DELETE t u"},
		{"DELETE a FROM t AS a JOIN u", "DELETE t u"},
		{"MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT (a) VALUES (1)", "MERGE t u"},
		{"TRUNCATE TABLE t, u", "TRUNCATE TABLE t u"},
		{"TRUNCATE t", "TRUNCATE t"},
		{"COPY t (a, b) FROM STDIN", "COPY t"},
		{"COPY (SELECT a FROM t) TO STDOUT", "COPY SELECT t"},
		{"CALL p(1, 'x')", "CALL p"},
		{"{call p}", "call p"},
	};

	(void)state;
	CHECK(rows, SQL_POSTGRESQL);
	CHECK(rows, SQL_MYSQL);
}

static void definitions_are_what_is_defined(void **state)
{
	static const struct row rows[] = {
		{"CREATE TABLE IF NOT EXISTS s.t (a int, b int)", "CREATE TABLE s.t"},
		{"CREATE TEMP TABLE t AS SELECT a FROM u", "CREATE TABLE t SELECT u"},
		{"CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX i"},
		{"CREATE OR REPLACE VIEW v AS SELECT a FROM t", "CREATE VIEW v SELECT t"},
		{"CREATE FUNCTION f(a int) RETURNS int AS 'SELECT 1 FROM secret' LANGUAGE sql", "CREATE FUNCTION f"},
		{"CREATE USER 'joe'@'host' IDENTIFIED BY 'secret'", "CREATE USER"},
		{"CREATE USER joe PASSWORD 'secret'", "CREATE USER joe"},
		{"ALTER TABLE t ADD a int, ADD b int", "ALTER TABLE t"},
		{"DROP TABLE IF EXISTS t, u", "DROP TABLE t u"},
		{"CREATE RULE r AS ON INSERT TO t DO ALSO DELETE FROM u", "CREATE"},
	};

	(void)state;
	CHECK(rows, SQL_POSTGRESQL);
	CHECK(rows, SQL_MYSQL);
}

static void other_statements_are_their_first_word(void **state)
{
	static const struct row rows[] = {
		{"BEGIN", "BEGIN"},
		{"  /* x */ commit;", "commit"},
		{"SET search_path TO secret", "SET"},
		{"SHOW TABLES FROM t", "SHOW"},
		{"GRANT SELECT ON t TO joe", "GRANT"},
		{"USE shop", "USE shop"},
		{"frobnicate secret", ""},
		{"secret", ""},
		{"'secret'", ""},
		{"", ""},
		{" ; ; ", ""},
		{"BEGIN; SELECT a FROM t; COMMIT", "BEGIN SELECT t COMMIT"},
	};

	(void)state;
	CHECK(rows, SQL_POSTGRESQL);
	CHECK(rows, SQL_MYSQL);
}

static void mysql_quotes_names_with_backticks_and_strings_with_both_others(void **state)
{
	static const struct row rows[] = {
		{"SELECT a FROM `song list`", "SELECT `song list`"},
		{"SELECT a FROM \"secret\"", "SELECT"},
		{"SELECT a FROM t STRAIGHT_JOIN u", "SELECT t u"},
	};

	(void)state;
	CHECK(rows, SQL_MYSQL);
}

static void a_name_that_is_cut_is_left_out(void **state)
{
	static const struct row rows[] = {
		{"SELECT a FROM us", "SELECT"},	  {"SELECT a FROM s.", "SELECT"},     {"SELECT a FROM s.us", "SELECT"},
		{"SELECT a FROM \"us", "SELECT"}, {"SELECT a FROM us ", "SELECT us"}, {"SEL", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(summarised(SQL_POSTGRESQL, rows[i].query, true), rows[i].expected);
}

static void a_batch_has_the_summary_that_its_statements_share(void **state)
{
	static const struct row rows[] = {
		{"SELECT a FROM t", "BATCH SELECT t"},
		{"SELECT a FROM t; SELECT b FROM t WHERE c = 1;", "BATCH SELECT t"},
		{"SELECT a FROM t; SELECT a FROM u", "BATCH"},
		{"SELECT a FROM t; frobnicate", "BATCH"},
		{"frobnicate", "BATCH"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sql_text text = {{rows[i].query, strlen(rows[i].query)}, SQL_MYSQL, false};

		assert_string_equal(summarised_slice(&text, true), rows[i].expected);
	}
}

static void a_long_summary_ends_behind_a_whole_target(void **state)
{
	char query[2048] = "SELECT a FROM t0000";
	size_t length = strlen(query);

	(void)state;
	for (int i = 1; i < 100; i++)
		length += (size_t)sprintf(query + length, ", t%04d", i);
	const char *summary = summarised(SQL_POSTGRESQL, query, false);

	assert_in_range(strlen(summary), SQL_SUMMARY_MAX - 6, SQL_SUMMARY_MAX);
	assert_string_equal(summary + strlen(summary) - 6, " t0040");
}

static void what_is_nested_too_deep_is_passed_over(void **state)
{
	char query[4096] = "SELECT a FROM ";
	size_t length = strlen(query);

	(void)state;
	for (int i = 0; i < 500; i++)
		query[length++] = '(';
	length += (size_t)sprintf(query + length, "SELECT b FROM deep");
	for (int i = 0; i < 500; i++)
		query[length++] = ')';
	sprintf(query + length, ", u");
	assert_string_equal(summarised(SQL_POSTGRESQL, query, false), "SELECT u");
}

static void keywords_are_found_in_any_case(void **state)
{
	(void)state;
	assert_int_equal(sql_keyword_of(SLICE_LITERAL("Alter")), SQL_DEFINE);
	assert_int_equal(sql_keyword_of(SLICE_LITERAL("xA")), SQL_STATEMENT);
	assert_int_equal(sql_keyword_of(SLICE_LITERAL("high_priority")), SQL_FILLER);
	assert_int_equal(sql_keyword_of(SLICE_LITERAL("selects")), SQL_NO_KEYWORD);
	assert_int_equal(sql_keyword_of(SLICE_LITERAL("a")), SQL_NO_KEYWORD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_operations_and_tables),
		cmocka_unit_test(changes_are_operations_and_tables),
		cmocka_unit_test(definitions_are_what_is_defined),
		cmocka_unit_test(other_statements_are_their_first_word),
		cmocka_unit_test(mysql_quotes_names_with_backticks_and_strings_with_both_others),
		cmocka_unit_test(a_name_that_is_cut_is_left_out),
		cmocka_unit_test(a_batch_has_the_summary_that_its_statements_share),
		cmocka_unit_test(a_long_summary_ends_behind_a_whole_target),
		cmocka_unit_test(what_is_nested_too_deep_is_passed_over),
		cmocka_unit_test(keywords_are_found_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
