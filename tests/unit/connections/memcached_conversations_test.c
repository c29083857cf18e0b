/* Memcached conversations, text and binary, each as a server and as a client sees it: whole, byte by byte and at every
 * split; and with a hole at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "counters.h"
#include "support/conversation.h"

#define SET "set k 0 0 2\r\nhi\r\n"
#define STORED "STORED\r\n"
#define SET_EXCHANGE "memcached 1 ok message operation=set arguments=4 text=set k 0 0 2\n"

/* opcode, key length, extras, body length, opaque; status in responses */
#define REQUEST(opcode, key, extras, body, opaque) \
	"\x80" opcode "\0" key extras "\0\0\0" "\0\0\0" body "\0\0\0" opaque "\0\0\0\0\0\0\0\0"
#define RESPONSE(opcode, key, extras, status, body, opaque) \
	"\x81" opcode "\0" key extras "\0\0" status "\0\0\0" body "\0\0\0" opaque "\0\0\0\0\0\0\0\1"
#define NO_EXPIRY "\0\0\0\0\0\0\0\0"

static const struct conversation conversations[] = {
	{"storing", {TURN(">" SET), TURN("<" STORED)}, SET_EXCHANGE},
	{"storing in all ways; not stored, exists and not found are no errors",
	 {TURN(">add k 1 -1 0\r\n\r\nreplace k 0 0 2\r\n\r\n\r\nappend k 0 0 3\r\nEND\r\nprepend k 0 0 1\r\nx\r\n"
	       "cas k 0 0 1 77\r\nx\r\n"),
	  TURN("<NOT_STORED\r\n" STORED STORED STORED "EXISTS\r\n"), TURN(">cas k 0 0 1 77\r\nx\r\n"), TURN("<NOT_FOUND\r\n")},
	 "memcached 1 ok message operation=add arguments=4 text=add k 1 -1 0\n"
	 "memcached 1 ok message operation=replace arguments=4 text=replace k 0 0 2\n"
	 "memcached 1 ok message operation=append arguments=4 text=append k 0 0 3\n"
	 "memcached 1 ok message operation=prepend arguments=4 text=prepend k 0 0 1\n"
	 "memcached 1 ok message operation=cas arguments=5 text=cas k 0 0 1 77\n"
	 "memcached 1 ok message operation=cas arguments=5 text=cas k 0 0 1 77\n"},
	{"getting one, many and none; values that look like replies",
	 {TURN(">" SET "get k\r\ngets a b  c\r\ngat 10 k\r\nget x\r\n"),
	  TURN("<" STORED "VALUE k 0 5\r\nEND\r\n\r\nEND\r\nVALUE a 0 0 12\r\n\r\n\r\nVALUE c 0 1 13\r\nx\r\nEND\r\n"
	       "VALUE k 0 7\r\nERROR\r\n\r\nEND\r\nEND\r\n")},
	 SET_EXCHANGE "memcached 1 ok message operation=get arguments=1 text=get k\n"
		      "memcached 1 ok message operation=gets arguments=3 text=gets a b c\n"
		      "memcached 1 ok message operation=gat arguments=2 text=gat 10 k\n"
		      "memcached 1 ok message operation=get arguments=1 text=get x\n"},
	{"numbers, times, deletion",
	 {TURN(">" SET), TURN("<" STORED), TURN(">incr k 5\r\ndecr k 1\r\ntouch k 60\r\ndelete k\r\n"),
	  TURN("<12\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nTOUCHED\r\nDELETED\r\n")},
	 SET_EXCHANGE "memcached 1 ok message operation=incr arguments=2 text=incr k 5\n"
		      "memcached 1 failed message code=CLIENT_ERROR operation=decr arguments=2 text=decr k 1\n"
		      "memcached 1 ok message operation=touch arguments=2 text=touch k 60\n"
		      "memcached 1 ok message operation=delete arguments=1 text=delete k\n"},
	{"failures",
	 {TURN(">" SET), TURN("<SERVER_ERROR out of memory storing object\r\n"), TURN(">nonsense\r\n"), TURN("<ERROR\r\n"),
	  TURN(">set k 0 0 x\r\n"), TURN("<CLIENT_ERROR bad command line format\r\n")},
	 "memcached 1 failed message code=SERVER_ERROR operation=set arguments=4 text=set k 0 0 2\n"
	 "memcached 1 failed message code=ERROR arguments=0 text=nonsense\n"
	 "memcached 1 failed message code=CLIENT_ERROR operation=set arguments=4 text=set k 0 0 x\n"},
	{"the data of a command that is refused is a line to the server, but names no operation",
	 {TURN(">" SET), TURN("<" STORED), TURN(">set k abc 0 7\r\nhunter2\r\n"),
	  TURN("<CLIENT_ERROR bad command line format\r\nERROR\r\n"), TURN(">shutdown\r\n"),
	  TURN("<ERROR: shutdown not enabled\r\n")},
	 SET_EXCHANGE "memcached 1 failed message code=CLIENT_ERROR operation=set arguments=4 text=set k abc 0 7\n"
		      "memcached 1 failed message code=ERROR arguments=0 text=hunter2\n"
		      "memcached 1 failed message code=ERROR operation=shutdown arguments=0 text=shutdown\n"},
	{"without replies",
	 {TURN(">set k 0 0 2 noreply\r\nhi\r\ndelete k noreply\r\nflush_all 10 noreply\r\n" SET), TURN("<" STORED),
	  TURN(">quit\r\n"), TURN(".")},
	 "memcached 1 ok message operation=set arguments=5 text=set k 0 0 2 noreply\n"
	 "memcached 1 ok message operation=delete arguments=2 text=delete k noreply\n"
	 "memcached 1 ok message operation=flush_all arguments=2 text=flush_all 10 noreply\n" SET_EXCHANGE
	 "memcached 1 ok message operation=quit arguments=0 text=quit\n"},
	{"administration",
	 {TURN(">" SET "version\r\nstats\r\nstats items\r\nverbosity 1\r\nflush_all\r\nlru_crawler metadump all\r\n"),
	  TURN("<" STORED "VERSION 1.6.18\r\nSTAT pid 1\r\nSTAT uptime 2\r\nEND\r\nEND\r\nOK\r\nOK\r\n"
	       "key=k exp=-1 la=1\r\nEND\r\n")},
	 SET_EXCHANGE "memcached 1 ok message operation=version arguments=0 text=version\n"
		      "memcached 1 ok message operation=stats arguments=0 text=stats\n"
		      "memcached 1 ok message operation=stats arguments=1 text=stats items\n"
		      "memcached 1 ok message operation=verbosity arguments=1 text=verbosity 1\n"
		      "memcached 1 ok message operation=flush_all arguments=0 text=flush_all\n"
		      "memcached 1 ok message operation=lru_crawler arguments=2 text=lru_crawler metadump all\n"},
	{"meta commands; quiet ones end with the reply to a later one",
	 {TURN(">ms k 2 T60\r\nhi\r\nmg k v\r\nmg k\r\nmg x v\r\nma k N0 J5\r\nme k\r\nmd k\r\n"),
	  TURN("<HD\r\nVA 2\r\nhi\r\nHD\r\nEN\r\nHD\r\nME k exp=-1\r\nNF\r\n"),
	  TURN(">mg x q v\r\nmg k q v\r\nms k 1 q\r\nx\r\nmd y q\r\nmd z q C1\r\nmn\r\n"), TURN("<VA 2\r\nhi\r\nEX\r\nMN\r\n")},
	 "memcached 1 ok message operation=ms arguments=3 text=ms k 2 T60\n"
	 "memcached 1 ok message operation=mg arguments=2 text=mg k v\n"
	 "memcached 1 ok message operation=mg arguments=1 text=mg k\n"
	 "memcached 1 ok message operation=mg arguments=2 text=mg x v\n"
	 "memcached 1 ok message operation=ma arguments=3 text=ma k N0 J5\n"
	 "memcached 1 ok message operation=me arguments=1 text=me k\n"
	 "memcached 1 ok message operation=md arguments=1 text=md k\n"
	 "memcached 1 ok message operation=mg arguments=3 text=mg x q v\n"
	 "memcached 1 ok message operation=mg arguments=3 text=mg k q v\n"
	 "memcached 1 ok message operation=ms arguments=3 text=ms k 1 q\n"
	 "memcached 1 ok message operation=md arguments=2 text=md y q\n"
	 "memcached 1 ok message operation=md arguments=3 text=md z q C1\n"
	 "memcached 1 ok message operation=mn arguments=0 text=mn\n"},
	{"binary: set, get, an error and a miss, which is none",
	 {TURN(">" REQUEST("\1", "\1", "\x8", "\xb", "\1") NO_EXPIRY "khi" REQUEST("\0", "\1", "\0", "\1", "\2") "k"),
	  TURN("<" RESPONSE("\1", "\0", "\0", "\0", "\0", "\1") RESPONSE("\0", "\0", "\4", "\0", "\6", "\2") "\0\0\0\0hi"),
	  TURN(">" REQUEST("\5", "\1", "\x14", "\x15", "\3") NO_EXPIRY NO_EXPIRY "\0\0\0\0k"
	       REQUEST("\4", "\1", "\0", "\1", "\4") "y"),
	  TURN("<" RESPONSE("\5", "\0", "\0", "\6", "\3", "\3") "Non" RESPONSE("\4", "\0", "\0", "\1", "\3", "\4") "Not")},
	 "memcached 1 ok message operation=set arguments=1 text=set k\n"
	 "memcached 1 ok message operation=get arguments=1 text=get k\n"
	 "memcached 1 failed message code=6 operation=increment arguments=1 text=increment k\n"
	 "memcached 1 ok message operation=delete arguments=1 text=delete y\n"},
	{"binary: quiet requests, statistics, quit",
	 {TURN(">" REQUEST("\xd", "\1", "\0", "\1", "\1") "a" REQUEST("\xd", "\1", "\0", "\1", "\2") "b"
	       REQUEST("\x11", "\1", "\x8", "\xb", "\3") NO_EXPIRY "khi" REQUEST("\xa", "\0", "\0", "\0", "\4")),
	  TURN("<" RESPONSE("\xd", "\1", "\4", "\0", "\7", "\2") "\0\0\0\0bhi" RESPONSE("\xa", "\0", "\0", "\0", "\0", "\4")),
	  TURN(">" REQUEST("\x10", "\0", "\0", "\0", "\5") REQUEST("\xb", "\0", "\0", "\0", "\6")),
	  TURN("<" RESPONSE("\x10", "\3", "\0", "\0", "\4", "\5") "pid1" RESPONSE("\x10", "\3", "\0", "\0", "\4", "\5")
	       "ver2" RESPONSE("\x10", "\0", "\0", "\0", "\0", "\5") RESPONSE("\xb", "\0", "\0", "\0", "\3", "\6") "1.6"),
	  TURN(">" REQUEST("\x17", "\0", "\0", "\0", "\7")), TURN(".")},
	 "memcached 1 ok message operation=getkq arguments=1 text=getkq a\n"
	 "memcached 1 ok message operation=getkq arguments=1 text=getkq b\n"
	 "memcached 1 ok message operation=setq arguments=1 text=setq k\n"
	 "memcached 1 ok message operation=noop arguments=0 text=noop\n"
	 "memcached 1 ok message operation=stat arguments=0 text=stat\n"
	 "memcached 1 ok message operation=version arguments=0 text=version\n"
	 "memcached 1 ok message operation=quitq arguments=0 text=quitq\n"},
	{"a log is opaque", {TURN(">" SET "watch fetchers\r\n"), TURN("<" STORED "OK\r\nts=1 gid=2 type=item_get key=k\r\n"),
	  TURN(">" SET), TURN("<" STORED)},
	 SET_EXCHANGE "memcached 1 ok message operation=watch arguments=1 text=watch fetchers\n"},
	{"closed before the reply, and within it",
	 {TURN(">" SET "get k\r\n"), TURN("<" STORED "VALUE k 0 2\r\nh"), TURN(".")},
	 SET_EXCHANGE "memcached 1 ok cut-by-close end-unseen operation=get arguments=1 text=get k\n"},
	{"no Memcached at all", {TURN(">delete 1\r\n"), TURN("<DELETED\r\n"), TURN(">GET / x\r\n"), TURN("<STORED 1\r\n")}, ""},
};

