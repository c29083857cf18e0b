/* Choose the message type of a signal and decode. */
#include "otlp/request_unpack.h"

#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

ProtobufCMessage *otlp_request_unpack(const struct otlp_request *request)
{
	const ProtobufCMessageDescriptor *descriptor =
		request->signal == OTLP_TRACES
			? &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor
			: &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor;

	return protobuf_c_message_unpack(descriptor, NULL, request->length, request->bytes);
}
