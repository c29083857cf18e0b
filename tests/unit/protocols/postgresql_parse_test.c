/* PostgreSQL's messages: every message on every prefix, fields, recognition. All input touches a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocols/postgresql/postgresql.h"
#include "support/guarded.h"
#include "support/postgresql_talk.h"

static struct postgresql_talk talk;

/* The first `length` bytes of the messages; all of them with SIZE_MAX. */
static struct slice said(bool client, const char *lines, size_t length)
{
	talk.length = 0;
	postgresql_talk_add(&talk, client, lines);
	return guarded(talk.bytes, length < talk.length ? length : talk.length);
}

static const char *const client_messages[] = {
	"Q SELECT 1", "P s SELECT $1", "P - ", "B p s 3", "B - - 0", "D S s", "D P -", "C S s", "E p 5", "E - 0", "H",
	"S",
	"X", "F 12", "f reason", "c",
};

static const char *const server_messages[] = {
	"Z I", "Z T", "Z E", "T 3", "T 0", "D 3", "D 0", "C SELECT 1", "E 42601", "N 00000", "S a=b", "A channel",
	"t 2",
	"G 1", "H 0", "W 0", "I", "1", "2", "3", "n", "s", "c",
};

static void check_every_prefix(bool client, const char *line)
{
	enum sender from = client ? FROM_CLIENT : FROM_SERVER;
	struct postgresql_message message;
	struct slice whole = said(client, line, SIZE_MAX);

	for (size_t length = 0; length <= whole.length; length++) {
		struct slice bytes = said(client, line, length);
		enum postgresql_parse parse = postgresql_message_read(from, bytes, true, &message);

		assert_int_not_equal(parse, POSTGRESQL_MALFORMED);
		if (length < POSTGRESQL_HEAD_BYTES) {
			assert_int_equal(parse, POSTGRESQL_MORE);
			continue;
		}
		assert_int_equal(postgresql_message_read(from, bytes, false, &message), POSTGRESQL_PARSED);
		assert_int_equal(message.bytes, whole.length);
		assert_int_equal(message.type, line[0]);
		assert_int_equal(postgresql_message_is_whole(&message), length == whole.length);
		bool valid = postgresql_body_is_valid(from, message.type, message.body);

		if (valid != (length == whole.length))
			fail_msg("%s: the first %zu bytes are %svalid", line, length, valid ? "" : "not ");
		postgresql_body_may_be_valid(from, message.type, message.body);
		postgresql_sqlstate(message.body);
		postgresql_bind_has_parameters(message.body);
		assert_int_equal(postgresql_find(from, bytes, true),
				 length < whole.length ? MATCH_MORE : client ? MATCH_FROM_CLIENT : MATCH_FROM_SERVER);
		postgresql_find(from, bytes, false);
	}
}

static void every_message_is_valid_as_a_whole_and_in_no_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(client_messages) / sizeof(client_messages[0]); i++)
		check_every_prefix(true, client_messages[i]);
	for (size_t i = 0; i < sizeof(server_messages) / sizeof(server_messages[0]); i++)
		check_every_prefix(false, server_messages[i]);
}

static void a_body_with_a_byte_more_is_not_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(server_messages) / sizeof(server_messages[0]); i++) {
		struct slice whole = said(false, server_messages[i], SIZE_MAX);
		size_t length = whole.length - POSTGRESQL_HEAD_BYTES;
		char body[256];

		memcpy(body, whole.bytes + POSTGRESQL_HEAD_BYTES, length);
		body[length] = '\0';
		assert_false(postgresql_body_is_valid(FROM_SERVER, server_messages[i][0], guarded(body, length + 1)));
	}
}

static void heads_that_no_message_has_are_malformed(void **state)
{
	static const struct {
		enum sender from;
		char bytes[POSTGRESQL_HEAD_BYTES];
	} heads[] = {
		{FROM_CLIENT, {'Q', 0, 0, 0, 3}},      {FROM_CLIENT, {'Q', 0x40, 0, 0, 0}},
		{FROM_CLIENT, {'Z', 0, 0, 0, 5}},
		{FROM_CLIENT, {0, 0, 0, 0, 5}},	       {FROM_CLIENT, {-1, 0, 0, 0, 5}},	    {FROM_SERVER,
											     {'Q', 0, 0, 0, 9}},
		{FROM_SERVER, {'D', -1, -1, -1, -1}},
	};
	struct postgresql_message message;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_int_equal(postgresql_message_read(heads[i].from, guarded(heads[i].bytes, 5), true, &message),
				 POSTGRESQL_MALFORMED);
}

static void start_up_packets_are_read_on_every_prefix(void **state)
{
	static const struct {
		const char *line, *database;
		enum postgresql_startup_kind kind;
		bool replication;
	} packets[] = {
		{"startup user u database d", "d", POSTGRESQL_STARTUP, false},
		{"startup application_name psql user u", "u", POSTGRESQL_STARTUP, false},
		{"startup user u replication true", "u", POSTGRESQL_STARTUP, true},
		{"startup user u replication off", "u", POSTGRESQL_STARTUP, false},
		{"ssl", "", POSTGRESQL_ENCRYPTION_REQUEST, false},
		{"gss", "", POSTGRESQL_ENCRYPTION_REQUEST, false},
		{"cancel", "", POSTGRESQL_CANCEL_REQUEST, false},
	};
	struct postgresql_startup startup;

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		size_t whole = said(true, packets[i].line, SIZE_MAX).length;

		for (size_t length = 0; length < whole && packets[i].kind == POSTGRESQL_STARTUP; length++)
			assert_int_equal(postgresql_startup_read(said(true, packets[i].line, length), &startup),
					 POSTGRESQL_MORE);
		assert_int_equal(postgresql_startup_read(said(true, packets[i].line, SIZE_MAX), &startup),
				 POSTGRESQL_PARSED);
		assert_int_equal(startup.kind, packets[i].kind);
		assert_int_equal(startup.bytes, whole);
		assert_int_equal(startup.replication, packets[i].replication);
		assert_int_equal(startup.database.length, strlen(packets[i].database));
		if (startup.database.length > 0)
			assert_memory_equal(startup.database.bytes, packets[i].database, startup.database.length);
	}
}

