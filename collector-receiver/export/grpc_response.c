/* Judge a gRPC answer. */
#include "export/grpc_response.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/grpc_retry_info.h"
#include "export/gzip.h"
#include "export/server_text.h"

void grpc_response_free(struct grpc_response *response)
{
	free(response->body);
	response->body = NULL;
	response->body_length = response->body_capacity = 0;
}

static bool is(const uint8_t *name, size_t length, const char *what)
{
	return length == strlen(what) && memcmp(name, what, length) == 0;
}

static unsigned http_status_parse(const uint8_t *value, size_t length)
{
	unsigned status = 0;

	if (length != 3)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9')
			return 0;
		status = status * 10 + (value[i] - '0');
	}
	return status;
}

bool grpc_response_field(struct grpc_response *response, const uint8_t *name, size_t name_length, const uint8_t *value,
			 size_t value_length)
{
	if (name_length > CALL_HEADERS_MAX_BYTES - response->header_bytes ||
	    value_length > CALL_HEADERS_MAX_BYTES - response->header_bytes - name_length)
		return false;
	response->header_bytes += name_length + value_length;
	if (is(name, name_length, ":status")) {
		response->http_status = http_status_parse(value, value_length);
	} else if (is(name, name_length, "grpc-status")) {
		response->has_status = true;
		response->status = grpc_status_parse(value, value_length);
	} else if (is(name, name_length, "grpc-message")) {
		server_text_decode(response->text, sizeof(response->text), value, value_length, true);
	} else if (is(name, name_length, "grpc-encoding")) {
		response->is_gzip = is(value, value_length, "gzip");
	} else if (is(name, name_length, "grpc-status-details-bin")) {
		response->has_retry_info = grpc_retry_info_decode(&response->retry_delay_ns, value, value_length);
	}
	return true;
}

bool grpc_response_data(struct grpc_response *response, const uint8_t *bytes, size_t length)
{
	const size_t limit = GRPC_MESSAGE_PREFIX_BYTES + CALL_RESPONSE_MAX_BYTES;

	if (length > limit - response->body_length)
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

static void response_judge(struct grpc_response *response, enum grpc_status status, const char *text)
{
	response->status = status;
	response->has_retry_info = false;
	snprintf(response->text, sizeof(response->text), "%s", text);
}

static bool response_has_message(const struct grpc_response *response)
{
	const uint8_t *prefix = response->body;

	if (response->body_length < GRPC_MESSAGE_PREFIX_BYTES || prefix[0] > 1)
		return false;
	return response->body_length - GRPC_MESSAGE_PREFIX_BYTES ==
	       ((uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 | prefix[4]);
}

/* A server may answer in the encoding that it was asked in: grpc-go's does. */
static bool response_decompress(struct grpc_response *response)
{
	uint8_t *body;
	size_t length;

	if (response->body[0] == 0)
		return true;
	if (!response->is_gzip ||
	    gzip_decompress(&body, &length, GRPC_MESSAGE_PREFIX_BYTES, CALL_RESPONSE_MAX_BYTES,
			    response->body + GRPC_MESSAGE_PREFIX_BYTES,
			    response->body_length - GRPC_MESSAGE_PREFIX_BYTES) < 0)
		return false;
	free(response->body);
	response->body = body;
	response->body_length = response->body_capacity = GRPC_MESSAGE_PREFIX_BYTES + length;
	return true;
}

static void response_ended(struct grpc_response *response)
{
	char text[CALL_TEXT_MAX];

	if (!response->has_status || (response->status == GRPC_OK && response->http_status != 200)) {
		snprintf(text, sizeof(text), "the answer is not gRPC's; its HTTP status is %u", response->http_status);
		response_judge(response, grpc_status_from_http(response->http_status), text);
	} else if (response->status == GRPC_OK &&
		   !(response_has_message(response) && response_decompress(response))) {
		response_judge(response, GRPC_INTERNAL, "the answer says OK, but is not one whole message");
	}
}

void grpc_response_end(struct grpc_response *response, enum call_ending ending, uint32_t detail)
{
	static const enum grpc_status statuses[] = {
		[CALL_DISCONNECTED] = GRPC_UNAVAILABLE, [CALL_TIMED_OUT] = GRPC_DEADLINE_EXCEEDED,
		[CALL_UNSENDABLE] = GRPC_UNAVAILABLE,	[CALL_OVER_LIMIT] = GRPC_INTERNAL,
		[CALL_VIOLATED] = GRPC_UNAVAILABLE,
	};
	const char *said = call_ending_text(ending);
	char text[CALL_TEXT_MAX];

	if (ending == CALL_ENDED) {
		response_ended(response);
	} else if (ending == CALL_RESET) {
		snprintf(text, sizeof(text), "the stream was reset with %s", nghttp2_http2_strerror(detail));
		response_judge(response, grpc_status_from_reset(detail), text);
	} else {
		response_judge(response, statuses[ending], said != NULL ? said : "what the server sends is not HTTP/2");
	}
}

static enum call_verdict response_verdict(const struct grpc_response *response)
{
	if (response->status == GRPC_OK)
		return CALL_DELIVERED;
	/* OUT_OF_RANGE is what tonic's servers say. */
	if (!response->has_retry_info &&
	    (response->status == GRPC_RESOURCE_EXHAUSTED || response->status == GRPC_OUT_OF_RANGE) &&
	    server_text_says_too_large(response->text))
		return CALL_TOO_LARGE;
	return grpc_status_retryable(response->status, response->has_retry_info) ? CALL_RETRY : CALL_REFUSED;
}

/* The server had the whole request, and what it did with it is not known: it did not say, or it says that its time was
 * over. REFUSED_STREAM says that nothing was done. */
static bool response_uncertain(const struct grpc_response *response, const struct call_state *call)
{
	if (!call->sent || response->status == GRPC_OK)
		return false;
	if (call->ending == CALL_RESET)
		return call->detail != NGHTTP2_REFUSED_STREAM;
	return call->ending != CALL_ENDED || response->status == GRPC_CANCELLED ||
	       response->status == GRPC_DEADLINE_EXCEEDED;
}

void grpc_response_answer(const struct grpc_response *response, const struct call_state *call,
			  struct call_answer *answer)
{
	answer->verdict = response_verdict(response);
	answer->uncertain = response_uncertain(response, call);
	snprintf(answer->status, sizeof(answer->status), "%s", grpc_status_name(response->status));
	snprintf(answer->text, sizeof(answer->text), "%s", response->text);
	if (response->has_retry_info)
		answer->retry_delay_ns = response->retry_delay_ns;
	if (answer->verdict == CALL_DELIVERED) {
		answer->message = response->body + GRPC_MESSAGE_PREFIX_BYTES;
		answer->length = response->body_length - GRPC_MESSAGE_PREFIX_BYTES;
	}
}
