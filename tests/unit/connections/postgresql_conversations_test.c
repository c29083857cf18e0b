/* Conversations of PostgreSQL, each as a server and as a client sees it, in every way of support/conversation.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/conversation.h"
#include "support/postgresql_talk.h"

#define STARTUP ">startup user u database d\n"
#define WELCOME "<R 0\nS server_version=15\nK\nZ I\n"
#define SESSION STARTUP, WELCOME
#define IN_D " namespace=d"

static const struct conversation conversations[] = {
	{"a simple query", {SESSION, ">Q SELECT 1\n", "<T 1\nD 1\nC SELECT 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=SELECT 1 rows=1\n"},
	{"rows that are none, and commands without rows",
	 {SESSION, ">Q SELECT x\n", "<T 2\nC SELECT 0\nZ I\n", ">Q INSERT\n", "<C INSERT 0 1\nZ I\n", ">Q MAKE\n",
	  "<C SELECT 5\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=SELECT x rows=0\n"
	 "postgresql 1 ok message" IN_D " text=INSERT\n"
	 "postgresql 1 ok message" IN_D " text=MAKE\n"},
	{"an INSERT that returns rows", {SESSION, ">Q INSERT\n", "<T 2\nD 2\nD 2\nC INSERT 0 2\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=INSERT rows=2\n"},
	{"several statements in one string are one batch",
	 {SESSION, ">Q BEGIN; SELECT 1; COMMIT\n", "<C BEGIN\nT 1\nD 1\nC SELECT 1\nC COMMIT\nZ I\n"},
	 "postgresql 3 ok message" IN_D " text=BEGIN; SELECT 1; COMMIT rows=1\n"},
	{"an empty query", {SESSION, ">Q \n", "<I\nZ I\n"}, "postgresql 1 ok message" IN_D " text=\n"},
	{"an error with its SQLSTATE", {SESSION, ">Q SELCT\n", "<E 42601\nZ I\n"},
	 "postgresql 1 failed message code=42601" IN_D " text=SELCT\n"},
	{"an error in the second of three statements",
	 {SESSION, ">Q a; b; c\n", "<C INSERT 0 1\nE 23505\nZ I\n"},
	 "postgresql 2 failed message code=23505" IN_D " text=a; b; c\n"},
	{"an error that is no SQLSTATE", {SESSION, ">Q a\n", "<E what?\nZ I\n"},
	 "postgresql 1 failed message" IN_D " text=a\n"},
	{"notices, notifications and parameters are no replies",
	 {SESSION, ">Q a\n", "<N 00000 WARNING\nS TimeZone=UTC\nT 1\nN 01000 WARNING\nD 1\nA channel\nC SELECT 1\n"
	 "S a=b\nZ T\n",
	  "<A channel\nN 57P01\n", ">Q b\n", "<C SET\nZ T\n"},
	 "postgresql 1 ok message" IN_D " text=a rows=1\npostgresql 1 ok message" IN_D " text=b\n"},
	{"the extended protocol in one batch",
	 {SESSION, ">P - SELECT $1\nB - - 1\nD P -\nE - 0\nS\n", "<1\n2\nT 1\nD 1\nC SELECT 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=SELECT $1 rows=1\n"},
	{"without parameters a text is not parameterised",
	 {SESSION, ">P - SELECT '$1'\nB - - 0\nE - 0\nS\n", "<1\n2\nD 1\nC SELECT 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=SELECT '$1' rows=1\n"},
	{"a named statement, prepared and used twice",
	 {SESSION, ">P s UPDATE $1\nD S s\nS\n", "<1\nt 1\nn\nZ I\n", ">B - s 1\nD P -\nE - 0\nS\n",
	  "<2\nn\nC UPDATE 3\nZ I\n",
	  ">B - s 3\nE - 0\nS\n", "<2\nC UPDATE 0\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=UPDATE $1\n"
	 "postgresql 1 ok message" IN_D " parameterised=UPDATE $1\n"},
	{"a statement that is closed is not known any more, one that is unknown has no text",
	 {SESSION, ">P s A $1\nC S s\nB - s 1\nE - 0\nS\n", "<1\n3\nE 26000\nZ I\n", ">B - t 1\nE - 0\nS\n",
	  "<2\nC UPDATE 0\nZ I\n", "?"},
	 "postgresql 1 failed message code=26000" IN_D "\npostgresql 1 ok message" IN_D "\n"},
	{"a Parse that fails is an operation that fails, and prepares nothing",
	 {SESSION, ">P s SELCT $1\nD S s\nS\n", "<E 42601\nZ I\n", ">B - s 1\nE - 0\nS\n", "<E 26000\nZ I\n", "?"},
	 "postgresql 1 failed message code=42601" IN_D " text=SELCT $1\npostgresql 1 failed message code=26000" IN_D
	 "\n"},
	{"with Flush in place of Sync a Parse stands alone",
	 {SESSION, ">P s A $1\nD S s\nH\n", "<1\nt 1\nn\n", ">B - s 1\nE - 0\nS\n", "<2\nC SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=A $1\n"},
	{"a portal that is fetched in parts",
	 {SESSION, ">P - A $1\nB p - 2\nD P p\nE p 2\nS\n", "<1\n2\nT 1\nD 1\nD 1\ns\nZ T\n", ">E p 2\nS\n",
	  "<D 1\nC SELECT 1\nZ T\n",
	  ">C P p\nS\n", "<3\nZ T\n", ">E p 2\nS\n", "<E 34000\nZ E\n", "?"},
	 "postgresql 1 ok message" IN_D " parameterised=A $1 rows=2\n"
	 "postgresql 1 ok message" IN_D " parameterised=A $1 rows=1\n"
	 "postgresql 1 failed message code=34000" IN_D "\n"},
	{"a pipelined batch",
	 {SESSION, ">P a A $1\nB - a 1\nE - 0\nP b B\nB - b 0\nD P -\nE - 0\nB - a 2\nE - 0\nS\n",
	  "<1\n2\nC INSERT 0 1\n1\n2\nT 1\nD 1\nD 1\nC SELECT 2\n2\nC INSERT 0 1\nZ I\n"},
	 "postgresql 1 ok message" IN_D " parameterised=A $1\npostgresql 1 ok message" IN_D " text=B rows=2\n"
	 "postgresql 1 ok message" IN_D " parameterised=A $1\n"},
	{"after an error the rest of the batch up to Sync is skipped",
	 {SESSION, ">P - A\nB - - 0\nE - 0\nP - B\nB - - 0\nE - 0\nP s C\nB - s 0\nE - 0\nQ D\nS\nB - s 0\nE - 0\nS\n",
	  "<1\n2\nC SET\n1\nE 22P02\nZ I\nE 26000\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\npostgresql 1 failed message code=22P02" IN_D " text=B\n"
	 "postgresql 1 failed reset-by-server" IN_D " text=C\npostgresql 1 failed reset-by-server" IN_D " text=D\n"
	 "postgresql 1 failed message code=26000" IN_D " text=C\n"},
	{"several batches in one turn",
	 {SESSION, ">P - A\nB - - 0\nE - 0\nS\nP - B\nB - - 0\nE - 0\nS\n", "<1\n2\nC SET\nZ I\n1\n2\nE 42P01\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\npostgresql 1 failed message code=42P01" IN_D " text=B\n"},
	{"an error at the end of an implicit transaction",
	 {SESSION, ">P - A\nB - - 0\nE - 0\nS\n", "<1\n2\nC INSERT 0 1\nE 23503\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\npostgresql 1 failed message code=23503" IN_D "\n"},
	{"COPY in", {SESSION, ">Q COPY a\n", "<G 2\n", ">d 1\t2\nd Q\nc\n", "<C COPY 2\nZ I\n", ">Q B\n",
		     "<C SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=COPY a\npostgresql 1 ok message" IN_D " text=B\n"},
	{"COPY in that the client gives up",
	 {SESSION, ">Q COPY a\n", "<G 2\n", ">d 1\nf never mind\n", "<E 57014\nZ I\n"},
	 "postgresql 1 failed message code=57014" IN_D " text=COPY a\n"},
	{"COPY in that the server gives up: the rest of the data is passed over",
	 {SESSION, ">Q COPY a\n", "<G 2\n", ">d x\n", "<E 22P04\nZ I\n", ">d y\nc\nQ B\n", "<C SET\nZ I\n"},
	 "postgresql 1 failed message code=22P04" IN_D " text=COPY a\npostgresql 1 ok message" IN_D " text=B\n"},
	{"COPY in by the extended protocol, where the first Sync is not answered",
	 {SESSION, ">P - COPY a\nB - - 0\nD P -\nE - 0\nS\n", "<1\n2\nn\nG 2\n", ">d 1\nc\nS\n", "<C COPY 1\nZ I\n",
	  ">Q B\n", "<C SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=COPY a\npostgresql 1 ok message" IN_D " text=B\n"},
	{"COPY out", {SESSION, ">Q COPY a\n", "<H 2\nd 1\t2\nd Z\nc\nC COPY 2\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=COPY a\n"},
	{"a function call", {SESSION, ">F 1598\n", "<V 42\nZ I\n", ">F 1\n", "<E 42883\nZ I\n"},
	 "postgresql 1 ok message" IN_D "\npostgresql 1 failed message code=42883" IN_D "\n"},
	{"Terminate is no operation", {SESSION, ">Q A\n", "<C SET\nZ I\n", ">X\n", "."},
	 "postgresql 1 ok message" IN_D " text=A\n"},
	{"a session that the server ends",
	 {SESSION, ">Q A\n", "<E 57P01 FATAL\n", "."},
	 "postgresql 1 failed close end-inferred code=57P01" IN_D " text=A\n"},
	{"closed without an answer, and in the middle of one",
	 {SESSION, ">P - A\nB - - 0\nE - 0\nP - B\nB - - 0\nE - 0\nS\n", "<1\n2\nD 1\n", "."},
	 "postgresql 1 ok cut-by-close end-unseen" IN_D " text=A\n"
	 "postgresql 1 ok cut-by-close end-unseen response-unseen" IN_D " text=B\n"},
	{"encryption refused, twice",
	 {">gss\n", "<answer N\n", ">ssl\n", "<answer N\n", ">startup user u\n", "<R 5\n", ">p secret\n", WELCOME,
	  ">Q A\n",
	  "<C SET\nZ I\n"},
	 "postgresql 1 ok message namespace=u text=A\n"},
	{"encrypted from here on", {">ssl\n", "<answer S\n", ">Q A\n", "<C SET\nZ I\n", "!"}, ""},
	{"a cancel has a connection of its own", {">cancel\n", "."}, ""},
	{"a login that fails is no operation", {STARTUP, "<R 3\n", ">p secret\n", "<E 28P01 FATAL\n", "."}, ""},
	{"a newer protocol than the server speaks", {STARTUP, "<v\nR 0\nK\nZ I\n", ">Q A\n", "<C SET\nZ I\n"},
	 "postgresql 1 ok message" IN_D " text=A\n"},
	{"replication is another protocol",
	 {">startup user u replication database\n", WELCOME, ">Q IDENTIFY_SYSTEM\n",
	  "<T 4\nD 4\nC IDENTIFY_SYSTEM\nZ I\n", "!"}, ""},
	{"and so it is when it begins later",
	 {SESSION, ">Q A\n", "<C SET\nZ I\n", ">Q START_REPLICATION\n", "<W 0\nd data\n", ">d data\nc\n",
	  "<C COPY 0\nZ I\n", ">Q B\n", "!"},
	 "postgresql 1 ok message" IN_D " text=A\n"
	 "postgresql 1 ok cut-by-shutdown end-unseen response-unseen" IN_D " text=START_REPLICATION\n"},
};

#define PROBE ">Q PROBE\n", "<E 77777\nZ I\n"

static size_t write_messages(const char *turn, char *bytes, unsigned char *marks)
{
	static struct postgresql_talk talk;

	(void)marks;
	talk.length = 0;
	postgresql_talk_add(&talk, turn[0] == '>', turn + 1);
	memcpy(bytes, talk.bytes, talk.length);
	return talk.length;
}

static const struct conversations table = {
	.rows = conversations,
	.count = sizeof(conversations) / sizeof(conversations[0]),
	.write = write_messages,
	.probes = {PROBE, PROBE, PROBE, PROBE, PROBE, PROBE},
	.probe_exchange = "failed message code=77777",
};

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONVERSATION_TESTS(&table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
