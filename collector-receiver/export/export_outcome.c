/* From an outcome and a signal to the counter. */
#include "export/export_outcome.h"

#include "counters.h"

void export_outcome_count(enum export_outcome outcome, enum otlp_signal signal, uint64_t items)
{
	static const enum receiver_counter by_outcome[EXPORT_OUTCOMES][OTLP_SIGNAL_COUNT] = {
		[EXPORT_SENT] = {COUNTER_EXPORT_SENT_SPANS, COUNTER_EXPORT_SENT_POINTS},
		[EXPORT_REFUSED] = {COUNTER_EXPORT_REFUSED_SPANS, COUNTER_EXPORT_REFUSED_POINTS},
		[EXPORT_PARTIAL] = {COUNTER_EXPORT_PARTIAL_SPANS, COUNTER_EXPORT_PARTIAL_POINTS},
		[EXPORT_EXPIRED] = {COUNTER_EXPORT_EXPIRED_SPANS, COUNTER_EXPORT_EXPIRED_POINTS},
		[EXPORT_QUEUE_FULL] = {COUNTER_EXPORT_QUEUE_FULL_SPANS, COUNTER_EXPORT_QUEUE_FULL_POINTS},
		[EXPORT_WRITE_FAILED] = {COUNTER_EXPORT_WRITE_FAILED_SPANS, COUNTER_EXPORT_WRITE_FAILED_POINTS},
		[EXPORT_SHUTDOWN] = {COUNTER_EXPORT_SHUTDOWN_SPANS, COUNTER_EXPORT_SHUTDOWN_POINTS},
	};

	counter_add(by_outcome[outcome][signal], items);
}

const char *export_items_name(enum otlp_signal signal)
{
	return signal == OTLP_TRACES ? "spans" : "data points";
}
