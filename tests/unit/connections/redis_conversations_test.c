/* Conversations of Redis, each as a server and as a client sees it, in every way of support/conversation.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/conversation.h"
#include "support/record_feed.h"

#define GET_A "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
#define OK "+OK\r\n"
#define QUEUED "+QUEUED\r\n"

static const struct conversation conversations[] = {
	{"a command and its reply",
	 {">*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$7\r\na value\r\n", "<" OK},
	 "redis 1 ok message namespace=0 operation=SET arguments=2 text=SET key a value\n"},
	{"names as they were sent; an empty and a binary argument",
	 {">*3\r\n$6\r\nlPusHx\r\n$0\r\n\r\n$4\r\n\r$1\1\r\n", "<:0\r\n"},
	 "redis 1 ok message namespace=0 operation=lPusHx arguments=2 text=lPusHx  \r$1\1\n"},
	{"errors",
	 {">" GET_A, "<-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", ">" GET_A,
	  "<-MOVED 3999 127.0.0.1:6381\r\n", ">" GET_A, "<!21\r\nSYNTAX invalid syntax\r\n",
	  ">" GET_A, "<-lower case\r\n", ">" GET_A, "<-Error of a script\r\n", ">" GET_A,
	  "<-BUSY\r\n"},
	 "redis 1 failed message code=WRONGTYPE namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 failed message code=MOVED namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 failed message code=SYNTAX namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 failed message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 failed message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 failed message code=BUSY namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"every type of RESP2 and RESP3, one reply each",
	 {">" GET_A GET_A GET_A GET_A GET_A GET_A GET_A GET_A GET_A GET_A GET_A GET_A,
	  "<$-1\r\n$0\r\n\r\n:-12\r\n*-1\r\n*0\r\n*2\r\n*1\r\n:1\r\n*2\r\n$2\r\n\r\n\r\n-ERR x\r\n_\r\n#t\r\n,1.5\r\n"
	       "(3492890328409238509324850943850943825024385\r\n=8\r\ntxt:Some\r\n%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n"},
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"an attribute belongs to the reply behind it; a push answers nothing",
	 {">*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", "<%1\r\n$5\r\nproto\r\n:3\r\n", ">" GET_A,
	  "<>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n|1\r\n+ttl\r\n*2\r\n:1\r\n:2\r\n-ERR no\r\n", ">" GET_A,
	  "<$1\r\nb\r\n"},
	 "redis 1 ok message namespace=0 operation=HELLO arguments=1 text=HELLO 3\n"
	 "redis 1 failed message code=ERR namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"containers have a second word; scripts have names",
	 {">*3\r\n$6\r\nconfig\r\n$3\r\nget\r\n$1\r\n*\r\n*3\r\n$5\r\nFCALL\r\n$4\r\nmine\r\n$1\r\n0\r\n"
	       "*1\r\n$6\r\nCLIENT\r\n*2\r\n$6\r\nJSON.X\r\n$1\r\na\r\n",
	  "<*0\r\n:1\r\n-ERR wrong number\r\n$-1\r\n"},
	 "redis 1 ok message namespace=0 operation=config get arguments=1 text=config get *\n"
	 "redis 1 ok message namespace=0 operation=FCALL arguments=2 text=FCALL mine 0 procedure=mine\n"
	 "redis 1 failed message code=ERR namespace=0 operation=CLIENT arguments=0 text=CLIENT\n"
	 "redis 1 ok message namespace=0 operation=JSON.X arguments=1 text=JSON.X a\n"},
	{"the selected database",
	 {">*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n" GET_A,
	  "<-ERR DB index is out of range\r\n" OK "$-1\r\n", ">*1\r\n$5\r\nRESET\r\n" GET_A,
	  "<+RESET\r\n$-1\r\n"},
	 "redis 1 failed message code=ERR namespace=0 operation=SELECT arguments=1 text=SELECT 99\n"
	 "redis 1 ok message namespace=0 operation=SELECT arguments=1 text=SELECT 7\n"
	 "redis 1 ok message namespace=7 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=7 operation=RESET arguments=0 text=RESET\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"a database selected later",
	 {">" GET_A, "<$-1\r\n", ">" GET_A "*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n", "<$-1\r\n" OK,
	  ">*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", "<$-1\r\n"},
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=SELECT arguments=1 text=SELECT 7\n"
	 "redis 1 ok message namespace=7 operation=GET arguments=1 text=GET b\n"},
	{"a transaction: each command, with the errors of the execution on EXEC",
	 {">*1\r\n$5\r\nMULTI\r\n" GET_A "*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n*1\r\n$4\r\nEXEC\r\n" GET_A,
	  "<" OK QUEUED QUEUED "*2\r\n-WRONGTYPE Operation\r\n" OK "$-1\r\n",
	  ">*1\r\n$5\r\nMULTI\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$7\r\nDISCARD\r\n*1\r\n$4\r\nEXEC\r\n" GET_A,
	  "<" OK QUEUED OK "-ERR EXEC without MULTI\r\n$-1\r\n"},
	 "redis 1 ok message namespace=0 operation=MULTI arguments=0 text=MULTI\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=SELECT arguments=1 text=SELECT 2\n"
	 "redis 1 failed message code=WRONGTYPE namespace=0 operation=EXEC arguments=0 text=EXEC\n"
	 "redis 1 ok message namespace=2 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=2 operation=MULTI arguments=0 text=MULTI\n"
	 "redis 1 ok message namespace=2 operation=SELECT arguments=1 text=SELECT 3\n"
	 "redis 1 ok message namespace=2 operation=DISCARD arguments=0 text=DISCARD\n"
	 "redis 1 failed message code=ERR namespace=2 operation=EXEC arguments=0 text=EXEC\n"
	 "redis 1 ok message namespace=2 operation=GET arguments=1 text=GET a\n"},
	{"a subscriber in RESP2",
	 {">*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\nx\r\n$1\r\ny\r\n",
	  "<*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\ny\r\n:2\r\n"
	       "*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$2\r\nhi\r\n",
	  ">*1\r\n$4\r\nPING\r\n",
	  "<*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$2\r\nhi\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n",
	  ">*1\r\n$11\r\nUNSUBSCRIBE\r\n",
	  "<*3\r\n$11\r\nunsubscribe\r\n$1\r\nx\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\ny\r\n:0\r\n",
	  ">" GET_A, "<*2\r\n$7\r\nmessage\r\n:1\r\n"},
	 "redis 1 ok message namespace=0 operation=SUBSCRIBE arguments=2 text=SUBSCRIBE x y\n"
	 "redis 1 ok message namespace=0 operation=PING arguments=0 text=PING\n"
	 "redis 1 ok message namespace=0 operation=UNSUBSCRIBE arguments=0 text=UNSUBSCRIBE\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"a subscriber in RESP3 goes on with commands",
	 {">*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nx\r\n" GET_A,
	  "<>3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$2\r\nhi\r\n$-1\r\n",
	  "<>3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$2\r\nhi\r\n", ">" GET_A, "<$-1\r\n"},
	 "redis 1 ok message namespace=0 operation=SUBSCRIBE arguments=1 text=SUBSCRIBE x\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"MONITOR",
	 {">*1\r\n$7\r\nMONITOR\r\n", "<" OK "+1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n",
	  "<+1339518083.107413 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n", ">*1\r\n$4\r\nQUIT\r\n",
	  "<+1339518083.107413 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n" OK},
	 "redis 1 ok message namespace=0 operation=MONITOR arguments=0 text=MONITOR\n"
	 "redis 1 ok message namespace=0 operation=QUIT arguments=0 text=QUIT\n"},
	{"replies turned off, and skipped",
	 {">*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n*1\r\n$4\r\nPING\r\n" GET_A, "<$-1\r\n",
	  ">*3\r\n$6\r\nclient\r\n$5\r\nreply\r\n$3\r\noff\r\n" GET_A
	       "*3\r\n$6\r\nclient\r\n$5\r\nreply\r\n$2\r\non\r\n",
	  "<" OK},
	 "redis 1 ok message namespace=0 operation=CLIENT REPLY arguments=1 text=CLIENT REPLY SKIP\n"
	 "redis 1 ok message namespace=0 operation=PING arguments=0 text=PING\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=client reply arguments=1 text=client reply off\n"
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=client reply arguments=1 text=client reply on\n"},
	{"inline commands, once the connection is known",
	 {">" GET_A "\r\n  set  k \"a \\x41\\\"b\" 'it\\'s'\r\nPING\nhunter2\r\n*0\r\n*-1\r\n",
	  "<$-1\r\n" OK "+PONG\r\n-ERR unknown command\r\n"},
	 "redis 1 ok message namespace=0 operation=GET arguments=1 text=GET a\n"
	 "redis 1 ok message namespace=0 operation=set arguments=3 text=set k a A\"b it's\n"
	 "redis 1 ok message namespace=0 operation=PING arguments=0 text=PING\n"
	 "redis 1 failed message code=ERR namespace=0 arguments=0 text=hunter2\n"},
	{"a replication stream is opaque",
	 {">*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n", "<\n\n+FULLRESYNC 0123 0\r\n$3\r\nRDB*1\r\n$4\r\nPING\r\n",
	  ">*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n", "<*1\r\n$4\r\nPING\r\n", "!"},
	 "redis 1 ok message namespace=0 operation=PSYNC arguments=2 text=PSYNC ? -1\n"},
	{"closed before the reply", {">" GET_A, "."},
	 "redis 1 ok cut-by-close end-unseen response-unseen namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"closed within the reply", {">" GET_A, "<*2\r\n:1\r\n", "."},
	 "redis 1 ok cut-by-close end-unseen namespace=0 operation=GET arguments=1 text=GET a\n"},
	{"SHUTDOWN succeeds by closing", {">*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n", "."},
	 "redis 1 ok close namespace=0 operation=SHUTDOWN arguments=1 text=SHUTDOWN NOSAVE\n"},
	{"no Redis at all", {">get key\r\n", "<$-1\r\n", ">GET /\r\n", "<+OK\r\n", "!"}, ""},
};

#define PROBE ">*1\r\n$5\r\nPROBE\r\n", "<-PROBED x\r\n"

static const struct conversations table = {
	.rows = conversations,
	.count = sizeof(conversations) / sizeof(conversations[0]),
	.probes = {PROBE, PROBE, PROBE, PROBE, PROBE, PROBE},
	.probe_exchange = "code=PROBED",
};

/* Whole, so that the client's PING is complete before the server's answer tells what it was. */
static void an_inline_ping_is_known_by_its_answer(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	for (int i = 0; i < 2; i++) {
		feed_text(feed, FEED_RECEIVED, "PING\r\n");
		feed_text(feed, FEED_SENT, "+PONG\r\n");
	}
	assert_string_equal(feed->log, "server redis 1 ok message namespace=0 operation=PING arguments=0 text=PING\n"
				       "server redis 1 ok message namespace=0 operation=PING arguments=0 text=PING\n");
	feed_destroy(feed);
}

