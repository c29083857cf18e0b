/* Apply the HTTP span conventions to an exchange. */
#include "otlp/span_from_exchange.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "otlp/http_target.h"
#include "otlp/trace_context.h"

static const struct slice default_methods[] = {
	SLICE_LITERAL("GET"),	 SLICE_LITERAL("POST"),	   SLICE_LITERAL("HEAD"),  SLICE_LITERAL("PUT"),
	SLICE_LITERAL("DELETE"), SLICE_LITERAL("OPTIONS"), SLICE_LITERAL("PATCH"), SLICE_LITERAL("CONNECT"),
	SLICE_LITERAL("TRACE"),	 SLICE_LITERAL("QUERY"),
};

void span_rules_defaults(struct span_rules *rules)
{
	*rules = (struct span_rules){
		.known_methods = default_methods,
		.known_method_count = sizeof(default_methods) / sizeof(default_methods[0]),
		.redaction = redaction_default,
	};
}

enum {
	V4_MAPPED_PREFIX = 12,
};

/* What several attributes are made from. */
struct http_parts {
	const struct http_exchange *http;
	const struct exchange_endpoints *ends;
	bool is_server;
	struct http_target target;
	struct slice scheme;
	struct slice authority; /* as it goes into url.full */
};

/* --- method ------------------------------------------------------------------------------------------------------- */

static const struct slice *find_method(const struct span_rules *rules, struct slice method)
{
	for (size_t i = 0; i < rules->known_method_count; i++)
		if (slice_equal(rules->known_methods[i], method))
			return &rules->known_methods[i];
	return NULL;
}

