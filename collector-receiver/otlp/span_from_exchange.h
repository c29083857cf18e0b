/* Turn an exchange into a span by semantic conventions 1.44.0: HTTP (stable), RPC (release candidate) and databases
 * (stable for SQL, in development for Redis).
 *
 * Every kind. Without a complete response:
 *   the connection was closed before the response's end   Error, error.type "connection_closed" (an error that was seen
 *                                                         before goes first), shmotel.end "close"
 *   the server gave up this request (RST_STREAM)          Error, error.type "reset_by_server" (the same), shmotel.end
 *                                                         "reset_by_server"
 *   the client gave it up                                 no error: that was its will (gRPC differs, below);
 *                                                         shmotel.end "reset_by_client"
 *   records were lost, or the receiver stopped            nothing is known: status as far as one was seen, shmotel.end
 *                                                         "loss" or "shutdown"
 *   the last byte was not seen for another reason         shmotel.end "unseen"
 * A start that was not seen carries shmotel.start "unseen", a head with fields that could not be decoded shmotel.head
 * "uncertain". Durations enter the metrics if both ends were seen; a close and a reset are ends.
 *
 * Trace. A server span continues a valid incoming traceparent (its parent is remote). A client span is the child of the
 * id that its own request carries: that id was made by an SDK in the process, or passed on by it. Without: a new trace.
 * An SQL statement has it in a comment at its end, as sqlcommenter writes it: traceparent='...'.
 *
 * HTTP. Status: 5xx is Error on both sides, 4xx on clients only, a code outside 100 to 599 on clients.
 * Name: {method}, or HTTP for a method that is not known. Never a path; http.route is the framework's to know.
 * server.address: servers Forwarded, X-Forwarded-Host, absolute target, Host, local end; clients absolute target, Host,
 * remote end. For a Unix socket the last is its path. server.port falls back to the scheme's default port.
 *
 * gRPC. Name: {rpc.method}, the path without its leading slash, else "grpc". On a server a method that it does not
 * implement (UNIMPLEMENTED) is _OTHER, with rpc.method_original: who scans for methods makes no series; a path that is
 * not /service/method is _OTHER on both sides.
 * rpc.response.status_code: grpc-status by name, an unknown number in decimal. Where none was seen, what gRPC makes of
 * it (PROTOCOL-HTTP2.md "Errors", http-grpc-status-mapping.md):
 *   reset by the client   DEADLINE_EXCEEDED once grpc-timeout has passed, else CANCELLED
 *   reset by the server   by the code of RST_STREAM: REFUSED_STREAM UNAVAILABLE, CANCEL CANCELLED, ENHANCE_YOUR_CALM
 *                         RESOURCE_EXHAUSTED, INADEQUATE_SECURITY PERMISSION_DENIED, others INTERNAL
 *   a complete response   by its HTTP status: 400 INTERNAL, 401 UNAUTHENTICATED, 403 PERMISSION_DENIED, 404
 *                         UNIMPLEMENTED, 429, 502, 503 and 504 UNAVAILABLE, others, 200 too, UNKNOWN
 *   anything else         absent: it was not seen; also when trailers could not be decoded
 * Error, with error.type the same: on clients all but OK; on servers UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED,
 * INTERNAL, UNAVAILABLE, DATA_LOSS and unknown numbers. The status description is then grpc-message.
 * server.address and server.port: the path of a Unix socket, else :authority, whose port may be absent, else the end
 * of the connection. shmotel.rpc.request.messages and shmotel.rpc.response.messages count messages, where every one
 * was seen: the conventions have no attribute for that.
 *
 * Databases. Name: {db.query.summary}; else {db.operation.name} {target}, or the one of them that there is; else
 * {db.system.name}. The target is the stored procedure, else db.namespace (but for Redis, as its conventions say);
 * never the server's address, which is all that the wire shows of its name. Batches are "BATCH", followed by the
 * summary or the operation that all of it have in common.
 * Status: Error if the server refused; error.type is db.response.status_code, _OTHER if it has none. server.address
 * is the end of the connection, server.port is there unless it is the system's default; network.peer.* for Redis and
 * memcached only. Text and names pass through redaction.h. Spans of the database process itself (EXCHANGE_SERVER) are
 * of kind SERVER and have no metric.
 */
#ifndef OTLP_SPAN_FROM_EXCHANGE_H
#define OTLP_SPAN_FROM_EXCHANGE_H

#include "exchanges/exchange.h"
#include "otlp/random_ids.h"
#include "otlp/span.h"

struct span_rules {
	const struct slice *known_methods; /* case-sensitive; others are _OTHER */
	size_t known_method_count;
	struct redaction redaction;
	bool body_sizes; /* http.request.body.size and http.response.body.size, opt-in */
	bool database_server_spans; /* for telemetry_take: without, EXCHANGE_SERVER of databases is left out */
	bool returned_rows;	    /* db.response.returned_rows, opt-in */
};

/* The methods of RFC 9110, PATCH and QUERY; the default redaction; nothing that is opt-in. */
void span_rules_defaults(struct span_rules *rules);

/* clock_offset_ns: what to add to CLOCK_MONOTONIC to get Unix time. *span is filled entirely; it borrows from exchange
 * and rules. Ids are drawn from ids. */
void span_from_exchange(struct span *span, const struct exchange *exchange, const struct span_rules *rules,
			struct random_ids *ids, int64_t clock_offset_ns);

#endif
