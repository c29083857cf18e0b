/* Conversations of Memcached, text and binary, each as a server and as a client sees it, in every way of
 * support/conversation.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/conversation.h"
#include "support/escaped.h"
#include "support/record_feed.h"

#define SET "set k 0 0 2\r\nhi\r\n"
#define STORED "STORED\r\n"
#define SET_EXCHANGE "memcached 1 ok message operation=set arguments=4 text=set k 0 0 2\n"

static const struct conversation text_conversations[] = {
	{"storing", {">" SET, "<" STORED}, SET_EXCHANGE},
	{"storing in all ways; not stored, exists and not found are no errors",
	 {">add k 1 -1 0\r\n\r\nreplace k 0 0 2\r\n\r\n\r\nappend k 0 0 3\r\nEND\r\nprepend k 0 0 1\r\nx\r\n"
	       "cas k 0 0 1 77\r\nx\r\n",
	  "<NOT_STORED\r\n" STORED STORED STORED "EXISTS\r\n", ">cas k 0 0 1 77\r\nx\r\n", "<NOT_FOUND\r\n"},
	 "memcached 1 ok message operation=add arguments=4 text=add k 1 -1 0\n"
	 "memcached 1 ok message operation=replace arguments=4 text=replace k 0 0 2\n"
	 "memcached 1 ok message operation=append arguments=4 text=append k 0 0 3\n"
	 "memcached 1 ok message operation=prepend arguments=4 text=prepend k 0 0 1\n"
	 "memcached 1 ok message operation=cas arguments=5 text=cas k 0 0 1 77\n"
	 "memcached 1 ok message operation=cas arguments=5 text=cas k 0 0 1 77\n"},
	{"getting one, many and none; values that look like replies",
	 {">" SET "get k\r\ngets a b  c\r\ngat 10 k\r\nget x\r\n",
	  "<" STORED "VALUE k 0 5\r\nEND\r\n\r\nEND\r\nVALUE a 0 0 12\r\n\r\n\r\nVALUE c 0 1 13\r\nx\r\nEND\r\n"
	       "VALUE k 0 7\r\nERROR\r\n\r\nEND\r\nEND\r\n"},
	 SET_EXCHANGE "memcached 1 ok message operation=get arguments=1 text=get k\n"
		      "memcached 1 ok message operation=gets arguments=3 text=gets a b c\n"
		      "memcached 1 ok message operation=gat arguments=2 text=gat 10 k\n"
		      "memcached 1 ok message operation=get arguments=1 text=get x\n"},
	{"numbers, times, deletion",
	 {">" SET, "<" STORED, ">incr k 5\r\ndecr k 1\r\ntouch k 60\r\ndelete k\r\n",
	  "<12\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nTOUCHED\r\nDELETED\r\n"},
	 SET_EXCHANGE "memcached 1 ok message operation=incr arguments=2 text=incr k 5\n"
		      "memcached 1 failed message code=CLIENT_ERROR operation=decr arguments=2 text=decr k 1\n"
		      "memcached 1 ok message operation=touch arguments=2 text=touch k 60\n"
		      "memcached 1 ok message operation=delete arguments=1 text=delete k\n"},
	{"failures",
	 {">" SET, "<SERVER_ERROR out of memory storing object\r\n", ">nonsense\r\n", "<ERROR\r\n",
	  ">set k 0 0 x\r\n", "<CLIENT_ERROR bad command line format\r\n"},
	 "memcached 1 failed message code=SERVER_ERROR operation=set arguments=4 text=set k 0 0 2\n"
	 "memcached 1 failed message code=ERROR arguments=0 text=nonsense\n"
	 "memcached 1 failed message code=CLIENT_ERROR operation=set arguments=4 text=set k 0 0 x\n"},
	{"the data of a command that is refused is a line to the server, but names no operation",
	 {">" SET, "<" STORED, ">set k abc 0 7\r\nhunter2\r\n",
	  "<CLIENT_ERROR bad command line format\r\nERROR\r\n", ">shutdown\r\n",
	  "<ERROR: shutdown not enabled\r\n"},
	 SET_EXCHANGE "memcached 1 failed message code=CLIENT_ERROR operation=set arguments=4 text=set k abc 0 7\n"
		      "memcached 1 failed message code=ERROR arguments=0 text=hunter2\n"
		      "memcached 1 failed message code=ERROR operation=shutdown arguments=0 text=shutdown\n"},
	{"without replies",
	 {">set k 0 0 2 noreply\r\nhi\r\ndelete k noreply\r\nflush_all 10 noreply\r\n" SET, "<" STORED,
	  ">quit\r\n", "."},
	 "memcached 1 ok message operation=set arguments=5 text=set k 0 0 2 noreply\n"
	 "memcached 1 ok message operation=delete arguments=2 text=delete k noreply\n"
	 "memcached 1 ok message operation=flush_all arguments=2 text=flush_all 10 noreply\n" SET_EXCHANGE
	 "memcached 1 ok message operation=quit arguments=0 text=quit\n"},
	{"administration",
	 {">" SET "version\r\nstats\r\nstats items\r\nverbosity 1\r\nflush_all\r\nlru_crawler metadump all\r\n",
	  "<" STORED "VERSION 1.6.18\r\nSTAT pid 1\r\nSTAT uptime 2\r\nEND\r\nEND\r\nOK\r\nOK\r\n"
	       "key=k exp=-1 la=1\r\nEND\r\n"},
	 SET_EXCHANGE "memcached 1 ok message operation=version arguments=0 text=version\n"
		      "memcached 1 ok message operation=stats arguments=0 text=stats\n"
		      "memcached 1 ok message operation=stats arguments=1 text=stats items\n"
		      "memcached 1 ok message operation=verbosity arguments=1 text=verbosity 1\n"
		      "memcached 1 ok message operation=flush_all arguments=0 text=flush_all\n"
		      "memcached 1 ok message operation=lru_crawler arguments=2 text=lru_crawler metadump all\n"},
	{"meta commands; quiet ones end with the reply to a later one",
	 {">ms k 2 T60\r\nhi\r\nmg k v\r\nmg k\r\nmg x v\r\nma k N0 J5\r\nme k\r\nmd k\r\n",
	  "<HD\r\nVA 2\r\nhi\r\nHD\r\nEN\r\nHD\r\nME k exp=-1\r\nNF\r\n",
	  ">mg x q v\r\nmg k q v\r\nms k 1 q\r\nx\r\nmd y q\r\nmd z q C1\r\nmn\r\n", "<VA 2\r\nhi\r\nEX\r\nMN\r\n"},
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
	{"a log is opaque", {">" SET "watch fetchers\r\n", "<" STORED "OK\r\nts=1 gid=2 type=item_get key=k\r\n",
	  ">" SET, "<" STORED, "!"},
	 SET_EXCHANGE "memcached 1 ok message operation=watch arguments=1 text=watch fetchers\n"},
	{"closed before the reply, and within it",
	 {">" SET "get k\r\n", "<" STORED "VALUE k 0 2\r\nh", "."},
	 SET_EXCHANGE "memcached 1 ok cut-by-close end-unseen operation=get arguments=1 text=get k\n"},
	{"no Memcached at all", {">delete 1\r\n", "<DELETED\r\n", ">GET / x\r\n", "<STORED 1\r\n", "!"}, ""},
};

#define TEXT_PROBE ">add p 0 0 1\r\nx\r\n", "<SERVER_ERROR probed\r\n"

static const struct conversations text_table = {
	.rows = text_conversations,
	.count = sizeof(text_conversations) / sizeof(text_conversations[0]),
	.probes = {TEXT_PROBE, TEXT_PROBE, TEXT_PROBE, TEXT_PROBE, TEXT_PROBE, TEXT_PROBE},
	.probe_exchange = "code=SERVER_ERROR operation=add",
};

/* opcode, key length, extras, body length, opaque; status in responses */
#define REQUEST(opcode, key, extras, body, opaque) \
	"~80" opcode "~00" key extras "~00~00~00" "~00~00~00" body "~00~00~00" opaque "~00~00~00~00~00~00~00~00"
