/* Hand requests to several exporters. */
#include "export/fan_out.h"

#include <errno.h>

int fan_out_add(struct fan_out *fan_out, struct exporter *exporter, enum export_signals signals)
{
	if (fan_out->count == FAN_OUT_EXPORTERS_MAX)
		return -ENOSPC;
	fan_out->signals[fan_out->count] = signals;
	fan_out->exporters[fan_out->count++] = exporter;
	return 0;
}

static void fan_out_submit(void *context, struct otlp_request *request)
{
	struct fan_out *fan_out = context;

	_Static_assert((int)EXPORT_TRACES == 1 << OTLP_TRACES && (int)EXPORT_METRICS == 1 << OTLP_METRICS,
		       "the same bits");
	for (size_t i = 0; i < fan_out->count; i++) {
		if ((fan_out->signals[i] >> request->signal & 1) != 0)
			fan_out->exporters[i]->type->submit(fan_out->exporters[i], request);
	}
}

struct otlp_request_sink fan_out_sink(struct fan_out *fan_out)
{
	return (struct otlp_request_sink){.submit = fan_out_submit, .context = fan_out};
}

bool fan_out_idle(const struct fan_out *fan_out)
{
	for (size_t i = 0; i < fan_out->count; i++) {
		if (!fan_out->exporters[i]->type->idle(fan_out->exporters[i]))
			return false;
	}
	return true;
}

void fan_out_drain(struct fan_out *fan_out, uint64_t deadline_ns)
{
	for (size_t i = 0; i < fan_out->count; i++)
		fan_out->exporters[i]->type->drain(fan_out->exporters[i], deadline_ns);
}

void fan_out_destroy(struct fan_out *fan_out)
{
	for (size_t i = 0; i < fan_out->count; i++)
		fan_out->exporters[i]->type->destroy(fan_out->exporters[i]);
	fan_out->count = 0;
}
