/* Message counting at every split and around holes, and the fields of gRPC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "exchanges/exchange.h"
#include "protocols/grpc/grpc.h"

/* Three messages of 2, 0 and 3 bytes. */
static const char messages[] = "\0\0\0\0\2ab"
			       "\1\0\0\0\0"
			       "\0\0\0\0\3cde";
enum { MESSAGES_BYTES = sizeof(messages) - 1 };

static void messages_are_counted_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t first = 0; first <= MESSAGES_BYTES; first++) {
		for (size_t second = first; second <= MESSAGES_BYTES; second++) {
			struct grpc_counter counter = {0};

			grpc_counter_take(&counter, messages, first);
			grpc_counter_take(&counter, messages + first, second - first);
			grpc_counter_take(&counter, messages + second, MESSAGES_BYTES - second);
			assert_int_equal(grpc_counter_messages(&counter), 3);
		}
	}
}

static void a_hole_costs_the_number_only_if_it_touches_a_prefix(void **state)
{
	(void)state;
	for (size_t from = 0; from < MESSAGES_BYTES; from++) {
		struct grpc_counter counter = {0};
		bool content = from == 5 || from == 6 || from >= 17;

		grpc_counter_take(&counter, messages, from);
		grpc_counter_take(&counter, NULL, 1);
		grpc_counter_take(&counter, messages + from + 1, MESSAGES_BYTES - from - 1);
		assert_int_equal(grpc_counter_messages(&counter), content ? 3 : -1);
	}
}

static void what_is_no_prefix_is_not_counted(void **state)
{
	struct grpc_counter counter = {0};

	(void)state;
	grpc_counter_take(&counter, "<html>", 6);
	assert_int_equal(grpc_counter_messages(&counter), -1);
}

static void content_types_are_told_apart(void **state)
{
	static const struct {
		struct slice text;
		enum grpc_kind kind;
	} table[] = {
		{SLICE_LITERAL("application/grpc"), GRPC_HTTP2},
		{SLICE_LITERAL("application/grpc+proto"), GRPC_HTTP2},
		{SLICE_LITERAL("application/grpc;charset=x"), GRPC_HTTP2},
		{SLICE_LITERAL("Application/gRPC"), GRPC_HTTP2},
		{SLICE_LITERAL("application/grpc-web"), GRPC_WEB},
		{SLICE_LITERAL("application/grpc-web+proto"), GRPC_WEB},
		{SLICE_LITERAL("application/grpc-web-text+proto"), GRPC_WEB_TEXT},
		{SLICE_LITERAL("application/grpcx"), GRPC_NOT},
		{SLICE_LITERAL("application/grp"), GRPC_NOT},
		{SLICE_LITERAL("text/html"), GRPC_NOT},
		{{NULL, 0}, GRPC_NOT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(grpc_kind_of(table[i].text), table[i].kind);
}

static void a_status_is_a_number_or_unseen(void **state)
{
	(void)state;
	assert_int_equal(grpc_parse_status(SLICE_LITERAL("0")), 0);
	assert_int_equal(grpc_parse_status(SLICE_LITERAL("16")), 16);
	assert_int_equal(grpc_parse_status(SLICE_LITERAL("2147483647")), INT32_MAX);
	assert_int_equal(grpc_parse_status(SLICE_LITERAL("2147483648")), RPC_STATUS_UNSEEN);
	assert_int_equal(grpc_parse_status(SLICE_LITERAL("-1")), RPC_STATUS_UNSEEN);
	assert_int_equal(grpc_parse_status(SLICE_LITERAL("5 ")), RPC_STATUS_UNSEEN);
	assert_int_equal(grpc_parse_status((struct slice){NULL, 0}), RPC_STATUS_UNSEEN);
}

static void messages_are_percent_decoded_and_what_is_no_encoding_stays(void **state)
{
	static const char *const table[][2] = {
		{"plain", "plain"}, {"a%20b", "a b"},	{"%C3%a4", "\xc3\xa4"}, {"100%", "100%"},
		{"%2", "%2"},	    {"%zz%41", "%zzA"}, {"%%41", "%A"},		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char text[32];

		strcpy(text, table[i][0]);
		size_t length = grpc_decode_message(text, strlen(text));

		assert_int_equal(length, strlen(table[i][1]));
		assert_memory_equal(text, table[i][1], length);
	}
}

static void take_in_two(struct grpc_web *web, bool text, const char *body, size_t length, size_t first)
{
	grpc_web_begin(web, text);
	grpc_web_take(web, body, first);
	grpc_web_take(web, body + first, length - first);
}

static void expect_web(const struct grpc_web *web)
{
	struct grpc_trailers trailers = grpc_web_trailers(web);

	assert_int_equal(grpc_counter_messages(&web->messages), 1);
	assert_int_equal(grpc_parse_status(trailers.status), 13);
	assert_true(slice_equal(trailers.message, SLICE_LITERAL("oh")));
}

static void web_bodies_give_messages_and_trailers_however_they_are_cut(void **state)
{
	static const char binary[] = "\0\0\0\0\2ab"
				     "\200\0\0\0\042grpc-status:13\r\ngrpc-message: oh\r\n";
	static const char text[] = "AAAAAAJhYg==gAAAACJncnBjLXN0YXR1czoxMw0KZ3JwYy1tZXNzYWdlOiBvaA0K";
	struct grpc_web web;

	(void)state;
	for (size_t first = 0; first < sizeof(binary); first++) {
		take_in_two(&web, false, binary, sizeof(binary) - 1, first);
		if (first < sizeof(binary) - 1)
			expect_web(&web);
	}
	for (size_t first = 0; first < sizeof(text) - 1; first++) {
		take_in_two(&web, true, text, sizeof(text) - 1, first);
		expect_web(&web);
	}
}

static void a_hole_in_the_trailers_leaves_the_fields_before_it(void **state)
{
	static const char binary[] = "\200\0\0\0\042grpc-status:13\r\ngrpc-message: oh\r\n";
	struct grpc_web web;

	(void)state;
	for (size_t from = 0; from < sizeof(binary) - 1; from++) {
		grpc_web_begin(&web, false);
		grpc_web_take(&web, binary, from);
		grpc_web_take(&web, NULL, 1);
		grpc_web_take(&web, binary + from + 1, sizeof(binary) - 2 - from);
		assert_int_equal(grpc_parse_status(grpc_web_trailers(&web).status),
				 from < 5 + 16 ? RPC_STATUS_UNSEEN : 13);
	}
}

static void trailers_longer_than_is_kept_are_survived(void **state)
{
	char body[4096];
	struct grpc_web web;

	(void)state;
	memset(body, 'x', sizeof(body));
	memcpy(body, "\200\0\0\377\0grpc-status:3\r\n", 20);
	take_in_two(&web, false, body, sizeof(body), 1000);
	assert_int_equal(grpc_parse_status(grpc_web_trailers(&web).status), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_counted_however_they_are_cut),
		cmocka_unit_test(a_hole_costs_the_number_only_if_it_touches_a_prefix),
		cmocka_unit_test(what_is_no_prefix_is_not_counted),
		cmocka_unit_test(content_types_are_told_apart),
		cmocka_unit_test(a_status_is_a_number_or_unseen),
		cmocka_unit_test(messages_are_percent_decoded_and_what_is_no_encoding_stays),
		cmocka_unit_test(web_bodies_give_messages_and_trailers_however_they_are_cut),
		cmocka_unit_test(a_hole_in_the_trailers_leaves_the_fields_before_it),
		cmocka_unit_test(trailers_longer_than_is_kept_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
