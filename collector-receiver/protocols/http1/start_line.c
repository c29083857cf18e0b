/* Tell request lines and status lines of HTTP/1.x from everything else (RFC 9112 3 and 4). */
#include "protocols/http1/http1.h"

static const char version_prefix[] = "HTTP/1.";

enum {
	VERSION_BYTES = sizeof(version_prefix), /* with one digit in place of the NUL */
	STATUS_LINE_BYTES_MIN = VERSION_BYTES + 1 + 3,
	FIRST_BYTES = 16, /* enough to refuse what is not HTTP */
};

static const bool token_char[256] = {
	['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true,
	['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true,  ['|'] = true,
	['~'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t token_length(struct slice s, size_t max)
{
	size_t n = 0;

	while (n < s.length && n < max && token_char[(unsigned char)s.bytes[n]])
		n++;
	return n;
}

static struct slice without_trailing_space(struct slice s)
{
	while (s.length > 0 && (s.bytes[s.length - 1] == ' ' || s.bytes[s.length - 1] == '\t'))
		s.length--;
	return s;
}

/* No control characters: spaces are let through, as some servers do. */
static bool is_target(struct slice target)
{
	for (size_t i = 0; i < target.length; i++) {
		unsigned char c = (unsigned char)target.bytes[i];

		if (c < ' ' || c == 0x7f)
			return false;
	}
	return target.length > 0;
}

bool http1_parse_request_line(struct slice line, struct http1_head *head)
{
	size_t method = token_length(line, HTTP1_METHOD_BYTES_MAX + 1);

	line = without_trailing_space(line);
	if (method == 0 || method > HTTP1_METHOD_BYTES_MAX || method + 3 + VERSION_BYTES > line.length ||
	    line.bytes[method] != ' ')
		return false;
	const char *version = line.bytes + line.length - VERSION_BYTES;

	if (memcmp(version, version_prefix, VERSION_BYTES - 1) != 0 || !is_digit(version[VERSION_BYTES - 1]) ||
	    version[-1] != ' ')
		return false;
	head->method = (struct slice){line.bytes, method};
	head->target = (struct slice){line.bytes + method + 1, (size_t)(version - line.bytes) - method - 2};
	head->target = without_trailing_space(head->target);
	while (head->target.length > 0 && head->target.bytes[0] == ' ') {
		head->target.bytes++;
		head->target.length--;
	}
	head->version_minor = (uint8_t)(version[VERSION_BYTES - 1] - '0');
	return is_target(head->target);
}

bool http1_parse_status_line(struct slice line, struct http1_head *head)
{
	const char *b = line.bytes;

	if (line.length < STATUS_LINE_BYTES_MIN || memcmp(b, version_prefix, VERSION_BYTES - 1) != 0 ||
	    !is_digit(b[VERSION_BYTES - 1]) || b[VERSION_BYTES] != ' ')
		return false;
	const char *code = b + VERSION_BYTES + 1;

	if (code[0] < '1' || code[0] > '9' || !is_digit(code[1]) || !is_digit(code[2]))
		return false;
	if (line.length > STATUS_LINE_BYTES_MIN && code[3] != ' ')
		return false;
	head->version_minor = (uint8_t)(b[VERSION_BYTES - 1] - '0');
	head->status = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
	return true;
}

bool http1_start_is_plausible(enum sender from, struct slice bytes)
{
	if (from == FROM_SERVER) {
		size_t n = bytes.length < VERSION_BYTES - 1 ? bytes.length : VERSION_BYTES - 1;

		return memcmp(bytes.bytes, version_prefix, n) == 0;
	}
	size_t method = token_length(bytes, FIRST_BYTES);

	return method == bytes.length || method == FIRST_BYTES || (method > 0 && bytes.bytes[method] == ' ');
}

static enum match recognise_response(struct slice first, bool more_may_come)
{
	struct http1_head head;

	if (!http1_start_is_plausible(FROM_SERVER, first))
		return MATCH_NO;
	if (first.length < STATUS_LINE_BYTES_MIN)
		return more_may_come ? MATCH_MORE : MATCH_NO;
	first.length = STATUS_LINE_BYTES_MIN;
	return http1_parse_status_line(first, &head) ? MATCH_FROM_SERVER : MATCH_NO;
}

static bool method_is_registered(struct slice method)
{
	static const char *const methods[] = {"GET",  "HEAD",  "POST",     "PUT",       "DELETE", "OPTIONS", "CONNECT",
					      "PATCH", "TRACE", "PROPFIND", "PROPPATCH", "MKCOL",  "COPY",    "MOVE",
					      "LOCK", "UNLOCK", "REPORT",  "SEARCH",    "QUERY"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (method.length == strlen(methods[i]) && memcmp(method.bytes, methods[i], method.length) == 0)
			return true;
	}
	return false;
}

/* A request line without its end: believed only with a method and a target that are hard to meet by chance. */
static bool is_cut_request_line(struct slice line, size_t method)
{
	struct slice target = {line.bytes + method + 1, line.length - method - 1};

	return method_is_registered((struct slice){line.bytes, method}) && is_target(target) &&
	       (target.bytes[0] == '/' || (target.length >= 7 && memcmp(target.bytes, "http://", 7) == 0));
}

/* `within`: the bytes may begin within a message, whose last word is then no part of a method. */
static enum match recognise_request(struct slice first, bool within, bool more_may_come)
{
	size_t method = token_length(first, HTTP1_METHOD_BYTES_MAX);
	struct http1_head head;

	if (method == first.length)
		return more_may_come && method < HTTP1_METHOD_BYTES_MAX ? MATCH_MORE : MATCH_NO;
	if (method == 0 || first.bytes[method] != ' ')
		return MATCH_NO;
	if (within && !method_is_registered((struct slice){first.bytes, method}))
		return MATCH_NO;
	size_t seen = first.length < HTTP1_START_LINE_BYTES_MAX ? first.length : HTTP1_START_LINE_BYTES_MAX;
	const char *end = memchr(first.bytes, '\n', seen);

	if (end != NULL) {
		size_t length = (size_t)(end - first.bytes);

		if (first.bytes[length - 1] == '\r')
			length--;
		return http1_parse_request_line((struct slice){first.bytes, length}, &head) ? MATCH_FROM_CLIENT
											     : MATCH_NO;
	}
	if (more_may_come && first.length < HTTP1_START_LINE_BYTES_MAX) {
		struct slice rest = {first.bytes + method + 1, first.length - method - 1};

		if (rest.length > 0 && rest.bytes[rest.length - 1] == '\r')
			rest.length--;
		return rest.length == 0 || is_target(rest) ? MATCH_MORE : MATCH_NO;
	}
	return is_cut_request_line((struct slice){first.bytes, seen}, method) ? MATCH_FROM_CLIENT : MATCH_NO;
}

/* MATCH_MORE also stands for bytes that are only line ends so far. */
static bool skip_line_ends(struct slice *first, bool more_may_come, enum match *match)
{
	struct cursor in = cursor_over(first->bytes, first->length);

	cursor_skip_line_ends(&in);
	*first = cursor_rest(&in);
	*match = more_may_come ? MATCH_MORE : MATCH_NO;
	return first->length > 0;
}

enum match http1_recognise_from(enum sender from, struct slice first, bool more_may_come)
{
	enum match match;

	if (!skip_line_ends(&first, more_may_come, &match))
		return match;
	return from == FROM_CLIENT ? recognise_request(first, true, more_may_come)
				   : recognise_response(first, more_may_come);
}

enum match http1_recognise(const struct opening *opening)
{
	struct slice first = opening->bytes;
	enum match match;

	if (!skip_line_ends(&first, opening->more_may_come, &match))
		return match;
	match = recognise_response(first, opening->more_may_come);
	return match != MATCH_NO ? match : recognise_request(first, false, opening->more_may_come);
}
