/* `shmotel-bench encode`: what a span of ten attributes costs, by the wire encoder and by protobuf-c in the same run,
 * and an exchange all the way into a batch. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "otlp/span_encoder.h"
#include "otlp/telemetry.h"

enum {
	SPANS_PER_BATCH = 512,
	BATCHES = 400,
	ROUNDS = 5, /* the best counts: what the machine does beside is not ours */
};

struct result {
	const char *what;
	double ns_per_span;
	size_t bytes_per_span;
};

static void make_span(struct span *span)
{
	memset(span, 0, sizeof(*span));
	memset(span->trace_id, 0x4b, sizeof(span->trace_id));
	memset(span->span_id, 0xf0, sizeof(span->span_id));
	memset(span->parent_span_id, 0xa3, sizeof(span->parent_span_id));
	span->has_parent = true;
	span->kind = SPAN_KIND_SERVER;
	span->flags = 0x301;
	span->name = SLICE_LITERAL("GET");
	span->start_unix_ns = UINT64_C(1800000000000000001);
	span->end_unix_ns = UINT64_C(1800000000012345678);
	span_add_text(span, ATTRIBUTE_HTTP_REQUEST_METHOD, SLICE_LITERAL("GET"));
	span_add_text(span, ATTRIBUTE_URL_PATH, SLICE_LITERAL("/api/v1/carts/7f3a/items"));
	span_add_text(span, ATTRIBUTE_URL_QUERY, SLICE_LITERAL("currency=EUR&page=2"));
	span_add_text(span, ATTRIBUTE_URL_SCHEME, SLICE_LITERAL("http"));
	span_add_text(span, ATTRIBUTE_SERVER_ADDRESS, SLICE_LITERAL("shop.example.com"));
	span_add_integer(span, ATTRIBUTE_SERVER_PORT, 8080);
	span_add_text(span, ATTRIBUTE_CLIENT_ADDRESS, SLICE_LITERAL("203.0.113.195"));
	span_add_text(span, ATTRIBUTE_NETWORK_PEER_ADDRESS, SLICE_LITERAL("10.0.14.201"));
	span_add_text(span, ATTRIBUTE_USER_AGENT_ORIGINAL,
		      SLICE_LITERAL("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"));
	span_add_integer(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 200);
}

/* The best mean of a round. */
static double best_ns_per_span(bool (*batch)(void *context), void *context)
{
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = bench_cpu_ns();

		for (int i = 0; i < BATCHES; i++)
			if (!batch(context))
				return -1;
		double ns = (double)(bench_cpu_ns() - start) / (BATCHES * SPANS_PER_BATCH);

		if (round == 0 || ns < best)
			best = ns;
	}
	return best;
}

/* --- the wire encoder --------------------------------------------------------------------------------------------- */

struct wire_context {
	struct span span;
	struct wire_buffer out;
};

static bool wire_batch(void *context)
{
	struct wire_context *c = context;

	wire_buffer_reset(&c->out);
	for (int i = 0; i < SPANS_PER_BATCH; i++) {
		c->span.end_unix_ns++;
		if (span_encode(&c->out, &c->span) != 0)
			return false;
	}
	return true;
}

/* --- the floors: the same bytes written by hand, and copied ------------------------------------------------------- */

enum { HAND_SPAN_BYTES_MAX = 512, HAND_PREFIX_BYTES = 3 /* tag and length of two bytes */ };

static inline uint8_t *hand_bytes(uint8_t *at, uint8_t tag, const void *bytes, size_t length)
{
	*at++ = tag;
	*at++ = (uint8_t)length;
	return (uint8_t *)memcpy(at, bytes, length) + length;
}

/* Up to the value, which has `length` bytes. Keys are literals, so their lengths are known when this is compiled. */
static inline uint8_t *hand_key(uint8_t *at, const char *key, size_t length)
{
	const size_t key_length = __builtin_strlen(key);

	*at++ = 0x4a;
	*at++ = (uint8_t)(2 + key_length + 2 + length);
	at = hand_bytes(at, 0x0a, key, key_length);
	*at++ = 0x12;
	*at++ = (uint8_t)length;
	return at;
}

