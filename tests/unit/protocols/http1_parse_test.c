/* Heads of HTTP/1.x: start lines, every prefix of a head, framing, recognition. All input touches a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocols/http1/http1.h"
#include "support/guarded.h"

static void request_lines_are_told_from_everything_else(void **state)
{
	static const struct {
		const char *line, *method, *target;
	} lines[] = {
		{"GET / HTTP/1.1", "GET", "/"},
		{"M-SEARCH * HTTP/1.0", "M-SEARCH", "*"},
		{"GET  /two HTTP/1.1 ", "GET", "/two"},
		{"CONNECT [::1]:443 HTTP/1.1", "CONNECT", "[::1]:443"},
		{"GET /a b HTTP/1.9", "GET", "/a b"},
		{"", NULL, NULL},
		{"GET", NULL, NULL},
		{"GET /", NULL, NULL},
		{"GET / HTTP/2.0", NULL, NULL},
		{"GET / HTTP/1.", NULL, NULL},
		{"GET / HTTP/1.1x", NULL, NULL},
		{"GET / http/1.1", NULL, NULL},
		{"GET /HTTP/1.1", NULL, NULL},
		{"GET  HTTP/1.1", NULL, NULL},
		{" GET / HTTP/1.1", NULL, NULL},
		{"G(T / HTTP/1.1", NULL, NULL},
		{"GET /\x01 HTTP/1.1", NULL, NULL},
		{"GET\t/ HTTP/1.1", NULL, NULL},
		{"HTTP/1.1 200 OK HTTP/1.1", NULL, NULL},
		{"OPTIONS rtsp://h/ RTSP/1.0", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct http1_head head = {0};
		bool is = http1_parse_request_line(guarded(lines[i].line, strlen(lines[i].line)), &head);

		if (is != (lines[i].method != NULL))
			fail_msg("%s: %d", lines[i].line, is);
		if (!is)
			continue;
		assert_int_equal(head.method.length, strlen(lines[i].method));
		assert_memory_equal(head.method.bytes, lines[i].method, head.method.length);
		assert_int_equal(head.target.length, strlen(lines[i].target));
		assert_memory_equal(head.target.bytes, lines[i].target, head.target.length);
	}
}

static void status_lines_are_told_from_everything_else(void **state)
{
	static const struct {
		const char *line;
		int status;
	} lines[] = {
		{"HTTP/1.1 200 OK", 200}, {"HTTP/1.0 404", 404}, {"HTTP/1.1 999 ", 999}, {"HTTP/1.1 20 OK", 0},
		{"HTTP/1.1 2000", 0},     {"HTTP/1.1 000 x", 0}, {"HTTP/2 200", 0},      {"HTTP/1.1", 0},
		{"HTTP/1.x 200 OK", 0},   {"ICY 200 OK", 0},     {"HTTP/1.1  200", 0},   {"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct http1_head head = {0};
		bool is = http1_parse_status_line(guarded(lines[i].line, strlen(lines[i].line)), &head);

		if (is != (lines[i].status != 0) || (is && head.status != lines[i].status))
			fail_msg("%s: %d %u", lines[i].line, is, head.status);
	}
}

static const char head_text[] = "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\t, chunked\r\n"
				"Content-Length: 18446744073709551617\r\nUser-Agent: u\r\n\r\n";

static void a_head_is_incomplete_at_every_prefix_and_whole_at_its_end(void **state)
{
	size_t whole = sizeof(head_text) - 1;
	struct http1_head head;
	size_t bytes = 0;

	(void)state;
	for (size_t length = 0; length < whole; length++) {
		for (size_t examined = 0; examined <= length; examined++)
			assert_int_equal(http1_parse_head(FROM_CLIENT, guarded(head_text, length), examined, &head,
							  &bytes),
					 HTTP1_PARSE_MORE);
	}
	for (size_t examined = 0; examined < whole; examined++) {
		assert_int_equal(http1_parse_head(FROM_CLIENT, guarded(head_text, whole), examined, &head, &bytes),
				 HTTP1_PARSED);
		assert_int_equal(bytes, whole);
	}
	assert_true(head.transfer_encoding && head.chunked_last);
	assert_true(head.content_length_invalid);
}

static void a_head_that_was_cut_says_what_it_can_at_every_prefix(void **state)
{
	struct http1_head head;

	(void)state;
	for (size_t length = 0; length < sizeof(head_text) - 1; length++) {
		enum http1_parse parse = http1_parse_cut_head(FROM_CLIENT, guarded(head_text, length), &head);

		assert_int_equal(parse, length < strlen("POST /") ? HTTP1_PARSE_MALFORMED : HTTP1_PARSED);
		if (parse != HTTP1_PARSED)
			continue;
		assert_int_equal(head.method.length, 4);
		/* half a value is no value */
		assert_int_equal(head.fields[HTTP1_HOST].length, length >= strlen("POST /p HTTP/1.1\r\nHost: h\r\n"));
	}
}

