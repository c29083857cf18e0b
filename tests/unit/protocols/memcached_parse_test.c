/* Memcached bytes without a connection: how turns begin, command lines, binary headers. All input touches a guard
 * page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocols/memcached/memcached.h"
#include "support/guarded.h"

struct text {
	const char *bytes;
	size_t length;
};

#define TEXT(literal) {(literal), sizeof(literal) - 1}
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0"

static enum match recognise_prefix(struct text text, size_t length, bool more_may_come)
{
	struct opening opening = {
		.bytes = guarded(text.bytes, length),
		.more_may_come = more_may_come,
	};

	return memcached_recognise(&opening);
}

static void turns_of_memcached_are_recognised_and_no_prefix_of_them_is_refused(void **state)
{
	static const struct {
		struct text text;
		enum match match;
	} openings[] = {
		{TEXT("set k 0 -1 2\r\nhi\r\n"), MATCH_FROM_CLIENT},
		{TEXT("cas k 0 60 1000000 12\r\nhi"), MATCH_FROM_CLIENT},
		{TEXT("ms k 2 T60 q\r\nhi\r\n"), MATCH_FROM_CLIENT},
		{TEXT("get a b c\r\n"), MATCH_MORE}, /* the server decides */
		{TEXT("mg a v\r\n"), MATCH_MORE},
		{TEXT("delete a\r\n"), MATCH_MORE},
		{TEXT("VALUE k 0 2\r\nhi\r\nEND\r\n"), MATCH_FROM_SERVER},
		{TEXT("END\r\n"), MATCH_FROM_SERVER},
		{TEXT("STORED\r\n"), MATCH_FROM_SERVER},
		{TEXT("VERSION 1.6.18\r\n"), MATCH_FROM_SERVER},
		{TEXT("EN\r\n"), MATCH_FROM_SERVER},
		{TEXT("\x80\0\0\1\0\0\0\0\0\0\0\1" ZEROS "k"), MATCH_FROM_CLIENT},
		{TEXT("\x80\1\0\1\x08\0\0\0\0\0\0\x0b" ZEROS), MATCH_FROM_CLIENT},
		{TEXT("\x80\x0a\0\0\0\0\0\0\0\0\0\0" ZEROS), MATCH_FROM_CLIENT},
		{TEXT("\x81\0\0\0\4\0\0\0\0\0\0\6" ZEROS), MATCH_FROM_SERVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
		struct text text = openings[i].text;

		assert_int_equal(recognise_prefix(text, text.length, true), openings[i].match);
		for (size_t n = 1; n < text.length; n++) {
			enum match match = recognise_prefix(text, n, true);

			assert_true(match == MATCH_MORE || match == openings[i].match);
			match = recognise_prefix(text, n, false);
			assert_true(match == MATCH_NO || match == openings[i].match);
		}
	}
}

static void turns_of_other_protocols_are_refused(void **state)
{
	static const struct text openings[] = {
		TEXT("GET / HTTP/1.1\r\n"), TEXT("HTTP/1.1 200 OK\r\n"), TEXT("get / HTTP/1.1\r\n"),
		TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), TEXT("*1\r\n$4\r\nPING\r\n"), TEXT("+PONG\r\n"),
		TEXT("PING\r\n"),
		TEXT("SET k v\r\n"), TEXT("set k v\r\n"), TEXT("set k 0 0 x\r\n"), TEXT("set k 0 0 2\r\nhix\r"),
		TEXT("set k 0 0\r\n"), TEXT("\x16\x03\x01\x02\x00\x01\x00"), TEXT("\x80\x2e\x01\x03\x01\x00\x15"),
		TEXT("\x80\0\0\0\x03SELECT * FROM t WHERE id = 1"),
		TEXT("\x81\0\0\1\x00\x00\x00\x02\x00\x00\x00\x40\x00"),
		TEXT("\0\0\0\x08\x04\xd2\x16\x2f"), TEXT("Q\0\0\0\x0dSELECT 1\0"), TEXT("J\0\0\0\x0a" "8.0.33\0"),
		TEXT("220 mail ESMTP\r\n"), TEXT("EHLO x\r\n"), TEXT("QUIT\r\n"), TEXT("USER x\r\n"),
		TEXT("PING :x\r\n"),
		TEXT("+OK POP3\r\n"), TEXT("OK\r\n"), TEXT("DELETED\r\n"), TEXT("NOT_FOUND\r\n"), TEXT("ERROR\r\n"),
		TEXT("INSERTED 1\r\n"), TEXT("put 1 0 60 2\r\nhi\r\n"), TEXT("END OF FILE\r\n"), TEXT("VALUE x\r\n"),
		TEXT("VALUE a b c\r\n"), TEXT("STORED 1\r\n"), TEXT("12\r\n"), TEXT("SSH-2.0-x\r\n"), TEXT("\r\n"),
		TEXT(" get k\r\n"),
		TEXT("\x80\1\0\1\x04\0\0\0\0\0\0\x0b" ZEROS), TEXT("\x80\0\0\0\0\0\0\0\0\0\0\0" ZEROS),
		TEXT("\x80\0\0\1\0\0\0\0\0\0\0\2" ZEROS), TEXT("\x80\x0a\0\0\0\0\0\0\0\0\0\1" ZEROS),
		TEXT("\x80\x0a\0\0\0\1\0\0\0\0\0\0" ZEROS), TEXT("\x81\0\0\0\4\0\0\x60\0\0\0\6" ZEROS),
		TEXT("\xff\xff\xff\xff"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		assert_int_equal(recognise_prefix(openings[i], openings[i].length, false), MATCH_NO);
}

static void command_lines_are_counted(void **state)
{
	static const struct {
		const char *line;
		uint32_t words;
		int64_t data_bytes;
		bool valid, noreply, quiet;
	} lines[] = {
		{"get k", 2, -1, true, false, false},
		{"get a  b c ", 4, -1, true, false, false},
		{"get", 1, -1, false, false, false},
		{"set k 0 0 10", 5, 10, true, false, false},
		{"set k 0 -1 10 noreply", 6, 10, true, true, false},
		{"set k 0 0 -1", 5, -1, false, false, false},
		{"set k 0 0 99999999999", 5, -1, false, false, false},
		{"set k x 0 1", 5, 1, false, false, false},
		{"cas k 0 0 1 5 noreply", 7, 1, true, true, false},
		{"delete noreply", 2, -1, true, false, false},
		{"delete k noreply", 3, -1, true, true, false},
		{"flush_all noreply", 2, -1, true, true, false},
		{"ms k 3 T0 q", 5, 3, true, false, true},
		{"mg q", 2, -1, true, false, false},
		{"mg k q", 3, -1, true, false, true},
		{"mg k Oq", 3, -1, true, false, false},
		{"version 1", 2, -1, false, false, false},
		{"nonsense k", 2, -1, false, false, false},
		{"", 0, -1, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t length = strlen(lines[i].line);
		struct memcached_line parsed;

		memcached_parse_line(guarded(lines[i].line, length), &parsed);
		assert_int_equal(parsed.words, lines[i].words);
		assert_int_equal(parsed.valid, lines[i].valid);
		assert_int_equal(parsed.data_bytes, lines[i].data_bytes);
		assert_int_equal(parsed.noreply, lines[i].noreply);
		assert_int_equal(parsed.quiet, lines[i].quiet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_of_memcached_are_recognised_and_no_prefix_of_them_is_refused),
		cmocka_unit_test(turns_of_other_protocols_are_refused),
		cmocka_unit_test(command_lines_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
