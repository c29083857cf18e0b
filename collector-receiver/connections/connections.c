/* Lead records to the process table and to the conversations. */
#include "connections/connections.h"

#include <stdlib.h>

#include "connections/connection_table.h"
#include "connections/conversation.h"
#include "connections/process_table.h"
#include "counters.h"

struct connections {
	struct connection_table table;
	struct process_table *processes;
	struct exchange_sink sink;
	struct conversation_env env;
	uint64_t latest_ns; /* of all records */
};

struct connections *connections_create(const struct connections_limits *limits, const struct exchange_sink *sink)
{
	struct connections *connections = calloc(1, sizeof(*connections));

	if (connections == NULL)
		return NULL;
	connections->sink = *sink;
	connections->env.sink = &connections->sink;
	connections->env.pool = block_pool_create(limits->buffer_bytes_max);
	connections->processes = process_table_create(limits->processes_max);
	if (connections->env.pool == NULL || connections->processes == NULL ||
	    connection_table_init(&connections->table, limits->connections_max) != 0) {
		process_table_destroy(connections->processes);
		block_pool_destroy(connections->env.pool);
		free(connections);
		return NULL;
	}
	return connections;
}

static void forget(struct connections *connections, struct connection *c, uint64_t time_ns, enum exchange_end reason)
{
	struct slice *path = &c->endpoints.unix_path;

	conversation_close(&connections->env, c, time_ns, reason);
	block_pool_give(connections->env.pool, (char *)path->bytes, path->length);
	process_table_release(connections->processes, c->process);
	connection_table_remove(&connections->table, c);
}

static void forget_all(struct connections *connections, enum exchange_end reason)
{
	struct connection *c;

	while ((c = connection_table_oldest(&connections->table)) != NULL)
		forget(connections, c, connections->latest_ns, reason);
	process_table_clear(connections->processes);
}

void connections_reset(struct connections *connections)
{
	forget_all(connections, EXCHANGE_CUT_BY_LOSS);
}

void connections_shutdown(struct connections *connections)
{
	forget_all(connections, EXCHANGE_CUT_BY_SHUTDOWN);
}

static void ignore(void *context, const struct exchange *exchange)
{
	(void)context;
	(void)exchange;
}

void connections_destroy(struct connections *connections)
{
	if (connections == NULL)
		return;
	connections->sink = (struct exchange_sink){.take = ignore};
	forget_all(connections, EXCHANGE_CUT_BY_SHUTDOWN);
	connection_table_free(&connections->table);
	process_table_destroy(connections->processes);
	block_pool_destroy(connections->env.pool);
	free(connections);
}

static enum exchange_network network_of(uint8_t family)
{
	switch (family) {
	case SHM_FAMILY_IPV6:
		return EXCHANGE_NETWORK_IPV6;
	case SHM_FAMILY_UNIX:
		return EXCHANGE_NETWORK_UNIX;
	default:
		return EXCHANGE_NETWORK_IPV4;
	}
}

static void set_endpoints(struct connections *connections, struct connection *c, const struct shm_record_view *view)
{
	const struct shm_record_connection *fixed = view->connection.fixed;
	struct shm_string path = view->connection.unix_path;

	c->endpoints = (struct exchange_endpoints){
		.network = network_of(fixed->family),
		.local_port = fixed->local_port,
		.remote_port = fixed->remote_port,
	};
	memcpy(c->endpoints.local_address, fixed->local_address, sizeof(fixed->local_address));
	memcpy(c->endpoints.remote_address, fixed->remote_address, sizeof(fixed->remote_address));
	char *copy = path.length == 0 ? NULL : block_pool_take(connections->env.pool, path.length);

	if (copy != NULL) {
		memcpy(copy, path.bytes, path.length);
		c->endpoints.unix_path = (struct slice){copy, path.length};
	} else if (path.length > 0) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
	}
}

static void set_owner(struct connections *connections, struct connection *c, uint64_t process_id)
{
	struct process *process = process_table_hold(connections->processes, process_id);

	process_table_release(connections->processes, c->process);
	c->process = process;
	c->process_id = process_id;
}

/* A connection that only has a new owner, and is unknown here, was given up before. */
static const uint16_t beginning_unseen = SHM_CONNECTION_JOINED | SHM_CONNECTION_SNAPSHOT | SHM_CONNECTION_OWNER;

