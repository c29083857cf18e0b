/* Keep the text of a connection's prepared statements: a bounded table, least recently used out first. */
#include <assert.h>

#include "counters.h"
#include "protocols/mysql/mysql.h"

static struct mysql_statement **bucket_of(struct mysql_statements *statements, uint32_t id)
{
	return &statements->buckets[id % MYSQL_STATEMENT_BUCKETS];
}

static size_t block_bytes(const struct mysql_statement *statement)
{
	return sizeof(*statement) + statement->text_bytes;
}

static void unlink_use(struct mysql_statements *statements, struct mysql_statement *statement)
{
	*(statement->newer == NULL ? &statements->newest : &statement->newer->older) = statement->older;
	*(statement->older == NULL ? &statements->oldest : &statement->older->newer) = statement->newer;
}

static void link_newest(struct mysql_statements *statements, struct mysql_statement *statement)
{
	statement->newer = NULL;
	statement->older = statements->newest;
	*(statements->newest == NULL ? &statements->oldest : &statements->newest->newer) = statement;
	statements->newest = statement;
}

static void drop(struct mysql_statements *statements, struct block_pool *pool, struct mysql_statement *statement)
{
	struct mysql_statement **at = bucket_of(statements, statement->id);

	while (*at != statement) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = statement->next;
	unlink_use(statements, statement);
	statements->count--;
	statements->bytes -= (uint32_t)block_bytes(statement);
	block_pool_give(pool, statement, block_bytes(statement));
}

void mysql_statements_add(struct mysql_statements *statements, struct block_pool *pool, uint32_t id, struct slice text,
			  bool parameterised, bool cut)
{
	struct mysql_statement **bucket = bucket_of(statements, id);
	size_t bytes = sizeof(**bucket) + text.length;

	mysql_statements_remove(statements, pool, id);
	statements->last_id = id;
	while (statements->oldest != NULL && (statements->count >= MYSQL_STATEMENTS_MAX ||
					      statements->bytes + bytes > MYSQL_STATEMENT_BYTES_MAX)) {
		counter_add(COUNTER_STATEMENTS_EVICTED, 1);
		drop(statements, pool, statements->oldest);
	}
	struct mysql_statement *statement = block_pool_take(pool, bytes);

	if (statement == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return;
	}
	*statement = (struct mysql_statement){.next = *bucket,
					      .id = id,
					      .text_bytes = (uint32_t)text.length,
					      .parameterised = parameterised,
					      .cut = cut};
	if (text.length > 0)
		memcpy(statement->text, text.bytes, text.length);
	*bucket = statement;
	link_newest(statements, statement);
	statements->count++;
	statements->bytes += (uint32_t)bytes;
}

struct mysql_statement *mysql_statements_find(struct mysql_statements *statements, uint32_t id)
{
	struct mysql_statement *statement = *bucket_of(statements, id);

	while (statement != NULL && statement->id != id)
		statement = statement->next;
	if (statement != NULL && statement != statements->newest) {
		unlink_use(statements, statement);
		link_newest(statements, statement);
	}
	return statement;
}

void mysql_statements_remove(struct mysql_statements *statements, struct block_pool *pool, uint32_t id)
{
	struct mysql_statement *statement = mysql_statements_find(statements, id);

	if (statement != NULL)
		drop(statements, pool, statement);
}

void mysql_statements_clear(struct mysql_statements *statements, struct block_pool *pool)
{
	while (statements->oldest != NULL)
		drop(statements, pool, statements->oldest);
	statements->last_id = 0;
}
