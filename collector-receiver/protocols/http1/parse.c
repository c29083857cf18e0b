/* Parse the heads of HTTP/1.x messages without copying (RFC 9112 2 to 5). */
#define _GNU_SOURCE /* memrchr */

#include <string.h>
#include <strings.h>

#include "protocols/http1/http1.h"

/* Length of the head at the start of `s`, its empty line included; 0 if that is not there yet. Only an empty line
 * that ends beyond `examined` can be new. */
static size_t head_length(struct slice s, size_t examined)
{
	size_t at = examined > 2 ? examined - 2 : 0;
	const char *newline;

	while (at < s.length && (newline = memchr(s.bytes + at, '\n', s.length - at)) != NULL) {
		at = (size_t)(newline - s.bytes) + 1;
		if (at < s.length && s.bytes[at] == '\n')
			return at + 1;
		if (at + 1 < s.length && s.bytes[at] == '\r' && s.bytes[at + 1] == '\n')
			return at + 2;
	}
	return 0;
}

/* Take the next line off *rest, without its end: CR LF or a bare LF (RFC 9112 2.2). */
static struct slice take_line(struct slice *rest)
{
	const char *newline = memchr(rest->bytes, '\n', rest->length);
	size_t taken = newline == NULL ? rest->length : (size_t)(newline - rest->bytes) + 1;
	struct slice line = {rest->bytes, newline == NULL ? taken : taken - 1};

	if (newline != NULL && line.length > 0 && line.bytes[line.length - 1] == '\r')
		line.length--;
	rest->bytes += taken;
	rest->length -= taken;
	return line;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n'; /* line ends occur inside folded values */
}

static struct slice trim(struct slice s)
{
	while (s.length > 0 && is_blank(s.bytes[s.length - 1]))
		s.length--;
	while (s.length > 0 && is_blank(s.bytes[0])) {
		s.bytes++;
		s.length--;
	}
	return s;
}

static bool equals_ignoring_case(struct slice s, const char *text, size_t length)
{
	return s.length == length && strncasecmp(s.bytes, text, length) == 0;
}

#define NAME_IS(name, text) equals_ignoring_case(name, text, sizeof(text) - 1)

/* 1*DIGIT; -1 if it is anything else or passes INT64_MAX. */
static int64_t parse_decimal(struct slice s)
{
	int64_t value = 0;

	if (s.length == 0)
		return -1;
	for (size_t i = 0; i < s.length; i++) {
		if (s.bytes[i] < '0' || s.bytes[i] > '9')
			return -1;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, s.bytes[i] - '0', &value))
			return -1;
	}
	return value;
}

/* The part of a comma-separated list before the first comma; *list becomes the part behind it. */
static struct slice take_element(struct slice *list)
{
	const char *comma = memchr(list->bytes, ',', list->length);
	struct slice element = *list;

	if (comma == NULL) {
		list->length = 0;
		return trim(element);
	}
	element.length = (size_t)(comma - list->bytes);
	list->bytes += element.length + 1;
	list->length -= element.length + 1;
	return trim(element);
}

/* "5, 5" and two equal fields are one length; two that differ are none (RFC 9112 6.3, 5). */
static void read_content_length(struct http1_head *head, struct slice value)
{
	do {
		int64_t length = parse_decimal(take_element(&value));

		if (length < 0 || (head->content_length >= 0 && head->content_length != length))
			head->content_length_invalid = true;
		else
			head->content_length = length;
	} while (value.length > 0);
}

static void read_transfer_encoding(struct http1_head *head, struct slice value)
{
	while (value.length > 0) {
		struct slice coding = take_element(&value);

		if (coding.length == 0)
			continue;
		head->transfer_encoding = true;
		head->chunked_last = NAME_IS(coding, "chunked");
	}
}

static void keep_first(struct http1_head *head, enum http1_field field, struct slice value)
{
	if (head->fields[field].bytes == NULL)
		head->fields[field] = value;
	else if (field == HTTP1_TRACEPARENT)
		head->traceparent_repeated = true;
}

static void read_kept_field(struct http1_head *head, struct slice name, struct slice value)
{
	static const struct {
		const char *name;
		size_t length;
	} kept[HTTP1_FIELDS] = {
#define KEPT(text) {text, sizeof(text) - 1}
		[HTTP1_HOST] = KEPT("host"),
		[HTTP1_USER_AGENT] = KEPT("user-agent"),
		[HTTP1_TRACEPARENT] = KEPT("traceparent"),
		[HTTP1_TRACESTATE] = KEPT("tracestate"),
		[HTTP1_X_FORWARDED_FOR] = KEPT("x-forwarded-for"),
		[HTTP1_FORWARDED] = KEPT("forwarded"),
		[HTTP1_X_FORWARDED_PROTO] = KEPT("x-forwarded-proto"),
		[HTTP1_X_FORWARDED_HOST] = KEPT("x-forwarded-host"),
#undef KEPT
	};

	for (unsigned i = 0; i < HTTP1_FIELDS; i++) {
		if (equals_ignoring_case(name, kept[i].name, kept[i].length))
			keep_first(head, (enum http1_field)i, value);
	}
}

