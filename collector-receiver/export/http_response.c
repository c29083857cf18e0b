/* Take an HTTP/1.1 answer apart. A server that frames its answer in two ways at once is not believed in either. */
#define _GNU_SOURCE /* strcasestr */
#include "export/http_response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "export/protobuf_reader.h"
#include "export/server_text.h"

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
	if (response->line_cut || strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
	    (strlen(line) > 12 && line[12] != ' ')) {
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

	/* A line that begins with white space goes on with the one before: obsolete, and nothing that is of use here. */
	if (colon == NULL || colon == line || line[0] == ' ' || line[0] == '\t' || colon[-1] == ' ') {
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

/* --- meaning ------------------------------------------------------------------------------------------------------ */

/* The message of a google.rpc.Status, which OTLP servers answer errors with, or the text as it is. */
static void error_text(const struct http_response *response, struct call_answer *answer)
{
	struct protobuf_reader reader = protobuf_read(response->body, response->body_length);
	struct protobuf_field field;
	const size_t most = sizeof(answer->text) - 1;

	if (!response->is_protobuf) {
		size_t length = response->body_length < most ? response->body_length : most;

		while (length > 0 && (response->body[length - 1] == '\n' || response->body[length - 1] == '\r'))
			length--;
		server_text_decode(answer->text, sizeof(answer->text), response->body, length, false);
		return;
	}
	while (protobuf_next(&reader, &field)) {
		if (field.number == 2 && field.type == PROTOBUF_BYTES)
			server_text_decode(answer->text, sizeof(answer->text), field.bytes, field.length, false);
	}
}

static enum call_verdict status_verdict(const struct http_response *response, const char *text)
{
	switch (response->status) {
	case 429:
	case 502:
	case 503:
	case 504:
		return CALL_RETRY;
	case 413:
		return CALL_TOO_LARGE;
	case 400: /* what the Collector says of a body over max_request_body_size */
		return server_text_says_too_large(text) ? CALL_TOO_LARGE : CALL_REFUSED;
	default:
		return response->status / 100 == 2 ? CALL_DELIVERED : CALL_REFUSED;
	}
}

static uint64_t retry_delay_ns(const struct http_response *response, int64_t now_s)
{
	const int64_t from_s = response->date_s != 0 ? response->date_s : now_s;
	const int64_t most_s = HTTP_RETRY_AFTER_MAX_NS / 1000000000;
	const int64_t delay_s = response->retry_at_s - from_s;

	if (response->retry_at_s == 0 || delay_s <= 0)
		return response->retry_after_ns;
	return (uint64_t)(delay_s < most_s ? delay_s : most_s) * 1000000000;
}

static void answer_ended(const struct http_response *response, int64_t now_s, struct call_answer *answer)
{
	snprintf(answer->status, sizeof(answer->status), "HTTP %u", response->status);
	error_text(response, answer);
	answer->verdict = status_verdict(response, answer->text);
	answer->retry_delay_ns = retry_delay_ns(response, now_s);
	/* A gateway that speaks for the server does not know either. */
	answer->uncertain = response->status == 502 || response->status == 504;
	/* As the Collector's exporter does: a body of another type is no reason to doubt a success. */
	if (answer->verdict == CALL_DELIVERED && response->is_protobuf) {
		answer->message = response->body;
		answer->length = response->body_length;
	}
}

void http_response_answer(const struct http_response *response, const struct call_state *call, int64_t now_s,
			  struct call_answer *answer)
{
	static const char *const statuses[] = {
		[CALL_RESET] = "reset",	       [CALL_DISCONNECTED] = "disconnected", [CALL_TIMED_OUT] = "timeout",
		[CALL_UNSENDABLE] = "no memory", [CALL_OVER_LIMIT] = "too long",	      [CALL_VIOLATED] = "not HTTP",
	};
	const char *text = call_ending_text(call->ending);

	if (call->ending == CALL_ENDED) {
		answer_ended(response, now_s, answer);
		answer->uncertain = answer->uncertain && call->sent;
		return;
	}
	answer->verdict = call->ending == CALL_OVER_LIMIT ? CALL_REFUSED : CALL_RETRY;
	answer->uncertain = call->sent;
	snprintf(answer->status, sizeof(answer->status), "%s", statuses[call->ending]);
	snprintf(answer->text, sizeof(answer->text), "%s", text != NULL ? text : "what the server sends is not HTTP/1.1");
}