#define RESPONSE(opcode, key, extras, status, body, opaque) \
	"~81" opcode "~00" key extras "~00~00" status "~00~00~00" body "~00~00~00" opaque "~00~00~00~00~00~00~00~01"
#define NO_EXPIRY "~00~00~00~00~00~00~00~00"

static const struct conversation binary_conversations[] = {
	{"set, get, an error and a miss, which is none",
	 {">" REQUEST("~01", "~01", "~08", "~0b", "~01") NO_EXPIRY "khi" REQUEST("~00", "~01", "~00", "~01", "~02") "k",
	  "<" RESPONSE("~01", "~00", "~00", "~00", "~00", "~01")
	  RESPONSE("~00", "~00", "~04", "~00", "~06", "~02") "~00~00~00~00hi",
	  ">" REQUEST("~05", "~01", "~14", "~15", "~03") NO_EXPIRY NO_EXPIRY "~00~00~00~00k"
	       REQUEST("~04", "~01", "~00", "~01", "~04") "y",
	  "<" RESPONSE("~05", "~00", "~00", "~06", "~03", "~03") "Non"
	  RESPONSE("~04", "~00", "~00", "~01", "~03", "~04") "Not"},
	 "memcached 1 ok message operation=set arguments=1 text=set k\n"
	 "memcached 1 ok message operation=get arguments=1 text=get k\n"
	 "memcached 1 failed message code=6 operation=increment arguments=1 text=increment k\n"
	 "memcached 1 ok message operation=delete arguments=1 text=delete y\n"},
	{"quiet requests, statistics, quit",
	 {">" REQUEST("~0d", "~01", "~00", "~01", "~01") "a" REQUEST("~0d", "~01", "~00", "~01", "~02") "b"
	       REQUEST("~11", "~01", "~08", "~0b", "~03") NO_EXPIRY "khi" REQUEST("~0a", "~00", "~00", "~00", "~04"),
	  "<" RESPONSE("~0d", "~01", "~04", "~00", "~07", "~02") "~00~00~00~00bhi"
	  RESPONSE("~0a", "~00", "~00", "~00", "~00", "~04"),
	  ">" REQUEST("~10", "~00", "~00", "~00", "~05") REQUEST("~0b", "~00", "~00", "~00", "~06"),
	  "<" RESPONSE("~10", "~03", "~00", "~00", "~04", "~05") "pid1"
	  RESPONSE("~10", "~03", "~00", "~00", "~04", "~05") "ver2" RESPONSE("~10", "~00", "~00", "~00", "~00", "~05")
	  RESPONSE("~0b", "~00", "~00", "~00", "~03", "~06") "1.6",
	  ">" REQUEST("~17", "~00", "~00", "~00", "~07"), "."},
	 "memcached 1 ok message operation=getkq arguments=1 text=getkq a\n"
	 "memcached 1 ok message operation=getkq arguments=1 text=getkq b\n"
	 "memcached 1 ok message operation=setq arguments=1 text=setq k\n"
	 "memcached 1 ok message operation=noop arguments=0 text=noop\n"
	 "memcached 1 ok message operation=stat arguments=0 text=stat\n"
	 "memcached 1 ok message operation=version arguments=0 text=version\n"
	 "memcached 1 ok message operation=quitq arguments=0 text=quitq\n"},
};

