/* A client with prepared statements of every kind, on MariaDB's C connector: `statements HOST PORT SOCKET ROUNDS`.
 * Prints what it has done, one line of `kind count` each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mysql.h>

static MYSQL *connection;

static void must(int failed, const char *what)
{
	if (!failed)
		return;
	fprintf(stderr, "%s: %s\n", what, mysql_error(connection));
	exit(1);
}

static MYSQL_STMT *prepare(const char *text)
{
	MYSQL_STMT *statement = mysql_stmt_init(connection);

	must(mysql_stmt_prepare(statement, text, strlen(text)), mysql_stmt_error(statement));
	return statement;
}

static void bind_number(MYSQL_STMT *statement, int *number)
{
	MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG, .buffer = number};

	must(mysql_stmt_bind_param(statement, &bind), "bind");
}

static unsigned fetch_all(MYSQL_STMT *statement)
{
	char text[64];
	unsigned long length;
	unsigned rows = 0;
	MYSQL_BIND bind = {
		.buffer_type = MYSQL_TYPE_STRING, .buffer = text, .buffer_length = sizeof(text), .length = &length};

	must(mysql_stmt_bind_result(statement, &bind), "bind result");
	while (mysql_stmt_fetch(statement) == 0)
		rows++;
	mysql_stmt_free_result(statement);
	return rows;
}

static void execute_often(int rounds)
{
	MYSQL_STMT *statement = prepare("SELECT word FROM words WHERE id < ?");
	unsigned rows = 0;

	for (int number = 0; number < rounds; number++) {
		int limit = number % 10;

		bind_number(statement, &limit);
		must(mysql_stmt_execute(statement), mysql_stmt_error(statement));
		rows += fetch_all(statement);
	}
	must(mysql_stmt_close(statement), "close");
	printf("executed %d\nrows %u\n", rounds, rows);
}

static void use_a_cursor(void)
{
	MYSQL_STMT *statement = prepare("SELECT word FROM words ORDER BY id");
	unsigned long type = CURSOR_TYPE_READ_ONLY, rows = 3;

	mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &type);
	mysql_stmt_attr_set(statement, STMT_ATTR_PREFETCH_ROWS, &rows);
	must(mysql_stmt_execute(statement), "cursor");
	printf("cursor %u\n", fetch_all(statement));
	must(mysql_stmt_close(statement), "close");
}

static void send_long_data(void)
{
	static char piece[500];
	MYSQL_STMT *statement = prepare("INSERT INTO texts (text) VALUES (?)");
	MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG_BLOB};

	memset(piece, 'x', sizeof(piece));
	must(mysql_stmt_bind_param(statement, &bind), "bind long");
	for (int i = 0; i < 3; i++)
		must(mysql_stmt_send_long_data(statement, 0, piece, sizeof(piece)), "long data");
	must(mysql_stmt_execute(statement), "long data");
	must(mysql_stmt_close(statement), "close");
}

static void execute_directly(void)
{
	static const char text[] = "SELECT word FROM words WHERE id = 1";
	MYSQL_STMT *statement = mysql_stmt_init(connection);

	must(mariadb_stmt_execute_direct(statement, text, strlen(text)), "direct");
	printf("direct %u\n", fetch_all(statement));
	must(mysql_stmt_close(statement), "close");
}

static void execute_in_bulk(void)
{
	int numbers[100];
	MYSQL_STMT *statement = prepare("INSERT INTO numbers (n) VALUES (?)");
	MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_LONG, .buffer = numbers};
	unsigned count = 100;

	for (int i = 0; i < 100; i++)
		numbers[i] = i;
	mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &count);
	must(mysql_stmt_bind_param(statement, &bind), "bind bulk");
	must(mysql_stmt_execute(statement), mysql_stmt_error(statement));
	must(mysql_stmt_close(statement), "close");
}

static void fail_to_prepare(void)
{
	static const char text[] = "SELECT word FROM no_such_words WHERE id = ?";
	MYSQL_STMT *statement = mysql_stmt_init(connection);

	if (mysql_stmt_prepare(statement, text, strlen(text)) == 0)
		exit(1);
	printf("refused %u\n", mysql_stmt_errno(statement));
	mysql_stmt_close(statement);
}

static void several_results(void)
{
	unsigned results = 0;

	must(mysql_query(connection, "SELECT 1; SELECT word FROM words; DO 1"), "several");
	do {
		MYSQL_RES *result = mysql_store_result(connection);

		mysql_free_result(result);
		results++;
	} while (mysql_next_result(connection) == 0);
	printf("results %u\n", results);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	const char *socket = strcmp(argv[3], "-") == 0 ? NULL : argv[3];

	connection = mysql_init(NULL);
	must(mysql_real_connect(connection, socket == NULL ? argv[1] : NULL, "root", "", "shop",
				(unsigned)atoi(argv[2]), socket, CLIENT_MULTI_STATEMENTS) == NULL, "connect");
	execute_often(atoi(argv[4]));
	use_a_cursor();
	send_long_data();
	execute_directly();
	execute_in_bulk();
	fail_to_prepare();
	several_results();
	mysql_close(connection);
	return 0;
}