static void set_method(struct span *span, const struct span_rules *rules, struct slice method)
{
	const struct slice *known = method.length > 0 ? find_method(rules, method) : NULL;

	if (known != NULL) {
		span->name = *known;
		span_add_text(span, ATTRIBUTE_HTTP_REQUEST_METHOD, *known);
		return;
	}
	span->name = SLICE_LITERAL("HTTP");
	span_add_text(span, ATTRIBUTE_HTTP_REQUEST_METHOD, SLICE_LITERAL("_OTHER"));
	if (method.length > 0)
		span_add_text(span, ATTRIBUTE_HTTP_REQUEST_METHOD_ORIGINAL,
			      redaction_text(&span->space, method, REDACTION_METHOD_MAX));
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static struct slice write_number(struct span *span, unsigned number)
{
	char *at = span->space.bytes + span->space.length;
	int length = snprintf(at, span->space.capacity - span->space.length, "%u", number);

	span->space.length += (size_t)length;
	return (struct slice){at, (size_t)length};
}

static struct slice write_ipv4(struct span *span, const uint8_t *address)
{
	char *start = span->space.bytes + span->space.length;
	char *at = start;

	for (int i = 0; i < 4; i++) {
		unsigned part = address[i];

		if (i > 0)
			*at++ = '.';
		if (part >= 100)
			*at++ = (char)('0' + part / 100);
		if (part >= 10)
			*at++ = (char)('0' + part / 10 % 10);
		*at++ = (char)('0' + part % 10);
	}
	span->space.length += (size_t)(at - start);
	return (struct slice){start, (size_t)(at - start)};
}

/* An IPv4 peer of an IPv6 socket: ::ffff:a.b.c.d. */
static bool is_v4_mapped(const uint8_t *address)
{
	static const uint8_t prefix[V4_MAPPED_PREFIX] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

static struct slice write_address(struct span *span, const struct exchange_endpoints *ends, bool local)
{
	const uint8_t *address = local ? ends->local_address : ends->remote_address;
	char *at = span->space.bytes + span->space.length;

	switch (ends->network) {
	case EXCHANGE_NETWORK_IPV4:
		return write_ipv4(span, address);
	case EXCHANGE_NETWORK_IPV6:
		if (is_v4_mapped(address))
			return write_ipv4(span, address + V4_MAPPED_PREFIX);
		inet_ntop(AF_INET6, address, at, INET6_ADDRSTRLEN);
		span->space.length += strlen(at);
		return (struct slice){at, strlen(at)};
	case EXCHANGE_NETWORK_UNIX:
		return redaction_text(&span->space, ends->unix_path, REDACTION_HOST_MAX);
	}
	return (struct slice){0};
}

/* The path of a Unix socket is the server's name; its client has none. */
static void set_peer(struct span *span, const struct http_parts *parts)
{
	bool unnamed = parts->is_server && parts->ends->network == EXCHANGE_NETWORK_UNIX;
	struct slice address = unnamed ? (struct slice){0} : write_address(span, parts->ends, false);

	if (address.length > 0)
		span_add_text(span, ATTRIBUTE_NETWORK_PEER_ADDRESS, address);
	if (parts->ends->network == EXCHANGE_NETWORK_UNIX)
		span_add_text(span, ATTRIBUTE_NETWORK_TRANSPORT, SLICE_LITERAL("unix"));
	else if (parts->ends->remote_port != 0)
		span_add_integer(span, ATTRIBUTE_NETWORK_PEER_PORT, parts->ends->remote_port);
}

static void set_client_address(struct span *span, const struct http_parts *parts)
{
	const struct http_exchange *http = parts->http;
	struct slice address = http_node_address(http_forwarded_parameter(http->forwarded, SLICE_LITERAL("for")));

	if (address.length == 0)
		address = http_node_address(http_list_first(http->x_forwarded_for));
	if (address.length == 0 && parts->ends->network != EXCHANGE_NETWORK_UNIX)
		address = write_address(span, parts->ends, false);
	if (address.length > 0)
		span_add_text(span, ATTRIBUTE_CLIENT_ADDRESS, address);
}

static uint16_t default_port(struct slice scheme)
{
	bool secure = slice_equal(scheme, SLICE_LITERAL("https")) || slice_equal(scheme, SLICE_LITERAL("wss"));

	return secure ? 443 : 80;
}

/* The authority that names the server: what a proxy says the client wrote, else what the request says. */
static struct slice server_authority(const struct http_parts *parts)
{
	struct slice authority = {0};

	if (parts->is_server) {
		authority = http_forwarded_parameter(parts->http->forwarded, SLICE_LITERAL("host"));
		if (authority.length == 0)
			authority = http_list_first(parts->http->x_forwarded_host);
	}
	return authority.length > 0 ? authority : parts->authority;
}

static void set_server(struct span *span, const struct http_parts *parts)
{
	struct http_authority server = http_authority_parse(server_authority(parts));
	bool is_unix = parts->ends->network == EXCHANGE_NETWORK_UNIX;

	if (server.host.length > 0) {
		struct slice host = redaction_text(&span->space, server.host, REDACTION_HOST_MAX);

		span_add_text(span, ATTRIBUTE_SERVER_ADDRESS, host);
		if (server.port == 0 && !is_unix)
			server.port = default_port(parts->scheme);
	} else {
		struct slice address = write_address(span, parts->ends, parts->is_server);

		if (address.length == 0)
			return;
		span_add_text(span, ATTRIBUTE_SERVER_ADDRESS, address);
		server.port = parts->is_server ? parts->ends->local_port : parts->ends->remote_port;
	}
	if (server.port != 0)
		span_add_integer(span, ATTRIBUTE_SERVER_PORT, server.port);
}

/* --- url ---------------------------------------------------------------------------------------------------------- */

/* What is read here is plain text, so that without better knowledge the scheme is http. */
static struct slice find_scheme(const struct http_parts *parts)
{
	struct slice scheme = {0};

	if (parts->is_server) {
		scheme = http_scheme(http_forwarded_parameter(parts->http->forwarded, SLICE_LITERAL("proto")));
		if (scheme.length == 0)
			scheme = http_scheme(http_list_first(parts->http->x_forwarded_proto));
	}
	if (scheme.length == 0)
		scheme = http_scheme(parts->target.scheme);
	if (scheme.length == 0)
		scheme = http_scheme(parts->http->scheme);
	return scheme.length > 0 ? scheme : SLICE_LITERAL("http");
}

static void set_url_parts(struct span *span, const struct span_rules *rules, const struct http_parts *parts)
{
	const struct http_target *target = &parts->target;

	span_add_text(span, ATTRIBUTE_URL_PATH, redaction_text(&span->space, target->path, REDACTION_PATH_MAX));
	if (target->query.length > 0)
		span_add_text(span, ATTRIBUTE_URL_QUERY,
			      redaction_query(&span->space, &rules->redaction, target->query, REDACTION_QUERY_MAX));
	span_add_text(span, ATTRIBUTE_URL_SCHEME, parts->scheme);
}

/* An authority made from the connection, for a request without Host. */
static struct slice peer_authority(struct span *span, const struct http_parts *parts)
{
	char *start = span->space.bytes + span->space.length;
	bool bracket = parts->ends->network == EXCHANGE_NETWORK_IPV6 && !is_v4_mapped(parts->ends->remote_address);

	if (parts->ends->network == EXCHANGE_NETWORK_UNIX)
		return SLICE_LITERAL("localhost");
	if (bracket)
		span->space.bytes[span->space.length++] = '[';
	write_address(span, parts->ends, false);
	if (bracket)
		span->space.bytes[span->space.length++] = ']';
	if (parts->ends->remote_port != default_port(parts->scheme)) {
		span->space.bytes[span->space.length++] = ':';
		write_number(span, parts->ends->remote_port);
	}
	return (struct slice){start, span->space.length - (size_t)(start - span->space.bytes)};
}

static void set_url_full(struct span *span, const struct span_rules *rules, const struct http_parts *parts)
{
	bool is_connect = slice_equal(parts->http->method, SLICE_LITERAL("CONNECT"));
	bool is_asterisk = slice_equal(parts->target.path, SLICE_LITERAL("*"));
	struct redaction_url url = {
		.scheme = is_connect ? (struct slice){0} : parts->scheme,
		.authority = parts->authority.length > 0 ? parts->authority : peer_authority(span, parts),
		.path = is_asterisk ? (struct slice){0} : parts->target.path,
		.query = parts->target.query,
	};

	span_add_text(span, ATTRIBUTE_URL_FULL,
		      redaction_url(&span->space, &rules->redaction, &url, REDACTION_URL_MAX));
}

/* --- outcome ------------------------------------------------------------------------------------------------------ */

static const struct slice end_names[] = {
	[EXCHANGE_CUT_BY_CLOSE] = SLICE_LITERAL("close"),
	[EXCHANGE_CUT_BY_LOSS] = SLICE_LITERAL("loss"),
	[EXCHANGE_CUT_BY_SHUTDOWN] = SLICE_LITERAL("shutdown"),
};

static bool status_is_error(uint16_t status, bool is_server)
{
	if (status >= 500 && status < 600)
		return true;
	return !is_server && (status >= 400 || status < 100);
}

static bool end_is_cut(const struct exchange *exchange)
{
	return exchange->end == EXCHANGE_CUT_BY_CLOSE || exchange->end == EXCHANGE_CUT_BY_LOSS ||
	       exchange->end == EXCHANGE_CUT_BY_SHUTDOWN;
}

static void set_outcome(struct span *span, const struct exchange *exchange)
{
	uint16_t status = exchange->http.status;

	if (status != 0)
		span_add_integer(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, status);
	if (status != 0 && status_is_error(status, exchange->role == EXCHANGE_SERVER)) {
		span->status = SPAN_STATUS_ERROR;
		span_add_text(span, ATTRIBUTE_ERROR_TYPE, write_number(span, status));
	} else if (exchange->end == EXCHANGE_CUT_BY_CLOSE) {
		span->status = SPAN_STATUS_ERROR;
		span_add_text(span, ATTRIBUTE_ERROR_TYPE, SLICE_LITERAL("connection_closed"));
	}
	if (end_is_cut(exchange))
		span_add_text(span, ATTRIBUTE_SHMOTEL_END, end_names[exchange->end]);
	else if ((exchange->flags & EXCHANGE_END_UNSEEN) != 0)
		span_add_text(span, ATTRIBUTE_SHMOTEL_END, SLICE_LITERAL("unseen"));
	if ((exchange->flags & EXCHANGE_START_UNSEEN) != 0)
		span_add_text(span, ATTRIBUTE_SHMOTEL_START, SLICE_LITERAL("unseen"));
	span->duration_known = (exchange->flags & EXCHANGE_START_UNSEEN) == 0 &&
			       (exchange->end == EXCHANGE_CUT_BY_CLOSE ||
				(!end_is_cut(exchange) && (exchange->flags & EXCHANGE_END_UNSEEN) == 0));
}

static void set_protocol(struct span *span, const struct http_exchange *http)
{
	if (http->version_major == 1)
		span_add_text(span, ATTRIBUTE_NETWORK_PROTOCOL_VERSION,
			      http->version_minor == 0 ? SLICE_LITERAL("1.0") : SLICE_LITERAL("1.1"));
	else if (http->version_major == 2)
		span_add_text(span, ATTRIBUTE_NETWORK_PROTOCOL_VERSION, SLICE_LITERAL("2"));
}

static void set_body_sizes(struct span *span, const struct http_exchange *http)
{
	if (http->request_body_bytes >= 0)
		span_add_integer(span, ATTRIBUTE_HTTP_REQUEST_BODY_SIZE, http->request_body_bytes);
	if (http->response_body_bytes >= 0)
		span_add_integer(span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE, http->response_body_bytes);
}

/* --- trace -------------------------------------------------------------------------------------------------------- */

static void set_context(struct span *span, const struct exchange *exchange, struct random_ids *ids)
{
	struct trace_context caller;

	random_ids_span(ids, span->span_id);
	span->flags = SPAN_FLAG_HAS_IS_REMOTE;
	span->has_parent = trace_context_parse(exchange->traceparent, &caller);
	if (!span->has_parent) {
		random_ids_trace(ids, span->trace_id);
		span->flags |= TRACE_FLAG_SAMPLED;
		span->trace_state = (struct slice){0};
		span->sampled = true;
		return;
	}
	memcpy(span->trace_id, caller.trace_id, sizeof(span->trace_id));
	memcpy(span->parent_span_id, caller.parent_id, sizeof(span->parent_span_id));
	span->flags |= caller.flags | (exchange->role == EXCHANGE_SERVER ? SPAN_FLAG_IS_REMOTE : 0u);
	span->sampled = (caller.flags & TRACE_FLAG_SAMPLED) != 0;
	span->trace_state = trace_state_limit(exchange->tracestate);
}

void span_from_exchange(struct span *span, const struct exchange *exchange, const struct span_rules *rules,
			struct random_ids *ids, int64_t clock_offset_ns)
{
	const struct http_exchange *http = &exchange->http;
	struct http_parts parts = {
		.http = http,
		.ends = exchange->endpoints,
		.is_server = exchange->role == EXCHANGE_SERVER,
	};

	span->space = (struct redaction_space){span->text, 0, sizeof(span->text)};
	span->attribute_count = 0;
	span->status = SPAN_STATUS_UNSET;
	span->kind = parts.is_server ? SPAN_KIND_SERVER : SPAN_KIND_CLIENT;
	span->start_unix_ns = exchange->start_ns + (uint64_t)clock_offset_ns;
	span->end_unix_ns = exchange->end_ns + (uint64_t)clock_offset_ns;
	http_target_parse(http->method, http->target, &parts.target);
	parts.scheme = find_scheme(&parts);
	parts.authority = parts.target.authority.length > 0 ? parts.target.authority : http->host;

	set_context(span, exchange, ids);
	set_method(span, rules, http->method);
	if (parts.is_server)
		set_url_parts(span, rules, &parts);
	else
		set_url_full(span, rules, &parts);
	set_server(span, &parts);
	if (parts.is_server)
		set_client_address(span, &parts);
	set_peer(span, &parts);
	set_protocol(span, http);
	if (parts.is_server && http->user_agent.length > 0)
		span_add_text(span, ATTRIBUTE_USER_AGENT_ORIGINAL,
			      redaction_text(&span->space, http->user_agent, REDACTION_USER_AGENT_MAX));
	set_outcome(span, exchange);
	if (rules->body_sizes)
		set_body_sizes(span, http);
}
