/* What leaves of a statement: by dialect, for texts that are cut, and for every statement that a grammar makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sql_fixture.h"

#define ANY SQL_STANDARD
#define PG SQL_POSTGRESQL
#define MY SQL_MYSQL

struct row {
	enum sql_dialect dialect;
	const char *query;
	const char *expected;
};

static void check(const struct row *rows, size_t count, bool cut)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = sanitised(rows[i].dialect, rows[i].query, cut);

		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].query, text, rows[i].expected);
	}
}

#define CHECK(rows, cut) check(rows, sizeof(rows) / sizeof((rows)[0]), cut)

static void literals_of_every_kind_are_replaced(void **state)
{
	static const struct row rows[] = {
		{ANY, "a = 'x' AND b = ''", "a = ? AND b = ?"},
		{ANY, "x'1F' X'1F' b'01' B'01' n'x' N'x'", "? ? ? ? ? ?"},
		{ANY, "0x1F 0b01 0o17 1_000 1e5 1.e-5 .5e+3 12abc", "? ? ? ? ? ? ? ?"},
		{ANY, "a = TRUE OR b = false", "a = ? OR b = ?"},
		{ANY, "truer falsest is_true", "truer falsest is_true"},
		{ANY, "DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00'", "DATE ?, TIMESTAMP ?"},
		{ANY, "INTERVAL '1 day' INTERVAL 1 DAY", "INTERVAL ? INTERVAL ? DAY"},
		{ANY, "NULL", "NULL"},
		{ANY, "a-1 a - 1 a->1", "a? a - ? a->?"},
		{ANY, "\"name\"\"d\" `name``d`", "\"name\"\"d\" `name``d`"},
		{PG, "$$secret$$ $a$it's $$ secret$a$", "? ?"},
		{PG, "$1 + $23", "$1 + $23"},
		{PG, "a$b$ = 1", "a$b$ = ?"},
		{PG, "E'it\\'s' e'\\\\' U&'\\0041'", "? ? ?"},
		{PG, "'a\\b' = x", "? = x"},
		{PG, "data->>'key' ? 'x'", "data->>? ? ?"},
		{PG, "ARRAY[1,2] a[1]", "ARRAY[?,?] a[?]"},
		{PG, "1::int", "?::int"},
		{MY, "'it\\'s', \"it\\\"s\", 'a''b', \"a\"\"b\"", "?, ?, ?, ?"},
		{MY, "_utf8mb4'x' @v := 5", "_utf8mb4? @v := ?"},
		{MY, "5--1", "?-?"},
		{MY, "`we'ird` = 'x'", "`we'ird` = ?"},
		{MY, "a = ?", "a = ?"},
	};

	(void)state;
	CHECK(rows, false);
}

static void comments_go(void **state)
{
	static const struct row rows[] = {
		{ANY, "a /* secret */ b -- secret\nc", "a  b \nc"},
		{ANY, "a -- secret", "a "},
		{ANY, "a /*/ secret */ b", "a  b"},
		{ANY, "a /* /* */ b", "a  b"},
		{PG, "a /* /* secret */ secret */ b", "a  b"},
		{PG, "a # b", "a # b"},
		{MY, "a # secret\nb", "a \nb"},
		{MY, "a -- secret\nb", "a \nb"},
		{MY, "a --\nb", "a \nb"},
		{MY, "/*!40101 SET @x='secret' */ a", " a"},
		{ANY, "a /* secret", "a "},
		{ANY, "'-- no comment' b", "? b"},
		{ANY, "/* 'a */ 'b'", " ?"},
	};

	(void)state;
	CHECK(rows, false);
}

static void in_lists_of_literals_become_one(void **state)
{
	static const struct row rows[] = {
		{ANY, "a IN (1,2 , 3)", "a IN (?)"},
		{ANY, "a in ( 'x' )", "a in ( ?)"},
		{ANY, "a NOT IN(-1, -2)", "a NOT IN(?)"},
		{ANY, "a IN (1, b, 2)", "a IN (?, b, ?)"},
		{ANY, "a IN (1,b,2)", "a IN (?,b,?)"},
		{ANY, "a IN (1, 2, )", "a IN (?, )"},
		{ANY, "a IN (1, ?, 2)", "a IN (?, ?, ?)"},
		{ANY, "a IN (SELECT 1, 2)", "a IN (SELECT ?, ?)"},
		{ANY, "(a, b) IN ((1, 2), (3, 4))", "(a, b) IN ((?, ?), (?, ?))"},
		{ANY, "a IN (1 /* x */, 2)", "a IN (?)"},
		{ANY, "VALUES (1, 2)", "VALUES (?, ?)"},
		{ANY, "a IN (1", "a IN (?"},
	};

	(void)state;
	CHECK(rows, false);
}

