/* Write addresses and ports into spans. */
#include "otlp/span_endpoints.h"

#include <arpa/inet.h>
#include <stdio.h>

enum {
	V4_MAPPED_PREFIX = 12,
};

struct slice span_write_number(struct span *span, uint32_t number)
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

bool span_address_is_v4_mapped(const uint8_t address[16])
{
	static const uint8_t prefix[V4_MAPPED_PREFIX] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

struct slice span_write_address(struct span *span, const struct exchange_endpoints *ends, bool local)
{
	const uint8_t *address = local ? ends->local_address : ends->remote_address;
	char *at = span->space.bytes + span->space.length;

	switch (ends->network) {
	case EXCHANGE_NETWORK_IPV4:
		return write_ipv4(span, address);
	case EXCHANGE_NETWORK_IPV6:
		if (span_address_is_v4_mapped(address))
			return write_ipv4(span, address + V4_MAPPED_PREFIX);
		inet_ntop(AF_INET6, address, at, INET6_ADDRSTRLEN);
		span->space.length += strlen(at);
		return (struct slice){at, strlen(at)};
	case EXCHANGE_NETWORK_UNIX:
		return redaction_text(&span->space, ends->unix_path, REDACTION_HOST_MAX);
	}
	return (struct slice){0};
}

struct slice span_write_server_address(struct span *span, const struct exchange *exchange)
{
	return span_write_address(span, exchange->endpoints, exchange->role == EXCHANGE_SERVER);
}

uint16_t span_server_port(const struct exchange *exchange)
{
	const struct exchange_endpoints *ends = exchange->endpoints;

	if (ends->network == EXCHANGE_NETWORK_UNIX)
		return 0;
	return exchange->role == EXCHANGE_SERVER ? ends->local_port : ends->remote_port;
}

/* The path of a Unix socket is the server's name; its client has none. */
void span_set_peer(struct span *span, const struct exchange *exchange)
{
	const struct exchange_endpoints *ends = exchange->endpoints;
	bool is_unix = ends->network == EXCHANGE_NETWORK_UNIX;
	bool unnamed = is_unix && exchange->role == EXCHANGE_SERVER;
	struct slice address = unnamed ? (struct slice){0} : span_write_address(span, ends, false);

	if (address.length > 0)
		span_add_text(span, ATTRIBUTE_NETWORK_PEER_ADDRESS, address);
	if (is_unix)
		span_add_text(span, ATTRIBUTE_NETWORK_TRANSPORT, SLICE_LITERAL("unix"));
	else if (ends->remote_port != 0)
		span_add_integer(span, ATTRIBUTE_NETWORK_PEER_PORT, ends->remote_port);
}