static inline uint8_t *hand_text(uint8_t *at, const char *key, const struct attribute *a)
{
	return hand_bytes(hand_key(at, key, 2 + a->text.length), 0x0a, a->text.bytes, a->text.length);
}

static inline uint8_t *hand_integer(uint8_t *at, const char *key, const struct attribute *a)
{
	at = hand_key(at, key, 3);
	*at++ = 0x18;
	*at++ = (uint8_t)(a->integer | 0x80);
	*at++ = (uint8_t)(a->integer >> 7);
	return at;
}

static inline uint8_t *hand_time(uint8_t *at, uint8_t tag, uint64_t time)
{
	*at++ = tag;
	return (uint8_t *)memcpy(at, &time, sizeof(time)) + sizeof(time);
}

/* Knows the shape of make_span()'s span, that there is room, and that no length but its own is above 127. */
static uint8_t *hand_span(uint8_t *start, const struct span *span)
{
	const struct attribute *a = span->attributes;
	uint8_t *at = start + HAND_PREFIX_BYTES;

	at = hand_bytes(at, 0x0a, span->trace_id, sizeof(span->trace_id));
	at = hand_bytes(at, 0x12, span->span_id, sizeof(span->span_id));
	at = hand_bytes(at, 0x22, span->parent_span_id, sizeof(span->parent_span_id));
	at = hand_bytes(at, 0x2a, span->name.bytes, span->name.length);
	*at++ = 0x30;
	*at++ = (uint8_t)span->kind;
	at = hand_time(at, 0x39, span->start_unix_ns);
	at = hand_time(at, 0x41, span->end_unix_ns);
	at = hand_text(at, "http.request.method", &a[0]);
	at = hand_text(at, "url.path", &a[1]);
	at = hand_text(at, "url.query", &a[2]);
	at = hand_text(at, "url.scheme", &a[3]);
	at = hand_text(at, "server.address", &a[4]);
	at = hand_integer(at, "server.port", &a[5]);
	at = hand_text(at, "client.address", &a[6]);
	at = hand_text(at, "network.peer.address", &a[7]);
	at = hand_text(at, "user_agent.original", &a[8]);
	at = hand_integer(at, "http.response.status_code", &a[9]);
	memcpy(at, "\x7a\x00\x85\x01", 4); /* status unset, flags follow */
	memcpy(at + 4, &span->flags, sizeof(span->flags));
	at += 4 + sizeof(span->flags);
	const size_t size = (size_t)(at - start) - HAND_PREFIX_BYTES;

	memcpy(start, (uint8_t[]){0x12, (uint8_t)(size | 0x80), (uint8_t)(size >> 7)}, HAND_PREFIX_BYTES);
	return at;
}

struct hand_context {
	struct span span;
	size_t span_bytes;
	uint8_t out[SPANS_PER_BATCH * HAND_SPAN_BYTES_MAX], copied[SPANS_PER_BATCH * HAND_SPAN_BYTES_MAX];
};

static bool hand_batch(void *context)
{
	struct hand_context *c = context;
	uint8_t *at = c->out;

	for (int i = 0; i < SPANS_PER_BATCH; i++) {
		c->span.end_unix_ns++;
		at = hand_span(at, &c->span);
	}
	return at == c->out + SPANS_PER_BATCH * c->span_bytes;
}

static bool copied_batch(void *context)
{
	struct hand_context *c = context;

	for (int i = 0; i < SPANS_PER_BATCH; i++)
		memcpy(c->copied + (size_t)i * c->span_bytes, c->out + (size_t)i * c->span_bytes, c->span_bytes);
	__asm__ volatile("" ::"r"(c->copied) : "memory");
	return true;
}

/* --- protobuf-c, the message ready made --------------------------------------------------------------------------- */

struct packed_context {
	Opentelemetry__Proto__Trace__V1__ScopeSpans message;
	Opentelemetry__Proto__Trace__V1__Span *spans[SPANS_PER_BATCH];
	uint8_t *out;
};

static bool packed_batch(void *context)
{
	struct packed_context *c = context;

	c->spans[0]->end_time_unix_nano++;
	return protobuf_c_message_get_packed_size(&c->message.base) > 0 &&
	       protobuf_c_message_pack(&c->message.base, c->out) > 0;
}

/* --- the whole way: exchange to request --------------------------------------------------------------------------- */

