/* Apply the HTTP span conventions to an exchange. */
#include "otlp/http_target.h"
#include "otlp/span_conventions.h"
#include "otlp/span_end.h"
#include "otlp/span_endpoints.h"

/* What several attributes are made from. */
struct http_parts {
	const struct exchange *exchange;
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

static void set_client_address(struct span *span, const struct http_parts *parts)
{
	const struct http_exchange *http = parts->http;
	struct slice address = http_node_address(http_forwarded_parameter(http->forwarded, SLICE_LITERAL("for")));

	if (address.length == 0)
		address = http_node_address(http_list_first(http->x_forwarded_for));
	if (address.length == 0 && parts->ends->network != EXCHANGE_NETWORK_UNIX)
		address = span_write_address(span, parts->ends, false);
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
		struct slice address = span_write_server_address(span, parts->exchange);

		if (address.length == 0)
			return;
		span_add_text(span, ATTRIBUTE_SERVER_ADDRESS, address);
		server.port = span_server_port(parts->exchange);
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
}

/* An authority made from the connection, for a request without Host. */
static struct slice peer_authority(struct span *span, const struct http_parts *parts)
{
	char *start = span->space.bytes + span->space.length;
	bool bracket = parts->ends->network == EXCHANGE_NETWORK_IPV6 &&
		       !span_address_is_v4_mapped(parts->ends->remote_address);

	if (parts->ends->network == EXCHANGE_NETWORK_UNIX)
		return SLICE_LITERAL("localhost");
	if (bracket)
		span->space.bytes[span->space.length++] = '[';
	span_write_address(span, parts->ends, false);
	if (bracket)
		span->space.bytes[span->space.length++] = ']';
	if (parts->ends->remote_port != default_port(parts->scheme)) {
		span->space.bytes[span->space.length++] = ':';
		span_write_number(span, parts->ends->remote_port);
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

/* A target that could not be decoded is not the root. */
static void set_url(struct span *span, const struct span_rules *rules, const struct http_parts *parts)
{
	bool unknown = parts->http->target.length == 0 && (parts->exchange->flags & EXCHANGE_HEAD_UNCERTAIN) != 0;

	if (!unknown && parts->is_server)
		set_url_parts(span, rules, parts);
	else if (!unknown)
		set_url_full(span, rules, parts);
	if (parts->is_server)
		span_add_text(span, ATTRIBUTE_URL_SCHEME, parts->scheme);
}

/* --- outcome ------------------------------------------------------------------------------------------------------ */

static bool status_is_error(uint16_t status, bool is_server)
{
	if (status >= 500 && status < 600)
		return true;
	return !is_server && (status >= 400 || status < 100);
}

static void set_status(struct span *span, const struct http_parts *parts)
{
	uint16_t status = parts->http->status;

	if (status == 0)
		return;
	span_add_integer(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, status);
	if (status_is_error(status, parts->is_server))
		span_set_error(span, span_write_number(span, status));
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

void span_set_http(struct span *span, const struct exchange *exchange, const struct span_rules *rules)
{
	const struct http_exchange *http = &exchange->http;
	struct http_parts parts = {
		.exchange = exchange,
		.http = http,
		.ends = exchange->endpoints,
		.is_server = exchange->role == EXCHANGE_SERVER,
	};

	span->scope = OTLP_SCOPE_HTTP;
	span->metric = parts.is_server ? METRIC_HTTP_SERVER : METRIC_HTTP_CLIENT;
	http_target_parse(http->method, http->target, &parts.target);
	parts.scheme = find_scheme(&parts);
	parts.authority = parts.target.authority.length > 0 ? parts.target.authority : http->host;
	set_method(span, rules, http->method);
	set_url(span, rules, &parts);
	set_server(span, &parts);
	if (parts.is_server)
		set_client_address(span, &parts);
	span_set_peer(span, exchange);
	set_protocol(span, http);
	if (parts.is_server && http->user_agent.length > 0)
		span_add_text(span, ATTRIBUTE_USER_AGENT_ORIGINAL,
			      redaction_text(&span->space, http->user_agent, REDACTION_USER_AGENT_MAX));
	set_status(span, &parts);
	if (rules->body_sizes)
		set_body_sizes(span, http);
}