static void take_connection(struct connections *connections, const struct shm_record_view *view)
{
	const struct shm_record_connection *fixed = view->connection.fixed;
	struct connection *c = connection_table_find(&connections->table, fixed->connection_id);

	if (c == NULL) {
		if (connection_table_is_full(&connections->table)) {
			counter_add(COUNTER_CONNECTION_TABLE_FULL, 1);
			forget(connections, connection_table_oldest(&connections->table), connections->latest_ns,
			       EXCHANGE_CUT_BY_SHUTDOWN);
		}
		c = connection_table_add(&connections->table, fixed->connection_id);
		set_endpoints(connections, c, view);
		c->joined = (fixed->header.flags & beginning_unseen) != 0;
		c->last_direction = NO_DIRECTION;
		/* a hint, until the first request decides */
		c->client_direction = fixed->role == SHM_ROLE_CLIENT ? SENT : RECEIVED;
		c->role_known = fixed->role != SHM_ROLE_UNKNOWN;
	}
	set_owner(connections, c, fixed->process_id);
}

static void take_data(struct connections *connections, const struct shm_record_view *view)
{
	const struct shm_record_data *fixed = view->data.fixed;
	struct connection *c = connection_table_find(&connections->table, fixed->connection_id);
	enum direction direction = (fixed->header.flags & SHM_DATA_SENT) != 0 ? SENT : RECEIVED;

	if (c == NULL) {
		counter_add(COUNTER_CONNECTION_UNKNOWN, 1);
		return;
	}
	if (c->process == NULL) /* announced late, or evicted and announced again */
		c->process = process_table_hold(connections->processes, c->process_id);
	conversation_take(&connections->env, c, direction,
			  (struct segment){
				  .offset = fixed->offset,
				  .time_ns = fixed->time_ns,
				  .bytes = (const char *)view->data.bytes,
				  .captured = fixed->captured_bytes,
				  .byte_count = fixed->byte_count > fixed->captured_bytes ? fixed->byte_count
											   : fixed->captured_bytes,
				  .end = (fixed->header.flags & SHM_DATA_END_OF_STREAM) != 0,
				  .frame = (fixed->header.flags & SHM_DATA_HTTP2_FRAME) != 0,
			  });
	connections->latest_ns = fixed->time_ns;
}

static void take_close(struct connections *connections, const struct shm_record_connection_close *record)
{
	struct connection *c = connection_table_find(&connections->table, record->connection_id);
	const uint64_t final_offsets[2] = {[SENT] = record->sent_bytes, [RECEIVED] = record->received_bytes};

	if (c == NULL) {
		counter_add(COUNTER_CONNECTION_UNKNOWN, 1);
		return;
	}
	if (record->reason == SHM_CLOSE_EVICTED) {
		forget(connections, c, record->time_ns, EXCHANGE_CUT_BY_SHUTDOWN);
		return;
	}
	conversation_end(&connections->env, c, final_offsets, record->time_ns, record->reason == SHM_CLOSE_NORMAL);
	forget(connections, c, record->time_ns, EXCHANGE_CUT_BY_CLOSE);
}

bool connections_record(struct connections *connections, const struct shm_record_view *view)
{
	switch (view->header->type) {
	case SHM_RECORD_PROCESS:
		process_table_announce(connections->processes, view);
		return true;
	case SHM_RECORD_PROCESS_EXIT:
		process_table_exit(connections->processes, view->process_exit->process_id, view->process_exit->time_ns);
		return true;
	case SHM_RECORD_CONNECTION:
		take_connection(connections, view);
		return true;
	case SHM_RECORD_DATA:
		take_data(connections, view);
		return true;
	case SHM_RECORD_CONNECTION_CLOSE:
		take_close(connections, view->connection_close);
		return true;
	default:
		return false;
	}
}

void connections_tick(struct connections *connections, uint64_t now_ns)
{
	struct connection *c = connection_table_oldest(&connections->table);
	uint64_t before_ns = now_ns > HELD_NS_MAX ? now_ns - HELD_NS_MAX : 0;

	for (; c != NULL && connections->env.held > 0; c = connection_table_newer(&connections->table, c))
		conversation_release(&connections->env, c, before_ns);
	process_table_tick(connections->processes, now_ns);
}

struct connections_usage connections_usage(const struct connections *connections)
{
	return (struct connections_usage){
		.connections = connections->table.count,
		.processes = process_table_count(connections->processes),
		.buffer_bytes = block_pool_bytes_in_use(connections->env.pool),
	};
}
