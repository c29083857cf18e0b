/* Take apart what HTTP says about where a request goes and whence it came: request-target, Host, Forwarded. */
#ifndef OTLP_HTTP_TARGET_H
#define OTLP_HTTP_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "exchanges/slice.h"

/* RFC 9112, section 3.2. Parts that the form does not have are absent (bytes == NULL). */
struct http_target {
	struct slice scheme;	/* absolute form */
	struct slice authority; /* absolute and authority form, with user information if there is any */
	struct slice path;
	struct slice query; /* without '?'; present but empty in "/?" */
};
void http_target_parse(struct slice method, struct slice target, struct http_target *out);

/* host[:port] of a Host header or of an authority. Brackets of an IPv6 literal and user information are not part of
 * host. port 0: none, or not a valid one. */
struct http_authority {
	struct slice host;
	uint16_t port;
};
struct http_authority http_authority_parse(struct slice text);

/* The first element of a comma-separated list, without surrounding white space. */
struct slice http_list_first(struct slice list);

/* A parameter ("for", "host", "proto") of the first element of a Forwarded header (RFC 7239), quotes removed. Absent:
 * bytes == NULL. */
struct slice http_forwarded_parameter(struct slice forwarded, struct slice name);

/* The IP address in a node of Forwarded or X-Forwarded-For, without port and brackets. Obfuscated ("_x", "unknown") and
 * malformed nodes give an absent slice: anybody can write this header. */
struct slice http_node_address(struct slice node);

/* Is this "http", "https", "ws" or "wss" in any case? Gives the lower-case word, else an absent slice. */
struct slice http_scheme(struct slice text);

#endif
