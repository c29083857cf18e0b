/* Apply the RPC span conventions, those of gRPC, to an exchange. */
#include "exchanges/grpc_status.h"
#include "otlp/http_target.h"
#include "otlp/span_conventions.h"
#include "otlp/span_end.h"
#include "otlp/span_endpoints.h"

static const struct slice other = SLICE_LITERAL("_OTHER");

enum {
	HTTP_OK = 200,
};

/* The caller's clock runs from before the request's first byte: that much less is the deadline all the same. */
static bool deadline_passed(const struct exchange *exchange)
{
	uint64_t timeout_ns = exchange->rpc.timeout_ns;

	return timeout_ns != 0 && exchange->end_ns - exchange->start_ns >= timeout_ns - timeout_ns / 8;
}

/* Of a call that one end gave up. A deadline is known to both, and either may be the first to say CANCEL for it. */
static int32_t status_of_reset(const struct exchange *exchange)
{
	enum grpc_status status = exchange->end == EXCHANGE_RESET_BY_CLIENT ?
					  GRPC_CANCELLED :
					  grpc_status_from_reset(exchange->rpc.reset_code);

	return status == GRPC_CANCELLED && deadline_passed(exchange) ? GRPC_DEADLINE_EXCEEDED : (int32_t)status;
}

/* grpc-status, or what gRPC makes of its absence; RPC_STATUS_UNSEEN when even that is not known. */
static int32_t find_status(const struct exchange *exchange)
{
	const struct rpc_exchange *rpc = &exchange->rpc;

	if (rpc->status >= 0)
		return rpc->status;
	switch (exchange->end) {
	case EXCHANGE_RESET_BY_CLIENT:
	case EXCHANGE_RESET_BY_SERVER:
		return status_of_reset(exchange);
	case EXCHANGE_ENDED_BY_MESSAGE:
	case EXCHANGE_ENDED_BY_CLOSE:
		if (rpc->http_status != 0 && rpc->http_status != HTTP_OK)
			return (int32_t)grpc_status_from_http(rpc->http_status);
		if (rpc->http_status == 0 || (exchange->flags & (EXCHANGE_END_UNSEEN | EXCHANGE_HEAD_UNCERTAIN)) != 0)
			return RPC_STATUS_UNSEEN;
		return GRPC_UNKNOWN;
	case EXCHANGE_CUT_BY_CLOSE:
	case EXCHANGE_CUT_BY_LOSS:
	case EXCHANGE_CUT_BY_SHUTDOWN:
		break;
	}
	return RPC_STATUS_UNSEEN;
}

static bool status_is_error(int32_t status, bool is_server)
{
	if (!is_server)
		return status != GRPC_OK;
	switch (status) {
	case GRPC_UNKNOWN:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_UNIMPLEMENTED:
	case GRPC_INTERNAL:
	case GRPC_UNAVAILABLE:
	case GRPC_DATA_LOSS:
		return true;
	default:
		return status < GRPC_OK || status > GRPC_UNAUTHENTICATED;
	}
}

static struct slice status_name(struct span *span, int32_t status)
{
	if (status > GRPC_UNAUTHENTICATED)
		return span_write_number(span, (uint32_t)status);
	const char *name = grpc_status_name((enum grpc_status)status);

	return (struct slice){name, strlen(name)};
}

/* "/service/method", without the first slash; absent if the path is anything else. */
static struct slice method_of(struct slice path)
{
	const char *slash = path.length > 1 ? memchr(path.bytes + 1, '/', path.length - 1) : NULL;

	if (slash == NULL || path.bytes[0] != '/' || slash == path.bytes + 1 || slash == path.bytes + path.length - 1)
		return (struct slice){0};
	return (struct slice){path.bytes + 1, path.length - 1};
}

static void set_method(struct span *span, const struct exchange *exchange, int32_t status)
{
	struct slice path = exchange->rpc.path;
	struct slice method = method_of(path);
	struct slice original = method.length > 0 ? method : path;

	span->name = SLICE_LITERAL("grpc");
	if (path.length == 0)
		return;
	original = redaction_text(&span->space, original, REDACTION_RPC_METHOD_MAX);
	if (method.length > 0 && !(exchange->role == EXCHANGE_SERVER && status == GRPC_UNIMPLEMENTED)) {
		span->name = original;
		span_add_text(span, ATTRIBUTE_RPC_METHOD, original);
		return;
	}
	span_add_text(span, ATTRIBUTE_RPC_METHOD, other);
	span_add_text(span, ATTRIBUTE_RPC_METHOD_ORIGINAL, original);
}

static void set_server(struct span *span, const struct exchange *exchange)
{
	bool is_unix = exchange->endpoints->network == EXCHANGE_NETWORK_UNIX;
	struct http_authority server = http_authority_parse(exchange->rpc.authority);
	struct slice address = {0};

	if (server.host.length > 0 && !is_unix) {
		address = redaction_text(&span->space, server.host, REDACTION_HOST_MAX);
	} else {
		address = span_write_server_address(span, exchange);
		server.port = span_server_port(exchange);
	}
	if (address.length == 0)
		return;
	span_add_text(span, ATTRIBUTE_SERVER_ADDRESS, address);
	if (server.port != 0)
		span_add_integer(span, ATTRIBUTE_SERVER_PORT, server.port);
}

static void set_outcome(struct span *span, const struct exchange *exchange, int32_t status)
{
	const struct rpc_exchange *rpc = &exchange->rpc;
	struct slice name;

	if (status == RPC_STATUS_UNSEEN)
		return;
	name = status_name(span, status);
	span_add_text(span, ATTRIBUTE_RPC_RESPONSE_STATUS_CODE, name);
	if (!status_is_error(status, exchange->role == EXCHANGE_SERVER))
		return;
	span_set_error(span, name);
	span->status_message = redaction_text(&span->space, rpc->status_message, REDACTION_STATUS_MESSAGE_MAX);
}

void span_set_rpc(struct span *span, const struct exchange *exchange)
{
	const struct rpc_exchange *rpc = &exchange->rpc;
	int32_t status = find_status(exchange);

	span->scope = OTLP_SCOPE_RPC;
	span->metric = exchange->role == EXCHANGE_SERVER ? METRIC_RPC_SERVER : METRIC_RPC_CLIENT;
	span_add_text(span, ATTRIBUTE_RPC_SYSTEM_NAME, SLICE_LITERAL("grpc"));
	set_method(span, exchange, status);
	set_server(span, exchange);
	span_set_peer(span, exchange);
	set_outcome(span, exchange, status);
	if (rpc->request_messages >= 0)
		span_add_integer(span, ATTRIBUTE_SHMOTEL_RPC_REQUEST_MESSAGES, rpc->request_messages);
	if (rpc->response_messages >= 0)
		span_add_integer(span, ATTRIBUTE_SHMOTEL_RPC_RESPONSE_MESSAGES, rpc->response_messages);
}