static void read_field(struct http1_head *head, struct slice name, struct slice value)
{
	if (NAME_IS(name, "content-length"))
		read_content_length(head, value);
	else if (NAME_IS(name, "transfer-encoding"))
		read_transfer_encoding(head, value);
	else if (NAME_IS(name, "content-type"))
		head->rpc = grpc_kind_of(value);
	else if (head->method.bytes == NULL && NAME_IS(name, "grpc-status"))
		head->rpc_status = value;
	else if (head->method.bytes == NULL && NAME_IS(name, "grpc-message"))
		head->rpc_message = value;
	else if (head->method.bytes == NULL)
		head->upgrade_http2 |= NAME_IS(name, "upgrade") && NAME_IS(value, "h2c");
	else if (NAME_IS(name, "expect"))
		head->expect_continue = NAME_IS(value, "100-continue");
	else
		read_kept_field(head, name, value);
}

/* Lines that are no fields are passed over: whoever they were meant for refuses them, and that is worth seeing. White
 * space before the colon is no part of the name (RFC 9112 5.1). */
static void read_fields(struct http1_head *head, struct slice rest)
{
	while (rest.length > 0) {
		struct slice line = take_line(&rest);

		/* obs-fold (RFC 9112 5.2): the value goes on in lines that begin with white space */
		while (line.length > 0 && rest.length > 0 && (rest.bytes[0] == ' ' || rest.bytes[0] == '\t')) {
			struct slice more = take_line(&rest);

			line.length = (size_t)(more.bytes + more.length - line.bytes);
		}
		const char *colon = line.length == 0 ? NULL : memchr(line.bytes, ':', line.length);

		if (colon == NULL || is_blank(line.bytes[0]))
			continue;
		size_t name = (size_t)(colon - line.bytes);

		read_field(head, trim((struct slice){line.bytes, name}),
			   trim((struct slice){colon + 1, line.length - name - 1}));
	}
	if (head->traceparent_repeated)
		head->fields[HTTP1_TRACEPARENT] = (struct slice){0};
}

static void head_reset(struct http1_head *head)
{
	memset(head, 0, sizeof(*head));
	head->content_length = -1;
}

static bool parse_start_line(enum sender from, struct slice line, struct http1_head *head)
{
	return from == FROM_CLIENT ? http1_parse_request_line(line, head) : http1_parse_status_line(line, head);
}

enum http1_parse http1_parse_head(enum sender from, struct slice bytes, size_t examined, struct http1_head *head,
				  size_t *head_bytes)
{
	if (!http1_start_is_plausible(from, bytes))
		return HTTP1_PARSE_MALFORMED;
	size_t length = head_length(bytes, examined);

	if (length == 0)
		return HTTP1_PARSE_MORE;
	struct slice rest = {bytes.bytes, length};

	head_reset(head);
	if (!parse_start_line(from, take_line(&rest), head))
		return HTTP1_PARSE_MALFORMED;
	read_fields(head, rest);
	*head_bytes = length;
	return HTTP1_PARSED;
}

/* Of a request line without its end the method is sure, the target as far as it goes or up to a blank. */
static bool parse_cut_request_line(struct slice line, struct http1_head *head)
{
	const char *space = memchr(line.bytes, ' ', line.length);

	if (space == NULL)
		return false;
	head->method = (struct slice){line.bytes, (size_t)(space - line.bytes)};
	head->target = trim((struct slice){space + 1, line.length - head->method.length - 1});
	const char *end = memchr(head->target.bytes, ' ', head->target.length);

	if (end != NULL)
		head->target.length = (size_t)(end - head->target.bytes);
	head->version_minor = 1;
	return head->method.length <= HTTP1_METHOD_BYTES_MAX && head->target.length > 0;
}

enum http1_parse http1_parse_cut_head(enum sender from, struct slice bytes, struct http1_head *head)
{
	head_reset(head);
	head->cut = true;
	if (bytes.length == 0 || !http1_start_is_plausible(from, bytes))
		return HTTP1_PARSE_MALFORMED;
	const char *last = memrchr(bytes.bytes, '\n', bytes.length);

	if (last == NULL) {
		bool read = from == FROM_CLIENT ? parse_cut_request_line(bytes, head)
						: http1_parse_status_line(bytes, head);
		return read ? HTTP1_PARSED : HTTP1_PARSE_MALFORMED;
	}
	/* the last line has no end: half a value would be a wrong value */
	struct slice rest = {bytes.bytes, (size_t)(last - bytes.bytes) + 1};

	if (!parse_start_line(from, take_line(&rest), head))
		return HTTP1_PARSE_MALFORMED;
	read_fields(head, rest);
	return HTTP1_PARSED;
}