static void a_text_that_is_cut_shows_nothing_of_what_is_not_finished(void **state)
{
	static const struct row rows[] = {
		{ANY, "a = 'sec", "a = ?"},
		{ANY, "a = 'sec''", "a = ?"},
		{ANY, "a = fals", "a = "},
		{ANY, "a = b", "a = "},
		{ANY, "a = b ", "a = b "},
		{ANY, "\"na", ""},
		{ANY, "a /* sec", "a "},
		{ANY, "a = 12", "a = ?"},
		{PG, "a = $", "a = ?"},
		{PG, "a = $ta", "a = ?"},
		{PG, "a = $ta$sec", "a = ?"},
		{PG, "a = $ta$sec$t", "a = ?"},
		{PG, "a = E'sec\\", "a = ?"},
		{PG, "a = E", "a = "},
		{MY, "a = \"sec", "a = ?"},
		{MY, "a = 'sec\\", "a = ?"},
		{MY, "a = 'it\\'s', sec", "a = ?"},
	};

	(void)state;
	CHECK(rows, true);
}

/* standard_conforming_strings off, NO_BACKSLASH_ESCAPES, GBK: the text does not show them. */
static void where_the_end_of_a_string_is_uncertain_nothing_behind_it_is_shown(void **state)
{
	static const struct row rows[] = {
		{PG, "a = 'it\\'s secret' AND b", "a = ?"},
		{PG, "a = 'C:\\' AND b = 'secret'", "a = ?"},
		{MY, "a = '\xbf\\', secret'", "a = ?"},
		{MY, "a = 'C:\\', b = 'secret'", "-"},
		{MY, "a = 'C:\\', b = 'secret', c = 'D:\\'", "-"},
		{MY, "a = 'C:\\', b = 'secret', c = 'D:\\', d = ''", "-"},
		{MY, "a = 'it\\'s', b = 'don\\'t'", "a = ?, b = ?"},
		{MY, "a = \"secret", "-"},
		{ANY, "\"secret", "-"},
	};

	(void)state;
	CHECK(rows, false);
}

static const char *without_comments(enum sql_dialect dialect, const char *query, bool cut)
{
	static struct collected out;
	const struct sql_sink sink = {collect, &out};
	const struct sql_text text = {{query, strlen(query)}, dialect, cut};

	out.length = 0;
	assert_true(sql_drop_comments(&text, &sink));
	out.text[out.length] = '\0';
	return out.text;
}

static void parameterised_text_keeps_its_literals_but_an_unfinished_one(void **state)
{
	(void)state;
	assert_string_equal(without_comments(PG, "a = $1 /* x */ AND b IN (1, 'x') LIMIT 5", false),
			    "a = $1  AND b IN (1, 'x') LIMIT 5");
	assert_string_equal(without_comments(PG, "a = $1 AND b = 'sec", true), "a = $1 AND b = ?");
	assert_string_equal(without_comments(PG, "a = $1 AND b = '\\' sec", true), "a = $1 AND b = ?");
}