enum { CONVERSATIONS = sizeof(conversations) / sizeof(conversations[0]), BINARY_FIRST = 9 };

static void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONVERSATIONS; i++)
		conversation_check(&conversations[i], SHM_ROLE_SERVER);
}

static void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONVERSATIONS; i++)
		conversation_check(&conversations[i], SHM_ROLE_CLIENT);
}

/* Other protocols know "get" and "delete" too: the server's answer decides. */
static void a_get_is_known_by_its_answer(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, "get a\r\nget b\r\n");
	feed_text(feed, FEED_SENT, "END\r\nVALUE b 0 1\r\nx\r\nEND\r\n");
	assert_string_equal(feed->log, "server memcached 1 ok message operation=get arguments=1 text=get a\n"
				       "server memcached 1 ok message operation=get arguments=1 text=get b\n");
	feed_destroy(feed);
}

static void a_hole_at_any_place_invents_nothing_and_the_connection_is_followed_again(void **state)
{
	static const struct turn text[2] = {TURN(">add p 0 0 1\r\nx\r\n"), TURN("<SERVER_ERROR probed\r\n")};
	static const struct turn binary[2] = {TURN(">" REQUEST("\xb", "\0", "\0", "\0", "\x7f")),
					      TURN("<" RESPONSE("\xb", "\0", "\0", "\x86", "\0", "\x7f"))};

	(void)state;
	for (size_t i = 0; i + 3 < CONVERSATIONS; i++) {
		bool is_binary = i >= BINARY_FIRST;

		conversation_check_holes(&conversations[i], SHM_ROLE_SERVER, is_binary ? binary : text,
					 is_binary ? "code=134" : "code=SERVER_ERROR operation=add");
		conversation_check_holes(&conversations[i], SHM_ROLE_CLIENT, is_binary ? binary : text,
					 is_binary ? "code=134" : "code=SERVER_ERROR operation=add");
	}
}

/* The reply before it has nothing to say about it. */
static void a_reply_whose_first_line_was_not_seen_says_nothing_of_success_or_failure(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, "set a 0 0 1\r\nx\r\n");
	feed_text(feed, FEED_SENT, "SERVER_ERROR out of memory\r\n");
	feed_text(feed, FEED_RECEIVED, "get b\r\n");
	feed_cut(feed, FEED_SENT, "VAL", 3, 50);
	feed_text(feed, FEED_RECEIVED, "get c\r\n");
	assert_string_equal(feed->log,
			    "server memcached 1 failed message code=SERVER_ERROR operation=set arguments=4 text=set a 0 0 1\n"
			    "server memcached 1 ok message end-inferred response-cut operation=get arguments=1 text=get b\n");
	feed_destroy(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_whose_first_line_was_not_seen_says_nothing_of_success_or_failure),
		cmocka_unit_test(conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_server),
		cmocka_unit_test(conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_client),
		cmocka_unit_test(a_get_is_known_by_its_answer),
		cmocka_unit_test(a_hole_at_any_place_invents_nothing_and_the_connection_is_followed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