/* Nobody could tell what they were before the answer. */
static void a_command_that_was_kept_incomplete_ends_where_its_bytes_end(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, "get x\r\n*3\r\n$1\r\na\r\n$");
	feed_text(feed, FEED_SENT, "+PONG\r\n");
	for (int i = 0; i < 5; i++) {
		feed_text(feed, FEED_RECEIVED, GET_A);
		feed_text(feed, FEED_SENT, "-OOPS\r\n");
	}
	assert_non_null(strstr(feed->log, "code=OOPS operation=GET arguments=1 text=GET a\n"));
	feed_destroy(feed);
}

/* What EXEC says is decided by every reply in it. */
static void an_execution_that_was_not_seen_to_its_end_may_have_failed(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, "*1\r\n$4\r\nEXEC\r\n");
	feed_cut(feed, FEED_SENT, "*2\r\n+OK\r\n", 9, 29);
	feed_text(feed, FEED_RECEIVED, GET_A);
	feed_cut(feed, FEED_SENT, "*2\r\n+OK\r\n", 9, 29);
	feed_text(feed, FEED_RECEIVED, GET_A);
	assert_string_equal(
		feed->log,
		"server redis 1 ok message end-inferred response-cut namespace=0 operation=EXEC arguments=0 text=EXEC\n"
		"server redis 1 ok message end-inferred namespace=0 operation=GET arguments=1 text=GET a\n");
	feed_destroy(feed);
}

static void a_reply_whose_type_was_not_seen_may_be_an_error(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	feed_connection(feed, SHM_ROLE_SERVER, 0);
	feed_text(feed, FEED_RECEIVED, GET_A);
	feed_cut(feed, FEED_SENT, "*", 1, 29);
	feed_text(feed, FEED_RECEIVED, GET_A);
	assert_string_equal(feed->log, "server redis 1 ok message end-inferred response-cut namespace=0 operation=GET "
				       "arguments=1 text=GET a\n");
	feed_destroy(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONVERSATION_TESTS(&table),
		cmocka_unit_test(an_inline_ping_is_known_by_its_answer),
		cmocka_unit_test(a_command_that_was_kept_incomplete_ends_where_its_bytes_end),
		cmocka_unit_test(an_execution_that_was_not_seen_to_its_end_may_have_failed),
		cmocka_unit_test(a_reply_whose_type_was_not_seen_may_be_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
