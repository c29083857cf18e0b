/* Packets of MySQL: every prefix of each, and recognition. All input touches a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocols/mysql/mysql.h"
#include "support/guarded.h"
#include "unit/connections/mysql_packets.h"

static struct mysql_turn packets;

/* The payload of one packet, without its last `less` bytes. */
static struct slice payload_of(const char *packet, size_t less)
{
	mysql_turn_write(&packets, packet);
	return guarded(packets.bytes + MYSQL_HEADER_BYTES, packets.length - MYSQL_HEADER_BYTES - less);
}

static size_t payload_bytes(const char *packet)
{
	return payload_of(packet, 0).length;
}

static void numbers_and_strings_are_taken_within_their_bounds(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool whole;
		uint64_t value;
	} lengths[] = {
		{"\x00", 1, true, 0},		    {"\xfa", 1, true, 250},	    {"\xfb", 1, false, 0},
		{"\xff", 1, false, 0},		    {"\xfc\x34\x12", 3, true, 0x1234}, {"\xfc\x34", 2, false, 0},
		{"\xfd\x56\x34\x12", 4, true, 0x123456},
		{"\xfe\1\0\0\0\0\0\0\x80", 9, true, UINT64_C(0x8000000000000001)},
		{"\xfe\1\0\0\0\0\0\0", 8, false, 0}, {"", 0, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct slice s = guarded(lengths[i].bytes, lengths[i].length);
		struct cursor in = cursor_over(s.bytes, s.length);
		uint64_t value = 0;

		assert_int_equal(mysql_take_length(&in, &value), lengths[i].whole);
		assert_int_equal(value, lengths[i].value);
		assert_int_equal(in.position, lengths[i].whole ? lengths[i].length : 0);
	}
	struct slice s = guarded("\xfe\xff\xff\xff\xff\xff\xff\xff\xff" "abc", 12), taken;
	struct cursor in = cursor_over(s.bytes, s.length);

	assert_false(mysql_take_lenenc(&in, &taken));
	assert_int_equal(in.position, 0);
}

static void a_greeting_tells_the_system_and_its_capabilities_or_is_none(void **state)
{
	struct mysql_greeting greeting;

	(void)state;
	assert_true(mysql_parse_greeting(payload_of(GREETING_MYSQL, 0), &greeting));
	assert_false(greeting.mariadb);
	assert_true(greeting.capabilities == 0xffffffff);
	assert_true(mysql_parse_greeting(payload_of(GREETING_MARIADB, 0), &greeting));
	assert_true(greeting.mariadb);
	assert_true(greeting.capabilities & MARIADB_CLIENT_CACHE_METADATA);
	assert_true(mysql_parse_greeting(payload_of(GREETING_OF("11.4.2-MariaDB", "~fe~ff", "~00~00~00~00"), 0),
					 &greeting));
	assert_true(greeting.mariadb);
	for (size_t less = payload_bytes(GREETING_MYSQL); less > 0; less--) {
		bool enough = less <= strlen("123456789012") + 1 + strlen("mysql_native_password") + 1;

		assert_int_equal(mysql_parse_greeting(payload_of(GREETING_MYSQL, less), &greeting), enough);
	}
	assert_false(mysql_parse_greeting(payload_of("0 ~0a8.0~01x~00~00~00", 0), &greeting));
}

