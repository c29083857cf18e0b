/* Find where the body of an HTTP/1.x message ends (RFC 9112 6 and 7). */
#include "protocols/http1/http1.h"

/* Places within a chunked body. */
enum chunk_place {
	CHUNK_SIZE_FIRST, /* a digit must follow */
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	TRAILER_LINE_START,
	TRAILER_LINE,
	TRAILER_LAST_LF,
};

/* Larger sizes are nonsense, and would overflow after a few digits more. */
static const uint64_t chunk_bytes_max = (uint64_t)1 << 56;

static void body_start(struct http1_body *body, enum http1_framing framing, uint64_t length)
{
	*body = (struct http1_body){.framing = framing, .remaining = length};
	if (framing == HTTP1_BODY_LENGTH && length == 0)
		body->framing = HTTP1_BODY_NONE;
}

void http1_request_body(struct http1_body *body, const struct http1_head *head)
{
	if (head->cut || head->content_length_invalid)
		body_start(body, HTTP1_BODY_UNKNOWN, 0);
	else if (head->transfer_encoding)
		/* in HTTP/1.0 the field is a fault, and so is a last coding other than chunked */
		body_start(body,
			   head->chunked_last && head->version_minor > 0 ? HTTP1_BODY_CHUNKED : HTTP1_BODY_UNKNOWN, 0);
	else if (head->content_length >= 0)
		body_start(body, HTTP1_BODY_LENGTH, (uint64_t)head->content_length);
	else
		body_start(body, HTTP1_BODY_NONE, 0);
}

