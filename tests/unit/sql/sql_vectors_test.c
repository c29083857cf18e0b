/* The cases that the semantic conventions give for sanitising and summarising SQL (1.44.0,
 * docs/non-normative/database-test-cases/db-sql-test-cases.json, Apache-2.0): all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql_fixture.h"

static const struct {
	const char *name;
	const char *query;
	const char *texts[2]; /* any of them */
	const char *summary;
} vectors[] = {
	{"numeric_literal_integers", "SELECT 12, -12, +12", {"SELECT ?, ?, ?"}, "SELECT"},
	{"numeric_literal_with_decimal_point",
	 "SELECT 12.34, -12.34, +12.34, .01, -.01",
	 {"SELECT ?, ?, ?, ?, ?"},
	 "SELECT"},
	{"numeric_literal_exponential", "SELECT 12.34e56, -12.34e56, +12.34e56", {"SELECT ?, ?, ?"}, "SELECT"},
	{"numeric_literal_negative_exponential",
	 "SELECT 12.34e-56, -12.34e-56, +12.34e-56",
	 {"SELECT ?, ?, ?"},
	 "SELECT"},
	{"arithmetic_on_numeric_literals", "SELECT 99+100", {"SELECT ??"}, "SELECT"},
	{"hex_literal", "SELECT 0xDEADBEEF, 0XdeadBEEF", {"SELECT ?, ?"}, "SELECT"},
	{"string_literal", "SELECT 'hello'", {"SELECT ?"}, "SELECT"},
	{"string_literal_escaped_single_quote", "SELECT 'My name''s not important'", {"SELECT ?"}, "SELECT"},
	{"string_with_embedded_newline", "SELECT 'My name is \n not important'", {"SELECT ?"}, "SELECT"},
	{"numbers_in_identifiers",
	 "SELECT c3po, r2d2 FROM covid19 WHERE n1h1=1234",
	 {"SELECT c3po, r2d2 FROM covid19 WHERE n1h1=?"},
	 "SELECT covid19"},
	{"periods_in_identifiers",
	 "SELECT a FROM dbo.Table JOIN dbo.AnotherTable",
	 {"SELECT a FROM dbo.Table JOIN dbo.AnotherTable"},
	 "SELECT dbo.Table dbo.AnotherTable"},
	{"insert_into",
	 "INSERT INTO X VALUES(1, 23456, 123.456, 99+100)",
	 {"INSERT INTO X VALUES(?, ?, ?, ?"
	  "?)"},
	 "INSERT X"},
	{"uuid", "SELECT { guid '01234567-89ab-cdef-0123-456789abcdef' }", {"SELECT { guid ? }"}, "SELECT"},
	{"in_clause",
	 "SELECT * FROM table WHERE value IN (123, 456, 'abc')",
	 {"SELECT * FROM table WHERE value IN (?)", "SELECT * FROM table WHERE value IN (?, ?, ?)"},
	 "SELECT table"},
	{"comments",
	 "SELECT column -- end of line comment\nFROM /* block \n comment */ table",
	 {"SELECT column \nFROM  table"},
	 "SELECT table"},
	{"insert_into_select",
	 "INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  "
	 "order_id = 1",
	 {"INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  "
	  "order_id = ?"},
	 "INSERT shipping_details SELECT orders"},
	{"select_nested_query",
	 "SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
	 {"SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)"},
	 "SELECT SELECT orders customers"},
	{"select_nested_query_case_preserved",
	 "SELEcT order_date\nFROM   (sELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
	 {"SELEcT order_date\nFROM   (sELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)"},
	 "SELEcT sELECT orders customers"},
	{"case_preserved", "SELEcT order_date\nFROM ORders", {"SELEcT order_date\nFROM ORders"}, "SELEcT ORders"},
	{"cross_join",
	 "SELECT * FROM Orders o CROSS JOIN OrderDetails od",
	 {"SELECT * FROM Orders o CROSS JOIN OrderDetails od"},
	 "SELECT Orders OrderDetails"},
	{"cross_join_comma_separated_syntax",
	 "SELECT * FROM Orders o, OrderDetails od",
	 {"SELECT * FROM Orders o, OrderDetails od"},
	 "SELECT Orders OrderDetails"},
	{"create_table",
	 "CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(1,1) PRIMARY KEY\n)",
	 {"CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(?,?) PRIMARY KEY\n)"},
	 "CREATE TABLE MyTable"},
	{"alter_table",
	 "ALTER  TABLE MyTable ADD Name varchar(255)",
	 {"ALTER  TABLE MyTable ADD Name varchar(?)"},
	 "ALTER TABLE MyTable"},
	{"drop_table", "DROP  TABLE MyTable", {"DROP  TABLE MyTable"}, "DROP TABLE MyTable"},
};

_Static_assert(sizeof(vectors) / sizeof(vectors[0]) == 24, "all of them");

static void every_text_is_one_of_those_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *text = sanitised(SQL_STANDARD, vectors[i].query, false);

		if (strcmp(text, vectors[i].texts[0]) != 0 &&
		    (vectors[i].texts[1] == NULL || strcmp(text, vectors[i].texts[1]) != 0))
			fail_msg("%s: \"%s\"", vectors[i].name, text);
	}
}

static void every_summary_is_the_one_given(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *summary = summarised(SQL_STANDARD, vectors[i].query, false);

		if (strcmp(summary, vectors[i].summary) != 0)
			fail_msg("%s: \"%s\"", vectors[i].name, summary);
	}
}

/* The dialects differ in nothing that these cases hold. */
static void every_dialect_passes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		for (enum sql_dialect dialect = SQL_POSTGRESQL; dialect <= SQL_MYSQL; dialect++) {
			const char *expected = strdup(sanitised(SQL_STANDARD, vectors[i].query, false));

			assert_string_equal(sanitised(dialect, vectors[i].query, false), expected);
			assert_string_equal(summarised(dialect, vectors[i].query, false), vectors[i].summary);
			free((void *)expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_text_is_one_of_those_allowed),
		cmocka_unit_test(every_summary_is_the_one_given),
		cmocka_unit_test(every_dialect_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
