/* Play a target's script, and check what holds for every exchange. */
#include "connection_script.h"

#include <stdlib.h>
#include <string.h>

enum { COMMAND_NS = 1000, TICK_NS = 10000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

uint8_t script_take_byte(struct connection_script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->bytes++;
}

struct slice script_take(struct connection_script *s, size_t most)
{
	struct slice taken = {(const char *)s->bytes, most < s->left ? most : s->left};

	s->bytes += taken.length;
	s->left -= taken.length;
	return taken;
}

void script_announce(struct connection_script *s, uint32_t connection, uint16_t flags, uint8_t role, uint8_t family)
{
	struct shm_record_connection fixed = {
		.header = {.type = SHM_RECORD_CONNECTION, .flags = flags},
		.connection_id = connection,
		.role = role,
		.family = family,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.connection.fixed = &fixed;
	if (family == SHM_FAMILY_UNIX)
		view.connection.unix_path = (struct shm_string){"/x", 2};
	memset(s->offsets[connection], 0, sizeof(s->offsets[connection]));
	connections_record(s->connections, &view);
}

void script_say_at(struct connection_script *s, uint32_t connection, bool sent, uint64_t offset, struct slice shown,
		   uint32_t hidden, uint16_t flags)
{
	uint8_t *copy = malloc(shown.length + 1);

	if (copy == NULL)
		abort();
	if (shown.length > 0)
		memcpy(copy + 1, shown.bytes, shown.length);
	struct shm_record_data fixed = {
		.header = {.type = SHM_RECORD_DATA, .flags = (uint16_t)(flags | (sent ? SHM_DATA_SENT : 0))},
		.connection_id = connection,
		.time_ns = s->now_ns,
		.offset = offset,
		.byte_count = (uint32_t)shown.length + hidden,
		.captured_bytes = (uint16_t)shown.length,
	};
	struct shm_record_view view = {.header = &fixed.header};

	view.data.fixed = &fixed;
	view.data.bytes = copy + 1;
	connections_record(s->connections, &view);
	free(copy);
}

void script_say(struct connection_script *s, uint32_t connection, bool sent, struct slice shown, uint32_t hidden,
		uint16_t flags)
{
	script_say_at(s, connection, sent, s->offsets[connection][sent], shown, hidden, flags);
	s->offsets[connection][sent] += shown.length + hidden;
}

void script_close(struct connection_script *s, uint32_t connection, uint8_t reason)
{
	struct shm_record_connection_close fixed = {
		.header.type = SHM_RECORD_CONNECTION_CLOSE,
		.connection_id = connection,
		.time_ns = s->now_ns,
		.sent_bytes = s->offsets[connection][true],
		.received_bytes = s->offsets[connection][false],
		.reason = reason,
	};

	connections_record(s->connections,
			   &(struct shm_record_view){.header = &fixed.header, .connection_close = &fixed});
}

void script_tick(struct connection_script *s, uint8_t times)
{
	s->now_ns += (uint64_t)times * TICK_NS;
	connections_tick(s->connections, s->now_ns);
}

static void touch(const struct slice *slices, size_t count)
{
	static volatile char sum;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < slices[i].length; j++)
			sum = (char)(sum + slices[i].bytes[j]);
	}
}

#define TOUCH(...)                                                                                                     \
	touch((const struct slice[]){__VA_ARGS__}, sizeof((struct slice[]){__VA_ARGS__}) / sizeof(struct slice))

static void touch_http(const struct http_exchange *h)
{
	TOUCH(h->method, h->target, h->scheme, h->host, h->user_agent, h->x_forwarded_for, h->forwarded,
	      h->x_forwarded_proto, h->x_forwarded_host);
}

static void touch_rpc(const struct rpc_exchange *r)
{
	TOUCH(r->path, r->authority, r->scheme, r->user_agent, r->status_message);
}

static void touch_database(const struct database_exchange *d)
{
	TOUCH(d->name_space, d->operation, d->query_text, d->stored_procedure, d->status_code);
}

static void take(void *context, const struct exchange *x)
{
	(void)context;
	if (x->start_ns > x->end_ns || x->endpoints == NULL)
		abort();
	TOUCH(x->traceparent, x->tracestate);
	switch (x->protocol) {
	case EXCHANGE_HTTP:
		touch_http(&x->http);
		break;
	case EXCHANGE_RPC:
		touch_rpc(&x->rpc);
		break;
	case EXCHANGE_DATABASE:
		touch_database(&x->database);
		break;
	}
	connection_target.check(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connection_script s = {.bytes = data, .left = size, .now_ns = 1};

	s.connections = connections_create(&connection_target.limits, &(struct exchange_sink){take, NULL});
	if (s.connections == NULL)
		return 0;
	connection_target.begin(&s);
	while (s.left > 0) {
		s.now_ns += COMMAND_NS;
		connection_target.run_command(&s);
	}
	connections_shutdown(s.connections);
	if (connections_usage(s.connections).buffer_bytes != 0)
		abort();
	connections_destroy(s.connections);
	return 0;
}