static void a_login_tells_capabilities_and_schema_in_every_form(void **state)
{
	static const struct {
		const char *packet, *schema;
		uint64_t capabilities;
	} logins[] = {
		{LOGIN, "shop", 0x888209},
		{LOGIN_NO_SCHEMA, NULL, 0x888201},
		{LOGIN_MARIADB, "shop", UINT64_C(0x1001888208)},
		/* lenenc */
		{"1 ~09~82~a8~00~00~00~00~01~21" ZEROES_19 "~00~00~00~00u~00~fc~02~00abshop~00", "shop", 0xa88209},
		{"1 ~09~02~00~00~00~00~00~01~21" ZEROES_19 "~00~00~00~00u~00hash~00shop~00", "shop", 0x209},
		{"1 ~09~82~88~00~00~00~00~01~21" ZEROES_19 "~00~00~00~00u~00~09short", NULL, 0x888209},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		size_t length = payload_bytes(logins[i].packet);
		struct mysql_login login;

		assert_true(mysql_parse_login(payload_of(logins[i].packet, 0), (uint32_t)length, &login));
		assert_true(login.capabilities == logins[i].capabilities);
		assert_false(login.encrypted);
		if (logins[i].schema == NULL)
			assert_null(login.schema.bytes);
		else
			assert_true(slice_equal(login.schema,
						(struct slice){logins[i].schema, strlen(logins[i].schema)}));
		for (size_t less = 1; less <= length; less++)
			assert_int_equal(mysql_parse_login(payload_of(logins[i].packet, less), (uint32_t)length,
							   &login),
					 length - less >= 32);
	}
}

static void a_query_is_its_text_behind_its_attributes(void **state)
{
	static const char with_attributes[] =
		"0 ~03~04~01~02~01~08~00~01n~fe~00~01x~fe~00~0btraceparent~0c~00~01t~05~00~00~00~00~00~00~00~0700-a-b1"
		"~04~e8~07~01~01DO 2";
	static const char null_traceparent[] = "0 ~03~01~01~01~01~fe~00~0btraceparentDO 3";
	size_t length = payload_bytes(with_attributes);
	struct mysql_command command;

	(void)state;
	for (int known = 0; known < 2; known++) {
		assert_true(mysql_parse_command(payload_of(with_attributes, 0), (uint32_t)length, known,
						MYSQL_CLIENT_QUERY_ATTRIBUTES, &command));
		assert_true(slice_equal(command.text, SLICE_LITERAL("DO 2")));
		assert_true(slice_equal(command.traceparent, SLICE_LITERAL("00-a-b1")));
		assert_false(command.cut);
		for (size_t less = 5; less < length; less++) {
			assert_true(mysql_parse_command(payload_of(with_attributes, less), (uint32_t)length, known,
							MYSQL_CLIENT_QUERY_ATTRIBUTES, &command));
			assert_true(command.cut);
			if (known)
				assert_int_equal(command.text.length, 0);
		}
	}
	assert_true(mysql_parse_command(payload_of(null_traceparent, 0), (uint32_t)payload_bytes(null_traceparent),
					true, MYSQL_CLIENT_QUERY_ATTRIBUTES, &command));
	assert_true(slice_equal(command.text, SLICE_LITERAL("DO 3")));
	assert_null(command.traceparent.bytes);
}