#define BYTES(literal) {literal, sizeof(literal) - 1}

/* What the server says must not be taken for a client's message, or the roles would be exchanged for good. */
static void replies_are_not_recognised(void **state)
{
	static const char *const replies[] = {
		"R 0", "S a=b", "K", "Z I", "T 1", "D 2", "C SELECT 1", "C SET", "C SAVEPOINT\nZ T", "C PREPARE",
		"E 42601",
		"N 00000", "1\n2\nC SET\nZ I", "2\nD 1", "3", "n", "t 1", "I", "s", "G 0", "H 0", "d S", "c", "V x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct opening opening = {.bytes = said(false, replies[i], SIZE_MAX)};

		if (postgresql_recognise(&opening) != MATCH_NO)
			fail_msg("%s is taken for a client's message", replies[i]);
	}
}

static void a_connection_joined_in_its_middle_is_recognised_by_its_client(void **state)
{
	static const char *const turns[] = {
		"Q SELECT 1", "Q ", "P s SELECT $1\nD S s\nS", "P - A\nB - - 3\nD P -\nE - 0\nS", "B - s 2\nE - 0\nS",
		"E p 50\nS", "D S s\nS", "P a A\nP b B\nP c C\nP d D\nP e E\nP f F\nP g G\nP h H\nP i I\nS",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		size_t whole = said(true, turns[i], SIZE_MAX).length;
		bool recognised = false;

		for (size_t length = 1; length <= whole; length++) {
			struct opening opening = {.bytes = said(true, turns[i], length), .more_may_come = true};
			enum match match = postgresql_recognise(&opening);

			/* once the first message is whole, what follows must not change the verdict */
			assert_int_not_equal(match, MATCH_NO);
			assert_int_not_equal(match, MATCH_FROM_SERVER);
			assert_true(!recognised || match == MATCH_FROM_CLIENT);
			recognised = match == MATCH_FROM_CLIENT;
		}
		assert_true(recognised);
	}
}

static void a_message_that_runs_into_a_hole_is_recognised_by_what_was_seen(void **state)
{
	static const struct {
		const char *line;
		size_t seen;
		enum match match;
	} cases[] = {
		{"Q SELECT 1 FROM a_table_of_many", 12, MATCH_FROM_CLIENT},
		{"P s SELECT 1 FROM a_table_of_many", 12, MATCH_FROM_CLIENT},
		{"B p s 9", 14, MATCH_FROM_CLIENT},	     {"Q SELECT 1", 5, MATCH_NO},
		{"Q SELECT 1, 2, 3", 12, MATCH_NO},
		{"Q SELECT\x01 1", 14, MATCH_NO},	     {"E p 3", 8, MATCH_NO},
		{"B p s 3", 8, MATCH_NO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct opening opening = {.bytes = said(true, cases[i].line, cases[i].seen)};

		if (postgresql_recognise(&opening) != cases[i].match)
			fail_msg("%s: %d", cases[i].line, postgresql_recognise(&opening));
	}
}

static void bind_says_whether_it_has_values(void **state)
{
	static const struct {
		struct slice rest;
		bool has;
	} binds[] = {
		{BYTES("\0\0\0\0\0\0"), false}, {BYTES("\0\0\0\1\0\0\0\0"), true}, {BYTES("\0\1\0\1\0\0"), false},
		{BYTES("\0\1\0\1\0\2"), true},	{BYTES("\0\2\0\0"), true},	   {BYTES("\0\1\0\1\0"), false},
		{BYTES("\0"), false},		{BYTES(""), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++)
		assert_int_equal(postgresql_bind_has_parameters(guarded(binds[i].rest.bytes, binds[i].rest.length)),
				 binds[i].has);
}

static void the_sqlstate_is_the_field_c_and_nothing_else(void **state)
{
	static const struct {
		struct slice body;
		const char *code;
	} errors[] = {
		{BYTES("SERROR\0C42601\0Mx\0\0"), "42601"}, {BYTES("MC42601\0CXX000\0\0"), "XX000"},
		{BYTES("SERROR\0\0C42601\0"), NULL},	     {BYTES("C42601"), NULL},
		{BYTES("C4260\0\0"), NULL},		     {BYTES("C4260a\0\0"), NULL},
		{BYTES(""), NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct slice code = postgresql_sqlstate(guarded(errors[i].body.bytes, errors[i].body.length));

		assert_int_equal(code.bytes != NULL, errors[i].code != NULL);
		if (errors[i].code != NULL)
			assert_memory_equal(code.bytes, errors[i].code, POSTGRESQL_SQLSTATE_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_is_valid_as_a_whole_and_in_no_prefix),
		cmocka_unit_test(a_body_with_a_byte_more_is_not_valid),
		cmocka_unit_test(heads_that_no_message_has_are_malformed),
		cmocka_unit_test(start_up_packets_are_read_on_every_prefix),
		cmocka_unit_test(replies_are_not_recognised),
		cmocka_unit_test(a_connection_joined_in_its_middle_is_recognised_by_its_client),
		cmocka_unit_test(a_message_that_runs_into_a_hole_is_recognised_by_what_was_seen),
		cmocka_unit_test(bind_says_whether_it_has_values),
		cmocka_unit_test(the_sqlstate_is_the_field_c_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
