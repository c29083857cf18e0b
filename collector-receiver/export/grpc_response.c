/* Judge a gRPC answer. */
#include "export/grpc_response.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/grpc_retry_info.h"

void grpc_response_init(struct grpc_response *response)
{
	memset(response, 0, sizeof(*response));
}

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
	response->begun = true;
	if (name_length > GRPC_HEADERS_MAX_BYTES - response->header_bytes ||
	    value_length > GRPC_HEADERS_MAX_BYTES - response->header_bytes - name_length)
		return false;
	response->header_bytes += name_length + value_length;
	if (is(name, name_length, ":status")) {
		response->http_status = http_status_parse(value, value_length);
	} else if (is(name, name_length, "grpc-status")) {
		response->has_status = true;
		response->status = grpc_status_parse(value, value_length);
	} else if (is(name, name_length, "grpc-message")) {
		grpc_text_decode(response->text, sizeof(response->text), value, value_length, true);
	} else if (is(name, name_length, "grpc-status-details-bin")) {
		response->has_retry_info = grpc_retry_info_decode(&response->retry_delay_ns, value, value_length);
	}
	return true;
}

bool grpc_response_data(struct grpc_response *response, const uint8_t *bytes, size_t length)
{
	const size_t limit = GRPC_MESSAGE_PREFIX_BYTES + GRPC_RESPONSE_MAX_BYTES;

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

	if (response->body_length < GRPC_MESSAGE_PREFIX_BYTES || prefix[0] != 0)
		return false;
	return response->body_length - GRPC_MESSAGE_PREFIX_BYTES ==
	       ((uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 | prefix[4]);
}

static void response_ended(struct grpc_response *response)
{
	char text[GRPC_TEXT_MAX];

	if (!response->has_status || (response->status == GRPC_OK && response->http_status != 200)) {
		snprintf(text, sizeof(text), "the answer is not gRPC's; its HTTP status is %u", response->http_status);
		response_judge(response, grpc_status_from_http(response->http_status), text);
	} else if (response->status == GRPC_OK && !response_has_message(response)) {
		response_judge(response, GRPC_INTERNAL, "the answer says OK, but is not one whole message");
	}
}

void grpc_response_end(struct grpc_response *response, enum grpc_ending ending, uint32_t detail)
{
	char text[GRPC_TEXT_MAX];

	switch (ending) {
	case GRPC_ENDED:
		response_ended(response);
		break;
	case GRPC_RESET:
		snprintf(text, sizeof(text), "the stream was reset with %s", nghttp2_http2_strerror(detail));
		response_judge(response, grpc_status_from_reset(detail), text);
		break;
	case GRPC_DISCONNECTED:
		response_judge(response, GRPC_UNAVAILABLE, "the connection was closed before the answer");
		break;
	case GRPC_TIMED_OUT:
		response_judge(response, GRPC_DEADLINE_EXCEEDED, "no answer within the timeout");
		break;
	case GRPC_UNSENDABLE:
		response_judge(response, GRPC_UNAVAILABLE, "the call could not be made for want of memory");
		break;
	case GRPC_OVER_LIMIT:
		response_judge(response, GRPC_INTERNAL, "the answer is larger than this client accepts");
		break;
	case GRPC_VIOLATED:
		response_judge(response, GRPC_UNAVAILABLE, "what the server sends is not HTTP/2");
		break;
	}
}
