/* Redis bytes without a connection: how turns begin, the names of commands, replies on every prefix. All input touches
 * a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocols/redis/redis.h"
#include "support/guarded.h"

struct text {
	const char *bytes;
	size_t length;
};

#define TEXT(literal) {(literal), sizeof(literal) - 1}

static enum match recognise(struct text text, size_t length, bool more_may_come, bool known, enum sender sender)
{
	struct opening opening = {
		.bytes = guarded(text.bytes, length),
		.more_may_come = more_may_come,
		.sender_known = known,
		.sender = sender,
	};

	return redis_recognise(&opening);
}

static void turns_of_redis_are_recognised_and_no_prefix_of_them_is_refused(void **state)
{
	static const struct {
		struct text text;
		enum match match;
	} openings[] = {
		{TEXT("*1\r\n$4\r\nPING\r\n"), MATCH_FROM_CLIENT},
		{TEXT("*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1000\r\nxxx"), MATCH_FROM_CLIENT},
		{TEXT("*2\r\n$9\r\nFT.SEARCH\r\n$1\r\nk\r\n"), MATCH_FROM_CLIENT},
		{TEXT("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"), MATCH_FROM_CLIENT},
		{TEXT("+PONG\r\n"), MATCH_FROM_SERVER},
		{TEXT("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"), MATCH_FROM_SERVER},
		{TEXT(">4\r\n$8\r\npmessage\r\n"), MATCH_FROM_SERVER},
		{TEXT(">2\r\n$10\r\ninvalidate\r\n*1\r\n"), MATCH_FROM_SERVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
		struct text text = openings[i].text;

		assert_int_equal(recognise(text, text.length, true, false, FROM_CLIENT), openings[i].match);
		for (size_t n = 1; n < text.length; n++) {
			enum match match = recognise(text, n, true, false, FROM_CLIENT);

			assert_true(match == MATCH_MORE || match == openings[i].match);
			match = recognise(text, n, false, false, FROM_CLIENT);
			assert_true(match == MATCH_NO || match == openings[i].match);
		}
	}
}

static void turns_of_other_protocols_are_refused(void **state)
{
	static const struct text openings[] = {
		TEXT("GET / HTTP/1.1\r\n"), TEXT("HTTP/1.1 200 OK\r\n"), TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		TEXT("GET key\r\n"), TEXT("get key\r\n"), TEXT("set k 0 0 2\r\nhi\r\n"), TEXT("VALUE k 0 2\r\n"),
		TEXT("\x80\0\0\1\0\0\0\0\0\0\0\1"), TEXT("\x16\x03\x01\x02\x00\x01\x00"),
		TEXT("\0\0\0\x08\x04\xd2\x16\x2f"),
		TEXT("J\0\0\0\x0a" "8.0.33\0"), TEXT("Q\0\0\0\x0dSELECT 1\0"), TEXT("*\0\0\0\x03SELECT"),
		TEXT("* OK [CAPABILITY IMAP4rev1]\r\n"), TEXT("+OK POP3 ready\r\n"), TEXT("+OK\r\n"),
		TEXT("-ERR 'x'\r\n"),
		TEXT("220 mail ESMTP\r\n"), TEXT("EHLO x\r\n"), TEXT("PING :irc.example\r\n"), TEXT("PONG\r\n"),
		TEXT("INFO {\"server_id\":1}\r\n"), TEXT("USER x\r\n"), TEXT("SSH-2.0-x\r\n"),
		TEXT("*2\r\n$3\r\nfoo\r\n"),
		TEXT("*0\r\n"), TEXT("*-1\r\n"), TEXT("*1\r\n:4\r\n"), TEXT("*1\r\n$0\r\n\r\n"),
		TEXT("*1\r\n$4\r\nPI G\r\n"),
		TEXT("*1\r\n$4\r\nPINGx\r"), TEXT("*9999999999\r\n"), TEXT("*1\n$4\nPING\n"), TEXT("$4\r\nPING\r\n"),
		TEXT("*4\r\n$7\r\nmessage\r\n"), TEXT("*"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		assert_int_equal(recognise(openings[i], openings[i].length, false, false, FROM_CLIENT), MATCH_NO);
}

static void an_announced_role_decides_where_the_bytes_do_not(void **state)
{
	static const struct text unknown = TEXT("*2\r\n$3\r\nfoo\r\n$1\r\nk\r\n"), known = TEXT("*1\r\n$4\r\nPING\r\n");

	(void)state;
	assert_int_equal(recognise(unknown, unknown.length, true, true, FROM_CLIENT), MATCH_FROM_CLIENT);
	assert_int_equal(recognise(unknown, unknown.length, true, true, FROM_SERVER), MATCH_NO);
	assert_int_equal(recognise(known, known.length, true, true, FROM_SERVER), MATCH_NO); /* a replication stream */
}

