/* PostgreSQL conversations, each as a server and as a client sees it: run whole, byte by byte, at every split and against
 * a guard page; the exchanges must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/postgresql_talk.h"
#include "support/record_feed.h"

enum { TURNS_MAX = 12 };

/* '>' begins what the client says, '<' what the server says, '.' is the close of the connection. Unless `bare`, a
 * session of database d begins before. */
struct conversation {
	const char *name;
	const char *turns[TURNS_MAX];
	const char *exchanges; /* without the role */
	bool bare;
};

#define STARTUP ">startup user u database d\n"
#define WELCOME "<R 0\nS server_version=15\nK\nZ I\n"
#define IN_D " namespace=d"

static const struct conversation conversations[] = {
	{"a simple query", {">Q SELECT 1\n", "<T 1\nD 1\nC SELECT 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=SELECT 1 rows=1\n", false},
	{"rows that are none, and commands without rows",
	 {">Q SELECT x\n", "<T 2\nC SELECT 0\nZ I\n", ">Q INSERT\n", "<C INSERT 0 1\nZ I\n", ">Q MAKE\n", "<C SELECT 5\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=SELECT x rows=0\n"
	 "postgresql 1 ok message" IN_D " text=INSERT\n"
	 "postgresql 1 ok message" IN_D " text=MAKE\n", false},
	{"an INSERT that returns rows", {">Q INSERT\n", "<T 2\nD 2\nD 2\nC INSERT 0 2\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=INSERT rows=2\n", false},
	{"several statements in one string are one batch",
	 {">Q BEGIN; SELECT 1; COMMIT\n", "<C BEGIN\nT 1\nD 1\nC SELECT 1\nC COMMIT\nZ I\n"},
	 "postgresql 3 ok message" IN_D " text=BEGIN; SELECT 1; COMMIT rows=1\n", false},
	{"an empty query", {">Q \n", "<I\nZ I\n"}, "postgresql 1 ok message" IN_D " text=\n", false},
	{"an error with its SQLSTATE", {">Q SELCT\n", "<E 42601\nZ I\n"},
	 "postgresql 1 failed message code=42601" IN_D " text=SELCT\n", false},
	{"an error in the second of three statements",
	 {">Q a; b; c\n", "<C INSERT 0 1\nE 23505\nZ I\n"},
	 "postgresql 2 failed message code=23505" IN_D " text=a; b; c\n", false},
	{"an error that is no SQLSTATE", {">Q a\n", "<E what?\nZ I\n"}, "postgresql 1 failed message" IN_D " text=a\n", false},
	{"notices, notifications and parameters are no replies",
	 {">Q a\n", "<N 00000 WARNING\nS TimeZone=UTC\nT 1\nN 01000 WARNING\nD 1\nA channel\nC SELECT 1\nS a=b\nZ T\n",
	  "<A channel\nN 57P01\n", ">Q b\n", "<C SET\nZ T\n"},
	 "postgresql 1 ok message" IN_D " text=a rows=1\npostgresql 1 ok message" IN_D " text=b\n", false},
	{"the extended protocol in one batch",
	 {">P - SELECT $1\nB - - 1\nD P -\nE - 0\nS\n", "<1\n2\nT 1\nD 1\nC SELECT 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=SELECT $1 rows=1\n", false},
	{"without parameters a text is not parameterised",
	 {">P - SELECT '$1'\nB - - 0\nE - 0\nS\n", "<1\n2\nD 1\nC SELECT 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=SELECT '$1' rows=1\n", false},
	{"a named statement, prepared and used twice",
	 {">P s UPDATE $1\nD S s\nS\n", "<1\nt 1\nn\nZ I\n", ">B - s 1\nD P -\nE - 0\nS\n", "<2\nn\nC UPDATE 3\nZ I\n",
	  ">B - s 3\nE - 0\nS\n", "<2\nC UPDATE 0\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=UPDATE $1\n"
	 "postgresql 1 ok message" IN_D " parameterised=UPDATE $1\n", false},
	{"a statement that is closed is not known any more, one that is unknown has no text",
	 {">P s A $1\nC S s\nB - s 1\nE - 0\nS\n", "<1\n3\nE 26000\nZ I\n", ">B - t 1\nE - 0\nS\n", "<2\nC UPDATE 0\nZ I\n"},
	 "postgresql 1 failed message code=26000" IN_D "\npostgresql 1 ok message" IN_D "\n", false},
	{"a Parse that fails is an operation that fails, and prepares nothing",
	 {">P s SELCT $1\nD S s\nS\n", "<E 42601\nZ I\n", ">B - s 1\nE - 0\nS\n", "<E 26000\nZ I\n"},
	 "postgresql 1 failed message code=42601" IN_D " text=SELCT $1\npostgresql 1 failed message code=26000" IN_D "\n",
	 false},
	{"with Flush in place of Sync a Parse stands alone",
	 {">P s A $1\nD S s\nH\n", "<1\nt 1\nn\n", ">B - s 1\nE - 0\nS\n", "<2\nC SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=A $1\n", false},
	{"a portal that is fetched in parts",
	 {">P - A $1\nB p - 2\nD P p\nE p 2\nS\n", "<1\n2\nT 1\nD 1\nD 1\ns\nZ T\n", ">E p 2\nS\n", "<D 1\nC SELECT 1\nZ T\n",
	  ">C P p\nS\n", "<3\nZ T\n", ">E p 2\nS\n", "<E 34000\nZ E\n"},
	 "postgresql 1 ok message" IN_D " parameterised=A $1 rows=2\n"
	 "postgresql 1 ok message" IN_D " parameterised=A $1 rows=1\n"
	 "postgresql 1 failed message code=34000" IN_D "\n", false},
	{"a pipelined batch",
	 {">P a A $1\nB - a 1\nE - 0\nP b B\nB - b 0\nD P -\nE - 0\nB - a 2\nE - 0\nS\n",
	  "<1\n2\nC INSERT 0 1\n1\n2\nT 1\nD 1\nD 1\nC SELECT 2\n2\nC INSERT 0 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=A $1\npostgresql 1 ok message" IN_D " text=B rows=2\n"
	 "postgresql 1 ok message" IN_D " parameterised=A $1\n", false},
	{"after an error the rest of the batch up to Sync is skipped",
	 {">P - A\nB - - 0\nE - 0\nP - B\nB - - 0\nE - 0\nP s C\nB - s 0\nE - 0\nQ D\nS\nB - s 0\nE - 0\nS\n",
	  "<1\n2\nC SET\n1\nE 22P02\nZ I\nE 26000\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\npostgresql 1 failed message code=22P02" IN_D " text=B\n"
	 "postgresql 1 failed reset-by-server" IN_D " text=C\npostgresql 1 failed reset-by-server" IN_D " text=D\n"
	 "postgresql 1 failed message code=26000" IN_D " text=C\n", false},
	{"several batches in one turn",
	 {">P - A\nB - - 0\nE - 0\nS\nP - B\nB - - 0\nE - 0\nS\n", "<1\n2\nC SET\nZ I\n1\n2\nE 42P01\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\npostgresql 1 failed message code=42P01" IN_D " text=B\n", false},
	{"an error at the end of an implicit transaction",
	 {">P - A\nB - - 0\nE - 0\nS\n", "<1\n2\nC INSERT 0 1\nE 23503\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\npostgresql 1 failed message code=23503" IN_D "\n", false},
	{"COPY in", {">Q COPY a\n", "<G 2\n", ">d 1\t2\nd Q\nc\n", "<C COPY 2\nZ I\n", ">Q B\n", "<C SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=COPY a\npostgresql 1 ok message" IN_D " text=B\n", false},
	{"COPY in that the client gives up", {">Q COPY a\n", "<G 2\n", ">d 1\nf never mind\n", "<E 57014\nZ I\n"},
	 "postgresql 1 failed message code=57014" IN_D " text=COPY a\n", false},
	{"COPY in that the server gives up: the rest of the data is passed over",
	 {">Q COPY a\n", "<G 2\n", ">d x\n", "<E 22P04\nZ I\n", ">d y\nc\nQ B\n", "<C SET\nZ I\n"},
	 "postgresql 1 failed message code=22P04" IN_D " text=COPY a\npostgresql 1 ok message" IN_D " text=B\n", false},
	{"COPY in by the extended protocol, where the first Sync is not answered",
	 {">P - COPY a\nB - - 0\nD P -\nE - 0\nS\n", "<1\n2\nn\nG 2\n", ">d 1\nc\nS\n", "<C COPY 1\nZ I\n",
	  ">Q B\n", "<C SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=COPY a\npostgresql 1 ok message" IN_D " text=B\n", false},
	{"COPY out", {">Q COPY a\n", "<H 2\nd 1\t2\nd Z\nc\nC COPY 2\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=COPY a\n", false},
	{"a function call", {">F 1598\n", "<V 42\nZ I\n", ">F 1\n", "<E 42883\nZ I\n"},
	 "postgresql 1 ok message" IN_D "\npostgresql 1 failed message code=42883" IN_D "\n", false},
	{"Terminate is no operation", {">Q A\n", "<C SET\nZ I\n", ">X\n", "."}, "postgresql 1 ok message" IN_D " text=A\n", false},
	{"a session that the server ends",
	 {">Q A\n", "<E 57P01 FATAL\n", "."}, "postgresql 1 failed close end-inferred code=57P01" IN_D " text=A\n", false},
	{"closed without an answer, and in the middle of one",
	 {">P - A\nB - - 0\nE - 0\nP - B\nB - - 0\nE - 0\nS\n", "<1\n2\nD 1\n", "."},
	 "postgresql 1 ok cut-by-close end-unseen" IN_D " text=A\n"
	 "postgresql 1 ok cut-by-close end-unseen response-unseen" IN_D " text=B\n", false},
	{"encryption refused, twice",
	 {">gss\n", "<answer N\n", ">ssl\n", "<answer N\n", ">startup user u\n", "<R 5\n", ">p secret\n", WELCOME, ">Q A\n",
	  "<C SET\nZ I\n"},
	 "postgresql 1 ok message namespace=u text=A\n", true},
	{"encrypted from here on", {">ssl\n", "<answer S\n", ">Q A\n", "<C SET\nZ I\n"}, "", true},
	{"a cancel has a connection of its own", {">cancel\n", "."}, "", true},
	{"a login that fails is no operation", {STARTUP, "<R 3\n", ">p secret\n", "<E 28P01 FATAL\n", "."}, "", true},
	{"a newer protocol than the server speaks", {STARTUP, "<v\nR 0\nK\nZ I\n", ">Q A\n", "<C SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\n", true},
	{"replication is another protocol",
	 {">startup user u replication database\n", WELCOME, ">Q IDENTIFY_SYSTEM\n", "<T 4\nD 4\nC IDENTIFY_SYSTEM\nZ I\n"}, "",
	 true},
	{"and so it is when it begins later",
	 {">Q A\n", "<C SET\nZ I\n", ">Q START_REPLICATION\n", "<W 0\nd data\n", ">d data\nc\n", "<C COPY 0\nZ I\n", ">Q B\n"},
	 "postgresql 1 ok message" IN_D " text=A\n"
	 "postgresql 1 ok cut-by-shutdown end-unseen response-unseen" IN_D " text=START_REPLICATION\n", false},
};

enum { CONVERSATIONS = sizeof(conversations) / sizeof(conversations[0]) };

static int direction_of(char from, uint8_t role)
{
	return (from == '>') == (role == SHM_ROLE_SERVER) ? FEED_RECEIVED : FEED_SENT;
}

/* Returns the length of the turn. Its bytes go into records of `step`, the first being of `first` bytes. */
static size_t play_turn(struct feed *feed, const char *turn, uint8_t role, size_t first, size_t step)
{
	static struct postgresql_talk talk;

	talk.length = 0;
	postgresql_talk_add(&talk, turn[0] == '>', turn + 1);
	for (size_t at = 0, n; at < talk.length; at += n) {
		n = at == 0 ? first : step;
		if (n > talk.length - at)
			n = talk.length - at;
		feed_bytes(feed, direction_of(turn[0], role), talk.bytes + at, n);
	}
	return talk.length;
}

/* One record per `step` bytes, except that turn `split_turn` is cut in two at `split_at`. False if it is not so long. */
static bool play(struct feed *feed, const struct conversation *c, uint8_t role, size_t step, int split_turn,
		 size_t split_at)
{
	bool split = split_turn < 0;

	feed_clear_log(feed);
	feed_connection(feed, role, 0);
	if (!c->bare) {
		play_turn(feed, STARTUP, role, step, step);
		play_turn(feed, WELCOME, role, step, step);
	}
	for (int turn = 0; turn < TURNS_MAX && c->turns[turn] != NULL; turn++) {
		if (c->turns[turn][0] == '.') {
			feed_close(feed, SHM_CLOSE_NORMAL);
			return split;
		}
		size_t length = play_turn(feed, c->turns[turn], role, turn == split_turn ? split_at : step, step);

		split |= turn == split_turn && split_at < length;
	}
	return split;
}

static void expect(const struct feed *feed, const struct conversation *c, uint8_t role)
{
	char expected[4096] = "";

	for (const char *line = c->exchanges; *line != '\0'; line = strchr(line, '\n') + 1) {
		strcat(expected, role == SHM_ROLE_SERVER ? "server " : "client ");
		strncat(expected, line, (size_t)(strchr(line, '\n') - line) + 1);
	}
	if (strcmp(feed->log, expected) != 0)
		fail_msg("%s:\n got:\n%s expected:\n%s", c->name, feed->log, expected);
}

static void run(uint8_t role)
{
	struct feed *feed = feed_create();

	for (size_t i = 0; i < CONVERSATIONS; i++) {
		const struct conversation *c = &conversations[i];

		play(feed, c, role, SIZE_MAX, -1, 0);
		expect(feed, c, role);
		for (size_t step = 1; step <= 7; step++) {
			play(feed, c, role, step, -1, 0);
			expect(feed, c, role);
		}
		for (int turn = 0; turn < TURNS_MAX && c->turns[turn] != NULL; turn++) {
			for (size_t at = 1; play(feed, c, role, SIZE_MAX, turn, at); at++)
				expect(feed, c, role);
		}
	}
	feed_destroy(feed);
}

static void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_server(void **state)
{
	(void)state;
	run(SHM_ROLE_SERVER);
}

static void conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_client(void **state)
{
	(void)state;
	run(SHM_ROLE_CLIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_server),
		cmocka_unit_test(conversations_give_the_same_exchanges_however_they_are_cut_into_records_at_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
