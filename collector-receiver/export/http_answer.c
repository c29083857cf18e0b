/* What an HTTP answer means to OTLP. */
#include <stdio.h>

#include "export/http_response.h"
#include "otlp/protobuf_reader.h"
#include "export/server_text.h"

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
		[CALL_RESET] = "reset",		 [CALL_DISCONNECTED] = "disconnected", [CALL_TIMED_OUT] = "timeout",
		[CALL_UNSENDABLE] = "no memory", [CALL_OVER_LIMIT] = "too long",       [CALL_VIOLATED] = "not HTTP",
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
	snprintf(answer->text, sizeof(answer->text), "%s",
		 text != NULL ? text : "what the server sends is not HTTP/1.1");
}
