/* Take an HTTP/1.1 answer apart. A server that frames its answer in two ways at once is not believed in either. */
#define _GNU_SOURCE /* strcasestr */
#include "export/http_response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_response_free(struct http_response *response)
{
	free(response->body);
	memset(response, 0, sizeof(*response));
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static bool digits_parse(const char *text, uint64_t *value)
{
	*value = 0;
	if (*text == '\0' || strlen(text) > 18)
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		*value = *value * 10 + (uint64_t)(*text - '0');
	return *text == '\0';
}

static void take_status_line(struct http_response *response)
{
	const char *line = response->line;
	uint64_t status;

	/* HTTP/1.x SP three digits, and a reason that nobody reads. */
	if (response->line_cut || strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
	    line[8] != ' ' || (strlen(line) > 12 && line[12] != ' ')) {
		response->state = HTTP_VIOLATED;
		return;
	}
	response->keep_alive = line[7] == '1';
	response->line[12 < response->line_length ? 12 : response->line_length] = '\0';
	if (strlen(line) != 12 || !digits_parse(line + 9, &status) || status < 100) {
		response->state = HTTP_VIOLATED;
		return;
	}
	response->status = (unsigned)status;
	response->state = HTTP_FIELDS;
}

static void take_length(struct http_response *response, const char *value)
{
	uint64_t length;

	if (response->line_cut || !digits_parse(value, &length) || (response->has_length && length != response->rest))
		response->state = HTTP_VIOLATED;
	else
		response->rest = length;
	response->has_length = true;
}

static void take_transfer_encoding(struct http_response *response, const char *value)
{
	if (response->line_cut || response->chunked || strcasecmp(value, "chunked") != 0)
		response->state = HTTP_VIOLATED;
	response->chunked = true;
}

static void take_retry_after(struct http_response *response, const char *value)
{
	const uint64_t most_s = HTTP_RETRY_AFTER_MAX_NS / 1000000000;
	uint64_t seconds;

	if (digits_parse(value, &seconds))
		response->retry_after_ns = (seconds < most_s ? seconds : most_s) * 1000000000;
	else
		response->retry_at_s = http_date_parse(value);
}

static void take_field(struct http_response *response)
{
	char *line = response->line;
	char *colon = strchr(line, ':');
	char *value, *end;

	/* A line that begins with white space goes on with the one before: obsolete, and nothing that is of use
	 * here. */
	if (colon == NULL || colon == line || line[0] == ' ' || line[0] == '\t' || colon[-1] == ' ' ||
	    colon[-1] == '\t') {
		response->state = HTTP_VIOLATED;
		return;
	}
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	if (strcasecmp(line, "content-length") == 0)
		take_length(response, value);
	else if (strcasecmp(line, "transfer-encoding") == 0)
		take_transfer_encoding(response, value);
	else if (strcasecmp(line, "connection") == 0)
		response->keep_alive = strcasecmp(value, "keep-alive") == 0 ||
				       (response->keep_alive && strcasestr(value, "close") == NULL);
	else if (strcasecmp(line, "content-type") == 0)
		response->is_protobuf = strncasecmp(value, "application/x-protobuf", 22) == 0;
	else if (strcasecmp(line, "retry-after") == 0)
		take_retry_after(response, value);
	else if (strcasecmp(line, "date") == 0)
		response->date_s = http_date_parse(value);
}

/* The empty line behind the fields: how long is the body? (RFC 9112, 6.3) */
static void take_fields_end(struct http_response *response)
{
	if (response->chunked && response->has_length) {
		response->state = HTTP_VIOLATED;
	} else if (response->status < 200) {
		/* 100 Continue and its like: the answer itself follows. 101 was not asked for. */
		const size_t header_bytes = response->header_bytes;
		const bool switching = response->status == 101;

		memset(response, 0, offsetof(struct http_response, line));
		response->header_bytes = header_bytes;
		response->state = switching ? HTTP_VIOLATED : HTTP_STATUS_LINE;
	} else if (response->status == 204 || response->status == 304) {
		response->state = HTTP_DONE;
	} else if (response->chunked) {
		response->state = HTTP_CHUNK_SIZE;
	} else if (response->has_length) {
		response->state = response->rest == 0 ? HTTP_DONE : HTTP_BODY_LENGTH;
	} else {
		response->keep_alive = false;
		response->state = HTTP_BODY_TO_END;
	}
}

static void take_chunk_size(struct http_response *response)
{
	const size_t digits = strspn(response->line, "0123456789abcdefABCDEF");
	const char behind = response->line[digits];

	if (digits == 0 || digits > 15 || (behind != '\0' && behind != ';' && behind != ' ' && behind != '\t')) {
		response->state = HTTP_VIOLATED;
		return;
	}
	response->rest = strtoull(response->line, NULL, 16);
	response->state = response->rest == 0 ? HTTP_TRAILERS : HTTP_CHUNK_DATA;
}

static void take_line(struct http_response *response)
{
	const bool empty = response->line_length == 0;

	switch (response->state) {
	case HTTP_STATUS_LINE:
		take_status_line(response);
		break;
	case HTTP_FIELDS:
		if (empty)
			take_fields_end(response);
		else
			take_field(response);
		break;
	case HTTP_CHUNK_SIZE:
		take_chunk_size(response);
		break;
	case HTTP_CHUNK_END:
		response->state = empty ? HTTP_CHUNK_SIZE : HTTP_VIOLATED;
		break;
	default: /* HTTP_TRAILERS: nothing in them is of use */
		if (empty)
			response->state = HTTP_DONE;
	}
}

/* Up to the end of a line, or all; how many bytes. A lone LF ends a line too, as RFC 9112 allows. */
static size_t take_line_bytes(struct http_response *response, const uint8_t *bytes, size_t length)
{
	const uint8_t *end = memchr(bytes, '\n', length);
	const size_t n = end == NULL ? length : (size_t)(end - bytes);
	const size_t room = sizeof(response->line) - 1 - response->line_length;
	const size_t kept = n < room ? n : room;

	if (n > CALL_HEADERS_MAX_BYTES - response->header_bytes) {
		response->state = HTTP_OVER_LIMIT;
		return n;
	}
	response->header_bytes += n;
	memcpy(response->line + response->line_length, bytes, kept);
	response->line_length += kept;
	response->line_cut = response->line_cut || kept < n;
	if (end == NULL)
		return n;
	if (response->line_length > 0 && response->line[response->line_length - 1] == '\r')
		response->line_length--;
	response->line[response->line_length] = '\0';
	if (strlen(response->line) != response->line_length)
		response->state = HTTP_VIOLATED; /* a NUL */
	else
		take_line(response);
	response->line_length = 0;
	response->line_cut = false;
	return n + 1;
}

/* --- body --------------------------------------------------------------------------------------------------------- */

static bool keep_body(struct http_response *response, const uint8_t *bytes, size_t length)
{
	if (length > CALL_RESPONSE_MAX_BYTES - response->body_length)
		return false;
	if (length > response->body_capacity - response->body_length) {
		const size_t capacity = 2 * (response->body_length + length);
		uint8_t *body = realloc(response->body, capacity);

		if (body == NULL)
			return false;
		response->body = body;
		response->body_capacity = capacity;
	}
	memcpy(response->body + response->body_length, bytes, length);
	response->body_length += length;
	return true;
}

static size_t take_body_bytes(struct http_response *response, const uint8_t *bytes, size_t length)
{
	const bool to_end = response->state == HTTP_BODY_TO_END;
	const size_t n = to_end || length < response->rest ? length : (size_t)response->rest;

	if (!keep_body(response, bytes, n)) {
		response->state = HTTP_OVER_LIMIT;
		return n;
	}
	if (to_end)
		return n;
	response->rest -= n;
	if (response->rest == 0)
		response->state = response->state == HTTP_CHUNK_DATA ? HTTP_CHUNK_END : HTTP_DONE;
	return n;
}

size_t http_response_take(struct http_response *response, const uint8_t *bytes, size_t length)
{
	size_t taken = 0;

	while (taken < length && response->state < HTTP_DONE) {
		switch (response->state) {
		case HTTP_BODY_LENGTH:
		case HTTP_BODY_TO_END:
		case HTTP_CHUNK_DATA:
			taken += take_body_bytes(response, bytes + taken, length - taken);
			break;
		default:
			taken += take_line_bytes(response, bytes + taken, length - taken);
		}
	}
	return taken;
}

bool http_response_end(struct http_response *response)
{
	if (response->state != HTTP_BODY_TO_END)
		return false;
	response->state = HTTP_DONE;
	return true;
}