#define BINARY_PROBE                                                                                                   \
	">" REQUEST("~0b", "~00", "~00", "~00", "~7f"), "<" RESPONSE("~0b", "~00", "~00", "~86", "~00", "~7f")

static size_t write_binary(const char *turn, char *bytes, unsigned char *marks)
{
	size_t length;

	(void)marks;
	escaped_line(turn + 1, bytes, &length);
	return length;
}

static const struct conversations binary_table = {
	.rows = binary_conversations,
	.count = sizeof(binary_conversations) / sizeof(binary_conversations[0]),
	.write = write_binary,
	.probes = {BINARY_PROBE, BINARY_PROBE, BINARY_PROBE, BINARY_PROBE, BINARY_PROBE, BINARY_PROBE},
	.probe_exchange = "code=134",
};

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
	assert_string_equal(
		feed->log,
		"server memcached 1 failed message code=SERVER_ERROR operation=set arguments=4 text=set a 0 0 1\n"
		"server memcached 1 ok message end-inferred response-cut operation=get arguments=1 text=get b\n");
	feed_destroy(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONVERSATION_TESTS(&text_table),
		CONVERSATION_TESTS(&binary_table),
		cmocka_unit_test(a_reply_whose_first_line_was_not_seen_says_nothing_of_success_or_failure),
		cmocka_unit_test(a_get_is_known_by_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
