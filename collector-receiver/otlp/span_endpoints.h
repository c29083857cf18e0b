/* The ends of a connection as span attributes, the same in every convention. */
#ifndef OTLP_SPAN_ENDPOINTS_H
#define OTLP_SPAN_ENDPOINTS_H

#include "exchanges/exchange.h"
#include "otlp/span.h"

/* Texts written into the span's space, which holds them beside all that redaction.h bounds. */
struct slice span_write_number(struct span *span, uint32_t number);

/* One end's address: an IPv4 peer of an IPv6 socket as IPv4, the path of a Unix socket for either end. Absent if there
 * is none. */
struct slice span_write_address(struct span *span, const struct exchange_endpoints *ends, bool local);

/* ::ffff:a.b.c.d, which is written a.b.c.d. */
bool span_address_is_v4_mapped(const uint8_t address[16]);

/* The end that the server listens at. */
struct slice span_write_server_address(struct span *span, const struct exchange *exchange);
uint16_t span_server_port(const struct exchange *exchange); /* 0: a Unix socket */

/* network.peer.address and network.peer.port; for Unix sockets network.transport instead of the port. */
void span_set_peer(struct span *span, const struct exchange *exchange);

#endif
