/* Parse request-targets, authorities and forwarding headers. */
#include "otlp/http_target.h"

#include <arpa/inet.h>
#include <strings.h>

static const struct slice absent;

static struct slice slice_from(struct slice text, size_t from)
{
	return (struct slice){text.bytes + from, text.length - from};
}

static size_t find_byte(struct slice text, char wanted)
{
	const char *found = text.length > 0 ? memchr(text.bytes, wanted, text.length) : NULL;

	return found == NULL ? text.length : (size_t)(found - text.bytes);
}

static size_t find_any(struct slice text, const char *wanted)
{
	size_t i = 0;

	while (i < text.length && (text.bytes[i] == '\0' || strchr(wanted, text.bytes[i]) == NULL))
		i++;
	return i;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trim(struct slice text)
{
	while (text.length > 0 && is_space(text.bytes[0]))
		text = slice_from(text, 1);
	while (text.length > 0 && is_space(text.bytes[text.length - 1]))
		text.length--;
	return text;
}

static void split_path(struct slice text, struct http_target *out)
{
	const char *mark = text.length > 0 ? memchr(text.bytes, '?', text.length) : NULL;

	out->path = text;
	if (mark == NULL)
		return;
	out->path.length = (size_t)(mark - text.bytes);
	out->query = slice_from(text, out->path.length + 1);
}

/* Length of a scheme that "://" follows, 0 if there is none. */
static size_t scheme_length(struct slice target)
{
	size_t end = find_any(target, ":/?#");

	return end > 0 && target.length - end >= 3 && memcmp(target.bytes + end, "://", 3) == 0 ? end : 0;
}

void http_target_parse(struct slice method, struct slice target, struct http_target *out)
{
	*out = (struct http_target){0};
	if (slice_equal(method, SLICE_LITERAL("CONNECT"))) {
		out->authority = target;
		return;
	}
	size_t scheme = target.length > 0 && target.bytes[0] != '/' ? scheme_length(target) : 0;

	if (scheme > 0) {
		struct slice rest = slice_from(target, scheme + 3);
		size_t authority = find_any(rest, "/?#");

		out->scheme = (struct slice){target.bytes, scheme};
		out->authority = (struct slice){rest.bytes, authority};
		target = slice_from(rest, authority);
	}
	split_path(target, out);
	/* Sent to the origin, an empty path is written "/" (RFC 9112 3.2.1). */
	if (scheme > 0 && out->path.length == 0)
		out->path = SLICE_LITERAL("/");
}

static uint16_t parse_port(struct slice text)
{
	uint32_t port = 0;

	if (text.length == 0 || text.length > 5)
		return 0;
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] < '0' || text.bytes[i] > '9')
			return 0;
		port = port * 10 + (uint32_t)(text.bytes[i] - '0');
	}
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

struct http_authority http_authority_parse(struct slice text)
{
	struct http_authority out = {text, 0};
	size_t user = find_byte(text, '@');
	size_t colon;

	while (user < text.length) {
		text = slice_from(text, user + 1);
		user = find_byte(text, '@');
	}
	if (text.length > 0 && text.bytes[0] == '[') {
		size_t close = find_byte(text, ']');

		out.host = (struct slice){text.bytes + 1, close - 1};
		colon = close < text.length ? close + 1 : close;
	} else {
		colon = find_byte(text, ':');
		out.host = (struct slice){text.bytes, colon};
	}
	if (colon < text.length && text.bytes[colon] == ':')
		out.port = parse_port(slice_from(text, colon + 1));
	return out;
}

struct slice http_list_first(struct slice list)
{
	return trim((struct slice){list.bytes, find_byte(list, ',')});
}

/* End of the pair that starts at text: a separator that is not inside a quoted string. */
static size_t pair_end(struct slice text)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < text.length; i++) {
		if (text.bytes[i] == '"')
			quoted = !quoted;
		else if (quoted && text.bytes[i] == '\\')
			i++;
		else if (!quoted && (text.bytes[i] == ';' || text.bytes[i] == ','))
			break;
	}
	return i < text.length ? i : text.length;
}

static struct slice unquote(struct slice value)
{
	if (value.length >= 2 && value.bytes[0] == '"' && value.bytes[value.length - 1] == '"')
		return (struct slice){value.bytes + 1, value.length - 2};
	return value;
}

struct slice http_forwarded_parameter(struct slice forwarded, struct slice name)
{
	while (forwarded.length > 0) {
		size_t end = pair_end(forwarded);
		struct slice pair = trim((struct slice){forwarded.bytes, end});

		if (pair.length > name.length && pair.bytes[name.length] == '=' &&
		    strncasecmp(pair.bytes, name.bytes, name.length) == 0)
			return unquote(slice_from(pair, name.length + 1));
		if (end == forwarded.length || forwarded.bytes[end] == ',')
			break;
		forwarded = slice_from(forwarded, end + 1);
	}
	return absent;
}

struct slice http_node_address(struct slice node)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];
	struct slice host = node;
	size_t colon = find_byte(node, ':');
	bool one_colon = colon < node.length && memchr(node.bytes + colon + 1, ':', node.length - colon - 1) == NULL;

	/* One colon parts address and port; several make an IPv6 address that was written without brackets. */
	if (one_colon || (node.length > 0 && node.bytes[0] == '['))
		host = http_authority_parse(node).host;
	if (host.length == 0 || host.length >= sizeof(text))
		return absent;
	memcpy(text, host.bytes, host.length);
	text[host.length] = '\0';
	if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1)
		return host;
	return absent;
}

struct slice http_scheme(struct slice text)
{
	static const struct slice schemes[] = {SLICE_LITERAL("http"), SLICE_LITERAL("https"), SLICE_LITERAL("ws"),
					       SLICE_LITERAL("wss")};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (text.length == schemes[i].length && strncasecmp(text.bytes, schemes[i].bytes, text.length) == 0)
			return schemes[i];
	return absent;
}