void http1_response_body(struct http1_body *body, const struct http1_head *head, bool to_head, bool to_connect)
{
	if (to_head || head->status / 100 == 1 || head->status == 204 || head->status == 304 ||
	    (to_connect && head->status / 100 == 2))
		body_start(body, HTTP1_BODY_NONE, 0);
	else if (head->cut)
		body_start(body, HTTP1_BODY_UNKNOWN, 0);
	else if (head->transfer_encoding)
		body_start(body, head->chunked_last ? HTTP1_BODY_CHUNKED : HTTP1_BODY_UNTIL_CLOSE, 0);
	else if (head->content_length_invalid)
		body_start(body, HTTP1_BODY_UNKNOWN, 0);
	else if (head->content_length >= 0)
		body_start(body, HTTP1_BODY_LENGTH, (uint64_t)head->content_length);
	else
		body_start(body, HTTP1_BODY_UNTIL_CLOSE, 0);
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum http1_body_step size_line_ended(struct http1_body *body)
{
	body->chunk_place = body->remaining == 0 ? TRAILER_LINE_START : CHUNK_DATA;
	return HTTP1_BODY_GOES_ON;
}

static enum http1_body_step take_size_char(struct http1_body *body, int c)
{
	int digit = hex_value(c);

	if (digit >= 0) {
		body->remaining = body->remaining * 16 + (unsigned)digit;
		body->chunk_place = CHUNK_SIZE;
		return body->remaining > chunk_bytes_max ? HTTP1_BODY_BROKEN : HTTP1_BODY_GOES_ON;
	}
	if (body->chunk_place == CHUNK_SIZE_FIRST)
		return HTTP1_BODY_BROKEN;
	if (c == '\n')
		return size_line_ended(body);
	if (c == '\r')
		body->chunk_place = CHUNK_SIZE_LF;
	else if (c == ';' || c == ' ' || c == '\t')
		body->chunk_place = CHUNK_EXTENSION;
	else
		return HTTP1_BODY_BROKEN;
	return HTTP1_BODY_GOES_ON;
}

static enum http1_body_step take_framing_char(struct http1_body *body, int c)
{
	switch ((enum chunk_place)body->chunk_place) {
	case CHUNK_SIZE_LF:
		return c == '\n' ? size_line_ended(body) : HTTP1_BODY_BROKEN;
	case CHUNK_DATA_CR:
	case CHUNK_DATA_LF:
		if (c == '\n')
			body->chunk_place = CHUNK_SIZE_FIRST;
		else if (c == '\r' && body->chunk_place == CHUNK_DATA_CR)
			body->chunk_place = CHUNK_DATA_LF;
		else
			return HTTP1_BODY_BROKEN;
		return HTTP1_BODY_GOES_ON;
	case TRAILER_LINE_START:
		if (c == '\n')
			return HTTP1_BODY_ENDED;
		body->chunk_place = c == '\r' ? TRAILER_LAST_LF : TRAILER_LINE;
		return HTTP1_BODY_GOES_ON;
	case TRAILER_LAST_LF:
		return c == '\n' ? HTTP1_BODY_ENDED : HTTP1_BODY_BROKEN;
	default:
		return take_size_char(body, c);
	}
}

/* `bytes` == NULL: they pass unseen. */
static void show_content(struct http1_body *body, const char *bytes, uint64_t length)
{
	body->bytes += length;
	if (body->web != NULL)
		grpc_web_take(body->web, bytes, length);
}

static void take_content(struct http1_body *body, struct cursor *in)
{
	const char *bytes = cursor_rest(in).bytes;
	uint64_t length = cursor_skip(in, body->remaining);

	body->remaining -= length;
	show_content(body, bytes, length);
}

static void step_over_content(struct http1_body *body, uint64_t length)
{
	body->remaining -= length;
	show_content(body, NULL, length);
}

static enum http1_body_step take_chunked(struct http1_body *body, struct cursor *in)
{
	while (cursor_left(in) > 0) {
		enum http1_body_step step = HTTP1_BODY_GOES_ON;

		switch ((enum chunk_place)body->chunk_place) {
		case CHUNK_DATA:
			take_content(body, in);
			if (body->remaining == 0)
				body->chunk_place = CHUNK_DATA_CR;
			break;
		case CHUNK_EXTENSION:
			if (cursor_skip_past(in, '\n'))
				size_line_ended(body);
			break;
		case TRAILER_LINE:
			if (cursor_skip_past(in, '\n'))
				body->chunk_place = TRAILER_LINE_START;
			break;
		default:
			step = take_framing_char(body, cursor_peek(in));
			cursor_skip(in, 1);
		}
		if (step != HTTP1_BODY_GOES_ON)
			return step;
	}
	return HTTP1_BODY_GOES_ON;
}

enum http1_body_step http1_body_take(struct http1_body *body, struct cursor *in)
{
	switch (body->framing) {
	case HTTP1_BODY_NONE:
		return HTTP1_BODY_ENDED;
	case HTTP1_BODY_LENGTH:
		take_content(body, in);
		return body->remaining == 0 ? HTTP1_BODY_ENDED : HTTP1_BODY_GOES_ON;
	case HTTP1_BODY_CHUNKED:
		return take_chunked(body, in);
	case HTTP1_BODY_UNTIL_CLOSE:
		body->remaining = cursor_left(in);
		take_content(body, in);
		return HTTP1_BODY_GOES_ON;
	case HTTP1_BODY_UNKNOWN:
		break;
	}
	return HTTP1_BODY_BROKEN;
}

enum http1_body_step http1_body_hole(struct http1_body *body, uint64_t *bytes)
{
	uint64_t n = *bytes;

	if (body->framing == HTTP1_BODY_UNTIL_CLOSE) {
		show_content(body, NULL, n);
		*bytes = 0;
		return HTTP1_BODY_GOES_ON;
	}
	if (body->framing == HTTP1_BODY_CHUNKED) {
		if (n == 0)
			return HTTP1_BODY_GOES_ON;
		if (body->chunk_place != CHUNK_DATA || n > body->remaining)
			return HTTP1_BODY_BROKEN;
		step_over_content(body, n);
		if (body->remaining == 0)
			body->chunk_place = CHUNK_DATA_CR;
		*bytes = 0;
		return HTTP1_BODY_GOES_ON;
	}
	if (body->framing != HTTP1_BODY_LENGTH)
		return HTTP1_BODY_BROKEN;
	uint64_t step = n < body->remaining ? n : body->remaining;

	step_over_content(body, step);
	*bytes = n - step;
	return body->remaining == 0 ? HTTP1_BODY_ENDED : HTTP1_BODY_GOES_ON;
}
