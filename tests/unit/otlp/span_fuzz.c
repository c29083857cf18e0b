/* Fuzz span_from_exchange, the encoder, redaction and resources: whatever headers and environments say, what comes out
 * is decodable, valid UTF-8 without control characters, and within its limits. */
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>

#include "exchange_fixture.h"
#include "otlp/resource.h"
#include "otlp/span_encoder.h"
#include "otlp/span_from_exchange.h"
#include "request_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next field of the input, up to a line feed. */
static struct slice take_field(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t length = end == NULL ? *size : (size_t)(end - *data);
	struct slice field = {length == 0 ? NULL : (const char *)*data, length};
	size_t step = end == NULL ? length : length + 1;

	*data += step;
	*size -= step;
	return field;
}

static void check_text(const char *text, bool may_have_lines)
{
	char converted[4 * 8192];
	char *in = (char *)text;
	char *out = converted;
	size_t in_left = strlen(text);
	size_t out_left = sizeof(converted);
	iconv_t decoder = iconv_open("UTF-32LE", "UTF-8");

	if (decoder == (iconv_t)-1 || iconv(decoder, &in, &in_left, &out, &out_left) == (size_t)-1)
		abort();
	iconv_close(decoder);
	for (const char *at = converted; at < out; at += sizeof(uint32_t)) {
		uint32_t c;

		memcpy(&c, at, sizeof(c));
		if (may_have_lines && (c == '\n' || c == '\t'))
			continue;
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			abort();
	}
}

static void check_attributes(key_value *const *attributes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_text(attributes[i]->key, false);
		if (attributes[i]->value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
			check_text(attributes[i]->value->string_value,
				   strcmp(attributes[i]->key, "db.query.text") == 0);
	}
}

static void check_span(const struct exchange *exchange)
{
	static struct span span;
	static struct random_ids ids = {{1, 2, 3, 4}};
	struct span_rules rules;
	struct wire_buffer out = {0};
	Opentelemetry__Proto__Trace__V1__ScopeSpans *decoded;

	span_rules_defaults(&rules);
	span_from_exchange(&span, exchange, &rules, &ids, 0);
	if (span_encode(&out, &span) != 0 || out.length > SPAN_ENCODED_MAX)
		abort();
	decoded = opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, out.length, out.bytes);
	if (decoded == NULL)
		abort();
	check_text(decoded->spans[0]->trace_state, false);
	check_text(decoded->spans[0]->name, false);
	check_text(decoded->spans[0]->status->message, false);
	check_attributes(decoded->spans[0]->attributes, decoded->spans[0]->n_attributes);
	opentelemetry__proto__trace__v1__scope_spans__free_unpacked(decoded, NULL);
	wire_buffer_free(&out);
}

static void check_resource(const struct process *process)
{
	static const struct host_identity host = {"host", "id", "arch"};
	const struct resource_rules rules = {&host, true};
	struct wire_buffer out = {0};
	Opentelemetry__Proto__Trace__V1__ResourceSpans *decoded;

	resource_encode(&out, process, &rules);
	decoded = opentelemetry__proto__trace__v1__resource_spans__unpack(NULL, out.length, out.bytes);
	if (out.failed || decoded == NULL)
		abort();
	check_attributes(decoded->resource->attributes, decoded->resource->n_attributes);
	opentelemetry__proto__trace__v1__resource_spans__free_unpacked(decoded, NULL);
	wire_buffer_free(&out);
}

/* The exchange's texts are the next fields of the input, in this order. */
static void take_fields(struct slice *const *fields, size_t count, const uint8_t **data, size_t *size)
{
	for (size_t i = 0; i < count; i++)
		*fields[i] = take_field(data, size);
}

#define TAKE_FIELDS(fields, data, size) take_fields(fields, sizeof(fields) / sizeof((fields)[0]), data, size)

static void fill_http(struct exchange *exchange, const uint8_t **data, size_t *size)
{
	struct http_exchange *http = &exchange->http;
	struct slice *const fields[] = {&http->method,		 &http->target,		 &http->host,
					&http->user_agent,	 &exchange->traceparent, &exchange->tracestate,
					&http->forwarded,	 &http->x_forwarded_for, &http->x_forwarded_proto,
					&http->x_forwarded_host, &http->scheme};

	TAKE_FIELDS(fields, data, size);
}

static void fill_rpc(struct exchange *exchange, uint8_t choice, const uint8_t **data, size_t *size)
{
	struct rpc_exchange *rpc = &exchange->rpc;
	struct slice *const fields[] = {&rpc->path, &rpc->authority, &rpc->status_message, &exchange->traceparent};

	*exchange = rpc_fixture(exchange->role, NULL);
	rpc->status = choice - 2;
	exchange->end = (enum exchange_end)(choice % (EXCHANGE_RESET_BY_SERVER + 1));
	TAKE_FIELDS(fields, data, size);
}

/* Lines are fields, so that a statement has its line feeds as carriage returns; they are turned back. */
static void fill_database(struct exchange *exchange, uint8_t choice, const uint8_t **data, size_t *size)
{
	static char query[4096];
	struct database_exchange *database = &exchange->database;
	struct slice *const fields[] = {&database->operation, &database->name_space, &database->status_code,
					&database->stored_procedure, &database->query_text};

	*exchange = database_fixture(exchange->role, NULL);
	database->system = (enum database_system)(choice % DATABASE_SYSTEMS);
	database->language = database->system >= DATABASE_REDIS ? DATABASE_COMMAND : DATABASE_SQL;
	database->parameterised = (choice & 0x20) != 0;
	database->failed = (choice & 0x10) != 0;
	database->operations = 1 + (choice & 1);
	database->arguments = choice;
	exchange->flags = (choice & 0x40) != 0 ? EXCHANGE_REQUEST_CUT : 0;
	TAKE_FIELDS(fields, data, size);
	if (database->query_text.length == 0 || database->query_text.length > sizeof(query))
		return;
	memcpy(query, database->query_text.bytes, database->query_text.length);
	for (size_t i = 0; i < database->query_text.length; i++)
		query[i] = query[i] == '\r' ? '\n' : query[i];
	database->query_text.bytes = query;
}

/* First byte: role and kind; second byte, but for HTTP: what is not text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t head = size > 0 ? data[0] : 0;
	uint8_t choice = head >= 0x80 && size > 1 ? data[1] : 0;
	struct exchange exchange = exchange_fixture(head % 2 == 1 ? EXCHANGE_CLIENT : EXCHANGE_SERVER, NULL);
	struct process process = {.pid = 1};

	if (size > 0) {
		data++;
		size--;
	}
	if (head >= 0x80 && size > 0) {
		data++;
		size--;
	}
	if (head < 0x80)
		fill_http(&exchange, &data, &size);
	else if (head < 0xc0)
		fill_rpc(&exchange, choice, &data, &size);
	else
		fill_database(&exchange, choice, &data, &size);
	process.service_name = take_field(&data, &size);
	process.resource_attributes = take_field(&data, &size);
	process.executable = take_field(&data, &size);
	process.command_line = take_field(&data, &size);
	check_span(&exchange);
	check_resource(&process);
	return 0;
}