static void names_are_found_in_any_case(void **state)
{
	static const struct {
		struct text name;
		enum redis_kind kind;
	} names[] = {
		{TEXT("get"), REDIS_PLAIN}, {TEXT("GETSET"), REDIS_PLAIN}, {TEXT("acl"), REDIS_CONTAINER},
		{TEXT("Zunionstore"), REDIS_PLAIN}, {TEXT("config"), REDIS_CONTAINER}, {TEXT("client"), REDIS_CLIENT},
		{TEXT("EXEC"), REDIS_EXEC}, {TEXT("sunsubscribe"), REDIS_SUBSCRIBE}, {TEXT("evalsha_ro"), REDIS_SCRIPT},
		{TEXT("restore-asking"), REDIS_PLAIN}, {TEXT("keydb.cron"), REDIS_PLAIN}, {TEXT("psync"), REDIS_SYNC},
		{TEXT(""), REDIS_UNKNOWN}, {TEXT("ge"), REDIS_UNKNOWN}, {TEXT("gett"), REDIS_UNKNOWN},
		{TEXT("get\0"), REDIS_UNKNOWN}, {TEXT("zz"), REDIS_UNKNOWN}, {TEXT("a"), REDIS_UNKNOWN},
		{TEXT("1get"), REDIS_UNKNOWN}, {TEXT("g t"), REDIS_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct slice name = guarded(names[i].name.bytes, names[i].name.length);

		assert_int_equal(redis_command_kind(name), names[i].kind);
	}
}

static const struct text replies[] = {
	TEXT("+OK\r\n"), TEXT("-WRONGTYPE of thing\r\n"), TEXT(":-5\r\n"), TEXT("$-1\r\n"), TEXT("$0\r\n\r\n"),
	TEXT("$5\r\n+OK\r\n\r\n"), TEXT("*-1\r\n"), TEXT("*0\r\n"), TEXT("*2\r\n*2\r\n:1\r\n$1\r\nx\r\n*1\r\n*0\r\n"),
	TEXT("_\r\n"), TEXT("#f\r\n"), TEXT(",inf\r\n"), TEXT("(123456789012345678901234567890\r\n"),
	TEXT("=7\r\nmkd:*x*\r\n"), TEXT("!10\r\nERR whoops\r\n"), TEXT("%2\r\n+a\r\n:1\r\n+b\r\n%1\r\n_\r\n_\r\n"),
	TEXT("~1\r\n+a\r\n"), TEXT(">2\r\n+a\r\n*1\r\n+b\r\n"), TEXT("|1\r\n+a\r\n%1\r\n+b\r\n+c\r\n*1\r\n+d\r\n"),
};

static void a_reply_ends_where_it_ends_whatever_part_of_it_came_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct text text = replies[i];

		for (size_t n = 0; n < text.length; n++) {
			struct redis_reply reply = {0};
			struct cursor in = cursor_over(guarded(text.bytes, n).bytes, n);

			if (n > 0)
				assert_in_range(redis_reply_take(&reply, &in), REDIS_REPLY_GOES_ON, REDIS_REPLY_MORE);
			size_t used = in.position;

			in = cursor_over(guarded(text.bytes + used, text.length - used).bytes, text.length - used);
			assert_int_equal(redis_reply_take(&reply, &in), REDIS_REPLY_ENDED);
			assert_int_equal(used + in.position, text.length);
		}
	}
}

static void what_is_no_reply_is_refused(void **state)
{
	static const struct text broken[] = {
		TEXT("x"), TEXT("$x\r\n"), TEXT("$-2\r\n"), TEXT("*-2\r\n"), TEXT("$1\r\nxy\r\n"), TEXT("$1\r\nx\n"),
		TEXT("*1\r\nx"), TEXT("$?\r\n"), TEXT("*?\r\n"), TEXT(":1x\r\n"), TEXT(":\r\n"), TEXT(":1\rx"),
		TEXT("*999999999999999999\r\n"), TEXT("$9999999999999999999\r\n"), TEXT("\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct redis_reply reply = {0};
		struct cursor in = cursor_over(guarded(broken[i].bytes, broken[i].length).bytes, broken[i].length);

		assert_int_equal(redis_reply_take(&reply, &in), REDIS_REPLY_BROKEN);
	}
}

static void values_nested_without_end_need_no_stack(void **state)
{
	struct redis_reply reply = {0};
	char bytes[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 4)
		memcpy(bytes + i, "*1\r\n", 4);
	for (int i = 0; i < 1000; i++) {
		struct cursor in = cursor_over(bytes, sizeof(bytes));

		assert_int_equal(redis_reply_take(&reply, &in), REDIS_REPLY_GOES_ON);
	}
	struct cursor in = cursor_over("_\r\n", 3);

	assert_int_equal(redis_reply_take(&reply, &in), REDIS_REPLY_ENDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_of_redis_are_recognised_and_no_prefix_of_them_is_refused),
		cmocka_unit_test(turns_of_other_protocols_are_refused),
		cmocka_unit_test(an_announced_role_decides_where_the_bytes_do_not),
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(a_reply_ends_where_it_ends_whatever_part_of_it_came_first),
		cmocka_unit_test(what_is_no_reply_is_refused),
		cmocka_unit_test(values_nested_without_end_need_no_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
