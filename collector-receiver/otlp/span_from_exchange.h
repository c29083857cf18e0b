/* Turn an exchange into a span by the HTTP conventions of semantic conventions 1.44.0.
 *
 * Status. From a status code as the conventions say: 5xx is Error on both sides, 4xx on clients only, a code outside
 * 100 to 599 on clients. Without a complete response:
 *   the connection was closed before the response's end   Error, error.type "connection_closed" (a status code that is
 *                                                         an error itself goes first), shmotel.end "close"
 *   records were lost, or the receiver stopped            nothing is known: status as far as a status code was seen, no
 *                                                         error.type else, shmotel.end "loss" or "shutdown"
 * A start that was not seen carries shmotel.start "unseen". Neither kind of span enters the duration metrics, but for
 * the first: that request has ended.
 *
 * Names. {method}, or HTTP for a method that is not known. Never a path; http.route is the framework's to know.
 * server.address. Servers: Forwarded, X-Forwarded-Host, absolute target, Host, local end. Clients: absolute target,
 * Host, remote end. For a Unix socket the last is its path. server.port falls back to the scheme's default port.
 *
 * Trace. A server span continues a valid incoming traceparent (its parent is remote). A client span is the child of the
 * id that its own request carries: that id was made by an SDK in the process, or passed on by it. Without: a new trace.
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
};

/* The methods of RFC 9110, PATCH and QUERY; the default redaction; no body sizes. */
void span_rules_defaults(struct span_rules *rules);

/* clock_offset_ns: what to add to CLOCK_MONOTONIC to get Unix time. *span is filled entirely; it borrows from exchange
 * and rules. Ids are drawn from ids. */
void span_from_exchange(struct span *span, const struct exchange *exchange, const struct span_rules *rules,
			struct random_ids *ids, int64_t clock_offset_ns);

#endif