static void content_length_is_one_decimal_number_or_invalid(void **state)
{
	static const struct {
		const char *fields;
		int64_t length; /* -1 absent, -2 invalid */
	} cases[] = {
		{"", -1},
		{"Content-Length: 0\r\n", 0},
		{"Content-Length: 9223372036854775807\r\n", INT64_MAX},
		{"Content-Length: 9223372036854775808\r\n", -2},
		{"Content-Length: 00012\r\n", 12},
		{"Content-Length: 7,7 , 7\r\n", 7},
		{"Content-Length: 7\r\nX: y\r\ncontent-length: 7\r\n", 7},
		{"Content-Length: 7\r\nContent-Length: 8\r\n", -2},
		{"Content-Length: 7,8\r\n", -2},
		{"Content-Length: +7\r\n", -2},
		{"Content-Length: -7\r\n", -2},
		{"Content-Length: 0x7\r\n", -2},
		{"Content-Length: 7 8\r\n", -2},
		{"Content-Length:\r\n", -2},
		{"Content-Length\r\n", -1},
		{"X-Content-Length: 7\r\n", -1},
		{"Content\rLength: 7\r\n", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256] = "GET / HTTP/1.1\r\n";
		struct http1_head head;
		size_t bytes;

		strcat(strcat(text, cases[i].fields), "\r\n");
		assert_int_equal(http1_parse_head(FROM_CLIENT, guarded(text, strlen(text)), 0, &head, &bytes),
				 HTTP1_PARSED);
		if (head.content_length_invalid ? cases[i].length != -2 : head.content_length != cases[i].length)
			fail_msg("%s: %lld", cases[i].fields, (long long)head.content_length);
	}
}

static void recognition_never_contradicts_itself_as_bytes_come_in(void **state)
{
	static const struct {
		const char *text;
		enum match match;
	} cases[] = {
		{"GET / HTTP/1.1\r\n", MATCH_FROM_CLIENT},
		{"\r\nPURGE /x HTTP/1.0\n", MATCH_FROM_CLIENT},
		{"HTTP/1.1 200 OK\r\n", MATCH_FROM_SERVER},
		{"HEAD /h HTTP/1.1\r\n", MATCH_FROM_CLIENT},
		{"HTTP/2.0 200\r\n", MATCH_NO},
		{"PRI * HTTP/2.0\r\n\r\n", MATCH_NO},
		{"SSH-2.0-OpenSSH_9.2\r\n", MATCH_NO},
		{"220 mail.example ESMTP\r\n", MATCH_NO},
		{"get key\r\n", MATCH_NO},
		{"*3\r\n$3\r\nSET\r\n", MATCH_NO},
		{"\x16\x03\x01\x02", MATCH_NO},
		{"SELECT 1 FROM t\n", MATCH_NO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t whole = strlen(cases[i].text);
		enum match last = MATCH_MORE;

		for (size_t length = 1; length <= whole; length++) {
			struct opening opening = {.bytes = guarded(cases[i].text, length), .more_may_come = true};
			enum match match = http1_recognise(&opening);

			if (last != MATCH_MORE && match != last)
				fail_msg("%s: %d, then %d at %zu", cases[i].text, last, match, length);
			last = match;
			opening.more_may_come = false;
			assert_int_not_equal(http1_recognise(&opening), MATCH_MORE);
		}
		if (last != cases[i].match)
			fail_msg("%s: %d", cases[i].text, last);
	}
}

static void a_chunked_body_ends_at_the_same_byte_however_it_is_cut(void **state)
{
	static const char body_text[] =
		"4;a=b\r\nWiki\r\n005 \r\npedia\r\nA\nabcdefghij\n0;x\r\nT: 1\r\nU: 2\r\n\r\nGET";
	size_t end = sizeof(body_text) - 1 - 3;
	struct http1_head head = {.transfer_encoding = true, .chunked_last = true, .version_minor = 1};

	(void)state;
	for (size_t first = 0; first <= end; first++) {
		for (size_t second = first; second <= end; second++) {
			const size_t cuts[] = {0, first, second, sizeof(body_text) - 1};
			enum http1_body_step step = HTTP1_BODY_GOES_ON;
			struct http1_body body;
			size_t at = 0;

			http1_request_body(&body, &head);
			for (int i = 0; i < 3 && step == HTTP1_BODY_GOES_ON; i++) {
				struct slice piece = guarded(body_text + cuts[i], cuts[i + 1] - cuts[i]);
				struct cursor in = cursor_over(piece.bytes, piece.length);

				step = http1_body_take(&body, &in);
				at += in.position;
			}
			assert_int_equal(step, HTTP1_BODY_ENDED);
			assert_int_equal(at, end);
			assert_int_equal(body.bytes, 19);
		}
	}
}

static void broken_chunks_are_refused(void **state)
{
	static const char *const texts[] = {"x\r\n",	 "\r\n",	 "5\rx",
					    "-1\r\n",	 "2\r\nabc\r\n", "ffffffffffffffff\r\n",
					    "1\r\na\rb", "0\r\n\rx",	 " 5\r\n"};
	struct http1_head head = {.transfer_encoding = true, .chunked_last = true, .version_minor = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct slice text = guarded(texts[i], strlen(texts[i]));
		struct cursor in = cursor_over(text.bytes, text.length);
		struct http1_body body;

		http1_request_body(&body, &head);
		if (http1_body_take(&body, &in) != HTTP1_BODY_BROKEN)
			fail_msg("%s", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_lines_are_told_from_everything_else),
		cmocka_unit_test(status_lines_are_told_from_everything_else),
		cmocka_unit_test(a_head_is_incomplete_at_every_prefix_and_whole_at_its_end),
		cmocka_unit_test(a_head_that_was_cut_says_what_it_can_at_every_prefix),
		cmocka_unit_test(content_length_is_one_decimal_number_or_invalid),
		cmocka_unit_test(recognition_never_contradicts_itself_as_bytes_come_in),
		cmocka_unit_test(a_chunked_body_ends_at_the_same_byte_however_it_is_cut),
		cmocka_unit_test(broken_chunks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