static void every_prefix_of_every_packet_is_read_within_its_bounds(void **state)
{
	static const char *const all[] = {
		GREETING_MARIADB, LOGIN_MARIADB, "0 ~03SELECT 1", "0 ~03~02~01~00~01~08~00~01a~03~00~01b",
		"0 ~16SELECT ?",
		"0 ~17~07~00~00~00~00~01~00~00~00", "0 ~11u~00~02ab" "db~00", "0 ~fa~07~00~00~00~80~00", "1 " OK_IS,
		"1 " EOF_IS, "1 " NO_TABLE,
		"1 ~00~fc~01~00~fd~01~00~00~02~40~00~00~03abc~0a~01~04~03crm~00~03~02ab",
		"1 ~00~07~00~00~00~01~00~01~00~00~00~00~01",
		"1 ~fc~2c~01~01", "1 ~01~fc~2c~01", "1 ~fbname"};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t length = payload_bytes(all[i]);

		for (size_t less = 0; less <= length; less++) {
			struct slice shown = payload_of(all[i], less);
			struct mysql_greeting greeting;
			struct mysql_columns columns;
			struct mysql_prepared prepared;
			struct mysql_command command;
			struct mysql_login login;
			struct mysql_ok ok;
			struct slice schema;
			uint16_t code;

			(void)!mysql_parse_greeting(shown, &greeting);
			(void)!mysql_parse_ok(shown, true, &ok);
			(void)!mysql_parse_eof(shown, &ok);
			(void)!mysql_parse_error(shown, &code);
			(void)!mysql_parse_columns(shown, false, 0, &columns);
			(void)!mysql_parse_columns(shown, true, MYSQL_CLIENT_OPTIONAL_METADATA, &columns);
			(void)!mysql_parse_columns(shown, true, MARIADB_CLIENT_CACHE_METADATA, &columns);
			(void)!mysql_parse_prepared(shown, MYSQL_CLIENT_OPTIONAL_METADATA, &prepared);
			(void)!mysql_parse_login(shown, (uint32_t)length, &login);
			(void)!mysql_parse_command(shown, (uint32_t)length, false, 0, &command);
			(void)!mysql_parse_command(shown, (uint32_t)length, true, MYSQL_CLIENT_QUERY_ATTRIBUTES,
						   &command);
			(void)!mysql_parse_use(shown, &schema);
			(void)!mysql_text_is_plausible(shown, true);
		}
		mysql_turn_write(&packets, all[i]);
		for (size_t n = 0; n <= packets.length; n++) {
			for (int more = 0; more < 2; more++) {
				struct slice bytes = guarded(packets.bytes, n);

				(void)!mysql_recognise_command(bytes, more, false);
				(void)!mysql_recognise_reply(bytes, 1, more);
				(void)!mysql_recognise(&(struct opening){.bytes = bytes, .more_may_come = more,
									 .joined = true});
			}
		}
	}
}