struct exchange_context {
	struct telemetry *telemetry;
	struct exchange exchange;
	uint64_t bytes;
};

static void count_bytes(void *context, struct otlp_request *request)
{
	*(uint64_t *)context += request->length;
}

static bool exchange_batch(void *context)
{
	struct exchange_context *c = context;

	for (int i = 0; i < SPANS_PER_BATCH; i++)
		telemetry_take(c->telemetry, &c->exchange);
	return true;
}

static const struct process process = {.process_id = 1, .pid = 4711, .service_name = SLICE_LITERAL("shop")};
static const struct exchange_endpoints endpoints = {
	.network = EXCHANGE_NETWORK_IPV4,
	.local_port = 8080,
	.remote_port = 51234,
	.local_address = {10, 0, 14, 7},
	.remote_address = {10, 0, 14, 201},
};

static void make_exchange(struct exchange *exchange)
{
	*exchange = (struct exchange){
		.process = &process,
		.endpoints = &endpoints,
		.start_ns = 1000000000,
		.end_ns = 1012345678,
		.role = EXCHANGE_SERVER,
		.end = EXCHANGE_ENDED_BY_MESSAGE,
		.traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
		.http =
			{
				.version_major = 1,
				.version_minor = 1,
				.status = 200,
				.method = SLICE_LITERAL("GET"),
				.target = SLICE_LITERAL("/api/v1/carts/7f3a/items?currency=EUR&page=2"),
				.host = SLICE_LITERAL("shop.example.com:8080"),
				.user_agent = SLICE_LITERAL("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
				.request_body_bytes = -1,
				.response_body_bytes = -1,
			},
	};
}

static const struct exchange_endpoints database_endpoints = {
	.network = EXCHANGE_NETWORK_IPV4,
	.local_port = 51234,
	.remote_port = 5432,
	.local_address = {10, 0, 14, 7},
	.remote_address = {10, 0, 14, 201},
};

/* Like pgbench's: literals in the text. */
static void make_statement(struct exchange *exchange)
{
	make_exchange(exchange);
	exchange->endpoints = &database_endpoints;
	exchange->role = EXCHANGE_CLIENT;
	exchange->protocol = EXCHANGE_DATABASE;
	exchange->traceparent = (struct slice){0};
	exchange->database = (struct database_exchange){
		.system = DATABASE_POSTGRESQL,
		.language = DATABASE_SQL,
		.name_space = SLICE_LITERAL("shop"),
		.query_text =
			SLICE_LITERAL("UPDATE pgbench_accounts SET abalance = abalance + -4711 WHERE aid = 61203;"),
		.operations = 1,
		.returned_rows = -1,
	};
}

static void make_command(struct exchange *exchange)
{
	make_statement(exchange);
	exchange->database = (struct database_exchange){
		.system = DATABASE_REDIS,
		.language = DATABASE_COMMAND,
		.name_space = SLICE_LITERAL("0"),
		.operation = SLICE_LITERAL("GET"),
		.query_text = SLICE_LITERAL("GET user:42"),
		.operations = 1,
		.arguments = 1,
		.returned_rows = -1,
	};
}

static void make_call(struct exchange *exchange)
{
	make_exchange(exchange);
	exchange->protocol = EXCHANGE_RPC;
	exchange->rpc = (struct rpc_exchange){
		.path = SLICE_LITERAL("/shop.Cart/Add"),
		.authority = SLICE_LITERAL("shop.example.com:50051"),
		.http_status = 200,
		.request_messages = 1,
		.response_messages = 1,
	};
}

/* --- measurements ------------------------------------------------------------------------------------------------- */

static bool measure_wire(struct wire_context *c, struct result *result)
{
	make_span(&c->span);
	*result = (struct result){"wire_encoder", best_ns_per_span(wire_batch, c), c->out.length / SPANS_PER_BATCH};
	return result->ns_per_span > 0;
}

/* False also if the bytes are not the encoder's. */
static bool measure_floors(const struct wire_context *wire, struct result *hand, struct result *copied)
{
	static struct hand_context c;

	c.span = wire->span;
	c.span.end_unix_ns -= SPANS_PER_BATCH; /* as the encoder's last batch began */
	c.span_bytes = wire->out.length / SPANS_PER_BATCH;
	if (c.span_bytes > HAND_SPAN_BYTES_MAX || !hand_batch(&c) ||
	    memcmp(c.out, wire->out.bytes, wire->out.length) != 0)
		return false;
	*hand = (struct result){"floor_hand_written", best_ns_per_span(hand_batch, &c), c.span_bytes};
	*copied = (struct result){"floor_memcpy", best_ns_per_span(copied_batch, &c), c.span_bytes};
	return hand->ns_per_span > 0 && copied->ns_per_span > 0;
}

static bool measure_packed(const struct wire_context *wire, struct result *result)
{
	static struct packed_context c;
	Opentelemetry__Proto__Trace__V1__ScopeSpans *decoded =
		opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, wire->out.length, wire->out.bytes);

	c.out = malloc(wire->out.length);
	if (decoded == NULL || c.out == NULL)
		return false;
	opentelemetry__proto__trace__v1__scope_spans__init(&c.message);
	memcpy(c.spans, decoded->spans, sizeof(c.spans));
	c.message.n_spans = SPANS_PER_BATCH;
	c.message.spans = c.spans;
	*result = (struct result){"protobuf_c_pack", best_ns_per_span(packed_batch, &c),
				  protobuf_c_message_get_packed_size(&c.message.base) / SPANS_PER_BATCH};
	free(c.out);
	opentelemetry__proto__trace__v1__scope_spans__free_unpacked(decoded, NULL);
	return result->ns_per_span > 0;
}