static void a_placeholder_is_a_place_for_a_value(void **state)
{
	static const struct {
		enum sql_dialect dialect;
		const char *query;
		bool expected;
	} rows[] = {
		{PG, "a = $1", true},	{PG, "a = '$1'", false},   {PG, "a = 1 /* $1 */", false},
		{PG, "a ? 'b'", false}, {PG, "$a$ $1 $a$", false}, {MY, "a = ?", true},
		{MY, "a = '?'", false}, {MY, "a = \"?\"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sql_text text = {{rows[i].query, strlen(rows[i].query)}, rows[i].dialect, false};

		if (sql_has_placeholder(&text) != rows[i].expected)
			fail_msg("%s", rows[i].query);
	}
}

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void a_comment_at_the_end_may_carry_traceparent(void **state)
{
	static const struct {
		const char *query;
		bool expected;
	} rows[] = {
		{"SELECT 1 /*traceparent='" PARENT "'*/", true},
		{"SELECT 1 /*a='b',traceparent='" PARENT "',tracestate='x'*/; ", true},
		{"SELECT 1 /*traceparent='" PARENT "'*/ FROM t", false},
		{"SELECT '/*traceparent=''" PARENT "''*/'", false},
		{"SELECT 1 /*traceparent='00-*/", false},
		{"traceparent='" PARENT "'*/", true}, /* the comment began before the text: nobody sends that */
		{"*/", false},
		{"/", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice found = sql_traceparent((struct slice){rows[i].query, strlen(rows[i].query)});

		if (slice_equal(found, SLICE_LITERAL(PARENT)) != rows[i].expected)
			fail_msg("%s: %.*s", rows[i].query, (int)found.length, found.bytes);
	}
}

/* --- property ----------------------------------------------------------------------------------------------------- */

/* A literal's content is of letters that nothing else in these statements has; so is a comment's. */
static const char marks[] = "QJZ79qjz";

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % limit;
}

/* %s: marked content. What each dialect takes for a literal or a comment. */
static const char *const marked_of_all[] = {"'%s'",
					    "'%s''%s'",
					    "79",
					    "-7.9e-79",
					    "0x79",
					    "X'%s'",
					    "'%s\n%s'",
					    "/* %s */",
					    "/* '%s */",
					    "-- %s\n",
					    "'%s \xc3\xa9 %s'",
					    "('%s', 79, '%s')"};
static const char *const marked_of_postgresql[] = {"E'%s\\'%s'",	   "$$%s'%s$$",	   "$a$%s$$%s$a$", "E'%s\\\\'",
						   "/* %s /* %s */ %s */", "U&'%s\\0041'", "'%s\\' %s'"};
static const char *const marked_of_mysql[] = {"\"%s\"",	  "'%s\\'%s'", "\"%s\\\"%s'\"", "# %s\n",
					      "'%s\\\\'", "n'%s'",     "/*! %s */"};
static const char *const plain[] = {"SELECT", "a.b", ",",     "FROM",	  "t_1",	 "WHERE",  "=",
				    "IN (",   ")",   "(",     "AND",	  "INSERT INTO", "VALUES", "UPDATE",
				    "SET",    ";",   "LIMIT", "ORDER BY", "->>",	 "[",	   "]"};

#define PICK(table) (table)[random_below(sizeof(table) / sizeof((table)[0]))]

static size_t append_marked(char *out, enum sql_dialect dialect)
{
	const char *form = PICK(marked_of_all);
	char content[4][8];

	if (random_below(2) == 0)
		form = dialect == PG ? PICK(marked_of_postgresql) : PICK(marked_of_mysql);
	for (int i = 0; i < 4; i++) {
		size_t length = 1 + random_below(6);

		for (size_t j = 0; j < length; j++)
			content[i][j] = marks[random_below(sizeof(marks) - 1)];
		content[i][length] = '\0';
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return (size_t)sprintf(out, form, content[0], content[1], content[2]);
#pragma GCC diagnostic pop
}

static size_t make_statement(char *out, enum sql_dialect dialect)
{
	size_t length = 0;

	for (uint32_t parts = 3 + random_below(10); parts > 0; parts--) {
		if (random_below(2) == 0)
			length += append_marked(out + length, dialect);
		else
			length += (size_t)sprintf(out + length, "%s", PICK(plain));
		out[length++] = ' ';
	}
	return length;
}

static void expect_no_mark(const char *kind, const char *query, size_t length, const char *text)
{
	if (strpbrk(text, marks) != NULL)
		fail_msg("%s of %.*s: %s", kind, (int)length, query, text);
}

static void no_byte_of_a_literal_or_comment_leaves_whatever_the_statement_and_the_cut(void **state)
{
	char query[2048];

	(void)state;
	for (int round = 0; round < 4000; round++) {
		enum sql_dialect dialect = round % 2 == 0 ? PG : MY;
		size_t length = make_statement(query, dialect);

		for (size_t cut = 0; cut <= length; cut++) {
			/* a block of its own, so that a sanitizer sees a byte too many read */
			char *prefix = malloc(cut > 0 ? cut : 1);

			memcpy(prefix, query, cut);
			for (int is_cut = 0; is_cut < 2; is_cut++) {
				const struct sql_text text = {{prefix, cut}, dialect, is_cut != 0};

				expect_no_mark("text", query, cut, sanitised_slice(&text));
				expect_no_mark("summary", query, cut, summarised_slice(&text, false));
				expect_no_mark("batch", query, cut, summarised_slice(&text, true));
			}
			free(prefix);
		}
	}
}

/* Statements of a server with NO_BACKSLASH_ESCAPES, which the reader does not know: strings that end in a backslash. */
static void no_byte_of_a_literal_leaves_a_server_without_escapes(void **state)
{
	static const char *const forms[] = {"'QJZ\\'", "'QJZ'", "'Q\\J'", "''",	    "\"'Q\"",	  "'\"Q'",
					    "\"QJZ\"", "a",	", ",	  "FROM t", " WHERE b = "};
	char query[512];

	(void)state;
	for (int round = 0; round < 200000; round++) {
		size_t length = (size_t)sprintf(query, "SELECT ");

		for (uint32_t parts = 1 + random_below(9); parts > 0; parts--)
			length += (size_t)sprintf(query + length, "%s ", PICK(forms));
		for (int is_cut = 0; is_cut < 2; is_cut++) {
			const struct sql_text text = {{query, length}, MY, is_cut != 0};

			expect_no_mark("text", query, length, sanitised_slice(&text));
			expect_no_mark("summary", query, length, summarised_slice(&text, false));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_of_every_kind_are_replaced),
		cmocka_unit_test(comments_go),
		cmocka_unit_test(in_lists_of_literals_become_one),
		cmocka_unit_test(a_text_that_is_cut_shows_nothing_of_what_is_not_finished),
		cmocka_unit_test(where_the_end_of_a_string_is_uncertain_nothing_behind_it_is_shown),
		cmocka_unit_test(parameterised_text_keeps_its_literals_but_an_unfinished_one),
		cmocka_unit_test(a_placeholder_is_a_place_for_a_value),
		cmocka_unit_test(a_comment_at_the_end_may_carry_traceparent),
		cmocka_unit_test(no_byte_of_a_literal_or_comment_leaves_whatever_the_statement_and_the_cut),
		cmocka_unit_test(no_byte_of_a_literal_leaves_a_server_without_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