static void the_number_of_columns_is_read_without_knowing_the_capabilities(void **state)
{
	static const struct {
		const char *packet;
		uint64_t count; /* 0: none */
		bool definitions, mariadb;
	} counts[] = {
		{"1 ~01", 1, true, false},	 {"1 ~fa", 250, true, false},	     {"1 ~fc~2c~01", 300, true, false},
		{"1 ~05~01", 5, true, true},	 {"1 ~05~00", 5, false, true},	     {"1 ~fc~2c~01~00", 300, false,
										      true},
		{"1 ~01~05", 5, true, false},	 {"1 ~00~05", 5, false, false},	     {"1 ~01~fc~2c~01", 300, true,
										      false},
		{"1 ~01~01", 1, true, true},	 {"1 ~00", 0, false, false},	     {"1 ~05~02", 0, false, false},
		{"1 ~fb", 0, false, false},	 {"1 ~fd~00~00~01", 0, false, false}, {"1 ~05~01~00", 0, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct mysql_columns columns;
		bool parsed = mysql_parse_columns(payload_of(counts[i].packet, 0), false, 0, &columns);

		if (parsed != (counts[i].count > 0))
			fail_msg("%s", counts[i].packet);
		if (!parsed)
			continue;
		assert_true(columns.count == counts[i].count);
		assert_int_equal(columns.definitions, counts[i].definitions);
		assert_int_equal(columns.cache_metadata, counts[i].mariadb);
	}
}

static void use_names_a_schema(void **state)
{
	static const struct {
		const char *text, *schema;
	} texts[] = {
		{"USE shop", "shop"},	     {" use\t`the shop` ;", "the shop"}, {"Use shop; SELECT 1", "shop"},
		{"USE `broken", ""},	     {"USE", ""},			 {"USER shop", NULL},
		{"SELECT 1; USE shop", NULL}, {"", NULL},			 {"USE shop/* x */", "shop"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct slice schema = {0};
		bool is_use = mysql_parse_use(guarded(texts[i].text, strlen(texts[i].text)), &schema);

		assert_int_equal(is_use, texts[i].schema != NULL);
		if (is_use)
			assert_true(slice_equal(schema, (struct slice){texts[i].schema, strlen(texts[i].schema)}));
	}
}

/* ---- recognition ---- */

static enum match recognise_packets(const char *text, bool joined)
{
	mysql_turn_write(&packets, text);
	return mysql_recognise(&(struct opening){.bytes = guarded(packets.bytes, packets.length), .joined = joined});
}

static void greetings_commands_and_logins_are_recognised(void **state)
{
	static const char *const texts[] = {
		"0 ~03SELECT 1",     "0 ~03 (select 1) union (select 2)", "0 ~03/* id */ SELECT 1", "0 ~03~00~01commit",
		"0 ~16insert into t values (?)", "0 ~17~01~00~00~00~00~01~00~00~00",
		"0 ~17~01~00~00~00~08~01~00~00~00~00~01~03~00",
		LOGIN, LOGIN_MARIADB};
	static const char *const none[] = {
		"0 ~03hello world", "0 ~03SELECT~00", "0 ~17~01~00~00~00~00~02~00~00~00",
		"0 ~17~01~00~00~00~40~01~00~00~00", "0 ~0e", "0 ~01",
		"1 ~03SELECT 1", "0 ~03SELECT 1\n0 ~03SELECT 1", "0 ~19~01~00~00~00", "0 ~03", "0 ~77SELECT 1",
		"1 " OK_IS,
		"1 ~09~80~88~00~00~00~00~01~21" ZEROES_19 "~00~00~00~00u~00~00"};

	(void)state;
	assert_int_equal(recognise_packets(GREETING_MYSQL, false), MATCH_FROM_SERVER);
	assert_int_equal(recognise_packets(GREETING_MARIADB, false), MATCH_FROM_SERVER);
	assert_int_equal(recognise_packets(GREETING_MARIADB, true), MATCH_FROM_SERVER);
	assert_int_equal(recognise_packets(GREETING_MYSQL "\n1 x", false), MATCH_NO);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (recognise_packets(texts[i], true) != MATCH_FROM_CLIENT)
			fail_msg("%s", texts[i]);
		assert_int_equal(recognise_packets(texts[i], false), MATCH_NO);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (recognise_packets(none[i], true) != MATCH_NO)
			fail_msg("%s", none[i]);
	}
}

static void a_packet_that_is_still_coming_is_waited_for(void **state)
{
	(void)state;
	mysql_turn_write(&packets, "0 ~03SELECT a FROM t");
	for (size_t n = 1; n < packets.length; n++) {
		struct opening opening = {.bytes = guarded(packets.bytes, n), .more_may_come = true, .joined = true};

		assert_int_equal(mysql_recognise(&opening), n >= MYSQL_HEADER_BYTES ? MATCH_MORE : MATCH_NO);
		opening.more_may_come = false;
		assert_int_equal(mysql_recognise(&opening), MATCH_NO);
	}
	mysql_turn_write(&packets, GREETING_MYSQL);
	for (size_t n = 1; n < packets.length; n++) {
		struct opening opening = {.bytes = guarded(packets.bytes, n), .more_may_come = true};

		assert_int_equal(mysql_recognise(&opening), MATCH_MORE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_strings_are_taken_within_their_bounds),
		cmocka_unit_test(a_greeting_tells_the_system_and_its_capabilities_or_is_none),
		cmocka_unit_test(a_login_tells_capabilities_and_schema_in_every_form),
		cmocka_unit_test(a_query_is_its_text_behind_its_attributes),
		cmocka_unit_test(every_prefix_of_every_packet_is_read_within_its_bounds),
		cmocka_unit_test(the_number_of_columns_is_read_without_knowing_the_capabilities),
		cmocka_unit_test(use_names_a_schema),
		cmocka_unit_test(greetings_commands_and_logins_are_recognised),
		cmocka_unit_test(a_packet_that_is_still_coming_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