static bool measure_exchange(const char *what, void (*make)(struct exchange *exchange), struct result *result)
{
	struct exchange_context c = {0};
	const struct otlp_request_sink sink = {count_bytes, &c.bytes};
	struct telemetry_config config;

	telemetry_config_defaults(&config);
	c.telemetry = telemetry_create(&config, &sink);
	if (c.telemetry == NULL)
		return false;
	make(&c.exchange);
	*result = (struct result){what, best_ns_per_span(exchange_batch, &c), 0};
	result->bytes_per_span = c.bytes / ((uint64_t)ROUNDS * BATCHES * SPANS_PER_BATCH);
	telemetry_destroy(c.telemetry);
	return result->ns_per_span > 0;
}

/* The ratio is there where the floor writes the same bytes. */
static void print_result(const struct result *result, const struct result *floor, bool json)
{
	char ratio[64] = "";

	if (result->bytes_per_span == floor->bytes_per_span)
		snprintf(ratio, sizeof(ratio), json ? ",\"ratio_to_floor\":%.2f" : "  %5.2f times floor_hand_written",
			 result->ns_per_span / floor->ns_per_span);
	if (json)
		printf("{\"bench\":\"encode\",\"case\":\"%s\",\"attributes\":10,\"ns_per_span\":%.1f,"
		       "\"bytes_per_span\":%zu%s}\n",
		       result->what, result->ns_per_span, result->bytes_per_span, ratio);
	else
		printf("%-20s %8.1f ns/span  %4zu bytes/span%s\n", result->what, result->ns_per_span,
		       result->bytes_per_span, ratio);
}

static int run(bool json)
{
	static struct wire_context wire;
	struct result results[8];
	bool measured = measure_wire(&wire, &results[0]) && measure_floors(&wire, &results[6], &results[7]) &&
			measure_packed(&wire, &results[1]) &&
			measure_exchange("exchange_to_request", make_exchange, &results[2]) &&
			measure_exchange("rpc_to_request", make_call, &results[3]) &&
			measure_exchange("sql_to_request", make_statement, &results[4]) &&
			measure_exchange("command_to_request", make_command, &results[5]);

	wire_buffer_free(&wire.out);
	if (!measured) {
		fprintf(stderr, "shmotel-bench: the measurement could not be made\n");
		return 1;
	}
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		print_result(&results[i], &results[6], json);
	return 0;
}

const struct bench_command encode_bench = {
	.name = "encode",
	.summary = "spans of ten attributes into OTLP",
	.purpose =
		"What a span of ten attributes costs: by the wire encoder, by protobuf-c's pack of a message that is\n"
		"ready made, and from an exchange all the way into a request. The floors: the same bytes by code that\n"
		"is written for this one span and checks nothing, and copied. CPU time, the best of five rounds each.",
	.run = run,
};
