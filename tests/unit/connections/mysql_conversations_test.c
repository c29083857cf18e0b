/* Conversations of MySQL, each as a server and as a client sees it, in every way of support/conversation.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/conversation.h"
#include "unit/connections/mysql_packets.h"

#define LOGGED_IN "<" GREETING_MYSQL, ">" LOGIN, "<2 " OK_IS
#define LOGGED_IN_MARIADB "<" GREETING_MARIADB, ">" LOGIN_MARIADB, "<2 " OK_IS
#define JOINED "+"

static const struct conversation conversations[] = {
	{"a query without rows", {LOGGED_IN, ">0 ~03INSERT INTO t VALUES (1)", "<1 ~00~01~05~02~00~00~00"},
	 "mysql 1 ok message namespace=shop text=INSERT INTO t VALUES (1)\n"},
	{"rows between EOF packets",
	 {LOGGED_IN, ">0 ~03SELECT a FROM t", "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~011\n5 ~fb\n6 " EOF_IS},
	 "mysql 1 ok message namespace=shop text=SELECT a FROM t rows=2\n"},
	{"rows with CLIENT_DEPRECATE_EOF",
	 {"<" GREETING_MYSQL, ">" LOGIN_DEPRECATE_EOF, "<2 " OK_IS, ">0 ~03SELECT a FROM t",
	  "<1 ~02\n2 " COLUMN "\n3 " COLUMN "\n4 ~011~012\n5 " END_OK, ">0 ~03SELECT 2",
	  "<1 ~01\n2 " COLUMN "\n3 " END_OK},
	 "mysql 1 ok message namespace=shop text=SELECT a FROM t rows=1\n"
	 "mysql 1 ok message namespace=shop text=SELECT 2 rows=0\n"},
	{"MariaDB says so in its greeting", {LOGGED_IN_MARIADB, ">0 ~03DO 1", "<1 " OK_IS},
	 "mariadb 1 ok message namespace=shop text=DO 1\n"},
	{"no schema", {"<" GREETING_MYSQL, ">" LOGIN_NO_SCHEMA, "<2 " OK_IS, ">0 ~03DO 1", "<1 " OK_IS},
	 "mysql 1 ok message text=DO 1\n"},
	{"an error", {LOGGED_IN, ">0 ~03SELECT * FROM t", "<1 " NO_TABLE},
	 "mysql 1 failed message code=1146 namespace=shop text=SELECT * FROM t\n"},
	{"an error behind rows",
	 {LOGGED_IN, ">0 ~03SELECT a FROM t", "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~011\n5 ~ff~25~05#70100killed"},
	 "mysql 1 failed message code=1317 namespace=shop text=SELECT a FROM t rows=1\n"},
	{"several statements in one text, several results in one answer",
	 {LOGGED_IN, ">0 ~03SELECT 1; DO 1; SELECT 2",
	  "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~011\n5 " EOF_MORE "\n6 " OK_MORE "\n7 ~01\n8 " COLUMN "\n9 " EOF_IS
	  "\n10 ~012\n11 ~013\n12 " EOF_IS},
	 "mysql 1 ok message namespace=shop text=SELECT 1; DO 1; SELECT 2 rows=3\n"},
	{"a result set and a status with CLIENT_DEPRECATE_EOF",
	 {LOGGED_IN_MARIADB, ">0 ~03CALL p()", "<1 ~01~01\n2 " COLUMN "\n3 ~011\n4 " END_OK_MORE "\n5 " OK_IS},
	 "mariadb 1 ok message namespace=shop text=CALL p() rows=1\n"},
	{"MariaDB's columns that the client has kept",
	 {LOGGED_IN_MARIADB, ">0 ~16SELECT ?", "<1 ~00~01~00~00~00~01~00~01~00~00~00~00\n2 " COLUMN "\n3 " COLUMN,
	  ">0 ~17~01~00~00~00~00~01~00~00~00~00~01~03~00~05~00~00~00", "<1 ~01~00\n2 ~00~00~05~00~00~00\n3 " END_OK},
	 "mariadb 1 ok message namespace=shop parameterised=SELECT ? rows=1\n"},
	{"MySQL's columns that the client has not asked for",
	 {"<" GREETING_MYSQL, ">" LOGIN_OPTIONAL_METADATA, "<2 " OK_IS, ">0 ~03SELECT 1",
	  "<1 ~00~01\n2 ~011\n3 " END_OK,
	  ">0 ~03SELECT 2", "<1 ~01~01\n2 " COLUMN "\n3 ~012\n4 " END_OK, "?"},
	 "mysql 1 ok message namespace=shop text=SELECT 1 rows=1\n"
	 "mysql 1 ok message namespace=shop text=SELECT 2 rows=1\n"},
	{"MariaDB's progress reports are no errors",
	 {LOGGED_IN_MARIADB, ">0 ~03ALTER TABLE t FORCE", "<1 ~ff~ff~ff~01~01~02~00~00~00~05stage",
	  "<2 ~ff~ff~ff~01~02~02~00~00~00~05stage\n3 " OK_IS},
	 "mariadb 1 ok message namespace=shop text=ALTER TABLE t FORCE\n"},
	{"a prepared statement, executed twice and closed",
	 {LOGGED_IN, ">0 ~16SELECT a FROM t WHERE b = ?",
	  "<1 ~00~07~00~00~00~01~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS "\n4 " COLUMN "\n5 " EOF_IS,
	  ">0 ~17~07~00~00~00~00~01~00~00~00~00~01~03~00~05~00~00~00",
	  "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~00~00~01~00~00~00\n5 " EOF_IS,
	  ">0 ~17~07~00~00~00~00~01~00~00~00~00~00~06~00~00~00", "<1 " NO_TABLE,
	  ">0 ~19~07~00~00~00\n0 ~17~07~00~00~00~00~01~00~00~00", "<1 ~ff~db~04#HY000Unknown statement"},
	 "mysql 1 ok message namespace=shop parameterised=SELECT a FROM t WHERE b = ? rows=1\n"
	 "mysql 1 failed message code=1146 namespace=shop parameterised=SELECT a FROM t WHERE b = ?\n"
	 "mysql 1 failed message code=1243 namespace=shop\n"},
	{"a statement without parameters keeps its literals",
	 {LOGGED_IN, ">0 ~16DO 42", "<1 ~00~01~00~00~00~00~00~00~00~00~00~00", ">0 ~17~01~00~00~00~00~01~00~00~00",
	  "<1 " OK_IS},
	 "mysql 1 ok message namespace=shop text=DO 42\n"},
	{"a statement that cannot be prepared", {LOGGED_IN, ">0 ~16SELECT * FROM t", "<1 " NO_TABLE},
	 "mysql 1 failed message code=1146 namespace=shop text=SELECT * FROM t\n"},
	{"a cursor: rows are fetched by other commands",
	 {LOGGED_IN, ">0 ~16SELECT a FROM t", "<1 ~00~01~00~00~00~01~00~00~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS,
	  ">0 ~17~01~00~00~00~01~01~00~00~00", "<1 ~01\n2 " COLUMN "\n3 " EOF_CURSOR, ">0 ~1c~01~00~00~00~05~00~00~00",
	  "<1 ~00~00~01~00~00~00\n2 " EOF_LAST, ">0 ~1a~01~00~00~00", "<1 " OK_IS},
	 "mysql 1 ok message namespace=shop text=SELECT a FROM t\n"},
	{"long data has no answer",
	 {LOGGED_IN, ">0 ~16INSERT INTO t VALUES (?)",
	  "<1 ~00~01~00~00~00~00~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS,
	  ">0 ~18~01~00~00~00~00~00some of it\n0 ~18~01~00~00~00~00~00the rest\n"
	  "0 ~17~01~00~00~00~00~01~00~00~00~00~01~fc~00", "<1 " OK_IS},
	 "mysql 1 ok message namespace=shop parameterised=INSERT INTO t VALUES (?)\n"},
	{"MariaDB: prepared and executed in one go, in bulk",
	 {LOGGED_IN_MARIADB, ">0 ~16INSERT INTO t VALUES (?)\n"
	 "0 ~fa~ff~ff~ff~ff~80~00~03~00~00~05~00~00~00~00~06~00~00~00",
	  "<1 ~00~01~00~00~00~00~00~01~00~00~00~00\n2 " COLUMN "\n1 ~00~02~00~02~00~00~00",
	  ">0 ~17~ff~ff~ff~ff~00~01~00~00~00", "<1 " OK_IS},
	 "mariadb 1 ok message namespace=shop parameterised=INSERT INTO t VALUES (?)\n"
	 "mariadb 1 ok message namespace=shop parameterised=INSERT INTO t VALUES (?)\n"},
	{"MariaDB: prepared in vain and executed all the same",
	 {LOGGED_IN_MARIADB, ">0 ~16SELECT * FROM t\n0 ~17~ff~ff~ff~ff~00~01~00~00~00",
	  "<1 " NO_TABLE "\n1 ~ff~db~04#HY000Unknown"},
	 "mariadb 1 failed message code=1146 namespace=shop text=SELECT * FROM t\n"
	 "mariadb 1 failed message code=1243 namespace=shop text=SELECT * FROM t\n"},
	{"pipelined queries",
	 {LOGGED_IN_MARIADB, ">0 ~03DO 1\n0 ~03SELECT 1\n0 ~03DO 2",
	  "<1 " OK_IS "\n1 ~01~01\n2 " COLUMN "\n3 ~011\n4 " END_OK "\n1 " NO_TABLE},
	 "mariadb 1 ok message namespace=shop text=DO 1\nmariadb 1 ok message namespace=shop text=SELECT 1 rows=1\n"
	 "mariadb 1 failed message code=1146 namespace=shop text=DO 2\n"},
	{"LOCAL INFILE: the client sends a file in between",
	 {LOGGED_IN, ">0 ~03LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "<1 ~fbx",
	  ">2 1~0a2~0a\n3 ~03SELECT not a command\n4 ", "<5 " OK_IS, ">0 ~03DO 1", "<1 " OK_IS},
	 "mysql 1 ok message namespace=shop text=LOAD DATA LOCAL INFILE 'x' INTO TABLE t\n"
	 "mysql 1 ok message namespace=shop text=DO 1\n"},
	{"LOCAL INFILE refused by the client",
	 {LOGGED_IN, ">0 ~03LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "<1 ~fbx", ">2 ", "<3 ~ff~02~00#HY000no"},
	 "mysql 1 failed message code=2 namespace=shop text=LOAD DATA LOCAL INFILE 'x' INTO TABLE t\n"},
	{"the schema follows INIT_DB, and USE in a text that succeeds",
	 {LOGGED_IN, ">0 ~02crm", "<1 " OK_IS, ">0 ~03 use `the store`; ", "<1 " OK_IS, ">0 ~03USE nowhere",
	  "<1 ~ff~19~04#42000Unknown", ">0 ~03DO 1", "<1 " OK_IS, "?"},
	 "mysql 1 ok message namespace=crm text= use `the store`; \n"
	 "mysql 1 failed message code=1049 namespace=the store text=USE nowhere\n"
	 "mysql 1 ok message namespace=the store text=DO 1\n"},
	{"the schema follows what the server tracks",
	 {LOGGED_IN, ">0 ~03EXECUTE s", "<1 ~00~00~00~02~40~00~00~00~06~01~04~03crm", ">0 ~03DROP DATABASE crm",
	  "<1 ~00~00~00~02~01~00~00", ">0 ~03DO 1", "<1 " OK_IS, "?"},
	 "mysql 1 ok message namespace=shop text=EXECUTE s\nmysql 1 ok message namespace=crm text=DROP DATABASE crm\n"
	 "mysql 1 ok message text=DO 1\n"},
	{"another user, with an exchange about it, forgets statements",
	 {LOGGED_IN, ">0 ~16DO 1", "<1 ~00~01~00~00~00~00~00~00~00~00~00~00", ">0 ~11root~00~00other~00~21~00",
	  "<1 ~fecaching_sha2_password~00salt",
	  ">2 hash", "<3 ~01~03\n4 " OK_IS, ">0 ~17~01~00~00~00~00~01~00~00~00", "<1 " OK_IS, "?"},
	 "mysql 1 ok message namespace=other\n"},
	{"a reset forgets statements, and not the schema",
	 {LOGGED_IN, ">0 ~16DO 1", "<1 ~00~01~00~00~00~00~00~00~00~00~00~00", ">0 ~1f", "<1 " OK_IS,
	  ">0 ~17~01~00~00~00~00~01~00~00~00", "<1 ~ff~db~04#HY000Unknown", "?"},
	 "mysql 1 failed message code=1243 namespace=shop\n"},
	{"commands that are no operations",
	 {LOGGED_IN, ">0 ~0e", "<1 " OK_IS, ">0 ~09", "<1 Uptime: 5  Threads: 1", ">0 ~04t~00",
	  "<1 " COLUMN "\n2 " EOF_IS, ">0 ~1b~00~00", "<1 " EOF_IS, ">0 ~01"},
	 ""},
	{"an authentication that takes several packets",
	 {"<" GREETING_MYSQL, ">" LOGIN, "<2 ~fecaching_sha2_password~00salt", ">3 hash", "<4 ~01~04", ">5 ~02",
	  "<6 ~01key", ">7 secret", "<8 " OK_IS, ">0 ~03DO 1", "<1 " OK_IS},
	 "mysql 1 ok message namespace=shop text=DO 1\n"},
	{"a login that is refused", {"<" GREETING_MYSQL, ">" LOGIN, "<2 ~ff~15~04#28000Access denied", "."}, ""},
	{"query attributes come before the text, traceparent among them",
	 {"<" GREETING_MYSQL, ">" LOGIN_ATTRIBUTES, "<2 " OK_IS, ">0 ~03~00~01DO 1", "<1 " OK_IS,
	  ">0 ~03~03~01~02~01~08~00~01n~fe~00~01x~fe~00~0btraceparent~05~00~00~00~00~00~00~00~0700-a-b1DO 2",
	  "<1 " OK_IS},
	 "mysql 1 ok message namespace=shop text=DO 1\nmysql 1 ok message namespace=shop text=DO 2\n"},
	{"closed without an answer", {LOGGED_IN, ">0 ~03SELECT SLEEP(9)", "."},
	 "mysql 1 ok cut-by-close end-unseen response-unseen namespace=shop text=SELECT SLEEP(9)\n"},
	{"closed in the middle of the rows",
	 {LOGGED_IN, ">0 ~03SELECT a FROM t", "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~011", "."},
	 "mysql 1 ok cut-by-close end-unseen namespace=shop text=SELECT a FROM t\n"},
	{"TLS from here on", {"<" GREETING_MYSQL, ">1 ~09~8a~88~00~00~00~00~01~21" ZEROES_19 "~00~00~00~00",
			      ">0 ~03SELECT not seen", "<1 " OK_IS, "!"}, ""},
	{"compression from the end of the login on",
	 {"<" GREETING_MYSQL, ">" LOGIN_OF("~29~82~88~00", "~00~00~00~00", "shop~00"), "<2 " OK_IS, ">0 ~03SELECT 1",
	  "<1 " OK_IS, "!"}, ""},
	{"replication", {LOGGED_IN, ">0 ~03SET @master_binlog_checksum = 1", "<1 " OK_IS,
			 ">0 ~15~02~00~00~00~00~00~00~00~00~00~00~00~00~00~00~00~00", "<1 " OK_IS,
	  ">0 ~12~04~00~00~00~00~00~02~00~00~00binlog.1", "<1 ~00event", ">0 ~03SELECT 1", "<1 " OK_IS, "!"},
	 "mysql 1 ok message namespace=shop text=SET @master_binlog_checksum = 1\n"},
	{"joined: EOF packets are told by their form",
	 {JOINED, ">0 ~03SELECT a FROM t", "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~011\n5 " EOF_IS,
	  ">0 ~03SELECT b FROM t", "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 " EOF_IS},
	 "mysql 1 ok message text=SELECT a FROM t rows=1\nmysql 1 ok message text=SELECT b FROM t rows=0\n"},
	{"joined: MariaDB is told by the form of its columns",
	 {JOINED, ">0 ~03SELECT a FROM t", "<1 ~01~01\n2 " COLUMN "\n3 ~011\n4 " END_OK, ">0 ~03DO 1", "<1 " OK_IS},
	 "mariadb 1 ok message text=SELECT a FROM t rows=1\nmariadb 1 ok message text=DO 1\n"},
	{"joined: query attributes are told by their form",
	 {JOINED, ">0 ~03~00~01SELECT 1", "<1 ~01\n2 " COLUMN "\n3 ~011\n4 " END_OK},
	 "mysql 1 ok message text=SELECT 1 rows=1\n"},
	{"joined: a statement that was prepared before has no text",
	 {JOINED, ">0 ~17~01~00~00~00~00~01~00~00~00",
	  "<1 ~01\n2 " COLUMN "\n3 " EOF_IS "\n4 ~00~00~01~00~00~00\n5 " EOF_IS, ">0 ~16SELECT ?",
	  "<1 ~00~02~00~00~00~01~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS "\n4 " COLUMN "\n5 " EOF_IS,
	  ">0 ~17~02~00~00~00~00~01~00~00~00", "<1 " OK_IS},
	 "mysql 1 ok message rows=1\nmysql 1 ok message parameterised=SELECT ?\n"},
	{"joined: whether EOF follows the last definition is found out",
	 {JOINED, ">0 ~16DO ?", "<1 ~00~02~00~00~00~00~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS, ">0 ~16DO ?, ?",
	  "<1 ~00~03~00~00~00~00~00~01~00~00~00~00\n2 " COLUMN "\n3 " EOF_IS,
	  ">0 ~17~03~00~00~00~00~01~00~00~00", "<1 " OK_IS},
	 "mysql 1 ok message parameterised=DO ?, ?\n"},
	{"joined: whether EOF follows the last definition is found out to the contrary",
	 {JOINED, ">0 ~16DO ?", "<1 ~00~02~00~00~00~00~00~01~00~00~00~00\n2 " COLUMN,
	  ">0 ~17~02~00~00~00~00~01~00~00~00", "<1 " OK_IS},
	 "mysql 1 ok message parameterised=DO ?\n"},
	{"a packet out of sequence", {LOGGED_IN, ">0 ~03DO 1", "<2 " OK_IS, ">0 ~03DO 2", "<1 " OK_IS},
	 "mysql 1 ok cut-by-loss end-unseen namespace=shop text=DO 1\nmysql 1 ok message namespace=shop text=DO 2\n"},
};

#define PROBE ">0 ~03PROBE", "<1 ~ff~ff~03#42000probed"

static size_t write_packets(const char *turn, char *bytes, unsigned char *marks)
{
	static struct mysql_turn packets;

	(void)marks;
	mysql_turn_write(&packets, turn + 1);
	memcpy(bytes, packets.bytes, packets.length);
	return packets.length;
}

static const struct conversations table = {
	.rows = conversations,
	.count = sizeof(conversations) / sizeof(conversations[0]),
	.write = write_packets,
	.joined_bytes_min = 4 /* a header */,
	.probes = {PROBE, PROBE, PROBE, PROBE, PROBE, PROBE},
	.probe_exchange = "code=1023",
};

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONVERSATION_TESTS(&table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
