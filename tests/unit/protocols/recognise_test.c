/* Every protocol against how every other one begins. All are asked each time, and at most one may claim what is said:
 * so the order of the registry does not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "protocols/recognise.h"
#include "support/guarded.h"
#include "support/random.h"

enum when { FIRST, LATER }; /* how a connection begins, or a turn of one that was joined later */

#define SAID(text) (text), sizeof(text) - 1
#define ZEROES_8 "\0\0\0\0\0\0\0\0"
#define SIXTY_SIX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SETTINGS "\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\0\1\0\0\0\5\0\0\x40\0"
#define MYSQL_GREETING_BYTES                                                                                           \
	"\x4a\0\0\0\x0a" "8.0.36\0" "\1\0\0\0" "abcdefgh\0" "\xff\xff\x21\2\0\xff\xdf\x15" "\0\0\0\0\0\0\0\0\0\0"      \
	"ijklmnopqrst\0" "mysql_native_password\0"
#define MYSQL_LOGIN_BYTES                                                                                              \
	"\x26\0\0\1\5\xa2\0\0\0\0\0\1\x21" ZEROES_8 ZEROES_8 "\0\0\0\0\0\0\0" "root\0\0"

static const struct said {
	const char *bytes;
	size_t length;
	enum when when;
	const char *protocol; /* NULL: nobody's, or too little to tell */
	enum match match;
} table[] = {
	{SAID("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), FIRST, "http/1", MATCH_FROM_CLIENT},
	{SAID("POST /set HTTP/1.0\r\n\r\n"), FIRST, "http/1", MATCH_FROM_CLIENT},
	{SAID("PING * HTTP/1.1\r\n\r\n"), LATER, "http/1", MATCH_FROM_CLIENT},
	{SAID("QUERY /x HTTP/1.1\r\n\r\n"), LATER, "http/1", MATCH_FROM_CLIENT},
	{SAID("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), LATER, "http/1", MATCH_FROM_SERVER},
	{SAID("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SETTINGS), FIRST, "http/2", MATCH_FROM_CLIENT},
	{SAID(SETTINGS), FIRST, "http/2", MATCH_FROM_SERVER},
	{SAID(SETTINGS), LATER, NULL, MATCH_NO},
	{SAID("\0\0\4\0\1\0\0\0\1abcd"), LATER, NULL, MATCH_NO}, /* DATA */
	{SAID("\0\0\1\1\5\0\0\0\3\x82"), LATER, NULL, MATCH_NO}, /* HEADERS: only the kernel side knows where one
								  * begins */

	{SAID("\0\0\0\x29\0\3\0\0user\0app\0database\0shop-and-more\0\0"), FIRST, "postgresql", MATCH_FROM_CLIENT},
	{SAID("\0\0\0\x08\x04\xd2\x16\x2f"), FIRST, "postgresql", MATCH_FROM_CLIENT},
	{SAID("Q\0\0\0\x0dSELECT 1\0"), LATER, "postgresql", MATCH_FROM_CLIENT},
	{SAID("P\0\0\0\x10\0SELECT 1\0\0\0"), LATER, "postgresql", MATCH_FROM_CLIENT},
	{SAID("S\0\0\0\4"), LATER, NULL, MATCH_NO},
	{SAID("N"), FIRST, NULL, MATCH_NO},
	{SAID("R\0\0\0\x08\0\0\0\0Z\0\0\0\5I"), FIRST, NULL, MATCH_NO},
	{SAID("T\0\0\0\6\0\0C\0\0\0\x0dSELECT 0\0Z\0\0\0\5I"), LATER, NULL, MATCH_NO},

	{SAID(MYSQL_GREETING_BYTES), FIRST, "mysql", MATCH_FROM_SERVER},
	{SAID(MYSQL_LOGIN_BYTES), LATER, "mysql", MATCH_FROM_CLIENT},
	{SAID("\x09\0\0\0\3SELECT 1"), LATER, "mysql", MATCH_FROM_CLIENT},
	{SAID("\x09\0\0\0\3SELECT 1"), FIRST, NULL, MATCH_NO}, /* the server speaks first */
	{SAID("\x0a\0\0\0\x17\1\0\0\0\0\1\0\0\0"), LATER, "mysql", MATCH_FROM_CLIENT},
	{SAID("\1\0\0\0\x0e"), LATER, NULL, MATCH_NO}, /* ping */
	{SAID("\7\0\0\1\0\0\0\2\0\0\0"), LATER, NULL, MATCH_NO},

	{SAID("*1\r\n$4\r\nPING\r\n"), FIRST, "redis", MATCH_FROM_CLIENT},
	{SAID("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"), LATER, "redis", MATCH_FROM_CLIENT},
	{SAID("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"), LATER, "redis", MATCH_FROM_SERVER},
	{SAID("+PONG\r\n"), FIRST, "redis", MATCH_FROM_SERVER},
	{SAID("PING\r\n"), FIRST, NULL, MATCH_NO},
	{SAID("set k v\r\n"), FIRST, NULL, MATCH_NO},
	{SAID("+OK\r\n"), LATER, NULL, MATCH_NO},
	{SAID("$-1\r\n"), LATER, NULL, MATCH_NO},
	{SAID("%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n"), LATER, NULL, MATCH_NO},

	{SAID("set k 0 0 2\r\nhi\r\n"), FIRST, "memcached", MATCH_FROM_CLIENT},
	{SAID("ms k 2\r\nhi\r\n"), LATER, "memcached", MATCH_FROM_CLIENT},
	{SAID("VALUE k 0 2\r\nhi\r\nEND\r\n"), LATER, "memcached", MATCH_FROM_SERVER},
	{SAID("END\r\n"), FIRST, "memcached", MATCH_FROM_SERVER},
	{SAID("HD\r\n"), LATER, "memcached", MATCH_FROM_SERVER},
	{SAID("get k\r\n"), FIRST, NULL, MATCH_NO},
	{SAID("ERROR\r\n"), LATER, NULL, MATCH_NO},
	{SAID("\x80\0\0\1\0\0\0\0\0\0\0\1" ZEROES_8 "\0\0\0\0k"), FIRST, "memcached", MATCH_FROM_CLIENT},
	{SAID("\x81\0\0\0\4\0\0\0\0\0\0\6" ZEROES_8 "\0\0\0\0\0\0\0\0hi"), LATER, "memcached", MATCH_FROM_SERVER},

	{SAID("\x16\3\1\0\x05\1\0\0\1\3"), FIRST, NULL, MATCH_NO}, /* TLS */
	{SAID("\x16\3\3\0\x05\2\0\0\1\3"), FIRST, NULL, MATCH_NO},
	{SAID("\x17\3\3\0\x17\1\2\3\4\0\1\0\0\0abcdefghijklm"), LATER, NULL, MATCH_NO},
	{SAID("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), FIRST, NULL, MATCH_NO},
	{SAID("220 mail.example.org ESMTP Postfix\r\n"), FIRST, NULL, MATCH_NO},
	{SAID("EHLO client.example.org\r\n"), LATER, NULL, MATCH_NO},
	{SAID("QUIT\r\n"), LATER, NULL, MATCH_NO},
	{SAID("250 OK\r\n"), LATER, NULL, MATCH_NO},
	{SAID("\0\0\0\x1d\0\x12\0\3\0\0\0\1\0\4test\4test\6" "3.6.1\0"), FIRST, NULL, MATCH_NO}, /* Kafka */
	{SAID("\0\0\0\x0c\0\0\0\1\0\0\0\0\0\0\0\0"), LATER, NULL, MATCH_NO},
	/* MongoDB */
	{SAID("\x2d\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\x18\0\0\0\x10hello\0\1\0\0\0\0x"), FIRST, NULL, MATCH_NO},
	{SAID("\x26\0\0\0\2\0\0\0\1\0\0\0\xdd\7\0\0\0\0\0\0\0\x11\0\0\0\1ok\0" ZEROES_8 "\0"), LATER, NULL, MATCH_NO},
	{SAID("AMQP\0\0\x09\1"), FIRST, NULL, MATCH_NO},
	{SAID("\1\0\0\0\0\0\x0c\0\x0a\0\x0a\0\x09\0\0\0\0\xce"), LATER, NULL, MATCH_NO},
	{SAID("{\"jsonrpc\": \"2.0\"}\n"), FIRST, NULL, MATCH_NO},
	{SAID("\0\0\0\0"), LATER, NULL, MATCH_NO},

	/* what has deceived, or might */
	{SAID("DELETE / HTTP/1.1\r\n\r\n"), LATER, "http/1", MATCH_FROM_CLIENT},
	{SAID("\0\0\x08\6\0\0\0\0\0\1\2\3\4\5\6\7\x08"), LATER, NULL, MATCH_NO}, /* HTTP/2 PING */
	/* lengths that are PostgreSQL's types */
	{SAID("Q\0\0\0\3SELECT 1 FROM " SIXTY_SIX_A), LATER, "mysql", MATCH_FROM_CLIENT},
	{SAID("Q\0\0\0\x16SELECT ? FROM " SIXTY_SIX_A), LATER, "mysql", MATCH_FROM_CLIENT},
	{SAID("P\0\0\0\x17\1\0\0\0\0\1\0\0\0\0\1\x08\0\5\0\0\0\0\0\0\0"), LATER, NULL, MATCH_NO},
	{SAID("B\0\0\0\x17\1\0\0\0\0\1\0\0\0\0\1\x08\0\5\0\0\0\0\0\0\0"), LATER, NULL, MATCH_NO},
	{SAID("Q\0\0\0\x16SELECT 12345678901\0"), LATER, NULL, MATCH_NO},
	{SAID("DEL a\r\n"), LATER, NULL, MATCH_NO},
	{SAID("EXISTS b\r\n"), LATER, NULL, MATCH_NO},
	{SAID("\x80\x0a\0\0\0\0\0\0\0\0\0\0" ZEROES_8 "\0\0\0\0"), LATER, "memcached", MATCH_FROM_CLIENT},
	/* Kafka's Metadata v0 has PostgreSQL's version */
	{SAID("\0\0\0\x15\0\3\0\0\0\0\0\1\0\7clients\0\0\0\0"), FIRST, NULL, MATCH_NO},
	{SAID("\0\0\0\x10\0\2\0\0user\0u\0\0"), FIRST, NULL, MATCH_NO}, /* PostgreSQL 2 */
	{SAID("\0\0\0\x0d\0\3\0\0a\0b\0\0"), FIRST, NULL, MATCH_NO}, /* no user */
	{SAID("\0\0\0\x12\0\3\0\0user\0u\0\0\0\0"), FIRST, NULL, MATCH_NO}, /* a rest */
	{SAID("\0\0\1\0\3SELECT"), LATER, NULL, MATCH_NO},
	{SAID("\x1f\0\0\0\3\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0SELECT 1\0\0"), LATER, NULL, MATCH_NO},
	{SAID("\x0a\0\0\0\n"), FIRST, NULL, MATCH_NO},
	{SAID("\x0d\0\0\0\x0a" "8.0.36 is a lie"), FIRST, NULL, MATCH_NO},
	{SAID("HTTP/2.0 200\r\n"), LATER, NULL, MATCH_NO},
	{SAID("SELECT 1 FROM t\n"), LATER, NULL, MATCH_NO},
};

enum { RANDOM_OPENINGS = 200000, RANDOM_BYTES_MAX = 40 };

static struct opening opening_of(const char *bytes, size_t length, enum when when, bool more_may_come)
{
	return (struct opening){
		.bytes = guarded(bytes, length),
		.more_may_come = more_may_come,
		.first = when == FIRST,
		.joined = when == LATER,
	};
}

static bool is_claim(enum match match)
{
	return match == MATCH_FROM_CLIENT || match == MATCH_FROM_SERVER;
}

/* Who claims it; several are a failure. NULL: nobody. */
static const struct protocol *claimed(struct opening opening, size_t which, enum match *match)
{
	const struct protocol *by = NULL;

	*match = MATCH_NO;
	for (const struct protocol *const *p = protocols; *p != NULL; p++) {
		enum match answer = (*p)->recognise(&opening);

		if (answer == MATCH_MORE && !opening.more_may_come)
			fail_msg("%zu, %zu bytes: %s waits for more", which, opening.bytes.length, (*p)->name);
		if (!is_claim(answer))
			continue;
		if (by != NULL)
			fail_msg("%zu, %zu bytes: %s and %s", which, opening.bytes.length, by->name, (*p)->name);
		by = *p;
		*match = answer;
	}
	return by;
}

static void exactly_one_protocol_claims_what_is_its_own_and_none_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct said *said = &table[i];

		for (int more = 0; more < 2; more++) {
			enum match match;
			const struct protocol *by =
				claimed(opening_of(said->bytes, said->length, said->when, more), i, &match);

			if ((by == NULL) != (said->protocol == NULL) || match != said->match ||
			    (by != NULL && strcmp(by->name, said->protocol) != 0))
				fail_msg("%zu (%.20s): %s, %d", i, said->bytes, by == NULL ? "nobody" : by->name,
					 match);
		}
	}
}

/* The sender was announced: right for what is somebody's, and wrong. A wrong role makes nobody else claim it. */
static void an_announced_role_makes_nobody_else_claim_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (int sender = 0; sender < 2; sender++) {
			struct opening opening = opening_of(table[i].bytes, table[i].length, table[i].when, true);
			enum match match;

			opening.sender_known = true;
			opening.sender = (enum sender)sender;
			const struct protocol *by = claimed(opening, i, &match);

			if (by != NULL && (table[i].protocol == NULL || strcmp(by->name, table[i].protocol) != 0))
				fail_msg("%zu (%.20s): %s", i, table[i].bytes, by->name);
		}
	}
}

/* Byte by byte, as connections/ offers it. On a connection joined later a protocol may pass over the first few
 * bytes. */
static void no_beginning_of_it_is_claimed_by_another_or_refused_by_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct said *said = &table[i];
		bool decided = false;

		for (size_t n = 1; n <= said->length; n++) {
			struct opening opening = opening_of(said->bytes, n, said->when, true);
			const struct protocol *ignored;
			enum match match;
			const struct protocol *by = claimed(opening, i, &match);

			if (by != NULL && (said->protocol == NULL || strcmp(by->name, said->protocol) != 0))
				fail_msg("%zu (%.20s), %zu bytes: %s", i, said->bytes, n, by->name);
			decided |= by != NULL;
			if (!decided && said->protocol != NULL && said->when == FIRST)
				assert_int_equal(recognise(opening, &ignored), MATCH_MORE);
			opening.more_may_come = false;
			by = claimed(opening, i, &match);
			if (by != NULL && (said->protocol == NULL || strcmp(by->name, said->protocol) != 0))
				fail_msg("%zu (%.20s), cut at %zu bytes: %s", i, said->bytes, n, by->name);
		}
	}
}

static void random_bytes_are_claimed_by_at_most_one(void **state)
{
	struct random r = {1};
	uint32_t claims = 0;

	(void)state;
	for (size_t i = 0; i < RANDOM_OPENINGS; i++) {
		size_t length = 1 + random_below(&r, RANDOM_BYTES_MAX);
		char bytes[RANDOM_BYTES_MAX];
		enum match match;

		for (size_t k = 0; k < length; k++)
			bytes[k] = (char)random_below(&r, 256);
		claims +=
			claimed(opening_of(bytes, length, random_below(&r, 2), random_below(&r, 2)), i, &match) != NULL;
	}
	assert_in_range(claims, 0, RANDOM_OPENINGS / 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_one_protocol_claims_what_is_its_own_and_none_the_rest),
		cmocka_unit_test(an_announced_role_makes_nobody_else_claim_it),
		cmocka_unit_test(no_beginning_of_it_is_claimed_by_another_or_refused_by_its_own),
		cmocka_unit_test(random_bytes_are_claimed_by_at_most_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
