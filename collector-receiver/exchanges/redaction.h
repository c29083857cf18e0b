/* What may leave the host: every string taken from a wire passes here on its way into telemetry, and nothing else
 * decides. The result is valid UTF-8 (OTLP demands it) without control characters, of bounded length, with the secrets
 * of URLs replaced. */
#ifndef EXCHANGES_REDACTION_H
#define EXCHANGES_REDACTION_H

#include "exchanges/slice.h"

/* Which query parameters' values are replaced by REDACTED. Keys are compared exactly, once percent-decoded. */
struct redaction {
	const struct slice *sensitive_keys;
	size_t sensitive_key_count;
};

/* The keys that the semantic conventions name. */
extern const struct redaction redaction_default;

/* Longest result, in bytes, of each kind. Longer ones are cut at a character and counted (ATTRIBUTES_CUT). */
enum redaction_limit {
	REDACTION_METHOD_MAX = 32,
	REDACTION_HOST_MAX = 255,
	REDACTION_USER_AGENT_MAX = 512,
	REDACTION_PATH_MAX = 2048,
	REDACTION_QUERY_MAX = 2048,
	REDACTION_URL_MAX = 4096,
	REDACTION_RESOURCE_VALUE_MAX = 1024,
};

/* Where changed text is written. Results point into it, or into the input where nothing had to change. */
struct redaction_space {
	char *bytes;
	size_t length; /* used */
	size_t capacity;
};

/* Plain text: a control character or a byte that is not UTF-8 becomes U+FFFD, a tab becomes a space. */
struct slice redaction_text(struct redaction_space *space, struct slice raw, size_t length_max);

/* A query string, without its '?'. */
struct slice redaction_query(struct redaction_space *space, const struct redaction *rules, struct slice query,
			     size_t length_max);

/* scheme "://" authority path ["?" query]; without a scheme "//" authority path. User information in the authority
 * becomes REDACTED:REDACTED. query.bytes == NULL: there is none. */
struct redaction_url {
	struct slice scheme;
	struct slice authority;
	struct slice path;
	struct slice query;
};
struct slice redaction_url(struct redaction_space *space, const struct redaction *rules,
			   const struct redaction_url *url, size_t length_max);

#endif
