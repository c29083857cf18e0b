/* Judge what an attempt came to: delivered, to be tried again, to be split, or lost and counted. */
#include <inttypes.h>

#include "counters.h"
#include "export/delivery.h"
#include "export/export_response.h"
#include "export/server_text.h"
#include "export/transport.h"

enum {
	SENTENCE_MAX = STREAM_PROBLEM_MAX,
};

/* xorshift: spreads retries, keeps no secret. */
static uint32_t delivery_random(struct otlp_exporter *self)
{
	self->random ^= self->random << 13;
	self->random ^= self->random >> 17;
	self->random ^= self->random << 5;
	return self->random;
}

/* An attempt failed in a way that may pass. */
static void delivery_retry(struct otlp_exporter *self, uint64_t throttle_ns)
{
	const struct otlp_request *request = self->current;
	const uint64_t now_ns = loop_now_ns();
	uint64_t delay_ns;

	self->calling = false;
	self->failures++;
	if (self->draining && self->spool != NULL) {
		delivery_park(self);
	} else if (self->draining) {
		export_log_say(&self->log, EXPORT_LOG_SHUTDOWN,
			       "%" PRIu32 " %s could not be delivered during the shutdown.", request->items,
			       export_items_name(request->signal));
		delivery_finish(self, EXPORT_SHUTDOWN, request->items);
	} else if (!(self->spool != NULL && spool_taken_is_too_old(self->spool)) &&
		   retry_next(&self->retry, &self->options.retry, now_ns, throttle_ns, delivery_random(self),
			      &delay_ns)) {
		delivery_turn_at(self, now_ns + delay_ns);
	} else {
		export_log_say(&self->log, EXPORT_LOG_EXPIRED,
			       "%" PRIu32 " %s were given up after %" PRIu32 " attempts.", request->items,
			       export_items_name(request->signal), self->attempts);
		delivery_finish(self, EXPORT_EXPIRED, request->items);
	}
}

void delivery_connect_failed(struct otlp_exporter *self, int error, const char *problem)
{
	char sentence[SENTENCE_MAX];
	const enum export_log_reason reason =
		transport_explain(&self->endpoint, error, problem, sentence, sizeof(sentence));

	counter_add(COUNTER_EXPORT_CONNECT_FAILED, 1);
	export_log_say(&self->log, reason, "%s", sentence);
	delivery_retry(self, 0);
}

static void delivery_delivered(struct otlp_exporter *self, const struct call_answer *answer)
{
	struct otlp_request *request = self->current;
	struct export_response response;
	uint64_t rejected;
	char reason[CALL_TEXT_MAX];

	if (!export_response_read(&response, answer->message, answer->length)) {
		export_log_say(&self->log, EXPORT_LOG_REFUSED,
			       "%" PRIu32 " %s are lost: the answer says OK, but is not an OTLP response.",
			       request->items, export_items_name(request->signal));
		delivery_finish(self, EXPORT_REFUSED, request->items);
		return;
	}
	rejected = response.rejected < request->items ? response.rejected : request->items;
	server_text_decode(reason, sizeof(reason), response.reason, response.reason_length, false);
	if (rejected > 0 || reason[0] != '\0')
		export_log_say(&self->log, EXPORT_LOG_PARTIAL,
			       "The endpoint rejected %" PRIu64 " of %" PRIu32 " %s: \"%s\".", rejected, request->items,
			       export_items_name(request->signal), reason);
	if (self->failures > 0)
		export_log_say(&self->log, EXPORT_LOG_RECOVERED, "Delivering again, after %" PRIu64 " failed attempts.",
			       self->failures);
	self->failures = 0;
	export_outcome_count(EXPORT_PARTIAL, request->signal, rejected);
	delivery_finish(self, EXPORT_SENT, request->items - rejected);
}

void delivery_too_large(struct otlp_exporter *self, const char *who)
{
	const struct otlp_request *request = self->current;

	export_log_say(&self->log, EXPORT_LOG_TOO_LARGE,
		       "%" PRIu32 " %s are lost: %zu bytes are too large for %s, and cannot be split.", request->items,
		       export_items_name(request->signal), request->length, who);
	delivery_finish(self, EXPORT_REFUSED, request->items);
}

/* The server takes less than is configured: it is asked in halves, now and from now on. */
static void delivery_refused_for_size(struct otlp_exporter *self, const struct call_answer *answer)
{
	const size_t length = self->current->length;

	export_log_say(&self->log, EXPORT_LOG_SPLIT,
		       "%zu bytes are too large for the endpoint: %s, \"%s\". Requests are sent in halves; raise "
		       "its limit, or lower max_request_bytes.",
		       length, answer->status, answer->text);
	self->failures = 0;
	self->calling = false;
	if (!delivery_split(self)) {
		delivery_too_large(self, "the endpoint");
		return;
	}
	if (self->fits_bytes >= length)
		self->fits_bytes = length - 1;
	delivery_begin(self);
	delivery_turn_at(self, loop_now_ns());
}

void delivery_answered(struct otlp_exporter *self, const struct call_answer *answer)
{
	const struct otlp_request *request = self->current;

	switch (answer->verdict) {
	case CALL_DELIVERED:
		delivery_delivered(self, answer);
		break;
	case CALL_RETRY:
		export_log_say(&self->log, EXPORT_LOG_RETRY, "%" PRIu32 " %s have to be sent again: %s, \"%s\".",
			       request->items, export_items_name(request->signal), answer->status, answer->text);
		delivery_retry(self, answer->retry_delay_ns);
		break;
	case CALL_REFUSED:
		export_log_say(&self->log, EXPORT_LOG_REFUSED, "%" PRIu32 " %s were refused and are lost: %s, \"%s\".",
			       request->items, export_items_name(request->signal), answer->status, answer->text);
		self->failures = 0;
		delivery_finish(self, EXPORT_REFUSED, request->items);
		break;
	case CALL_TOO_LARGE:
		delivery_refused_for_size(self, answer);
		break;
	}
}
