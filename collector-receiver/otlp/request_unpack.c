/* Choose the message type of a signal and decode. */
#include "otlp/request_unpack.h"

#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

const ProtobufCMessageDescriptor *otlp_request_type(enum otlp_signal signal)
{
	return signal == OTLP_TRACES
		       ? &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor
		       : &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor;
}

ProtobufCMessage *otlp_request_unpack(const struct otlp_request *request)
{
	return protobuf_c_message_unpack(otlp_request_type(request->signal), NULL, request->length, request->bytes);
}
